//! What an app that registers itself may have. What is beyond it is refused, not cut down: an app that
//! got less than it asked for would fail later, in front of a person.

use url::Url;

use super::settings::RegistrationSettings;
use crate::clients::registration;
use crate::domain::client::{ApplicationType, AuthMethod, Client, ClientKind, ClientMetadata};
use crate::domain::client_document::BadDocument;
use crate::domain::reason::Reason;
use crate::domain::redirect_uri;
use crate::domain::scope::Scope;
use crate::domain::scope_of_apps::is_harmless;
use crate::domain::urls::Issuer;
use crate::oauth::error::Refusal;
use crate::oauth::lifetimes::Lifetimes;
use crate::outbound;

/// What registrations are checked against.
#[derive(Clone, Copy, Debug)]
pub(super) struct Policy<'a> {
    pub(super) issuer: &'a Issuer,
    pub(super) settings: &'a RegistrationSettings,
    /// The scopes of MCP servers, which apps may have beside those of the settings.
    pub(super) mcp_scope: &'a Scope,
    pub(super) lifetimes: &'a Lifetimes,
    pub(super) allows_private: bool,
}

impl From<BadDocument> for Refusal {
    fn from(bad: BadDocument) -> Self {
        match &bad {
            BadDocument::RedirectUri(why) => metadata_refused(Reason::RegistrationRedirectUri, why),
            BadDocument::SoftwareStatement => Reason::RegistrationSoftwareStatement.into(),
            BadDocument::Metadata(why) => metadata_refused(Reason::RegistrationMetadata, why),
        }
    }
}

/// A refusal that tells why. The description has no quotes, RFC 6749 §5.2.
fn metadata_refused(reason: Reason, why: &str) -> Refusal {
    Refusal::new(reason).naming(&why.replace(['"', '\\'], "'"))
}

/// Whether a client that authenticates like this can keep a secret.
pub(super) fn kind_of(metadata: &ClientMetadata) -> ClientKind {
    match metadata.token_endpoint_auth_method {
        AuthMethod::None => ClientKind::Public,
        _ => ClientKind::Confidential,
    }
}

impl Policy<'_> {
    /// Checks what an app says of itself.
    pub(super) fn check(self, client: &Client) -> Result<(), Refusal> {
        let settings = self.settings;
        let own = &client.metadata;
        if let Some(grant) = own.grant_types.iter().find(|grant| !settings.grants.contains(grant)) {
            return Err(Refusal::new(Reason::RegistrationGrant).naming(grant.as_str()));
        }
        let most = settings.scopes.joined_with(self.mcp_scope);
        if let Some(token) = own.scope.beyond(&most).next() {
            return Err(Refusal::new(Reason::RegistrationScope).naming(token));
        }
        if !is_harmless(&own.scope) {
            return Err(Reason::RegistrationScope.into());
        }
        for uri in &own.redirect_uris {
            self.check_redirect_uri(uri, client.kind, own.application_type)?;
        }
        for uri in &own.post_logout_redirect_uris {
            self.check_redirect_uri(uri, client.kind, own.application_type)?;
        }
        self.check_links(own)?;
        let checked = registration::check(self.issuer, client).map_err(|why| why.to_string());
        let checked = checked.and_then(|()| self.lifetimes.check_client(own));
        checked.map_err(|why| metadata_refused(Reason::RegistrationMetadata, &why))
    }

    fn check_redirect_uri(
        self,
        uri: &str,
        kind: ClientKind,
        application: Option<ApplicationType>,
    ) -> Result<(), Refusal> {
        let bad = |why: &str| Err(metadata_refused(Reason::RegistrationRedirectUri, why));
        if let Err(why) = redirect_uri::check(uri, kind) {
            return bad(&format!("{uri} {why}"));
        }
        let Ok(url) = Url::parse(uri) else { return bad(uri) };
        // OpenID Connect Registration §2: what runs on the web is reached by https, from anywhere.
        if application == Some(ApplicationType::Web) && redirect_uri::is_unclaimed(uri) {
            return bad(&format!("{uri} is for an app of the application_type native"));
        }
        let hosts = &self.settings.redirect_hosts;
        if !hosts.is_empty() && !hosts.has(&url) {
            return Err(Refusal::new(Reason::RegistrationRedirectHost).naming(uri));
        }
        Ok(())
    }

    /// Addresses that this server calls, or that people follow: over https, and not into the
    /// operator's own network.
    fn check_links(self, own: &ClientMetadata) -> Result<(), Refusal> {
        for (name, uri) in [
            ("jwks_uri", &own.jwks_uri),
            ("logo_uri", &own.logo_uri),
            ("backchannel_logout_uri", &own.backchannel_logout_uri),
            ("client_uri", &own.client_uri),
            ("policy_uri", &own.policy_uri),
            ("tos_uri", &own.tos_uri),
        ] {
            if let Some(uri) = uri
                && !outbound::may_call(uri, self.allows_private)
            {
                let why = format!("{name} is not an address on the web: {uri}");
                return Err(metadata_refused(Reason::RegistrationMetadata, &why));
            }
        }
        Ok(())
    }
}
