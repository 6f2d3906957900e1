//! The first sign-in by a provider: what the new account gets, and that nobody can prepare an
//! account for somebody else. Security cases S121, S125.

use sea_orm::{ConnectionTrait, Database as Sea, TransactionTrait};
use serde_json::{Value, json};

use super::fixtures::{about, by, claimant, exchange, exchanger, identities, known, person, rows};
use super::with_idp;
use crate::deletion::{DAY, delete, without_the_job};
use crate::support::upstream::Oidc;
use crate::support::{PASSWORD, Server, both, eventually, postgres_or_skip};

const MINA: &str = "mina@example.com";

async fn with_native(
    database: &crate::support::Database,
    more: &str,
) -> (Server, Oidc, crate::support::App) {
    let idp = Oidc::start().await;
    let (server, _) = with_idp(database, idp.base(), more).await;
    idp.follows(server.now());
    let native = exchanger(&server).await;
    (server, idp, native)
}

/// On SQLite one follows the other. Another session stands here for the first of the two: it commits
/// the account and its identity after the second one did not find the identity, and before it looks
/// for the address.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_first_sign_ins_at_once_the_second_comes_to_the_account_of_the_first() {
    let Some(database) = postgres_or_skip() else { return };
    let (server, idp, native) = with_native(&database, "").await;
    let claims = |claims: &mut Value| {
        claims["email"] = json!(MINA);
        claims["email_verified"] = json!(true);
    };
    let first = about(&native, exchange(&native, "idp", &idp, claims).await).await;
    let evidence = server.evidence().await;
    evidence.run("UPDATE identity SET subject = subject || ' later'").await;

    let other = Sea::connect(server.database_url()).await.expect("the database");
    #[expect(clippy::disallowed_methods, reason = "another session")]
    let commits = other.begin().await.expect("a transaction");
    let sql = "LOCK TABLE account IN ACCESS EXCLUSIVE MODE; \
               UPDATE identity SET subject = replace(subject, ' later', '')";
    commits.execute_unprepared(sql).await.expect("locked");
    let second = async { about(&native, exchange(&native, "idp", &idp, claims).await).await };
    let commit = async {
        let waits = "SELECT count(*) AS n FROM pg_locks \
                     WHERE NOT granted AND relation = 'account'::regclass";
        eventually("the second waits", async || evidence.count(waits).await == 1).await;
        commits.commit().await.expect("committed");
    };
    let (second, ()) = tokio::join!(second, commit);
    assert_eq!(second["sub"], first["sub"]);
    assert_eq!(rows(&server).await[..2], [1, 1]);
}

