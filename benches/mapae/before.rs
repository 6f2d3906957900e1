//! What a request costs beside what it cost in an earlier version. The two servers take turns.

use crate::load::Measured;
use crate::operations::{Bench, Load, OPERATIONS, Operation};
use crate::report::{Comparison, Row, Target};
use crate::server::Home;
use crate::site::Site;
use crate::turns::{Side, alternate, ratios};

const CONNECTIONS: usize = 32;
/// What the earlier version had already.
const COMPARED: [&str; 5] = [
    "refresh RS256",
    "client_credentials RS256",
    "client_credentials ES256",
    "password",
    "introspect",
];

impl Bench {
    /// Operations beside the same at a server of an earlier version, where its binary is named.
    pub(crate) async fn before(&mut self) {
        let Some(binary) = std::env::var_os("MAPAE_BENCH_BEFORE") else { return };
        let name = |operation: &Operation| format!("{}, before", operation.name);
        let wanted: Vec<_> = OPERATIONS
            .iter()
            .filter(|operation| COMPARED.contains(&operation.name))
            .filter(|operation| self.wants(&name(operation)))
            .collect();
        if wanted.is_empty() {
            return;
        }
        // The server runs in a folder of its own, where a relative path leads nowhere.
        let binary = std::fs::canonicalize(&binary)
            .unwrap_or_else(|error| panic!("MAPAE_BENCH_BEFORE: {}: {error}", binary.display()));
        let home = |folder: &str| Home::new(&self.folder.path().join(folder));
        let before = Site::set_up_by_commands(home("before").run_by(binary)).await;
        let now = Site::set_up_by_commands(home("now")).await;
        for operation in wanted {
            let name = name(operation);
            let outcome = self.in_turns(&name, operation.load, &before, &now).await;
            let by_disk = self.by_disk(operation, CONNECTIONS);
            self.report.add(Row {
                operation: name,
                connections: Some(CONNECTIONS),
                outcome,
                by_disk,
                target: Some(Target::AtLeast(0.98)),
            });
        }
    }

    async fn in_turns(
        &mut self,
        name: &str,
        load: Load,
        before: &Site,
        now: &Site,
    ) -> Result<(Measured, Comparison), String> {
        let (mut before, mut now) = (side(before, load).await, side(now, load).await);
        alternate(&mut before, &mut now, self.window.length / 4).await?;
        let [processor, rates] = ratios(&before, &now);
        self.report.spread(format!("{name}: CPU for a request, before / now"), processor);
        self.report.spread(format!("{name}: requests a second, now / before"), rates);
        let limit = format!("CPU before (requests a second, now / before: {:.3})", rates[1]);
        let (value, ratio) = (before.measured()?.cpu, processor[1]);
        Ok((now.measured()?, Comparison { limit, value, unit: " µs", ratio }))
    }
}

async fn side(site: &Site, load: Load) -> Side {
    Side::new(site.server.target, load.asks(site, CONNECTIONS).await)
}
