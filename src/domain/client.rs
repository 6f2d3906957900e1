//! A registered client, RFC 6749 §2 and RFC 7591 §2.

use std::fmt;

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};

use super::grant_type::GrantType;
use super::scope::Scope;
use super::secret::{ClientSecret, Hashed};
use super::wire::wire_enum;

/// The identifier of a client, RFC 6749 §2.2.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ClientId(String);

impl ClientId {
    /// Reads an identifier: RFC 6749 Appendix A.1, `1*VSCHAR`, at most 255 bytes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let legal =
            (1..=255).contains(&text.len()) && text.bytes().all(|byte| matches!(byte, 0x20..=0x7E));
        legal.then(|| Self(text.to_owned()))
    }

    /// The identifier as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A registered client.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "none of them follows from another")]
pub struct Client {
    /// `client_id`.
    pub id: ClientId,
    /// What people see.
    pub name: String,
    /// Whether it can keep a secret, RFC 6749 §2.1.
    pub kind: ClientKind,
    /// The one way in which it authenticates.
    pub auth_method: AuthMethod,
    /// The hash of its secret, where the method has one.
    pub secret: Option<Hashed<ClientSecret>>,
    /// Its public keys (a JWK Set) for `private_key_jwt`.
    pub jwks: Option<String>,
    /// The grant types that it may use.
    pub grants: Vec<String>,
    /// The scope that it may ask for.
    pub scope: Scope,
    /// The audiences that it may ask for; the first one is the default.
    pub audiences: Vec<String>,
    /// The audiences that it *is*: it may introspect their tokens.
    pub resource_servers: Vec<String>,
    /// Where an authorization response may go.
    pub redirect_uris: Vec<String>,
    /// Where a browser may go after signing out, RP-Initiated Logout §3.1.
    pub post_logout_redirect_uris: Vec<String>,
    /// Where it is told of sign-outs, Back-Channel Logout §2.2.
    pub backchannel_logout_uri: Option<String>,
    /// The origins whose scripts may read answers (CORS).
    pub allowed_origins: Vec<String>,
    /// How it gets refresh tokens.
    pub refresh_delivery: RefreshDelivery,
    /// Whether an authorization request needs PKCE. Always, for a public client.
    pub require_pkce: RequirePkce,
    /// Whether it is the operator's own, so that nobody is asked for consent.
    pub first_party: bool,
    /// Whether it is believed where a person is whose password it brings.
    pub trust_user_ip: bool,
    /// Its logo.
    pub logo_uri: Option<String>,
    /// Its privacy policy.
    pub policy_uri: Option<String>,
    /// Its terms of service.
    pub tos_uri: Option<String>,
    /// What signs its access and id tokens.
    pub token_alg: TokenAlg,
    /// The `typ` of its access tokens.
    pub access_token_typ: AccessTokenTyp,
    /// Whether its id tokens carry what its scope shows at userinfo.
    pub id_token_claims: bool,
    /// The claims of the person that its access tokens carry, as far as its scope shows them.
    pub access_token_claims: Vec<String>,
    /// What its assertions must be.
    pub assertions: Assertions,
    /// What becomes of a refresh token that it uses.
    pub refresh: RefreshPolicy,
    /// Whether a refresh needs the old access token.
    pub require_access_token_proof: bool,
    /// Since when it is disabled.
    pub disabled_at: Option<DateTime<Utc>>,
    /// When it was registered.
    pub created_at: DateTime<Utc>,
}

impl Client {
    /// A client that may do nothing yet, with the safe choice of everything else.
    #[must_use]
    pub fn new(id: ClientId, kind: ClientKind, created_at: DateTime<Utc>) -> Self {
        let auth_method = match kind {
            ClientKind::Public => AuthMethod::None,
            ClientKind::Confidential => AuthMethod::ClientSecret,
        };
        Self {
            name: id.as_str().to_owned(),
            id,
            kind,
            auth_method,
            secret: None,
            jwks: None,
            grants: Vec::new(),
            scope: Scope::default(),
            audiences: Vec::new(),
            resource_servers: Vec::new(),
            redirect_uris: Vec::new(),
            post_logout_redirect_uris: Vec::new(),
            backchannel_logout_uri: None,
            allowed_origins: Vec::new(),
            refresh_delivery: RefreshDelivery::Body,
            require_pkce: RequirePkce::Auto,
            first_party: false,
            trust_user_ip: false,
            logo_uri: None,
            policy_uri: None,
            tos_uri: None,
            token_alg: TokenAlg::Rs256,
            access_token_typ: AccessTokenTyp::AtJwt,
            id_token_claims: false,
            access_token_claims: Vec::new(),
            assertions: Assertions::Tolerant,
            refresh: RefreshPolicy::Rotate { grace: None },
            require_access_token_proof: false,
            disabled_at: None,
            created_at,
        }
    }

