//! Groups of people, roles at clients, and claim rules: what they put into tokens, and how they end.

use std::collections::BTreeSet;

use mapae::domain::client::Client;
use mapae::domain::scope::Scope;
use serde_json::{Value, json};

use crate::support::{App, Cli, Server, USERNAME, both, decode_claims};

const SCOPE: &str = "openid profile email offline_access read groups roles";

fn asking(client: &mut Client) {
    client.metadata.scope = Scope::parse(SCOPE).unwrap();
}

fn with_rules(client: &mut Client, rules: Value) {
    asking(client);
    client.metadata.claims = serde_json::from_value(rules).unwrap();
}

async fn group(cli: &Cli, verb: &str, name: &str) -> Value {
    cli.json(&["group", verb, "--name", name], None).await
}

async fn join(cli: &Cli, verb: &str, group: &str) -> Value {
    cli.json(&["user", verb, "--username", USERNAME, "--group", group], None).await
}

async fn grant(cli: &Cli, verb: &str, role: &str) -> Value {
    cli.json(&["user", verb, "--username", USERNAME, "--role", role], None).await
}

/// What the id token, the access token and userinfo say.
async fn told(app: &App, tokens: &Value) -> [Value; 3] {
    let token = |name: &str| tokens[name].as_str().unwrap();
    [
        decode_claims(token("id_token")),
        decode_claims(token("access_token")),
        app.userinfo(token("access_token")).await.ok().json(),
    ]
}

fn words(value: &Value) -> BTreeSet<String> {
    serde_json::from_value(value.clone()).unwrap_or_else(|_| panic!("a list of words: {value}"))
}

