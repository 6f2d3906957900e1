//! People who move in: `mapae import`, their first sign-in with the hash that another program made,
//! and temporary passwords.

use serde_json::{Value, json};

use crate::recovery::submit;
use crate::support::{App, Cli, Evidence, PASSWORD, Server, both};

const MOVED: &str = "correct horse 마패";

fn fixture(name: &str) -> String {
    format!("{}/tests/import/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// Imports a file. The report and the exit code.
async fn import(cli: &Cli, from: &str, file: &str, more: &[&str]) -> (i32, Value) {
    let verb = [&["import", "--from", from, file, "--json"], more].concat();
    let said = cli.run(&verb, None).await;
    let report = serde_json::from_str(&said.out);
    (said.code, report.unwrap_or_else(|_| panic!("one JSON document: {said:?}")))
}

/// Imports a text.
async fn import_text(cli: &Cli, from: &str, text: &str, more: &[&str]) -> (i32, Value) {
    let file = cli.folder.path().join("people");
    std::fs::write(&file, text).unwrap();
    import(cli, from, file.to_str().unwrap(), more).await
}

fn lines(rows: &[Value]) -> String {
    let rows: Vec<_> = rows.iter().map(Value::to_string).collect();
    format!("{}\n", rows.join("\n"))
}

/// The hashes that programs made of [`MOVED`], by name.
fn hashes() -> Vec<(String, String)> {
    let text = std::fs::read_to_string(fixture("hashes.tsv")).unwrap();
    let rows = text.lines().filter(|line| !line.starts_with('#'));
    rows.map(|line| {
        let cells: Vec<&str> = line.split('\t').collect();
        (cells[0].to_owned(), cells[2].to_owned())
    })
    .collect()
}

async fn stored(evidence: &Evidence, username: &str) -> String {
    let sql = format!("SELECT password_hash AS text FROM account WHERE username = '{username}'");
    evidence.texts(&sql).await.remove(0)
}

async fn wrong(app: &App, username: &str, password: &str) {
    app.password_as(username, password, "read").await.refused(400, "invalid_grant");
}

/// No password is refused because other attempts waited before it.
const PATIENT: [(&str, &str); 2] = [("hashing.memory_kib", "7168"), ("hashing.passes", "1")];

both! {
    async fn every_foreign_hash_signs_in_once_and_is_ours_then(database) {
        let server = Server::start_with(&database, &PATIENT).await;
        let (cli, evidence) = (server.cli().await, server.evidence().await);
        let app = server.client("app", |_| {}).await;
        let mut hashes = hashes();
        // The dear ones sign in first: a refusal takes as long as the slowest that is left.
        hashes.sort_by_key(|(name, _)| name.starts_with("passlib"));
        let rows: Vec<Value> = hashes
            .iter()
            .enumerate()
            .map(|(n, (_, hash))| json!({ "username": format!("p{n}"), "password_hash": hash }))
            .collect();
        let (code, report) = import_text(&cli, "jsonl", &lines(&rows), &[]).await;
        assert_eq!((code, &report["taken"]), (0, &json!(hashes.len())), "{report}");
        assert_eq!(report["skipped"], json!([]));
        // Neither a weak hash nor its salt stands there bare.
        let weak = hashes.iter().filter(|(name, _)| {
            ["md5", "ldap", "phpass", "sha256"].iter().any(|kind| name.contains(kind))
        });
        let every = evidence.texts("SELECT password_hash AS text FROM account").await.join("\n");
        for (name, hash) in weak.filter(|(name, _)| !name.contains("pbkdf2") && !name.contains("bcrypt")) {
            let last = hash.rsplit(['$', '}']).next().unwrap();
            assert!(!every.contains(last), "{name}");
        }
        assert!(report["wrapped"].as_u64().unwrap() >= 6, "{report}");
        for (n, (name, _)) in hashes.iter().enumerate() {
            let username = format!("p{n}");
            assert!(!stored(&evidence, &username).await.starts_with("$argon2id$"), "{name}");
            wrong(&app, &username, "wrong").await;
            app.password_as(&username, MOVED, "read").await.ok();
            let own = stored(&evidence, &username).await;
            assert!(own.starts_with("$argon2id$v=19$m=7168,t=1,p=1$"), "{name}: {own}");
        }
        for n in 0..hashes.len() {
            let username = format!("p{n}");
            app.password_as(&username, MOVED, "read").await.ok();
            wrong(&app, &username, "wrong").await;
        }
        let left = "SELECT COUNT(*) AS n FROM account WHERE foreign_work IS NOT NULL";
        assert_eq!(evidence.count(left).await, 0);
    }

    async fn a_moved_person_signs_in_on_the_page(database) {
        let server = Server::start_with(&database, &PATIENT).await;
        let (cli, evidence) = (server.cli().await, server.evidence().await);
        let (code, report) = import(&cli, "django", &fixture("django.json"), &[]).await;
        assert_eq!((code, &report["taken"]), (0, &json!(4)), "{report}");
        assert_eq!(report["left_out"], json!({ "groups": 1 }));
        let mut browser = server.browser();
        let login = browser.open("/account").await;
        let refused = browser.sign_in_as(&login, "hana", "wrong").await;
        assert_eq!(refused.reply.status, 400);
        let account = browser.sign_in_as(&login, "hana", MOVED).await;
        assert!(account.has("account-sign-out"), "{}", account.reply.text);
        assert!(stored(&evidence, "hana").await.starts_with("$argon2id$"));
        let hana = cli.json(&["user", "show", "--username", "hana"], None).await;
        assert_eq!(hana["claims"]["name"], "Hana Kim");
        assert_eq!(hana["email_verified"], false);
        // An unusable password is none, and who was not active is disabled.
        let unusable = cli.json(&["user", "show", "--username", "unusable"], None).await;
        assert_eq!(unusable["has_password"], false);
        let mut browser = server.browser();
        let login = browser.open("/account").await;
        for name in ["gone", "unusable"] {
            assert_eq!(browser.sign_in_as(&login, name, MOVED).await.reply.status, 400, "{name}");
        }
    }

    async fn a_dry_run_reports_and_changes_nothing(database) {
        let server = Server::start_with(&database, &PATIENT).await;
        let (cli, evidence) = (server.cli().await, server.evidence().await);
        let events = "SELECT COUNT(*) AS n FROM audit_event";
        let before = evidence.count(events).await;
        let rows = lines(&[
            json!({ "username": "one", "password_hash": "{SSHA}TgW/N7fxbHA7F6jf7c+zWhN2Ft9sLYVw" }),
            json!({ "username": "ONE" }),
            json!({ "username": "two", "password_hash": "plain text" }),
        ]);
        let (code, report) = import_text(&cli, "jsonl", &rows, &["--dry-run"]).await;
        assert_eq!((code, &report["taken"], &report["dry_run"]), (1, &json!(1), &json!(true)));
        let lines: Vec<_> = report["skipped"].as_array().unwrap().iter().map(|row| &row["line"]).collect();
        assert_eq!(lines, [&json!(2), &json!(3)], "{report}");
        assert!(report["wrapping_seconds"].is_u64() && report["wrapped"] == 1, "{report}");
        assert_eq!(evidence.count(events).await, before);
        for table in ["account", "account_key", "identity"] {
            assert_eq!(evidence.count(&format!("SELECT COUNT(*) AS n FROM {table}")).await, 0, "{table}");
        }
    }

    async fn an_import_is_run_again_and_leaves_alone_who_is_there(database) {
        let server = Server::start_with(&database, &PATIENT).await;
        let (cli, evidence) = (server.cli().await, server.evidence().await);
        let sub = server.user("p250", Some(PASSWORD)).await;
        let row = |n: usize| json!({ "username": format!("p{n}"), "name": format!("Person {n}") });
        let half: Vec<Value> = (0..300).map(row).collect();
        let whole: Vec<Value> = (0..500).map(row).collect();
        let (code, report) = import_text(&cli, "jsonl", &lines(&half), &[]).await;
        assert_eq!((code, &report["taken"]), (1, &json!(299)), "{report}");
        let there = &report["skipped"][0];
        assert_eq!((&there["line"], &there["username"]), (&json!(251), &json!("p250")));
        assert!(there["reason"].as_str().unwrap().contains("left alone"), "{there}");
        let (code, report) = import_text(&cli, "jsonl", &lines(&whole), &[]).await;
        assert_eq!((code, &report["taken"]), (1, &json!(200)), "{report}");
        assert_eq!(report["skipped"].as_array().unwrap().len(), 300);
        assert_eq!(evidence.count("SELECT COUNT(*) AS n FROM account").await, 500);
        let shown = cli.json(&["user", "show", "--username", "p250"], None).await;
        assert_eq!((&shown["sub"], &shown["claims"]["name"]), (&json!(sub), &json!("Alice")));
        let events = "SELECT COUNT(*) AS n FROM audit_event WHERE kind = 'user.created' AND detail = 'import'";
        assert_eq!(evidence.count(events).await, 499);
    }

    async fn a_row_that_is_not_taken_is_reported_with_its_line(database) {
        let server = Server::start_with(&database, &PATIENT).await;
        let cli = server.cli().await;
        let long = format!("{{\"username\":\"{}\"}}", "x".repeat(2 * 1024 * 1024));
        let text = [
            r#"{"username":"fine","email":"fine@example.com","email_verified":true,"attributes":{"locale":"ko","team":"a"},"groups":["staff"]}"#,
            "",
            r#"{"username":"#,
            r#"{"username":"a b"}"#,
            r#"{"username":"mail","email":"no address"}"#,
            r#"{"username":"costly","password_hash":"$2b$15$8jEa/X6XVcaDAWck23Ykv.6a5d5BU0IsWquajl.j5Sy.s8xJI50Gm"}"#,
            r#"{"username":"same","email":"FINE@example.com","email_verified":true}"#,
            r#"{"username":"fine@example.com"}"#,
            r#"{"username":"at","identities":[{"provider":"nowhere","subject":"1"}]}"#,
            r#"{"username":"typed","disabled":"no"}"#,
            r#"{"username":"more","password":"plain"}"#,
            &long,
            r#"{"username":"claim","attributes":{"locale":7}}"#,
            r#"{"username":"last"}"#,
        ]
        .join("\n");
        let (code, report) = import_text(&cli, "jsonl", &text, &[]).await;
        assert_eq!((code, &report["taken"]), (1, &json!(2)), "{report}");
        assert_eq!(report["left_out"], json!({ "attributes": 1 }));
        let said = |line: u64| {
            let skipped = report["skipped"].as_array().unwrap();
            let row = skipped.iter().find(|row| row["line"] == line);
            row.unwrap_or_else(|| panic!("{line} in {report}"))["reason"].as_str().unwrap().to_owned()
        };
        for (line, word) in [(3, "JSON"), (4, "canonical"), (5, "address"), (6, "costly"),
            (7, "another row"), (8, "another row"), (9, "nowhere"), (10, "disabled"),
            (11, "password"), (12, "1 MiB"), (13, "locale")] {
            assert!(said(line).contains(word), "{line}: {}", said(line));
        }
        assert_eq!(report["skipped"].as_array().unwrap().len(), 11);
        let shown = cli.json(&["user", "show", "--user", "Fine@Example.com"], None).await;
        assert_eq!((&shown["username"], &shown["claims"]["locale"]), (&json!("fine"), &json!("ko")));
        assert_eq!(shown["groups"], json!(["staff"]));
    }

    async fn groups_are_made_or_joined_and_attributes_have_their_declared_type(database) {
        let server = Server::start_with(&database, &PATIENT).await;
        let (cli, evidence) = (server.cli().await, server.evidence().await);
        for (name, kind) in [("floor", "integer"), ("since", "date"), ("remote", "boolean")] {
            let declare = ["attribute", "create", "--name", name, "--type", kind, "--scope", "hr"];
            assert_eq!(cli.run(&declare, None).await.code, 0);
        }
        assert_eq!(cli.run(&["group", "create", "--name", "staff"], None).await.code, 0);
        let long = "x".repeat(101);
        let rows = lines(&[
            json!({ "username": "one", "groups": ["staff", "seoul", "staff"],
                "attributes": { "floor": 7, "since": ["2020-02-29"], "remote": "true", "other": 1 } }),
            json!({ "username": "two", "groups": ["seoul"], "attributes": { "floor": "" } }),
            json!({ "username": "bad1", "attributes": { "floor": "seven" } }),
            json!({ "username": "bad2", "attributes": { "remote": 1 } }),
            json!({ "username": "bad3", "groups": [long] }),
            json!({ "username": "bad4", "groups": [""] }),
        ]);
        // A dry run finds the same mistakes, and makes no group.
        let (_, dry) = import_text(&cli, "jsonl", &rows, &["--dry-run"]).await;
        assert_eq!(evidence.count("SELECT COUNT(*) AS n FROM \"people_group\"").await, 1);
        let (code, report) = import_text(&cli, "jsonl", &rows, &[]).await;
        assert_eq!((code, &report["skipped"]), (1, &dry["skipped"]), "{report}");
        let reasons: Vec<_> = report["skipped"].as_array().unwrap().iter().map(|row| {
            row["reason"].as_str().unwrap().split(':').next().unwrap().to_owned()
        }).collect();
        assert_eq!(reasons.len(), 4, "{report}");
        assert!(reasons[0].contains("\"floor\"") && reasons[1].contains("\"remote\""), "{reasons:?}");
        assert!(reasons[2..].iter().all(|reason| reason.contains("the group")), "{reasons:?}");
        assert_eq!(report["left_out"], json!({ "attributes": 1 }));
        let one = cli.json(&["user", "show", "--username", "one"], None).await;
        assert_eq!(one["groups"], json!(["seoul", "staff"]));
        assert_eq!(one["attributes"], json!({ "floor": 7, "since": "2020-02-29", "remote": true }));
        let two = cli.json(&["user", "show", "--username", "two"], None).await;
        assert_eq!((&two["groups"], &two["attributes"]), (&json!(["seoul"]), &json!({})));
        let made = "SELECT detail AS text FROM audit_event WHERE kind = 'group.created' ORDER BY detail";
        assert_eq!(evidence.texts(made).await, ["seoul", "staff"]);
    }

    async fn who_is_exported_is_imported_elsewhere_as_they_were(database) {
        let server = Server::start_with(&database, &PATIENT).await;
        let (cli, evidence) = (server.cli().await, server.evidence().await);
        let declare = ["attribute", "create", "--name", "floor", "--type", "integer", "--scope", "hr"];
        let secret = cli.folder.path().join("secret");
        std::fs::write(&secret, "s").unwrap();
        let provider = ["provider", "add", "--slug", "corp", "--preset", "google", "--client-id", "c",
            "--client-secret-file", secret.to_str().unwrap()];
        let other = Server::start_with(&database, &PATIENT).await;
        let elsewhere = other.cli().await;
        for one in [&cli, &elsewhere] {
            for verb in [&declare[..], &provider[..]] {
                let said = one.run(verb, None).await;
                assert_eq!(said.code, 0, "{said:?}");
            }
        }
        let rows: Vec<Value> = (0..450).map(|n| json!({ "username": format!("p{n:03}"),
            "email": format!("p{n}@example.com"), "email_verified": n % 2 == 0, "name": "이름",
            "groups": if n % 3 == 0 { vec!["staff", "seoul"] } else { vec![] },
            "attributes": { "floor": n, "locale": "ko" }, "disabled": n == 7,
            "identities": if n == 3 { vec![json!({ "provider": "corp", "subject": "s3" })] } else { vec![] },
        })).collect();
        assert_eq!(import_text(&cli, "jsonl", &lines(&rows), &[]).await.0, 0);
        server.user("own", Some(PASSWORD)).await;
        let out = cli.folder.path().join("people.jsonl");
        let export = ["export", "--users", "--output", out.to_str().unwrap()];
        let said = cli.json(&export, None).await;
        assert_eq!(said["people"], 451);
        let bare = std::fs::read_to_string(&out).unwrap();
        assert!(!bare.contains("argon2") && !bare.contains("password"), "{bare}");
        let printed = cli.run(&["export", "--users"], None).await;
        assert_eq!((printed.code, &printed.out), (0, &bare));
        cli.json(&[&export[..], &["--with-password-hashes"]].concat(), None).await;
        let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(&out).unwrap());
        assert_eq!(mode & 0o777, 0o600);
        let (code, report) = import(&elsewhere, "mapae", out.to_str().unwrap(), &[]).await;
        assert_eq!((code, &report["taken"], &report["left_out"]), (0, &json!(451), &json!({})), "{report}");
        for name in ["p000", "p003", "p007", "own"] {
            let (mut was, mut is) = (
                cli.json(&["user", "show", "--username", name], None).await,
                elsewhere.json(&["user", "show", "--username", name], None).await,
            );
            // It was disabled at another instant here.
            for one in [&mut was, &mut is] {
                one["disabled_at"] = json!(one["disabled_at"].is_string());
                one.as_object_mut().unwrap().remove("updated_at");
            }
            assert_eq!(was, is, "{name}");
        }
        let app = other.client("app", |_| {}).await;
        app.password_as("own", PASSWORD, "read").await.ok();
        assert_eq!(evidence.count("SELECT COUNT(*) AS n FROM account").await, 451);
    }

    async fn a_table_has_the_same_columns(database) {
        let server = Server::start_with(&database, &PATIENT).await;
        let cli = server.cli().await;
        let app = server.client("app", |_| {}).await;
        let hash = hashes().into_iter().find(|(name, _)| name == "passlib bcrypt 2b").unwrap().1;
        let text = format!(
            "\u{feff}username,email,email_verified,name,password_hash,disabled,groups,attr.locale\n\
             hana,hana@example.com,true,\"Kim, Hana\",{hash},false,a;b,ko\n\
             duri,,,,,perhaps,,\n\
             \"two\nlines\",,,,,,,\n\
             sora,,,,,,,\n\
             short,\n"
        );
        let (code, report) = import_text(&cli, "csv", &text, &[]).await;
        assert_eq!((code, &report["taken"]), (1, &json!(2)), "{report}");
        let lines: Vec<_> = report["skipped"].as_array().unwrap().iter().map(|row| row["line"].clone()).collect();
        assert_eq!(lines, [json!(3), json!(4), json!(7)], "{report}");
        let shown = cli.json(&["user", "show", "--username", "hana"], None).await;
        assert_eq!(shown["claims"], json!({ "name": "Kim, Hana", "locale": "ko" }));
        assert_eq!(shown["groups"], json!(["a", "b"]));
        app.password_as("hana@example.com", MOVED, "read").await.ok();
        let file = cli.folder.path().join("people");
        std::fs::write(&file, "name\nHana\n").unwrap();
        let said = cli.run(&["import", "--from", "csv", file.to_str().unwrap()], None).await;
        assert!(said.err.contains("username"), "{said:?}");
        assert_eq!(said.code, 1);
    }

    async fn keycloak_brings_hashes_codes_names_and_subjects(database) {
        let server = Server::start_with(&database, &PATIENT).await;
        let cli = server.cli().await;
        let app = server.client("app", |_| {}).await;
        let declare = ["attribute", "create", "--name", "department", "--type", "string", "--scope", "hr"];
        assert_eq!(cli.run(&declare, None).await.code, 0);
        let (code, report) = import(&cli, "keycloak", &fixture("keycloak.json"), &[]).await;
        assert_eq!((code, &report["taken"]), (1, &json!(3)), "{report}");
        assert!(report["left_out"].get("attributes").is_none(), "{report}");
        let skipped = &report["skipped"][0];
        assert_eq!((&skipped["username"], &skipped["line"]), (&json!("strange"), &json!(66)), "{report}");
        assert!(skipped["reason"].as_str().unwrap().contains("crypt-of-our-own"));
        let reply = app.password_as("hana", MOVED, "read").await.ok();
        let claims = crate::support::decode_claims(&reply.text("access_token"));
        assert_eq!(claims["sub"], "6b3f0a52-3a41-4c85-9c44-1a1a8d7c6a01");
        let hana = cli.json(&["user", "show", "--user", "6b3f0a52-3a41-4c85-9c44-1a1a8d7c6a01"], None).await;
        let claims = json!({ "name": "Hana Kim", "given_name": "Hana", "family_name": "Kim", "locale": "ko" });
        assert_eq!(hana["claims"], claims);
        assert_eq!(hana["groups"], json!(["staff"]));
        assert_eq!(hana["attributes"], json!({ "department": "books" }));
        // Who has one-time codes there has them here, and is asked for one.
        let duri = cli.json(&["user", "show", "--username", "duri"], None).await;
        assert_eq!(duri["factors"]["one_time_codes"], true);
        let asked = app.password_as("duri", MOVED, "read").await;
        assert!(asked.status == 400 || asked.status == 403, "{}", asked.text);
        assert!(!asked.text.contains("access_token"), "{}", asked.text);
        // Who had to change the password there has to here.
        wrong(&app, "sora", MOVED).await;
        let mut browser = server.browser();
        let login = browser.open("/account").await;
        let page = browser.sign_in_as(&login, "sora", MOVED).await;
        assert!(page.has("new-password-submit"), "{}", page.reply.text);
        // What Keycloak 24 wrote itself (tests/import/keycloak_export.sh).
        let (code, report) = import(&cli, "keycloak", &fixture("keycloak-export.json"), &[]).await;
        assert_eq!((code, &report["taken"]), (1, &json!(2)), "{report}");
        assert_eq!(report["skipped"][0]["username"], "dain", "{report}");
        assert!(report["skipped"][0]["reason"].as_str().unwrap().contains("no provider \"google\""), "{report}");
        app.password_as("nari", MOVED, "read").await.ok();
        let nari = cli.json(&["user", "show", "--username", "nari"], None).await;
        assert_eq!((&nari["groups"], &nari["attributes"]), (&json!(["staff"]), &json!({ "department": "books" })));
        wrong(&app, "gaon", MOVED).await;
    }

    async fn firebase_needs_the_configuration_of_its_hashes(database) {
        let server = Server::start_with(&database, &PATIENT).await;
        let cli = server.cli().await;
        let app = server.client("app", |_| {}).await;
        let file = fixture("firebase.json");
        let said = cli.run(&["import", "--from", "firebase", &file], None).await;
        assert!(said.code == 1 && said.err.contains("--hash-config"), "{said:?}");
        let config = fixture("firebase_hash_config.txt");
        let (code, report) = import(&cli, "firebase", &file, &["--hash-config", &config]).await;
        assert_eq!((code, &report["taken"]), (1, &json!(2)), "{report}");
        let reason = report["skipped"][0]["reason"].as_str().unwrap();
        assert!(reason.contains("no provider \"google\""), "{report}");
        wrong(&app, "user1@example.com", "user2password").await;
        app.password_as("user1@example.com", "user1password", "read").await.ok();
        app.password_as("user1@example.com", "user1password", "read").await.ok();
        // When the provider is there, the same file brings the rest.
        let secret = cli.folder.path().join("secret");
        std::fs::write(&secret, "s").unwrap();
        let add = ["provider", "add", "--slug", "google", "--preset", "google", "--client-id", "c",
            "--client-secret-file", secret.to_str().unwrap()];
        let added = cli.run(&add, None).await;
        assert_eq!(added.code, 0, "{added:?}");
        let (_, report) = import(&cli, "firebase", &file, &["--hash-config", &config]).await;
        assert_eq!(report["taken"], 1, "{report}");
        let shown = cli.json(&["user", "show", "--user", "user3@example.com"], None).await;
        assert_eq!(shown["factors"]["providers"], json!(["google"]));
    }

    async fn auth0_cognito_and_mapae_bring_their_people(database) {
        let server = Server::start_with(&database, &PATIENT).await;
        let cli = server.cli().await;
        let app = server.client("app", |_| {}).await;
        let bcrypt = hashes().into_iter().find(|(name, _)| name == "passlib bcrypt 2b").unwrap().1;
        let auth0 = lines(&[
            json!({ "_id": { "$oid": "5" }, "email": "a@example.com", "email_verified": true,
                "passwordHash": bcrypt, "tenant": "t", "connection": "Username-Password-Authentication" }),
            json!({ "user_id": "auth0|6", "email": "b@example.com", "email_verified": false, "name": "B",
                "created_at": "2023-01-01T00:00:00.000Z", "blocked": true,
                "identities": [{ "provider": "auth0", "user_id": "6", "connection": "c", "isSocial": false }] }),
        ]);
        let (code, report) = import_text(&cli, "auth0", &auth0, &[]).await;
        assert_eq!((code, &report["taken"]), (0, &json!(2)), "{report}");
        app.password_as("a@example.com", MOVED, "read").await.ok();
        let table = "name,email,email_verified,cognito:mfa_enabled,cognito:username,updated_at\n\
                     C,c@example.com,TRUE,FALSE,7d0e4a5c-6f1a-4b52-8c35-0f8b1e6d9a11,1700000000\n";
        let (code, report) = import_text(&cli, "cognito", table, &[]).await;
        assert_eq!((code, &report["taken"]), (0, &json!(1)), "{report}");
        let listed = json!({ "Users": [{ "Username": "dd", "Enabled": false, "UserStatus": "CONFIRMED",
            "Attributes": [{ "Name": "sub", "Value": "7d0e4a5c-6f1a-4b52-8c35-0f8b1e6d9a12" },
                { "Name": "email", "Value": "d@example.com" }, { "Name": "email_verified", "Value": "true" }] }] });
        let (code, report) = import_text(&cli, "cognito", &listed.to_string(), &[]).await;
        assert_eq!((code, &report["taken"]), (0, &json!(1)), "{report}");
        let shown = cli.json(&["user", "show", "--user", "c@example.com"], None).await;
        assert_eq!(shown["username"], "c@example.com");
        let shown = cli.json(&["user", "show", "--username", "dd"], None).await;
        assert_eq!(shown["sub"], "7d0e4a5c-6f1a-4b52-8c35-0f8b1e6d9a12");
        assert!(shown["disabled_at"].is_string());
        // A hash of our own stays as it is.
        server.alice().await;
        let own = stored(&server.evidence().await, "alice").await;
        let line = lines(&[json!({ "sub": "7d0e4a5c-6f1a-4b52-8c35-0f8b1e6d9a13", "username": "e",
            "claims": { "nickname": "E" }, "password_hash": own })]);
        let (code, report) = import_text(&cli, "mapae", &line, &[]).await;
        assert_eq!((code, &report["taken"]), (0, &json!(1)), "{report}");
        assert_eq!(stored(&server.evidence().await, "e").await, own);
        app.password_as("e", PASSWORD, "read").await.ok();
    }

    async fn a_damaged_file_keeps_what_was_read_and_says_where_it_ends(database) {
        let server = Server::start_with(&database, &PATIENT).await;
        let cli = server.cli().await;
        let text = "{\"users\":[\n{\"username\":\"one\"},\n{\"username\":\"two\"},\n{\"username\":";
        let (code, report) = import_text(&cli, "keycloak", text, &[]).await;
        assert_eq!((code, &report["taken"]), (1, &json!(2)), "{report}");
        assert_eq!(report["skipped"][0]["line"], 4, "{report}");
        let said = cli.run(&["import", "--from", "jsonl", "/nowhere"], None).await;
        assert_eq!(said.code, 1, "{said:?}");
        let said = cli.run(&["import", "--from", "paper", "/nowhere"], None).await;
        assert_eq!(said.code, 2, "{said:?}");
    }

    async fn a_temporary_password_is_changed_at_the_first_sign_in(database) {
        const NEW: &str = "seven green kettles 41";
        let server = Server::start_with(&database, &PATIENT).await;
        let cli = server.cli().await;
        server.alice().await;
        let app = server.client("app", |_| {}).await;
        let set = ["user", "set-password", "--user", "alice", "--temporary", "--password-stdin"];
        cli.json(&set, Some("temporary 1234")).await;
        let shown = cli.json(&["user", "show", "--user", "alice"], None).await;
        assert_eq!(shown["password_temporary"], true);
        // At the token endpoint it is a wrong one.
        let right = app.password_as("alice", "temporary 1234", "read").await;
        let other = app.password_as("alice", "temporary 1235", "read").await;
        right.refused(400, "invalid_grant");
        assert_eq!(right.text, other.text);
        let mut browser = server.browser();
        let login = browser.open("/account").await;
        assert_eq!(browser.sign_in_as(&login, "alice", "wrong").await.reply.status, 400);
        let page = browser.sign_in_as(&login, "alice", "temporary 1234").await;
        assert!(page.has("new-password") && page.has("new-password-submit"), "{}", page.reply.text);
        // Nobody is signed in before.
        assert!(!browser.open("/account").await.has("account-sign-out"));
        let path = "/recover/password";
        for bad in ["temporary 1234", "short"] {
            let again = submit(&mut browser, &page, path, &[("new-password", bad)]).await;
            assert!(again.reply.status == 400 && again.has("new-password-problem"), "{bad}: {}", again.reply.text);
        }
        let account = submit(&mut browser, &page, path, &[("new-password", NEW)]).await;
        assert!(account.has("account-sign-out"), "{}", account.reply.text);
        wrong(&app, "alice", "temporary 1234").await;
        app.password_as("alice", NEW, "read").await.ok();
        let shown = cli.json(&["user", "show", "--user", "alice"], None).await;
        assert_eq!(shown["password_temporary"], false);
        // A password that is set without the flag is none to be changed.
        let set = ["user", "set-password", "--username", "alice", "--password-stdin"];
        cli.json(&set, Some("an ordinary password 7")).await;
        app.password_as("alice", "an ordinary password 7", "read").await.ok();
    }

    async fn a_person_is_named_by_name_address_id_or_identity(database) {
        let server = Server::start_with(&database, &PATIENT).await;
        let cli = server.cli().await;
        let rows = lines(&[
            json!({ "username": "hana", "email": "hana@example.com", "email_verified": true,
                "identities": [{ "provider": "corp", "subject": "12:34" }] }),
            json!({ "username": "duri", "email": "both@example.com" }),
            json!({ "username": "sora", "email": "both@example.com" }),
        ]);
        let secret = cli.folder.path().join("secret");
        std::fs::write(&secret, "s").unwrap();
        cli.json(&["provider", "add", "--slug", "corp", "--preset", "google", "--client-id", "c",
            "--client-secret-file", secret.to_str().unwrap()], None).await;
        import_text(&cli, "jsonl", &rows, &[]).await;
        let sub = cli.json(&["user", "show", "--username", "hana"], None).await["sub"].clone();
        for named in ["hana", "HANA", "Hana@Example.com", "corp:12:34", sub.as_str().unwrap()] {
            assert_eq!(cli.json(&["user", "show", "--user", named], None).await["sub"], sub, "{named}");
        }
        // What is open for them is shown with them.
        server.client("app", |_| {}).await;
        let shown = cli.json(&["user", "show", "--user", "corp:12:34"], None).await;
        assert_eq!((&shown["sessions"], &shown["apps"], &shown["last_sign_in"]), (&json!([]), &json!([]), &Value::Null));
        for verb in ["disable", "enable", "logout", "reset-mfa"] {
            cli.json(&["user", verb, "--user", "hana@example.com"], None).await;
        }
        for (arguments, code) in [
            (&["--user", "both@example.com"][..], 1),
            (&["--user", "nobody"], 1),
            (&["--user", "corp:12"], 1),
            (&["--user", "hana", "--username", "hana"], 2),
            (&[], 2),
        ] {
            let said = cli.run(&[&["user", "show"], arguments].concat(), None).await;
            assert_eq!(said.code, code, "{arguments:?}: {said:?}");
        }
    }
}
