//! `mapae provider`, beside a server that runs.

use std::fs;
use std::path::Path;

use mapae::domain::provider::ProviderMetadata;
use serde_json::{Value, json};

use super::row_counts::is_gone;
use crate::support::upstream::{CLIENT_ID, CLIENT_SECRET, Oidc};
use crate::support::{
    App, Binary, Browser, CALLBACK, Cli, ClientArguments, Database, both, decode_claims,
    eventually, http,
};

fn web() -> ClientArguments {
    let app = ClientArguments::confidential(&["authorization_code"]).first_party();
    app.with("--redirect-uri", CALLBACK).with("--scope", "openid profile email")
}

/// An installation whose providers may live on this machine.
async fn installed(database: &Database) -> Cli {
    let mut cli = Cli::migrated(database).await;
    cli.set("MAPAE_OUTBOUND_ALLOW_PRIVATE", "true");
    cli
}

/// The arguments that add a provider, but for its secret.
fn adding<'a>(slug: &'a str, issuer: &'a str) -> Vec<&'a str> {
    vec![
        "provider",
        "add",
        "--slug",
        slug,
        "--preset",
        "oidc",
        "--issuer",
        issuer,
        "--client-id",
        CLIENT_ID,
    ]
}

async fn add(binary: &Binary, slug: &str, issuer: &str) -> Value {
    let arguments = [&adding(slug, issuer)[..], &["--client-secret-stdin"]].concat();
    binary.cli(&arguments, Some(&format!("{CLIENT_SECRET}\n"))).await
}

fn browser(binary: &Binary) -> Browser {
    Browser::new(&binary.issuer(), &http())
}

/// Until the sign-in page of a running server shows this provider, or does not.
async fn offers(binary: &Binary, app: &App, slug: &str, shown: bool) {
    let url = app.authorization_url(&[]);
    let button = format!("login-with-{slug}");
    eventually("the page follows", async || browser(binary).open(&url).await.has(&button) == shown)
        .await;
}

/// The `sub` of whoever comes by `idp`.
async fn comes(binary: &Binary, app: &App, idp: &Oidc) -> String {
    let mut browser = browser(binary);
    let page = browser.open(&app.authorization_url(&[])).await;
    let heard = browser.sign_in_by(&page, "idp", idp).await.authorization_response();
    let tokens = app.exchange(&heard.code()).await.ok();
    decode_claims(&tokens.text("id_token"))["sub"].as_str().unwrap().to_owned()
}

/// Whether these bytes stand in a file of this folder.
fn holds(folder: &Path, bytes: &[u8]) -> bool {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).any(|path| {
        if path.is_dir() {
            return holds(&path, bytes);
        }
        fs::read(&path).unwrap().windows(bytes.len()).any(|window| window == bytes)
    })
}

