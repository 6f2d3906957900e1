//! The providers of social login, with the data of this server's registration at each of them.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::client::ClientId;
use super::person;
pub use super::provider_metadata::{
    Audience, Domain, GroupMapping, NoDomain, Preset, ProviderMetadata,
};
use super::secret::Secret;

/// The name of a provider in URLs, forms and `amr`: lower-case letters, digits, hyphens,
/// underscores.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Slug(String);

impl Slug {
    /// Reads a name of 1 to 32 characters that begins with a letter or a digit.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let legal = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_');
        let shaped = (1..=32).contains(&text.len()) && text.bytes().all(legal);
        (shaped && !text.starts_with(['-', '_'])).then(|| Self(text.to_owned()))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The first authentication method (`amr`) of a person who signed in with a provider. The second
/// one is the slug of the provider.
pub const FEDERATED: &str = "fed";

/// The provider with which a person signed in, taken from their authentication methods. Methods
/// that they used in addition follow behind it.
#[must_use]
pub fn came_by(amr: &[String]) -> Option<&str> {
    match amr {
        [method, provider, ..] if method == FEDERATED => Some(provider),
        _ => None,
    }
}

/// This server's registration with a provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// Its name on this server.
    pub slug: Slug,
    /// The attributes that are not secret: they can be shown, and they are stored without
    /// encryption.
    pub metadata: ProviderMetadata,
    /// How we authenticate there.
    pub credential: Credential,
    /// Whether it is disabled.
    pub disabled: bool,
}

/// How we authenticate at a provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    /// Without authentication: a public client.
    None,
    /// By a client secret.
    Secret(Secret),
    /// By an assertion that we sign for each request.
    Key {
        /// The issuer of the assertion: Apple's team.
        team: String,
        /// The key's name at the provider.
        id: String,
        /// The private key: P-256, PKCS#8, PEM.
        private: Secret,
    },
}

impl Registration {
    /// Whether this client may use it. `None` for the client means: whether a person may use it for
    /// their own account.
    #[must_use]
    pub fn serves(&self, client: Option<&ClientId>) -> bool {
        !self.disabled && self.is_for(client)
    }

    fn is_for(&self, client: Option<&ClientId>) -> bool {
        let allowed = |client| self.metadata.allowed_clients.contains(client);
        self.metadata.allowed_clients.is_empty() || client.is_none_or(allowed)
    }

    /// Whether this provider is the only sign-in method for this client, or, without a client, for
    /// the account page.
    #[must_use]
    pub fn is_only_way(&self, client: Option<&ClientId>) -> bool {
        let everywhere = self.metadata.allowed_clients.is_empty();
        // `disabled` is not checked: disabling the provider must not enable other sign-in methods.
        self.metadata.only && self.is_for(client) && (client.is_some() || everywhere)
    }

    /// The client ids at the provider whose tokens are accepted for this client of ours.
    #[must_use]
    pub fn accepted_for(&self, client: &ClientId) -> Vec<&str> {
        let further = self.metadata.audiences.iter().filter(|one| one.clients.contains(client));
        let further = further.map(|one| one.id.as_str());
        [self.metadata.client_id.as_str()].into_iter().chain(further).collect()
    }

    /// Whether a person with this address may sign in. If domains are configured, the address must
    /// be verified.
    #[must_use]
    pub fn lets_in(&self, email: Option<&str>, verified: bool) -> bool {
        if self.metadata.allowed_domains.is_empty() {
            return true;
        }
        let key = email.filter(|_| verified).and_then(person::email_key);
        let domain = key.as_deref().and_then(|key| key.rsplit_once('@')).map(|(_, domain)| domain);
        domain.is_some_and(|domain| {
            self.metadata.allowed_domains.iter().any(|known| known.as_str() == domain)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Registration {
        of(metadata())
    }

    fn metadata() -> ProviderMetadata {
        ProviderMetadata::new(Preset::Oidc, "ours")
    }

    fn of(metadata: ProviderMetadata) -> Registration {
        let slug = Slug::parse("idp").unwrap();
        Registration { slug, metadata, credential: Credential::None, disabled: false }
    }

    fn client(id: &str) -> ClientId {
        ClientId::parse(id).unwrap()
    }

    #[test]
    fn a_slug_is_safe_in_a_path() {
        for good in ["google", "my-idp-2", "my_idp", "0", &"a".repeat(32)] {
            assert!(Slug::parse(good).is_some(), "{good}");
        }
        for bad in ["", "-a", "Google", "a/b", "..", "a.b", "구글", "a b", "_a", &"a".repeat(33)]
        {
            assert_eq!(Slug::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn s126_a_provider_serves_the_clients_that_it_is_for() {
        let (shop, other) = (client("shop"), client("other"));
        let everybody = sample();
        assert!(everybody.serves(Some(&shop)) && everybody.serves(None));
        let limited = ProviderMetadata { allowed_clients: vec![shop.clone()], ..metadata() };
        let only = of(ProviderMetadata { only: true, ..limited.clone() });
        let limited = of(limited);
        assert!(limited.serves(Some(&shop)) && limited.serves(None));
        assert!(!limited.serves(Some(&other)));
        let disabled = Registration { disabled: true, ..sample() };
        assert!(!disabled.serves(Some(&shop)) && !disabled.serves(None));
        let off = Registration { disabled: true, ..only.clone() };
        assert!(off.is_only_way(Some(&shop)) && !off.serves(Some(&shop)));
        assert!(only.is_only_way(Some(&shop)));
        assert!(!only.is_only_way(Some(&other)) && !only.is_only_way(None));
    }

    #[test]
    fn s127_a_token_counts_for_the_clients_that_its_audience_is_for() {
        let audience = Audience { id: "android".to_owned(), clients: vec![client("app")] };
        let registration = of(ProviderMetadata { audiences: vec![audience], ..metadata() });
        assert_eq!(registration.accepted_for(&client("app")), ["ours", "android"]);
        assert_eq!(registration.accepted_for(&client("other")), ["ours"]);
    }

    #[test]
    fn s129_a_domain_counts_when_the_address_is_verified() {
        let domains = vec![Domain::parse("Example.com").unwrap()];
        let registration = of(ProviderMetadata { allowed_domains: domains, ..metadata() });
        for (email, verified, expected) in [
            (Some("a@example.com"), true, true),
            (Some("a@EXAMPLE.com"), true, true),
            (Some("a@example.com"), false, false),
            (Some("a@sub.example.com"), true, false),
            (Some("a@example.com.evil"), true, false),
            (Some("a@evil@example.com"), true, false),
            (None, true, false),
        ] {
            assert_eq!(registration.lets_in(email, verified), expected, "{email:?} {verified}");
        }
        assert!(sample().lets_in(None, false));
    }
}
