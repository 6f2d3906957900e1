//! Consent: what people allow, and how long it counts. OpenID Connect Core §3.1.2.4, RFC 8252 §8.6,
//! security case S054.

use mapae::domain::client::{AuthMethod, Client, ClientKind};
use mapae::domain::grant_type::GrantType;
use mapae::domain::scope::Scope;

use crate::support::{App, CALLBACK, PASSWORD, Page, Server, both, decode_claims};

fn native(client: &mut Client) {
    client.kind = ClientKind::Public;
    client.metadata.token_endpoint_auth_method = AuthMethod::None;
    client.metadata.grant_types = vec![GrantType::AuthorizationCode];
}

/// The lines of what is asked for, and of what was allowed before.
fn wishes(consent: &Page) -> (usize, usize) {
    let lines = |html: &str| html.matches("<li><svg").count();
    let (asked, known) =
        consent.reply.text.split_once("<details>").unwrap_or((&consent.reply.text, ""));
    (lines(asked), lines(known))
}

fn asking(app: &App, scope: &str) -> String {
    app.authorization_url(&[("scope", scope)])
}

both! {
    async fn s054_the_page_names_the_app_the_person_and_every_wish(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.web_app("app", |client| {
            "The Shop".clone_into(&mut client.metadata.client_name);
            client.metadata.policy_uri = Some("https://app.example.com/policy".to_owned());
            client.metadata.tos_uri = Some("https://app.example.com/terms".to_owned());
        })
        .await;
        let mut browser = server.browser();
        let claims = r#"{"userinfo":{"phone_number":null},"id_token":{"name":null}}"#;
        let scope = "openid profile email offline_access read";
        let changes = [("scope", scope), ("claims", claims), ("prompt", "consent")];
        let login = browser.open(&app.authorization_url(&changes)).await;
        assert!(login.reply.text.contains("The Shop"));
        let consent = browser.sign_in(&login).await;
        assert_eq!(wishes(&consent), (7, 0), "{}", consent.reply.text);
        for shown in [
            "The Shop",
            "app.example.com",
            "Alice",
            "<code>read</code>",
            "href=\"https://app.example.com/policy\"",
            "href=\"https://app.example.com/terms\"",
        ] {
            assert!(consent.reply.text.contains(shown), "{shown}");
        }
        assert!(consent.has("consent-allow") && consent.has("consent-deny") && consent.has("consent-switch"));
    }

    async fn s054_what_was_allowed_covers_nothing_new(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.web_app("app", |_| {}).await;
        let mut browser = server.browser();
        let login = browser.open(&asking(&app, "openid profile")).await;
        let consent = browser.sign_in(&login).await;
        assert_eq!(wishes(&consent), (2, 0));
        browser.consent(&consent, "allow").await.authorization_response().code();
        // The same and less: nobody is asked, in any browser.
        for scope in ["openid profile", "profile", "openid"] {
            browser.get(&asking(&app, scope)).await.authorization_response().code();
        }
        let mut other = server.browser();
        let login = other.open(&asking(&app, "openid profile")).await;
        other.sign_in(&login).await.authorization_response().code();
        // More: they are asked about what is new, and see what is not.
        let silent = [("scope", "openid profile email"), ("prompt", "none")];
        browser.get(&app.authorization_url(&silent)).await.error_response("consent_required");
        let consent = browser.open(&asking(&app, "openid profile email")).await;
        assert_eq!(wishes(&consent), (1, 2));
        // Who says no keeps what was, and the app gets nothing.
        browser.consent(&consent, "deny").await.error_response("access_denied");
        browser.get(&asking(&app, "openid profile")).await.authorization_response().code();
        let consent = browser.open(&asking(&app, "openid profile email")).await;
        let granted = browser.consent(&consent, "allow").await.authorization_response().code();
        assert_eq!(app.exchange(&granted).await.ok().text("scope"), "email openid profile");
        // What was allowed adds up, and each app gets what it asks for.
        let code = browser.get(&asking(&app, "openid")).await.authorization_response().code();
        assert_eq!(app.exchange(&code).await.ok().text("scope"), "openid");
        // A single claim is something new as well.
        let claims = r#"{"userinfo":{"address":null}}"#;
        let by_name = app.authorization_url(&[("claims", claims)]);
        let consent = browser.open(&by_name).await;
        assert_eq!(wishes(&consent), (1, 1));
        browser.consent(&consent, "allow").await.authorization_response().code();
        browser.get(&by_name).await.authorization_response().code();
    }

    /// A token for another resource is another thing to allow.
    async fn rfc8707_2_consent_covers_the_resources_that_were_shown(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let [orders, files] = ["https://orders.example", "https://files.example/api"];
        let app = server.web_app("app", |client| {
            client.metadata.audiences = vec![orders.to_owned(), files.to_owned()];
        })
        .await;
        let mut browser = server.browser();
        let at = |resources: &[&str]| {
            let resources: Vec<_> = resources.iter().map(|one| ("resource", *one)).collect();
            app.authorization_url(&resources)
        };
        let login = browser.open(&at(&[orders])).await;
        let consent = browser.sign_in(&login).await;
        assert_eq!(wishes(&consent), (2, 0));
        assert!(consent.reply.text.contains(&format!("<code>{orders}</code>")));
        browser.consent(&consent, "allow").await.authorization_response().code();
        browser.get(&at(&[orders])).await.authorization_response().code();
        browser.get(&at(&[])).await.authorization_response().code();
        let silent = [("resource", files), ("prompt", "none")];
        browser.get(&app.authorization_url(&silent)).await.error_response("consent_required");
        let consent = browser.open(&at(&[orders, files])).await;
        assert_eq!(wishes(&consent), (1, 2), "{}", consent.reply.text);
        browser.consent(&consent, "deny").await.error_response("access_denied");
        let consent = browser.open(&at(&[files])).await;
        let code = browser.consent(&consent, "allow").await.authorization_response().code();
        app.exchange(&code).await.ok();
        // What was allowed adds up.
        browser.get(&at(&[orders, files])).await.authorization_response().code();
    }

    /// Nobody allows what the page did not show.
    async fn rfc8707_2_2_a_resource_that_is_named_at_the_token_endpoint_alone_was_not_allowed(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let [orders, files] = ["https://orders.example", "https://files.example/api"];
        let app = server.web_app("app", |client| {
            client.metadata.audiences = vec![orders.to_owned(), files.to_owned()];
        })
        .await;
        let named = |resource| [("resource", resource)];
        let aud = |access: &str| decode_claims(access)["aud"].clone();
        let at_orders = serde_json::json!([orders, server.issuer()]);
        let mut browser = server.browser();
        let login = browser.open(&app.authorization_url(&[])).await;
        let consent = browser.sign_in(&login).await;
        assert!(!consent.reply.text.contains(files), "{}", consent.reply.text);
        let code = browser.consent(&consent, "allow").await.authorization_response().code();
        let refused = async |code: &str, resources: &[(&str, &str)]| {
            let reply = app.exchange_with(code, resources).await;
            reply.refused(400, "invalid_target");
            assert!(reply.text("error_description").ends_with(files), "{}", reply.text);
        };
        refused(&code, &named(files)).await;
        refused(&code, &[("resource", orders), ("resource", files)]).await;
        // Nothing was spent. A refresh token does not know more.
        let (access, refresh) = app.exchange(&code).await.pair();
        assert_eq!(aud(&access), at_orders);
        app.refresh_with(&refresh, &named(files)).await.refused(400, "invalid_target");
        // Whoever names what comes without asking gets just that.
        let (access, refresh) = app.refresh_with(&refresh, &named(orders)).await.pair();
        assert_eq!(aud(&access), at_orders);
        assert_eq!(aud(&app.refresh(&refresh).await.pair().0), at_orders);
        assert!(server.evidence().await.events_of("refresh.reused").await.is_empty());
        // Without a page there is no other answer.
        let silent = [("resource", files), ("prompt", "none")];
        browser.get(&app.authorization_url(&silent)).await.error_response("consent_required");
        let silent = app.authorization_url(&[("prompt", "none")]);
        refused(&browser.get(&silent).await.authorization_response().code(), &named(files)).await;
        // What the page showed is in the token, and was allowed for those who name it in the request.
        let consent = browser.open(&app.authorization_url(&named(files))).await;
        assert!(consent.reply.text.contains(files), "{}", consent.reply.text);
        let code = browser.consent(&consent, "allow").await.authorization_response().code();
        let (access, refresh) = app.exchange_with(&code, &named(files)).await.pair();
        let at_files = serde_json::json!([files, server.issuer()]);
        assert_eq!(aud(&access), at_files);
        assert_eq!(aud(&app.refresh_with(&refresh, &named(files)).await.pair().0), at_files);
        refused(&browser.get(&silent).await.authorization_response().code(), &named(files)).await;
        // Nobody is asked about the operator's own app.
        server.change("app", |client| client.metadata.first_party = true).await;
        let code = browser.get(&silent).await.authorization_response().code();
        assert_eq!(aud(&app.exchange_with(&code, &named(files)).await.pair().0), at_files);
        let code = browser.get(&silent).await.authorization_response().code();
        let (_, refresh) = app.exchange(&code).await.pair();
        assert_eq!(aud(&app.refresh_with(&refresh, &named(files)).await.pair().0), at_files);
    }

    async fn s023_a_code_ends_with_the_consent_to_its_resource(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let files = "https://files.example/api";
        let app = server.web_app("app", |client| {
            client.metadata.audiences = vec!["https://orders.example".to_owned(), files.to_owned()];
        })
        .await;
        let mut browser = server.browser();
        let url = app.authorization_url(&[("resource", files)]);
        let before = browser.arrive(&url).await.authorization_response().code();
        let apps = browser.open("/account/apps").await;
        browser.send_account(&apps, "/account/apps/remove", &[("client", "app")]).await;
        // The same scope is allowed again, and the resource is not.
        let since = browser.code(&app).await;
        app.exchange(&before).await.refused(400, "invalid_grant");
        app.exchange(&since).await.ok();
    }

    async fn what_one_person_allows_one_app_is_nobody_elses(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        server.user("bob", Some(PASSWORD)).await;
        let app = server.web_app("app", |_| {}).await;
        let other = server.web_app("other", |_| {}).await;
        let mut browser = server.browser();
        browser.code(&app).await;
        assert!(browser.open(&other.authorization_url(&[])).await.has("consent-allow"));
        let mut bobs = server.browser();
        let login = bobs.open(&app.authorization_url(&[])).await;
        assert!(bobs.sign_in_as(&login, "bob", PASSWORD).await.has("consent-allow"));
        let given = server.evidence().await.events_of("consent.given").await;
        assert!(given.len() == 1 && given[0].client.as_deref() == Some("app"));
        assert_eq!(given[0].detail.as_deref(), Some("openid"));
    }

    async fn core_3_1_2_1_prompt_consent_asks_again(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.web_app("app", |_| {}).await;
        let own = server.web_app("own", |client| client.metadata.first_party = true).await;
        let mut browser = server.browser();
        browser.code(&app).await;
        let again = [("prompt", "consent")];
        let consent = browser.open(&app.authorization_url(&again)).await;
        assert!(consent.has("consent-allow"));
        // Once: the answer is the answer.
        browser.consent(&consent, "allow").await.authorization_response().code();
        // Both wishes, one after the other.
        server.advance(1);
        let both = [("prompt", "login consent")];
        let login = browser.open(&app.authorization_url(&both)).await;
        assert!(login.has("login-submit"));
        assert!(browser.sign_in(&login).await.has("consent-allow"));
        // For an app of the operator's own the operator has answered.
        browser.get(&own.authorization_url(&again)).await.authorization_response().code();
    }

    /// Anybody on the machine can ask in the name of such an app: a remembered yes is not for it.
    async fn rfc8252_8_6_an_app_that_cannot_prove_who_it_is_asks_always(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.client("native", |client| {
            native(client);
            client.metadata.redirect_uris = ["http://127.0.0.1/cb", "com.example.app:/cb", CALLBACK].map(str::to_owned).to_vec();
        })
        .await;
        let web = server.web_app("web", |client| client.metadata.redirect_uris.push("http://127.0.0.1/cb".to_owned())).await;
        let mut browser = server.browser();
        browser.code(&app).await;
        for uri in ["http://127.0.0.1:50123/cb", "com.example.app:/cb"] {
            let request = [("redirect_uri", uri)];
            for _ in 0..2 {
                let consent = browser.open(&app.authorization_url(&request)).await;
                assert!(consent.has("consent-allow"), "{uri}");
                browser.consent(&consent, "allow").await.authorization_response().code();
            }
            let silent = [("redirect_uri", uri), ("prompt", "none")];
            browser.get(&app.authorization_url(&silent)).await.error_response("consent_required");
        }
        // An https address is claimed by whoever holds the domain, and a secret proves the client.
        browser.get(&app.authorization_url(&[])).await.authorization_response().code();
        let request = web.authorization_url(&[("redirect_uri", "http://127.0.0.1/cb")]);
        browser.arrive(&request).await.authorization_response().code();
        browser.get(&request).await.authorization_response().code();
    }

    /// Nor is such an app of the operator's own: whoever listens there gets nothing without a person.
    async fn rfc8252_8_6_an_app_of_the_operator_that_anybody_could_be_needs_a_person(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.client("native", |client| {
            native(client);
            client.metadata.first_party = true;
            client.metadata.redirect_uris = ["http://127.0.0.1/cb", "com.example.app:/cb", CALLBACK].map(str::to_owned).to_vec();
        })
        .await;
        for uri in ["http://127.0.0.1:50123/cb", "com.example.app:/cb"] {
            let mut browser = server.browser();
            let request = app.authorization_url(&[("redirect_uri", uri)]);
            // Signing in for this request is enough of a deed.
            let login = browser.open(&request).await;
            browser.sign_in(&login).await.authorization_response().code();
            let silent = [("redirect_uri", uri), ("prompt", "none")];
            browser.get(&app.authorization_url(&silent)).await.error_response("consent_required");
            for _ in 0..2 {
                let asked = browser.open(&request).await;
                assert!(asked.has("consent-allow"), "{uri}");
                browser.consent(&asked, "allow").await.authorization_response().code();
            }
            let asked = browser.open(&request).await;
            browser.consent(&asked, "deny").await.error_response("access_denied");
            // An https address is claimed by whoever holds the domain.
            browser.get(&app.authorization_url(&[])).await.authorization_response().code();
        }
    }

    /// What changes while the page is open counts.
    async fn an_answer_is_judged_by_what_is_true_when_it_is_given(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.web_app("app", |_| {}).await;
        let mut browser = server.browser();
        let request = asking(&app, "openid email");
        let login = browser.open(&request).await;
        let consent = browser.sign_in(&login).await;
        // Signed out in another tab: the yes of nobody is no yes.
        let mut other_tab = browser.clone();
        let account = other_tab.open("/account").await;
        let fields = [("csrf", account.hidden("csrf")), ("session", account.hidden("session"))];
        let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
        other_tab.post("/account/sign-out", &fields).await;
        let login = other_tab.consent(&consent, "allow").await;
        assert!(login.has("login-submit"), "{login:?}");
        assert!(server.evidence().await.events_of("consent.given").await.is_empty());
        let consent = other_tab.sign_in(&login).await;
        // The scope was taken from the client since: what is allowed is not granted.
        let fewer = Scope::parse("openid").unwrap();
        server.change("app", |client| client.metadata.scope = fewer).await;
        let code = other_tab.consent(&consent, "allow").await.authorization_response().code();
        assert_eq!(app.exchange(&code).await.ok().text("scope"), "openid");
        // So were the redirect URI and the client itself: nobody is redirected.
        let mut browser = server.browser();
        let consent = browser.open(&app.authorization_url(&[("prompt", "consent")])).await;
        let consent = browser.sign_in(&consent).await;
        server.change("app", |client| client.metadata.redirect_uris = vec!["https://new.example/cb".to_owned()]).await;
        browser.consent(&consent, "allow").await.is_error("invalid_redirect_uri");
        browser.consent(&consent, "deny").await.is_error("invalid_redirect_uri");
        server.change("app", |client| {
            client.metadata.redirect_uris = vec![CALLBACK.to_owned()];
            client.disabled_at = Some(client.created_at);
        })
        .await;
        browser.consent(&consent, "allow").await.is_error("unknown_client");
    }
}
