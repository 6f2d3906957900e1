//! My account: connecting and disconnecting providers. Security case S123.

use serde_json::json;

use super::fixtures::{by, identities, known, person, rows, said};
use super::table;
use crate::my_account::send;
use crate::recovery::{has, next};
use crate::support::upstream::{Callback, Oidc};
use crate::support::{App, Browser, Database, Mailbox, PASSWORD, Page, Server, both};

const LINK: &str = "/account/providers/link";
const UNLINK: &str = "/account/providers/unlink";
const MINA: &str = "mina@example.com";

/// A server with `idp` and `two`, whose person has no address that anybody here has.
async fn start(database: &Database, more: &str) -> (Server, App, Oidc, Oidc) {
    let (idp, two) = (Oidc::start().await, Oidc::start().await);
    let tables = [table("idp", "oidc", idp.base(), more), table("two", "oidc", two.base(), "")];
    let server = Server::start_social(database, &tables.concat()).await;
    for provider in [&idp, &two] {
        provider.follows(server.now());
        provider.change(|person| person.email = Some("there@example.com".to_owned()));
    }
    let app = server.web_app("app", |client| client.metadata.first_party = true).await;
    (server, app, idp, two)
}

/// Somebody with a password, at their account page.
async fn at_account(server: &Server, name: &str) -> (Browser, Page) {
    let mut browser = server.browser();
    let login = browser.open("/account/security").await;
    let account = browser.sign_in_as(&login, name, PASSWORD).await;
    assert!(account.has("account-sign-out"), "{}", account.reply.text);
    (browser, account)
}

/// Presses the button that connects, and says yes there.
async fn go(browser: &mut Browser, account: &Page, slug: &str, idp: &Oidc) -> Callback {
    assert!(account.has(&format!("link-{slug}")));
    let left = send(browser, account, LINK, &[("provider", slug)]).await;
    idp.approve(left.location().unwrap_or_else(|| panic!("sent away: {left:?}")))
}

pub(crate) async fn connect(browser: &mut Browser, account: &Page, slug: &str, idp: &Oidc) -> Page {
    let callback = go(browser, account, slug, idp).await;
    browser.complete_upstream_login(&callback).await
}

/// Somebody whom providers vouch for, at their account page with both of them.
async fn by_both(server: &Server, app: &App, idp: &Oidc, two: &Oidc) -> (Browser, Page, String) {
    let mut browser = server.browser();
    let (claims, _) = person(app, &by(&mut browser, app, "idp", idp).await).await;
    let account = browser.open("/account/security").await;
    // The oldest stands first.
    server.advance(1);
    let account = connect(&mut browser, &account, "two", two).await;
    assert!(account.has("unlink-1") && account.has("unlink-2"), "{}", account.reply.text);
    (browser, account, claims["sub"].as_str().unwrap().to_owned())
}

