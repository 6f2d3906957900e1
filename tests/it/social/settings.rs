//! `[[social]]` in the settings file, alone and beside the providers of the database.

use serde_json::{Value, json};

use super::fixtures::{with_file, write};
use super::table;
use crate::support::upstream::{CLIENT_ID, CLIENT_SECRET};

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one list of mistakes")]
async fn every_mistake_in_the_file_is_told_by_its_key_at_once() {
    let mut cli = with_file("").await;
    let folder = cli.folder.path().to_owned();
    crate::support::write_secret(folder.join("key.pem"), "no key");
    let mut expected = Vec::new();
    let mut text = String::new();
    for (slug, lines, key) in [
        ("no-preset", "preset = \"nope\"\nclient_secret = \"x\"", "preset"),
        ("no-issuer", "preset = \"oidc\"", "issuer"),
        ("no-url", "preset = \"oidc\"\nissuer = \"no url\"", "issuer"),
        ("plain", "preset = \"oidc\"\nissuer = \"http://id.example.com\"", "issuer"),
        ("query", "preset = \"oidc\"\nissuer = \"https://id.example.com/?a=b\"", "issuer"),
        ("no-secret", "preset = \"kakao\"", "client_secret"),
        ("naver-none", "preset = \"naver\"", "client_secret"),
        (
            "two",
            "preset = \"google\"\nclient_secret = \"x\"\nclient_secret_file = \"y\"",
            "client_secret",
        ),
        ("no-file", "preset = \"google\"\nclient_secret_file = \"/nowhere\"", "client_secret_file"),
        ("apple-none", "preset = \"apple\"\nclient_secret = \"x\"", "client_secret"),
        ("apple-half", "preset = \"apple\"\nteam_id = \"x\"\nkey_id = \"y\"", "private_key_file"),
        (
            "apple-bad",
            "preset = \"apple\"\nteam_id = \"x\"\nkey_id = \"y\"\nprivate_key_file = \"FOLDER/key.pem\"",
            "private_key_file",
        ),
        (
            "apple-two",
            "preset = \"apple\"\nteam_id = \"x\"\nkey_id = \"y\"\nprivate_key_file = \"FOLDER/key.pem\"\n\
             audience = [{ id = \"a\", clients = [\"ios\"] }, { id = \"b\", clients = [\"ios\"] }]",
            "audience",
        ),
        (
            "key-else",
            "preset = \"google\"\nteam_id = \"x\"\nkey_id = \"y\"\nprivate_key_file = \"FOLDER/key.pem\"",
            "team_id",
        ),
        (
            "tenant",
            "preset = \"microsoft\"\nclient_secret = \"x\"\ntenant = \"no tenant\"",
            "tenant",
        ),
        (
            "domain",
            "preset = \"google\"\nclient_secret = \"x\"\nallowed_domains = [\"a@b\"]",
            "allowed_domains",
        ),
        (
            "clients",
            "preset = \"google\"\nclient_secret = \"x\"\nallowed_clients = [\"마패\"]",
            "allowed_clients",
        ),
        ("Bad_Slug", "preset = \"google\"\nclient_secret = \"x\"", "slug"),
        ("good", "preset = \"google\"\nclient_secret = \"secret-of-good\"", ""),
        ("good", "preset = \"google\"\nclient_secret = \"x\"", "slug"),
    ] {
        let lines = lines.replace("FOLDER", folder.to_str().unwrap());
        let named = format!("[[social]]\nslug = \"{slug}\"\nclient_id = \"x\"\n{lines}\n");
        text.push_str(&named);
        if !key.is_empty() {
            expected.push(format!("social.{slug}.{key}"));
        }
    }
    // Neither a key that is none nor one that is missing is passed over.
    text.push_str(
        "[[social]]\nslug = \"x\"\npreset = \"google\"\nclient_id = \"x\"\nclient_secrt = \"x\"\n",
    );
    expected.push("social[20]".to_owned());
    text.push_str("[[social]]\nslug = \"y\"\npreset = \"google\"\nclient_secret = \"x\"\n");
    expected.push("social[21]".to_owned());
    // Of it the key is none either.
    expected.push("social.apple-two.private_key_file".to_owned());
    write(&cli, &text);
    expected.sort();
    for verb in [&["config", "check", "--json"][..], &["config", "check"]] {
        let said = cli.run(verb, None).await;
        assert_eq!(said.code, 1, "{said:?}");
        assert!(expected.iter().all(|key| said.out.contains(key)), "{said:?}");
        assert!(!said.out.contains("secret-of-good"));
        if verb.contains(&"--json") {
            let report: Value = serde_json::from_str(&said.out).unwrap();
            let problems = report["problems"].as_array().unwrap().iter();
            let mut keys: Vec<_> = problems.map(|one| one["key"].as_str().unwrap()).collect();
            keys.sort_unstable();
            assert_eq!(keys, expected);
        }
    }
    let said = cli.run(&["serve"], None).await;
    assert!(said.code == 1 && said.err.contains("social.no-issuer.issuer"), "{said:?}");
    // What is no list of tables is told as well.
    write(&cli, "social = \"google\"\n");
    let said = cli.run(&["config", "check", "--json"], None).await;
    assert!(said.code == 1 && said.out.contains("[[social]]"), "{said:?}");
    // Plain http is for loopback, where the operator allows it.
    write(&cli, &table("idp", "oidc", "http://127.0.0.1:1", ""));
    assert_eq!(cli.json(&["config", "check"], None).await["good"], true);
    cli.set("MAPAE_OUTBOUND_ALLOW_PRIVATE", "false");
    let said = cli.run(&["config", "check", "--json"], None).await;
    assert!(said.code == 1 && said.out.contains("social.idp.issuer"), "{said:?}");
    let issuer = "http://127.0.0.1:1";
    let add = [
        "provider",
        "add",
        "--slug",
        "x",
        "--preset",
        "oidc",
        "--issuer",
        issuer,
        "--client-id",
        "x",
    ];
    write(&cli, "");
    let said = cli.run(&add, None).await;
    assert!(said.code == 1 && said.err.contains("https"), "{said:?}");
}

