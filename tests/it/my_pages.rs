//! The pages of my account: the way between them, the profile, the activity, and the data that
//! people take along.

use serde_json::{Value, json};

use crate::my_account::{first_party, send, signed_in};
use crate::support::{Browser, Evidence, PASSWORD, Page, Server, both};

const PAGES: [&str; 6] = ["", "/security", "/devices", "/apps", "/activity", "/data"];

/// Sends the form of the profile.
async fn save(browser: &mut Browser, fields: &[(&str, &str)]) -> Page {
    let account = browser.open("/account").await;
    send(browser, &account, "/account/profile", fields).await
}

async fn at_account(server: &Server) -> Browser {
    let mut browser = server.browser();
    let login = browser.open("/account").await;
    assert!(browser.sign_in(&login).await.has("account-sign-out"));
    browser
}

/// The file with everything.
async fn export(browser: &mut Browser) -> Value {
    let page = browser.open("/account/data").await;
    assert!(page.has("data-export"));
    let file = send(browser, &page, "/account/data/export", &[]).await.reply;
    assert_eq!(file.header("content-type"), "application/json");
    assert_eq!(file.header("content-disposition"), "attachment; filename=\"my-account.json\"");
    assert_eq!(file.header("cache-control"), "no-store");
    file.ok().json()
}

/// Writes these rows of audit events at once.
async fn write_events(evidence: &Evidence, rows: impl Iterator<Item = String>) {
    let rows: Vec<String> = rows.collect();
    let columns = "id, at, kind, user_id, times";
    evidence.run(&format!("INSERT INTO audit_event ({columns}) VALUES {}", rows.join(", "))).await;
}

