//! From an identity to an account that is there: nobody but who proves it. Security cases S120,
//! S124.

use serde_json::json;

use super::scene::{asks_for_proof, by, identities, known, person, rows, said};
use super::{table, with_idp};
use crate::support::upstream::Oidc;
use crate::support::{App, Browser, PASSWORD, Page, Server, both};

const MINA: &str = "mina@example.com";

/// A server with `idp` and `two`, and an app.
pub(super) async fn with_two(
    database: &crate::support::Database,
    idp: &Oidc,
    two: &Oidc,
) -> (Server, App) {
    let tables = [table("idp", "oidc", idp.base(), ""), table("two", "oidc", two.base(), "")];
    let server = Server::start_social(database, &tables.concat()).await;
    idp.follows(server.now());
    two.follows(server.now());
    let app = server.web_app("app", |client| client.first_party = true).await;
    (server, app)
}

/// Somebody whom `idp` vouches for is asked to prove the account of that address.
async fn asked(browser: &mut Browser, app: &App, idp: &Oidc) -> Page {
    let page = by(browser, app, "idp", idp).await;
    asks_for_proof(&page, MINA);
    page
}

both! {
    async fn s120_an_account_of_the_same_address_is_linked_by_whoever_proves_it(database) {
        let idp = Oidc::start().await;
        let (server, app) = with_idp(&database, idp.base(), "").await;
        idp.follows(server.now());
        let sub = known(&server, "secret-name", MINA, true).await;
        let before = rows(&server).await;
        let mut browser = server.browser();
        let page = asked(&mut browser, &app, &idp).await;
        // Nothing of the account but what the person brought.
        assert!(!page.reply.text.contains("secret-name"));
        assert!(!page.reply.text.contains("Somebody Else"));
        assert!(!page.has("login-with-idp"), "who asks for a proof is none");
        assert_eq!(rows(&server).await, before);
        let wrong = browser.sign_in_as(&page, MINA, "not the password").await;
        assert_eq!(wrong.reply.status, 400);
        assert!(wrong.has("login-submit") && !wrong.reply.text.contains("secret-name"));
        assert_eq!(rows(&server).await, before);
        let arrived = browser.sign_in_as(&wrong, MINA, PASSWORD).await;
        let (claims, profile) = person(&app, &arrived).await;
        assert_eq!((&claims["sub"], &claims["amr"]), (&json!(sub), &json!(["pwd"])));
        assert_eq!(profile["name"], "Somebody Else", "what is there stays");
        assert_eq!(said(&server, "identity.linked").await, [(Some(sub.clone()), "idp".to_owned())]);
        // From now on they come by the provider.
        let arrived = by(&mut server.browser(), &app, "idp", &idp).await;
        let (claims, _) = person(&app, &arrived).await;
        assert_eq!((&claims["sub"], &claims["amr"]), (&json!(sub), &json!(["fed", "idp"])));
        assert_eq!(identities(&server, &sub).await, 1);
    }

    async fn s120_the_proof_may_be_another_provider_that_is_linked(database) {
        let (idp, two) = (Oidc::start().await, Oidc::start().await);
        let (server, app) = with_two(&database, &idp, &two).await;
        // Nobody has a password here.
        let (claims, _) = person(&app, &by(&mut server.browser(), &app, "two", &two).await).await;
        let sub = claims["sub"].as_str().unwrap();
        idp.change(|person| "1".clone_into(&mut person.id));
        let mut browser = server.browser();
        let page = asked(&mut browser, &app, &idp).await;
        let arrived = browser.sign_in_by(&page, "two", &two).await;
        let (claims, _) = person(&app, &arrived).await;
        assert_eq!((&claims["sub"], &claims["amr"]), (&json!(sub), &json!(["fed", "two"])));
        let (claims, _) = person(&app, &by(&mut server.browser(), &app, "idp", &idp).await).await;
        assert_eq!(claims["sub"], sub);
        assert_eq!(identities(&server, sub).await, 2);
        // Whom a provider vouches for as somebody else proves nothing.
        idp.change(|person| "2".clone_into(&mut person.id));
        two.change(|person| { "3".clone_into(&mut person.id); person.email = None; });
        let mut browser = server.browser();
        let page = asked(&mut browser, &app, &idp).await;
        let arrived = browser.sign_in_by(&page, "two", &two).await;
        let (claims, _) = person(&app, &arrived).await;
        assert_ne!(claims["sub"], sub);
        assert_eq!(identities(&server, claims["sub"].as_str().unwrap()).await, 1);
        assert_eq!(identities(&server, sub).await, 2);
    }

    /// Within ten minutes, in the same interaction and browser, by exactly that account.
    async fn s124_any_other_proof_links_nothing(database) {
        let idp = Oidc::start().await;
        let (server, app) = with_idp(&database, idp.base(), "").await;
        idp.follows(server.now());
        let sub = known(&server, "mina", MINA, true).await;
        let bob = known(&server, "bob", "bob@example.com", true).await;
        // Too late.
        let mut browser = server.browser();
        let page = asked(&mut browser, &app, &idp).await;
        server.advance(600);
        let (claims, _) = person(&app, &browser.sign_in_as(&page, MINA, PASSWORD).await).await;
        assert_eq!(claims["sub"], json!(sub));
        // In another interaction of the same browser.
        let mut browser = server.browser();
        asked(&mut browser, &app, &idp).await;
        let another = browser.open(&app.authorization_url(&[])).await;
        browser.sign_in_as(&another, MINA, PASSWORD).await.heard().code();
        // In another browser.
        let mut browser = server.browser();
        let page = asked(&mut browser, &app, &idp).await;
        let mut other = server.browser();
        other.open(&app.authorization_url(&[])).await;
        other.sign_in_as(&page, MINA, PASSWORD).await.is_error("wrong_browser");
        // By another account: it is signed in, and that is all.
        let (claims, _) = person(&app, &browser.sign_in_as(&page, "bob", PASSWORD).await).await;
        assert_eq!(claims["sub"], json!(bob));
        assert_eq!((identities(&server, &sub).await, identities(&server, &bob).await), (0, 0));
        assert_eq!(said(&server, "identity.linked").await, []);
        // In time.
        let mut browser = server.browser();
        let page = asked(&mut browser, &app, &idp).await;
        server.advance(599);
        browser.sign_in_as(&page, MINA, PASSWORD).await.heard().code();
        assert_eq!(identities(&server, &sub).await, 1);
    }

    /// Whoever proved another account does not prove this one afterwards.
    async fn s124_the_question_is_asked_once(database) {
        let idp = Oidc::start().await;
        let (server, _) = with_idp(&database, idp.base(), "").await;
        idp.follows(server.now());
        let sub = known(&server, "mina", MINA, true).await;
        known(&server, "bob", "bob@example.com", true).await;
        // Its consent page leaves the interaction open.
        let asking = server.web_app("asking", |_| {}).await;
        let mut browser = server.browser();
        let page = asked(&mut browser, &asking, &idp).await;
        let consent = browser.sign_in_as(&page, "bob", PASSWORD).await;
        assert!(consent.has("consent-allow"));
        let another = format!("/login?interaction={}&another=1", consent.hidden("interaction"));
        let page = browser.open(&another).await;
        assert!(!page.reply.text.contains("You already have an account") && page.has("login-with-idp"));
        assert!(browser.sign_in_as(&page, "mina", PASSWORD).await.has("consent-allow"));
        assert_eq!(identities(&server, &sub).await, 0);
        assert_eq!(said(&server, "identity.linked").await, []);
    }
}
