//! `mapae config`: every problem at once with its key path, and no secret shown.

use std::fs;

use serde_json::Value;

use crate::support::certificates::Authority;
use crate::support::{Cli, Database, write_secret};

fn problems(report: &Value) -> Vec<&str> {
    let problems = report["problems"].as_array().expect("problems").iter();
    let mut keys: Vec<_> = problems.map(|one| one["key"].as_str().expect("a key")).collect();
    keys.sort_unstable();
    keys
}

fn setting<'a>(shown: &'a Value, key: &str) -> &'a Value {
    let settings = shown["settings"].as_array().expect("settings");
    settings.iter().find(|one| one["key"] == key).unwrap_or_else(|| panic!("{key} in {shown}"))
}

#[tokio::test]
async fn every_problem_is_reported_at_once() {
    let mut cli = Cli::new(&Database::Sqlite).await;
    assert_eq!(cli.json(&["config", "check"], None).await["good"], true);
    let file = cli.folder.path().join("mapae.toml");
    fs::write(
        &file,
        "isuer = \"x\"\n[token]\naccess_lifetime = \"soon\"\nrefresh_grace = \"6m\"\n\
        [keys]\njwks_max_age = \"3h\"\nrsa_bits = 1024\n[hashing]\nmemory_kib = 1\n",
    )
    .unwrap();
    cli.set("MAPAE_ISSUER", "http://id.example.com");
    cli.set("MAPAE_MASTER_KEY", "secret-master-key");
    cli.set("MAPAE_MASTER_KEY_FILE", "/nowhere");
    let path = file.to_str().unwrap();
    for arguments in [
        &["config", "check", "--json", "--config", path][..],
        &["--config", path, "--json", "config", "check"],
    ] {
        let said = cli.run(arguments, None).await;
        assert_eq!(said.code, 1, "{said:?}");
        let report: Value = serde_json::from_str(&said.out).expect("one JSON document");
        assert_eq!(report["good"], false);
        assert_eq!(
            problems(&report),
            [
                "hashing.memory_kib",
                "issuer",
                "isuer",
                "keys.publish_lead",
                "keys.rsa_bits",
                "master_key",
                "token.access_lifetime",
                "token.refresh_grace",
            ]
        );
        assert!(!said.out.contains("secret-master-key"));
    }
    let words = cli.run(&["config", "check", "--config", path], None).await;
    assert!(words.code == 1 && words.out.contains("isuer") && words.out.contains("issuer"));
    for verb in [&["serve"][..], &["key", "list"], &["user", "list"]] {
        let said = cli.run(&[verb, &["--config", path]].concat(), None).await;
        assert_eq!((said.code, said.out.as_str()), (1, ""), "{said:?}");
        assert!(said.err.contains("isuer") && said.err.contains("token.access_lifetime"));
        assert!(!said.err.contains("secret-master-key"));
    }
    let missing = cli.run(&["config", "check", "--config", "nowhere.toml"], None).await;
    assert!(missing.code == 1 && missing.out.contains("nowhere.toml"), "{missing:?}");
    fs::write(&file, "listen = \n").unwrap();
    assert_eq!(cli.run(&["config", "check", "--config", path], None).await.code, 1);
}

#[tokio::test]
async fn what_is_in_force_is_shown_with_its_source_and_without_secrets() {
    let mut cli = Cli::new(&Database::Sqlite).await;
    let file = cli.folder.path().join("mapae.toml");
    fs::write(
        &file,
        "trusted_proxies = [\"10.0.0.0/8\", \"::1\"]\n[token]\nrefresh_grace = \"5s\"\n",
    )
    .unwrap();
    cli.set("MAPAE_CONFIG", file.to_str().unwrap());
    cli.set("MAPAE_TOKEN_ACCESS_LIFETIME", "90s");
    let master_key = "5e".repeat(32);
    cli.set("MAPAE_MASTER_KEY", &master_key);
    for url in [
        "postgres://mapae:hunter2@127.0.0.1:1/mapae",
        "postgres://mapae@127.0.0.1:1/mapae?sslmode=disable&password=hunter2",
    ] {
        cli.set("MAPAE_DATABASE_URL", url);
        let said = cli.run(&["config", "show", "--json"], None).await;
        let shown = said.json();
        assert_eq!(setting(&shown, "token.refresh_grace")["source"], "file");
        assert_eq!(setting(&shown, "token.refresh_grace")["value"], "5s");
        assert_eq!(setting(&shown, "token.access_lifetime")["source"], "environment");
        assert_eq!(setting(&shown, "token.access_lifetime")["env"], "MAPAE_TOKEN_ACCESS_LIFETIME");
        assert_eq!(setting(&shown, "token.id_lifetime")["source"], "default");
        assert_eq!(setting(&shown, "trusted_proxies")["value"], "10.0.0.0/8,::1/128");
        assert_eq!(setting(&shown, "master_key")["value"], "(secret)");
        let words = cli.run(&["config", "show"], None).await;
        assert!(words.code == 0 && words.out.contains("token.access_lifetime"));
        // Neither here nor where the database cannot be reached.
        let failed = cli.run(&["user", "list"], None).await;
        assert_eq!(failed.code, 1);
        for text in [&said.out, &said.err, &words.out, &words.err, &failed.err, &failed.out] {
            assert!(!text.contains("hunter2") && !text.contains(&master_key), "{text}");
        }
    }
}

