//! Apps that send people on to another origin as soon as they come back, as brokers do, and apps that
//! open a window for the sign-in and talk to it.

use thirtyfour::By;

use super::Deployment;
use super::driver::{Chromium, ENGLISH, KOREAN, Preferences, Window};
use crate::social::table;
use crate::support::upstream::Oidc;
use crate::support::{Database, LOCALHOST, PASSWORD, Server, eventually, form};
use mapae::domain::grant_type::GrantType;

const PREFERENCES: [Preferences; 2] = [ENGLISH, Preferences { scripts: false, ..KOREAN }];

/// A town whose app is a broker, with this client change besides.
async fn brokers(server: Server, first_party: bool) -> Deployment {
    let deployment = Deployment::of(server).await;
    let broker = deployment.place.broker();
    deployment
        .server
        .change("app", |client| {
            client.metadata.first_party = first_party;
            client.metadata.redirect_uris = vec![broker.clone()];
            client.metadata.post_logout_redirect_uris = vec![broker];
        })
        .await;
    deployment
}

impl Deployment {
    fn request_by_broker(&self, more: &[(&str, &str)]) -> String {
        let broker = self.place.broker();
        let mut changes = vec![("redirect_uri", broker.as_str())];
        changes.extend(more);
        self.app.authorization_url(&changes)
    }
}

