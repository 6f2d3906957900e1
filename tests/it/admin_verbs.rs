//! What the verbs of the command line do, in the administration API.

use reqwest::Method;
use serde_json::{Value, json};

use crate::admin_api::{Api, EVERY_SCOPE, etag};
use crate::support::{Mailbox, Reply, Server, both, http};

/// A hash by bcrypt with a cost of 14: a check takes about a second.
const COSTLY: &str = "$2b$14$8jEa/X6XVcaDAWck23Ykv.6a5d5BU0IsWquajl.j5Sy.s8xJI50Gm";

/// A creation with this `Idempotency-Key`.
async fn keyed(api: &Api, key: &str, path: &str, content_type: &str, body: &str) -> Reply {
    let url = format!("{}/admin/api/v1{path}", api.base);
    let request = http().post(url).bearer_auth(&api.token).header("idempotency-key", key);
    let request = request.header("content-type", content_type).body(body.to_owned());
    Reply::of(request.send().await.expect("an answer")).await
}

both! {
    async fn a_person_is_invited_by_mail_or_by_a_link_that_is_shown_once(database) {
        let mails = Mailbox::new();
        let server = Server::start_with(&database, &[("mail.url", &mails.url())]).await;
        let api = Api::machine(&server, "robot", EVERY_SCOPE).await;
        server.web_app("shop", |_| {}).await;
        let invited = api.post("/invitations", json!({ "email": "hana@example.com", "client": "shop" })).await;
        assert_eq!(invited.status, 201, "{}", invited.text);
        assert_eq!(invited.json(), json!({ "mailed_to": "hana@example.com" }));
        assert!(mails.first_to("hana@example.com").await.link().contains("/sign-up/invitation?secret="));

        let body = json!({ "email": "bora@example.com", "print": true }).to_string();
        let printed = keyed(&api, "k1", "/invitations", "application/json", &body).await;
        assert_eq!(printed.status, 201, "{}", printed.text);
        let mut browser = server.browser();
        assert!(browser.open(&printed.text("link")).await.reply.status.is_success());
        assert_eq!(mails.letters().len(), 1);
        let again = keyed(&api, "k1", "/invitations", "application/json", &body).await;
        assert_eq!((again.status.as_u16(), again.json()), (201, json!({})));
        let other = keyed(&api, "k1", "/invitations", "application/json", "{\"email\":\"c@example.com\"}").await;
        assert_eq!(other.json()["reason"], "idempotency_key_reused");

        let made = json!({ "username": "minji", "email": "minji@example.com", "email_verified": true });
        assert_eq!(api.post("/users", made).await.status, 201);
        for (body, status) in [
            (json!({ "email": "Minji@Example.com" }), 409),
            (json!({ "email": "nowhere" }), 422),
            (json!({ "email": "new@example.com", "client": "nobody" }), 404),
            (json!({ "address": "new@example.com" }), 400),
        ] {
            assert_eq!(api.post("/invitations", body.clone()).await.status, status, "{body}");
        }
        let events = api.get("/audit?kind=invitation.made").await.ok().json();
        let actors: Vec<&Value> = events["items"].as_array().unwrap().iter().map(|one| &one["actor"]).collect();
        assert_eq!(actors, ["client:robot", "client:robot"]);
        assert_eq!(events["items"][1]["client"], "shop");
    }
}

