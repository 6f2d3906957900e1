//! An identity is linked to an existing account only by a person who proves that account. Security
//! cases S120, S124.

use serde_json::json;

use super::fixtures::{asks_for_proof, by, identities, known, person, rows, said};
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
    let app = server.web_app("app", |client| client.metadata.first_party = true).await;
    (server, app)
}

/// Somebody whom `idp` vouches for is asked to prove the account of that address.
async fn asked(browser: &mut Browser, app: &App, idp: &Oidc) -> Page {
    let page = by(browser, app, "idp", idp).await;
    asks_for_proof(&page, MINA);
    page
}

/// That this page still asks for the account, and says that it was another one.
#[track_caller]
fn asks_for_proof_of_another(page: &Page) {
    asks_for_proof(page, MINA);
    assert!(page.reply.text.contains("That is another account."), "{}", page.reply.text);
}

/// About whom the audit says something of this kind.
async fn said_of(server: &Server, kind: &str) -> Vec<Option<String>> {
    let events = server.evidence().await.events_of(kind).await;
    events.into_iter().map(|event| event.user).collect()
}

/// Goes on without connecting.
async fn unconnected(browser: &mut Browser, page: &Page) -> Page {
    assert!(page.has("login-unconnected"), "{}", page.reply.text);
    let (interaction, csrf) = (page.hidden("interaction"), page.hidden("csrf"));
    let fields = [("interaction", interaction.as_str()), ("csrf", csrf.as_str())];
    let page = browser.post("/login/unconnected", &fields).await;
    browser.follow(page).await
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

    async fn an_account_of_the_operator_is_proven_though_its_address_never_was(database) {
        let idp = Oidc::start().await;
        let (server, app) = with_idp(&database, idp.base(), "").await;
        idp.follows(server.now());
        let sub = known(&server, "mina-at-work", MINA, false).await;
        let before = rows(&server).await;
        let mut browser = server.browser();
        let page = asked(&mut browser, &app, &idp).await;
        assert!(!page.reply.text.contains("mina-at-work"));
        let wrong = browser.sign_in_as(&page, MINA, "not the password").await;
        assert_eq!(wrong.reply.status, 400);
        assert_eq!(rows(&server).await, before, "nothing is lost, nothing is made");
        // The address names it here, and nowhere else yet.
        let cli = server.client("cli", |_| {}).await;
        cli.password_as(MINA, PASSWORD, "openid").await.refused(400, "invalid_grant");
        cli.password_as("mina-at-work", PASSWORD, "openid").await.ok();
        let (claims, profile) = person(&app, &browser.sign_in_as(&wrong, MINA, PASSWORD).await).await;
        assert_eq!((&claims["sub"], &profile["email_verified"]), (&json!(sub), &json!(true)));
        let (claims, _) = person(&app, &by(&mut server.browser(), &app, "idp", &idp).await).await;
        assert_eq!(claims["sub"], sub);
        cli.password_as(MINA, PASSWORD, "openid").await.ok();
        assert!(said_of(&server, "account.displaced").await.is_empty());
    }

    async fn an_account_of_the_operator_loses_no_more_than_what_a_provider_said_of_it(database) {
        let idp = Oidc::start().await;
        let (server, app) = with_idp(&database, idp.base(), "").await;
        idp.follows(server.now());
        let sub = known(&server, "worker", MINA, false).await;
        let said = "UPDATE account SET email_by = 'provider' WHERE username = 'worker'";
        server.evidence().await.run(said).await;
        let (claims, profile) = person(&app, &by(&mut server.browser(), &app, "idp", &idp).await).await;
        assert_ne!(claims["sub"], sub);
        assert_eq!((&profile["email"], &profile["email_verified"]), (&json!(MINA), &json!(true)));
        assert_eq!(said_of(&server, "account.displaced").await, [Some(sub.clone())]);
        let cli = server.client("cli", |_| {}).await;
        let token = cli.password_as("worker", PASSWORD, "openid email").await.ok();
        let own = cli.userinfo(&token.text("access_token")).await.ok().json();
        assert_eq!((own["sub"].as_str(), own.get("email")), (Some(sub.as_str()), None));
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
        let before = rows(&server).await;
        let page = browser.sign_in_by(&page, "two", &two).await;
        asks_for_proof_of_another(&page);
        assert_eq!(rows(&server).await, before, "nobody comes in, and nobody new is made");
        two.change(|person| "0".clone_into(&mut person.id));
        let page = unconnected(&mut browser, &page).await;
        assert!(!page.reply.text.contains(MINA) && page.has("login-with-idp"));
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
        browser.sign_in_as(&another, MINA, PASSWORD).await.authorization_response().code();
        // In another browser.
        let mut browser = server.browser();
        let page = asked(&mut browser, &app, &idp).await;
        let mut other = server.browser();
        other.open(&app.authorization_url(&[])).await;
        other.sign_in_as(&page, MINA, PASSWORD).await.is_error("wrong_browser");
        // By another account: nobody comes in, and the page still asks.
        let before = rows(&server).await;
        let page = browser.sign_in_as(&page, "bob", PASSWORD).await;
        asks_for_proof_of_another(&page);
        assert_eq!(rows(&server).await, before);
        assert_eq!((identities(&server, &sub).await, identities(&server, &bob).await), (0, 0));
        assert_eq!(said(&server, "identity.linked").await, []);
        // The password was right: it counts as no failure, however often.
        let mut again = page.clone();
        for _ in 0..20 {
            again = browser.sign_in_as(&again, "bob", PASSWORD).await;
            asks_for_proof_of_another(&again);
        }
        // In time.
        let mut browser = server.browser();
        let page = asked(&mut browser, &app, &idp).await;
        server.advance(599);
        browser.sign_in_as(&page, MINA, PASSWORD).await.authorization_response().code();
        assert_eq!(identities(&server, &sub).await, 1);
    }

    /// Whoever goes on without connecting connects nothing afterwards.
    async fn s124_who_goes_on_unconnected_is_not_asked_again(database) {
        let idp = Oidc::start().await;
        let (server, app) = with_idp(&database, idp.base(), "").await;
        idp.follows(server.now());
        let sub = known(&server, "mina", MINA, true).await;
        known(&server, "bob", "bob@example.com", true).await;
        for name in ["bob", "mina"] {
            let mut browser = server.browser();
            let page = asked(&mut browser, &app, &idp).await;
            // Only our own page says so, and only in this browser.
            let interaction = page.hidden("interaction");
            for csrf in ["", "x"] {
                let fields = [("interaction", interaction.as_str()), ("csrf", csrf)];
                browser.post("/login/unconnected", &fields).await.is_error("forbidden");
            }
            let mut other = server.browser();
            other.open(&app.authorization_url(&[])).await;
            let csrf = page.hidden("csrf");
            let fields = [("interaction", interaction.as_str()), ("csrf", csrf.as_str())];
            other.post("/login/unconnected", &fields).await.is_error("wrong_browser");
            asks_for_proof(&browser.open(&page.url).await, MINA);
            let page = unconnected(&mut browser, &page).await;
            assert!(!page.has("login-unconnected") && page.has("login-with-idp"));
            assert!(!page.reply.text.contains(MINA), "{}", page.reply.text);
            browser.sign_in_as(&page, name, PASSWORD).await.authorization_response().code();
        }
        assert_eq!(identities(&server, &sub).await, 0);
        assert_eq!(said(&server, "identity.linked").await, []);
    }

    /// Whatever happens on the way, the page says what signing in there does.
    async fn the_question_stays_through_every_trouble(database) {
        let (idp, two) = (Oidc::start().await, Oidc::start().await);
        let (server, app) = with_two(&database, &idp, &two).await;
        let (claims, _) = person(&app, &by(&mut server.browser(), &app, "two", &two).await).await;
        let sub = claims["sub"].as_str().unwrap();
        idp.change(|person| "1".clone_into(&mut person.id));
        let mut browser = server.browser();
        let page = asked(&mut browser, &app, &idp).await;
        let cancelled = browser.start_upstream_login(&page, "two").await;
        let cancelled = two.cancel(cancelled.location().unwrap());
        let page = browser.complete_upstream_login(&cancelled).await;
        asks_for_proof(&page, MINA);
        assert!(page.reply.text.contains("sign-in was cancelled"));
        two.answers_with("/token", crate::support::upstream::Answer::html(503, "down"));
        let page = browser.sign_in_by(&page, "two", &two).await;
        asks_for_proof(&page, MINA);
        assert!(page.reply.text.contains("right now"));
        two.answers_normally();
        server.advance(60);
        browser.sign_in_by(&page, "two", &two).await.authorization_response().code();
        assert_eq!(identities(&server, sub).await, 2);
    }

    /// The ways in that the account has, and no other.
    async fn only_the_ways_of_the_account_prove_it(database) {
        let (idp, two) = (Oidc::start().await, Oidc::start().await);
        let (server, app) = with_two(&database, &idp, &two).await;
        known(&server, "mina", MINA, true).await;
        let page = asked(&mut server.browser(), &app, &idp).await;
        assert!(page.has("login-submit") && !page.has("login-with-two"));
        server.evidence().await.run("DELETE FROM account").await;
        by(&mut server.browser(), &app, "two", &two).await.authorization_response().code();
        idp.change(|person| "1".clone_into(&mut person.id));
        let page = asked(&mut server.browser(), &app, &idp).await;
        assert!(page.has("login-with-two") && !page.has("login-submit"));
    }
}
