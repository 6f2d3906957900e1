//! `mapae token preview`: what tokens would say, before any is issued; and tokens that are large.

use serde_json::{Value, json};

use crate::support::{Binary, Cli, ClientArguments, Database, PASSWORD, USERNAME, both};
use crate::support::{decode_claims, free_port, http};

async fn furnish(cli: &Cli) {
    for arguments in [
        &[
            "user",
            "create",
            "--username",
            USERNAME,
            "--email",
            "a@b.example",
            "--email-verified",
            "--name",
            "Alice",
            "--password-stdin",
        ][..],
        &["group", "create", "--name", "staff"],
        &["user", "add-group", "--username", USERNAME, "--group", "staff"],
        &[
            "client",
            "create",
            "--id",
            "app",
            "--name",
            "App",
            "--kind",
            "confidential",
            "--grant",
            "password",
            "--scope",
            "openid email groups roles",
            "--claim",
            "groups",
            "--claim",
            "tenant=acme",
            "--id-token-claims",
            "--audience",
            "https://api",
        ],
        &["role", "create", "--client", "app", "--name", "editor"],
        &["user", "grant-role", "--username", USERNAME, "--role", "app:editor"],
    ] {
        cli.json(arguments, Some(PASSWORD)).await;
    }
}

async fn preview(cli: &Cli, more: &[&str]) -> Value {
    let asked = ["token", "preview", "--client", "app", "--username", USERNAME];
    cli.json(&[&asked[..], more].concat(), None).await
}

/// The claims without those that differ from token to token.
fn lasting(claims: &Value) -> Value {
    let mut claims = claims.as_object().unwrap().clone();
    let passing = ["jti", "sid", "at_hash", "iat", "nbf", "exp", "auth_time"];
    claims.retain(|name, _| !passing.contains(&name.as_str()));
    Value::Object(claims)
}

both! {
    async fn a_preview_says_what_the_tokens_say(database) {
        let server = Binary::start(&database).await;
        let cli = &server.cli;
        furnish(cli).await;
        let secret = cli.json(&["client", "rotate-secret", "--id", "app"], None).await;
        let app = crate::support::App {
            id: "app".to_owned(),
            secret: Some(secret["client_secret"].as_str().unwrap().to_owned()),
            base: cli.get("MAPAE_ISSUER").to_owned(),
            http: http(),
        };
        let evidence = server.evidence().await;
        let families = "SELECT count(*) AS n FROM family";
        for scope in ["openid email groups roles", "openid", "groups", "email roles"] {
            let before = evidence.count(families).await;
            let shown = preview(cli, &["--scope", scope]).await;
            assert_eq!(evidence.count(families).await, before, "nothing is issued");
            let tokens = app.password(scope).await.ok().json();
            let access = tokens["access_token"].as_str().unwrap();
            assert_eq!(lasting(&shown["access_token"]), lasting(&decode_claims(access)), "{scope}");
            let length = shown["bytes"]["access_token"].as_u64().unwrap();
            assert!(length.abs_diff(access.len() as u64) < 8, "{length} {}", access.len());
            if let Some(id) = tokens["id_token"].as_str() {
                assert_eq!(lasting(&shown["id_token"]), lasting(&decode_claims(id)), "{scope}");
                assert_eq!(shown["userinfo"], app.userinfo(access).await.ok().json(), "{scope}");
            } else {
                assert!(shown["id_token"].is_null() && shown["userinfo"].is_null(), "{scope}");
                assert!(shown["bytes"]["id_token"].is_null());
            }
            // Claims and no tokens.
            assert!(!shown.to_string().contains("eyJ"), "{shown}");
        }
    }

    async fn a_preview_warns_of_what_is_easily_forgotten(database) {
        let cli = Cli::installed(&database).await;
        furnish(&cli).await;
        // The keys are made by the first start.
        let server = cli.serve().await;
        let cli = &server.cli;
        let warnings = async |more: &[&str]| preview(cli, more).await["warnings"].to_string();
        assert_eq!(warnings(&["--scope", "openid groups"]).await, "[]");
        assert!(warnings(&["--scope", "openid profile groups"]).await.contains("profile"));
        assert!(warnings(&["--scope", "openid"]).await.contains("rule for groups"));
        let shown = preview(cli, &["--audience", "https://api"]).await;
        assert!(shown["access_token"]["aud"].to_string().contains("https://api"), "{shown}");
        assert_eq!(shown["access_token"]["scope"], "email groups openid roles");
        for (flag, value, word) in [
            ("--audience", "https://other", "not registered"), ("--client", "none", "no client"),
            ("--username", "nobody", "no user"),
        ] {
            let mut asked = vec!["token", "preview"];
            for (name, good) in [("--client", "app"), ("--username", USERNAME)] {
                asked.extend([name, if name == flag { value } else { good }]);
            }
            if flag == "--audience" {
                asked.extend([flag, value]);
            }
            let said = cli.run(&asked, None).await;
            assert!(said.code == 1 && said.err.contains(word), "{asked:?} {said:?}");
        }
        cli.json(&["client", "update", "--id", "app", "--claim", ""], None).await;
        assert!(warnings(&["--scope", "groups"]).await.contains("--claim groups"));
        cli.json(&["user", "disable", "--username", USERNAME], None).await;
        cli.json(&["client", "disable", "--id", "app"], None).await;
        let said = warnings(&["--scope", "openid"]).await;
        assert!(said.contains("client is disabled") && said.contains("account is disabled"), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_token_is_issued_logged_and_counted() {
    let mut cli = Cli::prepared(&Database::Sqlite).await;
    cli.set("MAPAE_ADMIN_LISTEN", format!("127.0.0.1:{}", free_port()));
    let server = cli.serve().await;
    server.user(USERNAME, PASSWORD).await;
    let app = server.register("app", &ClientArguments::by_password()).await;
    let metrics = async || {
        let url = format!("http://{}/metrics", server.cli.get("MAPAE_ADMIN_LISTEN"));
        http().get(url).send().await.unwrap().text().await.unwrap()
    };
    let counted =
        |kind: &str, times: u32| format!("mapae_large_tokens_total{{token=\"{kind}\"}} {times}");
    app.password("openid").await.ok();
    assert!(metrics().await.contains(&counted("access_token", 0)));
    for number in 0..40 {
        let name = format!("{number:03}{}", "g".repeat(97));
        server.cli(&["group", "create", "--name", &name], None).await;
        let member = ["user", "add-group", "--username", USERNAME, "--group", &name];
        server.cli(&member, None).await;
    }
    let scope = ["--scope", "openid groups", "--claim", "groups"];
    server.cli(&[&["client", "update", "--id", "app"], &scope[..]].concat(), None).await;
    crate::support::eventually("the server knows the rule", async || {
        let tokens = app.password("openid groups").await;
        tokens.status == 200 && tokens.text("access_token").len() > 4096
    })
    .await;
    let metrics = metrics().await;
    for kind in ["access_token", "id_token"] {
        assert!(metrics.contains(&counted(kind, 1)), "{metrics}");
    }
    let log = server.whole_log().await;
    assert!(log.contains("\"token.large\"") && !log.contains("eyJ"), "{log}");
    let shown = preview(&server.cli, &["--scope", "openid groups"]).await;
    assert!(shown["warnings"].to_string().contains("token.large"), "{shown}");
    assert_eq!(shown["id_token"]["groups"].as_array().unwrap().len(), 40);
    assert_eq!(shown["id_token"]["groups"][0], json!(format!("000{}", "g".repeat(97))));
}
