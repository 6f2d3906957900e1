//! Which vendors are trusted about e-mail addresses (OpenID Connect Core §5.7), and that an account
//! needs no address.

use serde_json::{Value, json};

use super::all_providers::{AllProviders, with_each};
use super::native::{ID_TOKEN, native_app, present};
use super::vendors::sign_in;
use crate::support::both;
use crate::support::upstream::{CLIENT_ID, ProviderRecords};

/// Somebody else signs in from now on, with an address that nobody has.
fn somebody_else(records: &ProviderRecords, number: usize) {
    records.change(|person| {
        person.id = (9_000_000 + number).to_string();
        person.email = Some(format!("somebody-{number}@example.com"));
    });
}

/// What userinfo says of the address.
fn address(person: &Value) -> (Option<&str>, Option<bool>) {
    (person["email"].as_str(), person["email_verified"].as_bool())
}

both! {
    async fn s120_kakao_is_believed_when_an_address_is_valid_and_verified(database) {
        let every = AllProviders::start().await;
        let server = every.server(&database).await;
        let app = server.web_app("app", |client| client.metadata.first_party = true).await;
        for (number, (valid, verified)) in
            [(true, true), (true, false), (false, true), (false, false)].into_iter().enumerate()
        {
            somebody_else(&every.kakao, number);
            every.kakao.change(|person| person.email_verified = verified);
            every.kakao.change_account(|account| account.is_email_valid = valid);
            let (_, person) = sign_in(&server, &app, "kakao", &every.kakao).await;
            let email = format!("somebody-{number}@example.com");
            let expected = (Some(email.as_str()), Some(valid && verified));
            assert_eq!(address(&person), expected, "{valid} {verified}");
        }
        // Kakao says in the id token that there is one, and nowhere else what it is worth.
        every.kakao.change(|person| person.email_verified = true);
        every.kakao.change_account(|account| account.is_email_valid = true);
        for (number, agreed, has_one) in [(10, false, true), (11, true, false)] {
            somebody_else(&every.kakao, number);
            every.kakao.change_account(|account| {
                account.email_needs_agreement = !agreed;
                account.has_email = has_one;
            });
            let (_, person) = sign_in(&server, &app, "kakao", &every.kakao).await;
            assert_eq!(address(&person), (None, None), "{agreed} {has_one}");
        }
    }

    async fn s120_github_is_believed_about_the_primary_address_if_it_is_verified(database) {
        let every = AllProviders::start().await;
        let server = every.server(&database).await;
        let app = server.web_app("app", |client| client.metadata.first_party = true).await;
        let entry = |email: &str, primary: bool, verified: bool| {
            json!({ "email": email, "primary": primary, "verified": verified, "visibility": null })
        };
        for (number, (emails, expected)) in [
            (json!([entry("a1@x.example", true, true)]), Some("a1@x.example")),
            (json!([entry("a2@x.example", true, false)]), None),
            (json!([entry("a3@x.example", false, true)]), None),
            (
                json!([entry("a4@x.example", false, true), entry("b4@x.example", true, true)]),
                Some("b4@x.example"),
            ),
            (json!([entry("a5@x.example", false, true), entry("b5@x.example", true, false)]), None),
            (json!([]), None),
            (json!([{ "email": "a6@x.example", "primary": "true", "verified": "true" }]), None),
        ]
        .into_iter()
        .enumerate()
        {
            somebody_else(&every.github, number);
            every.github.has_emails(emails.clone());
            let (_, person) = sign_in(&server, &app, "github", &every.github).await;
            assert_eq!(address(&person), (expected, expected.map(|_| true)), "{emails}");
        }
    }

    async fn s120_email_verified_counts_where_it_is_believed_and_as_it_is_written(database) {
        let every = AllProviders::start().await;
        let server = every.server(&database).await;
        let native = native_app(&server, "native").await;
        // Core §5.1: what is no boolean proves nothing, and keeps nobody out.
        let values = [
            json!(true),
            json!(false),
            json!("true"),
            json!("True"),
            json!("false"),
            json!(null),
            json!(1),
            json!([true]),
        ];
        let mut number = 0;
        with_each!(every: oidc, google, apple, kakao, line, microsoft, facebook; |slug, provider| {
            for value in &values {
                number += 1;
                somebody_else(provider, number);
                let token = provider.id_token_with(CLIENT_ID, None, |claims| {
                    claims["email_verified"] = value.clone();
                });
                let tokens = present(&native, ID_TOKEN, &token, &[]).await;
                assert_eq!(tokens.status, 200, "{slug} {value}: {}", tokens.text);
                let person = native.userinfo(&tokens.text("access_token")).await.ok().json();
                let believed = match slug {
                    "oidc" | "google" => *value == json!(true),
                    "apple" => *value == json!(true) || *value == json!("true"),
                    _ => false,
                };
                let email = format!("somebody-{number}@example.com");
                let expected = (Some(email.as_str()), Some(believed));
                assert_eq!(address(&person), expected, "{slug} {value}");
            }
        });
    }

    async fn s120_nobody_needs_an_address_or_a_name(database) {
        let every = AllProviders::start().await;
        let server = every.server(&database).await;
        let app = server.web_app("app", |client| client.metadata.first_party = true).await;
        with_each!(every, |slug, provider| {
            provider.change(|person| (person.email, person.name) = (None, None));
            let (_, person) = sign_in(&server, &app, slug, provider).await;
            assert_eq!(address(&person), (None, None), "{slug}");
            // Whoever comes again with an address that nobody proved brings it along.
            provider.change(|person| {
                person.email = Some(format!("later@{slug}.example"));
                person.email_verified = false;
            });
            let (_, later) = sign_in(&server, &app, slug, provider).await;
            assert_eq!(later["sub"], person["sub"], "{slug}");
            let email = format!("later@{slug}.example");
            // GitHub tells of no address that it has not verified.
            let expected = if slug == "github" { None } else { Some(email.as_str()) };
            assert_eq!(address(&later), (expected, expected.map(|_| false)), "{slug}");
        });
    }
}
