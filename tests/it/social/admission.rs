//! Which provider admits which people, and to which apps. Security cases S126, S129.

use mapae::admin::authority::May;
use mapae::admin::users::Target;
use serde_json::{Value, json};

use super::fixtures::{
    asks_for_proof, by, exchange, exchanger, known, person, refusals, rows, said,
};
use super::row_counts::is_gone;
use super::{table, with_idp};
use crate::support::upstream::Oidc;
use crate::support::{PASSWORD, Page, Server, both};

/// A page without what differs from visit to visit.
fn plain(page: &Page) -> String {
    let mut html = page.reply.text.clone();
    for name in ["interaction", "csrf"] {
        html = html.replace(&page.hidden(name), "…");
    }
    html
}

both! {
    /// A disabled person and one of another domain hear the same.
    async fn s129_a_refusal_does_not_say_why(database) {
        let idp = Oidc::start().await;
        let domains = "allowed_domains = [\"example.com\"]";
        let (server, app) = with_idp(&database, idp.base(), domains).await;
        idp.follows(server.now());
        let native = exchanger(&server).await;
        let (claims, profile) = person(&app, &by(&mut server.browser(), &app, "idp", &idp).await).await;
        let issuer = server.inner.services();
        let name = profile["preferred_username"].as_str().unwrap();
        mapae::admin::users::disable(&May::operator(), &issuer.store, server.now(), Target::named(name)).await.unwrap();
        known(&server, "owner", "owner@example.com", true).await;
        mapae::admin::users::disable(&May::operator(), &issuer.store, server.now(), Target::named("owner")).await.unwrap();
        let before = rows(&server).await;
        let (mut pages, mut errors) = (Vec::new(), Vec::new());
        for (id, email, verified) in [
            (idp.person().id.as_str(), Some("mina@example.com"), true),
            // An account of this address is disabled.
            ("2", Some("owner@example.com"), true),
            ("3", Some("mina@elsewhere.example"), true),
            ("4", Some("mina@sub.example.com"), true),
            ("5", Some("unproven@example.com"), false),
            ("6", None, false),
        ] {
            idp.change(|person| {
                id.clone_into(&mut person.id);
                person.email = email.map(str::to_owned);
                person.email_verified = verified;
            });
            let mut browser = server.browser();
            let page = by(&mut browser, &app, "idp", &idp).await;
            assert!(page.has("login-with-idp") && page.reply.text.contains("can’t be used here"), "{id}");
            pages.push(plain(&page));
            let account = browser.open("/account").await;
            assert!(account.has("login-submit"), "{id}: nobody is signed in");
            let refused = exchange(&native, "idp", &idp, |claims| {
                claims["email"] = json!(email);
                claims["email_verified"] = json!(verified);
            });
            let refused = refused.await;
            refused.refused(400, "invalid_grant");
            errors.push(refused.text);
        }
        pages.dedup();
        errors.dedup();
        assert_eq!((pages.len(), errors.len()), (1, 1), "{errors:?}");
        assert_eq!(rows(&server).await, before);
        let mut reasons = refusals(&server).await;
        reasons.sort();
        reasons.dedup();
        assert_eq!(reasons, ["idp: disabled", "idp: domain_not_allowed"]);
        assert_eq!(said(&server, "identity.linked").await.len(), 1, "{claims}");
    }

    /// Whoever tries again and again does not fill the audit.
    async fn a_refused_person_is_written_down_once_a_minute(database) {
        let idp = Oidc::start().await;
        let domains = "allowed_domains = [\"example.com\"]";
        let (server, _) = with_idp(&database, idp.base(), domains).await;
        idp.follows(server.now());
        let native = exchanger(&server).await;
        // To the beginning of a minute.
        server.advance(60 - server.now().now().timestamp() % 60);
        for (later, written) in [(0, 1), (59, 1), (1, 2)] {
            server.advance(later);
            let claims = |claims: &mut Value| claims["email"] = json!("mina@elsewhere.example");
            let refused = exchange(&native, "idp", &idp, claims).await;
            refused.refused(400, "invalid_grant");
            assert_eq!(refusals(&server).await, vec!["idp: domain_not_allowed"; written]);
        }
    }

    async fn s126_a_provider_that_is_not_for_this_is_not_there(database) {
        let (idp, off, theirs) = (Oidc::start().await, Oidc::start().await, Oidc::start().await);
        let tables = [
            table("idp", "oidc", idp.base(), ""),
            table("off", "oidc", off.base(), "disabled = true"),
            table("theirs", "oidc", theirs.base(), "allowed_clients = [\"other\"]"),
        ];
        let server = Server::start_social(&database, &tables.concat()).await;
        for provider in [&idp, &off, &theirs] {
            provider.follows(server.now());
        }
        let app = server.web_app("app", |client| client.metadata.first_party = true).await;
        let other = server.web_app("other", |client| client.metadata.first_party = true).await;
        let native = exchanger(&server).await;
        let mut browser = server.browser();
        let page = browser.open(&app.authorization_url(&[])).await;
        let offered = ["idp", "off", "theirs"].map(|slug| page.has(&format!("login-with-{slug}")));
        assert_eq!(offered, [true, false, false]);
        let fields = [("interaction", page.hidden("interaction")), ("csrf", page.hidden("csrf"))];
        let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
        let before = rows(&server).await;
        for slug in [
            "off", "theirs", "nobody", "IDP", "idp%00", "idp%2f..", "..%2fwith%2fidp", "%69dp%20",
            "idp/", "idp/x", "%EA%B5%AC%EA%B8%80",
        ] {
            let refused = browser.post(&format!("/login/with/{slug}"), &fields).await;
            // What may be a name leads back to the page, which says that it is not there.
            match refused.location() {
                Some(location) => assert!(location.ends_with("&note=unknown"), "{slug}"),
                None => assert_eq!(refused.reply.status, 404, "{slug}"),
            }
            let callback = format!("/login/callback/{slug}?code=x&state=x");
            let refused = browser.get(&callback).await;
            assert!(refused.reply.status.is_client_error() && refused.location().is_none(), "{slug}");
        }
        // A form without its token leads nowhere, whatever the provider.
        let forged = [fields[0], ("csrf", "x")];
        browser.post("/login/with/idp", &forged).await.is_error("forbidden");
        for (slug, provider) in [("off", &off), ("theirs", &theirs)] {
            for named in [slug, provider.base()] {
                let refused = exchange(&native, named, provider, |_| {}).await;
                refused.refused(400, "invalid_grant");
            }
        }
        assert_eq!(rows(&server).await, before);
        assert_eq!((off.asked().len(), theirs.asked().len()), (0, 0), "nobody was called");
        // For whom it is, it is there.
        let mut browser = server.browser();
        person(&other, &by(&mut browser, &other, "theirs", &theirs).await).await;
    }

    async fn s126_where_a_provider_is_the_only_way_no_password_counts(database) {
        let (idp, two) = (Oidc::start().await, Oidc::start().await);
        let only = "only = true\nallowed_clients = [\"app\", \"native\"]";
        let tables = [table("idp", "oidc", idp.base(), only), table("two", "oidc", two.base(), "")];
        let server = Server::start_social(&database, &tables.concat()).await;
        idp.follows(server.now());
        let app = server.web_app("app", |client| client.metadata.first_party = true).await;
        let other = server.web_app("other", |client| client.metadata.first_party = true).await;
        let native = exchanger(&server).await;
        let sub = known(&server, "mina", "mina@example.com", true).await;
        known(&server, "bob", "bob@example.com", true).await;
        let mut browser = server.browser();
        let page = browser.open(&app.authorization_url(&[])).await;
        assert!(page.has("login-with-idp") && !page.has("login-with-two") && !page.has("password"));
        let before = rows(&server).await;
        let stayed = browser.sign_in_as(&page, "mina", PASSWORD).await;
        assert!(stayed.has("login-with-idp") && !stayed.has("password"), "{}", stayed.reply.text);
        let fields = [("interaction", page.hidden("interaction")), ("csrf", page.hidden("csrf"))];
        let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
        let gone = browser.post("/login/with/two", &fields).await;
        is_gone(&browser.follow(gone).await);
        native.password_as("mina", PASSWORD, "openid").await.refused(400, "invalid_grant");
        assert_eq!((rows(&server).await, two.asked().len()), (before, 0));
        // An older account is proven by its password, and by no other.
        let page = by(&mut browser, &app, "idp", &idp).await;
        asks_for_proof(&page, "mina@example.com");
        assert!(!page.has("login-with-two"));
        let before = rows(&server).await;
        let wrong = browser.sign_in_as(&page, "bob", PASSWORD).await;
        assert_eq!(wrong.reply.status, 400);
        assert_eq!(rows(&server).await, before);
        let (claims, _) = person(&app, &browser.sign_in_as(&wrong, "mina", PASSWORD).await).await;
        assert_eq!(claims["sub"], json!(sub));
        // And in time.
        idp.change(|person| "2".clone_into(&mut person.id));
        let mut late = server.browser();
        let page = by(&mut late, &app, "idp", &idp).await;
        asks_for_proof(&page, "mina@example.com");
        server.advance(600);
        let stayed = late.sign_in_as(&page, "mina", PASSWORD).await;
        assert!(stayed.has("login-with-idp") && !stayed.has("password"), "{}", stayed.reply.text);
        // Everybody else has every way.
        let mut browser = server.browser();
        let page = browser.open(&other.authorization_url(&[])).await;
        assert!(page.has("password") && page.has("login-with-two") && !page.has("login-with-idp"));
        browser.sign_in_as(&page, "bob", PASSWORD).await.authorization_response().code();
    }
}