both! {
    async fn a_provider_comes_and_goes_beside_a_running_server(database) {
        let idp = Oidc::start().await;
        let binary = installed(&database).await.serve().await;
        let app = binary.register("app", &web()).await;
        assert_eq!(binary.cli(&["provider", "list"], None).await, json!({ "providers": [] }));
        offers(&binary, &app, "idp", false).await;
        let added = add(&binary, "idp", idp.base()).await;
        let uri = format!("{}/login/callback/idp", binary.issuer());
        assert_eq!(added, json!({ "slug": "idp", "redirect_uri": uri }));
        idp.redirects_only_to(&[&uri]);
        offers(&binary, &app, "idp", true).await;
        let sub = comes(&binary, &app, &idp).await;
        let listed = binary.cli(&["provider", "list"], None).await;
        let one = &listed["providers"][0];
        for (key, value) in [
            ("slug", json!("idp")), ("preset", json!("oidc")), ("issuer", json!(idp.base())),
            ("client_id", json!(CLIENT_ID)), ("enabled", json!(true)), ("from", json!("database")),
            ("redirect_uri", json!(uri)), ("only", json!(false)), ("follow_profile", json!(false)),
        ] {
            assert_eq!(one[key], value, "{key}");
        }
        // S126: one that is turned off is not there, not even for who is on the way back.
        let mut visitor = browser(&binary);
        let page = visitor.open(&app.authorization_url(&[])).await;
        let left = visitor.start_upstream_login(&page, "idp").await;
        let callback = idp.approve(left.location().unwrap());
        binary.cli(&["provider", "disable", "--slug", "idp"], None).await;
        offers(&binary, &app, "idp", false).await;
        let asked = idp.asked().len();
        let again = visitor.clone().post("/login/with/idp", &[
            ("interaction", &page.hidden("interaction")), ("csrf", &page.hidden("csrf")),
        ]).await;
        is_gone(&visitor.follow(again).await);
        is_gone(&visitor.complete_upstream_login(&callback).await);
        assert_eq!(idp.asked().len(), asked, "no upstream call");
        let listed = binary.cli(&["provider", "list"], None).await;
        assert_eq!(listed["providers"][0]["enabled"], false);
        binary.cli(&["provider", "enable", "--slug", "idp"], None).await;
        offers(&binary, &app, "idp", true).await;
        assert_eq!(comes(&binary, &app, &idp).await, sub);
        // Who came by one that is deleted keeps their account.
        binary.cli(&["provider", "delete", "--slug", "idp"], None).await;
        offers(&binary, &app, "idp", false).await;
        assert_eq!(binary.cli(&["provider", "list"], None).await, json!({ "providers": [] }));
        add(&binary, "idp", idp.base()).await;
        offers(&binary, &app, "idp", true).await;
        assert_eq!(comes(&binary, &app, &idp).await, sub);
        let evidence = binary.evidence().await;
        let kinds = ["added", "disabled", "enabled", "deleted", "added"];
        let events = evidence.events().await.into_iter().filter(|event| event.kind.starts_with("provider."));
        let events: Vec<_> = events.map(|event| (event.kind, event.detail.unwrap())).collect();
        assert_eq!(events, kinds.map(|kind| (format!("provider.{kind}"), "idp".to_owned())));
    }

    /// One row that cannot be read is no matter of the others: by another master key, or at all.
    async fn a_provider_that_cannot_be_read_holds_up_no_other(database) {
        let idp = Oidc::start().await;
        let mut binary = installed(&database).await.serve().await;
        let app = binary.register("app", &web()).await;
        for slug in ["idp", "sealed", "broken", "off"] {
            add(&binary, slug, idp.base()).await;
        }
        offers(&binary, &app, "off", true).await;
        let evidence = binary.evidence().await;
        for (slug, column) in [
            ("sealed", "sealed_credential = (SELECT sealed_credential FROM provider WHERE slug = 'idp')"),
            ("broken", "registration = '{'"),
            ("off", "registration = '{'"),
        ] {
            evidence.run(&format!("UPDATE provider SET {column} WHERE slug = '{slug}'")).await;
        }
        binary.cli(&["provider", "disable", "--slug", "idp"], None).await;
        offers(&binary, &app, "idp", false).await;
        for slug in ["sealed", "broken"] {
            offers(&binary, &app, slug, true).await;
        }
        // What its row still says of it holds.
        binary.cli(&["provider", "disable", "--slug", "off"], None).await;
        offers(&binary, &app, "off", false).await;
        add(&binary, "later", idp.base()).await;
        offers(&binary, &app, "later", true).await;
        // Nothing keeps the server from learning of keys.
        let published = async || {
            let url = format!("{}/.well-known/jwks.json", app.base);
            let jwks = app.http.get(url).send().await.unwrap().text().await.unwrap();
            jwks.matches("\"kid\"").count()
        };
        let before = published().await;
        binary.cli(&["key", "rotate", "--now"], None).await;
        eventually("the new keys are published", async || published().await > before).await;
        // A start is strict.
        binary.kill().await;
        let said = binary.cli.run(&["serve"], None).await;
        assert!(said.code == 1 && said.err.contains("sealed"), "{said:?}");
    }

    async fn a_secret_does_not_open_for_an_issuer_that_was_put_into_its_row(database) {
        let (idp, another) = (Oidc::start().await, Oidc::start().await);
        let mut binary = installed(&database).await.serve().await;
        let app = binary.register("app", &web()).await;
        add(&binary, "idp", idp.base()).await;
        offers(&binary, &app, "idp", true).await;
        assert_eq!(binary.cli(&["provider", "check", "idp"], None).await["good"], true);
        let change = format!(
            "UPDATE provider SET registration = replace(registration, '{}', '{}')",
            idp.base(),
            another.base()
        );
        binary.evidence().await.run(&change).await;
        let said = binary.cli.run(&["provider", "check", "idp"], None).await;
        assert!(said.code == 1 && said.err.contains("for another issuer"), "{said:?}");
        binary.kill().await;
        let said = binary.cli.run(&["serve"], None).await;
        assert!(said.code == 1 && said.err.contains("for another issuer"), "{said:?}");
    }

    /// Rows of earlier versions have audiences as pairs; what is written has them as objects.
    async fn a_provider_is_changed_beside_a_running_server_whichever_version_wrote_its_row(database) {
        let (idp, another) = (Oidc::start().await, Oidc::start().await);
        let binary = installed(&database).await.serve().await;
        let app = binary.register("app", &web()).await;
        let uri = format!("{}/login/callback/idp", binary.issuer());
        another.redirects_only_to(&[&uri]);
        add(&binary, "idp", idp.base()).await;
        offers(&binary, &app, "idp", true).await;
        let evidence = binary.evidence().await;
        let older = json!({
            "preset": "oidc", "name": null, "issuer": idp.base(), "client_id": CLIENT_ID,
            "audiences": [["android", ["app"]]], "origins": ["https://gone.example"],
        });
        evidence.run(&format!("UPDATE provider SET registration = '{older}'")).await;
        let audiences = json!([{ "id": "android", "clients": ["app"] }]);
        let shown = binary.cli(&["provider", "show", "idp"], None).await;
        assert_eq!((&shown["audiences"], &shown["only"]), (&audiences, &json!(false)));
        // What is given replaces what was registered, and nothing else.
        let update = ["provider", "update", "--slug", "idp"];
        let change = ["--name", "Renamed", "--follow-profile", "--allowed-domain", "Example.com"];
        let changed = binary.cli(&[&update[..], &change].concat(), None).await;
        for (key, value) in [
            ("name", json!("Renamed")), ("follow_profile", json!(true)), ("audiences", audiences),
            ("allowed_domains", json!(["example.com"])), ("client_id", json!(CLIENT_ID)),
        ] {
            assert_eq!(changed[key], value, "{key}");
        }
        assert_eq!(binary.cli(&["provider", "show", "idp"], None).await, changed);
        eventually("the page has the new name", async || {
            browser(&binary).open(&app.authorization_url(&[])).await.reply.text.contains("Renamed")
        }).await;
        let rows = "SELECT count(*) AS n FROM provider WHERE registration LIKE '%\"id\":\"android\"%'";
        assert_eq!(evidence.count(rows).await, 1);
        // An empty one takes an attribute back, and the secret is sealed for the new issuer.
        let change = [
            "--name", "", "--allowed-domain", "", "--audience", "", "--follow-profile", "false",
            "--issuer", another.base(), "--client-secret-stdin",
        ];
        let secret = format!("{CLIENT_SECRET}\n");
        let changed = binary.cli(&[&update[..], &change].concat(), Some(&secret)).await;
        for (key, value) in [
            ("name", json!(null)), ("allowed_domains", json!([])), ("audiences", json!([])),
            ("follow_profile", json!(false)), ("issuer", json!(another.base())),
        ] {
            assert_eq!(changed[key], value, "{key}");
        }
        let checked = binary.cli(&["provider", "check", "idp"], None).await;
        assert_eq!(checked["good"], true, "{checked}");
        eventually("people go to the new issuer", async || {
            let mut browser = browser(&binary);
            let page = browser.open(&app.authorization_url(&[])).await;
            let left = browser.start_upstream_login(&page, "idp").await;
            left.location().is_some_and(|to| to.starts_with(another.base()))
        }).await;
        comes(&binary, &app, &another).await;
        // What cannot be is refused, and nothing of it stays.
        for (change, code, why) in [
            (&["--name", " ", "--only"][..], 1, "--name must be"),
            (&["--client-id", ""], 1, "--client-id is missing"),
            (&["--allowed-domain", "a@b"], 1, "--allowed-domain"),
            (&["--allowed-client", "nobody"], 1, "nobody"),
            (&["--tenant", "common"], 1, "--tenant"),
            (&["--preset", "google"], 2, "--preset"),
            (&["--audience", "x"], 2, "ID=CLIENT"),
        ] {
            let said = binary.cli.run(&[&update[..], change].concat(), None).await;
            assert!(said.code == code && said.err.contains(why), "{change:?} {said:?}");
        }
        let said = binary.cli.run(&["provider", "update", "--slug", "none"], None).await;
        assert!(said.code == 1 && said.err.contains("no provider none"), "{said:?}");
        assert_eq!(binary.cli(&["provider", "show", "idp"], None).await, changed);
        let events = evidence.events().await.into_iter();
        assert_eq!(events.filter(|event| event.kind == "provider.updated").count(), 2);
    }

    async fn s130_a_secret_is_sealed_and_survives_another_master_key(database) {
        let idp = Oidc::start().await;
        let mut binary = installed(&database).await.serve().await;
        let app = binary.register("app", &web()).await;
        let file = binary.cli.folder.path().join("secret");
        fs::write(&file, format!("{CLIENT_SECRET}\n")).unwrap();
        let path = file.to_str().unwrap();
        let arguments = [&adding("idp", idp.base())[..], &["--client-secret-file", path]].concat();
        let words = binary.cli.run(&arguments, None).await;
        assert_eq!(words.code, 0, "{words:?}");
        let folder = binary.cli.folder.path().to_owned();
        assert!(holds(&folder, CLIENT_SECRET.as_bytes()));
        fs::remove_file(&file).unwrap();
        offers(&binary, &app, "idp", true).await;
        let sub = comes(&binary, &app, &idp).await;
        let looks = [
            &["provider", "list"][..], &["provider", "list", "--json"], &["provider", "check"],
            &["provider", "check", "--json"], &["config", "show"], &["doctor", "--json"],
        ];
        for look in looks {
            let said = binary.cli.run(look, None).await;
            assert_eq!(said.code, 0, "{look:?} {said:?}");
            assert!(!said.out.contains(CLIENT_SECRET) && !said.err.contains(CLIENT_SECRET), "{look:?}");
        }
        assert!(!words.out.contains(CLIENT_SECRET) && !words.err.contains(CLIENT_SECRET));
        let plain = format!(
            "SELECT count(*) AS n FROM provider WHERE registration LIKE '%{CLIENT_SECRET}%'");
        assert_eq!(binary.evidence().await.count(&plain).await, 0);
        assert!(!holds(&folder, CLIENT_SECRET.as_bytes()), "in the database, or in the log");
        binary.cli(&["key", "rewrap"], None).await;
        binary.cli(&["provider", "check", "idp"], None).await;
        binary.kill().await;
        binary.restart().await;
        assert_eq!(comes(&binary, &app, &idp).await, sub);
        assert_eq!(binary.cli(&["provider", "check", "--slug", "idp"], None).await["good"], true);
    }
}

