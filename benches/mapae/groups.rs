//! What the claim `groups` costs: a refresh whose tokens name the groups of the person, beside one whose
//! tokens do not.

use crate::load::{self, Ask};
use crate::operations::{Bench, TRIALS};
use crate::report::{Row, Target, beside};
use crate::site::{APP_GROUPS, APP_RS256, Site};

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
        let mut without = asks(APP_RS256, "profile").await;
        let mut with = asks(APP_GROUPS, "profile+groups").await;
        let mut trials = Vec::new();
        for _ in 0..TRIALS {
            let (limit, measured);
            (without, limit) = load::closed_loop(site.server.target, without, self.window).await;
            (with, measured) = load::closed_loop(site.server.target, with, self.window).await;
            trials.push([measured, limit]);
        }
        let by_disk = Some(self.rotations_by_disk(CONNECTIONS));
        self.report.add(Row {
            operation: name,
            connections: Some(CONNECTIONS),
            outcome: beside(trials, "the same without groups"),
            by_disk,
            target: Some(Target::AtLeast(0.97)),
        });
    }
}
