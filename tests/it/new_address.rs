//! A new address for an account: it is proven before it counts, and the old one can take it back.
//! Security cases S081, S082.

use futures_util::future::join_all;
use mapae::admin::authority::May;
use mapae::admin::users::{self, ClaimsChange, NewEmail, Target};
use serde_json::json;

use crate::deletion::DAY;
use crate::my_account::{first_party, is_signed_in, send, signed_in};
use crate::recovery::{
    EMAIL, NEW, forget, has, link_of, mails_to, next, person, press, submit, with_mail,
};
use crate::scim::Connector;
use crate::second_factors::renewal as renewed;
use crate::support::factors::{Authenticator, recovery_codes};
use crate::support::{Browser, Letter, Mailbox, PASSWORD, Page, Recorded, Server, both};

pub(crate) const OTHER: &str = "alice@example.org";
const THIRD: &str = "third@example.org";

/// Asks for another address on the page with the sign-in methods.
pub(crate) async fn ask(browser: &mut Browser, email: &str) -> Page {
    let account = browser.open("/account/security").await;
    let page = send(browser, &account, "/account/email", &[("email", email)]).await;
    browser.follow(page).await
}

/// Signs in with password and one-time code, and opens the page with the sign-in methods.
async fn with_factor(browser: &mut Browser, server: &Server, app: &Authenticator) -> Page {
    let login = browser.open("/account/security").await;
    let asked = browser.sign_in(&login).await;
    browser.second_factor(&asked, &[("code", &app.code(server, 0))]).await
}

/// The text of the mail that proves this address.
pub(crate) async fn proof_of(mails: &Mailbox, email: &str) -> Letter {
    next(mails, email, &[], "/confirm-address").await
}

/// Changes the address: asks for another one, and proves it by the link.
async fn change(browser: &mut Browser, server: &Server, mails: &Mailbox, email: &str) {
    let before = mails_to(mails, email);
    ask(browser, email).await;
    let proof = next(mails, email, &before, "/confirm-address").await;
    assert!(press(browser, server, &proof).await.has("mail-account"));
}

/// The mail to this address with the link that takes a change back.
async fn way_back(mails: &Mailbox, email: &str) -> Letter {
    next(mails, email, &[], "/undo-address").await
}

/// Uses this link in a fresh browser; `true` when it counts.
async fn takes_back(server: &Server, mail: &Letter) -> bool {
    press(&mut server.browser(), server, mail).await.has("new-password-submit")
}

/// The address that the account page shows.
async fn shows(browser: &mut Browser, email: &str) -> bool {
    browser.open("/account").await.reply.text.replace("<wbr>", "").contains(email)
}

