//! Security profiles: one word in the registration of a client that stands for many rules. A profile
//! sets what it prescribes, and nothing that contradicts it can be registered.

use chrono::Duration;
use serde_json::{Map, Value};

use super::client_metadata::{
    Assertions, AuthMethod, ClientChange, ClientMetadata, ClientProfile, RefreshPolicy,
    RequestObjectAlg, RequirePkce, TokenAlg,
};
use super::grant_type::GrantType;

impl ClientMetadata {
    /// The same metadata with some attributes replaced. `null` removes an attribute that is
    /// optional. A security profile sets what it prescribes and the change does not name.
    pub fn changed(&self, change: &ClientChange) -> Result<Self, String> {
        let mut members = self.to_json();
        members.extend(change.0.clone());
        let mut changed = Self::from_json(members)?;
        if let Some(profile) = changed.profile {
            profile.complete(&mut changed, &change.0);
            let is_open = |name: &str| !change.0.contains_key(name);
            if self.profile.is_none() && is_open("refresh_policy") && is_open("refresh_grace") {
                changed.refresh = RefreshPolicy::Static;
            }
        }
        Ok(changed)
    }
}

/// How long a spent refresh token stays good where the policy is `rotate`, in seconds. FAPI 2.0
/// §5.3.2.1 lets a client try again with it.
const LEAST_GRACE: Duration = Duration::seconds(60);

/// The grants of the profile, FAPI 2.0 §5.3.2.1.
const GRANTS: [GrantType; 3] =
    [GrantType::AuthorizationCode, GrantType::RefreshToken, GrantType::ClientCredentials];

/// Whether the access tokens of a client are bound to a key that it proves to have, FAPI 2.0 §5.3.2.1.
#[must_use]
pub fn is_sender_constrained(metadata: &ClientMetadata) -> bool {
    metadata.dpop_bound_access_tokens || metadata.tls_client_certificate_bound_access_tokens
}

/// Whether a client proves by a key of its own who it is, FAPI 2.0 §5.3.2.1.
fn authenticates_by_key(method: AuthMethod) -> bool {
    matches!(
        method,
        AuthMethod::PrivateKeyJwt | AuthMethod::TlsClientAuth | AuthMethod::SelfSignedTlsClientAuth
    )
}

impl ClientProfile {
    /// The algorithms by which a client of the profile signs, FAPI 2.0 §5.4.1.
    pub const ALGORITHMS: &[&str] = &["PS256", "ES256", "EdDSA"];

    /// Sets what the profile prescribes and was not `given` in this change.
    pub fn complete(self, metadata: &mut ClientMetadata, given: &Map<String, Value>) {
        let is_open = |name: &str| !given.contains_key(name);
        if is_open("token_endpoint_auth_method") && metadata.token_endpoint_auth_method.has_secret()
        {
            metadata.token_endpoint_auth_method = AuthMethod::PrivateKeyJwt;
        }
        if is_open("assertions") {
            metadata.assertions = Assertions::Strict;
        }
        if is_open("require_pkce") {
            metadata.require_pkce = RequirePkce::Always;
        }
        if is_open("require_pushed_authorization_requests") {
            metadata.require_pushed_authorization_requests = true;
        }
        if is_open("dpop_bound_access_tokens") && !is_sender_constrained(metadata) {
            metadata.dpop_bound_access_tokens = true;
        }
        complete_refresh(metadata, given);
        complete_algorithms(metadata, &is_open);
    }

