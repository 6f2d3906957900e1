//! What tests need: databases, servers, apps.

mod authenticator;
mod binary;
mod browser;
pub(crate) mod certificates;
mod client_app;
mod client_arguments;
mod database;
mod evidence;
pub(crate) mod factors;
mod holder;
mod mail_server;
mod mailbox;
#[expect(dead_code, reason = "the faults use the rest")]
mod own_postgres;
mod programs;
mod publisher;
mod redis_server;
mod relay;
mod rsa_keys;
mod server;
#[expect(dead_code, unused_imports, reason = "the tests of each provider use their own part")]
pub(crate) mod upstream;

pub(crate) use authenticator::Authenticator;
pub(crate) use binary::{Binary, Cli, Said, free_port, terminate};
pub(crate) use browser::{AuthorizationResponse, Browser, Page, attribute, chromium};
pub(crate) use client_app::{
    App, CALLBACK, CHALLENGE, Reply, STATE, VERIFIER, decode_claims, decode_header, form,
};
pub(crate) use client_arguments::ClientArguments;
pub(crate) use database::{Database, postgres_or_skip, required_or_skip, run};
pub(crate) use evidence::{Evidence, Recorded};
pub(crate) use holder::{Holder, Network, token_by, userinfo_by};
pub(crate) use mail_server::{Conduct, MAIL_PASSWORD, MailServer, Received, Step};
pub(crate) use mailbox::{Letter, Mailbox};
pub(crate) use own_postgres::OwnPostgres;
pub(crate) use programs::{Balancer, CertificateProxy, Pooler};
pub(crate) use publisher::{Published, Publisher};
pub(crate) use redis_server::RedisServer;
pub(crate) use relay::Relay;
pub(crate) use rsa_keys::LentKey;
pub(crate) use server::{LOCALHOST, PASSWORD, Server, USERNAME, http, plain_http};

/// Checks a condition until it holds, for at most two minutes, since a machine may be very busy.
/// Use it only for things that happen at their own time: another process, or a job of the server.
pub(crate) async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let mut looks = tokio::time::interval(std::time::Duration::from_millis(20));
    for _ in 0..6000 {
        looks.tick().await;
        if holds().await {
            return;
        }
    }
    panic!("not within two minutes: {what}");
}

/// Writes a file that its owner alone may read.
pub(crate) fn write_secret(path: impl AsRef<std::path::Path>, text: impl AsRef<[u8]>) {
    std::fs::write(&path, text).expect("written");
    let alone = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(&path, alone).expect("permissions");
}

/// Writes a test once and runs it on both databases.
macro_rules! both {
    ($($(#[$meta:meta])* async fn $name:ident($database:ident) $body:block)+) => {$(
        $(#[$meta])*
        async fn $name($database: crate::support::Database) $body

        mod $name {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                super::$name(crate::support::Database::Sqlite).await;
            }

            #[test]
            fn postgres() {
                // The database outlives the runtime, so the servers end before their database is
                // dropped.
                if let Some(database) = crate::support::postgres_or_skip() {
                    crate::support::run(super::$name(database.clone()));
                }
            }
        }
    )+};
}
pub(crate) use both;
