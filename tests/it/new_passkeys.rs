//! Passkeys in place of a password: of a new account, and after a forgotten password. Web
//! Authentication Level 3 §7.1; security cases S078, S082.

use serde_json::{Value, json};

use crate::my_account::{is_signed_in as is_open, signed_in};
use crate::passkeys::{
    SECURITY, add, finish_adding, first_party, handles, is_signed_in, prove, start,
};
use crate::recovery::{forget, link_of, mails_to, next, person, press, submit, with_mail};
use crate::sign_up::{EMAIL, NEW, ask, fill, form_for, open_server, send};
use crate::support::{
    Authenticator, Browser, Database, LOCALHOST, Letter, Mailbox, PASSWORD, Page, Server, both,
    decode_claims,
};

const ACCOUNTS: &str = "SELECT COUNT(*) AS n FROM account";
const PASSKEYS: &str = "SELECT COUNT(*) AS n FROM passkey";
const KEPT: &str = "SELECT COUNT(*) AS n FROM session WHERE kept";

/// What is done to an authenticator, and to what it is asked.
type Twist<'a> = (&'static str, Box<dyn Fn(&mut Authenticator, &mut Value) + 'a>);

/// Fills in the form for an account with the answer of an authenticator.
async fn fill_by_passkey(
    browser: &mut Browser,
    page: &Page,
    answer: &str,
    more: &[(&str, &str)],
) -> Page {
    let challenge = page.hidden("challenge");
    let mut fields = vec![("challenge", challenge.as_str()), ("credential", answer)];
    fields.extend(more);
    if !more.iter().any(|(name, _)| *name == "name") {
        fields.push(("name", "Hana Seo"));
    }
    send(browser, page, "/sign-up/account", &fields).await
}