    /// Says what contradicts the profile.
    pub fn check(self, metadata: &ClientMetadata) -> Result<(), String> {
        let refuse = |why: &str| Err(format!("the profile {} {why}", self.as_str()));
        if !authenticates_by_key(metadata.token_endpoint_auth_method) {
            return refuse(
                "is for confidential clients that authenticate by private_key_jwt, tls_client_auth or \
                 self_signed_tls_client_auth (FAPI 2.0 §5.3.2.1)",
            );
        }
        let asked = [
            (metadata.assertions == Assertions::Strict, "needs assertions = strict"),
            (metadata.require_pkce == RequirePkce::Always, "needs require_pkce = true"),
            (
                metadata.require_pushed_authorization_requests,
                "needs require_pushed_authorization_requests",
            ),
            (
                is_sender_constrained(metadata),
                "needs dpop_bound_access_tokens or tls_client_certificate_bound_access_tokens",
            ),
            // Their assertions are not held to what the profile asks of the client's own.
            (metadata.trusted_issuers.is_empty(), "has no trusted_issuers"),
            (!metadata.first_party_challenge, "has no challenge endpoint"),
            (
                metadata.grant_types.iter().all(|grant| GRANTS.contains(grant)),
                "has the grants authorization_code, refresh_token and client_credentials alone",
            ),
            (
                metadata.redirect_uris.iter().all(|uri| uri.starts_with("https://")),
                "needs redirect URIs of https",
            ),
        ];
        if let Some((_, why)) = asked.iter().find(|(holds, _)| !holds) {
            return refuse(why);
        }
        match metadata.refresh {
            RefreshPolicy::Static => {}
            RefreshPolicy::Rotate { grace } if grace >= Some(LEAST_GRACE) => {}
            RefreshPolicy::Rotate { .. } | RefreshPolicy::Strict => {
                return refuse(
                    "needs refresh_policy = static, or rotate with a refresh_grace of 60 seconds at \
                     least",
                );
            }
        }
        match weak(metadata) {
            Some(name) => refuse(&format!(
                "signs by {} alone, so {name} is not RS256",
                Self::ALGORITHMS.join(", ")
            )),
            None => Ok(()),
        }
    }
}

fn complete_refresh(metadata: &mut ClientMetadata, given: &Map<String, Value>) {
    if let RefreshPolicy::Rotate { grace } = &mut metadata.refresh
        && given.get("refresh_grace").is_none_or(Value::is_null)
        && grace.is_none_or(|grace| grace < LEAST_GRACE)
    {
        *grace = Some(LEAST_GRACE);
    }
}

fn complete_algorithms(metadata: &mut ClientMetadata, is_open: &impl Fn(&str) -> bool) {
    if is_open("token_alg") && metadata.token_alg == TokenAlg::Rs256 {
        metadata.token_alg = TokenAlg::Es256;
    }
    let alg = metadata.token_alg;
    // Without a value of their own these two are RS256.
    for (name, value) in [
        ("authorization_signed_response_alg", &mut metadata.authorization_signed_response_alg),
        ("introspection_signed_response_alg", &mut metadata.introspection_signed_response_alg),
    ] {
        if is_open(name) && value.is_none_or(|value| value == TokenAlg::Rs256) {
            *value = Some(alg);
        }
    }
    if is_open("userinfo_signed_response_alg")
        && metadata.userinfo_signed_response_alg == Some(TokenAlg::Rs256)
    {
        metadata.userinfo_signed_response_alg = Some(alg);
    }
    if is_open("id_token_signed_response_alg")
        && metadata.id_token_signed_response_alg == Some(TokenAlg::Rs256)
    {
        metadata.id_token_signed_response_alg = None;
    }
    if is_open("request_object_signing_alg")
        && metadata.request_object_signing_alg == Some(RequestObjectAlg::Rs256)
    {
        metadata.request_object_signing_alg = None;
    }
}