/// That the window ends at the other origin, with this in its address.
async fn lands(window: &Window, deployment: &Deployment, with: &str) {
    let here = window.arrives_at(&format!("{}?{with}", deployment.place.landed())).await;
    assert!(here.contains("&state="), "{here}");
    window.sees("arrived").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signing_in_ends_at_an_app_that_sends_people_on() {
    let Some(chromium) = Chromium::start().await else { return };
    for preferences in PREFERENCES {
        let deployment = Box::pin(brokers(Server::start(&Database::Sqlite).await, true)).await;
        let window = chromium.window(preferences).await;
        window.goto(&deployment.request_by_broker(&[])).await;
        window.signs_in("alice", PASSWORD).await;
        lands(&window, &deployment, "code=").await;
        // Nobody is asked for anything.
        window.goto(&deployment.request_by_broker(&[])).await;
        lands(&window, &deployment, "code=").await;
        deployment.server.advance(1);
        window.goto(&deployment.request_by_broker(&[("prompt", "login")])).await;
        window.types("password", PASSWORD).await;
        window.follows("login-submit").await;
        lands(&window, &deployment, "code=").await;
        window.goto(&deployment.request_by_broker(&[("prompt", "select_account")])).await;
        window.follows("account-1").await;
        lands(&window, &deployment, "code=").await;
        deployment.server.advance(1);
        window.goto(&deployment.request_by_broker(&[("prompt", "login")])).await;
        window.follows("login-cancel").await;
        lands(&window, &deployment, "error=access_denied").await;
        // A request by POST, from the app's own page.
        let out = form(&[
            ("client_id", "app"),
            ("post_logout_redirect_uri", &deployment.place.broker()),
            ("state", "bye"),
        ]);
        window.goto(&deployment.server.url(&format!("/logout?{out}"))).await;
        window.follows("logout-confirm").await;
        window.arrives_at(&format!("{}?state=bye", deployment.place.landed())).await;
        window.kept_every_policy().await;
        window.closes().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn allowing_and_denying_end_at_an_app_that_sends_people_on() {
    let Some(chromium) = Chromium::start().await else { return };
    for preferences in PREFERENCES {
        let deployment = Box::pin(brokers(Server::start(&Database::Sqlite).await, false)).await;
        let window = chromium.window(preferences).await;
        window.goto(&deployment.request_by_broker(&[])).await;
        window.signs_in("alice", PASSWORD).await;
        window.follows("consent-deny").await;
        lands(&window, &deployment, "error=access_denied").await;
        window.goto(&deployment.request_by_broker(&[])).await;
        window.follows("consent-allow").await;
        lands(&window, &deployment, "code=").await;
        // A response by POST goes wherever the app sends it, as well.
        let posted = [("prompt", "consent"), ("response_mode", "form_post")];
        window.goto(&deployment.request_by_broker(&posted)).await;
        window.follows("consent-allow").await;
        if !preferences.scripts {
            let button = window.driver.find(By::Css("noscript button, form button")).await;
            button.expect("a button").click().await.unwrap();
        }
        lands(&window, &deployment, "code=").await;
        window.kept_every_policy().await;
        window.closes().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn coming_back_from_a_provider_ends_at_an_app_that_sends_people_on() {
    let Some(chromium) = Chromium::start().await else { return };
    for preferences in PREFERENCES {
        let idp = Oidc::start().await;
        let settings = [("outbound.allow_private", "true"), ("issuer", LOCALHOST)];
        let tables = table("idp", "oidc", idp.base(), "");
        let server = Server::start_of(&Database::Sqlite, &settings, &tables).await;
        let deployment = Box::pin(brokers(server, true)).await;
        idp.follows(deployment.server.now());
        let window = chromium.window(preferences).await;
        window.goto(&deployment.request_by_broker(&[])).await;
        window.follows("login-with-idp").await;
        window.follows("approve").await;
        lands(&window, &deployment, "code=").await;
        window.kept_every_policy().await;
        window.closes().await;
    }
}

/// A browser asks before it opens an app beside it, and the page stays with a way there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_app_beside_the_browser_is_led_to_by_a_page() {
    let Some(chromium) = Chromium::start().await else { return };
    for preferences in PREFERENCES {
        let deployment = Deployment::start().await;
        let uri = "com.example.app:/cb";
        let native = deployment.server.client("native", |client| {
            client.kind = mapae::domain::client::ClientKind::Public;
            client.metadata.token_endpoint_auth_method = mapae::domain::client::AuthMethod::None;
            client.metadata.grant_types = vec![GrantType::AuthorizationCode];
            client.metadata.redirect_uris = vec![uri.to_owned()];
        });
        let request = native.await.authorization_url(&[("redirect_uri", uri)]);
        let window = chromium.window(preferences).await;
        window.goto(&request).await;
        window.signs_in("alice", PASSWORD).await;
        window.follows("consent-allow").await;
        let link = window.sees("onward").await.attr("href").await.unwrap().unwrap();
        assert!(link.starts_with("com.example.app:/cb?code="), "{link}");
        window.clicks("onward").await;
        window.kept_every_policy().await;
        window.closes().await;
    }
}

/// `Cross-Origin-Opener-Policy` on any answer in between would cut the window off from its opener.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_window_that_an_app_opened_can_tell_the_app_in_the_end() {
    let Some(chromium) = Chromium::start().await else { return };
    let deployment = Deployment::start().await;
    let opened = format!("{}/opened", deployment.place.origin);
    let uri = opened.clone();
    deployment.server.change("app", |client| client.metadata.redirect_uris = vec![uri]).await;
    let window = chromium.window(ENGLISH).await;
    let request = deployment.app.authorization_url(&[("redirect_uri", &opened)]);
    let encoded: String = url::form_urlencoded::byte_serialize(request.as_bytes()).collect();
    window.goto(&format!("{}/opener?{encoded}", deployment.place.origin)).await;
    let opener = window.driver.window().await.unwrap();
    window.clicks("opens").await;
    eventually("a second window", async || window.driver.windows().await.unwrap().len() == 2).await;
    let windows = window.driver.windows().await.unwrap();
    let popup = windows.into_iter().find(|one| *one != opener).unwrap();
    window.driver.switch_to_window(popup).await.unwrap();
    window.signs_in("alice", PASSWORD).await;
    window.follows("consent-allow").await;
    window.sees("arrived").await;
    window.driver.switch_to_window(opener).await.unwrap();
    eventually("the opener is told", async || {
        window.sees("told").await.text().await.unwrap().starts_with("?code=")
    })
    .await;
    window.closes().await;
}
