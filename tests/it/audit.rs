//! Audit events: which flow writes which events.

use std::collections::BTreeMap;

use crate::support::{
    App, Binary, Cli, ClientArguments, Database, Evidence, PASSWORD, Recorded, Server, USERNAME,
    both,
};

/// The events so far, and what came since.
struct Book {
    evidence: Evidence,
    seen: BTreeMap<String, usize>,
}

impl Book {
    async fn open(evidence: Evidence) -> Self {
        let seen = count(&evidence.events().await);
        Self { evidence, seen }
    }

    /// That these events came since the last look, and no other.
    async fn says(&mut self, what: &str, kinds: &[&str]) {
        let found = count(&self.evidence.events().await);
        let mut expected = self.seen.clone();
        for kind in kinds {
            *expected.entry((*kind).to_owned()).or_default() += 1;
        }
        assert_eq!(found, expected, "{what}");
        self.seen = found;
    }
}

fn count(events: &[Recorded]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for event in events {
        *counts.entry(event.kind.clone()).or_default() += 1;
    }
    counts
}

both! {
    async fn s165_what_the_protocol_writes(database) {
        let server = Server::start(&database).await;
        let sub = server.alice().await;
        let app = server.client("app", |_| {}).await;
        let mut book = Book::open(server.evidence().await).await;
        let first = ["key.created", "key.created", "user.created", "client.created"];
        for kind in first {
            assert!(book.seen.contains_key(kind), "{kind}");
        }
        let (access, token) = app.password("openid").await.pair();
        book.says("a sign-in", &["sign_in.succeeded", "family.started"]).await;
        let (_, next) = app.refresh(&token).await.pair();
        app.refresh(&token).await.ok();
        app.refresh_with(&next, &[("scope", "admin")]).await.refused(400, "invalid_scope");
        app.userinfo(&access).await.ok();
        app.introspect(&access).await;
        app.token(&[("grant_type", "client_credentials"), ("scope", "read")]).await.ok();
        book.says("single access tokens", &[]).await;
        app.revoke(&access).await.ok();
        book.says("an access token's end", &["access_token.revoked"]).await;
        app.revoke(&access).await.ok();
        app.revoke("nonsense").await.ok();
        book.says("nothing ended", &[]).await;
        let (_, next) = app.refresh(&next).await.pair();
        server.advance(31);
        app.refresh(&token).await.refused(400, "invalid_grant");
        book.says("reuse", &["refresh.reused"]).await;
        app.refresh(&token).await.refused(400, "invalid_grant");
        app.refresh(&next).await.refused(400, "invalid_grant");
        app.revoke(&next).await.ok();
        book.says("what ended before", &[]).await;
        let (_, token) = app.password("openid").await.pair();
        book.says("a sign-in", &["sign_in.succeeded", "family.started"]).await;
        app.revoke(&token).await.ok();
        book.says("a family's end", &["family.revoked"]).await;
        app.password_as(USERNAME, "wrong", "openid").await.refused(400, "invalid_grant");
        let reply = app.password_as("my password by mistake", PASSWORD, "openid").await;
        reply.refused(400, "invalid_grant");
        book.says("refusals", &["sign_in.failed", "sign_in.failed"]).await;

        let events = book.evidence.events().await;
        let started = events.iter().find(|event| event.kind == "family.started").unwrap();
        assert_eq!(started.user.as_deref(), Some(sub.as_str()));
        assert_eq!(started.client.as_deref(), Some("app"));
        assert!(started.family.is_some() && started.request.is_some());
        assert_eq!(started.address.as_deref(), Some("127.0.0.1"));
        let failed: Vec<_> = events.iter().filter(|event| event.kind == "sign_in.failed").collect();
        assert!(failed.iter().any(|event| event.user.as_deref() == Some(sub.as_str())));
        assert!(failed.iter().any(|event| event.user.is_none()));
        assert!(!format!("{events:?}").contains("by mistake"), "a name may be a password");
    }

    /// S165: what is done and the event about it are one transaction.
    async fn s165_what_cannot_be_written_down_does_not_happen(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.client("app", |_| {}).await;
        let (access, token) = app.password("read").await.pair();
        let evidence = server.evidence().await;
        let (breaks, mends) = match database {
            Database::Sqlite => (
                &["CREATE TRIGGER breaks BEFORE INSERT ON audit_event BEGIN SELECT RAISE(ABORT, 'broken'); END"][..],
                "DROP TRIGGER breaks",
            ),
            Database::Postgres { .. } => (
                &[
                    "CREATE FUNCTION break_it() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''broken''; END'",
                    "CREATE TRIGGER breaks BEFORE INSERT ON audit_event FOR EACH ROW EXECUTE FUNCTION break_it()",
                ][..],
                "DROP TRIGGER breaks ON audit_event",
            ),
        };
        for sql in breaks {
            evidence.run(sql).await;
        }
        for reply in [app.revoke(&token).await, app.revoke(&access).await, app.password("read").await] {
            assert!(reply.status.is_server_error(), "{} {}", reply.status, reply.text);
        }
        evidence.run(mends).await;
        assert!(app.is_active(&access).await);
        let (_, next) = app.refresh(&token).await.pair();
        assert_eq!(evidence.count("SELECT count(*) AS n FROM family").await, 1);
        app.revoke(&next).await.ok();
        assert!(!app.is_active(&access).await);
        assert_eq!(evidence.events_of("family.revoked").await.len(), 1);
    }

    async fn a_full_window_is_one_event_however_many_run_into_it(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.client("app", |_| {}).await;
        let mut book = Book::open(server.evidence().await).await;
        for _ in 0..10 {
            app.password_as(USERNAME, "wrong", "openid").await.refused(400, "invalid_grant");
        }
        // One row a minute for one account from one place says how many there were.
        book.says("ten failures", &["sign_in.failed"]).await;
        let times = "SELECT times AS n FROM audit_event WHERE kind = 'sign_in.failed'";
        assert_eq!(book.evidence.count(times).await, 10);
        for _ in 0..5 {
            app.password("openid").await.refused(429, "temporarily_unavailable");
        }
        book.says("a full window", &["sign_in.throttled"]).await;
        server.advance(60);
        app.password_as(USERNAME, "wrong", "openid").await.refused(400, "invalid_grant");
        book.says("another minute", &["sign_in.failed"]).await;
        server.advance(300);
        app.password("openid").await.ok();
        book.says("afterwards", &["sign_in.succeeded", "family.started"]).await;
    }

    async fn s165_what_operators_do_is_written(database) {
        let cli = Cli::installed(&database).await;
        let evidence = Evidence::at(cli.get("MAPAE_DATABASE_URL")).await;
        let mut book = Book { evidence, seen: BTreeMap::new() };
        book.says("the first start", &["key.created", "key.created"]).await;
        let client = |verb: &'static str, more: &[&'static str]| {
            [&["client", verb, "--id", "app"][..], more].concat()
        };
        let user = |verb: &'static str, more: &[&'static str]| {
            [&["user", verb, "--username", "alice"][..], more].concat()
        };
        let steps = [
            (client("create", &["--name", "app", "--kind", "confidential"]), "client.created"),
            (client("update", &["--scope", "read"]), "client.updated"),
            (client("rotate-secret", &[]), "client.secret_rotated"),
            (client("disable", &[]), "client.disabled"),
            (client("enable", &[]), "client.enabled"),
            (user("create", &["--password-stdin"]), "user.created"),
            (user("update", &["--name", "Alice"]), "user.updated"),
            (user("set-password", &["--password-stdin"]), "user.password_set"),
            (user("logout", &[]), "user.logged_out"),
            (user("disable", &[]), "user.disabled"),
            (user("enable", &[]), "user.enabled"),
            (user("delete", &[]), "user.deleted"),
            (client("delete", &[]), "client.deleted"),
            (vec!["key", "rotate", "--alg", "ES256", "--now"], "key.created"),
            (vec!["key", "rewrap"], "master_key.changed"),
        ];
        for (arguments, kind) in steps {
            cli.json(&arguments, Some(PASSWORD)).await;
            book.says(&arguments.join(" "), &[kind]).await;
        }
        let list = cli.json(&["key", "list"], None).await;
        let mut keys = list["keys"].as_array().unwrap().iter();
        let key = keys.find(|key| key["alg"] == "ES256").unwrap();
        cli.json(&["key", "drop", key["kid"].as_str().unwrap()], None).await;
        book.says("a drop", &["key.dropped"]).await;
        let dropped = book.evidence.events_of("key.dropped").await;
        assert_eq!(dropped[0].detail.as_deref(), key["kid"].as_str());
        let looks = [&["client", "list"][..], &["user", "list"], &["config", "show"], &["doctor"]];
        for looking in looks {
            cli.json(looking, None).await;
        }
        assert_eq!(cli.run(&["client", "show", "--id", "app"], None).await.code, 1);
        book.says("looking", &[]).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_in_the_table_is_in_the_log() {
    let binary = Binary::start(&Database::Sqlite).await;
    binary.user("alice", PASSWORD).await;
    let arguments = ClientArguments::confidential(&["password"]).with("--scope", "openid");
    let app: App = binary.register("app", &arguments).await;
    let reply = app.password("openid").await.ok();
    let request = reply.header("x-request-id").to_owned();
    let events = binary.evidence().await.events().await;
    let logged = binary.whole_log().await;
    for kind in ["sign_in.succeeded", "family.started"] {
        let event = events.iter().find(|event| event.kind == kind).expect("written");
        assert_eq!(event.request.as_deref(), Some(request.as_str()));
        let lines = logged.lines().map(|line| {
            serde_json::from_str::<serde_json::Value>(line)
                .unwrap_or_else(|_| panic!("JSON: {line}"))
        });
        let line = lines.into_iter().find(|line| line["event"] == kind).expect("logged");
        assert_eq!(line["target"], "mapae::audit");
        assert_eq!(line["request_id"], request.as_str());
        assert_eq!(line["user_id"].as_str(), event.user.as_deref());
    }
}