#[tokio::test]
async fn what_a_start_refuses_is_reported_by_a_check_with_its_setting() {
    let cli = Cli::new(&Database::Sqlite).await;
    let folder = cli.folder.path().to_owned();
    let file = |name: &str, text: &str| {
        write_secret(folder.join(name), text);
        folder.join(name).display().to_string()
    };
    let branding = folder.join("branding").display().to_string();
    for made in ["branding", "wrong-keys"] {
        fs::create_dir(folder.join(made)).unwrap();
    }
    file("branding/brand.toml", "colour = \"#000000\"\n");
    file("wrong-keys/master.key", "junk\n");
    let wrong_keys = folder.join("wrong-keys").display().to_string();
    let pair = Authority::new().issue(&["localhost"]);
    let (leaf, key) = (file("leaf.pem", &pair.certificate), file("leaf.key", &pair.key));
    let (empty, junk) = (file("empty", ""), file("junk", "junk\n"));
    let listener = ("MAPAE_MTLS_LISTEN", "127.0.0.1:0".to_owned());
    let its_key = ("MAPAE_MTLS_KEY_FILE", key);
    let single = [
        ("master_key", vec![("MAPAE_MASTER_KEY", "abc".to_owned())]),
        ("master_key_file", vec![("MAPAE_MASTER_KEY_FILE", empty)]),
        ("keys_dir", vec![("MAPAE_KEYS_DIR", wrong_keys)]),
        ("mtls.ca_file", vec![("MAPAE_MTLS_CA_FILE", junk.clone())]),
        ("mtls.cert_file", vec![listener, its_key, ("MAPAE_MTLS_CERT_FILE", junk.clone())]),
        ("outbound.ca_file", vec![("MAPAE_OUTBOUND_CA_FILE", junk.clone())]),
        ("branding_dir", vec![("MAPAE_BRANDING_DIR", branding)]),
        ("mtls.ca_file", vec![("MAPAE_MTLS_CA_FILE", leaf)]),
        ("master_key_file", vec![("MAPAE_MASTER_KEY_FILE", junk)]),
    ];
    let with = |given: &[(&'static str, String)]| {
        let mut environment = cli.environment.clone();
        environment.retain(|(name, _)| given.iter().all(|(other, _)| name != other));
        environment.extend(given.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        environment
    };
    let run = async |arguments: &[&str], environment: Vec<(String, String)>| {
        let output = cli.command(arguments).env_clear().envs(environment).output().await.unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    for (key, given) in &single {
        let (code, out, err) = run(&["config", "check", "--json"], with(given)).await;
        assert_eq!(code, Some(1), "{key}: {out} {err}");
        let report: Value = serde_json::from_str(&out).expect("one JSON document");
        assert_eq!(problems(&report), [*key], "{report}");
        assert!(report["problems"][0]["from"].is_string(), "{report}");
        let (code, _, err) = run(&["serve"], with(given)).await;
        assert_eq!(code, Some(1), "{key}: {err}");
    }
    // Together, and beside a wrong value.
    let mut all: Vec<_> = single[3..].iter().flat_map(|(_, given)| given.clone()).collect();
    all.push(("MAPAE_TOKEN_ACCESS_LIFETIME", "soon".to_owned()));
    let (_, out, err) = run(&["config", "check", "--json"], with(&all)).await;
    let report: Value = serde_json::from_str(&out).expect("one JSON document");
    let every = [
        "branding_dir",
        "master_key_file",
        "mtls.ca_file",
        "mtls.cert_file",
        "outbound.ca_file",
        "token.access_lifetime",
    ];
    assert_eq!(problems(&report), every, "{report} {err}");
}

#[tokio::test]
async fn every_problem_says_where_the_value_stands_and_what_is_right() {
    let mut cli = Cli::new(&Database::Sqlite).await;
    let file = cli.folder.path().join("mapae.toml");
    fs::write(&file, "[token]\nacces_lifetime = \"5m\"\nrefresh_grace = \"6m\"\n").unwrap();
    cli.set("MAPAE_CONFIG", file.to_str().unwrap());
    cli.set("MAPAE_DATABASE_POOL_QUEUE", "0");
    let place = |line: u32| format!("({}, line {line})", file.display());
    let said = cli.run(&["config", "check"], None).await;
    for expected in [
        format!(
            "token.acces_lifetime is not a setting: did you mean token.access_lifetime? {}",
            place(2)
        ),
        format!("token.refresh_grace must not be longer than 5m {}", place(3)),
        "database.pool_queue must be a whole number from 1 to 1000000 (MAPAE_DATABASE_POOL_QUEUE in the environment)".to_owned(),
    ] {
        assert!(said.out.contains(&expected), "{expected}: {said:?}");
    }
    let report = cli.run(&["config", "check", "--json"], None).await;
    let report: Value = serde_json::from_str(&report.out).expect("one JSON document");
    let problems = report["problems"].as_array().expect("problems");
    assert!(problems.iter().all(|one| one["from"].is_string()), "{report}");
}

#[tokio::test]
async fn the_value_in_force_stands_beside_its_default_and_its_line() {
    let mut cli = Cli::new(&Database::Sqlite).await;
    let file = cli.folder.path().join("mapae.toml");
    fs::write(&file, "\n[token]\naccess_lifetime = \"5m\"\n").unwrap();
    cli.set("MAPAE_CONFIG", file.to_str().unwrap());
    let shown = cli.json(&["config", "show"], None).await;
    let one = setting(&shown, "token.access_lifetime");
    assert_eq!(
        (&one["value"], &one["default"], &one["line"]),
        (&"5m".into(), &"10m".into(), &3.into())
    );
    let words = cli.run(&["config", "show"], None).await;
    let line = words.out.lines().find(|line| line.starts_with("token.access_lifetime"));
    let cells: Vec<_> = line.expect("its line").split("  ").map(str::trim).collect();
    let cells: Vec<_> = cells.into_iter().filter(|cell| !cell.is_empty()).collect();
    let expected =
        ["token.access_lifetime", "5m", "file, line 3", "10m", "MAPAE_TOKEN_ACCESS_LIFETIME"];
    assert_eq!(cells, expected);
}

#[tokio::test]
async fn the_reference_and_the_schema_are_printed_whatever_the_settings_say() {
    let mut cli = Cli::new(&Database::Sqlite).await;
    cli.set("MAPAE_ISSUER", "wrong");
    cli.set("MAPAE_CONFIG", "/nowhere");
    let schema = cli.json(&["config", "schema"], None).await;
    assert_eq!(schema["properties"]["token"]["properties"]["access_lifetime"]["default"], "10m");
    let declared = cli.json(&["config", "reference"], None).await;
    let one = setting(&declared, "token.refresh_grace");
    assert_eq!(
        (&one["type"], &one["default"], &one["env"]),
        (
            &"duration or `0`, at most `5m`".into(),
            &"30s".into(),
            &"MAPAE_TOKEN_REFRESH_GRACE".into()
        )
    );
    let words = cli.run(&["config", "reference"], None).await;
    assert!(words.code == 0 && words.out.contains("| `token.refresh_grace`<br>"), "{words:?}");
}

#[tokio::test]
async fn a_secret_may_stand_in_a_file() {
    let mut cli = Cli::new(&Database::Sqlite).await;
    let file = cli.folder.path().join("url");
    write_secret(&file, format!("{}\n", cli.get("MAPAE_DATABASE_URL")));
    cli.set("MAPAE_DATABASE_URL_FILE", file.to_str().unwrap());
    let said = cli.run(&["config", "check"], None).await;
    assert!(said.code == 1 && said.out.contains("database.url"), "one of the two: {said:?}");
    cli.set("MAPAE_DATABASE_URL", "");
    cli.json(&["migrate", "up"], None).await;
    assert!(cli.folder.path().join("mapae.db").exists());
    write_secret(&file, "mysql://mapae:hunter2@db/mapae\n");
    let said = cli.run(&["config", "check"], None).await;
    let expected =
        "database.url_file names a file whose URL must begin with sqlite:// or postgres://";
    assert!(said.code == 1 && said.out.contains(expected), "{said:?}");
    assert!(!said.out.contains("hunter2"), "{said:?}");
    cli.set("MAPAE_DATABASE_URL_FILE", "/nowhere");
    let said = cli.run(&["config", "check"], None).await;
    assert!(said.code == 1 && said.out.contains("database.url_file"), "{said:?}");
}

#[tokio::test]
async fn the_database_has_two_names_that_must_not_say_different_things() {
    let mut cli = Cli::new(&Database::Sqlite).await;
    cli.set("MAPAE_DATABASE_URL", "");
    let check = async |file: &str| {
        let path = cli.folder.path().join("mapae.toml");
        fs::write(&path, file).unwrap();
        cli.run(&["--config", path.to_str().unwrap(), "config", "check"], None).await
    };
    for good in [
        "database_url = 'sqlite://one.db'",
        "[database]\nurl = 'sqlite://one.db'",
        "database_url = 'sqlite://one.db'\n[database]\nurl = 'sqlite://one.db'",
        "[database]\nurl = 'postgres://a/m'\nread_url = 'postgres://b/m?application_name=x'",
        "[database]\nurl = 'postgres://a/m?sslmode=verify-full'\nca_file = 'mapae.toml'",
    ] {
        let said = check(good).await;
        assert_eq!(said.code, 0, "{good}: {said:?}");
    }
    for (bad, expected) in [
        (
            "database_url = 'sqlite://one.db'\n[database]\nurl = 'sqlite://two.db'",
            "database.url is given together with database_url, which says something else: choose one",
        ),
        (
            "[database]\nurl = 'sqlite://one.db'\nread_url = 'postgres://b/m'",
            "database.read_url is for Postgres",
        ),
        ("[database]\nread_url = 'postgres://b/m'", "database.read_url is for Postgres"),
        (
            "[database]\nurl = 'sqlite://one.db'\nca_file = 'mapae.toml'",
            "database.url must begin with postgres:// (database.ca_file is given)",
        ),
        (
            "[database]\nurl = 'postgres://a/m?sslmode=prefer'\nca_file = 'mapae.toml'",
            "database.url names a certificate authority and an sslmode that does not ask it",
        ),
    ] {
        let said = check(bad).await;
        assert!(said.code == 1 && said.out.contains(expected), "{bad}: {said:?}");
    }
}

#[tokio::test]
async fn every_file_that_is_not_there_is_told_and_holds_up_no_other_verb() {
    let mut cli = Cli::new(&Database::Sqlite).await;
    cli.set("MAPAE_ISSUER", "https://localhost");
    for name in [
        "MAPAE_MASTER_KEY_FILE",
        "MAPAE_TLS_CERT_FILE",
        "MAPAE_TLS_KEY_FILE",
        "MAPAE_OUTBOUND_CA_FILE",
        "MAPAE_BRANDING_DIR",
    ] {
        cli.set(name, format!("/nowhere/{name}"));
    }
    let said = cli.run(&["config", "check", "--json"], None).await;
    assert_eq!(said.code, 1, "{said:?}");
    let report: Value = serde_json::from_str(&said.out).expect("one JSON document");
    let keys =
        ["branding_dir", "master_key_file", "outbound.ca_file", "tls.cert_file", "tls.key_file"];
    assert_eq!(problems(&report), keys);
    for problem in report["problems"].as_array().unwrap() {
        let text = problem["problem"].as_str().unwrap();
        assert!(text.contains("/nowhere/") && text.contains("No such file"), "{text}");
    }
    // Who registers a client need not read the key of the certificate.
    let create = ["client", "create", "--id", "x", "--name", "x", "--kind", "public"];
    cli.json(&create, None).await;
}

#[tokio::test]
async fn a_name_in_the_environment_that_is_no_setting_is_told() {
    let mut cli = Cli::new(&Database::Sqlite).await;
    cli.set("MAPAE_ISUER", "x");
    let said = cli.run(&["config", "check", "--json"], None).await;
    assert!(said.code == 0 && said.err.contains("MAPAE_ISUER"), "{said:?}");
    said.json();
}
