//! Pairwise subjects, OpenID Connect Core §8: clients of two sectors never see the same `sub`.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::routing::{get, post};
use mapae::admin::authority::May;
use mapae::admin::users::Target;
use mapae::domain::client::{Client, SubjectType};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::support::{
    App, CALLBACK, Cli, Database, Evidence, PASSWORD, Server, USERNAME, both, decode_claims,
    eventually, form,
};

const B: &str = "https://b.example/callback";

/// How many transactions revoked something.
const COMMITS: &str = "SELECT value AS n FROM revision WHERE name = 'revocations'";
const LIVE: &str = "SELECT count(*) AS n FROM family WHERE revoked_at IS NULL";

/// Adds so many families that are like the only one.
async fn add_4500_families(evidence: &Evidence) {
    let columns = "user_id, client_id, scope, resources, auth_time, acr, amr, provider_issuer, session_id, claims, \
        expires_at, revoked_at, salt, generation, attempt, spent_attempt, handed_out_at, handed_out_to, idle_ends_at";
    let numbers = "(WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 4500) \
        SELECT n FROM numbers)";
    evidence
        .run(&format!(
            "INSERT INTO family (id, {columns}) SELECT id || '-' || n, {columns} FROM family, {numbers} AS every"
        ))
        .await;
}

fn pairwise(client: &mut Client, uri: &str) {
    client.metadata.first_party = true;
    client.metadata.subject_type = SubjectType::Pairwise;
    client.metadata.redirect_uris = vec![uri.to_owned()];
}

/// What a client is told about Alice, wherever she is named: always the same `sub`.
async fn sub_at(server: &Server, app: &App, uri: &str, resource: &App) -> String {
    let asked = [("redirect_uri", uri), ("scope", "openid email")];
    let page = server.browser().arrive(&app.authorization_url(&asked)).await;
    let code = page.authorization_response().code();
    let tokens = app.exchange_with(&code, &[("redirect_uri", uri)]).await.ok();
    let (access, refresh) = (tokens.text("access_token"), tokens.text("refresh_token"));
    let id = decode_claims(&tokens.text("id_token"));
    let sub = id["sub"].as_str().unwrap().to_owned();
    let named = |value: &Value| assert_eq!(value["sub"], *sub, "{value}");
    named(&decode_claims(&access));
    named(&app.userinfo(&access).await.ok().json());
    for token in [&access, &refresh] {
        named(&app.introspect(token).await);
    }
    named(&resource.introspect(&access).await);
    let again = app.refresh(&refresh).await.ok();
    named(&decode_claims(&again.text("access_token")));
    named(&decode_claims(&again.text("id_token")));
    sub
}

type Change = fn(&mut Client);

