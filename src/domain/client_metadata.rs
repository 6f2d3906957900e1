//! The registered metadata of a client, RFC 7591 §2. This is the only place where an attribute is
//! declared.

use chrono::Duration;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use url::Url;

use super::acr::Acr;
use super::claim_rule::ClaimRule;
use super::grant_type::GrantType;
use super::id_jag::{IdJagAudience, IdJagIssuer};
use super::may_act::MayAct;
use super::scope::{self, Scope};
use super::sign_up_mode::SignUpMode;
use super::status_list::StatusListMode;
use super::trusted_issuer::TrustedIssuer;
use super::wire::wire_enum;

/// The registered metadata of a client. The database stores it as this JSON object, and the command
/// line shows it in the same form. Where RFC 7591 has a name for an attribute, that name is used. A
/// new attribute has `#[serde(default)]`, which is its value in rows that were written before. The
/// default of each is the safe choice.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "none of them follows from another")]
pub struct ClientMetadata {
    /// The name that people see.
    pub client_name: String,
    /// The one method by which it authenticates.
    pub token_endpoint_auth_method: AuthMethod,
    /// Its public keys (a JWK Set) for `private_key_jwt` and for request objects.
    pub jwks: Option<Value>,
    /// Where it publishes these keys itself, in place of `jwks`.
    #[serde(default)]
    pub jwks_uri: Option<String>,
    /// The grant types that it may use.
    pub grant_types: Vec<GrantType>,
    /// The scope that it may request.
    #[serde(with = "scope::text")]
    pub scope: Scope,
    /// The audiences that it may request; the first one is the default.
    pub audiences: Vec<String>,
    /// The audiences of which it is the resource server: it may introspect tokens for them.
    pub resource_servers: Vec<String>,
    /// The URIs to which an authorization response may be sent.
    pub redirect_uris: Vec<String>,
    /// The URIs to which a browser may be redirected after sign-out, RP-Initiated Logout §3.1.
    pub post_logout_redirect_uris: Vec<String>,
    /// The URI to which notices of sign-outs are sent, Back-Channel Logout §2.2.
    pub backchannel_logout_uri: Option<String>,
    /// The origins whose scripts may read responses (CORS).
    pub allowed_origins: Vec<String>,
    /// How it receives refresh tokens.
    pub refresh_delivery: RefreshDelivery,
    /// Whether an authorization request needs PKCE. For a public client it always does.
    pub require_pkce: RequirePkce,
    /// Whether it has to push its authorization requests, RFC 9126 §6.
    #[serde(default)]
    pub require_pushed_authorization_requests: bool,
    /// The one algorithm by which it signs its request objects, RFC 9101; `None`: whatever its keys
    /// are for.
    #[serde(default)]
    pub request_object_signing_alg: Option<RequestObjectAlg>,
    /// Whether it has to sign its authorization requests, RFC 9101 §10.5.
    #[serde(default)]
    pub require_signed_request_object: bool,
    /// The algorithm that signs authorization responses which it asks for as JWT, JARM §3; `None`: that
    /// of its tokens.
    #[serde(default)]
    pub authorization_signed_response_alg: Option<TokenAlg>,
    /// Whether it is the operator's own app. Then people are not asked for consent.
    pub first_party: bool,
    /// Whether it is trusted to report the network address of a person whose password it sends.
    pub trust_user_ip: bool,
    /// Its logo.
    pub logo_uri: Option<String>,
    /// Its privacy policy.
    pub policy_uri: Option<String>,
    /// Its terms of service.
    pub tos_uri: Option<String>,
    /// Its home page.
    #[serde(default)]
    pub client_uri: Option<String>,
    /// How to reach those who are responsible for it.
    #[serde(default)]
    pub contacts: Vec<String>,
    /// Which software it is, and of which version.
    #[serde(default)]
    pub software_id: Option<String>,
    /// The version of the software.
    #[serde(default)]
    pub software_version: Option<String>,
    /// Whether it is on the web or on people's devices, OpenID Connect Registration §2; `None`: as its
    /// redirect URIs say.
    #[serde(default)]
    pub application_type: Option<ApplicationType>,
    /// The algorithm that signs its access tokens and id tokens.
    pub token_alg: TokenAlg,
    /// The algorithm by which its answers of userinfo are signed; `None`: they are plain JSON.
    #[serde(default)]
    pub userinfo_signed_response_alg: Option<TokenAlg>,
    /// The algorithm by which answers of introspection are signed for it, RFC 9701 §6; `None`: RS256.
    #[serde(default)]
    pub introspection_signed_response_alg: Option<TokenAlg>,
    /// The `typ` of its access tokens.
    pub access_token_typ: AccessTokenTyp,
    /// Whether its id tokens carry the claims that its scope shows at userinfo.
    pub id_token_claims: bool,
    /// The claims of the person that its access tokens carry, as far as its scope gives access to
    /// them.
    pub access_token_claims: Vec<String>,
    /// What its tokens, and userinfo for it, say besides: groups, constants.
    #[serde(default)]
    pub claims: Vec<ClaimRule>,
    /// The rules for the assertions that it sends.
    pub assertions: Assertions,
    /// What happens to a refresh token when it is used: `refresh_policy` and `refresh_grace`.
    #[serde(flatten)]
    pub refresh: RefreshPolicy,
    /// Whether a refresh request must also present the old access token.
    pub require_access_token_proof: bool,
    /// Whether it may ask people for password and codes itself, at the challenge endpoint.
    #[serde(default)]
    pub first_party_challenge: bool,
    /// Whether its access tokens are always bound to a key, RFC 9449 §5.2.
    #[serde(default)]
    pub dpop_bound_access_tokens: bool,
    /// Whether its access tokens are always bound to its certificate, RFC 8705 §3.4.
    #[serde(default)]
    pub tls_client_certificate_bound_access_tokens: bool,
    /// The subject of its certificate as text of RFC 4514, for `tls_client_auth` (RFC 8705 §2.1.2). It
    /// is registered for exactly one of these five.
    #[serde(default)]
    pub tls_client_auth_subject_dn: Option<String>,
    /// A name of a host for which its certificate is.
    #[serde(default)]
    pub tls_client_auth_san_dns: Option<String>,
    /// A URI for which its certificate is.
    #[serde(default)]
    pub tls_client_auth_san_uri: Option<String>,
    /// An IP address for which its certificate is.
    #[serde(default)]
    pub tls_client_auth_san_ip: Option<String>,
    /// A mail address for which its certificate is.
    #[serde(default)]
    pub tls_client_auth_san_email: Option<String>,
    /// The `acr` values of requests that name none, in the order of preference. If all of them need
    /// two factors, a second factor is always due.
    pub default_acr_values: Option<Vec<Acr>>,
    /// Who may make an account on the way to it; `None`: as the server's settings say.
    #[serde(default)]
    pub signup: Option<SignUpMode>,
    /// Which of its access tokens name their place in a status list. A resource server asks by the
    /// same attribute for tokens whose first resource it is.
    #[serde(default)]
    pub status_list: StatusListMode,
    /// How many seconds its access tokens are good. This and the next three are at most what the
    /// server's settings say; `None`: as they say.
    #[serde(default)]
    pub access_lifetime: Option<i64>,
    /// How many seconds its id tokens are good.
    #[serde(default)]
    pub id_lifetime: Option<i64>,
    /// How many seconds older than the code of a device the sign-in of the person may be who allows it;
    /// `None`: that does not matter.
    #[serde(default)]
    pub device_max_age: Option<i64>,
    /// After how many seconds without use its refresh tokens end.
    #[serde(default)]
    pub refresh_idle: Option<i64>,
    /// How many seconds after a sign-in its refresh tokens end in any case.
    #[serde(default)]
    pub refresh_absolute: Option<i64>,
    /// How many seconds old the sign-in of a person may be when they come to it; `None`: as old as a
    /// session.
    #[serde(default)]
    pub session_lifetime: Option<i64>,
    /// The algorithm that signs its id tokens and logout tokens (OpenID Connect Registration §2);
    /// `None`: as `token_alg`.
    #[serde(default)]
    pub id_token_signed_response_alg: Option<TokenAlg>,
    /// By which kind of `sub` it knows people, OpenID Connect Core §8.
    #[serde(default)]
    pub subject_type: SubjectType,
    /// Where a document lists the redirect URIs of its sector; the host of this address is the sector
    /// (OpenID Connect Core §8.1). `None`: the host of its redirect URIs is.
    #[serde(default)]
    pub sector_identifier_uri: Option<String>,
    /// The security profile that it is held to; `None`: what is registered, and nothing more.
    #[serde(default)]
    pub profile: Option<ClientProfile>,
    /// With whose tokens it may act for people, RFC 8693.
    #[serde(default)]
    pub may_act: Vec<MayAct>,
    /// The subjects of other issuers that are this client: their assertions authenticate it, RFC 7523
    /// §2.2.
    #[serde(default)]
    pub trusted_issuers: Vec<TrustedIssuer>,
    /// The other authorization servers at which it may act for people with grants of this one
    /// (ID-JAG).
    #[serde(default)]
    pub id_jag_audiences: Vec<IdJagAudience>,
    /// The issuers whose grants it may show here (ID-JAG).
    #[serde(default)]
    pub id_jag_issuers: Vec<IdJagIssuer>,
}

