//! People delete their accounts: what ends at once, how it is taken back, and what is left.

use futures_util::future::join_all;
use mapae::admin::authority::May;
use mapae::admin::roles;
use mapae::admin::users::{self, NewUser, Target, Who};
use mapae::domain::admin_role::AdminRole;
use mapae::domain::grant_type::GrantType;
use mapae::domain::user::Profile;

use crate::admin_api::grant;
use crate::my_account::{first_party, is_signed_in, send, signed_in};
use crate::recovery::{has, person, with_mail};
use crate::support::{App, Browser, Database, Evidence, PASSWORD, Page, Server, both, eventually};

pub(crate) const DAY: i64 = 24 * 60 * 60;

async fn start(database: &Database) -> (Server, App, String) {
    let server = Server::start(database).await;
    let sub = server.alice().await;
    let app = server
        .web_app("app", |client| {
            client.metadata.first_party = true;
            client.metadata.grant_types.push(GrantType::Password);
        })
        .await;
    (server, app, sub)
}

/// Presses the two buttons.
pub(crate) async fn delete(browser: &mut Browser) -> Page {
    let data = browser.open("/account/data").await;
    assert!(data.has("account-delete"), "{}", data.reply.text);
    let asked = send(browser, &data, "/account/delete", &[]).await;
    assert_eq!(asked.reply.status, 200, "{}", asked.reply.text);
    assert!(asked.has("account-delete-confirm"));
    send(browser, &asked, "/account/delete/confirm", &[]).await
}

/// Presses the button that keeps the account.
pub(crate) async fn undo(browser: &mut Browser, page: &Page) -> Page {
    assert!(page.has("deletion-undo"), "{}", page.reply.text);
    let fields = [("interaction", page.hidden("interaction")), ("csrf", page.hidden("csrf"))];
    let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
    let kept = browser.post("/keep-account", &fields).await;
    browser.follow(kept).await
}

/// Keeps the job from deleting the rows, as if no server ran.
pub(crate) async fn without_the_job(evidence: &Evidence) {
    evidence.run("UPDATE ending SET due_at = due_at + 100000000000").await;
}

/// Counts the rows of a person in a table.
fn left(table: &str, sub: &str) -> String {
    format!("SELECT count(*) AS n FROM {table} WHERE user_id = '{sub}'")
}

async fn rows(evidence: &Evidence, sub: &str) -> i64 {
    evidence.count(&format!("SELECT count(*) AS n FROM account WHERE id = '{sub}'")).await
}

