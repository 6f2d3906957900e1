//! Connecting a provider to an account: who may not do it, and that nobody can make another person
//! do it. Security cases S123, S129.

use super::fixtures::{by, identities, known, person, refusals, rows, said};
use super::{table, with_idp};
use crate::my_account::send;
use crate::support::upstream::Oidc;
use crate::support::{App, Browser, Database, PASSWORD, Page, Server, both};

const LINK: &str = "/account/providers/link";
const UNLINK: &str = "/account/providers/unlink";

async fn start(database: &Database, more: &str) -> (Server, App, Oidc) {
    let idp = Oidc::start().await;
    let (server, app) = with_idp(database, idp.base(), more).await;
    idp.follows(server.now());
    idp.change(|person| person.email = Some("there@example.com".to_owned()));
    for name in ["mina", "bob"] {
        known(&server, name, &format!("{name}@example.com"), true).await;
    }
    (server, app, idp)
}

async fn at_account(browser: &mut Browser, name: &str) -> Page {
    let login = browser.open("/account/security").await;
    let account = browser.sign_in_as(&login, name, PASSWORD).await;
    assert!(account.has("link-idp"), "{}", account.reply.text);
    account
}

/// Where the button leads.
async fn away(browser: &mut Browser, account: &Page) -> String {
    let left = send(browser, account, LINK, &[("provider", "idp")]).await;
    left.location().unwrap_or_else(|| panic!("sent away: {left:?}")).to_owned()
}

