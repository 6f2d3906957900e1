//! The operations on Postgres, each beside what this Postgres could do.

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use sea_orm::{ConnectionTrait, Database};

use crate::bare::Bare;
use crate::crowd::Crowd;
use crate::limits;
use crate::load::{self, Measured, Window};
use crate::operations::{Bench, Load, OPERATIONS, Operation, TRIALS, exchanges};
use crate::pgbench;
use crate::recorder::Recorder;
use crate::report::{Comparison, Row, Target, median};
use crate::server::Home;
use crate::site::{APP_ES256, APP_RS256, DESK, Site, USERS};
use crate::statements::{Leaves, Statements};

const CONNECTIONS: usize = 32;

impl Bench {
    /// All rows on Postgres, where there is one.
    pub(crate) async fn on_postgres(&mut self) {
        const DATABASE: &str = ", Postgres";
        let Some(server) = self.postgres.clone() else { return };
        let home = Home::on_postgres(&self.folder.path().join("postgres"), &server).await;
        let site = Site::set_up(home).await;
        for operation in &OPERATIONS {
            if self.wants(&format!("{}{DATABASE}", operation.name)) {
                self.operation(&site, operation, CONNECTIONS, DATABASE).await;
            }
        }
        self.beside_pgbench(&site, &server).await;
        self.proofs(&site, DATABASE).await;
        self.growth(&site, DATABASE).await;
        self.people(DATABASE).await;
        self.replicas(&server).await;
        self.month(DATABASE).await;
        self.day(&site, DATABASE).await;
    }

    /// The operations that send statements, beside pgbench with the same statements.
    async fn beside_pgbench(&mut self, site: &Site, server: &str) {
        let name = |operation: &Operation| format!("{}, Postgres, by parts", operation.name);
        let sends = |operation: &&Operation| {
            matches!(operation.load, Load::Refresh { .. } | Load::Password | Load::Introspect)
        };
        let wanted: Vec<_> = OPERATIONS
            .iter()
            .filter(sends)
            .filter(|operation| self.wants(&name(operation)))
            .collect();
        if wanted.is_empty() {
            return;
        }
        let Some(program) = pgbench::find() else {
            println!("the rows “by parts” are left out: there is no pgbench on this machine");
            return;
        };
        let mut twin = Twin::set_up(self.folder.path(), server, program).await;
        for operation in wanted {
            let outcome = self.parts(site, operation, &mut twin).await;
            let by_disk = self.by_disk(operation, CONNECTIONS);
            self.report.add(Row {
                operation: name(operation),
                connections: Some(CONNECTIONS),
                outcome,
                by_disk,
                target: Some(Target::AtLeast(operation.on_postgres)),
            });
        }
    }

    async fn parts(
        &mut self,
        site: &Site,
        operation: &Operation,
        twin: &mut Twin,
    ) -> Result<(Measured, Comparison), String> {
        let (folder, length) = (self.folder.path().to_owned(), self.window.length);
        let statements = twin.statements(operation, length).await?;
        let mut asks = operation.load.asks(site, CONNECTIONS).await;
        let mut request = Vec::new();
        asks[0].write(&mut request);
        let (bare, request) = Bare::of(site, &folder, request).await;
        let mut trials = Vec::new();
        for _ in 0..TRIALS {
            let exchanges = exchanges(&bare, &request, CONNECTIONS, self.window).await?;
            let requests = twin.requests_per_second(&folder, &statements, length).await?;
            let name = format!("pgbench, statements of {}, requests/s", operation.name);
            self.report.limit(&name, requests);
            let time = 1.0 / exchanges + 1.0 / requests + alone(operation, length);
            let value = 1.0 / time;
            let measured;
            (asks, measured) = load::closed_loop(site.server.target, asks, self.window).await;
            let measured = measured?;
            let ratio = measured.rate / value;
            trials.push((measured, value, ratio));
        }
        trials.sort_by(|(_, _, one), (_, _, other)| one.total_cmp(other));
        let (measured, value, ratio) = median(&trials);
        Ok((
            measured,
            Comparison { limit: "its parts together".to_owned(), value, unit: "", ratio },
        ))
    }
}

