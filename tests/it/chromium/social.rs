//! Social login in a real browser. The providers run at `127.0.0.1` and the server at `localhost`,
//! which are two sites for a browser.

use thirtyfour::{By, Key};

use super::Deployment;
use super::driver::{Chromium, ENGLISH, KOREAN, Preferences, Window};
use crate::social::all_providers::AllProviders;
use crate::social::fixtures::{identities, known, rows};
use crate::social::table;
use crate::support::upstream::{Answer, Oidc};
use crate::support::{
    AuthorizationResponse, Database, LOCALHOST, PASSWORD, Server, decode_claims, eventually,
};

const KAKAOTALK: &str = "Mozilla/5.0 (Linux; Android 15; SM-S928N Build/AP3A; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/130.0.0.0 Mobile Safari/537.36;KAKAOTALK 2410850";
const DISCOVERY: &str = "/.well-known/openid-configuration";
const PREFERENCES: [Preferences; 2] = [ENGLISH, Preferences { scripts: false, ..KOREAN }];

/// A server on another site than these providers.
async fn server(tables: &str) -> Server {
    let settings = [("outbound.allow_private", "true"), ("issuer", LOCALHOST)];
    Server::start_of(&Database::Sqlite, &settings, tables).await
}

impl Deployment {
    /// With one provider that is called `idp`.
    async fn with_idp() -> (Self, Oidc) {
        let idp = Oidc::start().await;
        let deployment = Self::of(server(&table("idp", "oidc", idp.base(), "")).await).await;
        idp.follows(deployment.server.now());
        (deployment, idp)
    }

    /// Where people come to with a code.
    fn end(&self) -> String {
        format!("{}?code=", self.place.callback())
    }

    /// The window is at the app: the `id_token` that it gets.
    async fn arrived(&self, window: &Window) -> serde_json::Value {
        let here = window.arrives_at(&self.end()).await;
        let tokens = self.exchange(&AuthorizationResponse::at(&here).code()).await.ok();
        decode_claims(&tokens.text("id_token"))
    }
}

/// Goes to a provider from the page that is open, and says this there.
async fn visits(window: &Window, button: &str, provider: &str, says: &str) {
    if !window.sees(button).await.is_displayed().await.unwrap() {
        window.clicks("login-more").await;
    }
    window.follows(button).await;
    window.sees("approve").await;
    window.arrives_at(provider).await;
    window.follows(says).await;
}

