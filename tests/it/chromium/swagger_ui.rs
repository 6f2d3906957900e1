//! Swagger UI, which opens a window for the sign-in and is told by it through its `opener`, then redeems
//! the code and calls the API from its own origin.

use std::collections::BTreeMap;

use thirtyfour::By;

use super::driver::{Chromium, ENGLISH, Window};
use super::site::Site;
use crate::interop::clients::{EMAIL, knows_alice};
use crate::interop::toolchain::with_packages;
use crate::support::{eventually, required_or_skip};

impl Window {
    /// Clicks what a selector of CSS finds, as soon as it is there.
    async fn clicks_on(&self, selector: &str) {
        let what = format!("{selector} can be clicked");
        eventually(&what, async || match self.driver.find(By::Css(selector)).await {
            Ok(found) => found.click().await.is_ok(),
            Err(_) => false,
        })
        .await;
    }

    /// Presses the button for the code flow in the dialogue, with this secret typed before.
    async fn authorizes(&self, flow: &str, secret: Option<&str>) {
        self.clicks_on(".auth-wrapper .btn.authorize").await;
        if let Some(secret) = secret {
            self.types(&format!("client_secret_{flow}"), secret).await;
        }
        self.sees(&format!("client_id_{flow}")).await;
        // The flows of a server stand below each other, each with a button.
        let button = format!(
            "//div[@class='auth-container'][.//*[@id='client_id_{flow}']]//button[contains(@class, 'authorize')]"
        );
        let button = self.driver.find(By::XPath(button)).await.expect("the button of the flow");
        button.click().await.expect("clicked");
    }
}

/// How a client is registered, and how the page asks.
const CASES: [(&str, &str, &str); 5] = [
    ("public", "scheme=oauth2", "authorizationCode"),
    ("public", "scheme=openIdConnect", "authorization_code"),
    // Its secret by header is empty then.
    ("public", "scheme=oauth2&secret=header", "authorizationCode"),
    ("confidential", "scheme=oauth2", "authorizationCode"),
    ("confidential", "scheme=openIdConnect&secret=header", "authorization_code"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn swagger_ui_signs_people_in_and_calls_the_api() {
    let Some(chromium) = Chromium::start().await else { return };
    let folder = match with_packages("swagger-ui").await {
        Ok(folder) => folder,
        Err(why) => return required_or_skip(&why),
    };
    let server = knows_alice().await;
    let mut homes = BTreeMap::new();
    for kind in ["public", "confidential"] {
        let site = Site::of(&folder).await;
        let callback = site.url("node_modules/swagger-ui-dist/oauth2-redirect.html");
        let registered = ["--kind", kind, "--grant", "authorization_code"];
        let scope = ["--scope", "openid profile email"];
        let places = ["--redirect-uri", &callback, "--allowed-origin", &site.origin];
        let client = server.client(kind, &[&registered[..], &scope, &places].concat()).await;
        homes.insert(kind, (site.serve(&server.issuer(), kind), client.secret));
    }
    let window = chromium.window(ENGLISH).await;
    for (kind, wish, flow) in CASES {
        let (home, secret) = &homes[kind];
        window.goto(&format!("{home}/index.html?{wish}")).await;
        window.authorizes(flow, secret.as_deref()).await;
        window.meets_the_other(true, ".auth-container h6", "Authorized").await;
        window.clicks_on(".btn-done").await;
        window.clicks_on(".opblock-summary-control").await;
        window.clicks_on(".try-out__btn").await;
        window.clicks_on(".execute").await;
        eventually("the API has answered", async || {
            let answer = ".live-responses-table .response .response-col_";
            window.reads(&format!("{answer}status"), "200").await
                && window.reads(&format!("{answer}description"), EMAIL).await
        })
        .await;
    }
    // What goes wrong can be read there.
    let (home, _) = &homes["public"];
    for (wish, problem) in [("", "access_denied"), ("pkce=none", "code_challenge")] {
        window.goto(&format!("{home}/index.html?{wish}")).await;
        window.authorizes("authorizationCode", None).await;
        window.meets_the_other(false, ".auth-container .errors", problem).await;
    }
    window.closes().await;
}
