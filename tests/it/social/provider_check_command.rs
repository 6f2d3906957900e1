//! `mapae provider check`: what to paste at a provider, and what is wrong.

use serde_json::{Value, json};

use super::all_providers::{AllProviders, NATIVE, OTHER};
use super::fixtures::{with_file, write};
use super::row_counts::DISCOVERY;
use super::table;
use crate::support::upstream::{Answer, CLIENT_ID, CLIENT_SECRET, Kakao, Oidc};
use crate::support::{Cli, http};

/// What a check says of one provider: whether it is good, and why not.
async fn checked(cli: &Cli, slug: &str) -> (Value, String) {
    let said = cli.run(&["provider", "check", slug, "--json"], None).await;
    let report: Value = serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{said:?}"));
    assert_eq!(said.code, i32::from(report["good"] != true), "{said:?}");
    assert!(!said.out.contains(CLIENT_SECRET) && !said.err.contains(CLIENT_SECRET));
    let one = report["providers"][0].clone();
    assert_eq!((&one["slug"], &one["good"]), (&json!(slug), &report["good"]));
    let uri = format!("{}/login/callback/{slug}", cli.get("MAPAE_ISSUER"));
    assert_eq!(one["redirect_uri"], json!(uri));
    let problem = one["problem"].as_str().map(str::to_owned);
    (report["good"].clone(), problem.unwrap_or_default())
}

#[tokio::test]
async fn a_check_says_what_is_wrong_and_what_to_paste() {
    let idp = Oidc::start().await;
    let cli = with_file(&table("idp", "oidc", idp.base(), "")).await;
    assert_eq!(checked(&cli, "idp").await, (json!(true), String::new()));
    let words = cli.run(&["provider", "check"], None).await;
    let uri = format!("{}/login/callback/idp", cli.get("MAPAE_ISSUER"));
    assert!(words.code == 0 && words.out.contains(&uri), "{words:?}");
    // Another client, another secret.
    let good = table("idp", "oidc", idp.base(), "");
    for (from, to) in [(CLIENT_ID, "another-app"), (CLIENT_SECRET, "another secret")] {
        write(&cli, &good.replace(from, to));
        let (is_good, problem) = checked(&cli, "idp").await;
        assert!(is_good == false && problem.contains("invalid_client"), "{problem}");
    }
    // Another issuer than the one that was asked.
    write(&cli, &table("idp", "oidc", &idp.base().replace("127.0.0.1", "localhost"), ""));
    let (is_good, problem) = checked(&cli, "idp").await;
    assert!(is_good == false && problem.contains("another issuer"), "{problem}");
    write(&cli, &table("idp", "oidc", &idp.url("/nothing-there"), ""));
    let (is_good, problem) = checked(&cli, "idp").await;
    assert!(is_good == false && problem.contains("404"), "{problem}");
    // Nobody is there, or nobody who can answer.
    write(&cli, &table("idp", "oidc", "http://127.0.0.1:1", ""));
    let (is_good, problem) = checked(&cli, "idp").await;
    let refused = "cannot reach http://127.0.0.1:1: connection refused";
    assert!(is_good == false && problem == refused, "{problem}");
    write(&cli, &table("idp", "oidc", "https://nobody.invalid", "allowed_clients = [\"nobody\"]"));
    let (is_good, problem) = checked(&cli, "idp").await;
    let unknown = "cannot reach https://nobody.invalid: the name is not known (DNS); it is for";
    assert!(is_good == false && problem.starts_with(unknown), "{problem}");
    write(&cli, &good);
    idp.answers_with("/.well-known/openid-configuration", Answer::html(200, "<p>Hello"));
    let (is_good, problem) = checked(&cli, "idp").await;
    assert!(is_good == false && problem.contains("not JSON"), "{problem}");
    idp.answers_normally();
    // A client here that is none.
    for more in [
        "allowed_clients = [\"nobody\"]",
        "[[social.audience]]\nid = \"x\"\nclients = [\"nobody\"]",
    ] {
        write(&cli, &table("idp", "oidc", idp.base(), more));
        let (is_good, problem) = checked(&cli, "idp").await;
        assert!(is_good == false && problem.contains("nobody"), "{problem}");
    }
    // One that is not there yet: what to do first.
    for (slug, said) in [
        ("kakao", "mapae provider add --slug kakao --preset kakao --client-id ID"),
        ("apple", "--private-key-file"),
        ("oidc", "--issuer"),
        ("shop-idp", "these are: idp"),
        ("kakoa", "Did you mean kakao?"),
        ("ipd", "these are: idp"),
    ] {
        let (is_good, problem) = checked(&cli, slug).await;
        assert!(is_good == false && problem.contains("not registered yet"), "{problem}");
        assert!(problem.contains(said), "{slug} {problem}");
    }
    // All of them, good and bad.
    write(&cli, &[good, table("down", "oidc", "http://127.0.0.1:1", "")].concat());
    let said = cli.run(&["provider", "check", "--json"], None).await;
    let report: Value = serde_json::from_str(&said.out).unwrap();
    let found = ["idp", "down"].map(|slug| {
        let every = report["providers"].as_array().unwrap();
        every.iter().find(|one| one["slug"] == slug).unwrap()["good"].clone()
    });
    assert_eq!((said.code, found), (1, [json!(true), json!(false)]));
}