impl ClientMetadata {
    /// A client with no grant types and no scope, and with the safe choice of everything else.
    #[must_use]
    pub fn new(name: &str, method: AuthMethod) -> Self {
        Self { client_name: name.to_owned(), token_endpoint_auth_method: method, ..Self::default() }
    }

    /// The algorithm that signs its id tokens and logout tokens.
    #[must_use]
    pub fn id_token_alg(&self) -> TokenAlg {
        self.id_token_signed_response_alg.unwrap_or(self.token_alg)
    }

    /// The host that clients have in common which know a person by the same pairwise `sub`, OpenID
    /// Connect Core §8.1; `None` if the redirect URIs have no host or several. Only https proves that
    /// somebody has a host: what is behind a private-use scheme or a loopback address is anybody's.
    #[must_use]
    pub fn sector(&self) -> Option<String> {
        let parsed = |uri: &String| Url::parse(uri).ok();
        let host = |url: Url| url.host_str().map(str::to_ascii_lowercase);
        if let Some(uri) = &self.sector_identifier_uri {
            return parsed(uri).and_then(host);
        }
        let proven = |url: &Url| url.scheme() == "https";
        let mut hosts =
            self.redirect_uris.iter().map(|uri| parsed(uri).filter(proven).and_then(host));
        let first = hosts.next()??;
        hosts.all(|other| other.as_ref() == Some(&first)).then_some(first)
    }

