//! The published ways to hijack an account before its owner makes it (MSRC 2022), at sign-up.
//! Security case S121.

use crate::passkeys::{add, prove};
use crate::recovery::{person, with_mail};
use crate::sign_up::{EMAIL, NEW, ask, confirm, fill, form_for, open_server, send};
use crate::social::connecting::connect;
use crate::social::fixtures::claimant;
use crate::social::table;
use crate::support::upstream::Oidc;
use crate::support::{
    App, Authenticator, Browser, Database, LOCALHOST, Mailbox, PASSWORD, Page, Server, both,
    decode_claims,
};
use crate::{my_account, new_address, recovery};
use mapae::admin::authority::May;
use mapae::admin::users::Target;

const MINA: &str = "mina@example.com";

/// A server with a provider, on which everybody may sign up: by mail, or without any.
async fn with_provider(
    database: &Database,
    idp: &Oidc,
    mailbox: Option<&Mailbox>,
) -> (Server, App) {
    let url = mailbox.map(Mailbox::url).unwrap_or_default();
    let mut settings = vec![("outbound.allow_private", "true"), ("signup.mode", "open")];
    settings.extend(mailbox.map(|_| ("mail.url", url.as_str())));
    let server = Server::start_of(database, &settings, &table("idp", "oidc", idp.base(), "")).await;
    idp.follows(server.now());
    let app = server.web_app("app", |client| client.metadata.first_party = true).await;
    (server, app)
}

async fn sub(app: &App, page: &Page) -> String {
    let tokens = app.exchange(&page.authorization_response().code()).await.ok();
    decode_claims(&tokens.text("id_token"))["sub"].as_str().unwrap().to_owned()
}

/// Makes an account with a claimed address, where no mail proves it.
async fn claim(server: &Server, app: &App, name: &str, email: &str) -> (Browser, String) {
    let mut browser = server.browser();
    let form = form_for(&mut browser, &app.authorization_url(&[])).await;
    let made = fill(&mut browser, &form, &[("email", email), ("username", name)]).await;
    let sub = sub(app, &made).await;
    (browser, sub)
}

