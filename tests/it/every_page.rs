//! Every page in each of its states, as a browser gets it: languages, content security policies,
//! hostile texts. Security cases S048, S052, S056, S057, S154, S155, S157.

use crate::pages_of_accounts::{Named, SETTINGS, Walker, pages_of_terms};
use crate::recovery::with_mail;
use crate::support::{App, Browser, Mailbox, PASSWORD, Page, Server, both, form};
use mapae::admin::authority::May;
use mapae::admin::users::Target;

const HOSTILE: &str = "\"><img src=x onerror=alert(1)></script>'{{7*7}}";

async fn answer(browser: &mut Browser, page: &Page, path: &str, more: &[(&str, &str)]) -> Page {
    let (interaction, csrf) = (page.field("interaction"), page.hidden("csrf"));
    let session = page.field("session");
    let mut fields = vec![("csrf", csrf.as_str())];
    fields.extend(interaction.as_deref().map(|id| ("interaction", id)));
    fields.extend(session.as_deref().map(|id| ("session", id)));
    fields.extend(more);
    let page = browser.post(path, &fields).await;
    browser.follow(page).await
}

/// Walks through every page. Two people are `alice` and `bob`; the app asks for consent.
async fn every_page(server: &Server, app: &App, mut browser: Browser) -> Vec<Named> {
    let mut pages = Vec::new();
    let login = browser.open(&app.authorization_url(&[("login_hint", HOSTILE)])).await;
    let typed = |name, password| [("username", name), ("password", password)];
    let wrong = answer(&mut browser, &login, "/login", &typed(HOSTILE, "x")).await;
    let missing = answer(&mut browser, &login, "/login", &typed("alice", "")).await;
    let consent = answer(&mut browser, &login, "/login", &typed("alice", PASSWORD)).await;
    let posted = browser
        .open(&app.authorization_url(&[("response_mode", "form_post"), ("prompt", "consent")]))
        .await;
    let done = posted.hidden("interaction");
    let posted = answer(&mut browser, &posted, "/consent", &[("answer", "allow")]).await;
    server.advance(1);
    let again = browser.open(&app.authorization_url(&[("prompt", "login")])).await;
    let another = format!("/login?interaction={}&another=1", again.hidden("interaction"));
    let another = browser.open(&another).await;
    answer(&mut browser, &another, "/login", &typed("bob", PASSWORD)).await;
    let chooser = browser.open(&app.authorization_url(&[("prompt", "select_account")])).await;
    let finished = browser.get(&format!("/login?interaction={done}")).await;
    let account =
        browser.open(&format!("/account?session={}&done=app", chooser.value_of("account-2"))).await;
    let session = account.hidden("session");
    for (name, path) in [
        ("ways to sign in", "security"),
        ("devices", "devices"),
        ("apps", "apps"),
        ("activity", "activity"),
        ("data", "data"),
    ] {
        pages.push((name, browser.open(&format!("/account/{path}?session={session}")).await));
    }
    let current = [("current-password", "x"), ("new-password", HOSTILE)];
    let password = answer(&mut browser, &account, "/account/password", &current).await;
    let forged = browser
        .post("/account/password", &[("csrf", "x"), ("session", &account.hidden("session"))])
        .await;
    let logout = browser.open("/logout").await;
    let stayed = answer(&mut browser, &logout, "/logout/confirm", &[("answer", "no")]).await;
    let logout_again = browser.open("/logout").await;
    let signed_out =
        answer(&mut browser, &logout_again, "/logout/confirm", &[("answer", "yes")]).await;
    pages.extend([
        ("sign-in", login),
        ("sign-in, wrong", wrong),
        ("sign-in, no password", missing),
        ("consent", consent),
        ("form_post", posted),
        ("sign-in again", again),
        ("sign-in, another", another),
        ("chooser", chooser),
        ("finished", finished),
        ("account", account),
        ("account, wrong", password),
        ("forged", forged),
        ("logout", logout),
        ("stayed", stayed),
        ("signed out", signed_out),
    ]);
    for (name, path) in [
        ("unknown client", "/authorize?client_id=nobody"),
        ("redirect uri", &format!("/authorize?client_id={}", app.id)),
        ("unreadable", "/authorize?client_id=%ff"),
        ("unknown interaction", "/consent?interaction=x"),
        ("bad logout", "/logout?post_logout_redirect_uri=https://evil.example"),
        ("nothing", "/nothing"),
        ("no method", "/login/cancel"),
    ] {
        pages.push((name, browser.get(path).await));
    }
    pages
}

