//! S127: tokens that were issued for another app, forged, or never valid.

use serde_json::{Value, json};

use super::all_providers::{AllProviders, NATIVE, OTHER_KAKAO_APP, native_of, other_of, with_each};
use super::native::{ACCESS_TOKEN, ID_TOKEN, assert_by, native_app, present};
use super::refusal_check::RefusalCheck;
use crate::support::upstream::{CLIENT_ID, CLIENT_SECRET, Signer, keyed, unsigned};
use crate::support::{both, decode_claims, decode_header};

/// What is changed in a good id token, and why that is refused.
type Change = (&'static str, &'static str, fn(&mut Value, &str, i64));

const CHANGES: &[Change] = &[
    ("another app", "wrong_audience", |claims, _, _| claims["aud"] = json!("another-app")),
    ("another client of ours", "wrong_audience", |claims, slug, _| {
        claims["aud"] = json!(other_of(slug));
    }),
    ("us and another app", "wrong_audience", |claims, _, _| {
        claims["aud"] = json!([CLIENT_ID, "another-app"]);
        claims["azp"] = json!(CLIENT_ID);
    }),
    ("us and another client of ours", "wrong_audience", |claims, slug, _| {
        claims["aud"] = json!([CLIENT_ID, other_of(slug)]);
        claims["azp"] = json!(CLIENT_ID);
    }),
    ("several and no azp", "wrong_azp", |claims, slug, _| {
        claims["aud"] = json!([CLIENT_ID, native_of(slug)]);
        claims.as_object_mut().unwrap().remove("azp");
    }),
    ("azp of another app", "wrong_azp", |claims, _, _| claims["azp"] = json!("another-app")),
    ("azp of another client of ours", "wrong_azp", |claims, slug, _| {
        claims["azp"] = json!(other_of(slug));
    }),
    ("azp that is none", "wrong_azp", |claims, _, _| claims["azp"] = json!([CLIENT_ID])),
    ("no aud", "malformed_token", |claims, _, _| {
        claims.as_object_mut().unwrap().remove("aud");
    }),
    ("empty aud", "wrong_audience", |claims, _, _| claims["aud"] = json!([])),
    ("a prefix of our id", "wrong_audience", |claims, _, _| {
        claims["aud"] = json!(&CLIENT_ID[..9]);
    }),
    ("expired", "expired", |claims, _, now| claims["exp"] = json!(now)),
    ("never expires", "malformed_token", |claims, _, _| {
        claims.as_object_mut().unwrap().remove("exp");
    }),
    ("issued in six minutes", "issued_ahead", |claims, _, now| claims["iat"] = json!(now + 360)),
    ("another issuer", "wrong_issuer", |claims, _, _| {
        claims["iss"] = json!("https://another.example");
    }),
    ("an issuer with a slash", "wrong_issuer", |claims, _, _| {
        claims["iss"] = json!(format!("{}/", claims["iss"].as_str().unwrap()));
    }),
];

