//! When a background worker fails it starts again, and the requests of others do not fail with it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mapae::domain::family::FamilyId;
use mapae::domain::user::UserId;
use mapae::runtime::supervisor::Need;
use mapae::store::live::{LivenessQuestion, are_live};
use mapae::store::users;

use crate::support::{
    Binary, Cli, ClientArguments, Database, PASSWORD, Server, both, eventually, free_port, http,
};

async fn readiness(server: &Server) -> u16 {
    server.http.get(server.url("/readyz")).send().await.expect("an answer").status().as_u16()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_is_not_ready_while_a_worker_that_it_needs_is_down_and_ready_again_after_it() {
    let server = Server::start(&Database::Sqlite).await;
    assert_eq!(readiness(&server).await, 200);
    let is_mended = Arc::new(AtomicBool::new(false));
    let works = Arc::clone(&is_mended);
    let worker = server.inner.services().supervisor.start("a fault", Need::Serving, move || {
        let works = works.load(Ordering::SeqCst);
        async move {
            assert!(works);
            std::future::pending::<()>().await;
        }
    });
    eventually("not ready", async || readiness(&server).await == 503).await;
    is_mended.store(true, Ordering::SeqCst);
    eventually("ready by itself", async || readiness(&server).await == 200).await;
    assert!(!worker.is_finished());
    worker.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn panics_on_the_threads_that_hash_end_no_sign_in_after_them() {
    let server = Server::start_with(&Database::Sqlite, &[("hashing.threads", "1")]).await;
    server.alice().await;
    let app = server.client("app", |_| {}).await;
    let hasher = &server.inner.services().hasher;
    for _ in 0..2 {
        assert!(hasher.run(|| panic!("a fault")).await.is_err());
    }
    eventually("signed in", async || app.password("openid").await.status == 200).await;
    assert_eq!(readiness(&server).await, 200);
}

both! {
    async fn a_person_who_cannot_be_read_is_the_fault_of_no_other_request(database) {
        let server = Server::start(&database).await;
        let (alice, bob) = (server.alice().await, server.user("bob", Some(PASSWORD)).await);
        let app = server.client("app", |_| {}).await;
        let (of_alice, _) = app.password("openid").await.pair();
        let (of_bob, _) = app.password_as("bob", PASSWORD, "openid").await.pair();
        let evidence = server.evidence().await;
        evidence.run("UPDATE account SET profile = '{' WHERE username = 'bob'").await;
        let [alice, bob] = [alice, bob].map(UserId::from_stored);
        let store = &server.inner.services().store;
        let both = [bob.clone(), alice.clone()];
        let found = users::find_each(&**store, &both).await.expect("an answer for each");
        let read = |id: &UserId| found.iter().find(|(known, _)| known == id).expect("there").1.is_ok();
        assert!(read(&alice) && !read(&bob));
        let asking = (0..20).flat_map(|_| [&of_alice, &of_bob]).map(|token| {
            let app = &app;
            async move { (token, app.post("/introspect", &[("token", token)]).await.status) }
        });
        for (token, status) in futures_util::future::join_all(asking).await {
            let expected = if *token == of_bob { 500 } else { 200 };
            assert_eq!(status, expected);
        }
    }

    // Both databases can refuse at COMMIT what they took before: a reference that is checked there.
    async fn an_audit_event_whose_commit_failed_is_neither_logged_nor_counted(database) {
        let mut cli = Cli::prepared(&database).await;
        let admin = format!("127.0.0.1:{}", free_port());
        cli.set("MAPAE_ADMIN_LISTEN", &admin);
        let binary = cli.serve().await;
        binary.user("alice", PASSWORD).await;
        let arguments = ClientArguments::confidential(&["password"]).with("--scope", "openid");
        let app = binary.register("app", &arguments).await;
        let evidence = binary.evidence().await;
        for sql in [
            "CREATE TABLE whole (id INTEGER PRIMARY KEY)",
            "CREATE TABLE broken (id INTEGER REFERENCES whole (id) DEFERRABLE INITIALLY DEFERRED)",
        ] {
            evidence.run(sql).await;
        }
        let (breaks, mends): (&[&str], _) = match database {
            Database::Sqlite => (
                &["CREATE TRIGGER breaks AFTER INSERT ON audit_event BEGIN INSERT INTO broken VALUES (1); END"],
                "DROP TRIGGER breaks",
            ),
            Database::Postgres { .. } => (
                &[
                    "CREATE FUNCTION break_it() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO broken VALUES (1); RETURN NEW; END'",
                    "CREATE TRIGGER breaks AFTER INSERT ON audit_event FOR EACH ROW EXECUTE FUNCTION break_it()",
                ],
                "DROP TRIGGER breaks ON audit_event",
            ),
        };
        for sql in breaks {
            evidence.run(sql).await;
        }
        let failed = app.password("openid").await;
        assert!([500, 503].contains(&failed.status.as_u16()), "{failed:?}");
        assert_eq!(told(&binary, &admin).await, (0, 0));
        evidence.run(mends).await;
        app.password("openid").await.ok();
        assert_eq!(told(&binary, &admin).await, (1, 1));
        assert_eq!(evidence.events_of("family.started").await.len(), 1);
    }
}

/// How often the log and the metrics say that a family started.
async fn told(binary: &Binary, admin: &str) -> (usize, usize) {
    let log = binary.whole_log().await;
    let logged = log.lines().filter(|line| line.contains("\"event\":\"family.started\"")).count();
    let metrics = http().get(format!("http://{admin}/metrics")).send().await.expect("metrics");
    let metrics = metrics.text().await.expect("text");
    let sample = "mapae_audit_events_total{event=\"family.started\"} ";
    let counted = metrics.lines().find_map(|line| line.strip_prefix(sample));
    (logged, counted.map_or(0, |number| number.parse().expect("a number")))
}

#[tokio::test]
async fn a_family_that_cannot_be_read_is_the_fault_of_no_other_question() {
    // Postgres lets no such bytes into the column.
    let server = Server::start(&Database::Sqlite).await;
    server.alice().await;
    let app = server.client("app", |_| {}).await;
    for _ in 0..2 {
        app.password("openid").await.ok();
    }
    let evidence = server.evidence().await;
    let families: Vec<_> = evidence
        .events_of("family.started")
        .await
        .into_iter()
        .filter_map(|one| one.family)
        .collect();
    let [bad, good] = &families[..] else { panic!("two families: {families:?}") };
    evidence.run(&format!("UPDATE family SET provider_issuer = X'ff' WHERE id = '{bad}'")).await;
    let question = |family: &String| LivenessQuestion {
        jti: family.clone(),
        family: Some(FamilyId::from_stored(family.clone())),
    };
    let store = &server.inner.services().store;
    let answers = are_live(&**store, &[question(bad), question(good)]).await.expect("two answers");
    assert!(answers[0].is_err());
    assert!(matches!(answers[1], Ok(Some(_))));
}