/// The attribute by which something would be signed by RS256, FAPI 2.0 §5.4.1.
fn weak(metadata: &ClientMetadata) -> Option<&'static str> {
    let weak = Some(TokenAlg::Rs256);
    // `None` stands for RS256 at these two.
    let or_rs256 = |alg: Option<TokenAlg>| Some(alg.unwrap_or(TokenAlg::Rs256));
    let authorization = or_rs256(metadata.authorization_signed_response_alg);
    let introspection = or_rs256(metadata.introspection_signed_response_alg);
    [
        ("token_alg", Some(metadata.token_alg) == weak),
        ("id_token_signed_response_alg", metadata.id_token_signed_response_alg == weak),
        ("userinfo_signed_response_alg", metadata.userinfo_signed_response_alg == weak),
        ("authorization_signed_response_alg", authorization == weak),
        ("introspection_signed_response_alg", introspection == weak),
        (
            "request_object_signing_alg",
            metadata.request_object_signing_alg == Some(RequestObjectAlg::Rs256),
        ),
    ]
    .into_iter()
    .find_map(|(name, is_weak)| is_weak.then_some(name))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn registered(given: &Value) -> Result<ClientMetadata, String> {
        let mut whole = json!({ "profile": "fapi2", "redirect_uris": ["https://app.example/cb"] });
        whole.as_object_mut().unwrap().extend(given.as_object().cloned().unwrap());
        let change = ClientChange(whole.as_object().cloned().unwrap());
        let new = ClientMetadata::new("bank", AuthMethod::ClientSecret).changed(&change)?;
        ClientProfile::Fapi2.check(&new).map(|()| new)
    }

    #[test]
    fn the_profile_sets_what_is_not_given() {
        let set = registered(&json!({})).unwrap();
        assert_eq!(set.token_endpoint_auth_method, AuthMethod::PrivateKeyJwt);
        assert_eq!((set.assertions, set.require_pkce), (Assertions::Strict, RequirePkce::Always));
        assert!(set.require_pushed_authorization_requests && set.dpop_bound_access_tokens);
        assert_eq!((set.refresh, set.token_alg), (RefreshPolicy::Static, TokenAlg::Es256));
        assert_eq!(set.authorization_signed_response_alg, Some(TokenAlg::Es256));
        let rotating = registered(&json!({ "refresh_policy": "rotate" })).unwrap();
        assert_eq!(rotating.refresh, RefreshPolicy::Rotate { grace: Some(LEAST_GRACE) });
        // A later change of something else keeps the policy, and so does the profile once more.
        for later in [json!({ "client_name": "Bank" }), json!({ "profile": "fapi2" })] {
            let later = ClientChange(later.as_object().cloned().unwrap());
            assert_eq!(rotating.changed(&later).unwrap().refresh, rotating.refresh);
        }
        // Without the profile everything stays as it is, and can be changed.
        let left = json!({ "profile": null, "token_alg": "RS256" }).as_object().cloned().unwrap();
        let left = rotating.changed(&ClientChange(left)).unwrap();
        assert_eq!((left.profile, left.token_alg), (None, TokenAlg::Rs256));
        assert!(left.require_pushed_authorization_requests);
    }

    #[test]
    fn fapi2_5_3_2_1_a_certificate_is_as_good_as_a_key() {
        let bound = "tls_client_certificate_bound_access_tokens";
        for method in ["tls_client_auth", "self_signed_tls_client_auth", "private_key_jwt"] {
            let by_certificate = json!({ "token_endpoint_auth_method": method, bound: true });
            let set = registered(&by_certificate).unwrap();
            assert_eq!(set.token_endpoint_auth_method.as_str(), method);
            assert!(
                set.tls_client_certificate_bound_access_tokens && !set.dpop_bound_access_tokens
            );
            // Without it the tokens are bound by DPoP.
            let set = registered(&json!({ "token_endpoint_auth_method": method })).unwrap();
            assert!(set.dpop_bound_access_tokens);
        }
        let neither = json!({ "dpop_bound_access_tokens": false, bound: false });
        assert!(registered(&neither).unwrap_err().contains(bound));
    }

    #[test]
    fn what_contradicts_the_profile_is_refused_each_for_its_reason() {
        for (given, word) in [
            (json!({ "token_endpoint_auth_method": "client_secret_basic" }), "private_key_jwt"),
            (json!({ "token_endpoint_auth_method": "client_secret_post" }), "private_key_jwt"),
            (json!({ "token_endpoint_auth_method": "none" }), "confidential"),
            (json!({ "assertions": "tolerant" }), "assertions"),
            (json!({ "require_pkce": "auto" }), "require_pkce"),
            (json!({ "require_pushed_authorization_requests": false }), "pushed"),
            (json!({ "dpop_bound_access_tokens": false }), "dpop_bound_access_tokens"),
            (json!({ "first_party_challenge": true }), "challenge"),
            (
                json!({ "trusted_issuers": [{ "issuer": "https://ci.example", "subject": "a" }] }),
                "trusted_issuers",
            ),
            (json!({ "grant_types": ["password"] }), "grants"),
            (json!({ "redirect_uris": ["http://127.0.0.1/cb"] }), "https"),
            (json!({ "redirect_uris": ["com.example.app:/cb"] }), "https"),
            (json!({ "refresh_policy": "strict" }), "refresh_policy"),
            (json!({ "refresh_policy": "rotate", "refresh_grace": 59 }), "60 seconds"),
            (json!({ "token_alg": "RS256" }), "token_alg"),
            (json!({ "id_token_signed_response_alg": "RS256" }), "id_token_signed"),
            (json!({ "userinfo_signed_response_alg": "RS256" }), "userinfo_signed"),
            (json!({ "authorization_signed_response_alg": "RS256" }), "authorization_signed"),
            (json!({ "authorization_signed_response_alg": null }), "authorization_signed"),
            (json!({ "introspection_signed_response_alg": "RS256" }), "introspection_signed"),
            (json!({ "request_object_signing_alg": "RS256" }), "request_object_signing_alg"),
        ] {
            let said = registered(&given).unwrap_err();
            assert!(said.contains(word), "{given} {said}");
        }
    }
}
