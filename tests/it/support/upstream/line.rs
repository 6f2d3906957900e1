//! LINE: OpenID that announces ES256, but signs id tokens for the web by HS256 with the channel
//! secret.

use serde_json::{Value, json};

use super::grant::{CLIENT_SECRET, Grant, Refused};
use super::messages::{Answer, Fields, RecordedRequest, has_word};
use super::openid::{self, Paths};
use super::records::ProviderRecords;
use super::signer::{Signer, keyed};
use super::{ProviderStub, Vendor};

/// The stub of LINE. Its `id_token` is that of a native app, signed by ES256.
pub(crate) type Line = ProviderStub<LineVendor>;

pub(crate) struct LineVendor;

const PATHS: Paths = Paths {
    authorize: "/oauth2/v2.1/authorize",
    token: "/oauth2/v2.1/token",
    jwks: "/oauth2/v2.1/certs",
    userinfo: Some("/oauth2/v2.1/userinfo"),
};

impl Line {
    pub(crate) async fn start() -> Self {
        Self::open(LineVendor).await
    }

    /// An `id_token` as LINE sends it on the web, with changed claims.
    pub(crate) fn web_id_token_with(
        &self,
        audience: &str,
        nonce: Option<&str>,
        change: impl FnOnce(&mut Value),
    ) -> String {
        let grant = Grant { nonce: nonce.map(str::to_owned), ..self.grant(audience, "") };
        let mut claims = LineVendor.claims(self, &grant);
        change(&mut claims);
        by_secret(&claims)
    }
}

/// Signs by HS256, without a `kid`.
fn by_secret(claims: &Value) -> String {
    keyed(CLIENT_SECRET.as_bytes(), &json!({ "alg": "HS256", "typ": "JWT" }), claims)
}

impl Vendor for LineVendor {
    fn key() -> Signer {
        Signer::p256()
    }

    fn authorizes(&self, path: &str) -> bool {
        path == PATHS.authorize
    }

    fn check(&self, asked: &RecordedRequest) -> Result<(), String> {
        openid::says(asked, &["state", "scope"])
    }

    fn cancelled(&self) -> Fields {
        let why = "The resource owner denied the request.";
        Fields::of(&[("error", "ACCESS_DENIED"), ("error_description", why)])
    }

    /// There is no `email_verified`.
    fn claims(&self, records: &ProviderRecords, grant: &Grant) -> Value {
        let mut claims = openid::claims(records, grant);
        let person = &grant.person;
        claims["amr"] = json!(["linesso"]);
        if let (true, Some(name)) = (has_word(&grant.scope, "profile"), &person.name) {
            claims["name"] = json!(name);
            claims["picture"] = json!("https://img.example/mina");
        }
        if let (true, Some(email)) = (has_word(&grant.scope, "email"), &person.email) {
            claims["email"] = json!(email);
        }
        claims
    }

    fn answer(&self, records: &ProviderRecords, asked: &RecordedRequest) -> Answer {
        let grant = records.granted(asked.bearer());
        match (asked.path.as_str(), grant) {
            // LINE's discovery document does not name the methods of client authentication.
            (openid::DISCOVERY, _) => {
                let more = json!({
                    "revocation_endpoint": records.url("/oauth2/v2.1/revoke"),
                    "scopes_supported": ["openid", "profile", "email"],
                    "subject_types_supported": ["pairwise"],
                    "code_challenge_methods_supported": ["S256"],
                });
                Answer::json(200, &openid::discovery(records, &PATHS, "ES256", more))
            }
            ("/oauth2/v2.1/certs", _) => openid::jwks(records),
            ("/oauth2/v2.1/token", _) => self.token(records, asked),
            ("/oauth2/v2.1/verify", _) => verify(records, asked),
            ("/v2/profile" | "/oauth2/v2.1/userinfo", None) => {
                let message = "The access token expired";
                Answer::json(401, &json!({ "message": message }))
            }
            ("/v2/profile", Some(grant)) => {
                let answer = json!({
                    "userId": grant.person.id,
                    "displayName": grant.person.name(),
                    "pictureUrl": "https://img.example/mina",
                });
                Answer::json(200, &answer)
            }
            ("/oauth2/v2.1/userinfo", Some(grant)) => {
                let answer = json!({ "sub": grant.person.id, "name": grant.person.name() });
                Answer::json(200, &answer)
            }
            _ => Answer::json(404, &json!({ "message": "Not found" })),
        }
    }
}

impl LineVendor {
    fn token(&self, records: &ProviderRecords, asked: &RecordedRequest) -> Answer {
        let redeemed = asked.authenticated(false).and_then(|()| records.redeem(asked));
        let grant = match redeemed {
            Ok(grant) => grant,
            Err(refused) => return refusal(refused),
        };
        let mut tokens = json!({
            "access_token": records.token(grant.clone()),
            "token_type": "Bearer",
            "refresh_token": mapae::domain::random::identifier(),
            "expires_in": 2_592_000,
            "scope": grant.scope,
        });
        if has_word(&grant.scope, "openid") {
            tokens["id_token"] = json!(by_secret(&self.claims(records, &grant)));
        }
        Answer::json(200, &tokens)
    }
}

fn refusal(refused: Refused) -> Answer {
    let (error, description) = match refused {
        Refused::GrantType => ("unsupported_grant_type", "unsupported grant_type"),
        Refused::Client => ("invalid_client", "invalid client_id"),
        Refused::Secret => ("invalid_client", "invalid client_secret"),
        Refused::Code => ("invalid_grant", "invalid authorization code"),
        Refused::RedirectUri => ("invalid_grant", "redirect_uri does not match"),
        Refused::Verifier => ("invalid_grant", "code_verifier does not match"),
    };
    openid::error_of(400, error, description)
}

/// LINE also answers for tokens of other channels, so the caller must compare the channel.
fn verify(records: &ProviderRecords, asked: &RecordedRequest) -> Answer {
    let Some(grant) = records.granted(asked.query.get("access_token")) else {
        return openid::error_of(400, "invalid_request", "access token expired");
    };
    let answer =
        json!({ "scope": "profile openid", "client_id": grant.client_id, "expires_in": 2_591_659 });
    Answer::json(200, &answer)
}
