//! What the claim `groups` costs: a refresh whose tokens name the groups of the person, beside one whose
//! tokens do not.

use crate::load::Ask;
use crate::operations::Bench;
use crate::report::{Row, Target};
use crate::site::{APP_GROUPS, APP_RS256, Site};
use crate::turns::Side;

const CONNECTIONS: usize = 32;
/// In how many groups each person is.
const GROUPS: usize = 5;

impl Bench {
    /// A refresh with groups beside one without.
    pub(crate) async fn groups(&mut self, site: &Site, database: &str) {
        let name = format!("refresh, groups{database}");
        if !self.wants(&name) {
            return;
        }
        site.put_in_groups(CONNECTIONS, GROUPS);
        let asks = async |client: &str, scope: &str| -> Vec<Box<dyn Ask>> {
            let families = site.refreshes(client, scope, CONNECTIONS).await;
            families.into_iter().map(|refresh| Box::new(refresh) as Box<dyn Ask>).collect()
        };
        let without = asks(APP_RS256, "profile").await;
        let with = asks(APP_GROUPS, "profile+groups").await;
        let [without, with] = [without, with].map(|asks| Side::new(site.server.target, asks));
        let outcome = self.rate_beside(&name, "the same without groups", without, with).await;
        let by_disk = Some(self.rotations_by_disk(CONNECTIONS));
        self.report.add(Row {
            operation: name,
            connections: Some(CONNECTIONS),
            outcome,
            by_disk,
            target: Some(Target::AtLeast(0.97)),
        });
    }
}