#[tokio::test]
async fn a_slug_in_the_file_and_in_the_database_is_no_start() {
    let cli = with_file("").await;
    let issuer = "http://127.0.0.1:1";
    let add = [
        "provider",
        "add",
        "--slug",
        "idp",
        "--preset",
        "oidc",
        "--issuer",
        issuer,
        "--client-id",
        "x",
    ];
    cli.json(&add, None).await;
    write(&cli, &table("idp", "oidc", issuer, ""));
    let said = cli.run(&["serve"], None).await;
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.err.contains("mapae provider delete --slug idp"), "{said:?}");
    // What the file says is not changed in the database.
    for verb in ["disable", "enable"] {
        let said = cli.run(&["provider", verb, "--slug", "idp"], None).await;
        assert!(said.code == 1 && said.err.contains("settings file"), "{said:?}");
    }
    let said = cli.run(&add, None).await;
    assert!(said.code == 1 && said.err.contains("settings file"), "{said:?}");
    cli.json(&["provider", "delete", "--slug", "idp"], None).await;
    // A provider that is down is no reason not to start, and none for the doctor.
    let binary = cli.serve().await;
    assert_eq!(binary.cli(&["doctor"], None).await["good"], true);
    let listed = binary.cli(&["provider", "list"], None).await;
    assert_eq!(listed["providers"][0]["from"], "file");
}

/// The file and the database together: both are there, in this order.
#[tokio::test]
async fn providers_of_the_file_and_of_the_database_stand_side_by_side() {
    let cli = with_file(&table("first", "oidc", "http://127.0.0.1:1", "")).await;
    let binary = cli.serve().await;
    let issuer = "http://127.0.0.1:2";
    let add = [
        "provider",
        "add",
        "--slug",
        "second",
        "--preset",
        "oidc",
        "--issuer",
        issuer,
        "--client-id",
        "x",
    ];
    binary.cli(&add, None).await;
    let listed = binary.cli(&["provider", "list"], None).await;
    let every = listed["providers"].as_array().unwrap().iter();
    let seen: Vec<_> = every.map(|one| (one["slug"].clone(), one["from"].clone())).collect();
    assert_eq!(seen, [(json!("first"), json!("file")), (json!("second"), json!("database"))]);
    let words = binary.cli.run(&["provider", "list"], None).await;
    assert!(words.out.contains("SLUG") && words.out.contains("second"), "{words:?}");
}