both! {
    async fn a_token_is_shown_and_ended_and_what_is_older_ends_for_everybody(database) {
        let server = Server::start(&database).await;
        let api = Api::machine(&server, "robot", EVERY_SCOPE).await;
        server.alice().await;
        let app = server.client("app", |_| {}).await;
        let (access, refresh) = app.password("openid").await.pair();
        // Who may change people only ends neither what an owner has nor what a client got for itself.
        let helper = Api::machine(&server, "helper", "admin:users").await;
        let cli = server.cli().await;
        for verb in ["grant-role", "revoke-role"] {
            let role = ["user", verb, "--username", "alice", "--role", "owner"];
            let force: &[&str] = if verb == "grant-role" { &[] } else { &["--force"] };
            cli.json(&[&role[..], force].concat(), None).await;
            let of_owner = verb == "grant-role";
            for token in [&*access, &refresh, &api.token] {
                let ended = helper.post("/tokens/revoke", json!({ "token": token })).await;
                if of_owner || token == &*api.token {
                    assert_eq!(ended.status, 403, "{}", ended.text);
                } else {
                    assert_eq!(ended.ok().json(), json!({ "revoked": true }));
                }
            }
        }
        let (access, refresh) = app.password("openid").await.pair();
        for (token, kind, active) in [(&*access, "access_token", true), (&*refresh, "refresh_token", true), ("x", "unknown", false)] {
            let shown = api.post("/tokens/inspect", json!({ "token": token })).await.ok().json();
            assert_eq!((&shown["kind"], &shown["active"]), (&json!(kind), &json!(active)), "{shown}");
        }
        for revoked in [true, false] {
            let ended = api.post("/tokens/revoke", json!({ "token": refresh })).await.ok().json();
            assert_eq!(ended, json!({ "revoked": revoked }));
        }
        app.refresh(&refresh).await.refused(400, "invalid_grant");
        assert_eq!(api.post("/tokens/revoke", json!({ "token": " " })).await.status, 422);
        let events = api.get("/audit?kind=family.revoked").await.ok().json();
        assert_eq!(events["items"][0]["actor"], "client:robot");
        assert!(events["items"][0]["request_id"].is_string(), "{events}");

        let (_, old) = app.password("openid").await.pair();
        server.advance(100);
        let between = server.now().now();
        server.advance(100);
        let (_, new) = app.password("openid").await.pair();
        let path = "/tokens/revoke-issued-before";
        let future = server.now().now() + chrono::Duration::minutes(1);
        let refused = api.post(path, json!({ "issued_before": future })).await;
        assert_eq!((refused.status.as_u16(), &refused.json()["reason"]), (422, &json!("admin_invalid")));
        assert_eq!(api.post(path, json!({})).await.status, 400);
        // Nothing is as old as that.
        let none = api.post(path, json!({ "issued_before": "-262143-01-01T00:00:00Z" })).await;
        assert!(none.status == 400 || none.ok().json()["families"] == 0);
        app.refresh(&old).await.ok();
        let ended = api.post(path, json!({ "issued_before": between })).await.ok().json();
        assert_eq!(ended["families"], 1, "{ended}");
        app.refresh(&old).await.refused(400, "invalid_grant");
        app.refresh(&new).await.ok();
        let auditor = Api::machine(&server, "auditor", EVERY_SCOPE).await;
        let events = auditor.get("/audit?kind=everything.revoked").await.ok().json();
        assert_eq!(events["items"][0]["actor"], "client:robot");
    }
}

