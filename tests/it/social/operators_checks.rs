//! `mapae provider check`: what to paste at a provider, and what is wrong.

use serde_json::{Value, json};

use super::scene::{with_file, write};
use super::table;
use crate::support::Cli;
use crate::support::upstream::{Answer, CLIENT_ID, CLIENT_SECRET, Oidc};

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
    assert!(is_good == false && problem.contains("cannot be reached"), "{problem}");
    write(&cli, &good);
    idp.misbehaves("/.well-known/openid-configuration", Answer::html(200, "<p>Hello"));
    let (is_good, problem) = checked(&cli, "idp").await;
    assert!(is_good == false && problem.contains("not JSON"), "{problem}");
    idp.behaves();
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
    let (is_good, problem) = checked(&cli, "kakao").await;
    assert!(is_good == false && problem.contains("mapae provider add --slug kakao"), "{problem}");
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
