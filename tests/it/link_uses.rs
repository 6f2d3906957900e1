//! A link of a mail is used up by what it does and by nothing else: not by a refusal, and a second
//! click comes back to where the first one led. Security case S083.

use futures_util::future::join_all;
use mapae::admin::authority::May;
use mapae::admin::users;
use mapae::admin::users::Target;

use crate::my_account::{first_party, send, signed_in};
use crate::new_address::{OTHER, ask, proof_of};
use crate::recovery::{EMAIL, NEW, forget, next, person, press, submit, with_mail};
use crate::social::table;
use crate::support::upstream::Oidc;
use crate::support::{Binary, Browser, Mailbox, Page, Server, both, http};

async fn remove(server: &Server, name: &str) {
    let store = &server.inner.services().store;
    users::delete(&May::operator(), store, server.now(), Target::named(name))
        .await
        .expect("deleted");
}

/// Chooses a new password on this page.
async fn choose(browser: &mut Browser, page: &Page, new: &str) -> Page {
    submit(browser, page, "/recover/password", &[("new-password", new)]).await
}

both! {
    async fn a_proof_of_an_address_still_counts_after_it_was_refused(database) {
        let (server, mails) = with_mail(&database, &[]).await;
        person(&server, "alice", EMAIL, true).await;
        let app = first_party(&server).await;
        let (mut browser, ..) = signed_in(&server, &app).await;
        let page = ask(&mut browser, OTHER).await;
        let proof = proof_of(&mails, OTHER).await;
        person(&server, "carol", OTHER, true).await;
        press(&mut browser, &server, &proof).await.is_error("invalid_request");
        let code = [("code", proof.code())];
        let code = code.each_ref().map(|(name, value)| (*name, value.as_str()));
        let refused = send(&mut browser, &page, "/account/email/code", &code).await;
        assert_eq!(refused.reply.status, 400);
        remove(&server, "carol").await;
        assert!(press(&mut browser, &server, &proof).await.has("mail-account"));
        // Now it is used up.
        press(&mut browser, &server, &proof).await.is_error("unknown_interaction");
        assert_eq!(server.evidence().await.events_of("address.changed").await.len(), 1);
    }

    async fn the_way_back_to_an_address_still_counts_after_it_was_refused(database) {
        let (server, mails) = with_mail(&database, &[]).await;
        person(&server, "alice", EMAIL, true).await;
        let app = first_party(&server).await;
        let (mut browser, ..) = signed_in(&server, &app).await;
        ask(&mut browser, OTHER).await;
        press(&mut browser, &server, &proof_of(&mails, OTHER).await).await;
        let undo = next(&mails, EMAIL, &[], "/undo-address").await;
        person(&server, "carol", EMAIL, true).await;
        press(&mut browser, &server, &undo).await.is_error("invalid_request");
        remove(&server, "carol").await;
        assert!(press(&mut browser, &server, &undo).await.has("new-password-submit"));
    }

    async fn a_second_click_on_a_link_to_a_new_password_leads_to_the_same_page(database) {
        let (server, mails) = with_mail(&database, &[]).await;
        person(&server, "alice", EMAIL, true).await;
        let mut browser = server.browser();
        forget(&mut browser, "alice").await;
        let mail = next(&mails, EMAIL, &[], "/recover").await;
        let first = press(&mut browser, &server, &mail).await;
        let clicks = (0..3).map(|_| {
            let (mut tab, server, mail) = (browser.clone(), &server, &mail);
            async move { press(&mut tab, server, mail).await }
        });
        for again in join_all(clicks).await {
            assert!(again.has("new-password-submit"), "{}", again.reply.text);
            assert_eq!(again.url, first.url);
        }
        press(&mut server.browser(), &server, &mail).await.is_error("unknown_interaction");
        assert_eq!(server.evidence().await.events_of("recovery.link_used").await.len(), 1);
        assert!(choose(&mut browser, &first, NEW).await.has("account-sign-out"));
        press(&mut browser, &server, &mail).await.is_error("unknown_interaction");
    }

    /// S083
    async fn s083_of_two_uses_of_the_way_back_at_once_one_counts_and_a_second_click_is_none(database) {
        let (server, mails) = with_mail(&database, &[]).await;
        person(&server, "alice", EMAIL, true).await;
        let app = first_party(&server).await;
        let (mut browser, ..) = signed_in(&server, &app).await;
        ask(&mut browser, OTHER).await;
        press(&mut browser, &server, &proof_of(&mails, OTHER).await).await;
        let undo = next(&mails, EMAIL, &[], "/undo-address").await;
        let uses = (0..4).map(|_| async {
            let mut browser = server.browser();
            let page = press(&mut browser, &server, &undo).await;
            page.has("new-password-submit").then_some((browser, page))
        });
        let mut counted: Vec<_> = join_all(uses).await.into_iter().flatten().collect();
        assert_eq!(counted.len(), 1);
        let (mut owner, page) = counted.remove(0);
        let again = press(&mut owner, &server, &undo).await;
        assert!(again.has("new-password-submit"), "{}", again.reply.text);
        assert_eq!(again.url, page.url);
        assert_eq!(server.evidence().await.events_of("address.given_back").await.len(), 1);
        assert!(choose(&mut owner, &again, NEW).await.has("account-sign-out"));
        press(&mut owner, &server, &undo).await.is_error("unknown_interaction");
    }

    /// S083
    async fn s083_of_many_uses_of_an_invitation_at_once_one_counts(database) {
        let binary = Binary::start(&database).await;
        let invited = binary.cli.json(&["user", "invite", "--email", EMAIL], None).await;
        let link = invited["link"].as_str().expect("a link").to_owned();
        let uses = (0..8).map(|_| {
            let (mut browser, link) = (Browser::new(&binary.issuer(), &http()), &link);
            async move {
                let page = browser.open(link).await;
                let secret = page.hidden("secret");
                let page = browser.post("/sign-up/invitation", &[("secret", &secret)]).await;
                browser.follow(page).await.has("signup-name")
            }
        });
        let counted = join_all(uses).await;
        assert_eq!(counted.iter().filter(|counted| **counted).count(), 1, "{counted:?}");
    }

    /// A code of another person than the one who is asked for signs nobody in, and is not lost.
    async fn a_code_that_proves_another_account_still_counts_elsewhere(database) {
        let idp = Oidc::start().await;
        let mailbox = Mailbox::new();
        let url = mailbox.url();
        let settings = [("outbound.allow_private", "true"), ("signin.mail_code", "true"), ("mail.url", url.as_str())];
        let server = Server::start_of(&database, &settings, &table("idp", "oidc", idp.base(), "")).await;
        idp.follows(server.now());
        person(&server, "mina", "mina@example.com", true).await;
        person(&server, "bob", "bob@example.com", true).await;
        let mut browser = server.browser();
        let login = browser.open("/account").await;
        let asked = browser.sign_in_by(&login, "idp", &idp).await;
        assert!(asked.has("login-unconnected"), "{}", asked.reply.text);
        let page = submit(&mut browser, &asked, "/login/code/send", &[("username", "bob")]).await;
        let code = mailbox.first_to("bob@example.com").await.code();
        let another = submit(&mut browser, &page, "/login/code", &[("code", &code)]).await;
        assert!(another.reply.text.contains("That is another account."), "{}", another.reply.text);
        let login = browser.open("/account").await;
        let account = submit(&mut browser, &login, "/login/code", &[("code", &code)]).await;
        assert!(account.has("account-sign-out") && account.reply.text.contains("bob"), "{}", account.reply.text);
    }

    /// Nothing is hashed for a form that does not count any more: it is refused before its password is
    /// looked at.
    async fn a_form_for_a_new_password_that_is_too_old_is_refused_first(database) {
        let (server, mails) = with_mail(&database, &[]).await;
        person(&server, "alice", EMAIL, true).await;
        let mut browser = server.browser();
        forget(&mut browser, "alice").await;
        let mail = next(&mails, EMAIL, &[], "/recover").await;
        let page = press(&mut browser, &server, &mail).await;
        let store = &server.inner.services().store;
        users::logout(&May::operator(), store, server.now(), Target::named("alice")).await.expect("logged out");
        choose(&mut browser, &page, "password1234").await.is_error("expired");
    }
}
