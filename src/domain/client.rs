//! A registered client, RFC 6749 §2 and RFC 7591 §2.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

pub use super::client_metadata::{
    AccessTokenTyp, ApplicationType, Assertions, AuthMethod, ClientMetadata, ClientProfile,
    RefreshDelivery, RefreshPolicy, RequestObjectAlg, RequirePkce, SubjectType, TokenAlg,
};
use super::client_secret::HeldSecret;
use super::grant_type::GrantType;
use super::sign_up_mode::SignUpMode;
use super::wire::wire_enum;

/// The identifier of a client, RFC 6749 §2.2.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ClientId(String);

impl ClientId {
    /// The most bytes of an identifier that an operator chooses.
    pub const MOST: usize = 255;

    /// Reads an identifier: RFC 6749 Appendix A.1, `1*VSCHAR`, at most 255 bytes; 2000 if it is the URL
    /// of a document.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_url = text.starts_with("https://") || text.starts_with("http://");
        let most = if is_url { 2000 } else { Self::MOST };
        let legal = (1..=most).contains(&text.len())
            && text.bytes().all(|byte| matches!(byte, 0x20..=0x7E));
        legal.then(|| Self(text.to_owned()))
    }

    /// The identifier as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it has the form of a pairwise `sub`, which is 256 bits in base64url. A client's own
    /// token has its id as `sub`, so such an id could be that of a person.
    #[must_use]
    pub fn is_like_a_sub(&self) -> bool {
        let is_of_base64url = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        self.0.len() == 43 && self.0.bytes().all(is_of_base64url)
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A registered client.
#[derive(Clone, Debug)]
pub struct Client {
    /// `client_id`.
    pub id: ClientId,
    /// Whether it can keep a secret, RFC 6749 §2.1.
    pub kind: ClientKind,
    /// Its secrets, the newest first, if it authenticates by a secret.
    pub secrets: Vec<HeldSecret>,
    /// The registered metadata.
    pub metadata: ClientMetadata,
    /// Who registered it.
    pub registered_by: RegisteredBy,
    /// What whoever registered it by [`RegisteredBy::Itself`] shows to read or change it, RFC 7592 §3,
    /// the newest first.
    pub registration_tokens: Vec<HeldSecret>,
    /// The id of the operator's token with which it registered itself, RFC 7591 §3.
    pub came_by: Option<String>,
    /// The instant at which it was disabled.
    pub disabled_at: Option<DateTime<Utc>>,
    /// When it was registered.
    pub created_at: DateTime<Utc>,
    /// Tokens that it got for itself before this instant do not count any more, because it was
    /// disabled since.
    pub tokens_from: Option<DateTime<Utc>>,
    /// Whether any person got tokens by it; known of those that no operator registered.
    pub is_used: bool,
}

impl Client {
    /// A client with no grant types and no scope, and with the safe choice of everything else.
    #[must_use]
    pub fn new(id: ClientId, kind: ClientKind, created_at: DateTime<Utc>) -> Self {
        let method = match kind {
            ClientKind::Public => AuthMethod::None,
            ClientKind::Confidential => AuthMethod::ClientSecret,
        };
        let metadata = ClientMetadata::new(id.as_str(), method);
        let (secrets, disabled_at, tokens_from) = (Vec::new(), None, None);
        Self {
            id,
            kind,
            secrets,
            metadata,
            registered_by: RegisteredBy::Operator,
            registration_tokens: Vec::new(),
            came_by: None,
            disabled_at,
            created_at,
            tokens_from,
            is_used: false,
        }
    }

    /// Whether this grant type was registered for the client.
    #[must_use]
    pub fn may_use(&self, grant_type: GrantType) -> bool {
        self.metadata.grant_types.contains(&grant_type)
    }

    /// Whether an authorization request without PKCE is refused, RFC 9700 §2.1.1. A confidential
    /// client may use a nonce in place of PKCE, which protects only an OpenID request.
    #[must_use]
    pub fn needs_pkce(&self, has_openid_nonce: bool) -> bool {
        match (self.kind, self.metadata.require_pkce) {
            (ClientKind::Public, _) | (_, RequirePkce::Always) => true,
            (_, RequirePkce::Auto) => !has_openid_nonce,
            (_, RequirePkce::Never) => false,
        }
    }

    /// Who may make an account on the way to this client. `server` is what holds for all clients.
    #[must_use]
    pub fn sign_up_mode(&self, server: SignUpMode) -> SignUpMode {
        self.metadata.signup.unwrap_or(server)
    }

    /// Whether the client may be used.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        self.disabled_at.is_none()
    }
}

wire_enum! {
    /// Who registered a client.
    #[derive(Default)]
    RegisteredBy {
        /// An operator, or somebody whom they gave the right.
        #[default]
        Operator = "operator",
        /// The app itself, RFC 7591.
        Itself = "itself",
        /// Nobody: its `client_id` is the address of its metadata document.
        Document = "document",
    }
}

wire_enum! {
    /// RFC 6749 §2.1.
    ClientKind {
        /// Can keep a secret.
        Confidential = "confidential",
        /// Cannot keep a secret.
        Public = "public",
    }
}
