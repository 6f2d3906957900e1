//! Google: OpenID, and `tokeninfo`, where everything is text.

use serde_json::{Value, json};

use super::callback::Callback;
use super::grant::{Grant, Refused};
use super::messages::{Answer, Fields, RecordedRequest, has_word};
use super::openid::{self, Paths};
use super::records::ProviderRecords;
use super::{PersonAnswer, ProviderStub, Vendor};

pub(crate) type Google = ProviderStub<GoogleVendor>;

pub(crate) struct GoogleVendor;

const PATHS: Paths = Paths {
    authorize: "/o/oauth2/v2/auth",
    token: "/token",
    jwks: "/oauth2/v3/certs",
    userinfo: Some("/v1/userinfo"),
};

impl Google {
    pub(crate) async fn start() -> Self {
        Self::open(GoogleVendor).await
    }
}

impl Vendor for GoogleVendor {
    fn authorizes(&self, path: &str) -> bool {
        path == PATHS.authorize
    }

    fn check(&self, asked: &RecordedRequest) -> Result<(), String> {
        openid::says(asked, &["scope"])
    }

    fn cancelled(&self) -> Fields {
        Fields::of(&[("error", "access_denied")])
    }

    fn back(
        &self,
        _: &ProviderRecords,
        request: &Fields,
        says: PersonAnswer,
        callback: Callback,
    ) -> Callback {
        match says {
            PersonAnswer::No => callback,
            PersonAnswer::Yes => callback
                .with("scope", request.get("scope"))
                .with("authuser", "0")
                .with("prompt", "consent"),
        }
    }

    fn claims(&self, records: &ProviderRecords, grant: &Grant) -> Value {
        let mut claims = openid::claims(records, grant);
        claims["azp"] = json!(grant.client_id);
        about(&mut claims, grant);
        claims
    }

    fn answer(&self, records: &ProviderRecords, asked: &RecordedRequest) -> Answer {
        match asked.path.as_str() {
            openid::DISCOVERY => {
                let more = json!({
                    "revocation_endpoint": records.url("/revoke"),
                    "response_types_supported": ["code", "token", "id_token", "code id_token"],
                    "scopes_supported": ["openid", "email", "profile"],
                    "token_endpoint_auth_methods_supported":
                        ["client_secret_post", "client_secret_basic"],
                    "code_challenge_methods_supported": ["plain", "S256"],
                });
                Answer::json(200, &openid::discovery(records, &PATHS, "RS256", more))
            }
            "/oauth2/v3/certs" => openid::jwks(records),
            "/token" => self.token(records, asked),
            "/tokeninfo" => tokeninfo(records, asked),
            "/v1/userinfo" => {
                let Some(grant) = records.granted(asked.bearer()) else {
                    return openid::error_of(401, "invalid_request", "Invalid Credentials");
                };
                let mut claims = json!({ "sub": grant.person.id });
                about(&mut claims, &grant);
                Answer::json(200, &claims)
            }
            _ => Answer::not_found(),
        }
    }
}

impl GoogleVendor {
    fn token(&self, records: &ProviderRecords, asked: &RecordedRequest) -> Answer {
        let redeemed = asked.authenticated(true).and_then(|()| records.redeem(asked));
        let grant = match redeemed {
            Ok(grant) => grant,
            Err(refused) => return refusal(refused),
        };
        let access_token = records.token(grant.clone());
        let mut claims = self.claims(records, &grant);
        claims["at_hash"] = json!(openid::at_hash(&access_token));
        let tokens = json!({
            "access_token": access_token,
            "expires_in": 3599,
            "scope": grant.scope,
            "token_type": "Bearer",
            "id_token": self.id_token(records, &claims),
        });
        Answer::json(200, &tokens)
    }
}

fn tokeninfo(records: &ProviderRecords, asked: &RecordedRequest) -> Answer {
    let Some(grant) = records.granted(asked.get("access_token")) else {
        return openid::error_of(400, "invalid_token", "Invalid Value");
    };
    let mut info = json!({
        "azp": grant.client_id,
        "aud": grant.client_id,
        "sub": grant.person.id,
        "scope": grant.scope,
        "exp": (records.now() + 3599).to_string(),
        "expires_in": "3599",
        "access_type": "online",
    });
    if let (true, Some(email)) = (has_word(&grant.scope, "email"), &grant.person.email) {
        info["email"] = json!(email);
        info["email_verified"] = json!(grant.person.email_verified.to_string());
    }
    Answer::json(200, &info)
}

fn about(claims: &mut Value, grant: &Grant) {
    let person = &grant.person;
    if let (true, Some(email)) = (has_word(&grant.scope, "email"), &person.email) {
        claims["email"] = json!(email);
        claims["email_verified"] = json!(person.email_verified);
    }
    if has_word(&grant.scope, "profile") {
        let (given, family) = person.name().split_once(' ').unwrap_or((person.name(), ""));
        claims["name"] = json!(person.name());
        claims["given_name"] = json!(given);
        claims["family_name"] = json!(family);
        claims["picture"] = json!("https://img.example/mina=s96-c");
    }
}

fn refusal(refused: Refused) -> Answer {
    match refused {
        Refused::GrantType => openid::error_of(400, "unsupported_grant_type", "Invalid grant_type"),
        Refused::Client => {
            openid::error_of(401, "invalid_client", "The OAuth client was not found.")
        }
        Refused::Secret => openid::error_of(401, "invalid_client", "Unauthorized"),
        Refused::Code => openid::error_of(400, "invalid_grant", "Malformed auth code."),
        Refused::RedirectUri => openid::error_of(400, "redirect_uri_mismatch", "Bad Request"),
        Refused::Verifier => openid::error_of(400, "invalid_grant", "Invalid code verifier."),
    }
}
