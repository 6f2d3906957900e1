//! The installation as a file: `export`, `plan`, `apply`.

use std::fs;

use serde_json::{Value, json};

use crate::support::{Cli, both};

const SECRET: &str = "a-secret-of-forty-characters-as-it-has-to";

const FILE: &str = r#"
[[client]]
client_id = "shop"
kind = "confidential"
client_name = "가게"
grant_types = ["client_credentials"]
scope = "read write"
client_secret = { env = "SHOP_SECRET" }

[[client]]
client_id = "spa"
kind = "public"
grant_types = ["authorization_code", "refresh_token"]
redirect_uris = ["https://app.example.com/callback"]

[[provider]]
slug = "google"
preset = "google"
client_id = "123.apps.googleusercontent.com"
client_secret = { file = "google.secret" }
allowed_clients = ["spa"]

[[resource]]
id = "https://api.example.com"
resource_name = "주문"
scope = "read write"
access_lifetime = 120

[[group]]
name = "staff"

[[scope]]
name = "read"

[scope.texts]
en = "See your orders"
ko = "주문 내역 보기"

[[attribute]]
name = "desk"
type = "string"
scope = "hr"
editable = true

[attribute.texts]
ko = "자리"

[[role]]
name = "spa:editor"
"#;

async fn installed(database: &crate::support::Database) -> Cli {
    let mut cli = Cli::installed(database).await;
    cli.set("SHOP_SECRET", SECRET);
    crate::support::write_secret(cli.folder.path().join("google.secret"), "of-google\n");
    cli
}

fn write(cli: &Cli, text: &str) {
    fs::write(cli.folder.path().join("mapae.objects.toml"), text).unwrap();
}

const NAME: &str = "mapae.objects.toml";

async fn plan(cli: &Cli, code: i32, more: &[&str]) -> Value {
    let said = cli.run(&[&["plan", NAME, "--json"], more].concat(), None).await;
    assert_eq!(said.code, code, "{said:?}");
    serde_json::from_str(&said.out).unwrap_or(Value::Null)
}