    /// By which `sub` the client knows people: the kind, and the sector if there is one for each.
    fn known_by(&self) -> (SubjectType, Option<String>) {
        let is_pairwise = self.subject_type == SubjectType::Pairwise;
        (self.subject_type, is_pairwise.then(|| self.sector()).flatten())
    }

    /// The same as a text that differs where the `sub` does.
    #[must_use]
    pub fn known_by_text(&self) -> String {
        let (subject_type, sector) = self.known_by();
        format!("{} {}", subject_type.as_str(), sector.unwrap_or_default())
    }

    /// Whether what people gave the client has to end when it is registered like this in place of
    /// `before`: it would know them by another `sub` and could tell which two are the same, or a
    /// security profile begins that those tokens were not held to.
    #[must_use]
    pub fn outdates(&self, before: &Self) -> bool {
        self.known_by() != before.known_by() || (self.profile.is_some() && before.profile.is_none())
    }

    /// The metadata as a JSON object.
    #[must_use]
    pub fn to_json(&self) -> Map<String, Value> {
        match serde_json::to_value(self) {
            Ok(Value::Object(members)) => members,
            // Not reachable: every attribute has a name that is text, and serializing one cannot
            // fail.
            _ => Map::new(),
        }
    }

    /// Reads a JSON object. Every member has to be an attribute, and no attribute may be missing.
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
}