both! {
    async fn groups_are_told_to_a_client_with_the_rule_if_the_scope_asks(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let cli = server.cli().await;
        for name in ["staff", "team-a", "팀 나", "others"] {
            group(&cli, "create", name).await;
        }
        for name in ["team-a", "staff", "팀 나"] {
            assert_eq!(join(&cli, "add-group", name).await["changed"], true);
        }
        let app = server.client("app", asking).await;
        // Without the rule the scope alone says nothing.
        for claims in told(&app, &app.password("openid groups").await.ok().json()).await {
            assert!(claims.get("groups").is_none(), "{claims}");
        }
        let updated = cli.json(&["client", "update", "--id", "app", "--claim", "groups"], None).await;
        assert_eq!(updated["claims"], json!([{ "claim": "groups", "from": "groups" }]));
        server.forget_clients();
        let tokens = app.password("openid groups").await.ok().json();
        assert_eq!(tokens["scope"], "groups openid");
        for claims in told(&app, &tokens).await {
            assert_eq!(claims["groups"], json!(["staff", "team-a", "팀 나"]), "{claims}");
        }
        for claims in told(&app, &app.password("openid profile").await.ok().json()).await {
            assert!(claims.get("groups").is_none(), "{claims}");
        }
        // A client that gets a token for itself is in no group.
        let own = app.token(&[("grant_type", "client_credentials"), ("scope", "groups")]).await.ok();
        assert!(decode_claims(&own.text("access_token")).get("groups").is_none());
        let shown = cli.json(&["user", "show", "--username", USERNAME], None).await;
        assert_eq!(shown["groups"], json!(["staff", "team-a", "팀 나"]));
    }

    async fn a_group_that_was_taken_is_gone_from_the_next_refreshed_token(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let cli = server.cli().await;
        for name in ["one", "two", "three"] {
            group(&cli, "create", name).await;
            join(&cli, "add-group", name).await;
        }
        let app = server.client("app", |client| with_rules(client, json!(["groups"]))).await;
        let mut tokens = app.password("openid groups").await.ok().json();
        let mut expected = BTreeSet::from(["one", "two", "three"].map(str::to_owned));
        for [verb, name] in [["", ""], ["remove", "two"], ["delete", "three"], ["remove", "one"]] {
            match verb {
                "remove" => drop(join(&cli, "remove-group", name).await),
                "delete" => drop(group(&cli, "delete", name).await),
                _ => {}
            }
            expected.remove(name);
            let userinfo = app.userinfo(tokens["access_token"].as_str().unwrap()).await.ok().json();
            assert_eq!(words(&userinfo["groups"]), expected, "at once at userinfo: {verb} {name}");
            tokens = app.refresh(tokens["refresh_token"].as_str().unwrap()).await.ok().json();
            for claims in told(&app, &tokens).await {
                assert_eq!(words(&claims["groups"]), expected, "{verb} {name} {claims}");
            }
        }
        // A narrower scope says less, and a rule that was taken back says nothing.
        let refresh = tokens["refresh_token"].as_str().unwrap();
        let narrow = app.refresh_with(refresh, &[("scope", "openid")]).await.ok().json();
        assert!(decode_claims(narrow["id_token"].as_str().unwrap()).get("groups").is_none());
        let updated = cli.json(&["client", "update", "--id", "app", "--claim", ""], None).await;
        assert_eq!(updated["claims"], json!([]));
        server.forget_clients();
        let next = app.refresh(narrow["refresh_token"].as_str().unwrap()).await.ok().json();
        assert!(decode_claims(next["access_token"].as_str().unwrap()).get("groups").is_none());
    }

    async fn a_rule_has_its_own_name_a_filter_and_an_audience(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let cli = server.cli().await;
        for name in ["team-a", "team-b", "staff"] {
            group(&cli, "create", name).await;
            join(&cli, "add-group", name).await;
        }
        let app = server.client("app", |client| {
            asking(client);
            client.metadata.audiences = vec!["https://api".to_owned(), "https://other".to_owned()];
        })
        .await;
        let teams = r#"{"claim":"teams","from":"groups","only":["team-*"]}"#;
        let level = r#"{"claim":"level","value":3,"audience":"https://api"}"#;
        let mine = r#"{"claim":"mine","value":["x"],"audience":"app"}"#;
        let rules = ["--claim", teams, "--claim", level, "--claim", mine, "--claim", "tenant=acme"];
        cli.json(&[&["client", "update", "--id", "app"], &rules[..]].concat(), None).await;
        server.forget_clients();
        let tokens = app.password("openid groups").await.ok().json();
        let [id, access, userinfo] = told(&app, &tokens).await;
        for claims in [&id, &access, &userinfo] {
            assert_eq!(words(&claims["teams"]), words(&json!(["team-a", "team-b"])));
            assert_eq!(claims["tenant"], "acme");
            assert!(claims.get("groups").is_none());
        }
        for (claims, level, mine) in [
            (id, Value::Null, json!(["x"])),
            (userinfo, Value::Null, json!(["x"])),
            (access, json!(3), Value::Null),
        ] {
            assert_eq!((&claims["level"], &claims["mine"]), (&level, &mine), "{claims}");
        }
        let fields = [("grant_type", "client_credentials"), ("resource", "https://other")];
        let own = decode_claims(&app.token(&fields).await.ok().text("access_token"));
        assert_eq!((&own["tenant"], own.get("level")), (&json!("acme"), None));
    }

    async fn rules_that_would_lie_about_a_token_are_refused(database) {
        let cli = Cli::installed(&database).await;
        let made = ["client", "create", "--id", "app", "--name", "App", "--kind", "confidential"];
        cli.json(&made, None).await;
        for rule in [
            "sub=x", "scope=admin", "email=a@b.example", "roles=owner", "groups=admins",
            r#"{"claim":"a","value":1,"audience":"https://elsewhere"}"#, r#"{"claim":"a"}"#,
        ] {
            let said = cli.run(&["client", "update", "--id", "app", "--claim", rule], None).await;
            assert_eq!(said.code, 2, "{rule} {said:?}");
        }
        let twice = ["client", "update", "--id", "app", "--claim", "a=1", "--claim", "a=2"];
        assert_eq!(cli.run(&twice, None).await.code, 2);
        assert_eq!(cli.json(&["client", "show", "--id", "app"], None).await["claims"], json!([]));
    }

    async fn roles_stand_in_tokens_of_their_client_or_resource_alone(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let cli = server.cli().await;
        let app = server.client("app", |client| {
            asking(client);
            let audiences = ["https://plain", "https://api", "https://second"];
            client.metadata.audiences = audiences.map(str::to_owned).to_vec();
        })
        .await;
        for (id, audience) in [("api", "https://api"), ("second", "https://second")] {
            server.client(id, |client| client.metadata.resource_servers = vec![audience.to_owned()]).await;
        }
        for (client, name) in [("app", "editor"), ("app", "viewer"), ("api", "reader"), ("second", "boss")] {
            let made = cli.json(&["role", "create", "--client", client, "--name", name], None).await;
            assert_eq!(made["role"], format!("{client}:{name}"));
        }
        for role in ["app:viewer", "app:editor", "api:reader", "second:boss"] {
            assert_eq!(grant(&cli, "grant-role", role).await["granted"], true);
        }
        assert_eq!(grant(&cli, "grant-role", "app:editor").await["granted"], false);
        let shown = cli.json(&["user", "show", "--username", USERNAME], None).await;
        assert_eq!(shown["roles"], json!(["api:reader", "app:editor", "app:viewer", "second:boss"]));

        let own = json!(["editor", "viewer"]);
        for (scope, resources, in_access) in [
            ("openid roles", vec![], Some(own.clone())),
            ("openid roles", vec!["https://plain"], Some(own.clone())),
            ("openid roles", vec!["https://api"], Some(json!(["reader"]))),
            // A role at one of two APIs would look like a role at the other.
            ("openid roles", vec!["https://api", "https://second"], None),
            ("openid", vec![], None),
        ] {
            let mut fields = vec![("grant_type", "password"), ("scope", scope),
                ("username", USERNAME), ("password", crate::support::PASSWORD)];
            fields.extend(resources.iter().map(|resource| ("resource", *resource)));
            let tokens = app.token(&fields).await.ok().json();
            let [id, access, userinfo] = told(&app, &tokens).await;
            assert_eq!(access.get("roles").cloned(), in_access, "{scope} {resources:?}");
            let own = scope.contains("roles").then(|| own.clone());
            assert_eq!((id.get("roles").cloned(), userinfo.get("roles").cloned()), (own.clone(), own));
        }
        let tokens = app.password("openid roles").await.ok().json();
        grant(&cli, "revoke-role", "app:editor").await;
        cli.json(&["role", "delete", "--client", "app", "--name", "viewer"], None).await;
        let next = app.refresh(tokens["refresh_token"].as_str().unwrap()).await.ok().json();
        for claims in told(&app, &next).await {
            assert_eq!(claims["roles"], json!([]));
        }
        let list = cli.json(&["role", "list", "--client", "app"], None).await;
        assert_eq!((&list["roles"][0]["name"], &list["roles"][1]), (&json!("editor"), &Value::Null));
    }

    async fn what_is_deleted_leaves_no_row(database) {
        let server = Server::start(&database).await;
        let cli = server.cli().await;
        server.client("app", asking).await;
        server.client("other", asking).await;
        for name in ["one", "two"] {
            group(&cli, "create", name).await;
        }
        for client in ["app", "other"] {
            cli.json(&["role", "create", "--client", client, "--name", "r"], None).await;
        }
        for user in ["bob", "carol"] {
            server.user(user, None).await;
            for group in ["one", "two"] {
                cli.json(&["user", "add-group", "--username", user, "--group", group], None).await;
            }
            for role in ["app:r", "other:r"] {
                cli.json(&["user", "grant-role", "--username", user, "--role", role], None).await;
            }
        }
        let evidence = server.evidence().await;
        let rows = async || {
            let mut counts = Vec::new();
            for table in ["people_group", "group_member", "client_role", "client_role_holder"] {
                counts.push(evidence.count(&format!("SELECT count(*) AS n FROM {table}")).await);
            }
            counts
        };
        assert_eq!(rows().await, [2, 4, 2, 4]);
        cli.json(&["user", "delete", "--username", "bob"], None).await;
        assert_eq!(rows().await, [2, 2, 2, 2]);
        group(&cli, "delete", "one").await;
        assert_eq!(rows().await, [1, 1, 2, 2]);
        cli.json(&["client", "delete", "--id", "app"], None).await;
        assert_eq!(rows().await, [1, 1, 1, 1]);
        cli.json(&["role", "delete", "--client", "other", "--name", "r"], None).await;
        assert_eq!(rows().await, [1, 1, 0, 0]);
        cli.json(&["user", "delete", "--username", "carol"], None).await;
        assert_eq!(rows().await, [1, 0, 0, 0]);
    }

    async fn verbs_say_what_is_not_there_and_change_nothing_twice(database) {
        let cli = Cli::installed(&database).await;
        cli.json(&["user", "create", "--username", USERNAME], None).await;
        let made = ["client", "create", "--id", "app", "--name", "App", "--kind", "confidential"];
        cli.json(&made, None).await;
        for name in ["b", "a", " a", "Ä/ops:x"] {
            group(&cli, "create", name).await;
        }
        let list = cli.json(&["group", "list"], None).await;
        let names: Vec<_> = list["groups"].as_array().unwrap().iter().map(|one| &one["name"]).collect();
        assert_eq!(names, [" a", "a", "b", "Ä/ops:x"]);
        let page = cli.json(&["group", "list", "--limit", "2"], None).await;
        assert_eq!(page["next"], "a");
        let page = cli.json(&["group", "list", "--limit", "2", "--after", "a"], None).await;
        assert_eq!((&page["groups"][0]["name"], &page["next"]), (&json!("b"), &Value::Null));
        assert_eq!(join(&cli, "add-group", "a").await["changed"], true);
        assert_eq!(join(&cli, "add-group", "a").await["changed"], false);
        assert_eq!(join(&cli, "remove-group", "b").await["changed"], false);
        let long = "x".repeat(101);
        let u = ["--username", USERNAME];
        for (arguments, word) in [
            (vec!["group", "create", "--name", "a"], "already"),
            (vec!["group", "create", "--name", ""], "1 to 100"),
            (vec!["group", "create", "--name", "a\tb"], "control"),
            (vec!["group", "create", "--name", &long], "1 to 100"),
            (vec!["group", "delete", "--name", "A"], "no group"),
            (vec!["user", "add-group", u[0], u[1], "--group", "none"], "no group"),
            (vec!["user", "add-group", u[0], "nobody", "--group", "a"], "no user"),
            (vec!["user", "remove-group", u[0], u[1], "--group", "none"], "no group"),
            (vec!["role", "create", "--client", "none", "--name", "r"], "no client"),
            (vec!["role", "create", "--client", "app", "--name", "a:b"], "colon"),
            (vec!["role", "delete", "--client", "app", "--name", "r"], "no role"),
            (vec!["user", "grant-role", u[0], u[1], "--role", "app:r"], "no role"),
            (vec!["user", "revoke-role", u[0], u[1], "--role", "none:r"], "no role"),
        ] {
            let said = cli.run(&arguments, None).await;
            assert!(said.code == 1 && said.err.contains(word), "{arguments:?} {said:?}");
        }
        let list = cli.json(&["audit", "list"], None).await.to_string();
        for kind in ["group.created", "group.member_added"] {
            assert!(list.contains(kind), "{kind} {list}");
        }
        assert_eq!(list.matches("group.member_added").count(), 1);
    }

    async fn many_changes_at_once_leave_one_row_or_none(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let cli = server.cli().await;
        for round in 0..3 {
            let name = format!("group-{round}");
            group(&cli, "create", &name).await;
            let add = ["user", "add-group", "--username", USERNAME, "--group", &name, "--json"];
            let added = tokio::join!(
                cli.run(&add, None), cli.run(&add, None), cli.run(&add, None), cli.run(&add, None),
            );
            let added = [added.0, added.1, added.2, added.3].map(|said| said.json()["changed"].clone());
            assert_eq!(added.iter().filter(|changed| **changed == true).count(), 1, "{added:?}");
            // Whoever is added while the group goes is in it before, or there is no such group.
            let delete = ["group", "delete", "--name", &name, "--json"];
            let (one, gone, other) =
                tokio::join!(cli.run(&add, None), cli.run(&delete, None), cli.run(&add, None));
            gone.json();
            for said in [one, other] {
                assert!(said.code == 0 || said.err.contains("no group"), "{said:?}");
            }
        }
        let evidence = server.evidence().await;
        assert_eq!(evidence.count("SELECT count(*) AS n FROM group_member").await, 0);
    }

    async fn the_metadata_and_the_consent_page_name_the_scopes(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.web_app("app", |client| with_rules(client, json!(["groups"]))).await;
        let metadata = server.url("/.well-known/openid-configuration");
        let metadata: Value = server.http.get(metadata).send().await.unwrap().json().await.unwrap();
        for list in ["scopes_supported", "claims_supported"] {
            for name in ["groups", "roles"] {
                assert!(metadata[list].as_array().unwrap().contains(&json!(name)), "{list} {name}");
            }
        }
        for (language, texts) in [
            ("en", ["See which groups you are in", "See your roles"]),
            ("ko", ["내가 속한 그룹 보기", "내 역할 보기"]),
        ] {
            let mut browser = server.browser();
            let changes = [("scope", "openid groups roles"), ("ui_locales", language), ("prompt", "consent")];
            let login = browser.open(&app.authorization_url(&changes)).await;
            let consent = browser.sign_in(&login).await;
            for text in texts {
                assert!(consent.reply.text.contains(text), "{text} {}", consent.reply.text);
            }
            assert!(!consent.reply.text.contains("<code>groups"), "{}", consent.reply.text);
        }
    }
}
