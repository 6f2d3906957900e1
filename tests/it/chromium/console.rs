//! The console of the administration, in a real Chromium.

use mapae::domain::admin_role::AdminRole;
use thirtyfour::By;

use super::Deployment;
use super::driver::{Chromium, ENGLISH, KOREAN, Preferences};
use crate::console::grant;
use crate::support::{PASSWORD, eventually};

/// A person, an app and the keys, with scripts and without.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_owner_works_in_the_console_with_scripts_and_without() {
    let Some(chromium) = Chromium::start().await else { return };
    for preferences in [ENGLISH, Preferences { scripts: false, ..KOREAN }] {
        let deployment = Deployment::start().await;
        let server = &deployment.server;
        server.user("boss", Some(PASSWORD)).await;
        grant(server, "boss", AdminRole::Owner).await;
        let window = chromium.window(preferences).await;
        window.goto(&server.url("/admin/")).await;
        window.signs_in("boss", PASSWORD).await;
        window.sees("chart-sign-ins").await;
        // A person is found, gets a role and loses everything.
        window.follows("to-people").await;
        window.types("admin-search", "ali").await;
        if preferences.scripts {
            // While one types. The cursor stays where it was.
            let is_alone = async || window.driver.find(By::LinkText("boss")).await.is_err();
            eventually("others are not shown", is_alone).await;
            let focused = "return document.activeElement.id + document.activeElement.value";
            eventually("the field has the focus again", async || {
                let focused = window.driver.execute(focused, vec![]).await;
                focused.is_ok_and(|focused| focused.json().as_str() == Some("admin-searchali"))
            })
            .await;
        } else {
            window.follows("admin-search-submit").await;
        }
        let person = window.driver.find(By::LinkText("Alice")).await.expect("a person");
        let person = person.prop("href").await.expect("a link").expect("an address");
        window.goto(&person).await;
        window.sees("user-disable").await;
        window.follows("role-grant").await;
        window.sees("role-revoke-1").await;
        window.follows("user-logout").await;
        window.follows("user-disable").await;
        window.follows("user-disable-confirm").await;
        window.sees("user-enable").await;
        // An app is made, and its secret rotated.
        window.goto(&server.url("/admin/new-app/web")).await;
        window.types("console-client_name", "Books").await;
        window.types("console-client_id", "books").await;
        window.types("console-redirect_uris", "https://books.example/cb").await;
        window.follows("client-create").await;
        window.sees("client-secret").await;
        window.follows("snippet-python").await;
        eventually("Python", async || window.text().await.contains("authlib")).await;
        window.goto(&server.url("/admin/apps/books")).await;
        window.follows("client-secret-rotate").await;
        window.sees("client-secret").await;
        // Keys.
        window.follows("to-keys").await;
        window.follows("key-rotate").await;
        window.follows("key-rotate-confirm").await;
        window.arrives_at(&server.url("/admin/keys?session=")).await;
        window.follows("to-settings").await;
        window.kept_every_policy().await;
        window.closes().await;
    }
}
