//! S127: an id token is accepted once, for the nonce that the app gave, from the provider that it
//! names.

use super::all_providers::{AllProviders, NATIVE, OTHER, with_each};
use super::fixtures::TOKEN_EXCHANGE;
use super::native::{ID_TOKEN, assert_by, native_app, present};
use super::refusal_check::RefusalCheck;
use crate::support::upstream::CLIENT_ID;
use crate::support::{Holder, both, decode_claims, decode_header};
use serde_json::json;

both! {
    async fn s127_an_id_token_is_accepted_once_however_it_is_presented(database) {
        let every = AllProviders::start().await;
        let server = every.server(&database).await;
        let app = native_app(&server, NATIVE).await;
        let other = native_app(&server, OTHER).await;
        with_each!(every: oidc, google, apple, kakao, line, microsoft, facebook; |slug, provider| {
            let exchanged = provider.id_token(CLIENT_ID, None);
            present(&app, ID_TOKEN, &exchanged, &[]).await.ok();
            let asserted = provider.id_token_with(CLIENT_ID, None, |claims| {
                claims["jti"] = "another".into();
            });
            assert_by(&app, &asserted, &[]).await.ok();
            // Some algorithms sign the same differently each time.
            let again = provider.signer().sign(
                &decode_header(&exchanged),
                &decode_claims(&exchanged),
            );
            let mut refusal_check = RefusalCheck::of(&server).await;
            let refusal = format!("{slug}: used_before");
            for (app, token) in [
                (&app, &exchanged),
                (&app, &asserted),
                (&app, &again),
                (&other, &exchanged),
                (&other, &asserted),
            ] {
                server.advance(60);
                let reply = present(app, ID_TOKEN, token, &[("subject_issuer", slug)]).await;
                refusal_check.refused(&reply, &refusal, "RFC 8693").await;
                server.advance(60);
                let reply = assert_by(app, token, &[]).await;
                refusal_check.refused(&reply, &refusal, "RFC 7523").await;
            }
            // To the end of its life, and then it has expired.
            server.advance(3600);
            for token in [&exchanged, &asserted] {
                server.advance(60);
                let reply = present(&app, ID_TOKEN, token, &[]).await;
                refusal_check.refused(&reply, &format!("{slug}: expired"), "later").await;
            }
        });
    }

    async fn rfc9449_5_what_a_provider_vouches_for_is_bound_to_the_key_that_comes_with_it(database) {
        let every = AllProviders::start().await;
        let server = every.server(&database).await;
        let app = native_app(&server, NATIVE).await;
        let holder = Holder::new(server.now());
        let exchange = |token: String| vec![
            ("grant_type", TOKEN_EXCHANGE.to_owned()), ("subject_token_type", ID_TOKEN.to_owned()), ("subject_token", token),
        ];
        let assert = |token: String| vec![
            ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer".to_owned()), ("assertion", token),
        ];
        let id = |number: i64| every.oidc.id_token_with(CLIENT_ID, None, |claims| claims["jti"] = number.to_string().into());
        for fields in [exchange(id(1)), assert(id(2))] {
            let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
            // A proof that is refused costs the token nothing.
            let wrong = json!({ "htm": "GET" });
            holder.token_with(&app, &fields, &wrong).await.refused(400, "invalid_dpop_proof");
            let reply = holder.token(&app, &fields).await.ok();
            assert_eq!(reply.json()["token_type"], "DPoP");
            let claims = decode_claims(&reply.text("access_token"));
            assert_eq!(claims["cnf"], json!({ "jkt": holder.jkt() }));
        }
    }

    async fn s127_of_many_who_present_one_token_at_once_one_gets_something(database) {
        let every = AllProviders::start().await;
        let server = every.server(&database).await;
        let app = native_app(&server, NATIVE).await;
        // The first time there is no account yet, then there is.
        for round in 1..=3_i64 {
            server.advance(60);
            let token = every.oidc.id_token(CLIENT_ID, None);
            let tries = (0..12).map(|number| {
                let (app, token) = (app.clone(), token.clone());
                tokio::spawn(async move {
                    if number % 2 == 0 {
                        present(&app, ID_TOKEN, &token, &[]).await
                    } else {
                        assert_by(&app, &token, &[]).await
                    }
                })
            });
            let tries: Vec<_> = tries.collect();
            let mut good = 0;
            for one in tries {
                let reply = one.await.unwrap();
                if reply.status == 200 {
                    good += 1;
                } else {
                    reply.refused(400, "invalid_grant");
                    assert_eq!(
                        reply.text("error_description"),
                        "the subject token was used before"
                    );
                }
            }
            assert_eq!(good, 1);
            let refusal_check = RefusalCheck::of(&server).await;
            for (table, count) in
                [("account", 1), ("identity", 1), ("family", round), ("used_assertion", round)]
            {
                assert_eq!(refusal_check.rows_of(table).await, count, "{table}");
            }
        }
    }

    async fn one_person_who_arrives_by_many_requests_at_once_gets_one_account(database) {
        let every = AllProviders::start().await;
        let server = every.server(&database).await;
        let app = native_app(&server, NATIVE).await;
        for round in 1..=4_i64 {
            every.oidc.change(|person| {
                person.id = format!("person-{round}");
                person.email = Some(format!("person-{round}@example.com"));
            });
            let tries = (0..8).map(|number| {
                let token = every.oidc.id_token_with(CLIENT_ID, None, |claims| {
                    claims["jti"] = number.to_string().into();
                });
                let app = app.clone();
                tokio::spawn(async move { present(&app, ID_TOKEN, &token, &[]).await })
            });
            let tries: Vec<_> = tries.collect();
            let mut subs = Vec::new();
            for one in tries {
                // Nobody is asked to prove the account that they themselves made just now.
                let claims = decode_claims(&one.await.unwrap().ok().text("id_token"));
                subs.push(claims["sub"].as_str().unwrap().to_owned());
            }
            subs.dedup();
            assert_eq!(subs.len(), 1);
            let refusal_check = RefusalCheck::of(&server).await;
            for table in ["account", "identity"] {
                assert_eq!(refusal_check.rows_of(table).await, round, "{table}");
            }
        }
    }

    async fn s127_the_nonce_of_the_app_must_be_in_the_token(database) {
        let every = AllProviders::start().await;
        let server = every.server(&database).await;
        let app = native_app(&server, NATIVE).await;
        let mut refusal_check = RefusalCheck::of(&server).await;
        with_each!(every: oidc, google, apple, kakao, line, microsoft, facebook; |slug, provider| {
            let refusal = format!("{slug}: wrong_nonce");
            for (nonce, given) in
                [(Some("a-nonce"), "another"), (None, "a-nonce"), (Some("a-nonce"), "A-NONCE")]
            {
                let token = provider.id_token(CLIENT_ID, nonce);
                server.advance(60);
                let reply = present(&app, ID_TOKEN, &token, &[("nonce", given)]).await;
                refusal_check.refused(&reply, &refusal, given).await;
                server.advance(60);
                let reply = assert_by(&app, &token, &[("nonce", given)]).await;
                refusal_check.refused(&reply, &refusal, given).await;
            }
        });
    }

    async fn s127_the_provider_that_is_named_must_be_the_one_of_the_token(database) {
        let every = AllProviders::start().await;
        let server = every.server(&database).await;
        let app = native_app(&server, NATIVE).await;
        let mut refusal_check = RefusalCheck::of(&server).await;
        // Every one of them knows us by the same name.
        for (named, token) in [
            ("google", every.oidc.id_token(CLIENT_ID, None)),
            ("oidc", every.google.id_token(CLIENT_ID, None)),
            ("kakao", every.apple.id_token(CLIENT_ID, None)),
            ("apple", every.kakao.id_token(CLIENT_ID, None)),
            ("line", every.oidc.id_token(CLIENT_ID, None)),
            ("facebook", every.oidc.id_token(CLIENT_ID, None)),
            ("microsoft", every.oidc.id_token(CLIENT_ID, None)),
            ("oidc", every.microsoft.id_token(CLIENT_ID, None)),
        ] {
            let issuer = every.all_records().into_iter().find(|(slug, _)| *slug == named).unwrap().1;
            for issuer in [named, issuer.base()] {
                if named == "microsoft" && issuer != named {
                    // It is no issuer itself: its tenants are.
                    continue;
                }
                server.advance(60);
                let reply = present(&app, ID_TOKEN, &token, &[("subject_issuer", issuer)]).await;
                refusal_check.refused(&reply, &format!("{named}: wrong_issuer"), named).await;
            }
        }
    }
}
