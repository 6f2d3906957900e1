//! Nobody finds out by a page whether somebody else has an account: neither by the text, the status,
//! the size and the headers of an answer, nor by what an answer does to one's own link. Security case
//! S071.

use crate::deletion::delete;
use crate::my_account::{first_party, send, signed_in};
use crate::new_address::{OTHER, ask as ask_address};
use crate::recovery::{
    EMAIL, forget, has, mails_to, next, next_code, person, press, submit, with_mail,
};
use crate::support::{Browser, Letter, PASSWORD, Page, Server, both, eventually};
use mapae::admin::authority::May;
use mapae::admin::users::Target;

/// What an answer says: its status, the names and values of its headers and its text, without what
/// differs from one request to the next for everybody. Equal texts have one size.
type Said = (u16, Vec<(String, String)>, String);

fn said(page: &Page, typed: &str) -> Said {
    let mut text = page.reply.text.clone();
    if let Some(csrf) = page.field("csrf") {
        text = text.replace(&csrf, "…");
    }
    if !typed.is_empty() {
        text = text.replace(typed, "…");
    }
    // An interaction is sealed anew wherever a page names it.
    let is_sealed = |c: char| c.is_ascii_alphanumeric() || ['-', '_'].contains(&c);
    let mut parts = text.split("s.");
    let first = parts.next().unwrap_or_default().to_owned();
    let text = parts.fold(first, |text, part| {
        let rest = part.trim_start_matches(is_sealed);
        let sealed = part.len() - rest.len();
        if sealed > 100 { format!("{text}{sealed} signs{rest}") } else { format!("{text}s.{part}") }
    });
    let headers = page.reply.headers.iter().map(|(name, value)| {
        let differs = DIFFERS.contains(&name.as_str());
        let value = if differs { "" } else { value.to_str().expect("ASCII") };
        (name.to_string(), value.to_owned())
    });
    let mut headers: Vec<_> = headers.collect();
    headers.sort();
    (page.reply.status.as_u16(), headers, text)
}

/// Headers whose values differ from one answer to the next.
const DIFFERS: [&str; 6] =
    ["location", "x-request-id", "date", "set-cookie", "content-length", "content-security-policy"];

