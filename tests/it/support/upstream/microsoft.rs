//! Microsoft: OpenID for many tenants. The common issuer is a pattern, and anybody can set the
//! e-mail address.

use std::sync::Mutex;

use axum::http::Method;
use serde_json::{Value, json};

use super::grant::{Grant, Refused};
use super::messages::{Answer, Fields, RecordedRequest, has_word};
use super::records::ProviderRecords;
use super::{ProviderStub, Vendor, openid};

/// The stub of Microsoft. It serves every tenant: `/{tenant}/v2.0/…`.
pub(crate) type Microsoft = ProviderStub<MicrosoftVendor>;

/// The tenant of the person at first.
pub(crate) const MICROSOFT_TENANT: &str = "72f988bf-86f1-41af-91ab-2d7cd011db47";

pub(crate) struct MicrosoftVendor {
    tenant: Mutex<String>,
}

const SHARED: [&str; 3] = ["common", "organizations", "consumers"];

impl Microsoft {
    pub(crate) async fn start() -> Self {
        Self::open(MicrosoftVendor { tenant: Mutex::new(MICROSOFT_TENANT.to_owned()) }).await
    }

    /// The issuer of a tenant as it is configured: `{base}/{tenant}/v2.0`.
    pub(crate) fn issuer(&self, tenant: &str) -> String {
        self.url(&format!("/{tenant}/v2.0"))
    }

    /// Moves the person to this tenant.
    pub(crate) fn moves_to(&self, tenant: &str) {
        tenant.clone_into(&mut self.vendor().tenant.lock().unwrap());
    }

    /// The `oid` of the person.
    pub(crate) fn oid(&self) -> String {
        oid(&self.person().id)
    }
}

fn oid(id: &str) -> String {
    format!("00000000-0000-4000-8000-{id:0>12}")
}

impl Vendor for MicrosoftVendor {
    fn authorizes(&self, path: &str) -> bool {
        split(path).is_some_and(|(_, rest)| rest == "oauth2/v2.0/authorize")
    }

    fn check(&self, asked: &RecordedRequest) -> Result<(), String> {
        openid::says(asked, &["scope"])?;
        let (tenant, _) = split(&asked.path).unwrap_or_default();
        if SHARED.contains(&tenant) || *self.tenant.lock().unwrap() == tenant {
            return Ok(());
        }
        Err(format!("AADSTS50020: the account does not exist in tenant '{tenant}'"))
    }

    fn cancelled(&self) -> Fields {
        Fields::of(&[
            ("error", "access_denied"),
            ("error_subcode", "cancel"),
            ("error_description", "AADSTS65004: User declined to consent to access the app."),
        ])
    }

    /// There is no `email_verified`.
    fn claims(&self, records: &ProviderRecords, grant: &Grant) -> Value {
        let mut claims = openid::claims(records, grant);
        let (person, tenant) = (&grant.person, self.tenant.lock().unwrap());
        claims["iss"] = json!(records.url(&format!("/{tenant}/v2.0")));
        claims["tid"] = json!(*tenant);
        claims["oid"] = json!(oid(&person.id));
        claims["nbf"] = claims["iat"].clone();
        claims["ver"] = json!("2.0");
        if has_word(&grant.scope, "profile") {
            claims["name"] = json!(person.name);
            claims["preferred_username"] = json!("mina@tenant.example");
        }
        if let (true, Some(email)) = (has_word(&grant.scope, "email"), &person.email) {
            claims["email"] = json!(email);
        }
        claims
    }