both! {
    async fn people_move_in_by_rows_and_each_that_is_not_taken_is_reported(database) {
        let server = Server::start(&database).await;
        let api = Api::machine(&server, "robot", "admin:users").await;
        let hash = "{SSHA}TgW/N7fxbHA7F6jf7c+zWhN2Ft9sLYVw";
        let rows = [
            json!({ "username": "hana", "email": "hana@example.com", "email_verified": true, "groups": ["staff"], "password_hash": hash }),
            json!({ "username": "HANA" }),
            json!({ "username": "bora", "password_hash": "plain text" }),
            json!({ "username": "nul", "name": "a\0b" }),
            json!({ "username": "minji" }),
            json!({ "username": "slow", "password_hash": COSTLY }),
            json!({ "username": "everywhere", "groups": (0..101).map(|n| format!("g{n}")).collect::<Vec<_>>() }),
        ];
        let rows = rows.map(|row| row.to_string()).join("\n");
        let dry = keyed(&api, "k1", "/users/import?dry_run=true", "application/jsonl", &rows).await.ok().json();
        assert_eq!((&dry["taken"], &dry["wrapped"], &dry["dry_run"]), (&json!(2), &json!(1), &json!(true)), "{dry}");
        assert_eq!(api.get("/users").await.ok().json()["items"], json!([]));
        // The same rows for real are another request.
        let real = keyed(&api, "k1", "/users/import", "application/jsonl", &rows).await;
        assert_eq!(real.json()["reason"], "idempotency_key_reused");
        let report = keyed(&api, "k2", "/users/import", "application/x-ndjson; charset=utf-8", &rows).await.ok().json();
        let mut members: Vec<_> = report.as_object().unwrap().keys().cloned().collect();
        members.sort();
        assert_eq!(members, ["dry_run", "left_out", "skipped", "taken", "wrapped"]);
        assert_eq!((&report["taken"], &report["wrapped"]), (&json!(2), &json!(1)), "{report}");
        assert_eq!(report["skipped"], dry["skipped"]);
        let skipped: Vec<_> = report["skipped"].as_array().unwrap().iter().map(|row| (row["line"].clone(), row["username"].clone())).collect();
        assert_eq!(skipped, [(json!(2), json!("HANA")), (json!(3), json!("bora")), (json!(4), json!("nul")), (json!(6), json!("slow")), (json!(7), json!("everywhere"))]);
        let app = server.client("app", |_| {}).await;
        app.password_as("hana", "correct horse 마패", "read").await.ok();
        let found = api.get("/users?group=staff").await.ok().json();
        assert_eq!(found["items"][0]["username"], "hana");

        let again = keyed(&api, "k2", "/users/import", "application/x-ndjson; charset=utf-8", &rows).await.ok().json();
        assert_eq!((&again["taken"], &again["skipped"][0]["username"]), (&json!(2), &Value::Null), "{again}");
        assert!(!again.to_string().contains("HANA") && report["skipped"][3]["reason"].as_str().unwrap().contains("too costly"), "{report} {again}");
        let table = "username,email,groups\nminji,,\nsora,sora@example.com,staff;seoul\nshort\n";
        let report = keyed(&api, "k3", "/users/import", "text/csv", table).await.ok().json();
        let lines: Vec<_> = report["skipped"].as_array().unwrap().iter().map(|row| row["line"].clone()).collect();
        assert_eq!((&report["taken"], lines), (&json!(1), vec![json!(2), json!(4)]), "{report}");
        let events = "SELECT COUNT(*) AS n FROM audit_event WHERE kind = 'user.created' AND actor = 'client:robot' AND detail = 'import'";
        assert_eq!(server.evidence().await.count(events).await, 3);

        // A row of very many members is not read once for each.
        let members: serde_json::Map<_, _> = (0..50_000).map(|n| (format!("m{n}"), json!(0))).collect();
        let row = json!({ "username": 1, "email": 2 }).as_object().cloned().unwrap().into_iter().chain(members);
        let row = Value::Object(row.collect()).to_string();
        let report = keyed(&api, "k6", "/users/import?dry_run=true", "application/jsonl", &row).await.ok().json();
        assert_eq!(report["taken"], 0, "{report}");

        let many: Vec<_> = (0..201).map(|n| format!("{{\"username\":\"p{n}\"}}")).collect();
        let wide = format!("username,{}\nwide,1\nwider,1\n", "x".repeat(100_000));
        for (status, content_type, body) in [
            (422, "application/jsonl", many.join("\n")),
            (422, "text/csv", "name\nsora\n".to_owned()),
            (413, "application/jsonl", " ".repeat(1024 * 1024 + 1)),
            (415, "application/json", "[]".to_owned()),
        ] {
            let refused = keyed(&api, "k4", "/users/import", content_type, &body).await;
            assert_eq!(refused.status, status, "{content_type}: {}", refused.text);
        }
        assert_eq!(api.get("/users?search=p").await.ok().json()["items"], json!([]));
        let report = keyed(&api, "k5", "/users/import", "text/csv", &wide).await.ok();
        assert!(report.text.len() < 1000 && report.json()["taken"] == 0, "{}", report.text);
        let last = keyed(&api, "k4", "/users/import", "application/jsonl", &many[..200].join("\n")).await.ok();
        assert_eq!(last.json()["taken"], 200, "{}", last.text);
    }
}

