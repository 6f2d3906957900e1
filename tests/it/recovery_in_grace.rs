//! Whoever plans the deletion of somebody else's account does not keep the owner out: in the grace
//! they come back by every mail, and may keep the account. Security case S082.

use mapae::admin::authority::May;
use mapae::admin::recovery::{self, RecoveryLink};
use mapae::admin::users;
use mapae::admin::users::Target;
use mapae::domain::verdict::Error;

use crate::deletion::{DAY, delete, undo};
use crate::my_account::{first_party, is_signed_in, signed_in};
use crate::new_address::{OTHER, ask, proof_of};
use crate::recovery::{
    EMAIL, NEW, forget, mails_to, next, next_code, person, press, submit, with_mail,
};
use crate::support::{Page, Server, both, eventually};

async fn by_operator(server: &Server) -> Result<RecoveryLink, String> {
    let services = server.inner.services();
    let (store, url) = (&services.store, &services.url);
    let made =
        recovery::make(&May::operator(), store, server.now(), url, None, Target::named("alice"))
            .await;
    made.map_err(|error| match error {
        Error::Refused(refused) => format!("{refused:?}"),
        Error::Fault(fault) => panic!("{fault}"),
    })
}

/// Chooses a new password on this page.
async fn choose(browser: &mut crate::support::Browser, page: &Page) -> Page {
    assert!(page.has("new-password-submit"), "{}", page.reply.text);
    submit(browser, page, "/recover/password", &[("new-password", NEW)]).await
}

both! {
    async fn s082_a_forgotten_password_is_mended_in_the_grace_and_a_button_keeps_the_account(database) {
        let (server, mails) = with_mail(&database, &[]).await;
        person(&server, "alice", EMAIL, true).await;
        let app = first_party(&server).await;
        let (mut taker, ..) = signed_in(&server, &app).await;
        forget(&mut server.browser(), "alice").await;
        let before = next(&mails, EMAIL, &[], "/recover").await;
        delete(&mut taker).await;
        // The link of before has ended with the change of the account.
        press(&mut server.browser(), &server, &before).await.is_error("unknown_interaction");
        let mut owner = server.browser();
        forget(&mut owner, "alice").await;
        let link = next(&mails, EMAIL, &[before], "/recover").await;
        let page = press(&mut owner, &server, &link).await;
        let asked = choose(&mut owner, &page).await;
        // Nothing but the button takes it back.
        assert!(asked.has("deletion-undo") && !asked.has("account-sign-out"), "{}", asked.reply.text);
        assert!(server.evidence().await.events_of("deletion.taken_back").await.is_empty());
        assert!(undo(&mut owner, &asked).await.has("account-sign-out"));
        server.advance(8 * DAY);
        let mut other = server.browser();
        let login = other.open("/account").await;
        assert!(other.sign_in_as(&login, "alice", NEW).await.has("account-sign-out"));
        assert!(!is_signed_in(&taker, &app).await);
    }

    async fn s082_an_operator_makes_a_link_in_the_grace_and_is_told_when_it_is_over(database) {
        let (server, _) = with_mail(&database, &[]).await;
        person(&server, "alice", EMAIL, true).await;
        let app = first_party(&server).await;
        let (mut taker, ..) = signed_in(&server, &app).await;
        delete(&mut taker).await;
        let made = by_operator(&server).await.expect("a link");
        let RecoveryLink::Shown(link) = made else { panic!("printed: {made:?}") };
        let mut owner = server.browser();
        let page = owner.open(link.expose()).await;
        let page = owner.post("/recover", &[("secret", &page.hidden("secret"))]).await;
        let page = owner.follow(page).await;
        assert!(choose(&mut owner, &page).await.has("deletion-undo"));
        // Nobody kept it.
        server.evidence().await.run("UPDATE ending SET due_at = due_at + 100000000000").await;
        server.advance(8 * DAY);
        let said = by_operator(&server).await.expect_err("over");
        assert!(said.contains("deleted the account"), "{said}");
    }

    async fn s082_an_operator_is_told_that_an_account_is_disabled(database) {
        let (server, _) = with_mail(&database, &[]).await;
        person(&server, "alice", EMAIL, true).await;
        users::disable(&May::operator(), &server.inner.services().store, server.now(), Target::named("alice")).await.unwrap();
        let said = by_operator(&server).await.expect_err("disabled");
        assert!(said.contains("user enable"), "{said}");
    }

    async fn s082_a_change_of_the_address_is_taken_back_together_with_a_planned_deletion(database) {
        let (server, mails) = with_mail(&database, &[]).await;
        let sub = person(&server, "alice", EMAIL, true).await;
        let app = first_party(&server).await;
        let (mut taker, ..) = signed_in(&server, &app).await;
        ask(&mut taker, OTHER).await;
        press(&mut taker, &server, &proof_of(&mails, OTHER).await).await;
        let link = next(&mails, EMAIL, &[], "/undo-address").await;
        delete(&mut taker).await;
        server.advance(6 * DAY);
        let mut owner = server.browser();
        let page = press(&mut owner, &server, &link).await;
        let account = choose(&mut owner, &page).await;
        assert!(account.has("account-sign-out"), "{}", account.reply.text);
        let evidence = server.evidence().await;
        let taken_back = evidence.events_of("deletion.taken_back").await;
        assert_eq!(taken_back.len(), 1);
        assert_eq!(taken_back[0].user.as_deref(), Some(sub.as_str()));
        let left = async || evidence.count("SELECT count(*) AS n FROM ending").await == 0;
        eventually("no end of the account is planned", left).await;
        server.advance(2 * DAY);
        let mut other = server.browser();
        let login = other.open("/account").await;
        assert!(other.sign_in_as(&login, EMAIL, NEW).await.has("account-sign-out"));
    }

    async fn a_code_by_mail_leads_to_the_button_in_the_grace(database) {
        let (server, mails) = with_mail(&database, &[("signin.mail_code", "true")]).await;
        person(&server, "alice", EMAIL, true).await;
        let app = first_party(&server).await;
        let (mut taker, ..) = signed_in(&server, &app).await;
        delete(&mut taker).await;
        let known = mails_to(&mails, EMAIL);
        let mut owner = server.browser();
        let login = owner.open("/account").await;
        let page = submit(&mut owner, &login, "/login/code/send", &[("username", "alice")]).await;
        let code = next_code(&mails, EMAIL, &known).await;
        let asked = submit(&mut owner, &page, "/login/code", &[("code", &code)]).await;
        assert!(undo(&mut owner, &asked).await.has("account-sign-out"));
    }
}