both! {
    async fn s123_whom_somebody_else_comes_in_by_stays_theirs(database) {
        let (server, app, idp) = start(&database, "").await;
        let (claims, _) = person(&app, &by(&mut server.browser(), &app, "idp", &idp).await).await;
        let theirs = claims["sub"].as_str().unwrap();
        let mut browser = server.browser();
        let account = at_account(&mut browser, "mina").await;
        let left = away(&mut browser, &account).await;
        let before = rows(&server).await;
        let account = browser.complete_upstream_login(&idp.approve(&left)).await;
        assert!(account.reply.text.contains("is already connected to another account here."));
        assert!(!account.reply.text.contains("The account is connected."));
        assert!(account.has("link-idp") && !account.has("unlink-1"));
        assert_eq!(rows(&server).await, before);
        assert_eq!(identities(&server, theirs).await, 1);
        assert_eq!(refusals(&server).await, ["idp: belongs_to_another_account"]);
        assert_eq!(said(&server, "identity.linked").await.len(), 1, "the first sign-in");
        // Turning back there is no trouble.
        let left = away(&mut browser, &account).await;
        let account = browser.complete_upstream_login(&idp.cancel(&left)).await;
        assert!(account.has("link-idp") && account.reply.text.contains("class=\"note\""));
        assert_eq!(rows(&server).await, before);
    }

    /// Whom a provider does not let in is not connected either: it would be no way in.
    async fn s129_a_restricted_domain_is_connected_to_nobody(database) {
        let (server, _, idp) = start(&database, "allowed_domains = [\"corp.example\"]").await;
        let mut browser = server.browser();
        let mut account = at_account(&mut browser, "mina").await;
        let before = rows(&server).await;
        for (email, verified) in [("there@example.com", true), ("mina@corp.example", false)] {
            idp.change(|person| {
                person.email = Some(email.to_owned());
                person.email_verified = verified;
            });
            let left = away(&mut browser, &account).await;
            account = browser.complete_upstream_login(&idp.approve(&left)).await;
            assert!(account.reply.text.contains("can’t be used here"), "{}", account.reply.text);
            assert!(account.has("link-idp"));
        }
        assert_eq!(rows(&server).await, before);
        assert_eq!(refusals(&server).await, ["idp: domain_not_allowed"]);
        idp.change(|person| person.email_verified = true);
        let left = away(&mut browser, &account).await;
        assert!(browser.complete_upstream_login(&idp.approve(&left)).await.has("unlink-1"));
    }

    async fn s123_nobody_else_can_send_these_forms(database) {
        let (server, _, idp) = start(&database, "").await;
        let (mut browser, mut bobs) = (server.browser(), server.browser());
        let account = at_account(&mut browser, "mina").await;
        let his = at_account(&mut bobs, "bob").await;
        let left = away(&mut browser, &account).await;
        let account = browser.complete_upstream_login(&idp.approve(&left)).await;
        let name = account.value_of("unlink-1");
        let (session, csrf) = (account.hidden("session"), account.hidden("csrf"));
        let (his_session, his_csrf) = (his.hidden("session"), his.hidden("csrf"));
        let (before, asked) = (rows(&server).await, idp.count("/authorize"));
        for (path, field) in [(LINK, ("provider", "idp")), (UNLINK, ("identity", name.as_str()))] {
            for csrf in ["", "x", his_csrf.as_str()] {
                let fields = [("session", session.as_str()), ("csrf", csrf), field];
                browser.post(path, &fields).await.is_error("forbidden");
            }
            let missing = [("session", session.as_str()), field];
            browser.post(path, &missing).await.is_error("forbidden");
            let right = [("session", session.as_str()), ("csrf", csrf.as_str()), field];
            for (header, value) in [
                ("origin", "https://evil.example"),
                ("origin", "null"),
                ("sec-fetch-site", "cross-site"),
                ("sec-fetch-site", "same-site"),
            ] {
                let mut forged = browser.clone().saying(header, value);
                forged.post(path, &right).await.is_error("forbidden");
            }
            // A name of a session moves nobody: he is led to his own account.
            let page = bobs.post(path, &right).await;
            assert_eq!(page.location(), Some("/account/security"), "{path}");
            let mixed = [("session", his_session.as_str()), ("csrf", csrf.as_str()), field];
            bobs.post(path, &mixed).await.is_error("forbidden");
            assert_eq!(server.browser().post(path, &right).await.location(), Some("/account/security"));
        }
        // What is hers is nothing that he could take from her.
        let page = send(&mut bobs, &his, UNLINK, &[("identity", &name)]).await;
        assert_eq!(page.reply.status, 303);
        assert_eq!((rows(&server).await, idp.count("/authorize")), (before, asked));
        assert_eq!(said(&server, "identity.unlinked").await, []);
    }

    /// An attacker cannot have their identity connected to somebody else's account.
    async fn s123_a_visit_counts_for_who_left_and_while_they_are_there(database) {
        let (server, _, idp) = start(&database, "").await;
        let mut browser = server.browser();
        let account = at_account(&mut browser, "mina").await;
        let left = away(&mut browser, &account).await;
        let callback = idp.approve(&left);
        let before = rows(&server).await;
        // In the browser of somebody else, and in that of nobody.
        let mut bobs = server.browser();
        at_account(&mut bobs, "bob").await;
        bobs.complete_upstream_login(&callback).await.is_error("wrong_browser");
        server.browser().complete_upstream_login(&callback).await.is_error("wrong_browser");
        assert_eq!(rows(&server).await[1], before[1]);
        // It is not spent by that.
        let account = browser.complete_upstream_login(&callback).await;
        assert!(account.reply.text.contains("The account is connected."));
        browser.complete_upstream_login(&callback).await.is_error("unknown_interaction");
        let name = account.value_of("unlink-1");
        let page = send(&mut browser, &account, UNLINK, &[("identity", &name)]).await;
        let account = browser.follow(page).await;
        // After signing out, whoever is in that browser now.
        let lefts = [away(&mut browser, &account).await, away(&mut browser, &account).await];
        let callbacks = lefts.map(|left| idp.approve(&left));
        send(&mut browser, &account, "/account/sign-out", &[]).await;
        browser.complete_upstream_login(&callbacks[0]).await.is_error("wrong_browser");
        at_account(&mut browser, "bob").await;
        browser.complete_upstream_login(&callbacks[1]).await.is_error("wrong_browser");
        assert_eq!(rows(&server).await[1], 0);
        assert_eq!(said(&server, "identity.linked").await.len(), 1);
    }

    /// A session that was not used for too long has ended, although its row is still there.
    async fn s123_a_visit_does_not_outlive_the_session_that_began_it(database) {
        let idp = Oidc::start().await;
        let settings = [("outbound.allow_private", "true"), ("session.idle_lifetime", "2m")];
        let providers = table("idp", "oidc", idp.base(), "");
        let server = Server::start_of(&database, &settings, &providers).await;
        idp.follows(server.now());
        idp.change(|person| person.email = Some("there@example.com".to_owned()));
        known(&server, "mina", "mina@example.com", true).await;
        let mut browser = server.browser();
        let account = at_account(&mut browser, "mina").await;
        let left = away(&mut browser, &account).await;
        server.advance(121);
        browser.complete_upstream_login(&idp.approve(&left)).await.is_error("wrong_browser");
        assert_eq!(rows(&server).await[1], 0);
        assert!(said(&server, "identity.linked").await.is_empty());
    }

    /// A disabled provider leads nowhere; a visit that lasts too long is over.
    async fn s118_a_visit_ends(database) {
        let off = table("off", "oidc", "http://127.0.0.1:1", "disabled = true");
        let (server, _, idp) = start(&database, &["\n", &off].concat()).await;
        let mut browser = server.browser();
        let account = at_account(&mut browser, "mina").await;
        assert!(!account.has("link-off"));
        let page = send(&mut browser, &account, LINK, &[("provider", "off")]).await;
        assert!(page.location().unwrap().ends_with("note=unknown"), "{page:?}");
        let left = away(&mut browser, &account).await;
        server.advance(600);
        browser.complete_upstream_login(&idp.approve(&left)).await.is_error("unknown_interaction");
        assert_eq!(rows(&server).await[1], 0);
    }
}
