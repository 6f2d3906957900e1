//! Attributes of people that an operator declares: their types, and where they are told.

use mapae::domain::scope::Scope;
use reqwest::Method;
use serde_json::{Value, json};

use crate::admin_api::{Api, EVERY_SCOPE, etag};
use crate::my_account::send;
use crate::support::{Browser, Cli, Page, Server, USERNAME, both, decode_claims};

async fn declare(cli: &Cli, name: &str, kind: &str, scope: &str) {
    let arguments = ["attribute", "create", "--name", name, "--type", kind, "--scope", scope];
    cli.json(&arguments, None).await;
}

/// Sends the form of one's own attributes.
async fn save(browser: &mut Browser, fields: &[(&str, &str)]) -> Page {
    let account = browser.open("/account").await;
    send(browser, &account, "/account/attributes", fields).await
}

fn update<'a>(values: &[&'a str]) -> Vec<&'a str> {
    let mut arguments = vec!["user", "update", "--username", USERNAME];
    for value in values {
        arguments.extend(["--attribute", value]);
    }
    arguments
}

both! {
    async fn an_attribute_is_told_where_its_scope_was_granted(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let cli = server.cli().await;
        declare(&cli, "department", "string", "hr").await;
        declare(&cli, "level", "integer", "hr").await;
        declare(&cli, "on_call", "boolean", "ops").await;
        cli.json(&update(&["department=디자인", "level=3", "on_call=true"]), None).await;
        let shown = cli.json(&["user", "show", "--username", USERNAME], None).await;
        assert_eq!(shown["attributes"], json!({ "department": "디자인", "level": 3, "on_call": true }));
        let scope = Scope::parse("openid hr ops").unwrap();
        let plain = server.client("plain", |client| client.metadata.scope = scope.clone()).await;
        let told = server.client("told", |client| {
            client.metadata.scope = scope.clone();
            client.metadata.id_token_claims = true;
            let rules = json!(["level", { "claim": "team", "attribute": "department" }, "none"]);
            client.metadata.claims = serde_json::from_value(rules).unwrap();
        })
        .await;
        server.forget_clients();
        let tokens = plain.password("openid hr").await.ok();
        let userinfo = plain.userinfo(&tokens.text("access_token")).await.ok().json();
        assert_eq!((&userinfo["department"], &userinfo["level"]), (&json!("디자인"), &json!(3)));
        assert!(userinfo.get("on_call").is_none());
        for token in ["id_token", "access_token"] {
            let claims = decode_claims(&tokens.text(token));
            assert!(claims.get("department").is_none() && claims.get("level").is_none());
        }
        let tokens = told.password("openid hr").await.ok();
        let id = decode_claims(&tokens.text("id_token"));
        assert_eq!((&id["department"], &id["level"], &id["team"]), (&json!("디자인"), &json!(3), &json!("디자인")));
        let access = decode_claims(&tokens.text("access_token"));
        assert_eq!((&access["level"], &access["team"]), (&json!(3), &json!("디자인")));
        assert!(access.get("department").is_none() && access.get("none").is_none());
        let narrow = told.password("openid ops").await.ok();
        let claims = decode_claims(&narrow.text("access_token"));
        assert!(claims.get("level").is_none() && claims.get("team").is_none());
        // The next refreshed token has the new value, and nothing of what was taken back.
        cli.json(&update(&["department=", "level=4"]), None).await;
        let next = told.refresh(&tokens.text("refresh_token")).await.ok();
        let claims = decode_claims(&next.text("access_token"));
        assert_eq!((&claims["level"], claims.get("team")), (&json!(4), None));
    }

    async fn a_value_has_its_type_and_what_is_deleted_leaves_no_row(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        server.user("bob", None).await;
        let cli = server.cli().await;
        declare(&cli, "level", "integer", "hr").await;
        declare(&cli, "since", "date", "hr").await;
        for (value, word) in [
            ("level=high", "whole number"), ("since=yesterday", "date"), ("none=1", "no attribute"),
        ] {
            // Nothing of a change is kept that is refused in part.
            let said = cli.run(&update(&["level=1", value]), None).await;
            assert!(said.code == 1 && said.err.contains(word), "{value} {said:?}");
        }
        assert_eq!(cli.run(&update(&["level"]), None).await.code, 2);
        let shown = cli.json(&["user", "show", "--username", USERNAME], None).await;
        assert_eq!(shown["attributes"], json!({}));
        for (name, kind, scope, code) in [
            ("level", "string", "hr", 1), ("email", "string", "hr", 1), ("sub", "string", "hr", 1),
            ("x", "number", "hr", 2), ("x", "string", "a b", 1),
        ] {
            let arguments = ["attribute", "create", "--name", name, "--type", kind, "--scope", scope];
            assert_eq!(cli.run(&arguments, None).await.code, code, "{name} {kind} {scope}");
        }
        cli.json(&update(&["level=1", "since=2026-11-28"]), None).await;
        cli.json(&["user", "update", "--username", "bob", "--attribute", "level=2"], None).await;
        let evidence = server.evidence().await;
        let rows = async || evidence.count("SELECT count(*) AS n FROM attribute_value").await;
        assert_eq!(rows().await, 3);
        cli.json(&["attribute", "delete", "--name", "level"], None).await;
        assert_eq!(rows().await, 1);
        cli.json(&["user", "delete", "--username", USERNAME], None).await;
        assert_eq!(rows().await, 0);
        let list = cli.json(&["attribute", "list"], None).await;
        assert_eq!((&list["attributes"][0]["name"], &list["attributes"][1]), (&json!("since"), &Value::Null));
    }

    async fn the_audit_has_the_values_that_a_change_by_the_administration_replaced(database) {
        let server = Server::start(&database).await;
        let sub = server.alice().await;
        let api = Api::machine(&server, "robot", EVERY_SCOPE).await;
        let cli = server.cli().await;
        for (name, kind) in [("department", "string"), ("level", "integer"), ("desk", "string")] {
            declare(&cli, name, kind, "hr").await;
        }
        // What the newest event of somebody says. The command line has another clock.
        let told = async |actor: &str| {
            let events = api.get(&format!("/audit?user={sub}&kind=user.updated")).await.ok().json();
            let events = events["items"].as_array().unwrap().clone();
            let event = events.into_iter().find(|event| event["actor"] == actor).unwrap();
            (event["before"].clone(), event["after"].clone())
        };
        cli.json(&update(&["department=디자인", "level=3"]), None).await;
        let given = json!({ "attributes": { "department": "디자인", "level": 3 } });
        assert_eq!(told("operator").await, (json!({}), given));
        // Only what was replaced, and nothing of what stays as it is.
        let path = format!("/users/{sub}");
        for (change, before, after) in [
            (
                json!({ "attributes": { "department": "Board", "level": null, "desk": "7" } }),
                json!({ "attributes": { "department": "디자인", "level": 3 } }),
                json!({ "attributes": { "department": "Board", "desk": "7" } }),
            ),
            (
                json!({ "name": "Alice Kim", "attributes": { "department": "Board", "level": null } }),
                json!({ "claims": { "name": "Alice" } }),
                json!({ "claims": { "name": "Alice Kim" } }),
            ),
        ] {
            server.advance(1);
            let seen = etag(&api.get(&path).await.ok());
            api.send(Method::PATCH, &path, Some(&seen), Some(change)).await.ok();
            assert_eq!(told("client:robot").await, (before, after));
        }
    }

    async fn a_person_changes_their_own_values_of_what_the_operator_lets_them_edit(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let cli = server.cli().await;
        declare(&cli, "department", "string", "hr").await;
        for (name, kind, words) in [("desk", "string", "Your desk"), ("floor", "integer", "Your floor"), ("on_call", "boolean", "On call"), ("since", "date", "Here since")] {
            let made = cli.json(&["attribute", "create", "--name", name, "--type", kind, "--scope", "hr", "--editable",
                "--text-en", words, "--text-ko", "자리"], None).await;
            assert_eq!((&made["editable"], &made["texts"]["en"]), (&json!(true), &json!(words)));
        }
        cli.json(&update(&["department=Design"]), None).await;
        let plain = server.client("plain", |client| client.metadata.scope = Scope::parse("openid hr").unwrap()).await;
        server.forget_clients();
        let mut browser = server.browser();
        let login = browser.open("/account").await;
        let page = browser.sign_in(&login).await;
        assert!(page.reply.text.contains("Your desk") && page.reply.text.contains("Design"));
        assert!(page.has("attributes-submit") && !page.has("attribute-department"));
        let korean = browser.get("/account?lang=ko").await;
        assert!(korean.reply.text.contains("자리") && !korean.reply.text.contains("Your desk"));
        browser.get("/account?lang=en").await;
        // What is no value of the type is not taken, nor anything that was sent with it.
        for (name, value) in [("floor", "four"), ("since", "yesterday"), ("desk", "a\u{202e}b"), ("on_call", "yes")] {
            let fields = [("attribute-desk", "4F-12"), (&*format!("attribute-{name}"), value)];
            let fields = if name == "desk" { &fields[1..] } else { &fields[..] };
            let page = save(&mut browser, fields).await;
            assert_eq!(page.reply.status, 400, "{name}");
            assert!(page.has(&format!("attribute-{name}-problem")), "{name}");
        }
        let evidence = server.evidence().await;
        assert_eq!(evidence.count("SELECT count(*) AS n FROM attribute_value").await, 1);
        // An attribute that people may not edit is left alone, whatever the form says.
        server.advance(10);
        let fields = [("attribute-desk", " 4F-12 "), ("attribute-floor", "4"), ("attribute-on_call", "true"),
            ("attribute-since", "2024-02-29"), ("attribute-department", "Board")];
        let page = save(&mut browser, &fields).await;
        let page = browser.follow(page).await;
        assert!(page.reply.text.contains("Your profile is saved.") && page.reply.text.contains("4F-12"));
        let shown = cli.json(&["user", "show", "--username", USERNAME], None).await;
        let expected = json!({ "department": "Design", "desk": "4F-12", "floor": 4, "on_call": true, "since": "2024-02-29" });
        assert_eq!(shown["attributes"], expected);
        let tokens = plain.password("openid hr").await.ok();
        let userinfo = plain.userinfo(&tokens.text("access_token")).await.ok().json();
        assert_eq!((&userinfo["desk"], &userinfo["department"]), (&json!("4F-12"), &json!("Design")));
        // The same again is no change, and an empty field takes a value back.
        save(&mut browser, &fields).await;
        save(&mut browser, &[("attribute-floor", "")]).await;
        let events = evidence.events_of("user.updated").await;
        assert_eq!(events.iter().filter(|event| event.address.is_some()).count(), 2);
        let shown = cli.json(&["user", "show", "--username", USERNAME], None).await;
        assert_eq!(shown["attributes"].get("floor"), None);
        // From the moment on in which people may not edit it any more, nobody changes it.
        cli.json(&["attribute", "update", "--name", "desk", "--editable", "false"], None).await;
        save(&mut browser, &[("attribute-desk", "1F-1")]).await;
        let shown = cli.json(&["user", "show", "--username", USERNAME], None).await;
        assert_eq!(shown["attributes"]["desk"], "4F-12");
        // Nobody else sends this form.
        let account = browser.open("/account").await;
        let fields = [("session", account.hidden("session")), ("csrf", "x".to_owned()), ("attribute-floor", "1".to_owned())];
        let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
        browser.post("/account/attributes", &fields).await.is_error("forbidden");
    }

    async fn an_attribute_is_changed_but_not_its_type(database) {
        let server = Server::start(&database).await;
        let cli = server.cli().await;
        declare(&cli, "desk", "string", "hr").await;
        let words = cli.run(&["attribute", "update", "--name", "desk", "--text-en", "a\nb"], None).await;
        assert!(words.code == 1, "{words:?}");
        assert_eq!(cli.run(&["attribute", "update", "--name", "desk"], None).await.code, 2);
        assert_eq!(cli.run(&["attribute", "update", "--name", "none", "--scope", "x"], None).await.code, 1);
        let changed = cli.json(&["attribute", "update", "--name", "desk", "--scope", "place", "--editable", "--text-ko", "자리"], None).await;
        assert_eq!((&changed["scope"], &changed["type"], &changed["texts"]), (&json!("place"), &json!("string"), &json!({ "ko": "자리" })));
        let changed = cli.json(&["attribute", "update", "--name", "desk", "--text-ko", ""], None).await;
        assert_eq!((&changed["texts"], &changed["editable"]), (&json!({}), &json!(true)));
        let events = server.evidence().await.events_of("attribute.updated").await;
        assert_eq!(events.len(), 2);
        // The form of the account page takes fifty.
        for number in 0..50 {
            let name = format!("a{number}");
            let code = cli.run(&["attribute", "create", "--name", &name, "--type", "string", "--scope", "hr", "--editable"], None).await.code;
            assert_eq!(code, i32::from(number == 49), "{number}");
        }
    }
}