#[tokio::test]
async fn what_nobody_means_is_told_by_its_key() {
    let cli = with_file("").await;
    let file = cli.folder.path().join("empty");
    crate::support::write_secret(&file, "\n");
    let empty = format!("client_secret_file = \"{}\"", file.display());
    let usual = |preset: &str, more: &str| {
        format!("preset = \"{preset}\"\nclient_id = \"x\"\nclient_secret = \"x\"\n{more}")
    };
    let domains = "allowed_domains = [\"example.com\"]";
    let long = format!("name = \"{}\"", "x".repeat(61));
    for (lines, key, said) in [
        (
            "preset = \"kakao\"\nclient_id = \"x\"\nclient_secret = \"\"".to_owned(),
            "client_secret",
            "empty",
        ),
        (format!("preset = \"kakao\"\nclient_id = \"x\"\n{empty}"), "client_secret", "empty"),
        (
            "preset = \"google\"\nclient_id = \" x\"\nclient_secret = \"x\"".to_owned(),
            "client_id",
            "spaces",
        ),
        (usual("google", "name = \" \""), "name", "60"),
        (usual("google", &long), "name", "60"),
        (usual("google", "name = \"a\\nb\""), "name", "60"),
        (usual("google", "team_id = \"x\""), "team_id", "apple"),
        (usual("apple", "team_id = \"x\""), "client_secret", "not for apple"),
        (usual("kakoa", ""), "preset", "did you mean kakao?"),
        (usual("microsoft", domains), "allowed_domains", "never relies on"),
        (usual("naver", domains), "allowed_domains", "never relies on"),
        (usual("line", domains), "allowed_domains", "never relies on"),
        (usual("facebook", domains), "allowed_domains", "never relies on"),
        (usual("google", "scopes = \"profile email\""), "scopes", "openid"),
        (usual("kakao", "scopes = \"account_email\""), "scopes", "openid"),
        (usual("github", "issuer = \"https://github.example.com/\""), "issuer", "slash"),
        (usual("google", "audience = [{ id = \"\", clients = [\"a\"] }]"), "audience", "id"),
        (usual("github", "audience = [{ id = \"a\", clients = [] }]"), "audience", "clients"),
    ] {
        write(&cli, &format!("[[social]]\nslug = \"it\"\n{lines}\n"));
        let report = cli.run(&["config", "check", "--json"], None).await;
        let report: Value = serde_json::from_str(&report.out).unwrap();
        let problems = report["problems"].as_array().unwrap();
        assert_eq!(problems.len(), 1, "{lines} {report}");
        assert_eq!(problems[0]["key"], format!("social.it.{key}"), "{lines} {report}");
        assert!(problems[0]["problem"].as_str().unwrap().contains(said), "{lines} {report}");
    }
    for good in [
        usual("kakao", domains),
        usual("kakao", "scopes = \"\""),
        usual("google", "scopes = \"email openid\""),
        usual("github", "scopes = \"read:user\""),
        usual("oidc", "issuer = \"https://id.example.com/\""),
    ] {
        write(&cli, &format!("[[social]]\nslug = \"it\"\n{good}\n"));
        assert_eq!(cli.json(&["config", "check"], None).await["good"], true, "{good}");
    }
}

#[tokio::test]
async fn what_is_in_force_of_a_provider_is_shown_without_its_secret() {
    let more = "name = \"Ours\"\nscopes = \"openid email\"\nonly = true\nallowed_clients = [\"shop\"]\n\
                [[social.audience]]\nid = \"android\"\nclients = [\"a\", \"b\"]";
    let issuer = "http://127.0.0.1:1";
    let cli = with_file(&table("idp", "oidc", issuer, more)).await;
    let shown = cli.json(&["config", "show"], None).await;
    for (key, value) in [
        ("preset", "oidc"),
        ("name", "Ours"),
        ("issuer", issuer),
        ("client_id", CLIENT_ID),
        ("client_secret", "(secret)"),
        ("scopes", "openid email"),
        ("audience", "android=a,b"),
        ("allowed_clients", "shop"),
        ("only", "true"),
        ("follow_profile", "false"),
        ("disabled", "false"),
    ] {
        let settings = shown["settings"].as_array().unwrap();
        let key = format!("social.idp.{key}");
        let one = settings.iter().find(|one| one["key"] == key.as_str());
        assert_eq!(one.unwrap_or_else(|| panic!("{key}"))["value"], value, "{key}");
    }
    assert!(!shown.to_string().contains(CLIENT_SECRET));
}