#[tokio::test]
async fn a_check_says_what_is_off_and_what_is_not_there() {
    let idp = Oidc::start().await;
    let mut cli = with_file("").await;
    let words = cli.run(&["provider", "check"], None).await;
    assert!(words.code == 0 && words.out.contains("there is no provider"), "{words:?}");
    write(&cli, &table("idp", "oidc", idp.base(), "disabled = true"));
    let words = cli.run(&["provider", "check", "idp"], None).await;
    assert!(words.code == 0 && words.out.contains("turned off"), "{words:?}");
    assert!(!words.out.contains("MAPAE_ISSUER"), "{words:?}");
    let report = cli.json(&["provider", "check", "idp"], None).await;
    assert_eq!(report["providers"][0]["enabled"], false);
    // The redirect URI of the issuer that nobody chose.
    cli.environment.retain(|(name, _)| name != "MAPAE_ISSUER");
    let words = cli.run(&["provider", "check", "idp"], None).await;
    assert!(words.out.contains("MAPAE_ISSUER"), "{words:?}");
}

/// What is answered to the code of nobody says whether it is the code that is wrong, or us.
#[tokio::test]
async fn rfc6749_5_2_a_check_is_good_only_where_it_is_the_code_that_is_refused() {
    let idp = Oidc::start().await;
    let cli = with_file(&table("idp", "oidc", idp.base(), "")).await;
    let error = |error: &str| json!({ "error": error });
    for (answer, said) in [
        (Answer::html(404, "Nobody."), "status 404"),
        (Answer::html(401, "Nobody."), "status 401"),
        (Answer::html(403, ""), "status 403"),
        (Answer::html(200, "Welcome."), "status 200"),
        (Answer::json(401, &json!({ "message": "Unauthorized" })), "status 401"),
        (Answer::redirect(302, &idp.url("/elsewhere")), "status 302"),
        (Answer::json(400, &error("unsupported_grant_type")), "unsupported_grant_type"),
        (Answer::json(400, &error("redirect_uri_mismatch")), "redirect_uri_mismatch"),
        (Answer::json(400, &error("invalid_request")), "invalid_request"),
        (Answer::json(200, &json!({ "access_token": "x" })), "status 200"),
    ] {
        idp.answers_with("/token", answer.clone());
        let (is_good, problem) = checked(&cli, "idp").await;
        assert!(is_good == false && problem.contains(said), "{answer:?} {problem}");
    }
    idp.answers_with("/token", Answer::json(400, &error("invalid_grant")));
    assert_eq!(checked(&cli, "idp").await, (json!(true), String::new()));
    idp.answers_normally();
    // An endpoint that is none, and keys that are not there.
    let url = idp.url(DISCOVERY);
    let honest: Value = http().get(url).send().await.unwrap().json().await.unwrap();
    for (member, value, said) in [
        ("token_endpoint", json!("nonsense"), "token_endpoint"),
        ("jwks_uri", json!("nonsense"), "jwks_uri"),
        ("jwks_uri", json!(idp.url("/nothing-there")), "status 404"),
    ] {
        let mut metadata = honest.clone();
        metadata[member] = value;
        idp.answers_with(DISCOVERY, Answer::json(200, &metadata));
        let (is_good, problem) = checked(&cli, "idp").await;
        assert!(is_good == false && problem.contains(said), "{metadata} {problem}");
    }
    idp.answers_normally();
    idp.answers_with("/jwks", Answer::json(200, &json!({ "keys": [] })));
    let (is_good, problem) = checked(&cli, "idp").await;
    assert!(is_good == false && problem.contains("no keys"), "{problem}");
    // Kakao has a word of its own for a redirect URI that is another one.
    let kakao = Kakao::start().await;
    write(&cli, &table("kakao", "kakao", kakao.base(), ""));
    let mismatch = json!({
        "error": "invalid_grant", "error_description": "Redirect URI mismatch.",
        "error_code": "KOE303",
    });
    kakao.answers_with("/oauth/token", Answer::json(400, &mismatch));
    let (is_good, problem) = checked(&cli, "kakao").await;
    assert!(is_good == false && problem.contains("Redirect URI mismatch"), "{problem}");
}

/// Each refuses the code of nobody in its own words, and each knows a wrong secret.
#[tokio::test]
async fn a_check_understands_every_vendor() {
    let every = AllProviders::start().await;
    let cli = with_file(&every.toml()).await;
    for id in [NATIVE, OTHER] {
        let grant = "urn:ietf:params:oauth:grant-type:token-exchange";
        let create =
            ["client", "create", "--id", id, "--name", id, "--kind", "public", "--grant", grant];
        cli.json(&create, None).await;
    }
    for (slug, _) in every.all_records() {
        assert_eq!(checked(&cli, slug).await, (json!(true), String::new()), "{slug}");
    }
    for (from, to) in [(CLIENT_SECRET, "another secret"), (CLIENT_ID, "another-app")] {
        write(&cli, &every.toml().replace(from, to));
        for (slug, _) in every.all_records() {
            // Apple's secret is a signature.
            let is_wrong = slug != "apple" || from == CLIENT_ID;
            let (is_good, problem) = checked(&cli, slug).await;
            assert_eq!(is_good, !is_wrong, "{slug} {problem}");
        }
    }
}