    fn answer(&self, records: &ProviderRecords, asked: &RecordedRequest) -> Answer {
        match split(&asked.path) {
            Some((tenant, "v2.0/.well-known/openid-configuration")) => {
                Answer::json(200, &discovery(records, tenant))
            }
            Some((tenant, "discovery/v2.0/keys")) => jwks(records, tenant),
            Some((_, "oauth2/v2.0/token")) if asked.method == Method::POST => {
                self.token(records, asked)
            }
            Some(("oidc", "userinfo")) => match records.granted(asked.bearer()) {
                None => {
                    Answer::json(401, &json!({ "error": { "code": "InvalidAuthenticationToken" } }))
                }
                Some(grant) => {
                    let (sub, name) = (&grant.person.id, &grant.person.name);
                    Answer::json(200, &json!({ "sub": sub, "name": name }))
                }
            },
            _ => Answer::not_found(),
        }
    }
}

/// Splits a path into the tenant and the rest.
fn split(path: &str) -> Option<(&str, &str)> {
    path.strip_prefix('/')?.split_once('/')
}

fn issuer(records: &ProviderRecords, tenant: &str) -> String {
    let tenant = if SHARED.contains(&tenant) { "{tenantid}" } else { tenant };
    records.url(&format!("/{tenant}/v2.0"))
}

fn discovery(records: &ProviderRecords, tenant: &str) -> Value {
    let url = |rest: &str| records.url(&format!("/{tenant}/{rest}"));
    json!({
        "issuer": issuer(records, tenant),
        "authorization_endpoint": url("oauth2/v2.0/authorize"),
        "token_endpoint": url("oauth2/v2.0/token"),
        "jwks_uri": url("discovery/v2.0/keys"),
        "userinfo_endpoint": records.url("/oidc/userinfo"),
        "token_endpoint_auth_methods_supported":
            ["client_secret_post", "private_key_jwt", "client_secret_basic"],
        "response_modes_supported": ["query", "fragment", "form_post"],
        "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "request_uri_parameter_supported": false,
        "tenant_region_scope": null,
    })
}

/// The keys, each with the issuer it belongs to, and without `alg`.
fn jwks(records: &ProviderRecords, tenant: &str) -> Answer {
    let keys = records.keys();
    let keys = keys.iter().map(|key| {
        let mut jwk = key.jwk();
        jwk.as_object_mut().expect("an object").remove("alg");
        jwk["issuer"] = json!(issuer(records, tenant));
        jwk
    });
    Answer::json(200, &json!({ "keys": keys.collect::<Vec<_>>() }))
}

impl MicrosoftVendor {
    fn token(&self, records: &ProviderRecords, asked: &RecordedRequest) -> Answer {
        let redeemed = asked.authenticated(true).and_then(|()| records.redeem(asked));
        let grant = match redeemed {
            Ok(grant) => grant,
            Err(refused) => return refusal(refused),
        };
        let tokens = json!({
            "token_type": "Bearer",
            "scope": grant.scope,
            "expires_in": 3599,
            "ext_expires_in": 3599,
            "access_token": records.token(grant.clone()),
            "id_token": self.id_token(records, &self.claims(records, &grant)),
        });
        Answer::json(200, &tokens)
    }
}

fn refusal(refused: Refused) -> Answer {
    let (status, error, number, text) = match refused {
        Refused::GrantType => {
            (400, "unsupported_grant_type", 70003, "The app requested an unsupported grant type.")
        }
        Refused::Client => {
            (400, "unauthorized_client", 700_016, "Application was not found in the directory.")
        }
        Refused::Secret => (401, "invalid_client", 7_000_215, "Invalid client secret provided."),
        Refused::Code => {
            (400, "invalid_grant", 70008, "The provided authorization code has expired.")
        }
        Refused::RedirectUri => {
            (400, "invalid_grant", 500_112, "The reply address does not match.")
        }
        Refused::Verifier => {
            (400, "invalid_grant", 501_481, "The Code_Verifier does not match the code_challenge.")
        }
    };
    let answer = json!({
        "error": error,
        "error_description": format!("AADSTS{number}: {text}"),
        "error_codes": [number],
        "trace_id": "00000000-0000-0000-0000-000000000000",
    });
    Answer::json(status, &answer)
}
