//! The person and the clients of the demo's server.

use crate::admin::authority::May;
use crate::admin::clients::{self, Target};
use crate::admin::roles;
use crate::admin::users::{self, NewUser, Who};
use crate::app::Server;
use crate::cli::installation::Installation;
use crate::clients::registration;
use crate::domain::admin_role::AdminRole;
use crate::domain::client::{Client, ClientId, ClientKind};
use crate::domain::grant_type::GrantType;
use crate::domain::scope::Scope;
use crate::domain::user::Profile;
use crate::domain::verdict::{OrRejected, reject};

/// The audience of the demo's tokens: its resource server.
pub(super) const API: &str = "https://api.example.com";
/// The `client_id` for the tour.
pub(super) const CLIENT: &str = "demo-app";
/// The third-party app.
pub(super) const WEB_CLIENT: &str = "demo-web";
/// The user name of the demo's person.
pub(super) const PERSON: &str = "hong";
/// Their password.
pub(super) const PASSWORD: &str = "hong-gil-dong";

/// Creates the person, unless a kept demo has them already, and registers the client.
pub(super) async fn furnish(at: &Installation, server: &Server) -> OrRejected<String> {
    let services = server.services();
    let store = &*services.store;
    if users::find(&May::operator(), store, Who::Name(PERSON)).await.is_err() {
        let new = NewUser {
            username: PERSON.to_owned(),
            email: Some("hong@example.com".to_owned()),
            email_verified: true,
            profile: Profile {
                name: Some("홍길동".to_owned()),
                locale: Some("ko-KR".to_owned()),
                ..Profile::default()
            },
            password: Some(PASSWORD.to_owned().into()),
        };
        users::create(&May::operator(), store, &at.clock, &services.hasher, new).await?;
    }
    roles::grant(&May::operator(), store, &at.clock, Who::Name(PERSON), AdminRole::Owner).await?;
    Box::pin(register(at, server, client(at)?)).await
}

/// Registers a client. In a kept demo, it updates the client and gives it a new secret.
pub(super) async fn register(
    at: &Installation,
    server: &Server,
    client: Client,
) -> OrRejected<String> {
    let services = server.services();
    let (store, url) = (&*services.store, &services.url);
    let id = client.id.as_str().to_owned();
    let secret = if clients::find(&May::operator(), store, &id).await.is_ok() {
        let renew = |known: &mut Client| {
            *known = Client { secrets: std::mem::take(&mut known.secrets), ..client };
            Ok(())
        };
        Box::pin(registration::update(store, &at.clock, url, &id, renew)).await?;
        let (may, target) = (May::operator(), Target::of(&id));
        Some(clients::rotate_secret(&may, store, &at.clock, target, None).await?)
    } else {
        clients::create(&May::operator(), store, &at.clock, url, client).await?
    };
    services.clients.forget();
    Ok(secret.map(|secret| secret.expose().to_owned()).unwrap_or_default())
}

/// Registers the third-party app and returns its secret.
pub(super) async fn register_web_app(
    at: &Installation,
    server: &Server,
    app_url: &str,
) -> OrRejected<String> {
    Box::pin(register(at, server, web_client(at, app_url)?)).await
}

/// The third-party app.
fn web_client(at: &Installation, app_url: &str) -> OrRejected<Client> {
    let mut client = client(at)?;
    client.id = ClientId::parse(WEB_CLIENT).unwrap_or(client.id);
    "Post station".clone_into(&mut client.metadata.client_name);
    client.metadata.grant_types = vec![GrantType::AuthorizationCode, GrantType::RefreshToken];
    client.metadata.resource_servers = Vec::new();
    client.metadata.redirect_uris = vec![format!("{app_url}/callback")];
    client.metadata.post_logout_redirect_uris = vec![format!("{app_url}/")];
    Ok(client)
}

fn client(at: &Installation) -> OrRejected<Client> {
    let scope = Scope::parse("openid profile email offline_access api:read");
    let (Some(id), Ok(scope)) = (ClientId::parse(CLIENT), scope) else {
        return reject("the demo client is malformed");
    };
    let mut client = Client::new(id, ClientKind::Confidential, at.clock.now());
    "Demo app".clone_into(&mut client.metadata.client_name);
    client.metadata.grant_types =
        vec![GrantType::Password, GrantType::RefreshToken, GrantType::ClientCredentials];
    client.metadata.scope = scope;
    client.metadata.audiences = vec![API.to_owned()];
    client.metadata.resource_servers = vec![API.to_owned()];
    Ok(client)
}