/// Changes to some attributes of a client, by their names in [`ClientMetadata`].
#[derive(Clone, Debug, Default)]
pub struct ClientChange(pub Map<String, Value>);

wire_enum! {
    /// How a client authenticates at the token endpoint (RFC 7591 §2, OpenID Connect Core §9).
    #[derive(Default)]
    AuthMethod {
        /// The secret in the header or in the body. The client may use either.
        ClientSecret = "client_secret",
        /// The secret in the `Authorization` header, RFC 6749 §2.3.1.
        ClientSecretBasic = "client_secret_basic",
        /// The secret in the body, RFC 6749 §2.3.1.
        ClientSecretPost = "client_secret_post",
        /// An assertion signed by the client, RFC 7523 §2.2.
        PrivateKeyJwt = "private_key_jwt",
        /// A certificate that an authority of the operator has issued, RFC 8705 §2.1.
        TlsClientAuth = "tls_client_auth",
        /// A certificate that is registered itself, RFC 8705 §2.2.
        SelfSignedTlsClientAuth = "self_signed_tls_client_auth",
        /// No authentication: a public client sends only its `client_id`.
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
    /// A security profile that a client is held to.
    ClientProfile {
        /// FAPI 2.0 Security Profile, and what FAPI 2.0 Message Signing says of signed requests.
        Fapi2 = "fapi2",
    }
}

wire_enum! {
    /// By which kind of `sub` a client knows people, OpenID Connect Core §8.
    #[derive(Default)]
    SubjectType {
        /// The same for all clients.
        #[default]
        Public = "public",
        /// Another one for each sector, so that clients of two sectors cannot compare people.
        Pairwise = "pairwise",
    }
}

wire_enum! {
    /// Where an app runs, OpenID Connect Registration §2.
    ApplicationType {
        /// On a web server, or in a browser.
        Web = "web",
        /// On a device of the person, RFC 8252.
        Native = "native",
    }
}

wire_enum! {
    /// How a client receives its refresh tokens.
    #[derive(Default)]
    RefreshDelivery {
        /// In the body, RFC 6749 §5.1.
        #[default]
        Body = "body",
        /// In a cookie that scripts cannot read, for single-page apps on the same site.
        Cookie = "cookie",
    }
}

wire_enum! {
    /// Whether an authorization request of a confidential client needs PKCE.
    #[derive(Default)]
    RequirePkce {
        /// PKCE, or a nonce with the scope `openid`, is required: RFC 9700 §2.1.1.
        #[default]
        Auto = "auto",
        /// PKCE is required.
        Always = "true",
        /// Neither PKCE nor a nonce is required.
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
        /// The value that verifiers expect if they were written before RFC 9068.
        Jwt = "JWT",
    }
}

wire_enum! {
    /// The rules for the assertions of a client, RFC 7523 §3.
    #[derive(Default)]
    Assertions {
        /// The audience is the issuer, or endpoints at which clients authenticate; valid for an hour at
        /// most.
        #[default]
        Tolerant = "tolerant",
        /// The audience is the issuer, as one string; valid for ten minutes at most.
        Strict = "strict",
    }
}

wire_enum! {
    /// The algorithm by which a client signs its request objects, RFC 7518 §3.1.
    RequestObjectAlg {
        /// RSASSA-PKCS1-v1_5 with SHA-256.
        Rs256 = "RS256",
        /// RSASSA-PSS with SHA-256.
        Ps256 = "PS256",
        /// ECDSA with P-256 and SHA-256.
        Es256 = "ES256",
        /// Ed25519.
        EdDsa = "EdDSA",
    }
}

wire_enum! {
    /// The algorithm that signs tokens, RFC 7518 §3.1.
    #[derive(Default)]
    TokenAlg {
        /// RSASSA-PKCS1-v1_5 with SHA-256.
        #[default]
        Rs256 = "RS256",
        /// ECDSA with P-256 and SHA-256.
        Es256 = "ES256",
        /// RSASSA-PSS with SHA-256.
        Ps256 = "PS256",
        /// Ed25519, RFC 8037 §3.1.
        EdDsa = "EdDSA",
    }
}

impl TokenAlg {
    /// The algorithms that every server has keys for. The first key of another one is made when
    /// something is registered for it.
    pub const USUAL: [Self; 2] = [Self::Rs256, Self::Es256];
}

/// What happens to a refresh token when it is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "RefreshMembers", into = "RefreshMembers")]
pub enum RefreshPolicy {
    /// Each use replaces the token by its successor. If the token is used again within the grace,
    /// the same successor is sent again.
    Rotate {
        /// The client's own grace. `None` means the grace of the server's settings.
        grace: Option<Duration>,
    },
    /// Rotation without grace: any second use counts as reuse.
    Strict,
    /// The token stays the same, and it can be used many times.
    Static,
}

impl Default for RefreshPolicy {
    fn default() -> Self {
        Self::Rotate { grace: None }
    }
}

impl RefreshPolicy {
    /// The policy with this name and this grace.
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

/// The two attributes that describe a [`RefreshPolicy`].
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
    fn core_8_1_only_a_host_that_https_proves_is_a_sector() {
        for (uris, sector) in [
            (&["https://A.example/cb", "https://a.example:8443/x"][..], Some("a.example")),
            (&["https://a.example/cb", "https://b.example/cb"], None),
            (&["https://a.example/cb", "com.example.app:/cb"], None),
            (&["com.example.app://a.example/cb"], None),
            (&["http://127.0.0.1/cb"], None),
            (&[], None),
        ] {
            let one = metadata().changed(&change(&json!({ "redirect_uris": uris }))).unwrap();
            assert_eq!(one.sector().as_deref(), sector, "{uris:?}");
        }
    }

    #[test]
    fn what_people_gave_ends_when_the_sub_or_the_profile_is_another() {
        let at = |more: &Value| {
            let start = json!({ "redirect_uris": ["https://a.example/cb"] });
            metadata().changed(&change(&start)).unwrap().changed(&change(more)).unwrap()
        };
        let pairwise = json!({ "subject_type": "pairwise" });
        let other = json!({ "redirect_uris": ["https://b.example/cb"] });
        let other_pairwise =
            json!({ "subject_type": "pairwise", "redirect_uris": ["https://b.example/cb"] });
        let same_host =
            json!({ "subject_type": "pairwise", "redirect_uris": ["https://a.example/2"] });
        let named = json!({
            "subject_type": "pairwise", "sector_identifier_uri": "https://c.example/uris.json",
        });
        let (none, profile) = (json!({}), json!({ "profile": "fapi2" }));
        for (before, after, ends) in [
            (&none, &other, false),
            (&none, &pairwise, true),
            (&pairwise, &none, true),
            (&pairwise, &same_host, false),
            (&pairwise, &other_pairwise, true),
            (&pairwise, &named, true),
            (&none, &profile, true),
            (&profile, &profile, false),
            (&profile, &none, false),
        ] {
            assert_eq!(at(after).outdates(&at(before)), ends, "{before} {after}");
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
        // What came later has a default.
        let later = [
            "claims",
            "first_party_challenge",
            "status_list",
            "require_pushed_authorization_requests",
            "require_signed_request_object",
            "dpop_bound_access_tokens",
            "subject_type",
            "may_act",
            "trusted_issuers",
            "id_jag_audiences",
            "id_jag_issuers",
            "tls_client_certificate_bound_access_tokens",
            "contacts",
        ];
        let needed = whole
            .keys()
            .filter(|name| !whole[name.as_str()].is_null() && !later.contains(&name.as_str()));
        for name in needed {
            let mut less = whole.clone();
            less.remove(name);
            assert!(ClientMetadata::from_json(less).is_err(), "{name}");
        }
    }
}
