//! Pages and flows in a real Chromium.

mod app;
mod console;
mod driver;
mod flows;
mod looks;
mod my_account;
mod oidc_client_ts;
mod passkeys;
mod recovery;
mod redirect_pages;
mod second_factors;
mod sign_up;
mod site;
mod social;
mod spa;
mod swagger_ui;

use app::Place;

use crate::support::{App, Database, Server};

/// A server and an app that it knows, both as a browser reaches them.
struct Deployment {
    server: Server,
    app: App,
    place: Place,
}

impl Deployment {
    async fn start() -> Self {
        Self::of(Server::start(&Database::Sqlite).await).await
    }

    /// Around this server.
    async fn of(server: Server) -> Self {
        server.alice().await;
        let place = Place::open().await;
        let (callback, bye) = (place.callback(), place.bye());
        let app = server
            .web_app("app", |client| {
                "Post station".clone_into(&mut client.metadata.client_name);
                client.metadata.redirect_uris = vec![callback];
                client.metadata.post_logout_redirect_uris = vec![bye];
            })
            .await;
        Self { server, app, place }
    }

    /// A request of the app, with these parameters besides.
    fn request(&self, more: &[(&str, &str)]) -> String {
        let callback = self.place.callback();
        let mut changes = vec![("redirect_uri", callback.as_str())];
        changes.extend(more);
        self.app.authorization_url(&changes)
    }

    /// Redeems a code.
    async fn exchange(&self, code: &str) -> crate::support::Reply {
        self.app.exchange_with(code, &[("redirect_uri", &self.place.callback())]).await
    }
}
