//! What three replicas on one Postgres do beside one: nothing but the database and the keys is
//! shared.

use crate::load;
use crate::operations::{Bench, TRIALS};
use crate::report::{Comparison, Row, median};
use crate::server::{Home, Server};
use crate::site::{APP_RS256, Site};

impl Bench {
    /// Refreshes spread over three replicas, beside the same at one of them.
    pub(crate) async fn replicas(&mut self, server: &str) {
        const NAME: &str = "refresh RS256, Postgres, three replicas";
        if !self.wants(NAME) {
            return;
        }
        let home = Home::on_postgres(&self.folder.path().join("replicas"), server).await;
        let site = Site::set_up(home).await;
        let others = [site.home.replica().start().await.0, site.home.replica().start().await.0];
        let outcome = self.beside_one(&site, &others).await;
        let by_disk = Some(self.rotations_by_disk(32));
        self.report.add(Row {
            operation: NAME.to_owned(),
            connections: Some(32),
            outcome,
            by_disk,
            target: None,
        });
    }

    async fn beside_one(
        &mut self,
        site: &Site,
        others: &[Server],
    ) -> Result<(load::Measured, Comparison), String> {
        let one = site.server.target;
        let all: Vec<_> =
            [one].into_iter().chain(others.iter().map(|other| other.target)).collect();
        let mut families = site.families(APP_RS256, "profile", 32).await;
        let mut trials = Vec::new();
        for _ in 0..TRIALS {
            let (limit, measured);
            (families, limit) = load::closed_loop(one, families, self.window).await;
            (families, measured) = load::spread(&all, families, self.window).await;
            let (limit, measured) = (limit?.rate, measured?);
            let ratio = measured.rate / limit;
            trials.push((measured, limit, ratio));
        }
        trials.sort_by(|(_, _, one), (_, _, other)| one.total_cmp(other));
        let (measured, value, ratio) = median(&trials);
        let limit = "the same at one of them, the others idle".to_owned();
        Ok((measured, Comparison { limit, value, unit: "", ratio }))
    }
}