both! {
    async fn core_8_clients_of_two_sectors_never_see_the_same_sub(database) {
        let server = Server::start(&database).await;
        let alice = server.alice().await;
        let api = "https://api.example";
        let resource = server.client("api", |client| client.metadata.resource_servers = vec![api.to_owned()]).await;
        let of = |uri: &'static str| move |client: &mut Client| {
            pairwise(client, uri);
            client.metadata.audiences = vec![api.to_owned()];
        };
        let a = server.web_app("a", of(CALLBACK)).await;
        let same = server.web_app("same", of("https://app.example.com/other")).await;
        let b = server.web_app("b", of(B)).await;
        let public = server.web_app("public", |client| {
            of(B)(client);
            client.metadata.subject_type = SubjectType::Public;
        }).await;
        let at_a = sub_at(&server, &a, CALLBACK, &resource).await;
        let at_b = sub_at(&server, &b, B, &resource).await;
        assert_eq!(sub_at(&server, &a, CALLBACK, &resource).await, at_a);
        assert_eq!(sub_at(&server, &same, "https://app.example.com/other", &resource).await, at_a);
        assert_eq!(sub_at(&server, &public, B, &resource).await, alice);
        assert!(at_a != at_b && at_a != alice && at_b != alice);
        assert!(at_a.len() == 43 && !at_a.contains(&alice));
        // Other people have others.
        server.user("bob", Some(PASSWORD)).await;
        let mut browser = server.browser();
        let login = browser.open(&a.authorization_url(&[])).await;
        let page = browser.sign_in_as(&login, "bob", PASSWORD).await;
        let tokens = a.exchange(&page.authorization_response().code()).await.ok();
        assert_ne!(decode_claims(&tokens.text("id_token"))["sub"], *at_a);
        // What an introspection says besides needs the scope that shows it.
        let access = tokens.text("access_token");
        assert!(a.introspect(&access).await.get("username").is_none());
        let told = browser.code(&a).await;
        assert!(!told.is_empty());
    }

    async fn core_3_1_2_1_a_hint_names_the_person_as_the_client_knows_them(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        server.user("bob", Some(PASSWORD)).await;
        let a = server.web_app("a", |client| pairwise(client, CALLBACK)).await;
        let mut browser = server.browser();
        let tokens = a.exchange(&browser.code(&a).await).await.ok();
        let hint = tokens.text("id_token");
        let sub = decode_claims(&hint)["sub"].as_str().unwrap().to_owned();
        let claims = json!({ "id_token": { "sub": { "value": sub } } }).to_string();
        let strange = json!({ "id_token": { "sub": { "value": "somebody-else" } } }).to_string();
        let silent = ("prompt", "none");
        for named in [("id_token_hint", hint.as_str()), ("claims", &claims)] {
            let heard = browser.get(&a.authorization_url(&[silent, named])).await;
            a.exchange(&heard.authorization_response().code()).await.ok();
        }
        browser.get(&a.authorization_url(&[silent, ("claims", &strange)])).await.error_response("login_required");
        // Somebody else who signs in is not the one who was asked for.
        let mut other = server.browser();
        let login = other.open(&a.authorization_url(&[("id_token_hint", &hint)])).await;
        let page = other.sign_in_as(&login, "bob", PASSWORD).await;
        page.error_response("login_required");
    }

    async fn core_8_1_a_hint_of_a_public_id_says_nothing(database) {
        let server = Server::start(&database).await;
        let alice = server.alice().await;
        server.user("bob", Some(PASSWORD)).await;
        let a = server.web_app("a", |client| pairwise(client, CALLBACK)).await;
        let mut browser = server.browser();
        let tokens = a.exchange(&browser.code(&a).await).await.ok();
        let sub = decode_claims(&tokens.text("id_token"))["sub"].as_str().unwrap().to_owned();
        server.advance(1);
        let login = browser.open(&a.authorization_url(&[("prompt", "login")])).await;
        let login = browser.open(&format!("/login?interaction={}&another=1", login.hidden("interaction"))).await;
        browser.sign_in_as(&login, "bob", PASSWORD).await.authorization_response().code();
        // Two people: the app can name one of them as it knows them, and not otherwise.
        let silent = ("prompt", "none");
        let heard = browser.get(&a.authorization_url(&[silent, ("login_hint", &sub)])).await;
        a.exchange(&heard.authorization_response().code()).await.ok();
        let asked = a.authorization_url(&[silent, ("login_hint", &alice)]);
        browser.get(&asked).await.error_response("account_selection_required");
    }

    async fn core_8_1_a_change_of_sector_ends_what_people_gave(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let a = server.web_app("a", |client| pairwise(client, CALLBACK)).await;
        let changes: [(&str, Change, bool); 5] = [
            ("name", |client| "A".clone_into(&mut client.metadata.client_name), true),
            ("path", |client| client.metadata.redirect_uris.push("https://app.example.com/2".to_owned()), true),
            ("kind", |client| client.metadata.subject_type = SubjectType::Public, false),
            ("kind again", |client| client.metadata.subject_type = SubjectType::Pairwise, false),
            ("sector", |client| client.metadata.redirect_uris = vec![B.to_owned()], false),
        ];
        for (what, change, lives) in changes {
            let (access, refresh) = a.exchange(&server.browser().code(&a).await).await.pair();
            assert!(a.is_active(&access).await, "{what}");
            server.change("a", change).await;
            assert_eq!(a.is_active(&access).await, lives, "{what}");
            assert_eq!(a.refresh(&refresh).await.status == 200, lives, "{what}");
        }
    }

    async fn core_8_1_nothing_begins_by_the_sub_of_before_a_change(database) {
        let server = Server::start(&database).await;
        let alice = server.alice().await;
        let app = server.web_app("a", |client| pairwise(client, CALLBACK)).await;
        let evidence = server.evidence().await;
        let (pairwise, public) = (r#""subject_type":"pairwise""#, r#""subject_type":"public""#);
        let change = |from: &str, to: &str| format!("UPDATE client SET metadata = replace(metadata, '{from}', '{to}')");
        let mut refused = None;
        // The server may hear in between that the client was registered, once, and reads it again then.
        for _ in 0..3 {
            let code = server.browser().code(&app).await;
            // The server has not heard yet of what another one changed.
            evidence.run(&change(pairwise, public)).await;
            let reply = app.exchange(&code).await;
            if reply.status == 503 {
                refused = Some((code, reply));
                break;
            }
            evidence.run(&change(public, pairwise)).await;
            server.forget_clients();
        }
        let (code, reply) = refused.expect("the server has not heard of the change");
        reply.refused(503, "temporarily_unavailable");
        server.forget_clients();
        let tokens = app.exchange(&code).await.ok();
        assert_eq!(decode_claims(&tokens.text("id_token"))["sub"], *alice);
    }

    async fn core_8_1_a_change_ends_what_many_people_gave_in_steps(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.web_app("a", |client| pairwise(client, CALLBACK)).await;
        let (access, refresh) = app.exchange(&server.browser().code(&app).await).await.pair();
        let evidence = server.evidence().await;
        add_4500_families(&evidence).await;
        let before = evidence.count(COMMITS).await;
        let cli = server.cli().await;
        // What is refused ends nothing.
        let bad = ["client", "update", "--id", "a", "--subject-type", "public", "--auth-method", "none"];
        assert_ne!(cli.run(&bad, None).await.code, 0);
        assert_eq!(evidence.count(COMMITS).await, before);
        assert!(app.is_active(&access).await);
        let update = ["client", "update", "--id", "a", "--subject-type", "public"];
        assert_eq!(cli.run(&update, None).await.code, 0);
        assert_eq!(evidence.count(LIVE).await, 0);
        let steps = evidence.count(COMMITS).await - before;
        assert!(steps >= 3, "{steps} transactions");
        app.refresh(&refresh).await.refused(400, "invalid_grant");
    }

    async fn core_8_1_a_file_ends_what_many_people_gave_in_steps(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.web_app("a", |client| pairwise(client, CALLBACK)).await;
        let (access, refresh) = app.exchange(&server.browser().code(&app).await).await.pair();
        let evidence = server.evidence().await;
        add_4500_families(&evidence).await;
        let before = evidence.count(COMMITS).await;
        let cli = server.cli().await;
        let file = cli.folder.path().join("objects.toml");
        let path = file.display().to_string();
        let change = "[[client]]\nclient_id = \"a\"\nsubject_type = \"public\"\n";
        // What is refused ends nothing, and neither does what is only planned.
        std::fs::write(&file, format!("{change}[[client]]\nclient_id = \"b\"\n")).unwrap();
        let refused = cli.run(&["apply", &path], None).await;
        assert!(refused.code == 1 && refused.err.contains("kind is missing"), "{refused:?}");
        std::fs::write(&file, change).unwrap();
        cli.run(&["plan", &path], None).await;
        assert_eq!(evidence.count(COMMITS).await, before);
        assert!(app.is_active(&access).await);
        let applied = cli.run(&["apply", &path], None).await;
        assert_eq!(applied.code, 0, "{applied:?}");
        assert_eq!(evidence.count(LIVE).await, 0);
        let steps = evidence.count(COMMITS).await - before;
        assert!(steps >= 3, "{steps} transactions");
        app.refresh(&refresh).await.refused(400, "invalid_grant");
        let shown = cli.json(&["client", "show", "--id", "a"], None).await;
        assert_eq!(shown["subject_type"], "public");
    }

    async fn core_8_1_a_change_that_fails_ends_nothing(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.web_app("a", |client| pairwise(client, CALLBACK)).await;
        let (access, refresh) = app.exchange(&server.browser().code(&app).await).await.pair();
        let evidence = server.evidence().await;
        let (breaks, mends) = match database {
            Database::Sqlite => (
                &["CREATE TRIGGER breaks BEFORE UPDATE ON client BEGIN SELECT RAISE(ABORT, 'broken'); END"][..],
                "DROP TRIGGER breaks",
            ),
            Database::Postgres { .. } => (
                &[
                    "CREATE FUNCTION break_it() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''broken''; END'",
                    "CREATE TRIGGER breaks BEFORE UPDATE ON client FOR EACH ROW EXECUTE FUNCTION break_it()",
                ][..],
                "DROP TRIGGER breaks ON client",
            ),
        };
        for sql in breaks {
            evidence.run(sql).await;
        }
        let cli = server.cli().await;
        let update = ["client", "update", "--id", "a", "--subject-type", "public"];
        assert_ne!(cli.run(&update, None).await.code, 0);
        assert!(app.is_active(&access).await);
        let (access, refresh) = app.refresh(&refresh).await.pair();
        evidence.run(mends).await;
        assert_eq!(cli.run(&update, None).await.code, 0);
        assert!(!app.is_active(&access).await);
        app.refresh(&refresh).await.refused(400, "invalid_grant");
    }

    async fn rp_initiated_logout_2_a_pairwise_hint_proves_the_person(database) {
        let told = Arc::new(Mutex::new(Vec::<String>::new()));
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let listener = format!("http://{}/logout", socket.local_addr().unwrap());
        let heard = Arc::clone(&told);
        let take = post(async move |body: String| heard.lock().unwrap().push(body));
        tokio::spawn(async move { axum::serve(socket, Router::new().route("/logout", take)).await });
        let server = Server::start_with(&database, &[("outbound.allow_private", "true")]).await;
        let alice = server.alice().await;
        let bye = "https://app.example.com/bye";
        let a = server.web_app("a", |client| {
            pairwise(client, CALLBACK);
            client.metadata.post_logout_redirect_uris = vec![bye.to_owned()];
            client.metadata.backchannel_logout_uri = Some(listener);
        }).await;
        let mut browser = server.browser();
        let tokens = a.exchange(&browser.code(&a).await).await.ok();
        let hint = tokens.text("id_token");
        let fields = [("id_token_hint", hint.as_str()), ("post_logout_redirect_uri", bye)];
        let page = browser.open(&format!("/logout?{}", form(&fields))).await;
        assert_eq!(page.location(), Some(bye));
        assert!(browser.open(&a.authorization_url(&[])).await.has("login-submit"));
        eventually("the app is told", async || !told.lock().unwrap().is_empty()).await;
        let token = told.lock().unwrap()[0].strip_prefix("logout_token=").unwrap().to_owned();
        assert_eq!(decode_claims(&token)["sub"], decode_claims(&hint)["sub"]);
        // The operator sees the person, and what ends the person ends the tokens.
        let events = server.evidence().await.events_of("user.logged_out").await;
        assert!(events.iter().all(|event| event.user.as_deref() == Some(alice.as_str())));
        let tokens = a.exchange(&browser.code(&a).await).await.ok();
        let access = tokens.text("access_token");
        assert!(a.is_active(&access).await);
        let services = server.inner.services();
        mapae::admin::users::logout(&May::operator(), &services.store, server.now(), Target::named(USERNAME)).await.unwrap();
        assert!(!a.is_active(&access).await);
        a.userinfo(&access).await.refused(401, "invalid_token");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn core_8_1_a_sub_outlives_every_rotation() {
    let cli = Cli::prepared(&Database::Sqlite).await;
    let mut server = cli.serve().await;
    let alice = server.user(USERNAME, PASSWORD).await;
    let app = server
        .client(
            "a",
            &[
                "--kind",
                "confidential",
                "--scope",
                "openid",
                "--grant",
                "password",
                "--grant",
                "authorization_code",
                "--redirect-uri",
                CALLBACK,
                "--subject-type",
                "pairwise",
            ],
        )
        .await;
    let before = app.password("openid").await.ok().text("access_token");
    let sub = decode_claims(&before)["sub"].clone();
    assert_ne!(sub, alice);
    // Why a token counts or not is told although its `sub` names nobody here.
    let explained = server.cli.run(&["token", "explain", "--json"], Some(&before)).await;
    assert!(!explained.out.contains("person_unknown"), "{explained:?}");
    let inspected = server.cli(&["token", "inspect"], Some(&before)).await;
    assert_eq!((&inspected["claims"]["sub"], &inspected["user"]), (&sub, &json!(alice)));
    server.terminate().await;
    server.ended().await;
    server.cli.json(&["key", "rewrap"], None).await;
    server.cli.json(&["key", "rotate", "--now"], None).await;
    server.restart().await;
    let after = app.password("openid").await.ok().text("access_token");
    assert_eq!(decode_claims(&after)["sub"], sub);
    // A file ends what people gave as well, if it changes by which `sub` they are known.
    let file = server.cli.folder.path().join("objects.toml");
    let path = file.display().to_string();
    for (more, lives) in [("client_name = \"A\"", true), ("subject_type = \"public\"", false)] {
        std::fs::write(&file, format!("[[client]]\nclient_id = \"a\"\n{more}\n")).unwrap();
        let applied = server.cli.run(&["apply", &path], None).await;
        assert_eq!(applied.code, 0, "{applied:?}");
        assert_eq!(app.is_active(&after).await, lives, "{more}");
    }
    // What the feed tells of a person is found by the session.
    server.cli(&["user", "disable", "--username", USERNAME], None).await;
    let explained = server.cli.run(&["token", "explain", "--json"], Some(&after)).await;
    assert!(explained.out.contains("tells of its sub"), "{explained:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn core_8_1_the_document_of_a_sector_lists_every_redirect_uri() {
    let document = Arc::new(Mutex::new(json!([CALLBACK, B])));
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("http://{}/uris.json", socket.local_addr().unwrap());
    let served = Arc::clone(&document);
    let answer = get(async move || served.lock().unwrap().to_string());
    tokio::spawn(
        async move { axum::serve(socket, Router::new().route("/uris.json", answer)).await },
    );
    let mut cli = Cli::installed(&Database::Sqlite).await;
    let create = async |cli: &Cli, id: &str, more: &[&str]| {
        let start = ["client", "create", "--id", id, "--kind", "confidential"];
        let start = [&start[..], &["--subject-type", "pairwise"], more].concat();
        cli.run(&start, None).await
    };
    let both = ["--redirect-uri", CALLBACK, "--redirect-uri", B];
    let listed = ["--sector-identifier-uri", &uri];
    for (more, word) in [
        (vec![], "sector_identifier_uri"),
        (both.to_vec(), "one host"),
        (vec!["--sector-identifier-uri", "ftp://a.example/x"], "https"),
        // The guard of all calls: nothing private is called unless the operator allows it.
        ([&both[..], &listed].concat(), "array"),
        // What nobody uses, or has for themselves alone, proves no sector.
        (both[..2].to_vec(), "authorization_code"),
        (vec!["--grant", "authorization_code", "--redirect-uri", "http://127.0.0.1/cb"], "https"),
        (listed.to_vec(), "a redirect URI"),
    ] {
        let refused = create(&cli, "a", &more).await;
        // What is not there is no fault of the arguments.
        let code = if word == "array" { 1 } else { 2 };
        assert!(refused.code == code && refused.err.contains(word), "{more:?} {refused:?}");
    }
    let redirecting = ["--grant", "authorization_code", "--redirect-uri", CALLBACK];
    for (id, is_good) in [("a".repeat(43), false), ("a".repeat(42), true)] {
        let made = create(&cli, &id, &redirecting).await;
        assert_eq!(made.code == 0, is_good, "{made:?}");
        assert_eq!(made.err.contains("the sub of a person"), !is_good, "{made:?}");
    }
    cli.set("MAPAE_OUTBOUND_ALLOW_PRIVATE", "true");
    assert_eq!(create(&cli, "a", &[&both[..], &listed].concat()).await.code, 0);
    let shown = cli.json(&["client", "show", "--id", "a"], None).await;
    assert_eq!(
        (&shown["subject_type"], &shown["sector_identifier_uri"]),
        (&json!("pairwise"), &json!(uri))
    );
    // A change is held to it as well, here and in the file.
    let more = ["client", "update", "--id", "a", "--redirect-uri", "https://c.example/callback"];
    let refused = cli.run(&more, None).await;
    assert!(refused.code == 1 && refused.err.contains("does not list"), "{refused:?}");
    let file = cli.folder.path().join("objects.toml");
    let text = |uri: &str| format!("[[client]]\nclient_id = \"a\"\nredirect_uris = [\"{uri}\"]\n");
    let path = file.display().to_string();
    std::fs::write(&file, text("https://c.example/callback")).unwrap();
    for verb in ["plan", "apply"] {
        let refused = cli.run(&[verb, &path], None).await;
        assert!(refused.code == 1 && refused.err.contains("does not list"), "{refused:?}");
    }
    std::fs::write(&file, text(B)).unwrap();
    // The document may change between a plan and its application.
    let planned = cli.folder.path().join("plan.json").display().to_string();
    assert_eq!(cli.run(&["plan", &path, "--out", &planned], None).await.code, 2);
    *document.lock().unwrap() = json!([CALLBACK]);
    let refused = cli.run(&["apply", &planned], None).await;
    assert!(refused.code == 1 && refused.err.contains("does not list"), "{refused:?}");
    *document.lock().unwrap() = json!([CALLBACK, B]);
    assert_eq!(cli.run(&["apply", &planned], None).await.code, 0);
    for (bad, word) in [(json!({}), "array"), (json!([1]), "array"), (json!([B]), "does not list")]
    {
        *document.lock().unwrap() = bad;
        let refused = create(&cli, "b", &[&both[..], &listed].concat()).await;
        assert!(refused.code == 1 && refused.err.contains(word), "{refused:?}");
    }
}
