//! The account page: changing the password. Security case S081.

use std::sync::mpsc;

use futures_util::future::join_all;
use mapae::admin::authority::May;
use mapae::admin::users::{self, Target};
use tokio::sync::oneshot;
use unicode_normalization::UnicodeNormalization;

use crate::my_account::{devices, first_party, is_signed_in, send, signed_in};
use crate::recovery::{EMAIL, next, person, with_mail};
use crate::support::{Browser, PASSWORD, Page, Server, both, eventually};

const NEW: &str = "seven green kettles 41";

async fn change(browser: &mut Browser, account: &Page, current: &str, new: &str) -> Page {
    let fields = [("current-password", current), ("new-password", new)];
    send(browser, account, "/account/password", &fields).await
}

both! {
    /// Whoever came by a provider has none at first.
    async fn who_has_no_password_sets_one_after_a_fresh_proof(database) {
        let (server, mails) = with_mail(&database, &[]).await;
        person(&server, "alice", EMAIL, true).await;
        let app = first_party(&server).await;
        let (there, access, _) = signed_in(&server, &app).await;
        server.advance(60);
        let mut browser = server.browser();
        let login = browser.open("/account/security").await;
        browser.sign_in(&login).await;
        let evidence = server.evidence().await;
        evidence.run("UPDATE account SET password_hash = NULL").await;
        let page = browser.open("/account/security").await;
        assert!(page.has("new-password") && page.has("password-submit") && !page.has("current-password"));
        for bad in ["", "sh0rt !", "password1234", "alicealice"] {
            let refused = send(&mut browser, &page, "/account/password", &[("new-password", bad)]).await;
            assert!(refused.reply.status == 400 && refused.has("new-password-problem"), "{bad}");
        }
        // An old session proves first who it is.
        let mut late = there.clone();
        let old = late.open("/account/security").await;
        server.advance(241);
        let confirm = send(&mut late, &old, "/account/password", &[("new-password", NEW)]).await;
        assert_eq!(confirm.reply.status, 303);
        assert!(!late.follow(confirm).await.has("new-password"));
        let hash = "SELECT count(*) AS n FROM account WHERE password_hash IS NOT NULL";
        assert_eq!(evidence.count(hash).await, 0);
        let set = send(&mut browser, &page, "/account/password", &[("new-password", NEW)]).await;
        let page = browser.follow(set).await;
        assert!(page.has("current-password") && page.reply.text.contains("Your password is set."), "{}", page.reply.text);
        // Nothing ended, the person is told, and the password works.
        assert!(app.is_active(&access).await && is_signed_in(&there, &app).await);
        next(&mails, EMAIL, &[], "A password was set").await;
        assert_eq!(evidence.events_of("user.password_changed").await.len(), 1);
        let mut other = server.browser();
        let login = other.open("/account").await;
        assert!(other.sign_in_as(&login, "alice", NEW).await.has("account-sign-out"));
        // Without the current one nothing is set a second time.
        let again = send(&mut browser, &page, "/account/password", &[("new-password", "another good password 7")]).await;
        assert!(again.has("current-password-problem"));
    }

    /// Otherwise a thief's password would become that of the account after its owner ended everything.
    async fn a_first_password_whose_session_ends_while_it_is_hashed_is_not_set(database) {
        let settings = [("hashing.threads", "1"), ("http.request_timeout", "2m")];
        let server = Server::start_with(&database, &settings).await;
        let (services, evidence) = (server.inner.services(), server.evidence().await);
        for means in ["everywhere", "operator"] {
            server.user(means, Some(PASSWORD)).await;
            let (mut owner, mut thief) = (server.browser(), server.browser());
            let login = owner.open("/account").await;
            let owners = owner.sign_in_as(&login, means, PASSWORD).await;
            let login = thief.open("/account/security").await;
            thief.sign_in_as(&login, means, PASSWORD).await;
            let none = format!("UPDATE account SET password_hash = NULL WHERE username = '{means}'");
            evidence.run(&none).await;
            let page = thief.open("/account/security").await;
            assert!(page.has("new-password") && !page.has("current-password"), "{}", page.reply.text);
            // While the one thread is busy, the new password waits for it.
            let (begins, has_begun) = oneshot::channel::<()>();
            let (frees, is_free) = mpsc::channel::<()>();
            let busy = services.hasher.run(move || {
                let _ = begins.send(());
                let _ = is_free.recv();
            });
            let new = [("new-password", NEW)];
            let sent = send(&mut thief, &page, "/account/password", &new);
            let ended = async {
                has_begun.await.expect("the thread is busy");
                eventually("the password waits", async || services.hasher.waiting() > 0).await;
                if means == "operator" {
                    let (may, target) = (May::operator(), Target::named(means));
                    users::logout(&may, &services.store, server.now(), target).await.expect("signed out");
                } else {
                    send(&mut owner, &owners, "/account/devices/end", &[("device", "all")]).await;
                }
                frees.send(()).expect("the thread waits");
            };
            let (busy, answer, ()) = tokio::join!(busy, sent, ended);
            busy.expect("the thread was freed");
            assert_eq!(answer.reply.status, 303, "{means}: {}", answer.reply.text);
            let set = format!("SELECT count(*) AS n FROM account WHERE username = '{means}' AND password_hash IS NOT NULL");
            assert_eq!(evidence.count(&set).await, 0, "{means}");
            let page = thief.follow(answer).await;
            assert!(page.has("login-submit"), "{means}: {}", page.reply.text);
        }
        assert!(evidence.events_of("user.password_changed").await.is_empty());
    }

    async fn s081_a_password_changes_by_the_current_one(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = first_party(&server).await;
        let (mut browser, access, refresh) = signed_in(&server, &app).await;
        let account = browser.open("/account").await;
        let long = "long ".repeat(300);
        for (current, new, field) in [
            ("", NEW, "current-password-problem"),
            (PASSWORD, "", "new-password-problem"),
            ("wrong", NEW, "current-password-problem"),
            // Nobody learns how good a password is before they prove who they are.
            ("wrong", "password1234", "current-password-problem"),
            (PASSWORD, "sh0rt !", "new-password-problem"),
            (PASSWORD, "password1234", "new-password-problem"),
            (PASSWORD, "alicealice", "new-password-problem"),
            (PASSWORD, PASSWORD, "new-password-problem"),
            (PASSWORD, &long, "new-password-problem"),
        ] {
            let page = change(&mut browser, &account, current, new).await;
            assert_eq!(page.reply.status, 400, "{new}");
            assert!(page.has(field) && page.has("password-submit"), "{field}: {}", page.reply.text);
            assert!(new.is_empty() || !page.reply.text.contains(new), "what was typed stays away");
            assert_eq!(page.reply.header("set-cookie"), "");
        }
        assert!(server.evidence().await.events_of("user.password_changed").await.is_empty());
        app.refresh(&refresh).await.pair();
        // No rule but length and guessing: spaces, Hangul, more than 72 bytes, and each of them counts.
        let hangul = "물결 위에 오리 일곱 마리, 그리고 아무도 찾지 않는 초록 주전자 마흔한 개";
        let changed = change(&mut browser, &account, PASSWORD, hangul).await;
        assert_eq!(changed.reply.status, 303, "{}", changed.reply.text);
        assert!(app.is_active(&access).await);
        let account = browser.follow(changed).await;
        assert!(account.has("account-sign-out"));
        // The same one as jamo is the same one.
        let jamo: String = hangul.nfd().collect();
        assert!(change(&mut browser, &account, hangul, &jamo).await.has("new-password-problem"));
        let wrong = change(&mut browser, &account, &hangul.replace("한 개", "두 개"), NEW).await;
        assert!(wrong.has("current-password-problem"));
        let changed = change(&mut browser, &account, &jamo, NEW).await;
        assert_eq!(changed.reply.status, 303);
        let mut other = server.browser();
        let login = other.open("/account").await;
        assert_eq!(other.sign_in(&login).await.reply.status, 400);
        assert!(other.sign_in_as(&login, "alice", NEW).await.has("account-sign-out"));
        let events = server.evidence().await.events_of("user.password_changed").await;
        assert!(events.len() == 2 && events.iter().all(|event| event.user.is_some() && event.address.is_some()));
    }

    /// Whoever had the old password has nothing any more; here the person stays signed in.
    async fn s081_a_new_password_ends_what_was_opened_elsewhere(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = first_party(&server).await;
        let by_password = server.client("cli", |_| {}).await;
        let (mut here, here_access, here_refresh) = signed_in(&server, &app).await;
        let (there, there_access, there_refresh) = signed_in(&server, &app).await;
        let (cli_access, cli_refresh) = by_password.password("openid").await.pair();
        let offline = [("scope", "openid offline_access"), ("prompt", "consent")];
        let offline = here.get(&app.authorization_url(&offline)).await.authorization_response().code();
        let (_, offline) = app.exchange(&offline).await.pair();
        let before = here.clone();
        let account = here.open("/account/devices").await;
        assert_eq!(devices(&account), 2);
        let changed = change(&mut here, &account, PASSWORD, NEW).await;
        assert!(changed.location().unwrap().starts_with("/account/security?"));
        here.follow(changed).await;
        assert_eq!(devices(&here.open("/account/devices").await), 1);
        assert!(is_signed_in(&here, &app).await && !is_signed_in(&there, &app).await);
        assert!(!is_signed_in(&before, &app).await, "the cookie is another one");
        assert!(app.is_active(&here_access).await && !app.is_active(&there_access).await);
        assert!(!by_password.is_active(&cli_access).await);
        app.refresh(&here_refresh).await.pair();
        app.refresh(&there_refresh).await.refused(400, "invalid_grant");
        app.refresh(&offline).await.refused(400, "invalid_grant");
        by_password.refresh(&cli_refresh).await.refused(400, "invalid_grant");
    }

    /// S073: guessing the current password is guessing at the door.
    async fn s081_a_wrong_current_password_counts_like_a_failed_sign_in(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = first_party(&server).await;
        let (mut browser, ..) = signed_in(&server, &app).await;
        let account = browser.open("/account").await;
        let mut again = browser.clone();
        server.advance(1);
        let login = again.open(&app.authorization_url(&[("prompt", "login")])).await;
        for n in 0..10 {
            let page = if n % 2 == 0 {
                change(&mut browser, &account, "wrong", NEW).await
            } else {
                again.sign_in_as(&login, "alice", "wrong").await
            };
            assert_eq!(page.reply.status, 400, "{n}");
        }
        let full = change(&mut browser, &account, PASSWORD, NEW).await;
        assert_eq!(full.reply.status, 429);
        assert!(full.reply.header("retry-after").parse::<u64>().is_ok_and(|seconds| seconds <= 301));
        // The word of it takes the focus, and the field points at it.
        assert!(full.has("password-submit") && full.has("password-problem"));
        let html = &full.reply.text;
        assert!(html.contains("role=\"alert\" tabindex=\"-1\" autofocus"), "{html}");
        assert!(html.contains("aria-describedby=\"password-problem\""), "{html}");
        assert_eq!(html.matches(" autofocus").count(), 1, "{html}");
        assert_eq!(again.sign_in(&login).await.reply.status, 429);
        // Another browser at the same address is another one.
        let mut other = server.browser();
        let login = other.open("/account").await;
        assert!(other.sign_in(&login).await.has("account-sign-out"));
        server.advance(30);
        assert_eq!(change(&mut browser, &account, PASSWORD, NEW).await.reply.status, 303);
    }

    /// Of several changes at once one counts, and none of them fails.
    async fn of_changes_at_once_one_counts(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = first_party(&server).await;
        let (mut browser, _, _) = signed_in(&server, &app).await;
        let account = browser.open("/account").await;
        let news: Vec<_> = (0..4).map(|n| format!("{NEW} {n}")).collect();
        let changes = news.iter().map(|new| {
            let (mut tab, account) = (browser.clone(), account.clone());
            async move { change(&mut tab, &account, PASSWORD, new).await.reply.status.as_u16() }
        });
        let mut answers = join_all(changes).await;
        answers.sort_unstable();
        assert_eq!(answers, [303, 400, 400, 400]);
        assert_eq!(server.evidence().await.events_of("user.password_changed").await.len(), 1);
    }
}