/// Each attribute is declared once, so it is everywhere.
#[tokio::test]
async fn every_attribute_is_a_flag_a_setting_and_a_member_of_what_is_shown() {
    let cli = installed(&Database::Sqlite).await;
    cli.json(&adding("idp", "http://127.0.0.1:1"), None).await;
    let shown = cli.json(&["provider", "show", "idp"], None).await;
    let add = cli.run(&["provider", "add", "--help"], None).await.out;
    let update = cli.run(&["provider", "update", "--help"], None).await.out;
    let schema = mapae::app::config::schema();
    let keys = &schema["properties"]["social"]["items"]["properties"];
    for attribute in ProviderMetadata::ATTRIBUTES {
        let (name, flag) = (attribute.name, format!("--{} ", attribute.flag));
        assert!(shown.get(name).is_some(), "{name}");
        let flags = [&add, &update].map(|help| help.contains(&flag));
        assert_eq!(flags, [true, name != "preset"], "{name}");
        assert_eq!(keys[attribute.key()]["description"], attribute.words, "{name}");
    }
}

#[tokio::test]
async fn what_makes_no_provider_is_refused() {
    let idp = Oidc::start().await;
    let cli = installed(&Database::Sqlite).await;
    let good = adding("idp", idp.base());
    let with = |more: &[&'static str]| [&good[..], more].concat();
    let instead = |slug: &'static str| adding(slug, idp.base());
    for (arguments, code, why) in [
        (with(&["--client-secret-stdin", "--client-secret-file", "x"]), 2, "cannot be used with"),
        (with(&["--client-secret", "x"]), 2, "--client-secret"),
        (with(&["--audience", "x"]), 2, "ID=CLIENT"),
        (with(&["--team-id", "x"]), 2, "apple alone"),
        (with(&["--name", " "]), 1, "--name must be"),
        (with(&["--scopes", "email"]), 1, "--scopes must name openid"),
        (with(&["--client-secret-file", "/dev/null"]), 1, "--client-secret-stdin"),
        (with(&["--client-secret-file", "/nowhere"]), 1, "/nowhere"),
        (with(&["--allowed-client", "nobody"]), 1, "nobody"),
        (with(&["--audience", "android=nobody"]), 1, "nobody"),
        (with(&["--allowed-domain", "a@b"]), 1, "not a domain"),
        (with(&["--tenant", "common"]), 1, "tenant"),
        (instead("Bad_Slug"), 1, "not a slug"),
        (adding("idp", "http://id.example.com"), 1, "https"),
        (adding("idp", "not a url"), 1, "issuer"),
        (adding("idp", "ftp://127.0.0.1"), 1, "issuer"),
        (
            vec!["provider", "add", "--slug", "x", "--preset", "nope", "--client-id", "x"],
            2,
            "gitlab",
        ),
        (
            vec!["provider", "add", "--slug", "x", "--preset", "oidc", "--client-id", "x"],
            1,
            "--issuer is missing",
        ),
        (
            vec!["provider", "add", "--slug", "x", "--preset", "kakao", "--client-id", "x"],
            1,
            "give the client secret: --client-secret-stdin or --client-secret-file",
        ),
        (
            vec!["provider", "add", "--slug", "x", "--preset", "kakoa", "--client-id", "x"],
            2,
            "'kakao'",
        ),
        (
            vec!["provider", "add", "--slug", "x", "--preset", "apple", "--client-id", "x"],
            1,
            "--team-id",
        ),
        (vec!["provider", "disable"], 2, "--slug"),
        (vec!["provider", "show", "nobody"], 1, "nobody"),
        (vec!["provider", "disable", "nobody"], 1, "nobody"),
        (vec!["provider", "disable", "--slug", "nobody"], 1, "nobody"),
        (vec!["provider", "enable", "--slug", "nobody"], 1, "nobody"),
        (vec!["provider", "delete", "--slug", "nobody"], 1, "nobody"),
        (vec!["provider", "check", "No Body"], 1, "not a slug"),
    ] {
        let said = cli.run(&[&arguments[..], &["--json"]].concat(), Some("x")).await;
        assert_eq!((said.code, said.out.as_str()), (code, ""), "{arguments:?} {said:?}");
        assert!(said.err.contains(why), "{arguments:?} {said:?}");
    }
    let listed = cli.json(&["provider", "list"], None).await;
    assert_eq!(listed, json!({ "providers": [] }));
    // The same again is none.
    let arguments = [&good[..], &["--client-secret-stdin"]].concat();
    cli.json(&arguments, Some("one")).await;
    let again = cli.run(&arguments, Some("two")).await;
    assert!(again.code == 1 && again.err.contains("already"), "{again:?}");
}

#[tokio::test]
async fn a_provider_is_shown_as_it_was_added() {
    let cli = installed(&Database::Sqlite).await;
    let help = cli.run(&["provider", "add", "--help"], None).await;
    assert!(help.out.contains("--preset kakao") && help.out.contains("--preset apple"), "{help:?}");
    let web = web();
    let create = ["client", "create", "--id", "shop", "--name", "Shop"];
    cli.json(&create.into_iter().chain(web.words()).collect::<Vec<_>>(), None).await;
    let issuer = "http://127.0.0.1:1";
    let more = [
        "--name",
        "Ours",
        "--audience",
        "android=shop",
        "--scopes",
        "openid",
        "--allowed-domain",
        "example.com",
        "--only",
    ];
    let said = cli.run(&[&adding("idp", issuer)[..], &more].concat(), None).await;
    assert!(said.code == 0 && said.err.contains("no client takes a password"), "{said:?}");
    let limited = ["--only", "--allowed-client", "shop"];
    let said = cli.run(&[&adding("shop-idp", issuer)[..], &limited].concat(), None).await;
    assert!(said.code == 0 && !said.err.contains("takes a password"), "{said:?}");
    let listed = cli.json(&["provider", "list"], None).await;
    let shown = cli.json(&["provider", "show", "idp"], None).await;
    assert_eq!(listed["providers"][0], shown);
    for (key, value) in [
        ("name", json!("Ours")),
        ("audiences", json!([{ "id": "android", "clients": ["shop"] }])),
        ("scopes", json!("openid")),
        ("tenant", json!(null)),
        ("allowed_domains", json!(["example.com"])),
        ("allowed_clients", json!([])),
        ("only", json!(true)),
    ] {
        assert_eq!(shown[key], value, "{key}");
    }
    let words = cli.run(&["provider", "list"], None).await;
    assert!(words.out.contains("Ours") && words.out.contains("all  "), "{words:?}");
    let words = cli.run(&["provider", "show", "--slug", "shop-idp"], None).await;
    assert!(words.out.contains("[\"shop\"]"), "{words:?}");
    for (verb, enabled) in [("disable", false), ("enable", true)] {
        cli.json(&["provider", verb, "idp"], None).await;
        assert_eq!(cli.json(&["provider", "show", "idp"], None).await["enabled"], enabled);
    }
    cli.json(&["provider", "delete", "idp"], None).await;
}
