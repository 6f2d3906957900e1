//! Forms are accepted only from our own pages and from the browser that loaded them (security cases
//! S035, S055, S063), and every page has its security headers (S056, S057, S155, S157).

use crate::support::{App, Browser, PASSWORD, Page, Server, both};

/// Every form of the pages, as a browser that is in the middle of everything would send it.
struct Forms {
    browser: Browser,
    all: Vec<(&'static str, Vec<(&'static str, String)>)>,
}

async fn forms(server: &Server, app: &App) -> Forms {
    let mut browser = server.browser();
    let login = browser.open(&app.authorization_url(&[])).await;
    let consent = browser.sign_in(&login).await;
    server.advance(1);
    let again = browser.open(&app.authorization_url(&[("prompt", "login")])).await;
    let choosing = browser.open(&app.authorization_url(&[("prompt", "select_account")])).await;
    let logout = browser.open("/logout").await;
    let account = browser.open("/account").await;
    let device = browser.open("/device").await;
    let ticket = |page: &Page, more: &[(&'static str, &str)]| {
        let mut fields =
            vec![("interaction", page.hidden("interaction")), ("csrf", page.hidden("csrf"))];
        fields.extend(more.iter().map(|(name, value)| (*name, (*value).to_owned())));
        fields
    };
    let own = |more: &[(&'static str, &str)]| {
        let mut fields =
            vec![("session", account.hidden("session")), ("csrf", account.hidden("csrf"))];
        fields.extend(more.iter().map(|(name, value)| (*name, (*value).to_owned())));
        fields
    };
    let typed = [("username", "alice"), ("password", PASSWORD)];
    let all = vec![
        ("/login", ticket(&again, &typed)),
        ("/login/cancel", ticket(&again, &[])),
        ("/select-account", ticket(&choosing, &[])),
        ("/consent", ticket(&consent, &[("answer", "allow")])),
        ("/logout/confirm", ticket(&logout, &[("answer", "yes")])),
        (
            "/account/password",
            own(&[("current-password", PASSWORD), ("new-password", "a much better one 7!")]),
        ),
        ("/account/devices/end", own(&[("device", "all")])),
        ("/account/apps/remove", own(&[("client", "app")])),
        ("/account/apps/stop", own(&[("client", "app")])),
        ("/account/apps/allow", own(&[("client", "app")])),
        ("/account/sign-out", own(&[])),
        (
            "/device",
            vec![
                ("session", device.hidden("session")),
                ("csrf", device.hidden("csrf")),
                ("user_code", "BCDF-GHJK".to_owned()),
                ("answer", "allow".to_owned()),
            ],
        ),
    ];
    Forms { browser, all }
}

fn borrowed<'a>(fields: &'a [(&'static str, String)]) -> Vec<(&'a str, &'a str)> {
    fields.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

/// That nothing happened: the person is signed in, and nobody got a code.
async fn nothing_happened(server: &Server, browser: &Browser) {
    assert!(browser.clone().open("/account").await.has("account-sign-out"));
    let events = server.evidence().await.events().await;
    let ended = ["consent.given", "session.ended", "user.password_changed", "consent.withdrawn"];
    assert!(!events.iter().any(|event| ended.contains(&event.kind.as_str())), "{events:?}");
}

both! {
    async fn s063_a_form_from_another_site_is_turned_away(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.web_app("app", |_| {}).await;
        let Forms { browser, all } = forms(&server, &app).await;
        for (path, fields) in &all {
            for (name, value) in [
                ("origin", "https://evil.example"),
                ("origin", "null"),
                ("origin", "http://localhost:1"),
                ("sec-fetch-site", "cross-site"),
                ("sec-fetch-site", "same-site"),
            ] {
                let mut lured = browser.clone().saying(name, value);
                let page = lured.post(path, &borrowed(fields)).await;
                page.is_error("forbidden");
                assert_eq!(page.reply.status, 403, "{path} {name} {value}");
                assert_eq!(lured.cookie(), browser.cookie());
            }
        }
        nothing_happened(&server, &browser).await;
    }

    async fn s055_a_form_needs_the_token_of_its_own_page_and_browser(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.web_app("app", |_| {}).await;
        let Forms { mut browser, all } = forms(&server, &app).await;
        // Another browser, with the same person signed in.
        let Forms { browser: mut other, all: others } = forms(&server, &app).await;
        for ((path, fields), (_, theirs)) in all.iter().zip(&others) {
            let with = |csrf: &str| {
                let mut changed = fields.clone();
                changed.iter_mut().filter(|(name, _)| *name == "csrf").for_each(|field| csrf.clone_into(&mut field.1));
                changed
            };
            let their_token = theirs.iter().find(|(name, _)| *name == "csrf").unwrap().1.clone();
            let token = |fields: &[(&str, String)]| {
                fields.iter().find(|(name, _)| *name == "csrf").unwrap().1.clone()
            };
            // Of another page of the same browser.
            let mut tokens = all.iter().map(|(_, other)| token(other));
            let other_form = tokens.find(|other| *other != token(fields)).unwrap();
            for wrong in [String::new(), "x".to_owned(), their_token, other_form] {
                let page = browser.post(path, &borrowed(&with(&wrong))).await;
                assert_eq!((page.reply.status.as_u16(), page.error_code()), (403, "forbidden"), "{path}");
            }
            // Right in itself, but sent by another browser: an attacker's form, or a stolen one.
            let page = other.post(path, &borrowed(fields)).await;
            let turned_away = page.reply.status.is_client_error() || page.location().is_some_and(|to| to.starts_with("/account") || to == "/device");
            assert!(turned_away, "{path} {page:?}");
        }
        nothing_happened(&server, &browser).await;
    }

    /// S035: what is decided stands on the server; hidden fields only name it.
    async fn s035_hidden_fields_decide_nothing(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.web_app("app", |_| {}).await;
        let mut browser = server.browser();
        let login = browser.open(&app.authorization_url(&[])).await;
        let (interaction, csrf) = (login.hidden("interaction"), login.hidden("csrf"));
        let tampered = [
            ("interaction", interaction.as_str()),
            ("csrf", &csrf),
            ("username", "alice"),
            ("password", PASSWORD),
            ("redirect_uri", "https://evil.example/cb"),
            ("client_id", "other"),
            ("scope", "openid profile email read write"),
            ("response_mode", "fragment"),
            ("answer", "allow"),
        ];
        let page = browser.post("/login", &tampered).await;
        let consent = browser.follow(page).await;
        assert!(consent.has("consent-allow"));
        let (interaction, csrf) = (consent.hidden("interaction"), consent.hidden("csrf"));
        let tampered = [
            ("interaction", interaction.as_str()),
            ("csrf", &csrf),
            ("answer", "allow"),
            ("scope", "openid profile email read write"),
            ("redirect_uri", "https://evil.example/cb"),
        ];
        let answer = browser.post("/consent", &tampered).await;
        assert!(answer.location().unwrap().starts_with(crate::support::CALLBACK));
        assert_eq!(app.exchange(&answer.authorization_response().code()).await.ok().text("scope"), "openid");
        // A repeated field is no form.
        let twice = [("interaction", "a"), ("interaction", "b")];
        browser.post("/consent", &twice).await.is_error("invalid_request");
        let big = "x".repeat(70_000);
        let page = browser.post("/login", &[("username", &big)]).await;
        assert_eq!(page.reply.status, 413);
        page.is_error("invalid_request");
    }

    /// S056, S057, S155, S157
    async fn s155_every_page_carries_its_policy(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.web_app("app", |_| {}).await;
        let mut browser = server.browser();
        let login = browser.open(&app.authorization_url(&[])).await;
        let wrong = browser.sign_in_as(&login, "alice", "wrong").await;
        let consent = browser.sign_in(&login).await;
        let chooser = browser.open(&app.authorization_url(&[("prompt", "select_account")])).await;
        let account = browser.open("/account").await;
        let logout = browser.open("/logout").await;
        let error = browser.get("/authorize").await;
        let nothing = browser.get("/nothing").await;
        for page in [&login, &wrong, &consent, &chooser, &account, &logout, &error, &nothing] {
            let policy = page.reply.header("content-security-policy");
            for part in ["default-src 'none'", "style-src 'self'", "script-src 'self'", "form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'"] {
                assert!(policy.contains(part), "{policy}");
            }
            assert!(!policy.contains("unsafe"), "{policy}");
            for (name, value) in [
                ("x-frame-options", "DENY"),
                ("x-content-type-options", "nosniff"),
                ("referrer-policy", "same-origin"),
                ("cache-control", "no-store"),
                ("content-type", "text/html; charset=utf-8"),
            ] {
                assert_eq!(page.reply.header(name), value, "{}", page.url);
            }
            assert!(!page.reply.header("permissions-policy").is_empty());
            assert!(page.reply.headers.get("server").is_none());
            assert!(page.reply.headers.get("access-control-allow-origin").is_none());
            for outside in ["src=\"http", "href=\"http://", "//cdn", "<style", "style=\"", "onclick"] {
                assert!(!page.reply.text.contains(outside), "{outside} in {}", page.url);
            }
        }
        // A form ends here: what it brings about goes on by a page (S156).
        for page in [&login, &wrong, &consent, &chooser, &account, &logout] {
            let policy = page.reply.header("content-security-policy");
            assert!(policy.contains("form-action 'self';"), "{policy}");
        }
        // An app may talk to the window that it opened for this, but nobody to that of the account.
        for page in [&login, &wrong, &consent, &chooser, &logout, &error] {
            assert_eq!(page.reply.header("cross-origin-opener-policy"), "", "{}", page.url);
        }
        assert_eq!(account.reply.header("cross-origin-opener-policy"), "same-origin");
        // Files change their names with their content, and may be kept for ever.
        let assets: Vec<_> = login.reply.text.split("/assets/").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        assert!(assets.iter().any(|name| name.starts_with("mapae.") && name.contains(".css")), "{assets:?}");
        for name in assets {
            let asset = browser.get(&format!("/assets/{name}")).await;
            assert_eq!(asset.reply.status, 200);
            assert_eq!(asset.reply.header("cache-control"), "public, max-age=31536000, immutable");
        }
        assert_eq!(browser.get("/assets/mapae.css").await.reply.status, 404);
    }

    async fn people_read_their_own_language(database) {
        let server = Server::start(&database).await;
        let app = server.web_app("app", |_| {}).await;
        let lang = |page: &Page| page.language().to_owned();
        let url = app.authorization_url(&[]);
        for (accepted, ui_locales, expected) in [
            ("", "", "en"),
            ("ko-KR,ko;q=0.9,en;q=0.8", "", "ko"),
            ("fr, ko;q=0.3", "", "ko"),
            ("ko", "en", "en"),
            ("en", "se ko", "ko"),
        ] {
            let mut browser = server.browser().saying("accept-language", accepted);
            let page = browser.open(&app.authorization_url(&[("ui_locales", ui_locales)])).await;
            assert_eq!(lang(&page), expected, "{accepted} {ui_locales}");
        }
        // What they choose on a page stays, here and next time.
        let mut browser = server.browser().saying("accept-language", "en");
        let login = browser.open(&app.authorization_url(&[("ui_locales", "en")])).await;
        assert!(login.has("lang-ko"));
        let spoken = browser.open(&format!("/login?interaction={}&lang=ko", login.hidden("interaction"))).await;
        assert_eq!(lang(&spoken), "ko");
        let wrong = browser.sign_in_as(&spoken, "nobody", "x").await;
        assert_eq!(lang(&wrong), "ko");
        assert_eq!(lang(&browser.open(&url).await), "ko");
        assert_eq!(lang(&browser.get("/nothing").await), "ko");
    }

    /// What a database cannot hold (a NUL, for one) is no reason to fail.
    async fn s031_hostile_bytes_never_reach_the_database(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.web_app("app", |_| {}).await;
        let nul = "a\0b\u{7f}\u{202e}'\"\\";
        for name in ["state", "nonce", "login_hint", "ui_locales", "acr_values", "display"] {
            let mut browser = server.browser().saying("user-agent", "\u{e9}<script>'\"");
            let login = browser.open(&app.authorization_url(&[(name, nul)])).await;
            assert!(login.has("login-submit"), "{name} {}", login.reply.status);
            let wrong = browser.sign_in_as(&login, nul, nul).await;
            assert_eq!(wrong.reply.status, 400, "{name}");
            let page = browser.sign_in(&login).await;
            let page = if page.has("consent-allow") { browser.consent(&page, "allow").await } else { page };
            app.exchange(&page.authorization_response().code()).await.ok();
        }
        let sub = r#"{"id_token":{"sub":{"value":"a\u0000b"}}}"#;
        let mut browser = server.browser();
        assert!(browser.open(&app.authorization_url(&[("claims", sub)])).await.has("login-submit"));
        browser.sign_in(&browser.clone().open(&app.authorization_url(&[])).await).await;
        for path in ["/client-logo/%00", "/assets/%00", "/account?session=%00", "/logout?state=%00&client_id=%00", "/login?interaction=%00&lang=%00", "/logout/confirm?interaction=%00", "/authorize/continue?interaction=%27%00"] {
            let page = browser.open(path).await;
            assert!(!page.reply.status.is_server_error(), "{path} {}", page.reply.text);
        }
        let account = browser.open("/account").await;
        if account.has("account-sign-out") {
            let (csrf, session) = (account.hidden("csrf"), account.hidden("session"));
            for (path, field) in [("/account/devices/end", "device"), ("/account/apps/remove", "client"), ("/account/apps/stop", "client"), ("/account/apps/allow", "client")] {
                let fields = [("csrf", csrf.as_str()), ("session", &session), (field, nul)];
                assert_eq!(browser.post(path, &fields).await.reply.status, 303, "{path}");
            }
        }
    }
}