fn heading(page: &Page) -> &str {
    let behind = page.reply.text.split("<h1").nth(1).and_then(|rest| rest.split_once('>'));
    behind.and_then(|(_, rest)| rest.split("</h1>").next()).unwrap_or_default()
}

async fn hostile_app(server: &Server) -> App {
    let app =
        server.web_app("app", |client| HOSTILE.clone_into(&mut client.metadata.client_name)).await;
    // Registration refuses such links; pages do not rely on that.
    let planted = "UPDATE client SET metadata = replace(replace(metadata, \
                   '\"policy_uri\":null', '\"policy_uri\":\"javascript:alert(1)\"'), \
                   '\"tos_uri\":null', '\"tos_uri\":\"data:text/html,x\"')";
    server.evidence().await.run(planted).await;
    server.forget_clients();
    let issuer = server.inner.services();
    for name in ["alice", "bob"] {
        server.user(name, Some(PASSWORD)).await;
        let named = mapae::admin::users::ClaimsChange {
            name: Some(HOSTILE.to_owned()),
            ..Default::default()
        };
        mapae::admin::users::update(
            &May::operator(),
            &issuer.store,
            server.now(),
            None,
            Target::named(name),
            named,
        )
        .await
        .unwrap();
    }
    app
}

async fn hostile_pages(
    server: &Server,
    mails: &Mailbox,
    app: &App,
    browser: Browser,
) -> Vec<Named> {
    let mut pages = every_page(server, app, browser.clone()).await;
    let username = "carol".to_owned();
    let walker = Walker { server, mails, app, browser, username, typed: HOSTILE };
    pages.extend(walker.pages().await);
    pages
}

