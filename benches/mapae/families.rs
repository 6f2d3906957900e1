//! What a refresh costs where there are many families.

use crate::crowd::Crowd;
use crate::operations::Bench;
use crate::report::{Row, Target};
use crate::server::Home;
use crate::site::{APP_RS256, Site};
use crate::turns::Side;

const FEW: u32 = 1024;
const MANY: u32 = 10_000_000;

impl Bench {
    /// What very many families cost beside a thousand, each in a database of their own.
    pub(crate) async fn growth(&mut self, site: &Site, database: &str) {
        let count =
            std::env::var("MAPAE_BENCH_FAMILIES").map_or(MANY, |text| text.parse().unwrap());
        let name = format!("refresh RS256, {} families{database}", in_words(count));
        if !self.wants(&name) {
            return;
        }
        let folder = self.folder.path().join(format!("families{}", database.len()));
        let home = match self.postgres.clone().filter(|_| !database.is_empty()) {
            Some(server) => Home::on_postgres(&folder, &server).await,
            None => Home::new(&folder),
        };
        let grown = Site::set_up(home.clone()).await;
        let few = Crowd::write(&site.home, APP_RS256, FEW).await.on(site, 32);
        let many = Crowd::write(&grown.home, APP_RS256, count).await.on(&grown, 32);
        let few = Side::new(site.server.target, few);
        let many = Side::new(grown.server.target, many);
        let outcome = self.rate_beside(&name, "the same with a thousand", few, many).await;
        let by_disk = Some(self.rotations_by_disk(32));
        self.report.add(Row {
            operation: name,
            connections: Some(32),
            outcome,
            by_disk,
            target: Some(Target::AtLeast(0.9)),
        });
        drop(grown);
        // Gigabytes, which nothing after this needs.
        home.discard().await;
    }
}

pub(crate) fn in_words(count: u32) -> String {
    match (count / 1_000_000, count % 1_000_000) {
        (millions, 0) => format!("{millions} million"),
        _ => count.to_string(),
    }
}