both! {
    async fn s081_a_new_address_counts_when_it_is_proven_and_the_old_one_is_told(database) {
        let (server, mails) = with_mail(&database, &[]).await;
        person(&server, "alice", EMAIL, true).await;
        let app = first_party(&server).await;
        let (mut browser, ..) = signed_in(&server, &app).await;
        for bad in ["", "nobody", "a@b@c", EMAIL] {
            let page = ask(&mut browser, bad).await;
            assert!(page.reply.status == 400 && page.has("email-problem"), "{bad}: {}", page.reply.text);
        }
        let page = ask(&mut browser, OTHER).await;
        assert!(page.has("code-submit") && page.reply.text.contains(OTHER), "{}", page.reply.text);
        assert!(shows(&mut browser, EMAIL).await);
        let code = proof_of(&mails, OTHER).await.code();
        let wrong = send(&mut browser, &page, "/account/email/code", &[("code", "AAAA-AAAA")]).await;
        assert!(wrong.reply.status == 400 && wrong.has("code-problem"));
        // The code counts in the browser that asked.
        let mut other = server.browser();
        let login = other.open("/account").await;
        let others = other.sign_in(&login).await;
        send(&mut other, &others, "/account/email/code", &[("code", &code)]).await;
        assert!(shows(&mut browser, EMAIL).await);
        let done = send(&mut browser, &page, "/account/email/code", &[("code", &code)]).await;
        assert!(browser.follow(done).await.has("account-sign-out"));
        assert!(shows(&mut browser, OTHER).await);
        let told = next(&mails, EMAIL, &[], "/undo-address").await;
        assert!(told.text.contains(OTHER), "{}", told.text);
        // One signs in with the new address and no more with the old one.
        let mut third = server.browser();
        let login = third.open("/account").await;
        assert_eq!(third.sign_in_as(&login, EMAIL, PASSWORD).await.reply.status, 400);
        assert!(third.sign_in_as(&login, OTHER, PASSWORD).await.has("account-sign-out"));
        assert_eq!(server.evidence().await.events_of("address.changed").await.len(), 1);
    }

    /// S059: an old session changes nothing.
    async fn s081_a_new_address_wants_a_fresh_proof(database) {
        let (server, mails) = with_mail(&database, &[]).await;
        person(&server, "alice", EMAIL, true).await;
        let app = first_party(&server).await;
        let (mut browser, ..) = signed_in(&server, &app).await;
        server.advance(11 * 60);
        let page = ask(&mut browser, OTHER).await;
        assert!(page.has("login-submit"), "{}", page.reply.text);
        assert!(mails_to(&mails, OTHER).is_empty());
        browser.sign_in(&page).await;
        assert!(ask(&mut browser, OTHER).await.has("code-submit"));
    }

    async fn s082_the_old_address_takes_the_change_back_and_ends_what_the_taker_opened(database) {
        let (server, mails) = with_mail(&database, &[]).await;
        person(&server, "alice", EMAIL, true).await;
        let app = first_party(&server).await;
        let (mut taker, access, refresh) = signed_in(&server, &app).await;
        // The taker changes the address twice, and the password.
        ask(&mut taker, OTHER).await;
        let proof = proof_of(&mails, OTHER).await;
        let done = press(&mut taker, &server, &proof).await;
        assert!(done.has("mail-account") && done.reply.text.contains(OTHER), "{}", done.reply.text);
        let undo = next(&mails, EMAIL, &[], "/undo-address").await;
        server.advance(61);
        ask(&mut taker, THIRD).await;
        press(&mut taker, &server, &proof_of(&mails, THIRD).await).await;
        let second_undo = next(&mails, OTHER, std::slice::from_ref(&proof), "/undo-address").await;
        let account = taker.open("/account/security").await;
        let fields = [("current-password", PASSWORD), ("new-password", "another good password 7")];
        send(&mut taker, &account, "/account/password", &fields).await;
        // A second factor of the taker would keep the owner out.
        taker.enroll(&server).await;
        // Almost seven days later the owner takes it back.
        server.advance(7 * 24 * 3600 - 180);
        let mut owner = server.browser();
        let page = press(&mut owner, &server, &undo).await;
        assert!(page.has("new-password-submit"), "{}", page.reply.text);
        assert!(!is_signed_in(&taker, &app).await && !app.is_active(&access).await);
        app.refresh(&refresh).await.refused(400, "invalid_grant");
        let account = submit(&mut owner, &page, "/recover/password", &[("new-password", NEW)]).await;
        assert!(account.has("account-sign-out"), "{}", account.reply.text);
        assert!(shows(&mut owner, EMAIL).await);
        // The links of the taker are over, and so is this one.
        press(&mut taker, &server, &second_undo).await.is_error("unknown_interaction");
        press(&mut owner, &server, &undo).await.is_error("unknown_interaction");
        let mut other = server.browser();
        let login = other.open("/account").await;
        assert_eq!(other.sign_in_as(&login, "alice", "another good password 7").await.reply.status, 400);
        assert!(other.sign_in_as(&login, EMAIL, NEW).await.has("account-sign-out"));
    }

    /// Whoever has the account may prepare a way back before they change the address.
    async fn s082_what_was_added_in_the_week_before_the_change_goes_too(database) {
        let (server, mails) = with_mail(&database, &[]).await;
        let sub = person(&server, "alice", EMAIL, true).await;
        let evidence = server.evidence().await;
        let now = || server.now().now().timestamp_millis();
        let add = async |name: &str| {
            evidence.put_passkey(&sub, name, now()).await;
            evidence.put_identity(&sub, name, now()).await;
        };
        let authenticator = server.browser().enroll(&server).await;
        add("old").await;
        server.advance(2 * 24 * 3600);
        let mut taker = server.browser();
        let page = with_factor(&mut taker, &server, &authenticator).await;
        let renewal = "/account/security/recovery-codes";
        let new = renewed(&page);
        let shown = send(&mut taker, &page, renewal, &[("new", &new)]).await;
        let codes = recovery_codes(&shown);
        add("prepared").await;
        server.advance(6 * 24 * 3600 + 3600);
        let mut taker = server.browser();
        with_factor(&mut taker, &server, &authenticator).await;
        ask(&mut taker, OTHER).await;
        let proof = proof_of(&mails, OTHER).await;
        press(&mut taker, &server, &proof).await;
        let undo = next(&mails, EMAIL, &[], "/undo-address").await;
        assert!(undo.text.contains("seven days before it"), "{}", undo.text);
        server.advance(3600);
        add("later").await;
        let mut owner = server.browser();
        let said = owner.open(&undo.link()).await;
        assert!(said.reply.text.contains("seven days before it"), "{}", said.reply.text);
        let page = press(&mut owner, &server, &undo).await;
        let names = |table: &str, column: &str| format!("SELECT {column} AS text FROM {table}");
        assert_eq!(evidence.texts(&names("passkey", "name")).await, ["old"]);
        assert_eq!(evidence.texts(&names("identity", "subject")).await, ["old"]);
        assert_eq!(evidence.count("SELECT count(*) AS n FROM recovery_code").await, 0);
        for (kind, count) in [("passkey.removed", 2), ("identity.unlinked", 2), ("recovery_code.removed", 1), ("factor.removed", 0)] {
            let events = evidence.events_of(kind).await;
            assert_eq!(events.len(), count, "{kind}");
            let whole = |event: &Recorded| event.user.as_deref() == Some(&sub) && event.address.is_some();
            assert!(events.iter().all(whole), "{kind}: {events:?}");
        }
        // Both addresses are told, and the taker learns nothing of where the owner is.
        let told = next(&mails, EMAIL, &[], "has this address again").await;
        for said in ["A passkey was removed", "login from another service was disconnected", "recovery codes of your account", "127.0.0.1"] {
            assert_eq!(told.text.matches(said).count(), 1, "{said} in {}", told.text);
        }
        let lost = next(&mails, OTHER, &[proof], "taken back").await;
        assert!(!lost.text.contains("127.0.0.1"), "{}", lost.text);
        // The second factor is older than a week before the change: it is asked for, and the taker's
        // recovery codes are no way around it.
        let asked = submit(&mut owner, &page, "/recover/password", &[("new-password", NEW)]).await;
        assert!(asked.has("totp-code"), "{}", asked.reply.text);
        let fields = [("with", "recovery-code"), ("recovery-code", codes[0].as_str())];
        assert_eq!(owner.second_factor(&asked, &fields).await.reply.status, 400);
        let account = owner.second_factor(&asked, &[("code", &authenticator.code(&server, 0))]).await;
        assert!(account.has("account-sign-out"), "{}", account.reply.text);
    }

    async fn s082_a_second_factor_of_the_week_before_the_change_goes_too(database) {
        let (server, mails) = with_mail(&database, &[]).await;
        person(&server, "alice", EMAIL, true).await;
        let authenticator = server.browser().enroll(&server).await;
        server.advance(6 * 24 * 3600);
        let mut taker = server.browser();
        with_factor(&mut taker, &server, &authenticator).await;
        ask(&mut taker, OTHER).await;
        press(&mut taker, &server, &proof_of(&mails, OTHER).await).await;
        let undo = next(&mails, EMAIL, &[], "/undo-address").await;
        let mut owner = server.browser();
        let page = press(&mut owner, &server, &undo).await;
        let account = submit(&mut owner, &page, "/recover/password", &[("new-password", NEW)]).await;
        assert!(account.has("account-sign-out"), "{}", account.reply.text);
        let evidence = server.evidence().await;
        assert_eq!(evidence.count("SELECT count(*) AS n FROM totp").await, 0);
        assert_eq!(evidence.events_of("factor.removed").await.len(), 1);
        let told = next(&mails, EMAIL, &[], "has this address again").await;
        assert!(told.text.contains("authenticator app were turned off"), "{}", told.text);
    }

    async fn the_link_back_ends_after_seven_days(database) {
        let (server, mails) = with_mail(&database, &[]).await;
        person(&server, "alice", EMAIL, true).await;
        let app = first_party(&server).await;
        let (mut browser, ..) = signed_in(&server, &app).await;
        ask(&mut browser, OTHER).await;
        press(&mut browser, &server, &proof_of(&mails, OTHER).await).await;
        let undo = next(&mails, EMAIL, &[], "/undo-address").await;
        server.advance(7 * 24 * 3600);
        press(&mut browser, &server, &undo).await.is_error("unknown_interaction");
    }

    /// The owner of an account changes the address back on their own: whoever changed it before gets
    /// no link, with which they could take the account.
    async fn s082_a_change_back_leaves_no_link_to_the_address_that_was_left(database) {
        let (server, mails) = with_mail(&database, &[]).await;
        person(&server, "alice", EMAIL, true).await;
        let app = first_party(&server).await;
        let (mut thief, ..) = signed_in(&server, &app).await;
        let (mut owner, ..) = signed_in(&server, &app).await;
        change(&mut thief, &server, &mails, OTHER).await;
        let undo = way_back(&mails, EMAIL).await;
        server.advance(61);
        // In another spelling it is the same address.
        let page = ask(&mut owner, "Alice@Example.com").await;
        let code = proof_of(&mails, EMAIL).await.code();
        let done = send(&mut owner, &page, "/account/email/code", &[("code", &code)]).await;
        assert!(owner.follow(done).await.has("account-sign-out"));
        assert!(shows(&mut owner, "Alice@Example.com").await);
        // The address that was left is told so, and not where the owner is.
        let told = next(&mails, OTHER, &[], "taken back").await;
        assert!(!told.text.contains("127.0.0.1"), "{}", told.text);
        assert!(mails_to(&mails, OTHER).iter().all(|mail| !mail.text.contains("/undo-address")));
        // The link of the owner still takes away what the thief may have left.
        assert!(takes_back(&server, &undo).await);
        assert!(!is_signed_in(&thief, &app).await);
    }

    async fn s082_a_change_back_ends_the_links_of_the_changes_in_between(database) {
        let (server, mails) = with_mail(&database, &[]).await;
        person(&server, "alice", EMAIL, true).await;
        let app = first_party(&server).await;
        let (mut thief, ..) = signed_in(&server, &app).await;
        let (mut owner, ..) = signed_in(&server, &app).await;
        for address in [OTHER, THIRD] {
            change(&mut thief, &server, &mails, address).await;
            server.advance(61);
        }
        let of_thief = way_back(&mails, OTHER).await;
        change(&mut owner, &server, &mails, EMAIL).await;
        next(&mails, THIRD, &[], "taken back").await;
        assert!(mails_to(&mails, THIRD).iter().all(|mail| !mail.text.contains("/undo-address")));
        press(&mut thief, &server, &of_thief).await.is_error("unknown_interaction");
        assert!(shows(&mut owner, EMAIL).await);
        assert!(takes_back(&server, &way_back(&mails, EMAIL).await).await);
    }

    /// The same where an operator or a connector gives the account its address again.
    async fn s082_an_address_that_is_set_back_ends_the_links_of_the_changes_in_between(database) {
        let (server, mails) = with_mail(&database, &[]).await;
        let connector = Connector::of(&server).await;
        for means in ["operator", "scim"] {
            let [email, other, third] =
                ["com", "org", "net"].map(|end| format!("{means}@example.{end}"));
            let sub = person(&server, means, &email, true).await;
            let mut thief = server.browser();
            let login = thief.open("/account").await;
            thief.sign_in_as(&login, means, PASSWORD).await;
            for address in [&other, &third] {
                change(&mut thief, &server, &mails, address).await;
                server.advance(61);
            }
            let of_thief = way_back(&mails, &other).await;
            if means == "scim" {
                let emails = json!([{ "value": email, "type": "work" }]);
                let said = json!([{ "op": "replace", "path": "emails", "value": emails }]);
                connector.patch(&format!("/Users/{sub}"), said).await.ok();
            } else {
                let new = NewEmail { address: email.clone(), verified: true };
                let claims = ClaimsChange { email: Some(new), ..ClaimsChange::default() };
                let (may, store) = (May::operator(), &server.inner.services().store);
                let target = Target::named(means);
                let set = users::update(&may, store, server.now(), None, target, claims).await;
                assert_eq!(set.expect("changed").email.as_deref(), Some(email.as_str()));
            }
            press(&mut thief, &server, &of_thief).await.is_error("unknown_interaction");
            assert!(takes_back(&server, &way_back(&mails, &email).await).await, "{means}");
        }
    }

    /// A change back ends nothing that is older than the link to the address that counts again.
    async fn s082_a_change_back_keeps_the_links_of_the_changes_before(database) {
        let (server, mails) = with_mail(&database, &[]).await;
        person(&server, "alice", EMAIL, true).await;
        let app = first_party(&server).await;
        let (mut browser, ..) = signed_in(&server, &app).await;
        for address in [OTHER, THIRD, OTHER] {
            change(&mut browser, &server, &mails, address).await;
            server.advance(61);
        }
        assert!(shows(&mut browser, OTHER).await);
        assert!(takes_back(&server, &way_back(&mails, OTHER).await).await);
        // The oldest one wins, also after another one was used.
        assert!(takes_back(&server, &way_back(&mails, EMAIL).await).await);
        let now = server.evidence().await.texts("SELECT email AS text FROM account").await;
        assert_eq!(now, [EMAIL]);
    }

    /// Otherwise a thief could wait until the link of the owner has ended, and then use their own.
    async fn s082_no_link_outlives_an_older_one(database) {
        let (server, mails) = with_mail(&database, &[]).await;
        person(&server, "alice", EMAIL, true).await;
        let mut thief = server.browser();
        let login = thief.open("/account").await;
        thief.sign_in(&login).await;
        change(&mut thief, &server, &mails, OTHER).await;
        let undo = way_back(&mails, EMAIL).await;
        server.advance(3 * DAY);
        // The owner takes an address that the account never had.
        let mut owner = server.browser();
        let login = owner.open("/account").await;
        owner.sign_in(&login).await;
        change(&mut owner, &server, &mails, THIRD).await;
        let of_thief = way_back(&mails, OTHER).await;
        server.advance(6 * DAY);
        assert!(takes_back(&server, &of_thief).await);
        server.advance(6 * DAY);
        assert!(takes_back(&server, &undo).await);
        let now = server.evidence().await.texts("SELECT email AS text FROM account").await;
        assert_eq!(now, [EMAIL]);
    }

    /// Its link has ended, so it is an address like any other.
    async fn an_address_of_more_than_seven_days_ago_is_a_new_one(database) {
        let (server, mails) = with_mail(&database, &[]).await;
        person(&server, "alice", EMAIL, true).await;
        for address in [OTHER, EMAIL] {
            let mut browser = server.browser();
            let login = browser.open("/account").await;
            browser.sign_in(&login).await;
            change(&mut browser, &server, &mails, address).await;
            // The mail leaves before its link has ended.
            let left = if address == OTHER { EMAIL } else { OTHER };
            way_back(&mails, left).await;
            server.advance(7 * DAY);
        }
    }

    async fn s071_an_address_of_another_account_is_not_taken_and_its_owner_is_told(database) {
        let (server, mails) = with_mail(&database, &[]).await;
        person(&server, "alice", EMAIL, true).await;
        person(&server, "bob", "bob@example.com", true).await;
        let app = first_party(&server).await;
        let (mut browser, ..) = signed_in(&server, &app).await;
        let page = ask(&mut browser, "Bob@Example.com").await;
        assert!(page.has("code-submit"), "as for any other address");
        let told = next(&mails, "Bob@Example.com", &[], "").await;
        assert!(!told.text.contains("/confirm-address"), "{}", told.text);
        // An address that somebody proves in the meantime cannot be taken either.
        ask(&mut browser, OTHER).await;
        let proof = proof_of(&mails, OTHER).await;
        person(&server, "carol", OTHER, true).await;
        press(&mut browser, &server, &proof).await.is_error("invalid_request");
        assert!(shows(&mut browser, EMAIL).await);
    }

    /// A recovery and a change of the address at the same time: whichever is first ends the other.
    async fn s082_a_changed_address_ends_a_recovery_and_a_recovery_ends_a_change(database) {
        let (server, mails) = with_mail(&database, &[]).await;
        person(&server, "alice", EMAIL, true).await;
        let app = first_party(&server).await;
        let (mut thief, ..) = signed_in(&server, &app).await;
        let mut owner = server.browser();
        forget(&mut owner, EMAIL).await;
        let link = next(&mails, EMAIL, &[], "/recover").await;
        ask(&mut thief, OTHER).await;
        let proof = proof_of(&mails, OTHER).await;
        let page = press(&mut owner, &server, &link).await;
        let (mut tab, page, mut other) = (owner.clone(), page.clone(), thief.clone());
        let recovered = async {
            submit(&mut tab, &page, "/recover/password", &[("new-password", NEW)]).await.has("account-sign-out")
        };
        let changed = async { press(&mut other, &server, &proof).await.has("mail-account") };
        let (recovered, changed) = futures_util::future::join(recovered, changed).await;
        assert!(recovered != changed, "{recovered} {changed}");
        let evidence = server.evidence().await;
        let completed = evidence.events_of("recovery.completed").await.len();
        let taken = evidence.events_of("address.changed").await.len();
        assert_eq!((completed, taken), (usize::from(recovered), usize::from(changed)));
    }

    async fn s083_of_many_proofs_of_an_address_one_counts(database) {
        let (server, mails) = with_mail(&database, &[]).await;
        person(&server, "alice", EMAIL, true).await;
        let app = first_party(&server).await;
        let (mut browser, ..) = signed_in(&server, &app).await;
        ask(&mut browser, OTHER).await;
        let proof = proof_of(&mails, OTHER).await;
        let uses = (0..8).map(|_| async {
            press(&mut server.browser(), &server, &proof).await.has("mail-account")
        });
        let counted = join_all(uses).await;
        assert_eq!(counted.iter().filter(|counted| **counted).count(), 1, "{counted:?}");
        has(&mails, EMAIL, 1).await;
    }

    async fn where_the_name_is_the_address_it_follows(database) {
        let (server, mails) = with_mail(&database, &[]).await;
        person(&server, EMAIL, EMAIL, true).await;
        let mut browser = server.browser();
        let login = browser.open("/account").await;
        assert!(link_of(&login, "forgot-link").contains("/login/forgot"));
        browser.sign_in_as(&login, EMAIL, PASSWORD).await;
        ask(&mut browser, OTHER).await;
        press(&mut browser, &server, &proof_of(&mails, OTHER).await).await;
        let mut other = server.browser();
        let login = other.open("/account").await;
        assert_eq!(other.sign_in_as(&login, EMAIL, PASSWORD).await.reply.status, 400);
        assert!(other.sign_in_as(&login, OTHER, PASSWORD).await.has("account-sign-out"));
    }

    /// RFC 8265 §3.3: a user name has no symbols, and letters that are written from right to left are
    /// not mixed with others.
    async fn where_the_address_can_be_no_name_the_name_stays(database) {
        let (server, mails) = with_mail(&database, &[]).await;
        let hebrew = "info@\u{5d3}\u{5d5}\u{5d2}\u{5de}\u{5d4}.com";
        for (old, new, ascii, is_by_code) in [
            (EMAIL, hebrew, "info@xn--6dbbec0c.com", true),
            ("bob@example.com", "bob@\u{2603}.com", "bob@xn--n3h.com", false),
        ] {
            person(&server, old, old, true).await;
            let mut browser = server.browser();
            let login = browser.open("/account").await;
            browser.sign_in_as(&login, old, PASSWORD).await;
            let page = ask(&mut browser, new).await;
            let proof = proof_of(&mails, ascii).await;
            if is_by_code {
                let code = proof.code();
                let done = send(&mut browser, &page, "/account/email/code", &[("code", &code)]).await;
                assert_eq!(done.reply.status, 303, "{}", done.reply.text);
            } else {
                assert!(press(&mut browser, &server, &proof).await.has("mail-account"));
            }
            for name in [new, ascii, old] {
                let mut other = server.browser();
                let login = other.open("/account").await;
                let account = other.sign_in_as(&login, name, PASSWORD).await;
                assert!(account.has("account-sign-out"), "{name}: {}", account.reply.text);
            }
        }
        let evidence = server.evidence().await;
        let verified = "SELECT count(*) AS n FROM account WHERE email <> username AND email_verified";
        assert_eq!(evidence.count(verified).await, 2);
    }
    /// The organisation renames a person after the change of the address, and another one gets the old
    /// name: that is no change of a thief, so it stays.
    async fn s082_the_way_back_keeps_a_name_that_was_given_after_the_change(database) {
        let (server, mails) = with_mail(&database, &[]).await;
        let sub = person(&server, "hana", EMAIL, true).await;
        let mut taker = server.browser();
        let login = taker.open("/account").await;
        taker.sign_in_as(&login, "hana", PASSWORD).await;
        change(&mut taker, &server, &mails, OTHER).await;
        let undo = way_back(&mails, EMAIL).await;
        let said = json!([{ "op": "replace", "path": "userName", "value": "hana.seo" }]);
        Connector::of(&server).await.patch(&format!("/Users/{sub}"), said).await.ok();
        person(&server, "hana", "hana@example.com", true).await;
        let mut owner = server.browser();
        let page = press(&mut owner, &server, &undo).await;
        assert!(page.has("new-password-submit"), "{}", page.reply.text);
        let account = submit(&mut owner, &page, "/recover/password", &[("new-password", NEW)]).await;
        assert!(account.has("account-sign-out"), "{}", account.reply.text);
        for (name, password) in [(EMAIL, NEW), ("hana.seo", NEW), ("hana", PASSWORD)] {
            let mut other = server.browser();
            let login = other.open("/account").await;
            let account = other.sign_in_as(&login, name, password).await;
            assert!(account.has("account-sign-out"), "{name}: {}", account.reply.text);
        }
    }

    async fn where_the_name_is_the_address_it_comes_back_with_it(database) {
        let (server, mails) = with_mail(&database, &[]).await;
        person(&server, EMAIL, EMAIL, true).await;
        let evidence = server.evidence().await;
        let mut browser = server.browser();
        let login = browser.open("/account").await;
        browser.sign_in_as(&login, EMAIL, PASSWORD).await;
        change(&mut browser, &server, &mails, OTHER).await;
        let names = "SELECT username AS text FROM account ORDER BY username";
        assert_eq!(evidence.texts(names).await, [OTHER]);
        let undo = way_back(&mails, EMAIL).await;
        // Older links say which name the account had.
        let older = "UPDATE mail_secret SET payload = '{\"email\":\"alice@example.com\",\
                     \"username\":\"somebody\",\"by_operator\":true}' WHERE purpose = 'undo_address'";
        evidence.run(older).await;
        assert!(takes_back(&server, &undo).await);
        assert_eq!(evidence.texts(names).await, [EMAIL]);
    }

    /// No name is the address of another account, but some are from before that was refused.
    async fn the_way_back_to_an_address_that_is_the_name_of_another_keeps_the_name(database) {
        let (server, mails) = with_mail(&database, &[]).await;
        person(&server, EMAIL, EMAIL, true).await;
        person(&server, "bob", "bob@example.com", true).await;
        let mut browser = server.browser();
        let login = browser.open("/account").await;
        browser.sign_in_as(&login, EMAIL, PASSWORD).await;
        change(&mut browser, &server, &mails, OTHER).await;
        let undo = way_back(&mails, EMAIL).await;
        let evidence = server.evidence().await;
        let clash = "UPDATE account SET username = 'alice@example.com', \
                     username_key = 'alice@example.com' WHERE username = 'bob'";
        evidence.run(clash).await;
        assert!(takes_back(&server, &undo).await);
        let names = "SELECT username AS text FROM account WHERE email = 'alice@example.com'";
        assert_eq!(evidence.texts(names).await, [OTHER]);
    }
}
