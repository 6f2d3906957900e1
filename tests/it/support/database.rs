//! A fresh database for each proof.

use sea_orm::{ConnectionTrait, Database as Sea};
use tempfile::TempDir;

/// Which database a proof runs on.
#[derive(Clone, Debug)]
pub(crate) enum Database {
    Sqlite,
    /// With the URL of a server on which databases can be made.
    Postgres(String),
}

/// Postgres, if `MAPAE_TEST_POSTGRES` names a server (`postgres://user:password@host:port`).
pub(crate) fn postgres_or_skip() -> Option<Database> {
    if let Some((_, url)) = std::env::vars().find(|(name, _)| name == "MAPAE_TEST_POSTGRES") {
        Some(Database::Postgres(url.trim_end_matches('/').to_owned()))
    } else {
        required_or_skip("MAPAE_TEST_POSTGRES names no server");
        None
    }
}

/// Says that a proof is skipped; where everything is required that is a failure.
pub(crate) fn required_or_skip(why: &str) {
    let required = std::env::vars().any(|(name, _)| name == "MAPAE_TEST_REQUIRE_ALL");
    assert!(!required, "skipped: {why}");
    eprintln!("skipped: {why}");
}

impl Database {
    /// A fresh database, in this folder or on the server; its URL.
    pub(crate) async fn fresh(&self, folder: &TempDir) -> String {
        match self {
            Self::Sqlite => format!("sqlite://{}", folder.path().join("mapae.db").display()),
            Self::Postgres(server) => {
                let name = format!("mapae_{}", uuid::Uuid::new_v4().simple());
                let admin = Sea::connect(format!("{server}/postgres")).await.expect("Postgres");
                admin.execute_unprepared(&format!("CREATE DATABASE {name}")).await.expect("made");
                admin.close().await.expect("closed");
                format!("{server}/{name}")
            }
        }
    }
}
