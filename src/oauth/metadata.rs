//! The metadata document, OpenID Connect Discovery §3 and RFC 8414 §2. It is made once, from the
//! same lists that the router and the token endpoint use.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::authorize::settings::RequestSettings;
use super::client_auth::{AUTH_METHODS, CERTIFICATE_METHODS};
use super::mutual_tls::MutualTls;
use crate::domain::authentication::Acr;
use crate::domain::authorization::{Prompt, ResponseMode};
use crate::domain::claim_names::{GROUPS, ROLES, SCOPE_CLAIMS};
use crate::domain::client::{AuthMethod, SubjectType, TokenAlg};
use crate::domain::grant_type::GrantType;
use crate::domain::id_jag;
use crate::domain::language::{LANGUAGES, Language};
use crate::domain::pkce;
use crate::domain::scope::{OFFLINE_ACCESS, OPENID};
use crate::domain::urls::{self, Issuer};
use crate::domain::verdict::Fault;
use crate::keys::client_keys::ALGORITHMS;
use crate::keys::dpop;

/// What not every server offers.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is offered or not, whatever the others are"
)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Offers {
    /// Whether people may make accounts, at any client at least.
    pub sign_up: bool,
    /// Whether apps may register themselves.
    pub registration: bool,
    /// Whether clients may be named by the URL of a document.
    pub documents: bool,
    /// Whether grants of and for other authorization servers are made and taken.
    pub id_jag: bool,
}

/// Writes the document.
pub fn document(
    issuer: &Issuer,
    requests: RequestSettings,
    offers: Offers,
    mutual_tls: Option<&MutualTls>,
) -> Result<Bytes, Fault> {
    let by_certificate = CERTIFICATE_METHODS.iter().filter(|method| match mutual_tls {
        Some(taken) => taken.authorities.is_some() || **method != AuthMethod::TlsClientAuth,
        None => false,
    });
    let methods: Vec<_> = AUTH_METHODS.iter().chain(by_certificate).copied().collect();
    let every: Vec<&str> = methods.iter().map(|method| method.as_str()).collect();
    let proving = methods.iter().filter(|method| **method != AuthMethod::None);
    let proving: Vec<&str> = proving.map(|method| method.as_str()).collect();
    let algs: Vec<&str> = TokenAlg::ALL.iter().map(|alg| alg.as_str()).collect();
    let scopes = [OPENID].into_iter().chain(SCOPE_CLAIMS.iter().map(|(scope, _)| *scope));
    let scopes: Vec<&str> = scopes.chain([GROUPS, ROLES, OFFLINE_ACCESS]).collect();
    let own = [
        "sub",
        "iss",
        "aud",
        "exp",
        "iat",
        "auth_time",
        "acr",
        "amr",
        "idp",
        "sid",
        "at_hash",
        "nonce",
    ];
    let claims =
        own.into_iter().chain(SCOPE_CLAIMS.iter().flat_map(|(_, claims)| *claims).copied());
    let claims = claims.chain([GROUPS, ROLES]);
    let modes = ResponseMode::ALL.iter().map(|mode| mode.as_str()).chain([ResponseMode::JWT]);
    let modes: Vec<&str> = modes.collect();
    // Initiating User Registration via OpenID Connect 1.0 §4.2
    let create = offers.sign_up.then_some(Prompt::CREATE);
    let prompts: Vec<&str> = Prompt::VALUES.iter().copied().chain(create).collect();
    let about = json!({
        "require_pushed_authorization_requests": requests.pushed_alone,
        "scopes_supported": scopes,
        "claims_supported": claims.collect::<Vec<_>>(),
        "claim_types_supported": ["normal"],
        "claims_parameter_supported": true,
        "acr_values_supported": Acr::ALL,
        "ui_locales_supported": LANGUAGES.iter().map(Language::as_str).collect::<Vec<_>>(),
        "prompt_values_supported": prompts,
        "response_types_supported": ["code"],
        "response_modes_supported": modes,
        "code_challenge_methods_supported": [pkce::METHOD],
        "authorization_response_iss_parameter_supported": true,
        "backchannel_logout_supported": true,
        "backchannel_logout_session_supported": true,
        "grant_types_supported": GrantType::ALL,
        "subject_types_supported": SubjectType::ALL,
        "id_token_signing_alg_values_supported": algs,
        "authorization_signing_alg_values_supported": algs,
        "userinfo_signing_alg_values_supported": algs,
        // RFC 9701 §7
        "introspection_signing_alg_values_supported": algs,
        "token_endpoint_auth_methods_supported": every,
        "token_endpoint_auth_signing_alg_values_supported": ALGORITHMS,
        "revocation_endpoint_auth_methods_supported": every,
        "revocation_endpoint_auth_signing_alg_values_supported": ALGORITHMS,
        "introspection_endpoint_auth_methods_supported": proving,
        "introspection_endpoint_auth_signing_alg_values_supported": ALGORITHMS,
        "request_parameter_supported": true,
        "request_object_signing_alg_values_supported": ALGORITHMS,
        // RFC 9449 §5.1
        "dpop_signing_alg_values_supported": dpop::ALGORITHMS,
        "request_uri_parameter_supported": false,
    });
    let mut document = endpoints(issuer);
    if let (Some(members), Value::Object(about)) = (document.as_object_mut(), about) {
        members.extend(about);
        members.extend(mutual_tls.map(of_certificates).unwrap_or_default());
        members.extend(of_offers(issuer, offers));
    }
    serde_json::to_vec(&document)
        .map(Bytes::from)
        .map_err(|error| Fault::internal("writing the metadata", error))
}