both! {
    async fn a_person_is_found_by_any_name_shown_with_what_is_open_and_exported(database) {
        let mails = Mailbox::new();
        let server = Server::start_with(&database, &[("mail.url", &mails.url())]).await;
        let api = Api::machine(&server, "robot", EVERY_SCOPE).await;
        let alice = server.alice().await;
        server.evidence().await.put_identity(&alice, "12:34", server.now().now().timestamp_millis()).await;
        let app = server.client("app", |_| {}).await;
        let (_, refresh) = app.password("openid").await.pair();
        let person = api.get(&format!("/users/{alice}")).await.ok();
        let address = person.json()["email"].as_str().unwrap().to_owned();
        for named in ["ALICE", &address, &alice, "idp:12:34"] {
            let found = api.get(&format!("/users/find?named={named}")).await.ok();
            assert_eq!((found.json(), etag(&found)), (person.json(), etag(&person)), "{named}");
        }
        assert_eq!(api.get("/users/find?named=nobody").await.status, 404);
        assert_eq!(api.get("/users/find").await.status, 400);
        for name in ["duri", "sora"] {
            let made = api.post("/users", json!({ "username": name, "email": "both@example.com" })).await;
            assert_eq!(made.status, 201, "{}", made.text);
        }
        assert_eq!(api.get("/users/find?named=both@example.com").await.status, 409);

        let mut browser = server.browser();
        let login = browser.open("/account").await;
        browser.sign_in(&login).await;
        let path = format!("/users/{alice}/overview");
        let shown = api.get(&path).await.ok().json();
        let ways = json!({ "password": true, "providers": ["idp"], "passkeys": 0, "one_time_codes": false, "recovery_codes_left": 0 });
        assert_eq!(shown["factors"], ways);
        assert_eq!((&shown["apps"][0]["client"], shown["sessions"].as_array().unwrap().len()), (&json!("app"), 1), "{shown}");
        assert!(shown["last_sign_in"].is_string(), "{shown}");
        assert_eq!(api.get("/users/nobody/overview").await.status, 404);

        let rows = api.get("/users/export").await.ok().json();
        let row = rows["items"].as_array().unwrap().iter().find(|row| row["username"] == "alice").unwrap();
        assert_eq!((&row["sub"], &row["identities"][0]["subject"], row.get("password_hash")), (&json!(alice), &json!("12:34"), None));
        assert_eq!(api.get("/users/export?after=nonsense").await.status, 400);

        let set = json!({ "password": "temporary 1234", "temporary": true });
        api.send(Method::PUT, &format!("/users/{alice}/password"), None, Some(set)).await.ok();
        app.refresh(&refresh).await.refused(400, "invalid_grant");
        app.password_as("alice", "temporary 1234", "read").await.refused(400, "invalid_grant");
        assert_eq!(api.get(&format!("/users/{alice}")).await.ok().json()["password_temporary"], true);
        assert_eq!(api.get(&path).await.ok().json()["apps"], json!([]));
        let link = api.post(&format!("/users/{alice}/recover?print=true"), json!({})).await.ok();
        assert!(link.text("link").contains("/recover?secret=") && link.json().get("mailed_to").is_none(), "{}", link.text);
        let mailed = api.post(&format!("/users/{alice}/recover"), json!({})).await.ok();
        assert_eq!(mailed.json(), json!({ "mailed_to": address }));
    }
}