both! {
    async fn s127_an_id_token_that_was_not_made_for_this_client_is_refused(database) {
        let every = AllProviders::start().await;
        let server = every.server(&database).await;
        let app = native_app(&server, NATIVE).await;
        with_each!(every: oidc, google, apple, kakao, line, microsoft, facebook; |slug, provider| {
            let mut refusal_check = RefusalCheck::of(&server).await;
            for (what, reason, change) in CHANGES {
                // A refusal is written down once a minute.
                server.advance(60);
                let token = || provider.id_token_with(CLIENT_ID, None, |claims| {
                    change(claims, slug, server.now().now().timestamp());
                });
                let what = format!("{slug}: {what}");
                let refusal = format!("{slug}: {reason}");
                let reply = present(&app, ID_TOKEN, &token(), &[("subject_issuer", slug)]).await;
                refusal_check.refused(&reply, &refusal, &what).await;
                server.advance(60);
                let reply = assert_by(&app, &token(), &[]).await;
                if what.ends_with("issuer") || what.ends_with("slash") || what.ends_with("no aud") {
                    // Such an assertion belongs to nobody.
                    reply.refused(400, "invalid_grant");
                    refusal_check.saw_nothing_but(&[], &what).await;
                } else {
                    refusal_check.refused(&reply, &refusal, &what).await;
                }
            }
            // An honest one still goes, of somebody whose clock is a little ahead.
            let now = server.now().now().timestamp();
            let ahead = |claims: &mut Value| claims["iat"] = json!(now + 300);
            let token = provider.id_token_with(CLIENT_ID, None, ahead);
            present(&app, ID_TOKEN, &token, &[("subject_issuer", slug)]).await.ok();
        });
    }

    async fn s127_an_id_token_that_is_not_signed_by_its_issuer_is_refused(database) {
        let every = AllProviders::start().await;
        let server = every.server(&database).await;
        let app = native_app(&server, NATIVE).await;
        with_each!(every: oidc, google, apple, kakao, line, microsoft, facebook; |slug, provider| {
            let mut refusal_check = RefusalCheck::of(&server).await;
            let good = provider.id_token(CLIENT_ID, None);
            let (header, claims) =
                (decode_header(&good), decode_claims(&good));
            let (signer, forger) = (provider.signer(), Signer::rsa());
            let with = |name: &str, value: Value| {
                let mut header = header.clone();
                header[name] = value;
                header
            };
            let (signed, signature) = good.rsplit_once('.').unwrap();
            let mut other = claims.clone();
            other["sub"] = json!("1");
            let hmac = with("alg", json!("HS256"));
            let not_good = format!("{slug}: bad_signature");
            for (what, token) in [
                ("another key", forger.sign(&with("alg", json!("RS256")), &claims)),
                ("another key of its own name", forger.token(&claims)),
                ("an embedded key", forger.sign(&with("jwk", forger.jwk()), &claims)),
                ("no signature", format!("{signed}.")),
                ("alg none", format!("{}.", unsigned(&with("alg", json!("none")), &claims))),
                ("alg None", format!("{}.", unsigned(&with("alg", json!("None")), &claims))),
                ("other claims", format!("{}.{signature}", unsigned(&header, &other))),
                ("the secret", keyed(CLIENT_SECRET.as_bytes(), &hmac, &claims)),
                (
                    "the secret, without a kid",
                    keyed(CLIENT_SECRET.as_bytes(), &json!({ "alg": "HS256" }), &claims),
                ),
                ("the public key", keyed(signer.public_pem().as_bytes(), &hmac, &claims)),
                ("the public jwk", keyed(signer.jwk().to_string().as_bytes(), &hmac, &claims)),
                ("nothing", keyed(b"", &hmac, &claims)),
            ] {
                server.advance(60);
                let reply = present(&app, ID_TOKEN, &token, &[("subject_issuer", slug)]).await;
                refusal_check.refused(&reply, &not_good, what).await;
            }
            if slug == "line" {
                // What LINE signs for the web, anybody could who has read the secret.
                server.advance(60);
                let token = every.line.web_id_token_with(CLIENT_ID, None, |_| {});
                let reply = present(&app, ID_TOKEN, &token, &[]).await;
                refusal_check.refused(&reply, "line: bad_signature", "of the web").await;
            }
            present(&app, ID_TOKEN, &good, &[("subject_issuer", slug)]).await.ok();
        });
    }

    async fn s127_an_access_token_of_another_app_is_refused(database) {
        let every = AllProviders::start().await;
        let server = every.server(&database).await;
        let app = native_app(&server, NATIVE).await;
        with_each!(every: google, kakao, facebook, github, line; |slug, provider| {
            let mut refusal_check = RefusalCheck::of(&server).await;
            let (another, other) = match slug {
                "kakao" => ("999999".to_owned(), OTHER_KAKAO_APP.to_owned()),
                _ => ("another-app".to_owned(), other_of(slug)),
            };
            for app_id in [another, other] {
                server.advance(60);
                let token = provider.access_token_for(&app_id);
                let changes = [("subject_issuer", slug)];
                let reply = present(&app, ACCESS_TOKEN, &token, &changes).await;
                refusal_check.refused(&reply, &format!("{slug}: wrong_audience"), &app_id).await;
            }
            // Revoked there, or never given.
            let reason = if slug == "github" { "wrong_audience" } else { "token_refused" };
            let token = provider.access_token_for(CLIENT_ID);
            assert!(provider.revoke(&token));
            for token in [token.as_str(), "x", "a token & its=parameters", "\u{e9}"] {
                server.advance(60);
                let changes = [("subject_issuer", slug)];
                let reply = present(&app, ACCESS_TOKEN, token, &changes).await;
                refusal_check.refused(&reply, &format!("{slug}: {reason}"), token).await;
            }
            let token = provider.access_token_for(CLIENT_ID);
            present(&app, ACCESS_TOKEN, &token, &[("subject_issuer", slug)]).await.ok();
        });
    }

    async fn s127_what_nothing_proves_is_not_even_asked_about(database) {
        let every = AllProviders::start().await;
        let server = every.server(&database).await;
        let app = native_app(&server, NATIVE).await;
        let mut refusal_check = RefusalCheck::of(&server).await;
        let access = |token: String| (ACCESS_TOKEN, token);
        let said_by = |issuer: &str| {
            every.oidc.id_token_with(CLIENT_ID, None, |claims| claims["iss"] = json!(issuer))
        };
        for (slug, (kind, token)) in [
            ("naver", access(every.naver.access_token_for(CLIENT_ID))),
            ("apple", access(every.apple.access_token_for(CLIENT_ID))),
            ("microsoft", access(every.microsoft.access_token_for(CLIENT_ID))),
            ("oidc", access(every.oidc.access_token_for(CLIENT_ID))),
            ("naver", (ID_TOKEN, said_by(every.naver.base()))),
            ("github", (ID_TOKEN, said_by(every.github.base()))),
        ] {
            server.advance(60);
            let reply = present(&app, kind, &token, &[("subject_issuer", slug)]).await;
            refusal_check.refused(&reply, &format!("{slug}: unprovable"), slug).await;
            let description =
                "this provider cannot prove for whom such a token was issued: send an authorization code";
            assert_eq!(reply.text("error_description"), description, "{slug}");
        }
        let asked: usize = every.all_records().iter().map(|(_, records)| records.asked().len()).sum();
        assert_eq!(asked, 0);
    }
}
