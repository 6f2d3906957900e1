//! An identity is found by issuer and subject, never by an e-mail address. Security cases S120,
//! S122.

use serde_json::json;

use super::fixtures::{
    about, asks_for_proof, by, exchange, exchanger, identities, known, person, refusals, rows,
};
use super::linking::with_two;
use super::with_idp;
use crate::support::upstream::Oidc;
use crate::support::{PASSWORD, both};

const MINA: &str = "mina@example.com";

both! {
    async fn s120_an_address_that_nobody_proved_is_nobodys_account(database) {
        let idp = Oidc::start().await;
        let (server, app) = with_idp(&database, idp.base(), "").await;
        idp.follows(server.now());
        let native = exchanger(&server).await;
        let sub = known(&server, "secret-name", MINA, true).await;
        idp.change(|person| person.email_verified = false);
        let mut browser = server.browser();
        let arrived = by(&mut browser, &app, "idp", &idp).await;
        let (claims, profile) = person(&app, &arrived).await;
        assert_ne!(claims["sub"], json!(sub));
        assert_eq!((&profile["email"], &profile["email_verified"]), (&json!(MINA), &json!(false)));
        let account = browser.open("/account").await;
        assert!(!account.reply.text.contains("secret-name"));
        let unproven = [json!(false), json!("true"), json!(1), json!(["true"])].map(Some);
        for (number, value) in unproven.into_iter().chain([None]).enumerate() {
            let exchanged = exchange(&native, "idp", &idp, |claims| {
                claims["sub"] = json!(format!("person {number}"));
                claims["email"] = json!(MINA);
                match &value {
                    Some(value) => claims["email_verified"] = value.clone(),
                    None => drop(claims.as_object_mut().unwrap().remove("email_verified")),
                }
            });
            let about = about(&native, exchanged.await).await;
            assert_ne!(about["sub"], json!(sub), "{value:?}");
            assert_eq!(about["email_verified"], false, "{value:?}");
        }
        assert_eq!(refusals(&server).await, Vec::<String>::new());
        assert_eq!(identities(&server, &sub).await, 0);
        // The owner is who they were.
        let about = about(&native, native.password_as(MINA, PASSWORD, "openid email").await).await;
        assert_eq!((&about["sub"], &about["email_verified"]), (&json!(sub), &json!(true)));
    }

    async fn s122_an_address_is_the_same_whatever_its_case_and_form_and_no_other(database) {
        let idp = Oidc::start().await;
        let (server, _) = with_idp(&database, idp.base(), "").await;
        idp.follows(server.now());
        let native = exchanger(&server).await;
        known(&server, "mina", MINA, true).await;
        known(&server, "emilie", "\u{e9}milie@example.com", true).await;
        let before = rows(&server).await;
        // A dot at the end says the same name of the same host (RFC 1034 §3.1).
        for same in [
            "MINA@EXAMPLE.COM",
            "Mina@example.com",
            "e\u{301}milie@example.com",
            "mina@example.com.",
        ] {
            let refused = exchange(&native, "idp", &idp, |claims| claims["email"] = json!(same)).await;
            refused.refused(400, "invalid_grant");
            assert_eq!(refused.text("error_description"), "account_link_required", "{same}");
        }
        assert_eq!(rows(&server).await, before);
        assert_eq!(refusals(&server).await, ["idp: account_link_required"]);
        let others = [
            "mina+tag@example.com", "mi.na@example.com", "m\u{131}na@example.com",
            "m\u{456}na@example.com", "mina@ex\u{e4}mple.com",
            "emilie@example.com", "mina@sub.example.com",
        ];
        for (number, other) in others.into_iter().enumerate() {
            let exchanged = exchange(&native, "idp", &idp, |claims| {
                claims["sub"] = json!(format!("person {number}"));
                claims["email"] = json!(other);
            });
            let about = about(&native, exchanged.await).await;
            assert_eq!((&about["email"], &about["email_verified"]), (&json!(other), &json!(true)));
        }
        let expected = before[0] + i64::try_from(others.len()).unwrap();
        assert_eq!(rows(&server).await[0], expected);
    }

    /// The key is issuer and subject.
    async fn s122_the_same_subject_at_two_providers_is_two_people(database) {
        let (idp, two) = (Oidc::start().await, Oidc::start().await);
        let (server, app) = with_two(&database, &idp, &two).await;
        two.change(|person| person.email = Some("other@example.com".to_owned()));
        assert_eq!(idp.person().id, two.person().id);
        let (one, _) = person(&app, &by(&mut server.browser(), &app, "idp", &idp).await).await;
        let (other, _) = person(&app, &by(&mut server.browser(), &app, "two", &two).await).await;
        assert_ne!(one["sub"], other["sub"]);
        assert_eq!(rows(&server).await[..2], [2, 2]);
    }

    async fn s122_an_address_that_changes_or_is_recycled_moves_nobody(database) {
        let idp = Oidc::start().await;
        let (server, app) = with_idp(&database, idp.base(), "").await;
        idp.follows(server.now());
        let bob = known(&server, "bob", "bob@example.com", true).await;
        let (mina, _) = person(&app, &by(&mut server.browser(), &app, "idp", &idp).await).await;
        // She has his address there now: she is who she was.
        idp.change(|person| person.email = Some("bob@example.com".to_owned()));
        let (again, profile) = person(&app, &by(&mut server.browser(), &app, "idp", &idp).await).await;
        assert_eq!(again["sub"], mina["sub"]);
        assert_eq!(profile["email"], MINA);
        assert_eq!(identities(&server, &bob).await, 0);
        // Somebody else got the address that she had: they are asked, and cannot prove her account.
        idp.change(|person| {
            "9".clone_into(&mut person.id);
            person.email = Some(MINA.to_owned());
        });
        let before = rows(&server).await;
        let mut browser = server.browser();
        let page = by(&mut browser, &app, "idp", &idp).await;
        asks_for_proof(&page, MINA);
        let wrong = browser.sign_in_as(&page, MINA, PASSWORD).await;
        assert_eq!(wrong.reply.status, 400);
        assert_eq!(rows(&server).await, before);
    }
}
