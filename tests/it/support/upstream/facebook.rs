//! Facebook: no OpenID on the web, a proof of the app's secret, and Limited Login on phones.

use aws_lc_rs::hmac;
use serde_json::{Value, json};

use super::callback::Callback;
use super::grant::{CLIENT_ID, CLIENT_SECRET, Grant, Refused};
use super::messages::{Answer, Fields, RecordedRequest, has_word};
use super::records::ProviderRecords;
use super::{PersonAnswer, ProviderStub, Vendor, openid};

/// The stub of Facebook. Its `id_token` is that of Limited Login.
pub(crate) type Facebook = ProviderStub<FacebookVendor>;

pub(crate) struct FacebookVendor;

impl Facebook {
    pub(crate) async fn start() -> Self {
        Self::open(FacebookVendor).await
    }
}

impl Vendor for FacebookVendor {
    fn authorizes(&self, path: &str) -> bool {
        path == "/dialog/oauth"
    }

    fn check(&self, _: &RecordedRequest) -> Result<(), String> {
        Ok(())
    }

    fn cancelled(&self) -> Fields {
        Fields::of(&[
            ("error", "access_denied"),
            ("error_code", "200"),
            ("error_description", "Permissions error"),
            ("error_reason", "user_denied"),
        ])
    }

    fn back(
        &self,
        _: &ProviderRecords,
        _: &Fields,
        _: PersonAnswer,
        callback: Callback,
    ) -> Callback {
        Callback { fragment: "_=_", ..callback }
    }

    fn claims(&self, records: &ProviderRecords, grant: &Grant) -> Value {
        let mut claims = openid::claims(records, grant);
        let person = &grant.person;
        claims["jti"] = json!(mapae::domain::random::identifier());
        claims["name"] = json!(person.name);
        claims["picture"] = json!("https://img.example/mina.jpg");
        if let Some(email) = &person.email {
            claims["email"] = json!(email);
        }
        claims
    }

    fn answer(&self, records: &ProviderRecords, asked: &RecordedRequest) -> Answer {
        match asked.path.as_str() {
            "/.well-known/openid-configuration" | "/.well-known/openid-configuration/" => {
                Answer::json(200, &discovery(records))
            }
            "/.well-known/oauth/openid/jwks" | "/.well-known/oauth/openid/jwks/" => {
                openid::jwks(records)
            }
            "/oauth/access_token" => token(records, asked),
            "/me" => me(records, asked),
            "/debug_token" => debug_token(records, asked),
            _ => error(404, 2500, "OAuthException", "Unknown path components"),
        }
    }
}

/// The discovery document names no token endpoint.
fn discovery(records: &ProviderRecords) -> Value {
    json!({
        "issuer": records.base(),
        "authorization_endpoint": records.url("/dialog/oauth/"),
        "jwks_uri": records.url("/.well-known/oauth/openid/jwks/"),
        "response_types_supported": ["id_token", "token id_token"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "claims_supported": ["iss", "aud", "sub", "iat", "exp", "jti", "nonce", "at_hash", "name",
                             "email", "picture"],
    })
}

fn token(records: &ProviderRecords, asked: &RecordedRequest) -> Answer {
    // Facebook's token request has no `grant_type`.
    let redeemed = asked.authenticated(false).and_then(|()| {
        let grant = records.spend(asked.get("code")).ok_or(Refused::Code)?;
        if asked.get("redirect_uri") != grant.redirect_uri {
            return Err(Refused::RedirectUri);
        }
        grant.is_proven_by(asked.get("code_verifier")).then_some(grant).ok_or(Refused::Verifier)
    });
    let (code, problem) = match redeemed {
        Ok(grant) => {
            let token = records.token(grant);
            let tokens =
                json!({ "access_token": token, "token_type": "bearer", "expires_in": 5_183_944 });
            return Answer::json(200, &tokens);
        }
        Err(Refused::Client) => (101, "Error validating application. Cannot get application info."),
        Err(Refused::Secret) => (1, "Error validating client secret."),
        Err(Refused::RedirectUri) => {
            let problem = "Error validating verification code. Please make sure your redirect_uri \
                           is identical to the one you used in the OAuth dialog request";
            (100, problem)
        }
        Err(Refused::Verifier) => (100, "Invalid code_verifier parameter."),
        Err(_) => (100, "Invalid verification code format."),
    };
    error(400, code, "OAuthException", problem)
}

/// The proof that the caller knows the secret: the HMAC-SHA256 of the token, in hex.
pub(crate) fn appsecret_proof(token: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, CLIENT_SECRET.as_bytes());
    let tag = hmac::sign(&key, token.as_bytes());
    tag.as_ref().iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

fn me(records: &ProviderRecords, asked: &RecordedRequest) -> Answer {
    let token = if asked.bearer().is_empty() { asked.get("access_token") } else { asked.bearer() };
    let Some(grant) = records.granted(token) else {
        let problem = "Invalid OAuth access token - Cannot parse access token";
        return error(400, 190, "OAuthException", problem);
    };
    let given = asked.get("appsecret_proof");
    if given != appsecret_proof(token) {
        let problem = if given.is_empty() {
            "API calls from the server require an appsecret_proof argument"
        } else {
            "Invalid appsecret_proof provided in the API argument"
        };
        return error(400, 100, "GraphMethodException", problem);
    }
    let person = &grant.person;
    let all = [
        ("name", json!(person.name)),
        ("email", json!(person.email)),
        ("picture", json!({ "data": { "url": "https://img.example/mina.jpg" } })),
    ];
    let mut answer = json!({ "id": person.id });
    for (name, value) in all {
        // A value that Facebook does not know is left out.
        let agreed = name != "email" || has_word(&grant.scope, "email");
        if has_word(asked.get("fields"), name) && agreed && !value.is_null() {
            answer[name] = value;
        }
    }
    Answer::json(200, &answer)
}

/// Facebook also answers for tokens of other apps, so the caller must compare the app id.
fn debug_token(records: &ProviderRecords, asked: &RecordedRequest) -> Answer {
    if asked.get("access_token") != format!("{CLIENT_ID}|{CLIENT_SECRET}") {
        return error(400, 190, "OAuthException", "Invalid OAuth access token signature.");
    }
    let Some(grant) = records.granted(asked.get("input_token")) else {
        let problem = json!({ "code": 190, "message": "Invalid OAuth access token." });
        let data = json!({ "error": problem, "is_valid": false, "scopes": [] });
        return Answer::json(200, &json!({ "data": data }));
    };
    let data = json!({
        "app_id": grant.client_id,
        "type": "USER",
        "application": "An app",
        "expires_at": records.now() + 5_183_944,
        "is_valid": true,
        "scopes": ["email", "public_profile"],
        "user_id": grant.person.id,
    });
    Answer::json(200, &json!({ "data": data }))
}

fn error(status: u16, code: u32, kind: &str, message: &str) -> Answer {
    let error = json!({ "message": message, "type": kind, "code": code, "fbtrace_id": "Ab1" });
    Answer::json(status, &json!({ "error": error }))
}