both! {
    async fn every_page_speaks_the_language_of_its_reader_and_no_other(database) {
        let (server, mails) = with_mail(&database, SETTINGS).await;
        server.alice().await;
        server.user("bob", Some(PASSWORD)).await;
        for (language, accepted) in [("en", "en-US,en;q=0.9,ko;q=0.8"), ("ko", "ko-KR,ko;q=0.9,en;q=0.8")] {
            let app = server.web_app(language, |client| "X".clone_into(&mut client.metadata.client_name)).await;
            let browser = server.browser().saying("accept-language", accepted);
            let mut pages = every_page(&server, &app, browser).await;
            let browser = server.browser().saying("accept-language", accepted);
            let username = format!("carol-{language}");
            let walker = Walker { server: &server, mails: &mails, app: &app, browser, username, typed: "x" };
            pages.extend(walker.pages().await);
            pages.extend(pages_of_terms(&database, accepted).await);
            for (name, page) in pages {
                assert_eq!(page.language(), language, "{name}");
                let hangul = heading(&page).chars().any(|c| ('가'..='힣').contains(&c));
                assert_eq!(hangul, language == "ko", "{name}: {}", heading(&page));
                // Where the reader can go back to by GET they can change the language.
                let here = page.has("lang-en") && page.has("lang-ko");
                let by_get = ["sign-in", "sign-in, wrong", "consent", "chooser", "account", "account, wrong", "ways to sign in", "devices", "apps", "activity", "data", "logout"];
                assert!(here || !by_get.contains(&name), "{name}");
            }
        }
    }

    async fn s155_every_state_of_every_page_carries_its_policy(database) {
        let (server, mails) = with_mail(&database, SETTINGS).await;
        let app = hostile_app(&server).await;
        for (name, page) in Box::pin(hostile_pages(&server, &mails, &app, server.browser())).await {
            let policy = page.reply.header("content-security-policy");
            let scripts = if name == "form_post" { "script-src 'sha256-" } else { "script-src 'self';" };
            for part in ["default-src 'none';", "style-src 'self';", "img-src 'self' data:;", scripts,
                "base-uri 'none';", "frame-ancestors 'none'"] {
                assert!(policy.contains(part), "{name}: {policy}");
            }
            assert_eq!(policy.contains("form-action 'self';"), name != "form_post", "{name}: {policy}");
            assert_eq!(policy.contains("form-action"), name != "form_post", "{name}: {policy}");
            assert!(!policy.contains("unsafe") && !policy.contains("https:;") && !policy.contains('*'), "{name}: {policy}");
            for (header, value) in [("x-frame-options", "DENY"), ("x-content-type-options", "nosniff"),
                ("referrer-policy", "same-origin"),
                ("cache-control", "no-store"), ("content-type", "text/html; charset=utf-8")] {
                assert_eq!(page.reply.header(header), value, "{name}");
            }
            let opener = page.reply.header("cross-origin-opener-policy");
            let is_account = url::Url::parse(&page.url).unwrap().path().starts_with("/account");
            assert_eq!(opener, if is_account { "same-origin" } else { "" }, "{name} {}", page.url);
            assert!(!page.reply.header("permissions-policy").is_empty(), "{name}");
            for absent in ["server", "access-control-allow-origin", "x-powered-by"] {
                assert!(page.reply.headers.get(absent).is_none(), "{name}");
            }
        }
    }

    /// S052, S154: whoever named an app, a person or a device.
    async fn s154_what_others_wrote_is_text_on_every_page(database) {
        let (server, mails) = with_mail(&database, SETTINGS).await;
        let app = hostile_app(&server).await;
        let browser = server.browser().saying("user-agent", HOSTILE);
        for (name, page) in Box::pin(hostile_pages(&server, &mails, &app, browser)).await {
            let html = &page.reply.text;
            for markup in ["<img src=x", "onerror=alert(1)>", "href=\"javascript:", "href=\"data:", "49'", "></script>'"] {
                assert!(!html.contains(markup), "{name}: {html}");
            }
            let scripts = html.matches("<script").count();
            let own = html.matches("<script src=\"/assets/").count();
            assert_eq!(scripts - own, usize::from(name == "form_post"), "{name}");
        }
    }

    /// S052: an error says what is wrong in our words alone.
    async fn s052_no_error_page_repeats_what_it_was_sent(database) {
        let server = Server::start(&database).await;
        let app = server.web_app("app", |_| {}).await;
        let word = "zebrafinch";
        let uri = format!("https://{word}.example/");
        let query = |names: &[&str]| form(&names.iter().map(|name| (*name, word)).collect::<Vec<_>>());
        let every = query(&["error", "error_description", "client_id", "redirect_uri", "state", "interaction", "session",
            "csrf", "lang", "done", "username", "return_to", "next", "rd"]);
        for path in ["/authorize", "/authorize/continue", "/login", "/consent", "/select-account", "/logout/continue",
            "/logout/confirm", "/nothing", "/clients", "/assets", "/login/cancel"] {
            for path in [format!("{path}?{every}"), format!("{path}/{word}?{every}")] {
                let page = server.browser().get(&path).await;
                assert!(page.reply.status.is_client_error(), "{path} {}", page.reply.status);
                assert!(!page.reply.text.contains(word) && page.location().is_none(), "{path}: {}", page.reply.text);
            }
        }
        for path in ["/authorize", "/login", "/login/cancel", "/consent", "/select-account", "/logout/confirm"] {
            let page = server.browser().post(path, &[("interaction", word), ("csrf", word), ("client_id", word), ("lang", word)]).await;
            assert!(page.reply.status.is_client_error() && !page.reply.text.contains(word), "{path}");
        }
        let logout = format!("/logout?{}", form(&[("post_logout_redirect_uri", &uri), ("state", word), ("id_token_hint", word)]));
        let page = server.browser().get(&logout).await;
        page.is_error("invalid_request");
        assert!(!page.reply.text.contains(word));
        let page = server.browser().get(&app.authorization_url(&[("redirect_uri", &uri)])).await;
        page.is_error("invalid_redirect_uri");
        assert!(!page.reply.text.contains(word));
    }

    /// S062: there is nothing that says where to go but what the server keeps.
    async fn s062_nobody_is_sent_where_a_link_says(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        for target in ["//evil.example", "/\\evil.example", "/%5cevil.example", "/%09/evil.example", "https:evil.example",
            "https://evil.example", "javascript:alert(1)"] {
            let mut browser = server.browser();
            let names = ["return_to", "next", "rd", "redirect", "redirect_uri", "url", "continue"];
            let query = form(&names.map(|name| (name, target)));
            let login = browser.open(&format!("/account?{query}")).await;
            assert!(!login.reply.text.contains("evil.example"));
            let mut fields = names.map(|name| (name, target)).to_vec();
            let (interaction, csrf) = (login.hidden("interaction"), login.hidden("csrf"));
            fields.extend([("interaction", interaction.as_str()), ("csrf", &csrf), ("username", "alice"), ("password", PASSWORD)]);
            let page = browser.post("/login", &fields).await;
            assert!(page.location().unwrap().starts_with("/account?session="), "{page:?}");
        }
    }

    /// S168: no input makes a page fail.
    async fn s168_no_input_makes_a_page_fail(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.web_app("app", |client| client.metadata.first_party = true).await;
        let mut browser = server.browser();
        browser.code(&app).await;
        let account = browser.open("/account").await;
        let (session, csrf) = (account.hidden("session"), account.hidden("csrf"));
        let names = ["client_id", "redirect_uri", "response_type", "scope", "prompt", "max_age", "claims", "id_token_hint",
            "interaction", "session", "csrf", "device", "client", "lang", "answer", "post_logout_redirect_uri", "state",
            "code", "secret", "new", "challenge", "credential", "passkey", "email", "username", "auth_session", "user_code"];
        let values = ["app", crate::support::CALLBACK, "code", "openid", "login", "none", "0", "{}", "a.b.c", "%00", "%ff",
            "%", "all", "ko", "yes", "\u{202e}", &session, &csrf];
        let paths = ["/authorize", "/authorize/continue", "/login", "/login/cancel", "/consent", "/select-account", "/logout",
            "/logout/continue", "/logout/confirm", "/account", "/account/security", "/account/devices",
            "/account/apps", "/account/activity", "/account/data", "/account/data/export", "/account/password", "/account/devices/end",
            "/account/apps/remove", "/account/apps/stop", "/account/apps/allow", "/account/profile", "/account/attributes", "/account/email", "/account/email/code", "/account/delete",
            "/account/delete/confirm", "/account/passkeys/add", "/account/passkeys/rename", "/account/passkeys/remove",
            "/account/security/one-time-codes", "/account/security/one-time-codes/add",
            "/account/security/one-time-codes/remove", "/account/security/recovery-codes", "/login/passkey",
            "/login/second-factor", "/login/second-factor/skip", "/login/set-up-factor", "/login/forgot", "/login/code",
            "/login/code/send", "/sign-up", "/sign-up/code", "/sign-up/confirm", "/sign-up/invitation", "/sign-up/account",
            "/terms", "/keep-account", "/recover", "/recover/password", "/confirm-address", "/undo-address",
            "/authorize-challenge", "/device", "/device_authorization"];
        for round in 0..24 {
            let random = mapae::domain::random::bytes::<24>();
            let text: Vec<_> = random.chunks(2).take(round % 12).map(|pair| {
                let value = values[usize::from(pair[1]) % values.len()];
                format!("{}={value}", names[usize::from(pair[0]) % names.len()])
            }).collect();
            let text = text.join("&");
            for path in paths {
                let query = text.replace('\u{202e}', "%e2%80%ae");
                let got = browser.clone().get(&format!("{path}?{query}")).await;
                assert!(got.reply.status.as_u16() < 500, "GET {path}?{query} {}", got.reply.status);
                let request = server.http.post(server.url(path)).body(text.clone())
                    .header("content-type", "application/x-www-form-urlencoded")
                    .header("cookie", format!("{}={}", browser.cookie_name().unwrap(), browser.cookie().unwrap()));
                let status = request.send().await.unwrap().status();
                assert!(status.as_u16() < 500, "POST {path} {text} {status}");
            }
        }
    }
}
