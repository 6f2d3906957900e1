//! The sign-in methods that are offered to a person who signed in before.

use super::fixtures::by;
use super::table;
use crate::support::upstream::Oidc;
use crate::support::{App, Browser, Database, Page, Server, both};

/// A server with five providers, of which one exists, and an app.
async fn start(database: &Database, idp: &Oidc) -> (Server, App) {
    let others = ["one", "two", "three", "four"];
    let mut tables: Vec<_> =
        others.iter().map(|slug| table(slug, "oidc", &idp.url("/other"), "")).collect();
    tables.push(table("idp", "oidc", idp.base(), ""));
    let server = Server::start_social(database, &tables.concat()).await;
    idp.follows(server.now());
    let app = server.web_app("app", |client| client.metadata.first_party = true).await;
    (server, app)
}

/// The cookie that holds the way in that was used last: its name and its value.
fn way(browser: &Browser) -> (&str, &str) {
    let mut cookies = browser.cookies.iter().filter(|(name, _)| name.ends_with("-way"));
    cookies.next().map(|(name, value)| (name.as_str(), value.as_str())).expect("a way")
}

/// The providers of a page in their order, and where the password and the fold stand among them.
fn order(page: &Page) -> Vec<String> {
    let ids = page.reply.text.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next());
    let ids = ids.filter_map(|id| match id {
        "password" | "login-more" => Some(id),
        _ => id.strip_prefix("login-with-"),
    });
    ids.map(str::to_owned).collect()
}

both! {
    async fn the_way_that_was_used_last_comes_first_and_the_rest_folds(database) {
        let idp = Oidc::start().await;
        let (server, app) = start(&database, &idp).await;
        server.alice().await;
        let request = app.authorization_url(&[]);
        // Nothing is known of the browser: in the order of the settings.
        let page = server.browser().open(&request).await;
        assert_eq!(order(&page), ["one", "two", "three", "login-more", "four", "idp", "password"]);
        // Once the provider was used it stands first, for whoever comes next too.
        let mut browser = server.browser();
        by(&mut browser, &app, "idp", &idp).await.authorization_response().code();
        assert_eq!(way(&browser).1, "by:idp");
        browser.forget();
        let page = browser.open(&request).await;
        assert_eq!(order(&page), ["idp", "one", "two", "login-more", "three", "four", "password"]);
        // So does the password. A failed attempt is none.
        let failed = browser.sign_in_as(&page, "alice", "wrong").await;
        assert_eq!(way(&browser).1, "by:idp");
        assert_eq!(order(&failed).first().map(String::as_str), Some("password"));
        browser.sign_in(&failed).await.authorization_response().code();
        browser.forget();
        let page = browser.open(&request).await;
        assert_eq!(order(&page), ["password", "one", "two", "three", "login-more", "four", "idp"]);
        // What anybody could write there leads nowhere.
        let name = way(&browser).0.to_owned();
        for planted in ["by:nobody", "by:", "by:../x", "x", "<img>"] {
            let mut browser = server.browser();
            browser.cookies.insert(name.clone(), planted.to_owned());
            let page = browser.open(&request).await;
            assert_eq!(order(&page).first().map(String::as_str), Some("one"), "{planted}");
        }
    }

    async fn whoever_comes_again_is_offered_what_they_are_connected_with(database) {
        let idp = Oidc::start().await;
        let (server, app) = start(&database, &idp).await;
        server.alice().await;
        let again = app.authorization_url(&[("prompt", "login")]);
        // By password alone.
        let mut browser = server.browser();
        browser.code(&app).await;
        server.advance(1);
        assert_eq!(order(&browser.open(&again).await), ["password"]);
        // By the provider alone.
        let mut browser = server.browser();
        by(&mut browser, &app, "idp", &idp).await.authorization_response().code();
        server.advance(1);
        let page = browser.open(&again).await;
        assert_eq!(order(&page), ["idp"]);
        browser.sign_in_by(&page, "idp", &idp).await.authorization_response().code();
    }

    /// An identity of the issuer that had this name before is none of who has it now.
    async fn a_provider_of_another_issuer_is_no_way_again(database) {
        let idp = Oidc::start().await;
        let (server, app) = start(&database, &idp).await;
        let mut browser = server.browser();
        by(&mut browser, &app, "idp", &idp).await.authorization_response().code();
        let moved = "UPDATE identity SET issuer = 'https://before.example'";
        server.evidence().await.run(moved).await;
        server.advance(1);
        let page = browser.open(&app.authorization_url(&[("prompt", "login")])).await;
        assert!(order(&page).is_empty() && page.has("login-others"), "{}", page.reply.text);
        assert!(page.reply.text.contains("role=\"alert\""));
    }
}