/// A server at which everybody makes an account without a mail.
async fn without_mail(database: &Database, more: &[(&'static str, &str)]) -> Server {
    let mut settings = vec![("issuer", LOCALHOST), ("signup.mode", "open")];
    settings.extend(more);
    Server::start_with(database, &settings).await
}

const HANA: [(&str, &str); 2] = [("email", EMAIL), ("username", "hana")];

both! {
    async fn a_person_signs_up_with_a_passkey_and_the_app_gets_its_tokens(database) {
        let (server, mailbox) = open_server(&database, &[("issuer", LOCALHOST)]).await;
        let app = server.web_app("app", |_| {}).await;
        let mut browser = server.browser();
        let page = ask(&mut browser, &app, EMAIL).await;
        let code = mailbox.first_to(EMAIL).await.code();
        let account = send(&mut browser, &page, "/sign-up/code", &[("code", &code)]).await;
        assert!(account.has("signup-passkey") && account.has("signup-password"), "{}", account.reply.text);
        let options = account.passkey_options("create");
        assert_eq!((options["user"]["name"].as_str(), &options["excludeCredentials"]), (Some(EMAIL), &json!([])));
        let mut authenticator = Authenticator::at(server.issuer());
        let answer = authenticator.create(&options);
        // What was typed as a password does not matter then.
        let consent = fill_by_passkey(&mut browser, &account, &answer, &[("password", "short")]).await;
        assert!(consent.has("consent-allow"), "{}", consent.reply.text);
        let done = browser.consent(&consent, "allow").await;
        let tokens = app.exchange(&done.authorization_response().code()).await.ok();
        for token in ["id_token", "access_token"] {
            let claims = decode_claims(&tokens.text(token));
            assert_eq!((&claims["acr"], &claims["amr"]), (&json!("phr"), &json!(["swk", "user", "mfa"])), "{token}");
        }
        let evidence = server.evidence().await;
        assert_eq!(evidence.count("SELECT COUNT(*) AS n FROM account WHERE password_hash IS NULL").await, 1);
        assert_eq!((evidence.count(ACCOUNTS).await, evidence.count(PASSKEYS).await), (1, 1));
        for kind in ["user.created", "sign_up.completed", "passkey.added", "sign_in.succeeded"] {
            let events = evidence.events_of(kind).await;
            assert!(events.len() == 1 && events[0].user.is_some(), "{kind}: {events:?}");
        }
        // The passkey is their way in, also elsewhere; there is no password.
        let security = browser.open(SECURITY).await;
        assert!(security.has("passkey-name-1") && !security.has("passkey-remove-1"), "{}", security.reply.text);
        let mut other = server.browser();
        let login = other.open("/account").await;
        assert_eq!(other.sign_in_as(&login, EMAIL, "short").await.reply.status, 400);
        let answer = authenticator.get(&login.passkey_options("get"));
        assert!(is_signed_in(&prove(&mut other, &login, &answer).await));
    }

    /// Also where a second factor is asked of everybody: the passkey is one.
    async fn without_mail_a_passkey_goes_with_the_user_name_that_was_chosen(database) {
        let server = without_mail(&database, &[("mfa.required", "true")]).await;
        let app = first_party(&server).await;
        for (name, backed_up, amr) in [("hana", true, "swk"), ("dul", false, "hwk")] {
            let mut browser = server.browser();
            let form = form_for(&mut browser, &app.authorization_url(&[])).await;
            let mut authenticator = Authenticator::at(server.issuer());
            authenticator.backed_up = backed_up;
            let answer = authenticator.create(&form.passkey_options("create"));
            let fields = [("email", EMAIL), ("username", name), ("keep", "1")];
            let done = fill_by_passkey(&mut browser, &form, &answer, &fields).await;
            let tokens = app.exchange(&done.authorization_response().code()).await.ok();
            assert_eq!(decode_claims(&tokens.text("id_token"))["amr"], json!([amr, "user", "mfa"]));
        }
        assert_eq!(server.evidence().await.count(KEPT).await, 2);
    }

    async fn an_address_offers_no_passkey_for_a_new_account(database) {
        let server = Server::start_with(&database, &[("signup.mode", "open")]).await;
        let app = first_party(&server).await;
        let mut browser = server.browser();
        let form = form_for(&mut browser, &app.authorization_url(&[])).await;
        assert!(!form.has("signup-passkey") && !form.reply.text.contains("passkeys."));
        let fields = [("challenge", "x"), ("credential", "{}"), ("email", EMAIL), ("username", "hana"), ("name", "Hana")];
        let refused = send(&mut browser, &form, "/sign-up/account", &fields).await;
        assert!(refused.reply.status == 400 && refused.has("signup-problem"), "{}", refused.reply.text);
        assert_eq!(server.evidence().await.count(ACCOUNTS).await, 0);
    }

    async fn webauthn_7_1_what_is_wrong_with_a_passkey_makes_no_account(database) {
        let server = without_mail(&database, &[]).await;
        server.alice().await;
        let app = first_party(&server).await;
        let mut taken = Authenticator::at(server.issuer());
        add(&server, "alice", &mut taken).await;
        let twists: Vec<Twist<'_>> = vec![
            ("wrong origin", Box::new(|it, _| it.origin = String::from("https://evil.example"))),
            ("no user verification", Box::new(|it, _| it.verifies = false)),
            ("another challenge", Box::new(|_, options| options["challenge"] = "AAAA".into())),
            ("the passkey of another person", Box::new(|it, _| it.id.clone_from(&taken.id))),
            ("wrong relying party", Box::new(|it, options| {
                it.rp_id = String::from("evil.example");
                options["rp"]["id"] = "evil.example".into();
            })),
        ];
        let mut browser = server.browser();
        let mut form = form_for(&mut browser, &app.authorization_url(&[])).await;
        for (what, twist) in twists {
            let mut authenticator = Authenticator::at(server.issuer());
            let mut options = form.passkey_options("create");
            twist(&mut authenticator, &mut options);
            let answer = authenticator.create(&options);
            form = fill_by_passkey(&mut browser, &form, &answer, &HANA).await;
            assert_eq!(form.reply.status, 400, "{what}");
            assert!(form.has("signup-problem") && form.reply.text.contains("No passkey was made"), "{what}");
            assert_eq!((form.value_of("signup-name"), form.value_of("signup-username")), ("Hana Seo".to_owned(), "hana".to_owned()));
        }
        for answer in ["{", "{}"] {
            form = fill_by_passkey(&mut browser, &form, answer, &HANA).await;
            assert!(form.reply.status == 400 && form.has("signup-problem"), "{answer}");
        }
        // Of another interaction of this browser, of another browser, and one that is for signing in.
        let mut stranger = server.browser();
        let other = form_for(&mut browser, &app.authorization_url(&[])).await;
        let foreign = form_for(&mut stranger, &app.authorization_url(&[])).await;
        for from in [&other, &foreign] {
            let answer = Authenticator::at(server.issuer()).create(&from.passkey_options("create"));
            let challenge = from.hidden("challenge");
            let fields = [("challenge", challenge.as_str()), ("credential", &answer), ("name", "Hana"), HANA[0], HANA[1]];
            let refused = send(&mut browser, &form, "/sign-up/account", &fields).await;
            assert!(refused.reply.status == 400 && refused.has("signup-problem"), "{}", refused.reply.text);
        }
        let login = browser.open(&app.authorization_url(&[])).await;
        let answer = Authenticator::at(server.issuer()).create(&form.passkey_options("create"));
        let challenge = login.hidden("challenge");
        let fields = [("challenge", challenge.as_str()), ("credential", &answer), ("name", "Hana"), HANA[0], HANA[1]];
        assert_eq!(send(&mut browser, &form, "/sign-up/account", &fields).await.reply.status, 400);
        // Too late, and then with the challenge of the page that says so.
        server.advance(5 * 60);
        let late = fill_by_passkey(&mut browser, &form, &answer, &HANA).await;
        assert!(late.reply.status == 400 && late.reply.text.contains("took too long"), "{}", late.reply.text);
        let evidence = server.evidence().await;
        assert_eq!((evidence.count(ACCOUNTS).await, evidence.count(PASSKEYS).await), (1, 1));
        let answer = Authenticator::at(server.issuer()).create(&late.passkey_options("create"));
        fill_by_passkey(&mut browser, &late, &answer, &HANA).await.authorization_response().code();
    }

    /// The form is shown again with what was typed. The next passkey is for the same user handle, so
    /// the authenticator keeps one.
    async fn a_mistake_beside_a_passkey_asks_for_another_one(database) {
        let server = without_mail(&database, &[]).await;
        server.user("taken", Some(PASSWORD)).await;
        let app = first_party(&server).await;
        let mut browser = server.browser();
        let mut form = form_for(&mut browser, &app.authorization_url(&[])).await;
        assert!(!form.reply.text.contains("No account was created yet"));
        let handle = form.passkey_options("create")["user"]["id"].clone();
        for (field, typed, problem) in [
            ("email", "hana", "signup-email-problem"),
            ("name", " ", "signup-name-problem"),
            ("username", EMAIL, "signup-username-problem"),
            ("username", "taken", "signup-username-problem"),
        ] {
            let answer = Authenticator::at(server.issuer()).create(&form.passkey_options("create"));
            let usual = [("email", EMAIL), ("username", "hana"), ("name", "Hana")];
            let fields = usual.map(|(name, value)| (name, if name == field { typed } else { value }));
            form = fill_by_passkey(&mut browser, &form, &answer, &fields).await;
            assert!(form.reply.status == 400 && form.has(problem), "{field}: {}", form.reply.text);
            assert!(form.reply.text.contains("No account was created yet"), "{field}");
            assert_eq!(form.passkey_options("create")["user"]["id"], handle, "{field}");
        }
        // The page for who takes a password after all.
        let form = fill(&mut browser, &form, &[("email", EMAIL), ("username", "hana"), ("password", "short")]).await;
        assert!(form.has("signup-password-problem") && form.has("signup-passkey"));
        let mut authenticator = Authenticator::at(server.issuer());
        let answer = authenticator.create(&form.passkey_options("create"));
        fill_by_passkey(&mut browser, &form, &answer, &HANA).await.authorization_response().code();
        let mut other = server.browser();
        let login = other.open("/account").await;
        let answer = authenticator.get(&login.passkey_options("get"));
        assert!(is_signed_in(&prove(&mut other, &login, &answer).await));
        assert_eq!(server.evidence().await.count(PASSKEYS).await, 1);
    }

    async fn a_second_click_on_a_new_passkey_gets_the_same_answer_and_makes_nothing(database) {
        let server = without_mail(&database, &[]).await;
        let app = server.web_app("app", |_| {}).await;
        let mut browser = server.browser();
        let form = form_for(&mut browser, &app.authorization_url(&[])).await;
        let answer = Authenticator::at(server.issuer()).create(&form.passkey_options("create"));
        let (mut second, mut late, mut thief) = (browser.clone(), browser.clone(), browser.clone());
        let consent = fill_by_passkey(&mut browser, &form, &answer, &HANA).await;
        assert!(consent.has("consent-allow"));
        // The browser dropped the first answer: it sends the old cookie, and gets the same new one.
        let again = fill_by_passkey(&mut second, &form, &answer, &HANA).await;
        assert!(again.has("consent-allow"), "{}", again.reply.text);
        assert_eq!(second.cookie(), browser.cookie());
        // Another answer of an authenticator is no second click, nor is the same one later.
        let other = Authenticator::at(server.issuer()).create(&form.passkey_options("create"));
        let refused = fill_by_passkey(&mut thief, &form, &other, &HANA).await;
        assert!(!refused.has("consent-allow") && thief.cookie() != browser.cookie(), "{}", refused.reply.text);
        server.advance(31);
        let refused = fill_by_passkey(&mut late, &form, &answer, &HANA).await;
        assert!(!refused.has("consent-allow") && late.cookie() != browser.cookie(), "{}", refused.reply.text);
        let evidence = server.evidence().await;
        assert_eq!((evidence.count(ACCOUNTS).await, evidence.count(PASSKEYS).await), (1, 1));
        assert_eq!(evidence.count("SELECT COUNT(*) AS n FROM session").await, 1);
        browser.consent(&consent, "allow").await.authorization_response().code();
    }

    async fn s078_of_two_forms_with_one_passkey_at_once_one_makes_an_account(database) {
        let server = without_mail(&database, &[]).await;
        let app = first_party(&server).await;
        let mut browser = server.browser();
        let form = form_for(&mut browser, &app.authorization_url(&[])).await;
        let answer = Authenticator::at(server.issuer()).create(&form.passkey_options("create"));
        let mut second = browser.clone();
        let (first, second) = tokio::join!(
            fill_by_passkey(&mut browser, &form, &answer, &HANA),
            fill_by_passkey(&mut second, &form, &answer, &HANA),
        );
        for page in [first, second] {
            page.authorization_response().code();
        }
        let evidence = server.evidence().await;
        assert_eq!((evidence.count(ACCOUNTS).await, evidence.count(PASSKEYS).await), (1, 1));
    }
}

/// The page behind the link that a person got who forgot their password.
async fn recovery_page(server: &Server, mails: &Mailbox, browser: &mut Browser) -> Page {
    let known: Vec<Letter> = mails_to(mails, crate::recovery::EMAIL);
    forget(browser, "alice").await;
    let mail = next(mails, crate::recovery::EMAIL, &known, "/recover").await;
    let page = press(browser, server, &mail).await;
    assert!(page.has("passkey-add") && page.has("new-password-submit"), "{}", page.reply.text);
    page
}

async fn recover(browser: &mut Browser, page: &Page, answer: &str, more: &[(&str, &str)]) -> Page {
    let challenge = page.hidden("challenge");
    let mut fields = vec![("challenge", challenge.as_str()), ("credential", answer)];
    fields.extend(more);
    submit(browser, page, "/recover/password", &fields).await
}

both! {
    async fn s082_a_passkey_takes_the_place_of_a_forgotten_password(database) {
        let (server, mails) = with_mail(&database, &[("issuer", LOCALHOST)]).await;
        person(&server, "alice", crate::recovery::EMAIL, true).await;
        let app = first_party(&server).await;
        let (there, access, refresh) = signed_in(&server, &app).await;
        let mut browser = server.browser();
        let page = recovery_page(&server, &mails, &mut browser).await;
        // What is wrong changes nothing, and the page asks again.
        let mut wrong = Authenticator::at(server.issuer());
        wrong.verifies = false;
        let answer = wrong.create(&page.passkey_options("create"));
        let refused = recover(&mut browser, &page, &answer, &[("keep-sessions", "1")]).await;
        assert!(refused.reply.status == 400 && refused.has("new-password-failed"), "{}", refused.reply.text);
        let answer = Authenticator::at(server.issuer()).create(&refused.passkey_options("create"));
        server.advance(5 * 60);
        let late = recover(&mut browser, &refused, &answer, &[]).await;
        assert!(late.reply.status == 400 && late.reply.text.contains("took too long"));
        assert!(is_open(&there, &app).await);
        assert_eq!(server.evidence().await.count(PASSKEYS).await, 0);
        let known = mails_to(&mails, crate::recovery::EMAIL);
        let mut authenticator = Authenticator::at(server.issuer());
        let answer = authenticator.create(&late.passkey_options("create"));
        let account = recover(&mut browser, &late, &answer, &[]).await;
        assert!(account.has("account-sign-out"), "{}", account.reply.text);
        // Everything else ends, the old password too, and the person is told.
        assert!(!is_open(&there, &app).await && !app.is_active(&access).await);
        app.refresh(&refresh).await.refused(400, "invalid_grant");
        let mut other = server.browser();
        let login = other.open("/account").await;
        assert_eq!(other.sign_in(&login).await.reply.status, 400);
        let login = other.open("/account").await;
        let answer = authenticator.get(&login.passkey_options("get"));
        assert!(is_signed_in(&prove(&mut other, &login, &answer).await));
        next(&mails, crate::recovery::EMAIL, &known, "made a passkey").await;
        recover(&mut browser, &late, &answer, &[]).await.is_error("already_done");
        let evidence = server.evidence().await;
        for kind in ["recovery.completed", "passkey.added"] {
            assert_eq!(evidence.events_of(kind).await.len(), 1, "{kind}");
        }
    }

    async fn a_recovery_by_passkey_ends_at_the_app_and_may_keep_what_is_open(database) {
        let settings = [("issuer", LOCALHOST), ("mfa.required", "true")];
        let (server, mails) = with_mail(&database, &settings).await;
        person(&server, "alice", crate::recovery::EMAIL, true).await;
        let app = first_party(&server).await;
        let mut held = Authenticator::at(server.issuer());
        let mut there = server.browser();
        let page = recovery_page(&server, &mails, &mut there).await;
        let answer = held.create(&page.passkey_options("create"));
        recover(&mut there, &page, &answer, &[]).await;
        let mut browser = server.browser();
        let login = browser.open(&app.authorization_url(&[])).await;
        let forgot = browser.open(&link_of(&login, "forgot-link")).await;
        let known = mails_to(&mails, crate::recovery::EMAIL);
        submit(&mut browser, &forgot, "/login/forgot", &[("identifier", "alice")]).await;
        let mail = next(&mails, crate::recovery::EMAIL, &known, "/recover").await;
        let page = press(&mut browser, &server, &mail).await;
        // An authenticator that has a passkey of the account makes no second one.
        let options = page.passkey_options("create");
        assert_eq!(options["excludeCredentials"].as_array().map(Vec::len), Some(1));
        let answer = Authenticator::at(server.issuer()).create(&options);
        let done = recover(&mut browser, &page, &answer, &[("keep-sessions", "1")]).await;
        let tokens = app.exchange(&done.authorization_response().code()).await.ok();
        assert_eq!(decode_claims(&tokens.text("id_token"))["acr"], "phr");
        assert!(is_open(&there, &app).await);
    }

    /// A passkey would stand in for the one-time codes. Whoever reads the mails of a person must not
    /// get rid of these by it.
    async fn s077_a_passkey_of_a_recovery_counts_when_the_second_factor_is_proven(database) {
        let (server, mails) = with_mail(&database, &[("issuer", LOCALHOST)]).await;
        person(&server, "alice", crate::recovery::EMAIL, true).await;
        let codes = server.browser().enroll(&server).await;
        let evidence = server.evidence().await;
        let opens = async |authenticator: &mut Authenticator| {
            let mut browser = server.browser();
            let login = browser.open("/account").await;
            let answer = authenticator.get(&login.passkey_options("get"));
            is_signed_in(&prove(&mut browser, &login, &answer).await)
        };
        // A thief with the mailbox comes as far as the page for the code, and no further.
        let (mut thief, mut thiefs) = (server.browser(), Authenticator::at(server.issuer()));
        let page = recovery_page(&server, &mails, &mut thief).await;
        let answer = thiefs.create(&page.passkey_options("create"));
        let asked = recover(&mut thief, &page, &answer, &[]).await;
        assert!(asked.has("totp-submit") && asked.has("recovery-code"), "{}", asked.reply.text);
        assert!(!asked.has("passkey-signin"), "{}", asked.reply.text);
        assert!(!opens(&mut thiefs).await);
        assert_eq!(evidence.count(PASSKEYS).await, 0);
        // The person: by a code, and once more by a recovery code.
        let code = codes.code(&server, 0);
        let by_code = [("code", code.as_str())];
        let by_recovery = [("with", "recovery-code"), ("recovery-code", codes.recovery_codes[0].as_str())];
        for (n, factor) in [&by_code[..], &by_recovery[..]].into_iter().enumerate() {
            let (mut browser, mut authenticator) = (server.browser(), Authenticator::at(server.issuer()));
            let page = recovery_page(&server, &mails, &mut browser).await;
            let answer = authenticator.create(&page.passkey_options("create"));
            let asked = recover(&mut browser, &page, &answer, &[]).await;
            assert!(asked.has("totp-submit"), "{}", asked.reply.text);
            let account = browser.second_factor(&asked, factor).await;
            assert!(account.has("account-sign-out"), "{}", account.reply.text);
            assert_eq!(evidence.count(PASSKEYS).await, i64::try_from(n).unwrap() + 1);
            assert_eq!(evidence.events_of("passkey.added").await.len(), n + 1);
            assert!(opens(&mut authenticator).await);
            server.advance(61);
        }
        assert!(!opens(&mut thiefs).await);
        // What the thief had begun is over.
        let late = thief.second_factor(&asked, &[("code", &codes.code(&server, 0))]).await;
        assert!(!late.has("account-sign-out"), "{}", late.reply.text);
        assert_eq!(evidence.count(PASSKEYS).await, 2);
    }
}

/// Signs in with the password and "keep me signed in".
async fn sign_in_kept(browser: &mut Browser, page: &Page) -> Page {
    let fields = [("username", "alice"), ("password", PASSWORD), ("keep", "1")];
    submit(browser, page, "/login", &fields).await
}

both! {
    async fn a_passkey_on_the_page_for_the_second_factor_keeps_the_person_signed_in(database) {
        let server = start(&database).await;
        let app = first_party(&server).await;
        let mut alices = Authenticator::at(server.issuer());
        let (mut home, _) = add(&server, "alice", &mut alices).await;
        home.enroll(&server).await;
        let mut browser = server.browser();
        let login = browser.open(&app.authorization_url(&[])).await;
        let asked = sign_in_kept(&mut browser, &login).await;
        assert!(asked.has("totp-submit") && asked.has("passkey-signin"), "{}", asked.reply.text);
        let options = asked.passkey_options("get");
        assert_eq!(options["allowCredentials"].as_array().map(Vec::len), Some(1), "those of this person");
        let answer = alices.get(&options);
        let done = prove(&mut browser, &asked, &answer).await;
        let tokens = app.exchange(&done.authorization_response().code()).await.ok();
        assert_eq!(decode_claims(&tokens.text("id_token"))["acr"], "phr");
        assert_eq!(server.evidence().await.count(KEPT).await, 1);
    }

    async fn rfc9470_a_passkey_on_the_step_up_page_keeps_the_person_signed_in(database) {
        let server = start(&database).await;
        let app = first_party(&server).await;
        let mut authenticator = Authenticator::at(server.issuer());
        add(&server, "alice", &mut authenticator).await;
        let mut browser = server.browser();
        let login = browser.open(&app.authorization_url(&[])).await;
        sign_in_kept(&mut browser, &login).await.authorization_response().code();
        let evidence = server.evidence().await;
        assert_eq!(evidence.count(KEPT).await, 1);
        server.advance(60);
        let wish = app.authorization_url(&[("acr_values", "phr")]);
        let asked = browser.open(&wish).await;
        assert!(asked.has("passkey-signin") && !asked.has("factor-skip"), "{}", asked.reply.text);
        let options = asked.passkey_options("get");
        assert_eq!(options["allowCredentials"].as_array().map(Vec::len), Some(1));
        // Without the person's finger or PIN, and too late.
        authenticator.verifies = false;
        let answer = authenticator.get(&options);
        let refused = prove(&mut browser, &asked, &answer).await;
        assert!(refused.reply.status == 400 && refused.has("code-problem"), "{}", refused.reply.text);
        authenticator.verifies = true;
        let answer = authenticator.get(&refused.passkey_options("get"));
        server.advance(5 * 60);
        let late = prove(&mut browser, &refused, &answer).await;
        assert!(late.reply.status == 400 && late.reply.text.contains("took too long"));
        let answer = authenticator.get(&late.passkey_options("get"));
        let done = prove(&mut browser, &late, &answer).await;
        let tokens = app.exchange(&done.authorization_response().code()).await.ok();
        let claims = decode_claims(&tokens.text("id_token"));
        assert_eq!((&claims["acr"], claims["auth_time"].as_i64()), (&json!("phr"), Some(server.now().now().timestamp())));
        assert_eq!(evidence.count(KEPT).await, 1);
        // No further page for it.
        browser.get(&wish).await.authorization_response().code();
    }

    /// The page "is it you?" does not ask whether to stay signed in.
    async fn who_proves_again_who_they_are_stays_signed_in_by_passkey_and_by_password(database) {
        let server = start(&database).await;
        let mut authenticator = Authenticator::at(server.issuer());
        add(&server, "alice", &mut authenticator).await;
        let mut browser = server.browser();
        let login = browser.open(SECURITY).await;
        sign_in_kept(&mut browser, &login).await;
        let evidence = server.evidence().await;
        for by_passkey in [true, false] {
            server.advance(6 * 60);
            let page = browser.open(SECURITY).await;
            let confirm = browser.send_account(&page, "/account/passkeys/add", &[]).await;
            let confirm = browser.follow(confirm).await;
            assert!(confirm.has("passkey-signin") && confirm.has("login-submit"), "{}", confirm.reply.text);
            let page = if by_passkey {
                let answer = authenticator.get(&confirm.passkey_options("get"));
                prove(&mut browser, &confirm, &answer).await
            } else {
                let keep = confirm.hidden("keep");
                let fields = [("username", "alice"), ("password", PASSWORD), ("keep", &keep)];
                submit(&mut browser, &confirm, "/login", &fields).await
            };
            assert!(page.has("passkey-name-1"), "{}", page.reply.text);
            page.passkey_options("create");
            assert_eq!(evidence.count(KEPT).await, 1, "{by_passkey}");
        }
    }

    /// A session that was left open somewhere changes no passkey.
    async fn a_thief_with_an_old_session_changes_no_passkey(database) {
        let server = start(&database).await;
        let mut authenticator = Authenticator::at(server.issuer());
        let (mut thief, page) = add(&server, "alice", &mut authenticator).await;
        let handle = handles(&page).remove(0);
        // Prepared as long as the proof was fresh.
        let answer = Authenticator::at(server.issuer()).create(&page.passkey_options("create"));
        server.advance(5 * 60);
        let evidence = server.evidence().await;
        let added = finish_adding(&mut thief, &page, &answer).await;
        assert!(added.has("login-submit"), "{}", added.reply.text);
        for path in ["/account/passkeys/rename", "/account/passkeys/remove"] {
            let fields = [("passkey", handle.as_str()), ("name", "mine")];
            let asked = thief.send_account(&page, path, &fields).await;
            let asked = thief.follow(asked).await;
            assert!(asked.has("login-submit"), "{path}: {}", asked.reply.text);
        }
        let page = thief.open(SECURITY).await;
        assert_eq!((handles(&page).len(), page.value_of("passkey-name-1")), (1, "Bitwarden".to_owned()));
        assert_eq!(evidence.events_of("passkey.added").await.len(), 1);
        for kind in ["passkey.renamed", "passkey.removed"] {
            assert!(evidence.events_of(kind).await.is_empty(), "{kind}");
        }
        let mut other = server.browser();
        let login = other.open("/account").await;
        let answer = authenticator.get(&login.passkey_options("get"));
        assert!(is_signed_in(&prove(&mut other, &login, &answer).await));
    }

    async fn a_new_password_is_still_a_way_in(database) {
        let server = without_mail(&database, &[]).await;
        let app = first_party(&server).await;
        let mut browser = server.browser();
        let form = form_for(&mut browser, &app.authorization_url(&[])).await;
        // The script sends one of both; an empty answer is none.
        let challenge = form.hidden("challenge");
        let fields = [HANA[0], HANA[1], ("challenge", challenge.as_str()), ("credential", ""), ("password", NEW)];
        fill(&mut browser, &form, &fields).await.authorization_response().code();
        let mut other = server.browser();
        let login = other.open("/account").await;
        assert!(other.sign_in_as(&login, "hana", NEW).await.has("account-sign-out"));
    }
}