/// What is said of what this server offers and not every one does.
fn of_offers(issuer: &Issuer, offers: Offers) -> Map<String, Value> {
    let mut said = Map::new();
    // RFC 7591 §3
    if offers.registration {
        said.insert("registration_endpoint".to_owned(), json!(issuer.url(urls::REGISTER)));
    }
    // draft-ietf-oauth-client-id-metadata-document §5
    if offers.documents {
        said.insert("client_id_metadata_document_supported".to_owned(), json!(true));
    }
    // ID-JAG §7
    if offers.id_jag {
        let (made, taken) = (json!([id_jag::TOKEN_TYPE]), json!([id_jag::PROFILE]));
        said.insert("identity_chaining_requested_token_types_supported".to_owned(), made);
        said.insert("authorization_grant_profiles_supported".to_owned(), taken);
    }
    said
}

/// What is said where client certificates are taken, RFC 8705 §3.3 and §5.
fn of_certificates(mutual_tls: &MutualTls) -> Map<String, Value> {
    let mut said = Map::new();
    said.insert("tls_client_certificate_bound_access_tokens".to_owned(), json!(true));
    if let Some(url) = &mutual_tls.url {
        let aliases = json!({
            "token_endpoint": url.url(urls::TOKEN),
            "userinfo_endpoint": url.url(urls::USERINFO),
            "introspection_endpoint": url.url(urls::INTROSPECT),
            "revocation_endpoint": url.url(urls::REVOKE),
            "pushed_authorization_request_endpoint": url.url(urls::PAR),
            "device_authorization_endpoint": url.url(urls::DEVICE_AUTHORIZATION),
        });
        said.insert("mtls_endpoint_aliases".to_owned(), aliases);
    }
    said
}

/// Where everything is.
fn endpoints(issuer: &Issuer) -> Value {
    json!({
        "issuer": issuer.as_str(),
        "authorization_endpoint": issuer.url(urls::AUTHORIZE),
        "authorization_challenge_endpoint": issuer.url(urls::AUTHORIZE_CHALLENGE),
        "pushed_authorization_request_endpoint": issuer.url(urls::PAR),
        "device_authorization_endpoint": issuer.url(urls::DEVICE_AUTHORIZATION),
        "token_endpoint": issuer.url(urls::TOKEN),
        "userinfo_endpoint": issuer.url(urls::USERINFO),
        "introspection_endpoint": issuer.url(urls::INTROSPECT),
        "revocation_endpoint": issuer.url(urls::REVOKE),
        "end_session_endpoint": issuer.url(urls::LOGOUT),
        "jwks_uri": issuer.url(urls::JWKS),
        "status_list_aggregation_endpoint": issuer.url(urls::STATUS_LISTS),
    })
}