/// The seconds of both cores that the signatures and the hash of one request take.
fn alone(operation: &Operation, length: Duration) -> f64 {
    match operation.load {
        Load::Refresh { client: APP_ES256, .. } => operation.share / limits::p_256(2, length / 4),
        Load::Refresh { .. } => operation.share / limits::rsa_2048(2, length / 2),
        Load::Password => {
            1.0 / limits::rsa_2048(2, length / 2) + 1.0 / limits::argon2id_hashes(2, length)
        }
        _ => 0.0,
    }
}

/// A second installation, whose statements are recorded and given to pgbench.
struct Twin {
    /// Where its database is, without the recorder in front.
    home: Home,
    site: Site,
    recorder: Recorder,
    crowd: Crowd,
    program: PathBuf,
    /// What a refresh sends, which is the same for each algorithm.
    refresh: Option<Rc<Statements>>,
    runs: usize,
}

impl Twin {
    async fn set_up(folder: &Path, server: &str, program: PathBuf) -> Self {
        /// So many that two batches rarely want the same family.
        const FAMILIES: u32 = 64 * 1024;
        let home = Home::on_postgres(&folder.join("twin"), server).await;
        let recorder = Recorder::start(server);
        let site = Site::set_up(home.through(recorder.address)).await;
        let crowd = Crowd::write(&home, APP_RS256, FAMILIES).await;
        // The first sign-in from a place sends more than the later ones.
        for user in 0..USERS {
            site.json(&site.sign_in(DESK, user, "profile")).await;
        }
        Self { home, site, recorder, crowd, program, refresh: None, runs: 0 }
    }

    /// What the server sends for this operation.
    async fn statements(
        &mut self,
        operation: &Operation,
        length: Duration,
    ) -> Result<Rc<Statements>, String> {
        let is_refresh = matches!(operation.load, Load::Refresh { .. });
        if let Some(known) = self.refresh.as_ref().filter(|_| is_refresh) {
            return Ok(Rc::clone(known));
        }
        let asks = if is_refresh {
            self.crowd.on(&self.site, CONNECTIONS as u32)
        } else {
            operation.load.asks(&self.site, CONNECTIONS).await
        };
        // Long enough for many batches, or the scripts would want the same rows.
        let length = length.max(Duration::from_secs(2));
        let window = Window { warmup: Duration::ZERO, length };
        self.recorder.take();
        let (_, measured) = load::closed_loop(self.site.server.target, asks, window).await;
        let executed = self.recorder.take();
        let requests = measured?.rate * length.as_secs_f64();
        let statements = Rc::new(Statements::of(executed, requests, &self.leaves().await));
        if is_refresh {
            self.refresh = Some(Rc::clone(&statements));
        }
        Ok(statements)
    }

    async fn leaves(&self) -> Leaves {
        let database = Database::connect(self.home.database_url()).await.unwrap();
        let rows = "SELECT id, generation, attempt FROM family";
        let statement = sea_orm::Statement::from_string(database.get_database_backend(), rows);
        let rows = database.query_all_raw(statement).await.unwrap();
        database.close().await.unwrap();
        rows.iter()
            .map(|row| {
                let number = |name: &str| row.try_get::<i64>("", name).unwrap();
                (row.try_get("", "id").unwrap(), (number("generation"), number("attempt")))
            })
            .collect()
    }

    async fn requests_per_second(
        &mut self,
        folder: &Path,
        statements: &Statements,
        length: Duration,
    ) -> Result<f64, String> {
        self.runs += 1;
        let rate = pgbench::requests_per_second(
            &self.program,
            &self.home.database_url(),
            folder,
            statements,
            self.runs,
            length,
        );
        self.forget_new_rows().await;
        rate
    }

    /// Deletes what pgbench inserted: a person with very many families costs more than others.
    async fn forget_new_rows(&self) {
        let database = Database::connect(self.home.database_url()).await.unwrap();
        for table in ["family", "audit_event"] {
            let delete = format!("DELETE FROM {table} WHERE id NOT LIKE '%-%'");
            database.execute_unprepared(&delete).await.unwrap();
            database.execute_unprepared(&format!("VACUUM {table}")).await.unwrap();
        }
        database.close().await.unwrap();
    }
}
