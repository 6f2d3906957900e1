//! A fresh database for each test. It is dropped when the test has ended.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use sea_orm::{ConnectionTrait, Database as Sea, DbErr};
use tempfile::TempDir;

/// Which database a test runs on.
#[derive(Clone, Debug)]
pub(crate) enum Database {
    Sqlite,
    Postgres {
        /// The URL of a server on which databases can be made.
        url: String,
        /// The databases that the test made there.
        made: Arc<Made>,
    },
}

/// The databases that a test made. They are dropped with the last copy of the [`Database`], also
/// when the test panicked. The [`Database`] is the first value of a test, so its servers are
/// dropped before it.
#[derive(Debug)]
pub(crate) struct Made {
    server: String,
    names: Mutex<Vec<String>>,
    /// Whether nobody else uses the server, so that its databases go with it.
    go_with_server: bool,
}

impl Drop for Made {
    fn drop(&mut self) {
        let names = std::mem::take(self.names.get_mut().unwrap_or_else(PoisonError::into_inner));
        if names.is_empty() || self.go_with_server {
            return;
        }
        let server = self.server.clone();
        // This needs a thread, since a runtime cannot block inside another one.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async {
                let admin = Sea::connect(format!("{server}/postgres")).await?;
                for name in names {
                    // Open connections do not stop the drop.
                    let drop = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
                    admin.execute_unprepared(&drop).await?;
                }
                admin.close().await
            })
        });
        // The test may be panicking already, so this must not panic.
        if let Err(error) = dropping.join().unwrap_or_else(|_| Err(DbErr::Custom("?".to_owned()))) {
            eprintln!("a database of a test is left: {error}");
        }
    }
}

/// Postgres, if `MAPAE_TEST_POSTGRES` names a server (`postgres://user:password@host:port`).
pub(crate) fn postgres_or_skip() -> Option<Database> {
    if let Some((_, url)) = std::env::vars().find(|(name, _)| name == "MAPAE_TEST_POSTGRES") {
        Some(Database::at(&url))
    } else {
        required_or_skip("MAPAE_TEST_POSTGRES names no server");
        None
    }
}

/// Says that a test is skipped; with `MAPAE_TEST_REQUIRE_ALL` this is a failure.
pub(crate) fn required_or_skip(why: &str) {
    let required = std::env::vars().any(|(name, _)| name == "MAPAE_TEST_REQUIRE_ALL");
    assert!(!required, "skipped: {why}");
    eprintln!("skipped: {why}");
}

/// Runs a test. Everything that it started has ended when this returns or panics.
pub(crate) fn run(proof: impl Future<Output = ()>) {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    // One type for all tests: the compiler makes the functions of the runtime anew for each type.
    let proof: Pin<Box<dyn Future<Output = ()>>> = Box::pin(proof);
    runtime.worker_threads(2).enable_all().build().expect("a runtime").block_on(proof);
}

impl Database {
    /// Databases of the Postgres server at this URL.
    pub(crate) fn at(url: &str) -> Self {
        Self::of_server(url, false)
    }

    /// Databases of a server of which only this test knows.
    pub(crate) fn that_go_with_their_server(url: &str) -> Self {
        Self::of_server(url, true)
    }

    fn of_server(url: &str, go_with_server: bool) -> Self {
        let url = url.trim_end_matches('/').to_owned();
        let made = Made { server: url.clone(), names: Mutex::default(), go_with_server };
        Self::Postgres { url, made: Arc::new(made) }
    }

    /// Makes a fresh database on which every migration has run, and returns its URL. It is a copy:
    /// that takes a fraction of the time.
    pub(crate) async fn migrated(&self, folder: &TempDir) -> String {
        match self {
            Self::Sqlite => {
                let path = folder.path().join("mapae.db");
                std::fs::copy(template::file().await, &path).expect("copied");
                format!("sqlite://{}", path.display())
            }
            Self::Postgres { url, .. } => self.make(template::on(url).await).await,
        }
    }

    /// Whether it is on a server of which only this test knows. Nothing is prepared there.
    pub(crate) fn is_on_own_server(&self) -> bool {
        matches!(self, Self::Postgres { made, .. } if made.go_with_server)
    }

    /// Makes a fresh database without tables, in this folder or on the server, and returns its URL.
    pub(crate) async fn fresh(&self, folder: &TempDir) -> String {
        match self {
            Self::Sqlite => format!("sqlite://{}", folder.path().join("mapae.db").display()),
            Self::Postgres { .. } => self.make("").await,
        }
    }

    async fn make(&self, how: &str) -> String {
        let Self::Postgres { url, made } = self else { panic!("a file is made by whom uses it") };
        let name = format!("mapae_{}", uuid::Uuid::new_v4().simple());
        let admin = Sea::connect(format!("{url}/postgres")).await.expect("Postgres");
        made.names.lock().unwrap_or_else(PoisonError::into_inner).push(name.clone());
        admin.execute_unprepared(&format!("CREATE DATABASE {name}{how}")).await.expect("made");
        admin.close().await.expect("closed");
        format!("{url}/{name}")
    }
}

/// Databases that have every table and no row, of which tests get copies. They stay until tests of
/// another build run.
mod template {
    use std::fs;
    use std::hash::{DefaultHasher, Hash, Hasher};
    use std::path::{Path, PathBuf};