/// People of every kind, all with the usual password. Those who get mails come first.
async fn people(server: &Server) -> [(&'static str, bool); 7] {
    for (name, is_verified) in [
        ("xalice", true),
        ("xfactor", true),
        ("xgrace", true),
        ("xclaims", false),
        ("xdisabled", true),
    ] {
        person(server, name, &format!("{name}@example.com"), is_verified).await;
    }
    let store = &server.inner.services().store;
    mapae::admin::users::disable(&May::operator(), store, server.now(), Target::named("xdisabled"))
        .await
        .unwrap();
    let evidence = server.evidence().await;
    // One-time codes, as far as an answer could tell.
    evidence.run("UPDATE account SET totp_since = 1 WHERE username = 'xfactor'").await;
    let mut leaving = server.browser();
    let login = leaving.open("/account").await;
    leaving.sign_in_as(&login, "xgrace", PASSWORD).await;
    delete(&mut leaving).await;
    [
        ("xalice", true),
        ("xfactor", true),
        ("xgrace", true),
        ("xclaims", false),
        ("xdisabled", false),
        ("xnobody", false),
        ("xno body", false),
    ]
}

/// Asks for a code on the sign-in page; does not follow the redirect.
async fn ask_code(browser: &mut Browser, login: &Page, name: &str) -> Page {
    let (interaction, csrf) = (login.hidden("interaction"), login.hidden("csrf"));
    let fields = [("interaction", interaction.as_str()), ("csrf", &csrf), ("username", name)];
    browser.post("/login/code/send", &fields).await
}

const CODES: &[(&str, &str)] = &[("signin.mail_code", "true")];

both! {
    async fn s071_a_code_by_mail_is_asked_for_alike_by_every_name(database) {
        let (server, mails) = with_mail(&database, CODES).await;
        let people = people(&server).await;
        let told = mails_to(&mails, "xgrace@example.com").len();
        let mut answers = Vec::new();
        for (name, _) in people {
            let mut browser = server.browser();
            let login = browser.open("/account").await;
            let redirect = ask_code(&mut browser, &login, name).await;
            let length = redirect.location().expect("a redirect").len();
            let page = browser.follow(redirect.clone()).await;
            let mut all = vec![said(&redirect, ""), said(&page, name)];
            // Wrong codes, also beyond the last one that counts.
            for _ in 0..6 {
                let wrong = submit(&mut browser, &page, "/login/code", &[("code", "AAAA-AAAA")]).await;
                assert!(wrong.has("code-problem"), "{name}: {}", wrong.reply.text);
                all.push(said(&wrong, name));
            }
            answers.push((length, all));
        }
        for (answer, (name, _)) in answers.iter().zip(people) {
            assert_eq!(answer, &answers[0], "{name}");
        }
        for (name, _) in people.into_iter().filter(|(_, is_mailed)| *is_mailed) {
            let known = if name == "xgrace" { told } else { 0 };
            let (what, address) = (format!("a code for {name}"), format!("{name}@example.com"));
            eventually(&what, async || mails_to(&mails, &address).len() > known).await;
        }
        assert!(mails_to(&mails, "xclaims@example.com").is_empty());
        assert!(mails_to(&mails, "xdisabled@example.com").is_empty());
    }

    async fn s071_a_wrong_password_is_answered_alike_for_every_account(database) {
        let (server, _) = with_mail(&database, &[]).await;
        let mut answers = Vec::new();
        let people = people(&server).await;
        for (name, _) in people {
            let mut browser = server.browser();
            let login = browser.open("/account").await;
            let wrong = browser.sign_in_as(&login, name, "not the password").await;
            assert_eq!(wrong.reply.status, 400);
            answers.push(said(&wrong, name));
        }
        for (answer, (name, _)) in answers.iter().zip(people) {
            assert_eq!(answer, &answers[0], "{name}");
        }
    }

    /// Somebody asks for a link to their own account and then for another name in the same browser:
    /// whether their own link still counts depends on nothing.
    async fn s071_ones_own_link_ends_alike_whatever_is_asked_for_next(database) {
        let (server, mails) = with_mail(&database, &[("throttle.mail.recipient.mails", "7")]).await;
        let people = people(&server).await;
        person(&server, "stranger", EMAIL, true).await;
        let mut links: Vec<Letter> = Vec::new();
        for (name, _) in people.into_iter().skip(1) {
            let mut browser = server.browser();
            forget(&mut browser, "stranger").await;
            let own = next(&mails, EMAIL, &links, "/recover").await;
            links.push(own.clone());
            forget(&mut browser, name).await;
            let page = press(&mut browser, &server, &own).await;
            assert!(page.reply.status.is_client_error(), "{name}: {}", page.reply.text);
            page.is_error("unknown_interaction");
        }
    }

    async fn s071_ones_own_code_ends_alike_whatever_is_asked_for_next(database) {
        let settings = [("signin.mail_code", "true"), ("throttle.mail.recipient.mails", "20")];
        let (server, mails) = with_mail(&database, &settings).await;
        let people = people(&server).await;
        person(&server, "stranger", EMAIL, true).await;
        for (name, _) in people.into_iter().skip(1) {
            let mut browser = server.browser();
            let login = browser.open("/account").await;
            let known = mails_to(&mails, EMAIL);
            let page = ask_code(&mut browser, &login, "stranger").await;
            let page = browser.follow(page).await;
            let own = next_code(&mails, EMAIL, &known).await;
            ask_code(&mut browser, &login, name).await;
            let tried = submit(&mut browser, &page, "/login/code", &[("code", &own)]).await;
            assert!(tried.has("code-problem"), "{name}: {}", tried.reply.text);
        }
    }

    /// The limit of a victim's mails tells nothing either.
    async fn s071_ones_own_link_ends_also_when_the_other_account_has_got_all_its_mails(database) {
        let (server, mails) = with_mail(&database, &[("signin.mail_code", "true")]).await;
        person(&server, "victim", "victim@example.com", true).await;
        person(&server, "stranger", EMAIL, true).await;
        for name in ["victim", "victim@example.com"] {
            for _ in 0..4 {
                forget(&mut server.browser(), name).await;
            }
        }
        let mut links: Vec<Letter> = Vec::new();
        for name in ["victim", "nobody"] {
            let mut browser = server.browser();
            forget(&mut browser, "stranger").await;
            let own = next(&mails, EMAIL, &links, "/recover").await;
            links.push(own.clone());
            forget(&mut browser, name).await;
            press(&mut browser, &server, &own).await.is_error("unknown_interaction");
        }
        has(&mails, "victim@example.com", 5).await;
    }

    async fn s076_wrong_codes_of_a_mail_are_one_event_a_minute_with_the_person_in_it(database) {
        let (server, mails) = with_mail(&database, CODES).await;
        let sub = person(&server, "alice", EMAIL, true).await;
        for (name, whose) in [("alice", Some(sub.as_str())), ("nobody", None)] {
            let mut browser = server.browser();
            let login = browser.open("/account").await;
            let page = ask_code(&mut browser, &login, name).await;
            let page = browser.follow(page).await;
            let evidence = server.evidence().await;
            let before = evidence.events_of("sign_in.failed").await.len();
            for code in ["AAAA-AAAA", "no code", "BBBB-BBBB", "AAAA-AAAA", "AAAA-AAAA", "AAAA-AAAA", "AAAA-AAAA"] {
                submit(&mut browser, &page, "/login/code", &[("code", code)]).await;
            }
            let events = evidence.events_of("sign_in.failed").await;
            assert_eq!(events.len(), before + 1, "{name}");
            let event = events.iter().find(|event| event.user.as_deref() == whose).expect("an event");
            assert_eq!(event.detail.as_deref(), Some("mailed code"));
            server.advance(60);
        }
        let times = server.evidence().await.count("SELECT CAST(sum(times) AS BIGINT) AS n FROM audit_event WHERE kind = 'sign_in.failed'").await;
        assert_eq!(times, 14);
        assert!(mails_to(&mails, EMAIL).len() <= 1);
    }

    /// §8.1: beyond the limits the page answers alike.
    async fn s071_a_new_address_is_asked_for_alike_beyond_the_limits(database) {
        let (server, mails) = with_mail(&database, &[("throttle.mail.recipient.mails", "1")]).await;
        person(&server, "alice", EMAIL, true).await;
        person(&server, "bob", "bob@example.com", true).await;
        let app = first_party(&server).await;
        let (mut first, ..) = signed_in(&server, &app).await;
        let asked = ask_address(&mut first, OTHER).await;
        let mail = next(&mails, OTHER, &[], "/confirm-address").await;
        let mut second = server.browser();
        let login = second.open("/account").await;
        second.sign_in_as(&login, "bob", PASSWORD).await;
        let mut pages = vec![asked];
        for _ in 0..2 {
            let page = ask_address(&mut second, OTHER).await;
            assert!(page.has("code-submit") && page.reply.text.contains(OTHER), "{}", page.reply.text);
            pages.push(page);
        }
        let told = |page: &Page| (page.reply.status, page.reply.text.len());
        assert!(pages.windows(2).all(|two| told(&two[0]) == told(&two[1])));
        // The code of the one is none for the other, and there is no second mail.
        let tried = send(&mut second, &pages[1], "/account/email/code", &[("code", &mail.code())]).await;
        assert!(tried.has("code-problem"), "{}", tried.reply.text);
        let done = send(&mut first, &pages[0], "/account/email/code", &[("code", &mail.code())]).await;
        assert_eq!(done.reply.status, 303);
        next(&mails, EMAIL, &[], "/undo-address").await;
        assert_eq!(mails_to(&mails, OTHER).len(), 1);
        // What is mailed to nobody does not pile up.
        let secrets = "SELECT count(*) AS n FROM mail_secret WHERE purpose = 'new_address'";
        assert_eq!(server.evidence().await.count(secrets).await, 2);
    }
}