fn changes(plan: &Value) -> Vec<String> {
    let changes = plan["changes"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    changes
        .map(|one| {
            format!("{} {} {}", text(&one["action"]), text(&one["kind"]), text(&one["name"]))
        })
        .collect()
}

both! {
    async fn what_is_planned_is_applied_and_applying_twice_changes_nothing(database) {
        let cli = installed(&database).await;
        write(&cli, FILE);
        let planned = plan(&cli, 2, &[]).await;
        let made = ["create group staff", "create scope read", "create attribute desk", "create resource https://api.example.com", "create client shop", "create client spa", "create role spa:editor", "create provider google"];
        assert_eq!(changes(&planned), made);
        assert!(!planned.to_string().contains(SECRET), "{planned}");
        let applied = cli.json(&["apply", NAME], None).await;
        assert_eq!(applied["changes"], planned["changes"]);
        assert_eq!(changes(&plan(&cli, 0, &["--prune"]).await), Vec::<String>::new());
        let again = cli.json(&["apply", NAME], None).await;
        assert_eq!(again["changes"], json!([]));
        // It is what was written, and the secret works.
        let shop = cli.json(&["client", "show", "--id", "shop"], None).await;
        assert_eq!((&shop["client_name"], &shop["scope"]), (&json!("가게"), &json!("read write")));
        let binary = cli.serve().await;
        let token = reqwest::Client::new()
            .post(format!("{}/token", binary.issuer()))
            .form(&[("grant_type", "client_credentials"), ("client_id", "shop"), ("client_secret", SECRET)])
            .send()
            .await
            .unwrap();
        assert_eq!(token.status(), 200);
    }

    async fn what_is_exported_is_no_difference_and_drift_is_seen(database) {
        let cli = installed(&database).await;
        write(&cli, FILE);
        cli.json(&["apply", NAME], None).await;
        let exported = cli.run(&["export"], None).await;
        assert!(exported.code == 0 && !exported.out.contains(SECRET), "{exported:?}");
        assert!(exported.out.contains("SHOP_CLIENT_SECRET") && exported.out.contains("[[provider]]"));
        write(&cli, &exported.out);
        let same = plan(&cli, 0, &["--prune"]).await;
        assert_eq!(same["notes"].as_array().unwrap().len(), 2, "the secrets are kept: {same}");
        cli.json(&["client", "update", "--id", "shop", "--scope", "read", "--logo-uri", "https://a.example/x.png"], None).await;
        cli.json(&["resource", "update", "--id", "https://api.example.com", "--access-lifetime", "", "--token-alg", "ES256"], None).await;
        let mut drift = plan(&cli, 2, &[]).await;
        let resource = drift["changes"].as_array_mut().unwrap().remove(0);
        assert_eq!(resource["members"], json!({ "access_lifetime": ["", 120], "token_alg": ["ES256", ""] }));
        assert_eq!(drift["changes"][0]["members"]["scope"], json!(["read", "read write"]));
        assert_eq!(drift["changes"][0]["members"]["logo_uri"], json!(["https://a.example/x.png", ""]));
        cli.json(&["apply", NAME], None).await;
        plan(&cli, 0, &["--prune"]).await;
        // Drift of attributes and roles is seen and taken back.
        cli.json(&["attribute", "update", "--name", "desk", "--editable", "false", "--text-ko", "책상"], None).await;
        cli.json(&["role", "delete", "--client", "spa", "--name", "editor"], None).await;
        let drift = plan(&cli, 2, &[]).await;
        assert_eq!(changes(&drift), ["update attribute desk", "create role spa:editor"]);
        assert_eq!(drift["changes"][0]["members"]["editable"], json!([false, true]));
        cli.json(&["apply", NAME], None).await;
        plan(&cli, 0, &["--prune"]).await;
        // What is not declared goes with --prune: a group with its members, the words of a scope, an
        // attribute with its values, a role with its holders.
        cli.run(&["user", "create", "--username", "hana"], None).await;
        for verb in [&["group", "create", "--name", "old"][..], &["user", "add-group", "--username", "hana", "--group", "old"],
            &["attribute", "create", "--name", "old", "--type", "string", "--scope", "hr"], &["user", "update", "--username", "hana", "--attribute", "old=x"],
            &["role", "create", "--client", "spa", "--name", "old"], &["user", "grant-role", "--username", "hana", "--role", "spa:old"],
            &["scope", "update", "--name", "read", "--text-en", "Other words"],
            &["scope", "create", "--name", "write", "--text-en", "Change your orders", "--text-ko", "주문 바꾸기"]] {
            let said = cli.run(verb, None).await;
            assert_eq!(said.code, 0, "{verb:?}: {said:?}");
        }
        let mut expected = ["delete group old", "update scope read", "delete scope write", "delete attribute old", "delete role spa:old"];
        assert_eq!(changes(&plan(&cli, 2, &["--prune"]).await), expected);
        expected.sort_unstable();
        let applied = cli.json(&["apply", NAME, "--prune"], None).await;
        let mut done = changes(&applied);
        done.sort_unstable();
        assert_eq!(done, expected);
        plan(&cli, 0, &["--prune"]).await;
        let hana = cli.json(&["user", "show", "--username", "hana"], None).await;
        assert_eq!(hana["groups"], json!([]));
    }

    async fn a_plan_whose_base_has_changed_is_refused(database) {
        let cli = installed(&database).await;
        write(&cli, FILE);
        plan(&cli, 2, &["--out", "plan.json"]).await;
        cli.json(&["client", "create", "--id", "other", "--kind", "public"], None).await;
        let said = cli.run(&["apply", "plan.json"], None).await;
        assert!(said.code == 1 && said.err.contains("changed since"), "{said:?}");
        plan(&cli, 2, &["--prune", "--out", "plan.json"]).await;
        let applied = cli.json(&["apply", "plan.json"], None).await;
        assert!(changes(&applied).contains(&"delete client other".to_owned()), "{applied}");
        let clients = cli.json(&["client", "list"], None).await;
        assert_eq!(clients["clients"].as_array().unwrap().len(), 2);
        plan(&cli, 0, &["--prune"]).await;
    }

    async fn an_export_and_a_plan_replace_their_own_files_alone(database) {
        let mut cli = installed(&database).await;
        write(&cli, FILE);
        cli.json(&["apply", NAME], None).await;
        cli.json(&["user", "create", "--username", "hana"], None).await;
        let folder = cli.folder.path().to_owned();
        fs::write(folder.join("mapae.toml"), "").unwrap();
        fs::write(folder.join("notes"), "mine\n").unwrap();
        cli.set("MAPAE_CONFIG", folder.join("mapae.toml").display().to_string());
        let verbs: [(&[&str], &str); 3] = [
            (&["export", "--output"], "objects"),
            (&["export", "--users", "--output"], "people"),
            (&["plan", NAME, "--out"], "planned"),
        ];
        for (verb, own) in verbs {
            for _ in ["new", "again"] {
                let said = cli.run(&[verb, &[own]].concat(), None).await;
                assert_eq!(said.code, 0, "{own}: {said:?}");
            }
        }
        for (verb, own) in verbs {
            for other in ["mapae.toml", "notes", NAME, "objects", "people", "planned"] {
                let was = fs::read(folder.join(other)).unwrap();
                let said = cli.run(&[verb, &[other]].concat(), None).await;
                let expected = i32::from(other != own);
                assert_eq!(said.code, expected, "{verb:?} {other}: {said:?}");
                if other != own {
                    assert!(said.err.contains(other), "{said:?}");
                    assert_eq!(fs::read(folder.join(other)).unwrap(), was, "{verb:?} {other}");
                }
            }
        }
    }

    async fn a_file_with_a_mistake_changes_nothing_and_names_line_and_key(database) {
        let cli = installed(&database).await;
        for (from, to, words) in [
            ("scope = \"read write\"", "scope = \"read  write\"", &["line 7", "shop", "scope"][..]),
            ("client_name", "name", &["line 5", "name", "not an attribute"]),
            ("kind = \"public\"\n", "", &["line 10", "spa", "kind is missing"]),
            ("SHOP_SECRET", "NOT_SET", &["line 8", "client_secret", "NOT_SET"]),
            ("client_secret = { env = \"SHOP_SECRET\" }", "", &["line 2", "shop", "client_secret is missing"]),
            ("{ env = \"SHOP_SECRET\" }", "\"in plain\"", &["line 8", "reference"]),
            ("preset = \"google\"", "preset = \"nobody\"", &["line 18", "preset"]),
            ("[\"spa\"]", "[\"gone\"]", &["google", "no client \"gone\""]),
            ("[[provider]]", "[[thing]]", &["line 16", "thing"]),
            ("slug = \"google\"", "slug = ", &["line 17"]),
            ("name = \"staff\"", "name = \"staff\"\nmembers = []", &["line 31", "group staff", "members"]),
            ("name = \"read\"", "name = \"openid\"", &["scope openid", "words of ours"]),
            ("en = \"See your orders\"", "en = 5", &["scope read", "texts"]),
            ("[scope.texts]", "[scope.words]", &["scope read", "words"]),
            ("type = \"string\"", "type = \"colour\"", &["line 41", "attribute desk", "type"]),
            ("editable = true", "editable = \"yes\"", &["attribute desk", "true or false"]),
            ("ko = \"자리\"", "tlh = \"x\"", &["attribute desk", "tlh"]),
            ("spa:editor", "gone:editor", &["role gone:editor", "no client"]),
            ("spa:editor", "editor", &["role editor", "CLIENT:ROLE"]),
        ] {
            assert!(FILE.contains(from), "{from}");
            write(&cli, &FILE.replacen(from, to, 1));
            for verb in ["plan", "apply"] {
                let said = cli.run(&[verb, NAME], None).await;
                let told = words.iter().all(|word| said.err.contains(word));
                assert!(said.code == 1 && told, "{verb} {to}: {said:?}");
            }
            let clients = cli.json(&["client", "list"], None).await;
            assert_eq!(clients["clients"], json!([]), "{to}");
        }
        let wrong = cli.run(&["plan"], None).await;
        assert_eq!(wrong.code, 1, "2 says that there is a difference: {wrong:?}");
    }
}
