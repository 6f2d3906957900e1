//! People of a provider, and what they grant.

use mapae::domain::pkce::Challenge;

/// The one app that every provider knows.
pub(crate) const CLIENT_ID: &str = "1234567890-app";
/// The secret of this app.
pub(crate) const CLIENT_SECRET: &str = "0123456789abcdef0123456789abcdef";

/// A person who signs in at the provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Person {
    /// A number, because some providers have nothing else.
    pub(crate) id: String,
    pub(crate) email: Option<String>,
    pub(crate) email_verified: bool,
    /// A given and a family name.
    pub(crate) name: Option<String>,
}

impl Default for Person {
    fn default() -> Self {
        Self {
            id: "3456789012".to_owned(),
            email: Some("mina@example.com".to_owned()),
            email_verified: true,
            name: Some("Mina Kim".to_owned()),
        }
    }
}

impl Person {
    pub(crate) fn name(&self) -> &str {
        self.name.as_deref().unwrap_or_default()
    }

    /// The identifier as a number.
    pub(crate) fn number(&self) -> u64 {
        self.id.parse().expect("this provider knows people by number")
    }
}

/// What a code or a token stands for.
#[derive(Clone, Debug)]
pub(crate) struct Grant {
    pub(crate) client_id: String,
    pub(crate) redirect_uri: String,
    pub(crate) scope: String,
    pub(crate) state: String,
    pub(crate) nonce: Option<String>,
    pub(crate) challenge: Option<Challenge>,
    /// When the person proved who they are, if the request asked for it.
    pub(crate) auth_time: Option<i64>,
    pub(crate) person: Person,
}

impl Grant {
    /// Checks the PKCE verifier (RFC 7636 §4.6); a verifier without a challenge is refused too.
    pub(crate) fn is_proven_by(&self, verifier: &str) -> bool {
        match &self.challenge {
            Some(challenge) => challenge.is_met_by(verifier),
            None => verifier.is_empty(),
        }
    }
}

/// Why there is no token for a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    GrantType,
    Client,
    Secret,
    Code,
    RedirectUri,
    Verifier,
}