    use sea_orm::{ConnectionTrait, Database as Sea, DbBackend, Statement};
    use tokio::process::Command;
    use tokio::sync::OnceCell;

    const FOLDER: &str = env!("CARGO_TARGET_TMPDIR");

    /// Postgres 15 and newer writes each page of a copy to its log, unless it is told to copy files. That
    /// takes two checkpoints, which are quick where nothing waits for a disk.
    const BY_FILES: &str = "SELECT current_setting('server_version_num')::int >= 150000 \
                            AND current_setting('fsync') = 'off' AS by_files";

    /// The file for SQLite.
    pub(super) async fn file() -> &'static Path {
        static FILE: OnceCell<PathBuf> = OnceCell::const_new();
        FILE.get_or_init(async || {
            let file = Path::new(FOLDER).join(format!("template-{}.db", build()));
            if !file.exists() {
                for entry in fs::read_dir(FOLDER).expect("a folder").filter_map(Result::ok) {
                    if entry.file_name().to_string_lossy().starts_with("template-") {
                        let _ = fs::remove_file(entry.path());
                    }
                }
                // Tests of another process may make the same: whoever is last replaces it.
                let new = Path::new(FOLDER).join(uuid::Uuid::new_v4().simple().to_string());
                migrate(&format!("sqlite://{}", new.display())).await;
                fs::rename(&new, &file).expect("renamed");
            }
            file
        })
        .await
    }

    /// How a database of this Postgres server is made as a copy.
    pub(super) async fn on(server: &str) -> &'static str {
        static HOW: OnceCell<String> = OnceCell::const_new();
        HOW.get_or_init(async || {
            let ours = format!("mapae_template_{:x}_", hash(FOLDER));
            let name = format!("{ours}{}", build());
            let admin = Sea::connect(format!("{server}/postgres")).await.expect("Postgres");
            let sql = format!("SELECT datname FROM pg_database WHERE datname LIKE '{ours}%'");
            let known = Statement::from_string(DbBackend::Postgres, sql);
            let known = admin.query_all_raw(known).await.expect("databases");
            let known: Vec<String> =
                known.iter().map(|row| row.try_get("", "datname").expect("a name")).collect();
            if !known.contains(&name) {
                for old in known {
                    let drop = format!("DROP DATABASE IF EXISTS {old} WITH (FORCE)");
                    admin.execute_unprepared(&drop).await.expect("dropped");
                }
                let new = format!("mapae_{}", uuid::Uuid::new_v4().simple());
                admin.execute_unprepared(&format!("CREATE DATABASE {new}")).await.expect("made");
                migrate(&format!("{server}/{new}")).await;
                let rename = format!("ALTER DATABASE {new} RENAME TO {name}");
                // Tests of another process may have made the same.
                if admin.execute_unprepared(&rename).await.is_err() {
                    let drop = format!("DROP DATABASE {new} WITH (FORCE)");
                    admin.execute_unprepared(&drop).await.expect("dropped");
                }
            }
            let by_files = Statement::from_string(DbBackend::Postgres, BY_FILES);
            let by_files = admin.query_one_raw(by_files).await.expect("settings").expect("a row");
            let by_files: bool = by_files.try_get("", "by_files").expect("yes or no");
            admin.close().await.expect("closed");
            format!(" TEMPLATE {name}{}", if by_files { " STRATEGY FILE_COPY" } else { "" })
        })
        .await
    }

    async fn migrate(url: &str) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mapae"));
        command.args(["migrate", "up"]).env_clear().env("MAPAE_ISSUER", "http://localhost");
        let output = command.env("MAPAE_DATABASE_URL", url).output().await.expect("the binary");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// What is the same for all tests of one build.
    fn build() -> String {
        let binary = fs::metadata(env!("CARGO_BIN_EXE_mapae")).expect("the binary");
        format!("{:x}", hash(binary.modified().expect("a time")))
    }

    fn hash(value: impl Hash) -> u64 {
        let mut hasher = DefaultHasher::new();
        value.hash(&mut hasher);
        hasher.finish()
    }
}

/// Neither a test that ends nor one that panics while it is connected leaves its database behind.
#[test]
fn the_databases_of_a_proof_are_dropped_when_it_ends_and_when_it_panics() {
    let Some(database) = postgres_or_skip() else { return };
    let Database::Postgres { url, .. } = database else { return };
    for panics in [false, true] {
        let name = Mutex::new(String::new());
        let proof = std::panic::AssertUnwindSafe(|| {
            let database = postgres_or_skip().expect("Postgres");
            run(async {
                let folder = tempfile::tempdir().expect("a folder");
                let made = database.fresh(&folder).await;
                let connection = Sea::connect(&made).await.expect("connected");
                connection.ping().await.expect("an answer");
                let made = made.rsplit_once('/').expect("a name").1.to_owned();
                *name.lock().unwrap_or_else(PoisonError::into_inner) = made;
                assert!(!panics, "on purpose: the test panics while it is connected");
            });
        });
        assert_eq!(std::panic::catch_unwind(proof).is_err(), panics);
        let name = name.into_inner().unwrap_or_else(PoisonError::into_inner);
        assert!(!name.is_empty());
        run(async {
            let gone = Sea::connect(format!("{url}/{name}")).await;
            let error = gone.expect_err("it was dropped").to_string();
            assert!(error.contains("does not exist"), "{error}");
        });
    }
}