both! {
    async fn a_provider_is_connected_and_disconnected(database) {
        let (server, app, idp, _two) = start(&database, "").await;
        let sub = known(&server, "mina", MINA, true).await;
        let (mut browser, account) = at_account(&server, "mina").await;
        assert!(account.has("link-idp") && account.has("link-two") && !account.has("unlink-1"));
        let account = connect(&mut browser, &account, "idp", &idp).await;
        assert!(account.reply.text.contains("The account is connected."));
        assert!(account.reply.text.contains("there@<wbr>example.com"));
        assert!(account.has("unlink-1") && !account.has("link-idp") && account.has("link-two"));
        assert_eq!(said(&server, "identity.linked").await, [(Some(sub.clone()), "idp".to_owned())]);
        let (claims, profile) = person(&app, &by(&mut server.browser(), &app, "idp", &idp).await).await;
        assert_eq!((&claims["sub"], &claims["amr"]), (&json!(sub), &json!(["fed", "idp"])));
        assert_eq!(profile["email"], MINA);
        let name = account.value_of("unlink-1");
        let page = send(&mut browser, &account, UNLINK, &[("identity", &name)]).await;
        let account = browser.follow(page).await;
        assert!(account.reply.text.contains("The account is disconnected."));
        assert!(account.has("link-idp") && !account.has("unlink-1"));
        let unlinked = [(Some(sub.clone()), "idp".to_owned())];
        assert_eq!(said(&server, "identity.unlinked").await, unlinked);
        // Again, or what never was: nothing happens.
        for name in [name.as_str(), "x", ""] {
            let page = send(&mut browser, &account, UNLINK, &[("identity", name)]).await;
            assert_eq!(page.reply.status, 303, "{name}");
        }
        assert_eq!(said(&server, "identity.unlinked").await, unlinked);
        let (claims, _) = person(&app, &by(&mut server.browser(), &app, "idp", &idp).await).await;
        assert_ne!(claims["sub"], json!(sub));
        // There is no such provider.
        for slug in ["IDP", "../idp", ""] {
            send(&mut browser, &account, LINK, &[("provider", slug)]).await.is_error("unknown_provider");
        }
        let page = send(&mut browser, &account, LINK, &[("provider", "nobody")]).await;
        let page = browser.follow(page).await;
        assert!(page.reply.text.contains("available any more") && page.has("account-sign-out"));
    }

    async fn the_person_is_told_by_mail_of_a_provider_that_is_connected_or_disconnected(database) {
        let (mails, idp) = (Mailbox::new(), Oidc::start().await);
        let settings = [("outbound.allow_private", "true"), ("mail.url", &mails.url())];
        let server = Server::start_of(&database, &settings, &table("idp", "oidc", idp.base(), "")).await;
        idp.follows(server.now());
        idp.change(|person| person.email = Some("there@example.com".to_owned()));
        known(&server, "mina", MINA, true).await;
        let (mut browser, account) = at_account(&server, "mina").await;
        let account = connect(&mut browser, &account, "idp", &idp).await;
        next(&mails, MINA, &[], "login from another service was connected").await;
        let name = account.value_of("unlink-1");
        send(&mut browser, &account, UNLINK, &[("identity", &name)]).await;
        next(&mails, MINA, &[], "login from another service was disconnected").await;
        has(&mails, MINA, 2).await;
    }

    /// Whoever is at a page that was left open proves first who they are.
    async fn s123_an_old_session_proves_itself_first(database) {
        let (server, app, idp, two) = start(&database, "").await;
        known(&server, "mina", MINA, true).await;
        let (mut browser, account) = at_account(&server, "mina").await;
        server.advance(299);
        let account = connect(&mut browser, &account, "idp", &idp).await;
        server.advance(61);
        let name = account.value_of("unlink-1");
        for (path, field) in [(LINK, ("provider", "two")), (UNLINK, ("identity", name.as_str()))] {
            let page = send(&mut browser, &account, path, &[field]).await;
            let login = browser.follow(page).await;
            assert!(login.has("password") && login.hidden("username") == "mina", "{path}");
            let wrong = browser.sign_in_as(&login, "mina", "not the password").await;
            assert_eq!(wrong.reply.status, 400);
        }
        assert_eq!((two.count("/authorize"), rows(&server).await[1]), (0, 1));
        let page = send(&mut browser, &account, LINK, &[("provider", "two")]).await;
        let login = browser.follow(page).await;
        let account = browser.sign_in_as(&login, "mina", PASSWORD).await;
        assert!(account.reply.text.contains("You can make the change"), "{}", account.reply.text);
        connect(&mut browser, &account, "two", &two).await;
        assert_eq!(rows(&server).await[1], 2);

        // Who has no password proves it by a provider, which is asked to ask.
        idp.change(|person| { "7".clone_into(&mut person.id); person.email = None; });
        two.change(|person| { "8".clone_into(&mut person.id); person.email = None; });
        let mut browser = server.browser();
        let (claims, _) = person(&app, &by(&mut browser, &app, "idp", &idp).await).await;
        let sub = claims["sub"].as_str().unwrap();
        let account = browser.open("/account/security").await;
        server.advance(660);
        let page = send(&mut browser, &account, LINK, &[("provider", "two")]).await;
        let login = browser.follow(page).await;
        assert!(!login.has("password") && login.has("login-with-idp"));
        let left = browser.start_upstream_login(&login, "idp").await;
        let location = left.location().unwrap().to_owned();
        assert!(location.contains("prompt=login"), "{location}");
        let account = browser.complete_upstream_login(&idp.approve(&location)).await;
        assert!(account.reply.text.contains("You can make the change"), "{}", account.reply.text);
        connect(&mut browser, &account, "two", &two).await;
        assert_eq!(identities(&server, sub).await, 2);
    }

    async fn the_last_way_in_stays(database) {
        let (server, app, idp, two) = start(&database, "").await;
        let (mut browser, account, sub) = by_both(&server, &app, &idp, &two).await;
        let (one, other) = (account.value_of("unlink-1"), account.value_of("unlink-2"));
        let page = send(&mut browser, &account, UNLINK, &[("identity", &one)]).await;
        let account = browser.follow(page).await;
        assert!(!account.has("unlink-1") && account.reply.text.contains("Your only way to sign in"));
        let refused = send(&mut browser, &account, UNLINK, &[("identity", &other)]).await;
        assert_eq!(refused.reply.status, 303);
        let refused = browser.follow(refused).await;
        assert!(refused.reply.text.contains("This is your only way to sign in."));
        assert_eq!(identities(&server, &sub).await, 1);
        assert_eq!(said(&server, "identity.unlinked").await.len(), 1);
    }

    async fn of_two_who_each_leave_the_other_as_the_last_one_stays(database) {
        let (server, app, idp, two) = start(&database, "").await;
        let (browser, account, sub) = by_both(&server, &app, &idp, &two).await;
        let names = [account.value_of("unlink-1"), account.value_of("unlink-2")];
        let unlink = |name: String| {
            let (mut browser, account) = (browser.clone(), account.clone());
            async move { send(&mut browser, &account, UNLINK, &[("identity", &name)]).await }
        };
        let [one, other] = names;
        let (one, other) = tokio::join!(unlink(one), unlink(other));
        let mut statuses = [one.reply.status.as_u16(), other.reply.status.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [303, 303]);
        assert_eq!(identities(&server, &sub).await, 1);
        assert_eq!(said(&server, "identity.unlinked").await.len(), 1);
    }

    /// What lets nobody in any more does not count.
    async fn a_provider_that_is_not_there_is_no_way_in(database) {
        let nowhere = "disabled = true";
        let more = ["\n", &table("off", "oidc", "http://127.0.0.1:1", nowhere)].concat();
        let (server, app, idp, two) = start(&database, &more).await;
        let (mut browser, account, sub) = by_both(&server, &app, &idp, &two).await;
        let evidence = server.evidence().await;
        let name = account.value_of("unlink-1");
        for slug in ["off", "gone"] {
            let moved = format!("UPDATE identity SET provider = '{slug}' WHERE issuer = '{}'", two.base());
            evidence.run(&moved).await;
            let account = browser.open("/account/security").await;
            assert!(account.reply.text.contains("Your only way to sign in"), "{slug}");
            let refused = send(&mut browser, &account, UNLINK, &[("identity", &name)]).await;
            assert!(refused.location().unwrap().ends_with("note=last-way-in"), "{slug}");
            assert_eq!(identities(&server, &sub).await, 2);
        }
        // That one can be disconnected.
        let account = browser.open("/account/security").await;
        let gone = account.value_of("unlink-2");
        send(&mut browser, &account, UNLINK, &[("identity", &gone)]).await;
        assert_eq!(identities(&server, &sub).await, 1);
    }

    /// Nor does one that another one shuts out.
    async fn what_an_only_way_in_shuts_out_is_no_way_in(database) {
        let (server, app, idp, two) = start(&database, "only = true").await;
        let mut browser = server.browser();
        let (claims, _) = person(&app, &by(&mut browser, &app, "idp", &idp).await).await;
        let sub = claims["sub"].as_str().unwrap();
        let account = browser.open("/account/security").await;
        assert!(!account.has("link-two"));
        let evidence = server.evidence().await;
        let linked = format!(
            "INSERT INTO identity (issuer, subject, user_id, provider, linked_at, used_at) \
             VALUES ('{}', 'x', '{sub}', 'two', 0, 0)", two.base());
        evidence.run(&linked).await;
        evidence.run("UPDATE account SET password_hash = 'x'").await;
        let account = browser.open("/account/security").await;
        assert!(account.reply.text.contains("Your only way to sign in"));
        assert!(account.has("unlink-1") && !account.has("unlink-2"));
    }
}
