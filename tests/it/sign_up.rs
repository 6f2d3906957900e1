//! Sign-up: a person proves their address by mail, and the app that sent them gets its tokens.
//! Security cases S062, S071, S083.

use futures_util::future::join_all;
use mapae::admin::authority::May;
use serde_json::Value;

pub(crate) use crate::recovery::submit as send;
use crate::support::{
    App, Browser, Database, Letter, Mailbox, PASSWORD, Page, Server, both, decode_claims,
};

pub(crate) const EMAIL: &str = "hana@example.com";
pub(crate) const NEW: &str = "seven green kettles 41";

/// A server on which everybody may sign up, by mail.
pub(crate) async fn open_server(
    database: &Database,
    more: &[(&'static str, &str)],
) -> (Server, Mailbox) {
    let mailbox = Mailbox::new();
    let url = mailbox.url();
    let mut settings = vec![("mail.url", url.as_str()), ("signup.mode", "open")];
    settings.extend(more);
    (Server::start_with(database, &settings).await, mailbox)
}

/// Opens the app's request and follows the link to the form for an address.
pub(crate) async fn form_for(browser: &mut Browser, url: &str) -> Page {
    let login = browser.open(url).await;
    assert!(login.has("signup-link"), "{}", login.reply.text);
    let form = format!("/sign-up?interaction={}", login.hidden("interaction"));
    let form = browser.open(&form).await;
    assert!(form.has("signup-email") && form.has("signup-submit"), "{}", form.reply.text);
    form
}

/// Asks for a mail; returns the page that takes its code.
pub(crate) async fn ask(browser: &mut Browser, app: &App, email: &str) -> Page {
    let form = form_for(browser, &app.authorization_url(&[])).await;
    let page = send(browser, &form, "/sign-up", &[("email", email)]).await;
    assert!(page.has("code") && page.has("code-submit"), "{}", page.reply.text);
    page
}

/// Opens the link of a mail and presses the button.
pub(crate) async fn confirm(browser: &mut Browser, letter: &Letter) -> Page {
    let page = browser.open(&letter.link()).await;
    press(browser, &page).await
}

async fn press(browser: &mut Browser, page: &Page) -> Page {
    assert!(page.has("mail-confirm"), "{}", page.reply.text);
    let path = page.url.split("/sign-up").nth(1).and_then(|rest| rest.split('?').next());
    let path = format!("/sign-up{}", path.expect("a path"));
    let secret = page.hidden("secret");
    let page = browser.post(&path, &[("secret", &secret)]).await;
    browser.follow(page).await
}

/// Fills in the form for the account.
pub(crate) async fn fill(browser: &mut Browser, page: &Page, more: &[(&str, &str)]) -> Page {
    assert!(page.has("signup-name") && page.has("signup-password"), "{}", page.reply.text);
    let usual = [("name", "Hana Seo"), ("password", NEW)];
    let kept = usual.iter().filter(|(name, _)| !more.iter().any(|(other, _)| other == name));
    let fields: Vec<_> = kept.chain(more).copied().collect();
    send(browser, page, "/sign-up/account", &fields).await
}

async fn tokens(app: &App, browser: &mut Browser, page: &Page) -> Value {
    let page =
        if page.has("consent-allow") { browser.consent(page, "allow").await } else { page.clone() };
    app.exchange(&page.authorization_response().code()).await.ok().json()
}

async fn accounts(server: &Server) -> i64 {
    server.evidence().await.count("SELECT count(*) AS n FROM account").await
}

both! {
    /// features 1.7: from the app through a mail to both of its tokens, consent included.
    async fn a_person_signs_up_by_a_link_and_the_app_gets_its_tokens(database) {
        let (server, mailbox) = open_server(&database, &[]).await;
        let app = server.web_app("app", |_| {}).await;
        let mut browser = server.browser();
        let form = form_for(&mut browser, &app.authorization_url(&[("scope", "openid email profile")])).await;
        for wrong in ["", "hana", "hana@", "ha na@example.com", "a@example.com\r\nBcc: b@example.com"] {
            let page = send(&mut browser, &form, "/sign-up", &[("email", wrong)]).await;
            assert_eq!(page.reply.status, 400, "{wrong}");
            assert!(page.has("signup-email-problem"), "{wrong}");
        }
        send(&mut browser, &form, "/sign-up", &[("email", " Hana@Example.com ")]).await;
        let letter = mailbox.first_to("Hana@example.com").await;
        assert!(letter.link().starts_with(&server.url("/sign-up/confirm?secret=mapae_ml_")));
        assert_eq!(accounts(&server).await, 0, "nothing exists yet");
        // Looking at the link changes nothing, however often and by whom.
        let mut scanner = server.browser();
        for _ in 0..3 {
            assert!(scanner.open(&letter.link()).await.has("mail-confirm"));
        }
        let account = confirm(&mut browser, &letter).await;
        assert_eq!(account.value_of("signup-address"), "Hana@Example.com");
        assert!(!account.has("signup-username"), "the address is the name");
        assert_eq!(accounts(&server).await, 0);
        let consent = fill(&mut browser, &account, &[]).await;
        assert!(consent.has("consent-allow"), "{}", consent.reply.text);
        let tokens = tokens(&app, &mut browser, &consent).await;
        let id_token = decode_claims(tokens["id_token"].as_str().unwrap());
        assert_eq!(id_token["amr"], serde_json::json!(["pwd"]));
        let info = app.userinfo(tokens["access_token"].as_str().unwrap()).await.ok().json();
        assert_eq!(info["email"], "Hana@Example.com");
        assert_eq!((info["email_verified"].as_bool(), info["name"].as_str()), (Some(true), Some("Hana Seo")));
        assert_eq!(info["preferred_username"], "Hana@Example.com");
        // They are signed in, here alone; elsewhere with the address and the password.
        assert!(browser.open("/account").await.has("account-sign-out"));
        let mut other = server.browser();
        let login = other.open("/account").await;
        assert!(other.sign_in_as(&login, EMAIL, NEW).await.has("account-sign-out"));
        let events = server.evidence().await;
        for (kind, count) in [("sign_up.asked", 1), ("sign_up.completed", 1), ("user.created", 1)] {
            assert_eq!(events.events_of(kind).await.len(), count, "{kind}");
        }
    }

    async fn a_code_counts_in_the_browser_that_asked_and_in_no_other(database) {
        let (server, mailbox) = open_server(&database, &[]).await;
        let app = server.web_app("app", |client| client.metadata.first_party = true).await;
        let (mut browser, mut thief) = (server.browser(), server.browser());
        let page = ask(&mut browser, &app, EMAIL).await;
        let theirs = ask(&mut thief, &app, "thief@example.com").await;
        let code = mailbox.first_to(EMAIL).await.code();
        let stolen = send(&mut thief, &theirs, "/sign-up/code", &[("code", &code)]).await;
        assert_eq!(stolen.reply.status, 400);
        assert!(stolen.has("code-problem"));
        // It counts without the hyphen, too, and in lower case.
        let typed = format!(" {} ", code.replace('-', "").to_lowercase());
        let account = send(&mut browser, &page, "/sign-up/code", &[("code", &typed)]).await;
        // The browser dropped the answer to the first click.
        let again = send(&mut browser, &page, "/sign-up/code", &[("code", &typed)]).await;
        assert_eq!(again.value_of("signup-address"), account.value_of("signup-address"));
        fill(&mut browser, &account, &[]).await.authorization_response().code();
        let again = send(&mut browser, &page, "/sign-up/code", &[("code", &typed)]).await;
        assert!(!again.has("signup-name"));
        assert_eq!(accounts(&server).await, 1);
    }

    /// S076: of a code five attempts count, and the link of the same mail counts all the same.
    async fn s076_a_code_is_tried_five_times(database) {
        let (server, mailbox) = open_server(&database, &[]).await;
        let app = server.web_app("app", |client| client.metadata.first_party = true).await;
        let mut browser = server.browser();
        let page = ask(&mut browser, &app, EMAIL).await;
        let letter = mailbox.first_to(EMAIL).await;
        // What cannot be a code costs no attempt.
        for typed in ["", "1", "0000-1111", "ABCD-EFGH-JKLM"] {
            assert_eq!(send(&mut browser, &page, "/sign-up/code", &[("code", typed)]).await.reply.status, 400);
        }
        let wrong = if letter.code() == "AAAA-AAAA" { "BBBB-BBBB" } else { "AAAA-AAAA" };
        let tries = (0..8).map(|_| {
            let (mut tab, page) = (browser.clone(), page.clone());
            async move { send(&mut tab, &page, "/sign-up/code", &[("code", wrong)]).await.reply.status.as_u16() }
        });
        assert!(join_all(tries).await.iter().all(|status| *status == 400));
        let late = send(&mut browser, &page, "/sign-up/code", &[("code", &letter.code())]).await;
        assert!(late.has("code-problem"), "{}", late.reply.text);
        assert!(confirm(&mut browser, &letter).await.has("signup-name"));
    }

    /// A link works in any browser: the app's request begins anew there.
    async fn a_link_that_is_opened_in_another_browser_leads_to_the_app_from_there(database) {
        let (server, mailbox) = open_server(&database, &[]).await;
        let app = server.web_app("app", |client| client.metadata.first_party = true).await;
        let mut browser = server.browser();
        ask(&mut browser, &app, EMAIL).await;
        let letter = mailbox.first_to(EMAIL).await;
        let mut phone = server.browser();
        let account = confirm(&mut phone, &letter).await;
        let code = fill(&mut phone, &account, &[]).await.authorization_response().code();
        app.exchange(&code).await.ok();
        assert!(phone.open("/account").await.has("account-sign-out"));
        assert!(browser.open("/account").await.has("login-submit"), "the other one is not signed in");
    }

    /// S083
    async fn s083_of_32_uses_of_a_link_in_as_many_browsers_one_counts(database) {
        let (server, mailbox) = open_server(&database, &[]).await;
        let app = server.web_app("app", |_| {}).await;
        ask(&mut server.browser(), &app, EMAIL).await;
        let letter = mailbox.first_to(EMAIL).await;
        let uses = (0..32).map(|_| {
            let (mut browser, letter) = (server.browser(), letter.clone());
            async move { confirm(&mut browser, &letter).await.has("signup-name") }
        });
        assert_eq!(join_all(uses).await.iter().filter(|counts| **counts).count(), 1);
        confirm(&mut server.browser(), &letter).await.is_error("unknown_link");
    }

    async fn a_link_ends_after_a_day_and_a_newer_one_of_the_same_browser_ends_the_older(database) {
        let (server, mailbox) = open_server(&database, &[]).await;
        let app = server.web_app("app", |_| {}).await;
        let (mut browser, mut other) = (server.browser(), server.browser());
        ask(&mut browser, &app, EMAIL).await;
        let first = mailbox.first_to(EMAIL).await;
        ask(&mut other, &app, EMAIL).await;
        let second = mailbox.to(EMAIL, 2).await.remove(1);
        server.advance(61);
        ask(&mut browser, &app, EMAIL).await;
        let third = mailbox.to(EMAIL, 3).await.remove(2);
        confirm(&mut browser, &first).await.is_error("unknown_link");
        assert!(confirm(&mut other, &second).await.has("signup-name"), "another browser has its own");
        server.advance(24 * 3600);
        browser.open(&third.link()).await.is_error("unknown_link");
        for bad in ["", "mapae_ml_x", &"x".repeat(4000)] {
            browser.open(&format!("/sign-up/confirm?secret={bad}")).await.is_error("unknown_link");
            let page = browser.post("/sign-up/confirm", &[("secret", bad)]).await;
            page.is_error("unknown_link");
        }
        // A link of another purpose is none here.
        let elsewhere = third.link().replace("/confirm?", "/invitation?");
        browser.open(&elsewhere).await.is_error("unknown_link");
    }

    /// S063: another site cannot press the button.
    async fn s063_no_other_site_uses_a_link_up(database) {
        let (server, mailbox) = open_server(&database, &[]).await;
        let app = server.web_app("app", |_| {}).await;
        ask(&mut server.browser(), &app, EMAIL).await;
        let letter = mailbox.first_to(EMAIL).await;
        let (_, secret) = letter.link().split_once("secret=").map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
        for (name, value) in [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")] {
            let mut victim = server.browser().saying(name, value);
            victim.post("/sign-up/confirm", &[("secret", &secret)]).await.is_error("forbidden");
        }
        assert!(confirm(&mut server.browser(), &letter).await.has("signup-name"));
    }

    /// §8.1: asking again, other browsers, five to one address, twenty from one place.
    async fn mails_are_limited_and_the_pages_answer_alike(database) {
        let more = [("trusted_proxies", "127.0.0.1")];
        let (server, mailbox) = open_server(&database, &more).await;
        let app = server.web_app("app", |_| {}).await;
        let from = |place: &str| server.browser().saying("x-forwarded-for", place);
        let mut browser = from("203.0.113.1");
        let first = ask(&mut browser, &app, EMAIL).await;
        let again = send(&mut browser, &first, "/sign-up", &[("email", EMAIL)]).await;
        assert_eq!(again.reply.status, first.reply.status);
        server.advance(59);
        send(&mut browser, &first, "/sign-up", &[("email", " HANA@example.com")]).await;
        let (from, app) = (&from, &app);
        let pages = join_all((2..9).map(|n| async move {
            ask(&mut from(&format!("203.0.113.{n}")), app, EMAIL).await.reply.text.len()
        }))
        .await;
        let pages: Vec<_> =
            pages.into_iter().map(|length| length.abs_diff(first.reply.text.len())).collect();
        assert!(pages.iter().all(|differs| *differs < 16), "{pages:?}");
        // A mark: what is mailed after it arrives after it.
        ask(&mut from("203.0.113.50"), app, "mark@example.com").await;
        mailbox.first_to("mark@example.com").await;
        assert_eq!(mailbox.to(EMAIL, 5).await.len(), 5);
        // One place, however many addresses and browsers.
        join_all((0..22).map(|n| async move {
            ask(&mut from("198.51.100.7"), app, &format!("guest{n}@example.com")).await
        }))
        .await;
        ask(&mut from("203.0.113.51"), app, "mark2@example.com").await;
        mailbox.first_to("mark2@example.com").await;
        let guests = || mailbox.letters().iter().filter(|letter| letter.to.starts_with("guest")).count();
        assert_eq!(guests(), 20);
        // After an hour there is room again.
        server.advance(3600);
        ask(&mut from("198.51.100.7"), app, EMAIL).await;
        assert_eq!(mailbox.to(EMAIL, 6).await.len(), 6);
    }

    /// S071: whether an address has an account is told to its owner alone, by mail.
    async fn s071_an_address_with_an_account_gets_the_same_answer_and_another_mail(database) {
        let (server, mailbox) = open_server(&database, &[]).await;
        let app = server.web_app("app", |_| {}).await;
        let issuer = server.inner.services();
        let operators = |username: &str, email: Option<&str>, verified| mapae::admin::users::NewUser {
            username: username.to_owned(),
            email: email.map(str::to_owned),
            email_verified: verified,
            profile: mapae::domain::user::Profile::default(),
            password: Some(PASSWORD.to_owned().into()),
        };
        for new in [
            operators("proven", Some("proven-1@example.com"), true),
            operators("written", Some("written1@example.com"), false),
            operators("isaname1@example.com", None, false),
        ] {
            mapae::admin::users::create(&May::operator(), &issuer.store, server.now(), &issuer.hasher, new).await.unwrap();
        }
        let existing = ["proven-1@example.com", "written1@example.com", "isaname1@example.com", "ISANAME1@example.com"];
        let fresh = ["nobody-1@example.com", "nobody-2@example.com"];
        let mut answers = Vec::new();
        for email in existing.iter().chain(&fresh) {
            let mut browser = server.browser();
            let form = form_for(&mut browser, &app.authorization_url(&[])).await;
            let (interaction, csrf) = (form.hidden("interaction"), form.hidden("csrf"));
            let fields = [("interaction", interaction.as_str()), ("csrf", &csrf), ("email", email)];
            let answer = browser.post("/sign-up", &fields).await;
            let location = answer.location().expect("a redirect").to_owned();
            let mut headers: Vec<_> = answer.reply.headers.iter().map(|(name, value)| {
                let told = name == "location" || name == "x-request-id" || name == "date";
                (name.to_string(), if told { String::new() } else { value.to_str().unwrap().to_owned() })
            }).collect();
            headers.sort();
            let page = browser.follow(answer.clone()).await;
            let wrong = send(&mut browser, &page, "/sign-up/code", &[("code", "AAAA-AAAA")]).await;
            let told = |page: &Page| (page.reply.status, page.reply.text.len(), page.reply.text.matches("<p").count());
            answers.push((answer.reply.status, location.len(), headers, told(&page), told(&wrong)));
        }
        assert!(answers.windows(2).all(|two| two[0] == two[1]), "{answers:#?}");
        for email in existing {
            let letter = mailbox.first_to(email).await;
            assert!(!letter.raw.contains("mapae_ml_") && !letter.text.contains("/sign-up"), "{}", letter.text);
        }
        for email in fresh {
            assert!(mailbox.first_to(email).await.link().contains("/sign-up/confirm"));
        }
        assert_eq!(accounts(&server).await, 3);
    }

    /// Of many who prove one address at once, one gets the account, and the others are told.
    async fn of_64_sign_ups_of_one_address_one_makes_an_account(database) {
        let more = [("throttle.mail.recipient.mails", "100"), ("throttle.mail.address.mails", "100")];
        let (server, mailbox) = open_server(&database, &more).await;
        let app = server.web_app("app", |client| client.metadata.first_party = true).await;
        let mut forms = Vec::new();
        for _ in 0..8 {
            let asked = (0..8).map(|_| async {
                let mut browser = server.browser();
                ask(&mut browser, &app, EMAIL).await;
                browser
            });
            forms.extend(join_all(asked).await);
        }
        let letters = mailbox.to(EMAIL, 64).await;
        let confirmed = forms.into_iter().zip(letters).map(|(mut browser, letter)| async move {
            let account = confirm(&mut browser, &letter).await;
            (browser, account)
        });
        let ready = join_all(confirmed).await;
        let made = ready.into_iter().map(|(mut browser, account)| async move {
            let page = fill(&mut browser, &account, &[]).await;
            match page.reply.status.as_u16() {
                303 => true,
                400 => { assert!(page.has("signup-signin"), "{}", page.reply.text); false }
                // A server that is asked for 64 hashes at once may say that it is busy.
                status => { assert_eq!(status, 503, "{}", page.reply.text); false }
            }
        });
        assert_eq!(join_all(made).await.iter().filter(|made| **made).count(), 1);
        assert_eq!(accounts(&server).await, 1);
        let sessions = server.evidence().await.count("SELECT count(*) AS n FROM session").await;
        assert_eq!(sessions, 1);
    }

    /// Where the user name is asked for, an address that got an account meanwhile is no matter of the
    /// name, and nothing is hashed for it: the answer comes before that about the password.
    async fn an_account_that_was_made_meanwhile_is_told_apart_from_a_taken_name(database) {
        let (server, mailbox) = open_server(&database, &[("signup.username", "ask")]).await;
        let app = server.web_app("app", |client| client.metadata.first_party = true).await;
        let mut forms = Vec::new();
        for n in 1..=2 {
            let mut browser = server.browser();
            ask(&mut browser, &app, EMAIL).await;
            let letter = mailbox.to(EMAIL, n).await.remove(n - 1);
            let account = confirm(&mut browser, &letter).await;
            forms.push((browser, account));
        }
        let (mut second, late) = forms.remove(1);
        let (mut first, account) = forms.remove(0);
        fill(&mut first, &account, &[("username", "hana")]).await.authorization_response().code();
        for fields in [[("username", "hana2"), ("password", NEW)], [("username", "hana"), ("password", "password1234")]] {
            let page = fill(&mut second, &late, &fields).await;
            assert_eq!(page.reply.status, 400);
            assert!(page.has("signup-signin"), "{}", page.reply.text);
            assert!(!page.has("signup-username-problem") && !page.has("signup-password-problem"));
        }
        assert_eq!(accounts(&server).await, 1);
    }

    /// Two clicks on the last button make one account, and both are answered alike.
    async fn a_second_click_on_the_last_button_gets_the_same_answer(database) {
        let (server, mailbox) = open_server(&database, &[]).await;
        let app = server.web_app("app", |client| client.metadata.first_party = true).await;
        let mut browser = server.browser();
        ask(&mut browser, &app, EMAIL).await;
        let account = confirm(&mut browser, &mailbox.first_to(EMAIL).await).await;
        let clicks = (0..3).map(|_| {
            let (mut tab, account) = (browser.clone(), account.clone());
            async move {
                let page = fill(&mut tab, &account, &[]).await;
                (page.authorization_response().code(), tab.cookie().map(str::to_owned))
            }
        });
        let answers = join_all(clicks).await;
        assert!(answers.windows(2).all(|two| two[0].1 == two[1].1), "one cookie: {answers:?}");
        assert_eq!(accounts(&server).await, 1);
        let late = fill(&mut browser, &account, &[("password", "another password 77")]).await;
        assert!(late.location().is_none_or(|location| !location.contains("code=")), "{late:?}");
    }

    async fn what_is_typed_is_checked_before_the_account_exists(database) {
        let (server, mailbox) = open_server(&database, &[("signup.username", "ask")]).await;
        let app = server.web_app("app", |client| client.metadata.first_party = true).await;
        server.alice().await;
        let mut browser = server.browser();
        ask(&mut browser, &app, EMAIL).await;
        let account = confirm(&mut browser, &mailbox.first_to(EMAIL).await).await;
        assert!(account.has("signup-username"));
        for (field, typed, problem) in [
            ("name", "", "signup-name-problem"),
            ("name", "a\u{7}b", "signup-name-problem"),
            ("username", "", "signup-username-problem"),
            ("username", "me@example.com", "signup-username-problem"),
            ("username", "a b", "signup-username-problem"),
            ("username", "ALICE", "signup-username-problem"),
            ("password", "", "signup-password-problem"),
            ("password", "sh0rt !", "signup-password-problem"),
            ("password", "password1234", "signup-password-problem"),
            ("password", EMAIL, "signup-password-problem"),
        ] {
            let fields = [("username", "hana"), (field, typed)];
            let fields = if field == "username" { &fields[1..] } else { &fields[..] };
            let page = fill(&mut browser, &account, fields).await;
            assert_eq!(page.reply.status, 400, "{typed}");
            assert!(page.has(problem), "{problem}: {}", page.reply.text);
            assert!(field != "password" || typed.is_empty() || typed == EMAIL || !page.reply.text.contains(typed));
        }
        assert_eq!(accounts(&server).await, 1);
        fill(&mut browser, &account, &[("username", " Hana ")]).await.authorization_response().code();
        let mut other = server.browser();
        for name in ["hana", EMAIL] {
            let login = other.open("/account").await;
            assert!(login.has("account-sign-out") || other.sign_in_as(&login, name, NEW).await.has("account-sign-out"));
        }
    }

    /// Whether a user name is taken may be said, but not for many names.
    async fn answers_about_user_names_are_throttled(database) {
        let more = [("signup.username", "ask"), ("throttle.address.failures", "3")];
        let (server, mailbox) = open_server(&database, &more).await;
        server.alice().await;
        let app = server.web_app("app", |client| client.metadata.first_party = true).await;
        let mut browser = server.browser();
        ask(&mut browser, &app, EMAIL).await;
        let account = confirm(&mut browser, &mailbox.first_to(EMAIL).await).await;
        for _ in 0..3 {
            assert_eq!(fill(&mut browser, &account, &[("username", "alice")]).await.reply.status, 400);
        }
        let full = fill(&mut browser, &account, &[("username", "hana")]).await;
        assert_eq!(full.reply.status, 429);
        assert!(full.reply.header("retry-after").parse::<u64>().is_ok());
        server.advance(300);
        fill(&mut browser, &account, &[("username", "hana")]).await.authorization_response().code();
    }
}
