//! Attributes of people that an operator declares: their types, and where they are told.

use mapae::domain::scope::Scope;
use serde_json::{Value, json};

use crate::support::{Cli, Server, USERNAME, both, decode_claims};

async fn declare(cli: &Cli, name: &str, kind: &str, scope: &str) {
    let arguments = ["attribute", "create", "--name", name, "--type", kind, "--scope", scope];
    cli.json(&arguments, None).await;
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
}