both! {
    /// Classic-federated merge: what an attacker claimed is not the owner's, who arrives by a provider.
    async fn s121_a_claimed_address_is_not_merged_with_the_account_of_its_owner(database) {
        let idp = Oidc::start().await;
        let (server, app) = with_provider(&database, &idp, None).await;
        let (mut attacker, theirs) = claim(&server, &app, "attacker", MINA).await;
        let mut owner = server.browser();
        let login = owner.open(&app.authorization_url(&[])).await;
        let arrived = owner.sign_in_by(&login, "idp", &idp).await;
        assert_ne!(sub(&app, &arrived).await, theirs);
        // The attacker's password and session have ended.
        assert!(attacker.open("/account").await.has("login-submit"));
        let login = attacker.open("/account").await;
        for name in ["attacker", MINA] {
            assert_eq!(attacker.sign_in_as(&login, name, NEW).await.reply.status, 400, "{name}");
        }
        let displaced = server.evidence().await.events_of("account.displaced").await;
        assert_eq!(displaced.iter().map(|event| event.user.as_deref()).collect::<Vec<_>>(), [Some(theirs.as_str())]);
    }

    /// Unexpired session and trojan identifier: the owner who signs up by mail displaces the claim.
    async fn s121_who_proves_an_address_at_sign_up_displaces_those_who_only_claim_it(database) {
        let idp = Oidc::start().await;
        let mailbox = Mailbox::new();
        let (server, app) = with_provider(&database, &idp, Some(&mailbox)).await;
        let theirs = claimant(&server, "attacker", MINA).await;
        let mut attacker = server.browser();
        let login = attacker.open(&app.authorization_url(&[])).await;
        let code = attacker.sign_in_as(&login, "attacker", PASSWORD).await.authorization_response().code();
        let (_, refresh) = app.exchange(&code).await.pair();
        let mut owner = server.browser();
        ask(&mut owner, &app, MINA).await;
        let account = confirm(&mut owner, &mailbox.first_to(MINA).await).await;
        // A claim is no account that the mail would speak of; nothing happened to it so far.
        assert!(attacker.open("/account").await.has("account-sign-out"));
        let made = fill(&mut owner, &account, &[]).await;
        let owners = sub(&app, &made).await;
        assert_ne!(owners, theirs);
        assert!(attacker.open("/account").await.has("login-submit"));
        app.refresh(&refresh).await.refused(400, "invalid_grant");
        for name in ["attacker", MINA] {
            let login = attacker.open("/account").await;
            assert_eq!(attacker.sign_in_as(&login, name, PASSWORD).await.reply.status, 400, "{name}");
        }
        let mut other = server.browser();
        let login = other.open("/account").await;
        assert!(other.sign_in_as(&login, MINA, NEW).await.has("account-sign-out"));
        assert_eq!(server.evidence().await.events_of("account.displaced").await.len(), 1);
    }

    /// Unexpired request: what an attacker began for the owner's address makes nobody's account but
    /// the owner's, in the owner's browser.
    async fn s121_who_began_a_sign_up_for_another_gets_nothing_of_the_account(database) {
        let (server, mailbox) = open_server(&database, &[]).await;
        let app = server.web_app("app", |client| client.metadata.first_party = true).await;
        let mut attacker = server.browser();
        let page = ask(&mut attacker, &app, EMAIL).await;
        let letter = mailbox.first_to(EMAIL).await;
        let mut owner = server.browser();
        let account = confirm(&mut owner, &letter).await;
        // Neither the code nor the form is the attacker's, now and after the account exists.
        for _ in 0..2 {
            let tried = send(&mut attacker, &page, "/sign-up/code", &[("code", &letter.code())]).await;
            assert!(tried.has("code-problem"), "{}", tried.reply.text);
            let fields = [("name", "x"), ("password", "another password 77")];
            let tried = send(&mut attacker, &page, "/sign-up/account", &fields).await;
            assert!(!tried.has("signup-name") && tried.location().is_none(), "{tried:?}");
            let stolen = format!("/sign-up/account?interaction={}", account.hidden("interaction"));
            attacker.open(&stolen).await.is_error("wrong_browser");
            if server.evidence().await.count("SELECT count(*) AS n FROM account").await == 0 {
                fill(&mut owner, &account, &[]).await.authorization_response().code();
            }
        }
        assert!(attacker.open("/account").await.has("login-submit"));
        assert_eq!(server.evidence().await.count("SELECT count(*) AS n FROM session").await, 1);
    }

    /// Non-verifying provider: an address that a provider only reports is no proof against its owner.
    async fn s121_an_address_that_a_provider_did_not_verify_gives_way_to_a_sign_up(database) {
        let idp = Oidc::start().await;
        let mailbox = Mailbox::new();
        let (server, app) = with_provider(&database, &idp, Some(&mailbox)).await;
        idp.change(|person| person.email_verified = false);
        let mut attacker = server.browser();
        let login = attacker.open(&app.authorization_url(&[])).await;
        let arrived = attacker.sign_in_by(&login, "idp", &idp).await;
        let theirs = sub(&app, &arrived).await;
        let mut owner = server.browser();
        ask(&mut owner, &app, MINA).await;
        let account = confirm(&mut owner, &mailbox.first_to(MINA).await).await;
        let made = fill(&mut owner, &account, &[]).await;
        assert_ne!(sub(&app, &made).await, theirs);
        let emails = "SELECT count(*) AS n FROM account WHERE email IS NOT NULL";
        assert_eq!(server.evidence().await.count(emails).await, 1);
    }

    /// Trojan identifier: the attacker has connected a provider to the account that claims the address.
    async fn s121_an_attacker_who_has_connected_a_provider_comes_back_to_nothing_of_the_owner(database) {
        let idp = Oidc::start().await;
        let mailbox = Mailbox::new();
        let (server, app) = with_provider(&database, &idp, Some(&mailbox)).await;
        idp.change(|person| person.email = Some("mallory@example.com".to_owned()));
        let theirs = claimant(&server, "attacker", MINA).await;
        let mut attacker = server.browser();
        let login = attacker.open("/account/security").await;
        let account = attacker.sign_in_as(&login, "attacker", PASSWORD).await;
        let linked = connect(&mut attacker, &account, "idp", &idp).await;
        assert!(linked.reply.text.contains("The account is connected."), "{}", linked.reply.text);
        let mut owner = server.browser();
        ask(&mut owner, &app, MINA).await;
        let account = confirm(&mut owner, &mailbox.first_to(MINA).await).await;
        let owners = sub(&app, &fill(&mut owner, &account, &[]).await).await;
        assert_ne!(owners, theirs);
        assert!(attacker.open("/account").await.has("login-submit"), "signed out");
        let mut again = server.browser();
        let login = again.open(&app.authorization_url(&[("scope", "openid email")])).await;
        let arrived = again.sign_in_by(&login, "idp", &idp).await;
        let tokens = app.exchange(&arrived.authorization_response().code()).await.ok();
        assert_eq!(decode_claims(&tokens.text("id_token"))["sub"], theirs);
        let info = app.userinfo(&tokens.text("access_token")).await.ok().json();
        assert_ne!(info["email"], MINA);
        // The owner is signed in as before, with nothing of the attacker's.
        let security = owner.open("/account/security").await;
        assert!(security.has("account-sign-out") && !security.has("unlink-1"));
    }

    /// Trojan identifier: the attacker has added a passkey to the account that claims the address.
    async fn s121_an_attacker_who_has_added_a_passkey_comes_back_to_nothing_of_the_owner(database) {
        let more = [("issuer", LOCALHOST)];
        let (server, mailbox) = open_server(&database, &more).await;
        let app = server.web_app("app", |client| client.metadata.first_party = true).await;
        let theirs = claimant(&server, "attacker", EMAIL).await;
        let mut passkey = Authenticator::at(server.issuer());
        let (mut attacker, _) = add(&server, "attacker", &mut passkey).await;
        let mut owner = server.browser();
        ask(&mut owner, &app, EMAIL).await;
        let account = confirm(&mut owner, &mailbox.first_to(EMAIL).await).await;
        let owners = sub(&app, &fill(&mut owner, &account, &[]).await).await;
        assert_ne!(owners, theirs);
        assert!(attacker.open("/account").await.has("login-submit"), "signed out");
        let mut again = server.browser();
        let login = again.open(&app.authorization_url(&[])).await;
        let answer = passkey.get(&login.passkey_options("get"));
        let arrived = prove(&mut again, &login, &answer).await;
        assert_eq!(sub(&app, &arrived).await, theirs);
        assert_eq!(server.evidence().await.count(&format!("SELECT count(*) AS n FROM passkey WHERE user_id = '{owners}'")).await, 0);
    }

    /// Unexpired e-mail change: what an attacker with a session asked for does not count any more after
    /// the owner has signed out everywhere, has been signed out by the operator, or has recovered.
    async fn s121_a_change_of_the_address_that_was_asked_for_before_does_not_count_afterwards(database) {
        let (server, mails) = with_mail(&database, &[]).await;
        for means in ["everywhere", "operator", "recovery"] {
            let (email, other) = (format!("{means}@example.com"), format!("{means}@example.org"));
            person(&server, means, &email, true).await;
            let mut thief = server.browser();
            let login = thief.open("/account").await;
            let mut owner = server.browser();
            let owners = owner.open("/account").await;
            thief.sign_in_as(&login, means, PASSWORD).await;
            assert!(new_address::ask(&mut thief, &other).await.has("code-submit"));
            let proof = new_address::proof_of(&mails, &other).await;
            match means {
                "everywhere" => {
                    let account = owner.sign_in_as(&owners, means, PASSWORD).await;
                    my_account::send(&mut owner, &account, "/account/devices/end", &[("device", "all")]).await;
                }
                "operator" => {
                    let store = &server.inner.services().store;
                    mapae::admin::users::logout(&May::operator(), store, server.now(), Target::named(means)).await.expect("signed out");
                }
                _ => {
                    recovery::forget(&mut owner, means).await;
                    let link = recovery::next(&mails, &email, &[], "/recover").await;
                    let page = recovery::press(&mut owner, &server, &link).await;
                    let new = [("new-password", NEW)];
                    let account = recovery::submit(&mut owner, &page, "/recover/password", &new).await;
                    assert!(account.has("account-sign-out"), "{}", account.reply.text);
                }
            }
            recovery::press(&mut thief, &server, &proof).await.is_error("unknown_interaction");
            // Neither does the code, for whoever is signed in again in that browser.
            let login = thief.open("/account").await;
            let password = if means == "recovery" { NEW } else { PASSWORD };
            let account = thief.sign_in_as(&login, means, password).await;
            assert!(account.has("account-sign-out"), "{}", account.reply.text);
            let code = proof.code();
            my_account::send(&mut thief, &account, "/account/email/code", &[("code", &code)]).await;
        }
        assert!(server.evidence().await.events_of("address.changed").await.is_empty());
    }

    /// Two people with one proven address: the second one is told that the account exists by now.
    async fn an_address_that_was_proven_twice_belongs_to_the_first_account(database) {
        let (server, mailbox) = open_server(&database, &[]).await;
        let app = server.web_app("app", |client| client.metadata.first_party = true).await;
        let (mut first, mut second) = (server.browser(), server.browser());
        ask(&mut first, &app, EMAIL).await;
        ask(&mut second, &app, EMAIL).await;
        let letters = mailbox.to(EMAIL, 2).await;
        let one = confirm(&mut first, &letters[0]).await;
        let two = confirm(&mut second, &letters[1]).await;
        fill(&mut first, &one, &[]).await.authorization_response().code();
        let late = fill(&mut second, &two, &[("password", "another password 77")]).await;
        assert_eq!(late.reply.status, 400);
        assert!(late.has("signup-problem") && late.has("signup-signin"), "{}", late.reply.text);
        let login = format!("/login?interaction={}&another=1", late.hidden("interaction"));
        let login = second.open(&login).await;
        second.sign_in_as(&login, EMAIL, NEW).await.authorization_response().code();
    }
}