/// That the page speaks the language of the window, and what it says in English where it is that.
async fn says(window: &Window, preferences: Preferences, english: &str) {
    assert_eq!(window.language().await, preferences.language);
    let text = window.text().await;
    assert!(preferences.language != "en" || text.contains(english), "{english:?} in {text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_whole_journey_by_every_provider_with_scripts_and_without() {
    let Some(chromium) = Chromium::start().await else { return };
    let every = AllProviders::start().await;
    let deployment = Deployment::of(server(&every.toml()).await).await;
    let mut known = Vec::new();
    for preferences in PREFERENCES {
        let window = chromium.window(preferences).await;
        for (slug, records) in every.all_records() {
            // Apple's own page posts by script.
            if slug == "apple" && !preferences.scripts {
                continue;
            }
            records.follows(deployment.server.now());
            window.goto(&deployment.request(&[])).await;
            let button = format!("login-with-{slug}");
            window.sees(&button).await;
            assert_eq!(window.language().await, preferences.language);
            visits(&window, &button, records.base(), "approve").await;
            // The first time the app is allowed; that is remembered of the account.
            if preferences.scripts {
                window.follows("consent-allow").await;
            }
            let claims = deployment.arrived(&window).await;
            assert_eq!(claims["amr"], serde_json::json!(["fed", slug]));
            let sub = claims["sub"].as_str().expect("a sub").to_owned();
            if preferences.scripts {
                known.push((slug, sub));
            } else {
                assert!(known.contains(&(slug, sub)), "{slug}: another account");
            }
            window.forgets_everybody().await;
        }
        window.kept_every_policy().await;
        window.closes().await;
    }
    assert_eq!(rows(&deployment.server).await[1], 9);
}

/// A second mapae: its pages have a policy too, which the whole way back must keep.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_whole_journey_by_a_second_mapae_with_scripts_and_without() {
    let Some(chromium) = Chromium::start().await else { return };
    for preferences in PREFERENCES {
        let upstream = Server::start(&Database::Sqlite).await;
        upstream.user("mina", Some(PASSWORD)).await;
        let downstream = upstream.web_app("downstream", |_| {}).await;
        let more = format!(
            "[[social]]\nslug = \"up\"\npreset = \"oidc\"\nissuer = \"{}\"\n\
             client_id = \"downstream\"\nclient_secret = \"{}\"\n",
            upstream.issuer(),
            downstream.secret.expect("a secret"),
        );
        let deployment = Deployment::of(server(&more).await).await;
        let callback = deployment.server.url("/login/callback/up");
        upstream
            .change("downstream", |client| client.metadata.redirect_uris = vec![callback])
            .await;
        let window = chromium.window(preferences).await;
        window.goto(&deployment.request(&[])).await;
        window.follows("login-with-up").await;
        window.arrives_at(&upstream.url("/login?")).await;
        assert_eq!(window.language().await, preferences.language);
        window.signs_in("mina", PASSWORD).await;
        window.follows("consent-allow").await;
        window.arrives_at(&deployment.server.url("/consent?")).await;
        window.follows("consent-allow").await;
        let first = deployment.arrived(&window).await;
        // Signed in there, and not here: one click, and nothing more is asked.
        window.goto(&deployment.server.url("/logout")).await;
        window.follows("logout-confirm").await;
        window.sees("signed-out-again").await;
        window.goto(&deployment.request(&[])).await;
        window.follows("login-with-up").await;
        assert_eq!(deployment.arrived(&window).await["sub"], first["sub"]);
        // Signed in nowhere, and allowed everywhere: from the form there straight to the app.
        window.forgets_everybody().await;
        window.goto(&deployment.request(&[])).await;
        window.follows("login-with-up").await;
        window.arrives_at(&upstream.url("/login?")).await;
        window.signs_in("mina", PASSWORD).await;
        assert_eq!(deployment.arrived(&window).await["sub"], first["sub"]);
        // Who turns back there is at the page here, and may turn back here.
        window.forgets_everybody().await;
        window.goto(&deployment.request(&[])).await;
        window.follows("login-with-up").await;
        window.arrives_at(&upstream.url("/login?")).await;
        window.follows("login-cancel").await;
        window.arrives_at(&deployment.server.url("/login?")).await;
        says(&window, preferences, "sign-in was cancelled").await;
        window.follows("login-cancel").await;
        window.arrives_at(&format!("{}?error=access_denied", deployment.place.callback())).await;
        window.kept_every_policy().await;
        window.closes().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_turns_back_at_a_provider_goes_on_as_they_like() {
    let Some(chromium) = Chromium::start().await else { return };
    for preferences in PREFERENCES {
        let (deployment, idp) = Deployment::with_idp().await;
        let before = rows(&deployment.server).await;
        let window = chromium.window(preferences).await;
        window.goto(&deployment.request(&[])).await;
        visits(&window, "login-with-idp", idp.base(), "cancel").await;
        window.arrives_at(&deployment.server.url("/login?")).await;
        says(&window, preferences, "sign-in was cancelled").await;
        assert_eq!(rows(&deployment.server).await, before);
        // The button of the browser leads to the same page, where everything works.
        window.follows("login-with-idp").await;
        window.sees("approve").await;
        window.driver.back().await.unwrap();
        window.sees("login-submit").await;
        visits(&window, "login-with-idp", idp.base(), "approve").await;
        window.follows("consent-allow").await;
        assert_eq!(deployment.arrived(&window).await["idp"], "idp");
        // Back at the provider's page, everything is over.
        window.driver.back().await.unwrap();
        eventually("a page of ours", async || {
            window.has("error-code").await || window.has("consent-allow").await
        })
        .await;
        // Or they turn back here as well.
        window.forgets_everybody().await;
        window.goto(&deployment.request(&[])).await;
        visits(&window, "login-with-idp", idp.base(), "cancel").await;
        window.arrives_at(&deployment.server.url("/login?")).await;
        window.follows("login-cancel").await;
        window.arrives_at(&format!("{}?error=access_denied", deployment.place.callback())).await;
        window.kept_every_policy().await;
        window.closes().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_that_is_down_leaves_the_other_ways_in() {
    let Some(chromium) = Chromium::start().await else { return };
    for preferences in PREFERENCES {
        let (deployment, idp) = Deployment::with_idp().await;
        let window = chromium.window(preferences).await;
        let down = "right now";
        idp.answers_with(DISCOVERY, Answer::html(503, "Maintenance."));
        window.goto(&deployment.request(&[])).await;
        window.follows("login-with-idp").await;
        window.arrives_at(&deployment.server.url("/login?")).await;
        says(&window, preferences, down).await;
        window.follows("login-cancel").await;
        let gone = format!("{}?error=temporarily_unavailable", deployment.place.callback());
        window.arrives_at(&gone).await;
        // Down while the person is there, and up again.
        idp.answers_normally();
        idp.answers_with("/token", Answer::html(503, "Maintenance."));
        window.goto(&deployment.request(&[])).await;
        visits(&window, "login-with-idp", idp.base(), "approve").await;
        window.arrives_at(&deployment.server.url("/login?")).await;
        says(&window, preferences, down).await;
        idp.answers_normally();
        visits(&window, "login-with-idp", idp.base(), "approve").await;
        window.follows("consent-allow").await;
        deployment.arrived(&window).await;
        // Or they sign in by their password.
        window.forgets_everybody().await;
        idp.answers_with("/token", Answer::html(503, "Maintenance."));
        window.goto(&deployment.request(&[])).await;
        visits(&window, "login-with-idp", idp.base(), "approve").await;
        window.signs_in("alice", PASSWORD).await;
        window.follows("consent-allow").await;
        assert_eq!(deployment.arrived(&window).await["amr"], serde_json::json!(["pwd"]));
        window.kept_every_policy().await;
        window.closes().await;
    }
}

/// The buttons of providers come first on the page, and Enter is still that of the password.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn enter_signs_in_by_password() {
    let Some(chromium) = Chromium::start().await else { return };
    for preferences in PREFERENCES {
        let (deployment, idp) = Deployment::with_idp().await;
        let window = chromium.window(preferences).await;
        window.goto(&deployment.request(&[])).await;
        window.types("username", "alice").await;
        let password = window.sees("password").await;
        password.send_keys(PASSWORD + Key::Enter).await.unwrap();
        window.follows("consent-allow").await;
        assert_eq!(deployment.arrived(&window).await["amr"], serde_json::json!(["pwd"]));
        assert_eq!(idp.asked().len(), 0);
        window.kept_every_policy().await;
        window.closes().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_that_is_there_is_proven_in_between() {
    let Some(chromium) = Chromium::start().await else { return };
    for preferences in PREFERENCES {
        let (deployment, idp) = Deployment::with_idp().await;
        let sub = known(&deployment.server, "mina", "mina@example.com", true).await;
        let window = chromium.window(preferences).await;
        window.goto(&deployment.request(&[])).await;
        visits(&window, "login-with-idp", idp.base(), "approve").await;
        window.sees("login-submit").await;
        says(&window, preferences, "already has an account here").await;
        let username = window.sees("username").await.prop("value").await.unwrap();
        assert_eq!(username.as_deref(), Some("mina@example.com"));
        assert!(!window.has("login-with-idp").await);
        window.signs_in("mina@example.com", "wrong").await;
        window.sees("password-problem").await;
        says(&window, preferences, "already has an account here").await;
        assert_eq!(identities(&deployment.server, &sub).await, 0);
        window.signs_in("mina@example.com", PASSWORD).await;
        window.follows("consent-allow").await;
        assert_eq!(deployment.arrived(&window).await["sub"], sub.as_str());
        assert_eq!(identities(&deployment.server, &sub).await, 1);
        // From now on the provider is enough.
        window.forgets_everybody().await;
        window.goto(&deployment.request(&[])).await;
        visits(&window, "login-with-idp", idp.base(), "approve").await;
        let claims = deployment.arrived(&window).await;
        assert_eq!((&claims["sub"], &claims["idp"]), (&sub.into(), &"idp".into()));
        window.kept_every_policy().await;
        window.closes().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_connect_and_disconnect_on_their_account_page() {
    let Some(chromium) = Chromium::start().await else { return };
    for preferences in PREFERENCES {
        let (deployment, idp) = Deployment::with_idp().await;
        let account = deployment.server.url("/account/security");
        let window = chromium.window(preferences).await;
        window.goto(&account).await;
        window.signs_in("alice", PASSWORD).await;
        visits(&window, "link-idp", idp.base(), "cancel").await;
        window.arrives_at(&account).await;
        says(&window, preferences, "sign-in was cancelled").await;
        visits(&window, "link-idp", idp.base(), "approve").await;
        window.sees("unlink-1").await;
        says(&window, preferences, "The account is connected.").await;
        assert!(!window.has("link-idp").await);
        // It signs in from now on.
        window.forgets_everybody().await;
        window.goto(&account).await;
        visits(&window, "login-with-idp", idp.base(), "approve").await;
        window.follows("unlink-1").await;
        window.sees("link-idp").await;
        says(&window, preferences, "The account is disconnected.").await;
        assert!(!window.has("unlink-1").await);
        // An old session proves itself first.
        deployment.server.advance(660);
        window.follows("link-idp").await;
        window.types("password", PASSWORD).await;
        window.follows("login-submit").await;
        window.sees("link-idp").await;
        says(&window, preferences, "You can make the change").await;
        // What another account has is theirs.
        let other = chromium.window(preferences).await;
        other.goto(&account).await;
        visits(&other, "login-with-idp", idp.base(), "approve").await;
        // The only way in has no button.
        other.sees("linked-name-1").await;
        assert!(!other.has("unlink-1").await);
        visits(&window, "link-idp", idp.base(), "approve").await;
        window.arrives_at(&account).await;
        says(&window, preferences, "already connected to another account").await;
        assert!(window.has("link-idp").await);
        for window in [window, other] {
            window.kept_every_policy().await;
            window.closes().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kakaotalk_shows_the_way_out_and_the_way_out_arrives() {
    let Some(chromium) = Chromium::start().await else { return };
    let every = AllProviders::start().await;
    for preferences in PREFERENCES {
        let deployment = Deployment::of(server(&every.toml()).await).await;
        every
            .all_records()
            .iter()
            .for_each(|(_, records)| records.follows(deployment.server.now()));
        let inside = chromium.window(preferences).await;
        inside.is_as_wide_as(390, 844, true).await;
        inside.calls_itself(KAKAOTALK).await;
        inside.goto(&deployment.request(&[])).await;
        // What works here comes first.
        let buttons = inside.driver.find_all(By::Css("button[id]")).await.unwrap();
        let first = buttons.first().unwrap().attr("id").await.unwrap();
        assert_eq!(first.as_deref(), Some("login-with-kakao"));
        assert!(!inside.has("login-with-google").await);
        says(&inside, preferences, "Google sign-in doesn’t work inside this app.").await;
        inside.clicks("way-out").await;
        says(&inside, preferences, "You’re in KakaoTalk’s browser.").await;
        let link = inside.sees("login-way-out").await.attr("href").await.unwrap().unwrap();
        let encoded = link.strip_prefix("kakaotalk://web/openExternal?").expect("a way out");
        let mut named = url::form_urlencoded::parse(encoded.as_bytes());
        let address = named.next().expect("an address").1.into_owned();
        // In their own browser it goes on; nobody is signed in inside.
        let outside = chromium.window(preferences).await;
        outside.goto(&address).await;
        outside.sees("login-with-google").await;
        assert!(!outside.has("login-way-out").await);
        visits(&outside, "login-with-google", every.all_records()[5].1.base(), "approve").await;
        outside.follows("consent-allow").await;
        assert_eq!(deployment.arrived(&outside).await["idp"], "google");
        inside.goto(&deployment.server.url("/account")).await;
        inside.sees("login-submit").await;
        // Inside, what works there works.
        inside.goto(&deployment.request(&[])).await;
        visits(&inside, "login-with-kakao", every.all_records()[3].1.base(), "approve").await;
        inside.follows("consent-allow").await;
        assert_eq!(deployment.arrived(&inside).await["idp"], "kakao");
        for window in [inside, outside] {
            window.kept_every_policy().await;
            window.closes().await;
        }
    }
}
