//! The demo's provider of social login: a second mapae. The first one knows only its issuer URL.

use std::path::Path;

use tokio::net::TcpListener;

use super::furnishing::register;
use super::settings;
use super::tls::Secure;
use crate::admin::authority::May;
use crate::admin::users::{self, NewUser, Who};
use crate::app::Server;
use crate::cli::installation::Installation;
use crate::domain::client::{Client, ClientId, ClientKind};
use crate::domain::grant_type::GrantType;
use crate::domain::provider::{Credential, Preset, ProviderMetadata, Registration, Slug};
use crate::domain::scope::Scope;
use crate::domain::secret::Secret;
use crate::domain::user::Profile;
use crate::domain::verdict::{OrRejected, reject};
use crate::social::registry::redirect_uri;

/// The user name of the person who has an account at this provider.
pub(super) const PERSON: &str = "chunhyang";
/// The password of this person.
pub(super) const PASSWORD: &str = "seong-chun-hyang";
const NAME: &str = "Demo IdP";
const SLUG: &str = "demo-idp";
const CLIENT: &str = "mapae";
/// Its pages look different, so that people can tell the two servers apart.
const BRAND: &str = "name = \"Demo IdP\"\naccent = \"#6b3fa0\"\naccent_dark = \"#c3a3ea\"\n";

/// Starts the provider on this listener.
pub(super) async fn start(
    at: &Installation,
    listener: TcpListener,
    url: &str,
    folder: &Path,
    secure: Option<&Secure>,
) -> OrRejected<Server> {
    let branding = folder.join("branding");
    let written = std::fs::create_dir_all(&branding)
        .and_then(|()| std::fs::write(branding.join("brand.toml"), BRAND));
    written.or_else(|error| reject(format!("{}: {error}", branding.display())))?;
    let mut settings = settings::write(url, "127.0.0.1:0", folder, secure, &[])?;
    settings.pages.branding_dir = Some(branding);
    let server = Server::start_on(listener, settings, at.clock.clone()).await?;
    let services = server.services();
    if users::find(&May::operator(), &*services.store, Who::Name(PERSON)).await.is_err() {
        let new = NewUser {
            username: PERSON.to_owned(),
            email: Some("chunhyang@example.com".to_owned()),
            email_verified: true,
            profile: Profile { name: Some("성춘향".to_owned()), ..Profile::default() },
            password: Some(PASSWORD.to_owned().into()),
        };
        users::create(&May::operator(), &services.store, &at.clock, &services.hasher, new).await?;
    }
    Ok(server)
}

/// Registers the first server as a client of the provider.
pub(super) async fn register_with(
    at: &Installation,
    idp: &Server,
    issuer: &crate::domain::urls::Issuer,
) -> OrRejected<Registration> {
    let (Some(slug), Some(id)) = (Slug::parse(SLUG), ClientId::parse(CLIENT)) else {
        return reject("the demo's provider is malformed");
    };
    let mut client = Client::new(id, ClientKind::Confidential, at.clock.now());
    "mapae".clone_into(&mut client.metadata.client_name);
    client.metadata.grant_types = vec![GrantType::AuthorizationCode];
    client.metadata.scope = Scope::parse("openid profile email").unwrap_or_default();
    client.metadata.redirect_uris = vec![redirect_uri(issuer, &slug)];
    let secret = Box::pin(register(at, idp, client)).await?;
    let metadata = ProviderMetadata {
        name: Some(NAME.to_owned()),
        issuer: Some(idp.services().url.as_str().to_owned()),
        ..ProviderMetadata::new(Preset::Oidc, CLIENT)
    };
    let credential = Credential::Secret(Secret::text(secret));
    Ok(Registration { slug, metadata, credential, disabled: false })
}
