//! Second factors on the pages: one-time codes (RFC 6238) and recovery codes. Security cases S066,
//! S076 to S078.

use futures_util::future::join_all;
use mapae::admin::authority::May;
use mapae::admin::users;
use mapae::admin::users::Target;
use serde_json::json;

use crate::my_account::is_signed_in;
use crate::support::factors::{Authenticator, recovery_codes};
use crate::support::{App, Browser, PASSWORD, Page, Server, USERNAME, both, decode_claims};

async fn first_party(server: &Server) -> App {
    server.web_app("app", |client| client.metadata.first_party = true).await
}

/// The tokens of a code.
async fn tokens(app: &App, page: &Page) -> (serde_json::Value, serde_json::Value, String) {
    let reply = app.exchange(&page.authorization_response().code()).await.ok();
    let (id, access) = (reply.text("id_token"), reply.text("access_token"));
    (decode_claims(&id), decode_claims(&access), reply.text("refresh_token"))
}

both! {
    async fn s077_the_password_alone_opens_nothing(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = first_party(&server).await;
        let mut home = server.browser();
        let authenticator = home.enroll(&server).await;
        let mut thief = server.browser();
        let login = thief.open(&app.authorization_url(&[])).await;
        let asked = thief.sign_in(&login).await;
        assert!(asked.has("totp-code") && asked.has("totp-submit") && asked.has("recovery-code"));
        assert!(!asked.has("factor-remember") && !asked.has("factor-skip"), "{}", asked.reply.text);
        // No session, so no code, no account page and no consent.
        let rows = server.evidence().await.count("SELECT count(*) AS n FROM session").await;
        assert_eq!(rows, 1, "the one at home");
        let silent = app.authorization_url(&[("prompt", "none")]);
        thief.get(&silent).await.error_response("login_required");
        let account = thief.open("/account/security").await;
        assert!(account.has("login-submit"), "{}", account.reply.text);
        let interaction = asked.hidden("interaction");
        let again = thief.open(&format!("/authorize/continue?interaction={interaction}")).await;
        assert!(again.has("totp-submit"));
        let consent = thief.open(&format!("/consent?interaction={interaction}")).await;
        assert!(consent.has("totp-submit"));
        // With the code it goes on where it stopped.
        let code = authenticator.code(&server, 0);
        let page = thief.second_factor(&asked, &[("code", &code)]).await;
        let (id, access, _) = tokens(&app, &page).await;
        for claims in [&id, &access] {
            assert_eq!(claims["acr"], "2");
            assert_eq!(claims["amr"], json!(["pwd", "otp", "mfa"]));
        }
    }

    async fn rfc6238_5_2_a_code_counts_once_and_one_step_around_now(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = first_party(&server).await;
        let authenticator = server.browser().enroll(&server).await;
        let sign_in = async |code: String| {
            let mut browser = server.browser();
            let login = browser.open(&app.authorization_url(&[])).await;
            let asked = browser.sign_in(&login).await;
            let page = browser.second_factor(&asked, &[("code", &code)]).await;
            assert_eq!(page.has("totp-problem"), page.reply.status == 400, "{}", page.reply.text);
            page.reply.status == 303
        };
        let (before, now, next) = (-30, 0, 30);
        assert!(!sign_in(authenticator.code(&server, 2 * before)).await);
        assert!(!sign_in(authenticator.code(&server, 2 * next)).await);
        let first = authenticator.code(&server, before);
        assert!(sign_in(first.clone()).await);
        assert!(!sign_in(first).await, "used");
        assert!(sign_in(authenticator.code(&server, next)).await);
        assert!(!sign_in(authenticator.code(&server, now)).await, "an older step than the last one");
        for wrong in ["", "12345", "1234567", "abcdef"] {
            assert!(!sign_in(wrong.to_owned()).await, "{wrong}");
        }
    }

    async fn s078_of_two_uses_at_once_one_counts(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = first_party(&server).await;
        let authenticator = server.browser().enroll(&server).await;
        for recovery in [None, Some(&authenticator.recovery_codes[0])] {
            let mut asked = Vec::new();
            for _ in 0..4 {
                let mut browser = server.browser();
                let login = browser.open(&app.authorization_url(&[])).await;
                let page = browser.sign_in(&login).await;
                asked.push((browser, page));
            }
            let code = authenticator.code(&server, 0);
            let fields = match recovery {
                Some(recovery) => vec![("with", "recovery-code"), ("recovery-code", recovery.as_str())],
                None => vec![("code", code.as_str())],
            };
            let sent = asked.iter_mut().map(|(browser, page)| browser.send_factor(page, &fields));
            let answers = join_all(sent).await;
            let statuses: Vec<u16> = answers.iter().map(|page| page.reply.status.as_u16()).collect();
            let won = statuses.iter().filter(|status| **status == 303).count();
            assert_eq!(won, 1, "{statuses:?}");
            assert!(statuses.iter().all(|status| [303, 400].contains(status)), "{statuses:?}");
            server.advance(60);
        }
    }

    async fn a_recovery_code_counts_once_and_a_new_set_ends_the_old(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = first_party(&server).await;
        let mut home = server.browser();
        let authenticator = home.enroll(&server).await;
        let sign_in = async |code: &str| {
            let mut browser = server.browser();
            let login = browser.open(&app.authorization_url(&[])).await;
            let asked = browser.sign_in(&login).await;
            let fields = [("with", "recovery-code"), ("recovery-code", code)];
            let page = browser.second_factor(&asked, &fields).await;
            assert_eq!(page.has("recovery-problem"), page.reply.status == 400);
            page.reply.status == 303
        };
        let codes = &authenticator.recovery_codes;
        assert!(sign_in(&codes[0]).await);
        assert!(!sign_in(&codes[0]).await, "used");
        // As people type it.
        assert!(sign_in(&codes[1].to_lowercase().replace('-', " ")).await);
        assert!(!sign_in("ABCD-EFGH-JKLM-NPQR").await);
        let evidence = server.evidence().await;
        assert_eq!(evidence.events_of("recovery_code.used").await.len(), 2);
        let stored = evidence.count("SELECT count(*) AS n FROM recovery_code").await;
        assert_eq!(stored, 8);
        let account = home.open("/account/security").await;
        let new = renewal(&account);
        let shown = home.send_account(&account, "/account/security/recovery-codes", &[("new", &new)]).await;
        let renewed = recovery_codes(&shown);
        assert!(!sign_in(&codes[2]).await, "replaced");
        assert!(sign_in(&renewed[0]).await);
        assert!(renewed.iter().all(|code| !codes.contains(code)));
    }

    async fn s076_guesses_of_a_code_are_counted_like_passwords(database) {
        let server = Server::start_with(&database, &[("throttle.account.failures", "6")]).await;
        server.alice().await;
        let app = first_party(&server).await;
        let authenticator = server.browser().enroll(&server).await;
        let evidence = server.evidence().await;
        evidence.run("DELETE FROM known_address").await;
        let mut thief = server.browser();
        let login = thief.open(&app.authorization_url(&[])).await;
        let asked = thief.sign_in(&login).await;
        // The password was right, and the place is no known one by that.
        assert_eq!(evidence.count("SELECT count(*) AS n FROM known_address").await, 0);
        let mut statuses = Vec::new();
        for _ in 0..8 {
            let page = thief.second_factor(&asked, &[("code", "000000")]).await;
            statuses.push(page.reply.status.as_u16());
        }
        assert_eq!(statuses, [400, 400, 400, 400, 400, 400, 429, 429]);
        // The right code does not help either, nor does a password.
        let code = authenticator.code(&server, 0);
        assert_eq!(thief.second_factor(&asked, &[("code", &code)]).await.reply.status, 429);
        let mut other = server.browser();
        let login = other.open(&app.authorization_url(&[])).await;
        assert_eq!(other.sign_in(&login).await.reply.status, 429);
        assert!(!evidence.events_of("factor.failed").await.is_empty());
    }

    async fn s066_a_second_click_gets_the_answer_of_the_first_and_the_old_cookie_is_dead(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = first_party(&server).await;
        let authenticator = server.browser().enroll(&server).await;
        let mut browser = server.browser();
        let login = browser.open(&app.authorization_url(&[])).await;
        let asked = browser.sign_in(&login).await;
        let mut twin = browser.clone();
        let code = authenticator.code(&server, 0);
        let first = browser.send_factor(&asked, &[("code", &code)]).await;
        assert_ne!(browser.cookie(), twin.cookie(), "a new cookie");
        let second = twin.send_factor(&asked, &[("code", &code)]).await;
        assert_eq!(browser.cookie(), twin.cookie());
        for page in [&first, &second] {
            assert!(!page.authorization_response().code().is_empty());
        }
        // Another code is no second click, and neither is the same one later.
        let mut late = server.browser();
        late.cookies = cookies_of(&login);
        server.advance(31);
        let page = late.send_factor(&asked, &[("code", &code)]).await;
        assert!(page.reply.status.is_client_error(), "{page:?}");
    }

    async fn a_change_needs_a_proof_of_the_strength_of_the_account_from_the_last_five_minutes(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let mut browser = server.browser();
        let authenticator = browser.enroll(&server).await;
        server.advance(300);
        let account = browser.open("/account/security").await;
        assert!(account.has("totp-remove"), "{}", account.reply.text);
        let removal = "/account/security/one-time-codes/remove";
        let confirm = browser.send_account(&account, removal, &[]).await;
        let confirm = browser.follow(confirm).await;
        assert!(confirm.has("password") && confirm.has("login-submit"));
        let asked = browser.sign_in(&confirm).await;
        assert!(asked.has("totp-code"), "the password alone is not enough: {}", asked.reply.text);
        let back = browser.second_factor(&asked, &[("code", &authenticator.code(&server, 0))]).await;
        assert!(back.has("totp-remove"), "{}", back.reply.text);
        let removed = browser.send_account(&back, removal, &[]).await;
        let account = browser.follow(removed).await;
        assert!(account.has("totp-add") && !account.has("totp-remove"), "{}", account.reply.text);
        let evidence = server.evidence().await;
        assert_eq!(evidence.count("SELECT count(*) AS n FROM recovery_code").await, 0);
        let mut other = server.browser();
        let login = other.open("/account/security").await;
        assert!(other.sign_in(&login).await.has("totp-add"));
        for kind in ["factor.added", "factor.removed", "factor.asked"] {
            assert!(!evidence.events_of(kind).await.is_empty(), "{kind}");
        }
    }

    /// S059: a thief with an old session but without a proof changes nothing.
    async fn an_old_session_changes_no_factor_and_no_password(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let add = "/account/security/one-time-codes/add";
        let set_up = "/account/security/one-time-codes";
        // Without a second factor: none is added.
        let mut thief = server.browser();
        let login = thief.open("/account/security").await;
        let page = thief.sign_in(&login).await;
        let begun = thief.send_account(&page, add, &[]).await;
        let begun = thief.follow(begun).await;
        server.advance(300);
        let code = Authenticator::of(&begun).code(&server, 0);
        let new = begun.hidden("new");
        for (path, fields) in [(add, vec![]), (set_up, vec![("new", new.as_str()), ("code", &code)])] {
            let confirm = thief.send_account(&page, path, &fields).await;
            assert!(thief.follow(confirm).await.has("login-submit"), "{path}");
        }
        let evidence = server.evidence().await;
        assert_eq!(evidence.count("SELECT count(*) AS n FROM totp").await, 0);
        // With one: it is not replaced, recovery codes are not renewed, and the password stays.
        let mut home = server.browser();
        let authenticator = home.enroll(&server).await;
        let page = home.open("/account/security").await;
        let begun = home.send_account(&page, add, &[]).await;
        let begun = home.follow(begun).await;
        let new_codes = renewal(&page);
        server.advance(300);
        let mut thief = home.clone();
        let code = Authenticator::of(&begun).code(&server, 0);
        let new = begun.hidden("new");
        for (path, fields) in [
            (add, vec![]),
            (set_up, vec![("new", new.as_str()), ("code", &code)]),
            ("/account/security/recovery-codes", vec![("new", new_codes.as_str())]),
            ("/account/security/one-time-codes/remove", vec![]),
            ("/account/password", vec![("current-password", PASSWORD), ("new-password", "seven green kettles 41")]),
        ] {
            let confirm = thief.send_account(&page, path, &fields).await;
            assert!(thief.follow(confirm).await.has("login-submit"), "{path}");
        }
        for (kind, count) in [("factor.added", 1), ("factor.removed", 0), ("recovery_code.renewed", 0), ("user.password_changed", 0)] {
            assert_eq!(evidence.events_of(kind).await.len(), count, "{kind}");
        }
        let mut other = server.browser();
        let login = other.open("/account").await;
        let asked = other.sign_in(&login).await;
        let code = authenticator.code(&server, 0);
        assert!(other.second_factor(&asked, &[("code", &code)]).await.has("account-sign-out"));
        let mut other = server.browser();
        let login = other.open("/account").await;
        let asked = other.sign_in(&login).await;
        let fields = [("with", "recovery-code"), ("recovery-code", authenticator.recovery_codes[0].as_str())];
        assert!(other.second_factor(&asked, &fields).await.has("account-sign-out"));
    }

    async fn s078_two_clicks_at_the_same_moment_get_the_same_answer_and_no_guess_is_counted(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = first_party(&server).await;
        let mut old = server.browser();
        old.code(&app).await;
        let authenticator = server.browser().enroll(&server).await;
        let twice = async |browser: &mut Browser, asked: &Page, fields: &[(&str, &str)]| {
            let mut twin = browser.clone();
            let (first, second) =
                tokio::join!(browser.send_factor(asked, fields), twin.send_factor(asked, fields));
            for page in [&first, &second] {
                assert_eq!(page.reply.status, 303, "{}", page.reply.text);
            }
            assert_eq!(browser.cookie(), twin.cookie());
            [first, second]
        };
        let used = authenticator.recovery_codes[0].as_str();
        for _ in 0..3 {
            let code = authenticator.code(&server, 0);
            let by_code = [("code", code.as_str())];
            let by_recovery_code = [("with", "recovery-code"), ("recovery-code", used)];
            let is_left = server.evidence().await.count("SELECT count(*) AS n FROM recovery_code").await == 10;
            for fields in [Some(&by_code[..]), is_left.then_some(&by_recovery_code[..])].into_iter().flatten() {
                let mut browser = server.browser();
                let login = browser.open(&app.authorization_url(&[])).await;
                let asked = browser.sign_in(&login).await;
                for page in twice(&mut browser, &asked, fields).await {
                    assert!(!page.authorization_response().code().is_empty());
                }
            }
            server.advance(60);
        }
        // The same for a session that needs one more proof.
        let asked = old.open("/account/security").await;
        assert!(asked.has("totp-submit"));
        let code = authenticator.code(&server, 0);
        twice(&mut old, &asked, &[("code", &code)]).await;
        assert!(old.open("/account/security").await.has("account-sign-out"));
        let evidence = server.evidence().await;
        assert!(evidence.events_of("factor.failed").await.is_empty());
        assert_eq!(evidence.events_of("recovery_code.used").await.len(), 1);
    }

    async fn two_clicks_at_the_same_moment_set_up_one_set_of_codes_and_both_show_it(database) {
        let server = Server::start_with(&database, &[("mfa.required", "true")]).await;
        for user in ["alice", "bob", "carol"] {
            server.user(user, Some(PASSWORD)).await;
            let mut browser = server.browser();
            let login = browser.open("/account/security").await;
            let page = browser.sign_in_as(&login, user, PASSWORD).await;
            let code = Authenticator::of(&page).code(&server, 0);
            let names = ["interaction", "csrf", "new"];
            let fields = names.map(|name| (name, page.hidden(name)));
            let mut fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
            fields.push(("code", &code));
            let mut twin = browser.clone();
            let (first, second) = tokio::join!(
                browser.post("/login/set-up-factor", &fields),
                twin.post("/login/set-up-factor", &fields)
            );
            assert_eq!(recovery_codes(&first), recovery_codes(&second));
            assert_eq!(browser.cookie(), twin.cookie());
        }
        assert_eq!(server.evidence().await.events_of("factor.added").await.len(), 3);
    }

    async fn what_was_opened_with_one_time_codes_ends_when_they_are_removed_or_replaced(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = first_party(&server).await;
        for how in ["removed", "reset", "replaced"] {
            let mut home = server.browser();
            let authenticator = home.enroll(&server).await;
            let sign_in = async |fields: &[(&str, &str)]| {
                let mut browser = server.browser();
                let login = browser.open(&app.authorization_url(&[])).await;
                let asked = browser.sign_in(&login).await;
                let page = browser.second_factor(&asked, fields).await;
                let (.., refresh) = tokens(&app, &page).await;
                (browser, refresh)
            };
            let code = authenticator.code(&server, 0);
            let recovery = authenticator.recovery_codes[0].as_str();
            let others = [
                sign_in(&[("code", &code)]).await,
                sign_in(&[("with", "recovery-code"), ("recovery-code", recovery)]).await,
            ];
            for (other, _) in &others {
                assert!(is_signed_in(other, &app).await);
            }
            match how {
                "removed" => {
                    let account = home.open("/account/security").await;
                    home.send_account(&account, "/account/security/one-time-codes/remove", &[]).await;
                }
                "replaced" => drop(home.enroll(&server).await),
                _ => {
                    let store = &server.inner.services().store;
                    assert!(users::reset_mfa(&May::operator(), store, server.now(), None, Target::named(USERNAME)).await.expect("reset"));
                }
            }
            for (other, refresh) in &others {
                assert!(!is_signed_in(other, &app).await, "{how}");
                app.refresh(refresh).await.refused(400, "invalid_grant");
            }
            assert_eq!(is_signed_in(&home, &app).await, how != "reset", "{how}");
        }
    }

    async fn new_recovery_codes_are_made_once_however_often_the_form_is_sent(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = first_party(&server).await;
        let mut home = server.browser();
        let authenticator = home.enroll(&server).await;
        let account = home.open("/account/security").await;
        let path = "/account/security/recovery-codes";
        let new = renewal(&account);
        let codes = recovery_codes(&home.send_account(&account, path, &[("new", &new)]).await);
        let mut other = server.browser();
        let login = other.open(&app.authorization_url(&[])).await;
        let asked = other.sign_in(&login).await;
        let fields = [("with", "recovery-code"), ("recovery-code", codes[0].as_str())];
        other.second_factor(&asked, &fields).await.authorization_response().code();
        // The page that shows them is loaded anew.
        let again = home.send_account(&account, path, &[("new", &new)]).await;
        assert_eq!(recovery_codes(&again), codes);
        let evidence = server.evidence().await;
        let left = "SELECT count(*) AS n FROM recovery_code";
        assert_eq!(evidence.count(left).await, 9, "the used one stays used");
        // Once others have replaced them, the old form shows nothing any more.
        let account = home.open("/account/security").await;
        let newer = renewal(&account);
        recovery_codes(&home.send_account(&account, path, &[("new", &newer)]).await);
        let old = home.send_account(&account, path, &[("new", &new)]).await;
        assert_eq!(old.reply.status, 303, "{}", old.reply.text);
        assert_eq!(evidence.count(left).await, 10);
        // What one form carries does not count in the other one.
        let unused = renewal(&home.open("/account/security").await);
        let code = authenticator.code(&server, 0);
        let fields = [("new", unused.as_str()), ("code", code.as_str())];
        let refused = home.send_account(&account, "/account/security/one-time-codes", &fields).await;
        assert_eq!(refused.reply.status, 400, "{}", refused.reply.text);
        assert_eq!(evidence.events_of("factor.added").await.len(), 1);
    }

    async fn the_key_of_an_authenticator_app_is_taken_from_a_form_and_never_from_a_link(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let mut browser = server.browser();
        let login = browser.open("/account/security").await;
        let account = browser.sign_in(&login).await;
        let begun = browser.send_account(&account, "/account/security/one-time-codes/add", &[]).await;
        let page = browser.follow(begun).await;
        let (session, new) = (page.hidden("session"), page.hidden("new"));
        let link = format!("session={session}&new={new}");
        let again = browser.open(&format!("/account/security/one-time-codes?{link}")).await;
        assert_ne!(Authenticator::of(&again).secret, Authenticator::of(&page).secret);
        let fields = [("new", page.hidden("new")), ("code", "000000".to_owned())];
        let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
        let wrong = browser.send_account(&page, "/account/security/one-time-codes", &fields).await;
        assert_eq!(Authenticator::of(&wrong).secret, Authenticator::of(&page).secret);
    }

    async fn mfa_required_sets_a_factor_up_on_the_way(database) {
        let server = Server::start_with(&database, &[("mfa.required", "true")]).await;
        server.alice().await;
        let app = first_party(&server).await;
        let mut browser = server.browser();
        let login = browser.open(&app.authorization_url(&[])).await;
        let page = browser.sign_in(&login).await;
        assert!(page.has("totp-secret") && page.has("totp-confirm") && !page.has("factor-skip"));
        let authenticator = Authenticator::of(&page);
        let send = async |browser: &mut Browser, page: &Page, code: &str| {
            let fields = [page.hidden("interaction"), page.hidden("csrf"), page.hidden("new")];
            let names = ["interaction", "csrf", "new"];
            let mut all: Vec<(&str, &str)> =
                names.iter().copied().zip(fields.iter().map(String::as_str)).collect();
            all.push(("code", code));
            browser.post("/login/set-up-factor", &all).await
        };
        let wrong = send(&mut browser, &page, "000000").await;
        assert_eq!(wrong.reply.status, 400);
        assert_eq!(Authenticator::of(&wrong).secret, authenticator.secret, "the same key again");
        let mut twin = browser.clone();
        let code = authenticator.code(&server, 0);
        let shown = send(&mut browser, &page, &code).await;
        let codes = recovery_codes(&shown);
        assert!(shown.has("codes-saved"));
        let again = send(&mut twin, &page, &code).await;
        assert_eq!(recovery_codes(&again), codes, "a second click shows the same");
        assert_eq!(twin.cookie(), browser.cookie());
        let interaction = page.hidden("interaction");
        let onward = browser.open(&format!("/authorize/continue?interaction={interaction}")).await;
        let (id, ..) = tokens(&app, &onward).await;
        assert_eq!((&id["acr"], &id["amr"]), (&json!("2"), &json!(["pwd", "otp", "mfa"])));
        // From now on the codes are asked for.
        let mut other = server.browser();
        let login = other.open("/account/security").await;
        assert!(other.sign_in(&login).await.has("totp-submit"));
        assert!(codes.iter().all(|code| code.len() == 19), "{codes:?}");
    }

    async fn a_session_of_before_a_factor_was_due_opens_nothing(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = first_party(&server).await;
        let mut old = server.browser();
        old.code(&app).await;
        let authenticator = server.browser().enroll(&server).await;
        let asked = old.open("/account/security").await;
        assert!(asked.has("totp-submit"), "{}", asked.reply.text);
        let silent = app.authorization_url(&[("prompt", "none")]);
        old.get(&silent).await.error_response("interaction_required");
        let asked = old.open(&app.authorization_url(&[])).await;
        assert!(asked.has("totp-submit") && !asked.has("factor-skip"));
        let page = old.second_factor(&asked, &[("code", &authenticator.code(&server, 0))]).await;
        let (id, ..) = tokens(&app, &page).await;
        assert_eq!(id["acr"], "2");
        assert!(old.open("/account/security").await.has("account-sign-out"));
    }

    async fn mfa_remember_does_not_ask_in_this_browser_for_thirty_days(database) {
        let server = Server::start_with(&database, &[("mfa.remember", "true")]).await;
        server.alice().await;
        let app = first_party(&server).await;
        let mut home = server.browser();
        let authenticator = home.enroll(&server).await;
        let mut browser = server.browser();
        let login = browser.open(&app.authorization_url(&[])).await;
        let asked = browser.sign_in(&login).await;
        assert!(asked.has("factor-remember"));
        let code = authenticator.code(&server, 0);
        browser.second_factor(&asked, &[("code", &code), ("remember", "1")]).await;
        let login = app.authorization_url(&[("prompt", "login")]);
        let again = async |browser: &mut Browser, url: &str| {
            server.advance(1);
            let page = browser.open(url).await;
            browser.sign_in(&page).await
        };
        let page = again(&mut browser, &login).await;
        let (id, ..) = tokens(&app, &page).await;
        assert_eq!((&id["acr"], &id["amr"]), (&json!("1"), &json!(["pwd"])));
        // A request for two factors asks nevertheless, and so does a change.
        let two = app.authorization_url(&[("prompt", "login"), ("acr_values", "2")]);
        assert!(again(&mut browser, &two).await.has("totp-submit"));
        let account = browser.open("/account/security").await;
        assert!(account.has("totp-remove"), "{}", account.reply.text);
        let removal = "/account/security/one-time-codes/remove";
        let confirm = browser.send_account(&account, removal, &[]).await;
        let confirm = browser.follow(confirm).await;
        assert!(browser.sign_in(&confirm).await.has("totp-submit"));
        // The cookie is nobody else's, and ends.
        let mut other = server.browser();
        let stolen = browser.cookies.iter().filter(|(name, _)| name.ends_with("-remembered"));
        other.cookies.extend(stolen.map(|(name, value)| (name.clone(), value.clone())));
        server.user("bob", Some(PASSWORD)).await;
        let page = other.open(&login).await;
        other.sign_in_as(&page, "bob", PASSWORD).await.authorization_response().code();
        server.advance(30 * 86_400);
        assert!(again(&mut browser, &login).await.has("totp-submit"));
    }

    async fn new_one_time_codes_end_what_a_browser_remembers(database) {
        let server = Server::start_with(&database, &[("mfa.remember", "true")]).await;
        server.alice().await;
        let mut browser = server.browser();
        let authenticator = browser.enroll(&server).await;
        let mut other = server.browser();
        let login = other.open("/account/security").await;
        let asked = other.sign_in(&login).await;
        let code = authenticator.code(&server, 0);
        let account = other.second_factor(&asked, &[("code", &code), ("remember", "1")]).await;
        assert!(account.has("account-sign-out"));
        browser.enroll(&server).await;
        let signed_out = other.send_account(&account, "/account/sign-out", &[]).await;
        assert!(signed_out.reply.status.is_success() || signed_out.reply.status.is_redirection());
        let login = other.open("/account/security").await;
        assert!(other.sign_in(&login).await.has("totp-submit"));
    }
}

/// The cookies of a browser that has opened this page and no other one.
fn cookies_of(login: &Page) -> std::collections::BTreeMap<String, String> {
    let lines = login.reply.headers.get_all("set-cookie").iter();
    let pairs = lines.filter_map(|line| line.to_str().ok()?.split(';').next()?.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// What the form for new recovery codes carries.
pub(crate) fn renewal(account: &Page) -> String {
    let (_, behind) =
        account.reply.text.split_once("/account/security/recovery-codes").expect("a form");
    let (_, behind) = behind.split_once("name=\"new\" value=\"").expect("a field");
    behind.split('"').next().unwrap_or_default().to_owned()
}