    /// Whether this grant type was registered for the client.
    #[must_use]
    pub fn may_use(&self, grant_type: GrantType) -> bool {
        self.grants.iter().any(|registered| registered == grant_type.as_str())
    }

    /// Whether an authorization request without PKCE is refused, RFC 9700 §2.1.1: a confidential
    /// client may have a nonce in its place, which protects an OpenID request alone.
    #[must_use]
    pub fn needs_pkce(&self, has_openid_nonce: bool) -> bool {
        match (self.kind, self.require_pkce) {
            (ClientKind::Public, _) | (_, RequirePkce::Always) => true,
            (_, RequirePkce::Auto) => !has_openid_nonce,
            (_, RequirePkce::Never) => false,
        }
    }

    /// Whether the client may be used.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        self.disabled_at.is_none()
    }
}

wire_enum! {
    /// RFC 6749 §2.1.
    ClientKind {
        /// Can keep a secret.
        Confidential = "confidential",
        /// Cannot.
        Public = "public",
    }
}

wire_enum! {
    /// How a client authenticates at the token endpoint (RFC 7591 §2, OpenID Connect Core §9).
    AuthMethod {
        /// The secret in the header or in the body, as the client likes.
        ClientSecret = "client_secret",
        /// The secret in the `Authorization` header, RFC 6749 §2.3.1.
        ClientSecretBasic = "client_secret_basic",
        /// The secret in the body, RFC 6749 §2.3.1.
        ClientSecretPost = "client_secret_post",
        /// An assertion signed by the client, RFC 7523 §2.2.
        PrivateKeyJwt = "private_key_jwt",
        /// A public client names itself.
        None = "none",
    }
}

impl AuthMethod {
    /// Whether the method proves knowledge of a shared secret.
    #[must_use]
    pub fn has_secret(self) -> bool {
        matches!(self, Self::ClientSecret | Self::ClientSecretBasic | Self::ClientSecretPost)
    }
}

wire_enum! {
    /// How a client gets its refresh tokens.
    RefreshDelivery {
        /// In the body, RFC 6749 §5.1.
        Body = "body",
        /// In a cookie that no script can read: for single-page apps of the same site.
        Cookie = "cookie",
    }
}

wire_enum! {
    /// Whether an authorization request of a confidential client needs PKCE.
    RequirePkce {
        /// PKCE, or a nonce with the scope `openid`: RFC 9700 §2.1.1.
        Auto = "auto",
        /// PKCE.
        Always = "true",
        /// Neither.
        Never = "false",
    }
}

wire_enum! {
    /// The `typ` of an access token.
    AccessTokenTyp {
        /// RFC 9068 §2.1.
        AtJwt = "at+jwt",
        /// What verifiers expect that were written before RFC 9068.
        Jwt = "JWT",
    }
}

wire_enum! {
    /// What the assertions of a client must be, RFC 7523 §3.
    Assertions {
        /// Made out to the issuer or to its token endpoint, for an hour at most.
        Tolerant = "tolerant",
        /// Made out to the issuer as one string, for ten minutes at most.
        Strict = "strict",
    }
}

wire_enum! {
    /// What signs tokens, RFC 7518 §3.1.
    TokenAlg {
        /// RSASSA-PKCS1-v1_5 with SHA-256.
        Rs256 = "RS256",
        /// ECDSA with P-256 and SHA-256.
        Es256 = "ES256",
    }
}

/// What becomes of a refresh token that is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefreshPolicy {
    /// Each use brings a successor; a repeat within the grace brings the same one again.
    Rotate {
        /// The client's own grace; the server's setting without one.
        grace: Option<Duration>,
    },
    /// Rotation without grace: any repeat is reuse.
    Strict,
    /// The token stays the same and is never spent.
    Static,
}

impl RefreshPolicy {
    /// The policy of this name.
    pub fn from_parts(name: &str, grace: Option<Duration>) -> Result<Self, String> {
        match (name, grace) {
            ("rotate", grace) => Ok(Self::Rotate { grace }),
            ("strict", None) => Ok(Self::Strict),
            ("static", None) => Ok(Self::Static),
            ("strict" | "static", Some(_)) => {
                Err("a refresh grace goes with the policy rotate alone".to_owned())
            }
            _ => Err(format!("{name:?} is none of rotate, strict, static")),
        }
    }

    /// The name on the command line and in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rotate { .. } => "rotate",
            Self::Strict => "strict",
            Self::Static => "static",
        }
    }

    /// The client's own grace.
    #[must_use]
    pub fn own_grace(self) -> Option<Duration> {
        match self {
            Self::Rotate { grace } => grace,
            Self::Strict | Self::Static => None,
        }
    }
}