both! {
    async fn every_page_leads_to_every_other_one_and_a_sign_in_to_the_page_that_was_asked_for(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        for path in PAGES {
            let path = format!("/account{path}");
            let mut browser = server.browser();
            let login = browser.open(&path).await;
            assert!(login.has("login-submit"), "{path}");
            let page = browser.sign_in(&login).await;
            assert!(page.url.contains(&format!("{path}?session=")), "{path} {}", page.url);
            assert!(page.has("account-sign-out"), "{path}");
            for id in ["to-profile", "to-security", "to-devices", "to-apps", "to-activity", "to-data"] {
                assert!(page.has(id), "{path} {id}");
            }
            assert_eq!(page.reply.text.matches("aria-current=\"page\"").count(), 1, "{path}");
        }
    }

    async fn core_5_1_a_person_changes_the_claims_that_apps_read(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = first_party(&server).await;
        let asked = app.authorization_url(&[("scope", "openid profile")]);
        let code = server.browser().arrive(&asked).await.authorization_response().code();
        let (access, _) = app.exchange(&code).await.pair();
        let before = app.userinfo(&access).await.ok().json();
        server.advance(10);
        let mut browser = at_account(&server).await;
        let fields = [
            ("name", " 홍길동 "), ("nickname", "길동"), ("picture", "https://a.example/me.png"), ("locale", "ko_kr"),
            ("zoneinfo", "Asia/Seoul"), ("given_name", "길동"), ("family_name", "홍"), ("birthdate", "1990-12-31"),
            ("website", "https://a.example/"), ("profile", "https://a.example/me"), ("gender", "male"),
        ];
        let page = save(&mut browser, &fields).await;
        assert!(page.location().unwrap().starts_with("/account?session="));
        let page = browser.follow(page).await;
        assert!(page.reply.text.contains("Your profile is saved.") && page.reply.text.contains("홍길동"));
        let after = app.userinfo(&access).await.ok().json();
        for (claim, value) in [("name", "홍길동"), ("nickname", "길동"), ("picture", "https://a.example/me.png"),
            ("locale", "ko-KR"), ("zoneinfo", "Asia/Seoul"), ("birthdate", "1990-12-31"), ("gender", "male")] {
            assert_eq!(after[claim], value, "{claim}");
        }
        assert_eq!(after["updated_at"].as_i64().unwrap(), before["updated_at"].as_i64().unwrap() + 10);
        // What is the same is no change; what the form does not have stays; what is empty goes.
        server.advance(10);
        let page = save(&mut browser, &[("name", "홍길동")]).await;
        assert!(!browser.follow(page).await.reply.text.contains("Your profile is saved."));
        assert_eq!(app.userinfo(&access).await.ok().json(), after);
        save(&mut browser, &[("nickname", "")]).await;
        let last = app.userinfo(&access).await.ok().json();
        assert_eq!((&last["nickname"], &last["name"]), (&Value::Null, &json!("홍길동")));
        assert_eq!(last["updated_at"].as_i64().unwrap(), after["updated_at"].as_i64().unwrap() + 10);
        let events = server.evidence().await.events_of("user.updated").await;
        assert!(events.len() == 2 && events.iter().all(|event| event.address.is_some()));
    }

    async fn what_is_no_value_of_a_claim_is_not_taken_and_stays_in_the_form(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let mut browser = at_account(&server).await;
        let long = "x".repeat(201);
        for (field, value) in [
            ("picture", "http://a.example/me.png"), ("picture", "javascript:alert(1)"), ("website", "a.example"),
            ("locale", "xx"), ("zoneinfo", "Seoul"), ("zoneinfo", "../etc/passwd"), ("birthdate", "31.12.1990"),
            ("name", long.as_str()), ("nickname", "a\u{202e}b"),
        ] {
            let page = save(&mut browser, &[("given_name", "Alice"), (field, value)]).await;
            assert_eq!(page.reply.status, 400, "{field} {value}");
            assert!(page.has(&format!("{field}-problem")), "{field} {value}");
            assert_eq!(page.field(field).unwrap(), value, "{field}");
            assert_eq!(page.field("given_name").unwrap(), "Alice");
            assert_eq!(page.reply.text.matches(" autofocus").count(), 1, "{field}");
        }
        assert!(server.evidence().await.events_of("user.updated").await.is_empty());
        assert_eq!(browser.open("/account").await.field("given_name").unwrap(), "");
        // Nobody else sends this form.
        let account = browser.open("/account").await;
        let fields = [("session", account.hidden("session")), ("csrf", "x".to_owned()), ("name", "Eve".to_owned())];
        let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
        browser.post("/account/profile", &fields).await.is_error("forbidden");
    }

    async fn the_activity_says_what_happened_in_words(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        server.user("bob", Some(PASSWORD)).await;
        let app = server.web_app("app", |client| "The Shop".clone_into(&mut client.metadata.client_name)).await;
        let mut browser = server.browser();
        let login = browser.open("/account").await;
        browser.sign_in_as(&login, "alice", "wrong").await;
        server.advance(1);
        browser.sign_in(&login).await;
        app.exchange(&browser.code(&app).await).await.pair();
        save(&mut browser, &[("nickname", "Al")]).await;
        let page = browser.open("/account/activity").await;
        assert!(page.has("activity") && !page.has("activity-more"));
        let text = &page.reply.text;
        for said in ["You signed in", "A sign-in failed", "You allowed an app", "App: The Shop", "Your profile was changed",
            "Your account was created", "127.0.0.1"] {
            assert!(text.contains(said), "{said}: {text}");
        }
        // The newest stands first, and what another person did stands nowhere.
        assert!(text.find("Your profile was changed") < text.find("You signed in"));
        assert!(text.find("You signed in") < text.find("A sign-in failed"));
        let mut bobs = server.browser();
        let login = bobs.open("/account/activity").await;
        let his = bobs.sign_in_as(&login, "bob", PASSWORD).await;
        assert!(his.reply.text.contains("You signed in") && !his.reply.text.contains("The Shop"));
        let mut korean = browser.clone().saying("accept-language", "ko");
        assert!(korean.open("/account/activity").await.reply.text.contains("로그인했어요"));
    }

    /// Somebody who knows the password, or reads the mails, leaves traces that the person can read.
    async fn the_activity_names_what_others_may_have_done(database) {
        let server = Server::start(&database).await;
        let sub = server.alice().await;
        let mut browser = at_account(&server).await;
        let mut korean = browser.clone().saying("accept-language", "ko");
        let evidence = server.evidence().await;
        for (kind, words, korean_words) in [
            ("factor.asked", "The first step of a sign-in was right", "로그인 첫 단계가 맞아서"),
            ("session.strengthened", "You confirmed a sign-in with another step", "추가 인증으로"),
            ("recovery.link_made", "An administrator made a link", "관리자가 새 비밀번호를 위한 링크를"),
            ("recovery.link_used", "A link for a new password was used", "새 비밀번호를 위한 링크를 썼어요"),
            ("sign_in.code_sent", "A code to sign in was sent", "로그인 코드를 메일로 보냈어요"),
            ("address.requested", "A new email address was entered", "새 이메일 주소를 입력했고"),
            ("account.displaced", "your account lost it", "계정에서 빠졌어요"),
            ("sign_up.asked", "Someone wanted to make an account", "누군가 내 이메일 주소로"),
            ("sign_up.completed", "You signed up", "가입했어요"),
            ("invitation.accepted", "You accepted an invitation", "초대를 받아들였어요"),
            ("recovery_code.removed", "Your recovery codes were removed", "복구 코드가 지워졌어요"),
            ("mail.given_up", "couldn’t be delivered", "전달되지 못했어요"),
        ] {
            for (browser, words) in [(&mut browser, words), (&mut korean, korean_words)] {
                let page = browser.open("/account/activity").await;
                assert!(!page.reply.text.contains(words), "{kind}: {words}");
            }
            let at = server.now().now().timestamp_millis();
            let values = format!("'of {kind}', {at}, '{kind}', '{sub}', 1");
            evidence.run(&format!("INSERT INTO audit_event (id, at, kind, user_id, times) VALUES ({values})")).await;
            for (browser, words) in [(&mut browser, words), (&mut korean, korean_words)] {
                let page = browser.open("/account/activity").await;
                assert!(page.reply.text.contains(words), "{kind}: {words} in {}", page.reply.text);
            }
        }
    }

    async fn the_activity_is_read_part_by_part(database) {
        let server = Server::start(&database).await;
        let sub = server.alice().await;
        let mut browser = at_account(&server).await;
        let evidence = server.evidence().await;
        // Many at the same instant, and among them many that are for operators only. They are young, so
        // that the cleaning up leaves them.
        let since = server.now().now().timestamp_millis() - 1_000_000;
        let row = |number: i64| {
            let kind = if number % 2 == 0 { "user.password_changed" } else { "family.started" };
            format!("('e{number:03}', {}, '{kind}', '{sub}', 1)", since + number / 10)
        };
        write_events(&evidence, (0..100).map(row)).await;
        let mut page = browser.open("/account/activity").await;
        let mut seen = page.reply.text.matches("You changed your password").count();
        for _ in 0..10 {
            if !page.has("activity-more") {
                break;
            }
            let rest = page.reply.text.split("id=\"activity-more\" href=\"").nth(1).unwrap();
            let href = rest.split('"').next().unwrap().replace("&#38;", "&");
            page = browser.open(&href).await;
            seen += page.reply.text.matches("You changed your password").count();
        }
        assert_eq!(seen, 50, "each once");
    }

    async fn everything_that_is_stored_about_a_person_is_one_file(database) {
        let server = Server::start(&database).await;
        let sub = server.alice().await;
        let app = server.web_app("app", |client| "The Shop".clone_into(&mut client.metadata.client_name)).await;
        let (mut browser, ..) = signed_in(&server, &app).await;
        let evidence = server.evidence().await;
        // More than is read at once, and young, so that the cleaning up leaves them.
        let since = server.now().now().timestamp_millis() - 1_000_000;
        let row = |number: i64| format!("('e{number}', {}, 'user.updated', '{sub}', 1)", since + number);
        write_events(&evidence, (0..1100).map(row)).await;
        let file = export(&mut browser).await;
        assert_eq!((&file["account"]["sub"], &file["account"]["username"]), (&json!(sub), &json!("alice")));
        assert_eq!(file["account"]["claims"]["name"], "Alice");
        assert_eq!(file["issuer"], server.issuer());
        assert_eq!(file["sign_in_methods"], json!({ "password": true, "providers": [], "passkeys": [], "one_time_codes_since": null, "recovery_codes_left": 0 }));
        assert_eq!(file["devices"].as_array().unwrap().len(), 1);
        assert_eq!(file["devices"][0]["address"], "127.0.0.1");
        assert_eq!((&file["apps"][0]["client_id"], &file["apps"][0]["name"]), (&json!("app"), &json!("The Shop")));
        let activity = file["activity"].as_array().unwrap();
        let recorded = format!("SELECT count(*) AS n FROM audit_event WHERE user_id = '{sub}'");
        assert_eq!(i64::try_from(activity.len()), Ok(evidence.count(&recorded).await));
        assert_eq!(activity[0]["event"], "user.data_exported");
        // No secret is in it.
        assert!(!file.to_string().contains("argon2"));
        // Nobody else gets it.
        let page = browser.open("/account/data").await;
        let fields = [("session", page.hidden("session")), ("csrf", "x".to_owned())];
        let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
        browser.post("/account/data/export", &fields).await.is_error("forbidden");
        assert_eq!(evidence.events_of("user.data_exported").await.len(), 1);
    }
}
