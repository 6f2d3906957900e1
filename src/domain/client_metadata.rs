//! What is registered of a client, RFC 7591 §2: an attribute is written here, and nowhere else.

use chrono::Duration;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::grant_type::GrantType;
use super::scope::{self, Scope};
use super::wire::wire_enum;

/// What is registered of a client. It stands in the database as this JSON object, and the command line
/// shows it so; where RFC 7591 has a name for an attribute, it is that one. An attribute that comes
/// later says what it is in an older row: `#[serde(default)]`. The default of each is the safe choice.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "none of them follows from another")]
pub struct ClientMetadata {
    /// What people see.
    pub client_name: String,
    /// The one way in which it authenticates.
    pub token_endpoint_auth_method: AuthMethod,
    /// Its public keys (a JWK Set) for `private_key_jwt`.
    pub jwks: Option<Value>,
    /// The grant types that it may use.
    pub grant_types: Vec<GrantType>,
    /// The scope that it may ask for.
    #[serde(with = "scope::text")]
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
    /// What becomes of a refresh token that it uses: `refresh_policy` and `refresh_grace`.
    #[serde(flatten)]
    pub refresh: RefreshPolicy,
    /// Whether a refresh needs the old access token.
    pub require_access_token_proof: bool,
}

impl ClientMetadata {
    /// A client that may do nothing yet, with the safe choice of everything else.
    #[must_use]
    pub fn new(name: &str, method: AuthMethod) -> Self {
        Self { client_name: name.to_owned(), token_endpoint_auth_method: method, ..Self::default() }
    }

    /// As a JSON object.
    #[must_use]
    pub fn to_json(&self) -> Map<String, Value> {
        match serde_json::to_value(self) {
            Ok(Value::Object(members)) => members,
            // Every attribute has a name that is text, and no attribute fails to be written.
            _ => Map::new(),
        }
    }

    /// Reads a JSON object: every member has to be an attribute, and nothing may be missing.
    pub fn from_json(members: Map<String, Value>) -> Result<Self, String> {
        let names: Vec<_> = members.keys().cloned().collect();
        let read: Self =
            serde_json::from_value(Value::Object(members)).map_err(|error| error.to_string())?;
        let known = read.to_json();
        match names.into_iter().find(|name| !known.contains_key(name)) {
            Some(unknown) => Err(format!("{unknown:?} is not an attribute of a client")),
            None => Ok(read),
        }
    }

    /// The same, with these attributes in place of those of their names. `null` takes an attribute
    /// back, where a client can be without it.
    pub fn changed(&self, change: &ClientChange) -> Result<Self, String> {
        let mut members = self.to_json();
        members.extend(change.0.clone());
        Self::from_json(members)
    }
}

/// Some attributes of a client, by their names in [`ClientMetadata`].
#[derive(Clone, Debug, Default)]
pub struct ClientChange(pub Map<String, Value>);

wire_enum! {
    /// How a client authenticates at the token endpoint (RFC 7591 §2, OpenID Connect Core §9).
    #[derive(Default)]
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
        #[default]
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
    #[derive(Default)]
    RefreshDelivery {
        /// In the body, RFC 6749 §5.1.
        #[default]
        Body = "body",
        /// In a cookie that no script can read: for single-page apps of the same site.
        Cookie = "cookie",
    }
}

wire_enum! {
    /// Whether an authorization request of a confidential client needs PKCE.
    #[derive(Default)]
    RequirePkce {
        /// PKCE, or a nonce with the scope `openid`: RFC 9700 §2.1.1.
        #[default]
        Auto = "auto",
        /// PKCE.
        Always = "true",
        /// Neither.
        Never = "false",
    }
}

wire_enum! {
    /// The `typ` of an access token.
    #[derive(Default)]
    AccessTokenTyp {
        /// RFC 9068 §2.1.
        #[default]
        AtJwt = "at+jwt",
        /// What verifiers expect that were written before RFC 9068.
        Jwt = "JWT",
    }
}

wire_enum! {
    /// What the assertions of a client must be, RFC 7523 §3.
    #[derive(Default)]
    Assertions {
        /// Made out to the issuer or to its token endpoint, for an hour at most.
        #[default]
        Tolerant = "tolerant",
        /// Made out to the issuer as one string, for ten minutes at most.
        Strict = "strict",
    }
}

wire_enum! {
    /// What signs tokens, RFC 7518 §3.1.
    #[derive(Default)]
    TokenAlg {
        /// RSASSA-PKCS1-v1_5 with SHA-256.
        #[default]
        Rs256 = "RS256",
        /// ECDSA with P-256 and SHA-256.
        Es256 = "ES256",
    }
}

/// What becomes of a refresh token that is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "RefreshMembers", into = "RefreshMembers")]
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

impl Default for RefreshPolicy {
    fn default() -> Self {
        Self::Rotate { grace: None }
    }
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
            _ => Err(format!("{name:?} is not one of rotate, strict, static")),
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

/// The two attributes that say what becomes of a refresh token.
#[derive(Serialize, Deserialize)]
struct RefreshMembers {
    refresh_policy: String,
    /// In seconds.
    refresh_grace: Option<i64>,
}

impl TryFrom<RefreshMembers> for RefreshPolicy {
    type Error = String;

    fn try_from(members: RefreshMembers) -> Result<Self, String> {
        let grace = match members.refresh_grace {
            Some(seconds) => {
                Some(Duration::try_seconds(seconds).ok_or("a refresh grace is too long")?)
            }
            None => None,
        };
        Self::from_parts(&members.refresh_policy, grace)
    }
}

impl From<RefreshPolicy> for RefreshMembers {
    fn from(policy: RefreshPolicy) -> Self {
        let refresh_grace = policy.own_grace().map(|grace| grace.num_seconds());
        Self { refresh_policy: policy.as_str().to_owned(), refresh_grace }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn metadata() -> ClientMetadata {
        ClientMetadata::new("Shop", AuthMethod::ClientSecretBasic)
    }

    fn change(value: &Value) -> ClientChange {
        ClientChange(value.as_object().cloned().unwrap())
    }

    #[test]
    fn what_is_written_is_read_again() {
        let all = json!({
            "grant_types": ["password", "refresh_token"], "scope": "email openid",
            "refresh_policy": "rotate", "refresh_grace": 5, "jwks": { "keys": [] },
            "backchannel_logout_uri": "https://app.example.com/out", "access_token_typ": "JWT",
        });
        let full = metadata().changed(&change(&all)).unwrap();
        for one in [metadata(), full] {
            assert_eq!(ClientMetadata::from_json(one.to_json()), Ok(one));
        }
    }

    #[test]
    fn what_is_unknown_missing_or_of_another_type_is_not_read() {
        for (wrong, word) in [
            (json!({ "grants": [] }), "not an attribute"),
            (json!({ "grant_types": ["implicit"] }), "one of"),
            (json!({ "token_alg": "none" }), "one of"),
            (json!({ "scope": "a  b" }), "scope"),
            (json!({ "first_party": "yes" }), "boolean"),
            (json!({ "client_name": null }), "null"),
            (json!({ "refresh_policy": "static", "refresh_grace": 5 }), "rotate alone"),
            (json!({ "refresh_policy": "often" }), "one of"),
        ] {
            let said = metadata().changed(&change(&wrong)).unwrap_err();
            assert!(said.contains(word), "{wrong} {said}");
        }
        let whole = metadata().to_json();
        for name in whole.keys().filter(|name| !whole[name.as_str()].is_null()) {
            let mut less = whole.clone();
            less.remove(name);
            assert!(ClientMetadata::from_json(less).is_err(), "{name}");
        }
    }
}