both! {
    /// Whoever registered the address first, without proof, waits for its owner in vain.
    async fn s121_nothing_that_others_prepared_survives_the_owner(database) {
        let idp = Oidc::start().await;
        let (server, app) = with_idp(&database, idp.base(), "").await;
        idp.follows(server.now());
        let native = exchanger(&server).await;
        let attacker = claimant(&server, "attacker", MINA).await;
        let second = claimant(&server, "second", "MINA@example.com").await;
        let granted = native.password_as("attacker", PASSWORD, "openid offline_access").await;
        let (access, refresh) = granted.pair();
        let mut theirs = server.browser();
        let login = theirs.open(&app.authorization_url(&[])).await;
        let in_flight = theirs.sign_in_as(&login, "attacker", PASSWORD).await.authorization_response().code();
        let pending = server.browser().open(&app.authorization_url(&[])).await;
        assert!(pending.has("login-submit"));

        let (claims, profile) = person(&app, &by(&mut server.browser(), &app, "idp", &idp).await).await;
        let owner = claims["sub"].as_str().unwrap();
        assert!(owner != attacker && owner != second);
        assert_eq!((&profile["email"], &profile["email_verified"]), (&json!(MINA), &json!(true)));
        assert_ne!(profile["name"], "Somebody Else");

        for name in ["attacker", "second", MINA] {
            native.password_as(name, PASSWORD, "openid").await.refused(400, "invalid_grant");
        }
        native.refresh(&refresh).await.refused(400, "invalid_grant");
        assert_eq!(native.userinfo(&access).await.status, 401);
        app.exchange(&in_flight).await.refused(400, "invalid_grant");
        theirs.get(&app.authorization_url(&[("prompt", "none")])).await.error_response("login_required");
        let mut displaced = server.evidence().await.events_of("account.displaced").await
            .into_iter().map(|event| event.user.unwrap()).collect::<Vec<_>>();
        displaced.sort();
        let mut both = vec![attacker.clone(), second];
        both.sort();
        assert_eq!(displaced, both);
        let left = "SELECT count(*) AS n FROM account WHERE password_hash IS NOT NULL \
                    OR (email IS NOT NULL AND username IN ('attacker', 'second'))";
        assert_eq!(server.evidence().await.count(left).await, 0);
        assert_eq!(identities(&server, &attacker).await, 0);
        // The next time nobody is displaced.
        let (again, _) = person(&app, &by(&mut server.browser(), &app, "idp", &idp).await).await;
        assert_eq!(again["sub"], owner);
        assert_eq!(server.evidence().await.events_of("account.displaced").await.len(), 2);
    }

    async fn s121_whoever_comes_without_proof_displaces_nobody(database) {
        let (server, idp, native) = with_native(&database, "").await;
        claimant(&server, "first", MINA).await;
        let claims = |claims: &mut Value| {
            claims["email"] = json!(MINA);
            claims["email_verified"] = json!(false);
        };
        about(&native, exchange(&native, "idp", &idp, claims).await).await;
        native.password_as("first", PASSWORD, "openid").await.ok();
        assert_eq!(server.evidence().await.events_of("account.displaced").await.len(), 0);
        // What they came by is their own: the owner displaces both, and each comes back as another.
        let claims = |sub: &'static str| move |claims: &mut Value| {
            claims["sub"] = json!(sub);
            claims["email"] = json!(MINA);
            claims["email_verified"] = json!(true);
        };
        let owner = about(&native, exchange(&native, "idp", &idp, claims("owner")).await).await;
        native.password_as("first", PASSWORD, "openid").await.refused(400, "invalid_grant");
        let claims = |claims: &mut Value| claims["email"] = json!(null);
        let other = about(&native, exchange(&native, "idp", &idp, claims).await).await;
        assert_ne!(other["sub"], owner["sub"]);
        assert_eq!(other.get("email"), None);
        assert_eq!(rows(&server).await[..2], [3, 2]);
    }

    async fn a_profile_fills_what_is_empty_and_follows_where_that_is_wished(database) {
        for (more, name, email) in [
            ("", "Mina Kim", MINA),
            ("follow_profile = true", "Mina Lee", "mina.lee@example.com"),
        ] {
            let (server, idp, native) = with_native(&database, more).await;
            known(&server, "bob", "bob@example.com", true).await;
            known(&server, "named@example.com", "else@example.com", true).await;
            let claims = |claims: &mut Value| claims["name"] = json!("Mina Kim");
            let first = about(&native, exchange(&native, "idp", &idp, claims).await).await;
            assert_eq!((&first["name"], first.get("nickname")), (&json!("Mina Kim"), None));
            let claims = |claims: &mut Value| {
                claims["name"] = json!("Mina Lee");
                claims["nickname"] = json!("mimi");
                claims["email"] = json!("mina.lee@example.com");
                claims["email_verified"] = json!(true);
            };
            let second = about(&native, exchange(&native, "idp", &idp, claims).await).await;
            assert_eq!(second["sub"], first["sub"]);
            let expected = [json!(name), json!("mimi"), json!(email), json!(true)];
            let seen = ["name", "nickname", "email", "email_verified"].map(|key| second[key].clone());
            assert_eq!(seen, expected, "{more}");
            // An address without proof, and one that is somebody's or names them, is never followed.
            for (other, verified) in
                [("x@example.com", false), ("bob@example.com", true), ("named@example.com", true)]
            {
                let claims = |claims: &mut Value| {
                    claims["email"] = json!(other);
                    claims["email_verified"] = json!(verified);
                };
                let third = about(&native, exchange(&native, "idp", &idp, claims).await).await;
                assert_eq!((&third["sub"], &third["email"]), (&first["sub"], &json!(email)), "{other}");
            }
            let bobs = about(&native, native.password_as("bob@example.com", PASSWORD, "openid email").await).await;
            assert_eq!((&bobs["email"], &bobs["email_verified"]), (&json!("bob@example.com"), &json!(true)));
        }
    }

    /// An address that was empty or only said is taken over from who proves it.
    async fn an_address_that_is_empty_or_unproven_is_filled(database) {
        let (server, idp, native) = with_native(&database, "").await;
        for (email, verified, expected) in [
            (json!(null), json!(null), None),
            (json!(MINA), json!(false), Some((MINA, false))),
            (json!("x@example.com"), json!(true), Some((MINA, false))),
            (json!(MINA), json!(true), Some((MINA, true))),
            (json!(MINA), json!(false), Some((MINA, true))),
        ] {
            let claims = |claims: &mut Value| {
                claims["email"] = email.clone();
                claims["email_verified"] = verified.clone();
            };
            let seen = about(&native, exchange(&native, "idp", &idp, claims).await).await;
            let seen = seen["email"].as_str().map(|email| (email, seen["email_verified"] == true));
            assert_eq!(seen, expected, "{email} {verified}");
        }
        assert_eq!(rows(&server).await[0], 1);
    }

    /// Whoever comes again with a proof takes the address from an account that only claims it.
    async fn s121_an_address_that_is_proven_later_is_taken_from_who_only_claims_it(database) {
        let (server, idp, native) = with_native(&database, "follow_profile = true").await;
        let emails = async |name: &str| {
            let of = format!("FROM account WHERE username = '{name}' AND email IS NOT NULL");
            server.evidence().await.count(&format!("SELECT count(*) AS n {of}")).await
        };
        let arrives = async |email: &str, verified: bool| {
            let claims = |claims: &mut Value| {
                claims["email"] = json!(email);
                claims["email_verified"] = json!(verified);
            };
            about(&native, exchange(&native, "idp", &idp, claims).await).await["email"].clone()
        };
        assert_eq!(arrives(MINA, false).await, MINA);
        claimant(&server, "first", MINA).await;
        assert_eq!((arrives(MINA, false).await, emails("first").await), (json!(MINA), 1));
        assert_eq!((arrives(MINA, true).await, emails("first").await), (json!(MINA), 0));
        // With an address that was proven already, by a new one.
        let new = "new@example.com";
        claimant(&server, "second", new).await;
        assert_eq!((arrives(new, true).await, emails("second").await), (json!(new), 0));
    }

    /// An account displaces others when it gets an address, not each time that one is proven.
    async fn s121_who_gets_no_new_address_displaces_nobody(database) {
        let (server, idp, native) = with_native(&database, "").await;
        let arrives = async |sub: &str, email: Option<&str>, nickname: Option<&str>| {
            let claims = |claims: &mut Value| {
                claims["sub"] = json!(sub);
                claims["email"] = json!(email);
                claims["email_verified"] = json!(email.is_some());
                claims["nickname"] = json!(nickname);
            };
            about(&native, exchange(&native, "idp", &idp, claims).await).await
        };
        let owner = arrives("owner", Some(MINA), None).await;
        arrives("other", None, None).await;
        claimant(&server, "since", MINA).await;
        // Their accounts are written, since the nickname is new.
        for (sub, email) in [("owner", json!(MINA)), ("other", json!(null))] {
            let seen = arrives(sub, Some(MINA), Some("mimi")).await;
            assert_eq!((&seen["nickname"], &seen["email"]), (&json!("mimi"), &email), "{sub}");
            let since = native.password_as("since", PASSWORD, "openid email").await;
            assert_eq!(about(&native, since).await["email"], MINA, "{sub}");
            let kept = arrives("owner", None, None).await;
            assert_eq!((&kept["sub"], &kept["email"]), (&owner["sub"], &json!(MINA)), "{sub}");
        }
        assert_eq!(server.evidence().await.events_of("account.displaced").await.len(), 0);
    }

    /// Who reads accounts again once they change learns of it.
    async fn an_account_that_loses_its_address_was_changed_at_that_moment(database) {
        let (server, idp, native) = with_native(&database, "").await;
        let arrives = async |sub: &str, email: Option<&str>, verified: bool| {
            let claims = |claims: &mut Value| {
                claims["sub"] = json!(sub);
                claims["email"] = json!(email);
                claims["email_verified"] = json!(verified);
            };
            about(&native, exchange(&native, "idp", &idp, claims).await).await
        };
        let before = arrives("claimant", Some(MINA), false).await;
        server.advance(60);
        let owner = arrives("owner", Some(MINA), true).await;
        server.advance(60);
        // Coming again changes nothing more.
        let after = arrives("claimant", None, false).await;
        assert_eq!((&after["sub"], after.get("email")), (&before["sub"], None));
        assert_ne!(after["updated_at"], before["updated_at"]);
        assert_eq!(after["updated_at"], owner["updated_at"]);
    }

    /// An account that is over has no identity any more, although its rows may still be there.
    async fn whoever_comes_again_when_their_account_is_over_gets_a_new_one(database) {
        let idp = Oidc::start().await;
        let (server, app) = with_idp(&database, idp.base(), "").await;
        idp.follows(server.now());
        let mut browser = server.browser();
        let (first, _) = person(&app, &by(&mut browser, &app, "idp", &idp).await).await;
        delete(&mut browser).await;
        let evidence = server.evidence().await;
        without_the_job(&evidence).await;
        server.advance(7 * DAY);
        let arrived = by(&mut server.browser(), &app, "idp", &idp).await;
        let (second, profile) = person(&app, &arrived).await;
        assert_ne!(second["sub"], first["sub"]);
        assert_eq!((&profile["email"], &profile["email_verified"]), (&json!(MINA), &json!(true)));
        assert_eq!(rows(&server).await[..2], [2, 1]);
        // The rows of the first account go, and the identity stays with the second one.
        evidence.run("UPDATE ending SET due_at = 0").await;
        eventually("the rows are gone", async || rows(&server).await[0] == 1).await;
        let arrived = by(&mut server.browser(), &app, "idp", &idp).await;
        assert_eq!(person(&app, &arrived).await.0["sub"], second["sub"]);
    }

    /// A name that is typed may be both, so only one of the two may lead somewhere.
    async fn s121_an_address_that_is_another_persons_user_name_is_not_verified(database) {
        let (server, idp, native) = with_native(&database, "").await;
        known(&server, MINA, "other@example.com", true).await;
        let claims = |claims: &mut Value| {
            claims["email"] = json!(MINA);
            claims["email_verified"] = json!(true);
        };
        let seen = about(&native, exchange(&native, "idp", &idp, claims).await).await;
        assert_eq!((&seen["email"], &seen["email_verified"]), (&json!(MINA), &json!(false)));
        assert_eq!(rows(&server).await[0], 2);
    }

    async fn user_names_are_free_and_look_like_no_address(database) {
        let (server, idp, native) = with_native(&database, "").await;
        let bob = known(&server, "bob", "owner@example.com", true).await;
        for (number, (wished, email, expected, suffixed)) in [
            (json!("mina"), json!(null), "mina", false),
            (json!("mina"), json!(null), "mina", true),
            (json!("MINA"), json!(null), "MINA", true),
            (json!("춘향"), json!(null), "춘향", false),
            (json!("owner@example.com"), json!(null), "owner", false),
            (json!("owner\u{ff20}example.com"), json!("hana@example.com"), "hana", false),
            (json!("a b"), json!("dul@example.com"), "dul", false),
            (json!("a\u{200b}b"), json!("dul@example.com"), "dul", true),
            (json!("x".repeat(65)), json!("set@example.com"), "set", false),
            (json!(null), json!("net+tag@example.com"), "net+tag", false),
            (json!("@"), json!(null), "user", true),
            (json!(null), json!(null), "user", true),
            (json!("\u{ff20}"), json!(null), "user", true),
        ].into_iter().enumerate() {
            let claims = |claims: &mut Value| {
                claims["sub"] = json!(format!("person {number}"));
                claims["preferred_username"] = wished.clone();
                claims["email"] = email.clone();
                claims["email_verified"] = json!(false);
            };
            let seen = about(&native, exchange(&native, "idp", &idp, claims).await).await;
            let name = seen["preferred_username"].as_str().unwrap();
            let suffix = name.strip_prefix(expected).unwrap_or_else(|| panic!("{wished} {name}"));
            assert_eq!(!suffix.is_empty(), suffixed, "{wished} {name}");
            if suffixed {
                let letters = suffix.strip_prefix('-').unwrap();
                assert!(letters.len() == 5 && letters.bytes().all(|b| b.is_ascii_alphanumeric()), "{name}");
            }
            assert!(!name.contains(['@', '\u{ff20}']), "{name}");
        }
        // Nobody stands in an owner's way.
        let about = about(&native, native.password_as("owner@example.com", PASSWORD, "openid").await).await;
        assert_eq!(about["sub"], json!(bob));
        assert_eq!(server.evidence().await.events_of("user.created").await.len(), 1 + 13);
    }
}