both! {
    async fn everything_ends_at_once_and_a_sign_in_takes_it_back(database) {
        let (server, app, sub) = start(&database).await;
        let (mut here, access, refresh) = signed_in(&server, &app).await;
        let (there, _, there_refresh) = signed_in(&server, &app).await;
        let (_, by_password) = app.password("openid").await.pair();
        let in_flight = here.code(&app).await;
        let gone = delete(&mut here).await;
        assert_eq!(gone.reply.status, 200, "{}", gone.reply.text);
        assert!(gone.reply.text.contains("Your account will be deleted"));
        assert!(!is_signed_in(&here, &app).await && !is_signed_in(&there, &app).await);
        assert!(!app.is_active(&access).await);
        assert_eq!(app.userinfo(&access).await.status, 401);
        for token in [refresh, there_refresh, by_password] {
            app.refresh(&token).await.refused(400, "invalid_grant");
        }
        app.exchange(&in_flight).await.refused(400, "invalid_grant");
        app.password("openid").await.refused(400, "invalid_grant");
        // A sign-in on the page gives nothing but the button.
        let login = here.open("/account/devices").await;
        let page = here.sign_in(&login).await;
        assert!(page.has("deletion-undo") && !page.has("account-sign-out"), "{}", page.reply.text);
        for path in ["/account", "/account/security", "/account/data", "/account/activity"] {
            let page = here.open(path).await;
            assert!(page.has("deletion-undo") && !page.has("account-sign-out"), "{path}");
        }
        here.get(&app.authorization_url(&[("prompt", "none")])).await.error_response("interaction_required");
        let asked = here.open(&app.authorization_url(&[])).await;
        assert!(asked.has("deletion-undo") && asked.has("login-cancel"));
        app.password("openid").await.refused(400, "invalid_grant");
        // The button takes it back, and the interaction goes on: the app gets its code.
        let code = undo(&mut here, &asked).await.authorization_response().code();
        app.exchange(&code).await.pair();
        app.password("openid").await.pair();
        assert!(here.open("/account").await.has("account-sign-out"));
        let evidence = server.evidence().await;
        assert_eq!(evidence.count("SELECT count(*) AS n FROM ending").await, 0);
        for kind in ["deletion.planned", "deletion.taken_back"] {
            let events = evidence.events_of(kind).await;
            assert!(events.len() == 1 && events[0].user.as_deref() == Some(&sub), "{kind}");
            assert!(events[0].address.is_some());
        }
        // It is kept for ever.
        server.advance(8 * DAY);
        app.password("openid").await.pair();
    }

    async fn whoever_signs_in_without_an_app_comes_to_their_account(database) {
        let (server, _, _) = start(&database).await;
        let mut browser = server.browser();
        let login = browser.open("/account").await;
        browser.sign_in(&login).await;
        delete(&mut browser).await;
        let login = browser.open("/account/apps").await;
        let page = browser.sign_in(&login).await;
        let kept = undo(&mut browser, &page).await;
        assert!(kept.url.contains("/account/apps?session="), "{}", kept.url);
        assert!(kept.reply.text.contains("Your account is kept."));
        // A second click gets the same answer.
        let again = undo(&mut browser, &page).await;
        assert!(again.has("account-sign-out"), "{}", again.reply.text);
        assert_eq!(server.evidence().await.events_of("deletion.taken_back").await.len(), 1);
    }

    /// A thief with an open session changes nothing.
    async fn an_old_session_proves_itself_before_it_deletes(database) {
        let (server, app, _) = start(&database).await;
        let (mut browser, _, refresh) = signed_in(&server, &app).await;
        let data = browser.open("/account/data").await;
        server.advance(660);
        for path in ["/account/delete", "/account/delete/confirm"] {
            let page = send(&mut browser, &data, path, &[]).await;
            let login = browser.follow(page).await;
            assert!(login.has("password") && login.hidden("username") == "alice", "{path}");
        }
        // Nothing has ended.
        app.refresh(&refresh).await.pair();
        assert!(is_signed_in(&browser, &app).await);
        assert!(server.evidence().await.events_of("deletion.planned").await.is_empty());
        // Who proves it comes back to the page with the button.
        let page = send(&mut browser, &data, "/account/delete", &[]).await;
        let login = browser.follow(page).await;
        let back = browser.sign_in(&login).await;
        assert!(back.has("account-delete") && back.reply.text.contains("confirmed it’s you"));
        assert_eq!(delete(&mut browser).await.reply.status, 200);
        // Nor does somebody who sends a form from elsewhere.
        let forged = browser.post("/account/delete/confirm", &[("csrf", "x")]).await;
        assert_ne!(forged.reply.status, 200);
    }

    async fn when_the_time_comes_the_names_are_free_before_any_row_goes(database) {
        let server = Server::start(&database).await;
        let issuer = server.inner.services();
        let new = || NewUser {
            username: "alice".to_owned(),
            email: Some("alice@example.com".to_owned()),
            email_verified: true,
            profile: Profile::default(),
            password: Some(PASSWORD.to_owned().into()),
        };
        let create = async || users::create(&May::operator(), &issuer.store, server.now(), &issuer.hasher, new()).await;
        let first = create().await.unwrap();
        let app = first_party(&server).await;
        let mut browser = server.browser();
        let login = browser.open("/account").await;
        browser.sign_in(&login).await;
        delete(&mut browser).await;
        let evidence = server.evidence().await;
        without_the_job(&evidence).await;
        server.advance(7 * DAY - 1);
        assert!(create().await.is_err(), "somebody may still take it back");
        let login = browser.open("/account").await;
        let page = browser.sign_in(&login).await;
        assert!(page.has("deletion-undo"));
        server.advance(1);
        // It is over: nothing takes it back.
        assert!(!undo(&mut browser, &page).await.has("account-sign-out"));
        let login = browser.open("/account").await;
        assert!(browser.sign_in(&login).await.has("password-problem"));
        assert_eq!(rows(&evidence, first.id.as_str()).await, 1);
        // The names are free.
        let second = create().await.unwrap();
        assert_ne!(first.id, second.id);
        let mut browser = server.browser();
        let code = browser.code(&app).await;
        assert_eq!(app.exchange(&code).await.ok().json()["token_type"], "Bearer");
        // The rows of the first one go, and those of the second one stay.
        evidence.run("UPDATE ending SET due_at = 0").await;
        eventually("the rows are gone", async || rows(&evidence, first.id.as_str()).await == 0).await;
        assert_eq!(rows(&evidence, second.id.as_str()).await, 1);
        assert!(is_signed_in(&browser, &app).await);
    }

    async fn the_rows_go_and_the_audit_keeps_person_kind_and_time(database) {
        let (server, app, sub) = start(&database).await;
        let bob = server.user("bob", Some(PASSWORD)).await;
        let (mut browser, ..) = signed_in(&server, &app).await;
        browser.enroll(&server).await;
        let evidence = server.evidence().await;
        evidence.put_passkey(&sub, "phone", 0).await;
        evidence.put_identity(&sub, "somebody", 0).await;
        let mut bobs = server.browser();
        let login = bobs.open("/account").await;
        bobs.sign_in_as(&login, "bob", PASSWORD).await;
        let tables = [
            "known_address", "account_key", "identity", "passkey", "totp", "recovery_code", "first_sign_in",
            "session", "family", "consent",
        ];
        for table in &tables[..9] {
            assert_ne!(evidence.count(&left(table, &sub)).await, 0, "{table}");
        }
        delete(&mut browser).await;
        let before = evidence.events().await.len();
        server.advance(7 * DAY + 1);
        eventually("the rows are gone", async || rows(&evidence, &sub).await == 0).await;
        for table in tables {
            assert_eq!(evidence.count(&left(table, &sub)).await, 0, "{table}");
        }
        let events = evidence.events().await;
        assert_eq!(events.len(), before + 1);
        assert_eq!(events.last().unwrap().kind, "user.deleted");
        for event in events.iter().filter(|event| event.user.as_deref() == Some(&sub)) {
            let traces = [&event.client, &event.family, &event.address, &event.request, &event.detail];
            assert!(traces.iter().all(|trace| trace.is_none()), "{event:?}");
        }
        let bobs: Vec<_> = events.iter().filter(|event| event.user.as_deref() == Some(&bob)).collect();
        assert!(bobs.iter().any(|event| event.address.is_some()), "{bobs:?}");
    }

    /// A step goes on behind the events of the steps before it, however many those are.
    async fn many_events_are_bared_in_steps_and_none_is_read_twice(database) {
        let (server, app, sub) = start(&database).await;
        let (mut browser, ..) = signed_in(&server, &app).await;
        delete(&mut browser).await;
        let evidence = server.evidence().await;
        without_the_job(&evidence).await;
        let now = server.now().now().timestamp_millis();
        let numbers = match &database {
            Database::Sqlite => "WITH RECURSIVE many (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM many WHERE n < 4500) ",
            Database::Postgres { .. } => "WITH many (n) AS (SELECT generate_series(1, 4500)) ",
        };
        let into = "INSERT INTO audit_event (id, at, kind, user_id, address, times)";
        let values = format!("SELECT 'many' || n, {now} - n * 1000, 'sign_in.succeeded', '{sub}', '203.0.113.9', 1 FROM many");
        let statement = match &database {
            Database::Sqlite => format!("{into} {numbers} {values}"),
            Database::Postgres { .. } => format!("{numbers} {into} {values}"),
        };
        evidence.run(&statement).await;
        // As if an earlier step had done everything that is older than 4000 seconds.
        evidence.run(&format!("UPDATE ending SET bared_until = {}", now - 4_000_000)).await;
        server.advance(7 * DAY + 1);
        evidence.run("UPDATE ending SET due_at = 0").await;
        eventually("the rows are gone", async || rows(&evidence, &sub).await == 0).await;
        let with_address = format!("SELECT count(*) AS n FROM audit_event WHERE user_id = '{sub}' AND address IS NOT NULL");
        // But for a minute, by which the clock of another server may be behind.
        assert_eq!(evidence.count(&with_address).await, 500 - 60);
        let later = format!("{with_address} AND at >= {}", now - 4_060_000);
        assert_eq!(evidence.count(&later).await, 0);
    }

    async fn the_person_is_told_by_mail_when_it_is_planned_and_when_it_is_done(database) {
        let (server, mails) = with_mail(&database, &[]).await;
        let sub = person(&server, "alice", "alice@example.com", true).await;
        let mut browser = server.browser();
        let login = browser.open("/account").await;
        browser.sign_in(&login).await;
        delete(&mut browser).await;
        has(&mails, "alice@example.com", 1).await;
        let evidence = server.evidence().await;
        server.advance(7 * DAY + 1);
        eventually("the rows are gone", async || rows(&evidence, &sub).await == 0).await;
        has(&mails, "alice@example.com", 2).await;
    }

    async fn the_grace_is_a_setting_and_may_be_none(database) {
        let server = Server::start_with(&database, &[("account.deletion_grace", "0s")]).await;
        let sub = server.alice().await;
        let mut browser = server.browser();
        let login = browser.open("/account").await;
        browser.sign_in(&login).await;
        let gone = delete(&mut browser).await;
        assert!(gone.reply.text.contains("Your account is deleted"), "{}", gone.reply.text);
        let evidence = server.evidence().await;
        eventually("the rows are gone", async || rows(&evidence, &sub).await == 0).await;
        server.alice().await;
    }

    async fn an_operator_deletes_at_once_also_within_the_grace(database) {
        let (server, app, sub) = start(&database).await;
        let (mut browser, ..) = signed_in(&server, &app).await;
        delete(&mut browser).await;
        let store = &*server.inner.services().store;
        users::delete(&May::operator(), store, server.now(), Target::named("alice")).await.unwrap();
        let evidence = server.evidence().await;
        assert_eq!(rows(&evidence, &sub).await, 0);
        // The plan finds nothing to delete, and is no second event.
        server.advance(8 * DAY);
        let waits = async || evidence.count("SELECT count(*) AS n FROM ending").await == 0;
        eventually("nothing is left to do", waits).await;
        assert_eq!(evidence.events_of("user.deleted").await.len(), 1);
    }

    /// Deletion against refresh: whoever comes first, no token works afterwards.
    async fn of_a_deletion_and_refreshes_at_once_nothing_is_left(database) {
        let (server, app, _) = start(&database).await;
        let (mut browser, ..) = signed_in(&server, &app).await;
        let mut tokens = Vec::new();
        for _ in 0..8 {
            tokens.push(app.password("openid").await.pair());
        }
        let data = browser.open("/account/data").await;
        let asked = send(&mut browser, &data, "/account/delete", &[]).await;
        let refreshes = tokens.iter().map(|(_, refresh)| app.refresh(refresh));
        let deletion = send(&mut browser, &asked, "/account/delete/confirm", &[]);
        let (answers, deleted) = tokio::join!(join_all(refreshes), deletion);
        assert_eq!(deleted.reply.status, 200);
        for (answer, (access, refresh)) in answers.into_iter().zip(&tokens) {
            assert!(!app.is_active(access).await);
            app.refresh(refresh).await.refused(400, "invalid_grant");
            if answer.status == 200 {
                let (access, refresh) = answer.pair();
                assert!(!app.is_active(&access).await);
                app.refresh(&refresh).await.refused(400, "invalid_grant");
            } else {
                answer.refused(400, "invalid_grant");
            }
        }
        let alive = "SELECT count(*) AS n FROM family WHERE revoked_at IS NULL";
        assert_eq!(server.evidence().await.count(alive).await, 0);
    }

    async fn of_several_deletions_at_once_one_counts(database) {
        let (server, app, _) = start(&database).await;
        let (mut browser, ..) = signed_in(&server, &app).await;
        let data = browser.open("/account/data").await;
        let clicks = (0..4).map(|_| {
            let (mut tab, data) = (browser.clone(), data.clone());
            async move { send(&mut tab, &data, "/account/delete/confirm", &[]).await.reply.status.as_u16() }
        });
        let mut answers = join_all(clicks).await;
        answers.sort_unstable();
        assert_eq!(answers, [200, 303, 303, 303]);
        let evidence = server.evidence().await;
        assert_eq!(evidence.events_of("deletion.planned").await.len(), 1);
        assert_eq!(evidence.count("SELECT count(*) AS n FROM ending").await, 1);
    }

    async fn the_last_owner_keeps_the_account_until_somebody_else_is_an_owner(database) {
        let (server, app, _) = start(&database).await;
        server.user("bob", Some(PASSWORD)).await;
        for name in ["alice", "bob"] {
            grant(&server, name, AdminRole::Owner).await;
        }
        // An owner who cannot sign in is of no use.
        let (store, bob) = (&*server.inner.services().store, Target::named("bob"));
        users::disable(&May::operator(), store, server.now(), bob).await.unwrap();
        let (mut browser, _, refresh) = signed_in(&server, &app).await;
        let refused = delete(&mut browser).await;
        assert_eq!(refused.reply.status, 400, "{}", refused.reply.text);
        assert!(refused.has("delete-problem") && refused.has("account-delete"));
        assert!(refused.reply.text.contains("You’re the last owner of the administration"));
        let mut korean = browser.clone().saying("accept-language", "ko");
        let refused = delete(&mut korean).await;
        assert!(refused.reply.text.contains("마지막 소유자라서 계정을 지울 수 없어요"), "{}", refused.reply.text);
        // Nothing has ended.
        app.refresh(&refresh).await.pair();
        assert!(is_signed_in(&browser, &app).await);
        let evidence = server.evidence().await;
        assert!(evidence.events_of("deletion.planned").await.is_empty());
        users::enable(&May::operator(), store, server.now(), bob).await.unwrap();
        let gone = delete(&mut browser).await;
        assert_eq!(gone.reply.status, 200, "{}", gone.reply.text);
        assert!(gone.reply.text.contains("Your account will be deleted"));
        // Now the other one is the last, until the first one keeps the account.
        let mut bobs = server.browser();
        let login = bobs.open("/account").await;
        bobs.sign_in_as(&login, "bob", PASSWORD).await;
        assert_eq!(delete(&mut bobs).await.reply.status, 400);
        let login = browser.open("/account").await;
        let page = browser.sign_in(&login).await;
        assert!(undo(&mut browser, &page).await.has("account-sign-out"));
        assert_eq!(delete(&mut bobs).await.reply.status, 200);
    }

    async fn of_two_owners_who_delete_their_accounts_at_once_one_stays(database) {
        let server = Server::start(&database).await;
        let store = &*server.inner.services().store;
        for round in 0..4 {
            let names = ["a", "b"].map(|name| format!("{name}{round}"));
            let mut opened = Vec::new();
            for name in &names {
                server.user(name, Some(PASSWORD)).await;
                grant(&server, name, AdminRole::Owner).await;
                let mut browser = server.browser();
                let login = browser.open("/account/data").await;
                let data = browser.sign_in_as(&login, name, PASSWORD).await;
                opened.push((browser, data));
            }
            let clicks = opened.into_iter().map(|(mut browser, data)| async move {
                send(&mut browser, &data, "/account/delete/confirm", &[]).await.reply.status.as_u16()
            });
            let mut answers = join_all(clicks).await;
            answers.sort_unstable();
            assert_eq!(answers, [200, 400], "round {round}");
            // For the next round nobody is left.
            for name in &names {
                let of_owner = (AdminRole::Owner, true);
                roles::revoke(&May::operator(), store, server.now(), Who::Name(name), of_owner).await.unwrap();
            }
        }
    }
}
