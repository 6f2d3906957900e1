//! oidc-client-ts: the window, the refresh token and the frame by which it signs in and renews.

use serde_json::Value;

use super::driver::{Chromium, ENGLISH, Window};
use super::site::Site;
use crate::interop::clients::{EMAIL, knows_alice};
use crate::interop::toolchain::with_packages;
use crate::support::{eventually, required_or_skip};

impl Window {
    /// What the page says after a click.
    async fn says(&self) -> Value {
        eventually("the page says something", async || {
            !self.sees("said").await.text().await.expect("text").is_empty()
        })
        .await;
        let said = self.sees("said").await.text().await.expect("text");
        serde_json::from_str(&said).expect("JSON")
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn oidc_client_ts_signs_people_in_in_a_window_and_renews_silently() {
    let Some(chromium) = Chromium::start().await else { return };
    let folder = match with_packages("oidc-client-ts").await {
        Ok(folder) => folder,
        Err(why) => return required_or_skip(&why),
    };
    let server = knows_alice().await;
    let site = Site::of(&folder).await;
    let (back, bye) = (site.url("back.html"), site.url("bye.html"));
    let mut registered = vec!["--kind", "public", "--scope", "openid profile email"];
    registered.extend(["--grant", "authorization_code", "--grant", "refresh_token"]);
    registered.extend(["--redirect-uri", &back, "--post-logout-redirect-uri", &bye]);
    registered.extend(["--allowed-origin", &site.origin]);
    server.client("spa", &registered).await;
    let home = site.serve(&server.issuer(), "spa");

    let window = chromium.window(ENGLISH).await;
    window.goto(&format!("{home}/index.html")).await;
    window.clicks("popup").await;
    window.meets_the_other(true, "#said", "{").await;
    let person = window.says().await;
    assert_eq!((&person["name"], &person["email"]), (&"Alice".into(), &EMAIL.into()), "{person}");
    window.clicks("refresh").await;
    let renewed = window.says().await;
    assert_eq!(renewed["sub"], person["sub"], "{renewed}");
    assert_ne!(renewed["token"], person["token"]);
    // RFC 8252 §8.6: anybody on this device could take the redirect URI of this proof, so nobody is
    // answered there without being asked. The frame hears that at once.
    window.clicks("iframe").await;
    assert_eq!(window.says().await["error"], "consent_required");
    window.clicks("popup").await;
    window.meets_the_other(false, "#said", "{").await;
    assert_eq!(window.says().await["error"], "access_denied");
    window.clicks("out").await;
    window.meets_the_other(true, "#said", "{").await;
    assert_eq!(window.says().await["user"], Value::Null);
    window.clicks("iframe").await;
    assert_eq!(window.says().await["error"], "login_required");
    window.closes().await;
}
