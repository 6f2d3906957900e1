//! Who may sign up: the setting, single clients, `prompt=create`, invitations, and servers that send
//! no mail. Initiating User Registration via OpenID Connect 1.0.

use serde_json::Value;

use mapae::domain::sign_up_mode::SignUpMode;

use crate::sign_up::{EMAIL, NEW, confirm, fill, form_for, open_server, send};
use crate::support::{Binary, Browser, Mailbox, Server, both, http};

async fn prompts(server: &Server) -> Vec<Value> {
    let metadata = server.http.get(server.url("/.well-known/openid-configuration")).send().await;
    let metadata: Value = serde_json::from_str(&metadata.unwrap().text().await.unwrap()).unwrap();
    metadata["prompt_values_supported"].as_array().unwrap().clone()
}

both! {
    async fn by_default_nobody_signs_up_and_no_page_speaks_of_it(database) {
        let mailbox = Mailbox::new();
        let server = Server::start_with(&database, &[("mail.url", &mailbox.url())]).await;
        let app = server.web_app("app", |_| {}).await;
        let mut browser = server.browser();
        let login = browser.open(&app.authorization_url(&[])).await;
        assert!(!login.has("signup-link"));
        let interaction = login.hidden("interaction");
        let back = browser.open(&format!("/sign-up?interaction={interaction}")).await;
        assert!(back.has("login-submit"));
        for path in ["/sign-up", "/sign-up/account", "/sign-up/code"] {
            let fields = [("email", EMAIL), ("name", "x"), ("password", NEW), ("code", "AAAA-AAAA")];
            let page = send(&mut browser, &login, path, &fields).await;
            assert!(page.has("login-submit") || page.reply.status == 400, "{path}: {}", page.reply.text);
            assert!(!page.has("signup-name"));
        }
        assert!(!prompts(&server).await.contains(&"create".into()));
        let page = browser.get(&app.authorization_url(&[("prompt", "create")])).await;
        page.error_response("invalid_request");
        let evidence = server.evidence().await;
        assert_eq!(evidence.count("SELECT count(*) AS n FROM account").await, 0);
        assert_eq!(evidence.count("SELECT count(*) AS n FROM mail_secret").await, 0);
        assert!(mailbox.letters().is_empty());
    }

    async fn registration_4_1_prompt_create_leads_to_the_form_and_signing_in_instead_leads_on(database) {
        let (server, mailbox) = open_server(&database, &[]).await;
        server.alice().await;
        let app = server.web_app("app", |client| client.metadata.first_party = true).await;
        assert!(prompts(&server).await.contains(&"create".into()));
        let create = app.authorization_url(&[("prompt", "create")]);
        let mut browser = server.browser();
        let form = browser.open(&create).await;
        assert!(form.has("signup-email") && form.has("signup-signin"), "{}", form.reply.text);
        // Whoever has an account signs in, and is not asked again.
        let login = format!("/login?interaction={}&another=1", form.hidden("interaction"));
        let login = browser.open(&login).await;
        browser.sign_in(&login).await.authorization_response().code();
        // Somebody who is signed in is shown the form, too: the app wants another account.
        let form = browser.open(&create).await;
        assert!(form.has("signup-email"));
        let page = send(&mut browser, &form, "/sign-up", &[("email", EMAIL)]).await;
        let code = mailbox.first_to(EMAIL).await.code();
        let account = send(&mut browser, &page, "/sign-up/code", &[("code", &code)]).await;
        let code = fill(&mut browser, &account, &[]).await.authorization_response().code();
        app.exchange(&code).await.ok();
        let both = [("prompt", "none create")];
        browser.get(&app.authorization_url(&both)).await.error_response("invalid_request");
    }

    async fn a_client_may_let_people_sign_up_where_the_server_does_not_and_the_other_way_round(database) {
        let mailbox = Mailbox::new();
        let server = Server::start_with(&database, &[("mail.url", &mailbox.url()), ("signup.mode", "invite")]).await;
        let set = |mode| move |client: &mut mapae::domain::client::Client| client.metadata.signup = mode;
        let (open, plain) = (server.web_app("open", set(Some(SignUpMode::Open))).await, server.web_app("plain", set(None)).await);
        let closed = server.web_app("closed", set(Some(SignUpMode::Closed))).await;
        let mut browser = server.browser();
        assert!(browser.open(&open.authorization_url(&[])).await.has("signup-link"));
        let invited = browser.open(&plain.authorization_url(&[])).await;
        assert!(!invited.has("signup-link") && invited.reply.text.contains("by invitation"));
        let silent = browser.open(&closed.authorization_url(&[])).await;
        assert!(!silent.has("signup-link") && !silent.reply.text.contains("by invitation"));
        assert!(prompts(&server).await.contains(&"create".into()));
        assert!(browser.open(&open.authorization_url(&[("prompt", "create")])).await.has("signup-email"));
        for app in [&plain, &closed] {
            let page = browser.get(&app.authorization_url(&[("prompt", "create")])).await;
            page.error_response("invalid_request");
        }
        server.change("open", |client| client.metadata.signup = None).await;
        assert!(!prompts(&server).await.contains(&"create".into()));
    }

    /// Without mail an address stays a claim, and is never a name.
    async fn without_mail_an_account_is_made_at_once_and_its_address_is_only_claimed(database) {
        let server = Server::start_with(&database, &[("signup.mode", "open")]).await;
        let app = server.web_app("app", |client| client.metadata.first_party = true).await;
        let mut browser = server.browser();
        let form = form_for(&mut browser, &app.authorization_url(&[("scope", "openid email")])).await;
        assert!(form.has("signup-name") && form.has("signup-username") && form.has("signup-password"));
        for (field, typed, problem) in [
            ("email", "hana", "signup-email-problem"),
            ("username", EMAIL, "signup-username-problem"),
        ] {
            let fields = [("email", EMAIL), ("username", "hana")];
            let fields: Vec<_> = fields.iter().map(|(name, value)| if *name == field { (field, typed) } else { (*name, *value) }).collect();
            let page = fill(&mut browser, &form, &fields).await;
            assert!(page.has(problem) && page.has("signup-submit"), "{}", page.reply.text);
        }
        let made = fill(&mut browser, &form, &[("email", EMAIL), ("username", "hana")]).await;
        let tokens = app.exchange(&made.authorization_response().code()).await.ok();
        let info = app.userinfo(&tokens.text("access_token")).await.ok().json();
        assert_eq!((info["email"].as_str(), info["email_verified"].as_bool()), (Some(EMAIL), Some(false)));
        // A claim is no name to sign in with.
        let mut other = server.browser();
        let login = other.open("/account").await;
        assert_eq!(other.sign_in_as(&login, EMAIL, NEW).await.reply.status, 400);
        assert!(other.sign_in_as(&login, "hana", NEW).await.has("account-sign-out"));
        // Another person may claim the same address, and takes nothing from the first one.
        let mut second = server.browser();
        let form = form_for(&mut second, &app.authorization_url(&[])).await;
        let fields = [("email", EMAIL), ("username", "hana2")];
        fill(&mut second, &form, &fields).await.authorization_response().code();
        // Twenty an hour from one place.
        for n in 3..=20 {
            let (mut browser, name) = (server.browser(), format!("hana{n}"));
            let form = form_for(&mut browser, &app.authorization_url(&[])).await;
            fill(&mut browser, &form, &[("email", EMAIL), ("username", &name)]).await.authorization_response();
        }
        let mut browser = server.browser();
        let form = form_for(&mut browser, &app.authorization_url(&[])).await;
        let full = fill(&mut browser, &form, &[("email", EMAIL), ("username", "hana21")]).await;
        assert_eq!(full.reply.status, 429);
        assert_eq!(server.evidence().await.count("SELECT count(*) AS n FROM account").await, 20);
    }

    async fn one_may_sign_up_for_the_own_account_page(database) {
        let (server, mailbox) = open_server(&database, &[]).await;
        let mut browser = server.browser();
        let login = browser.open("/account").await;
        assert!(login.has("signup-link"));
        let form = format!("/sign-up?interaction={}", login.hidden("interaction"));
        let form = browser.open(&form).await;
        send(&mut browser, &form, "/sign-up", &[("email", EMAIL)]).await;
        let account = confirm(&mut browser, &mailbox.first_to(EMAIL).await).await;
        assert!(fill(&mut browser, &account, &[]).await.has("account-sign-out"));
    }

    async fn an_invitation_works_in_every_mode_for_seven_days(database) {
        let binary = Binary::start(&database).await;
        let cli = &binary.cli;
        let app = ["client", "create", "--id", "shop", "--kind", "public", "--name", "Shop", "--grant", "authorization_code",
            "--redirect-uri", "https://shop.example.com/callback", "--scope", "openid", "--signup", "closed"];
        cli.json(&app, None).await;
        let invited = cli.json(&["user", "invite", "--email", EMAIL, "--client", "shop"], None).await;
        let link = invited["link"].as_str().expect("a link").to_owned();
        assert!(link.contains("/sign-up/invitation?secret=mapae_ml_"), "{link}");
        for (email, client) in [("nonsense", "shop"), ("other@example.com", "nobody")] {
            let refused = cli.run(&["user", "invite", "--email", email, "--client", client], None).await;
            assert!(refused.code == 1 && !refused.err.is_empty(), "{email}");
        }
        let new_browser = || Browser::new(&binary.issuer(), &http());
        let mut browser = new_browser();
        let page = browser.open(&link).await;
        assert!(page.has("mail-confirm") && page.reply.text.contains(EMAIL), "{}", page.reply.text);
        let secret = page.hidden("secret");
        let account = browser.post("/sign-up/invitation", &[("secret", &secret)]).await;
        let account = browser.follow(account).await;
        // Who closes the page comes back to it by the same link, in the same browser alone.
        let again = browser.post("/sign-up/invitation", &[("secret", &secret)]).await;
        assert!(browser.follow(again).await.has("signup-name"));
        new_browser().post("/sign-up/invitation", &[("secret", &secret)]).await.is_error("unknown_link");
        let made = fill(&mut browser, &account, &[]).await;
        assert_eq!(made.location(), Some("https://shop.example.com/"), "{made:?}");
        browser.post("/sign-up/invitation", &[("secret", &secret)]).await.is_error("unknown_link");
        assert!(browser.open("/account").await.has("account-sign-out"));
        let shown = cli.json(&["user", "show", "--username", EMAIL], None).await;
        assert_eq!(shown["email_verified"], true);
        // Who has an account is not invited.
        assert_eq!(cli.run(&["user", "invite", "--email", "HANA@example.com"], None).await.code, 1);
        let evidence = binary.evidence().await;
        for kind in ["invitation.made", "invitation.accepted"] {
            let events = evidence.events_of(kind).await;
            assert_eq!(events.len(), 1, "{kind}");
            assert_eq!(events[0].client.as_deref(), Some("shop"), "{kind}");
        }
    }
}
