//! A correct OpenID provider that requires everything a good client sends: `state`, `nonce`, PKCE.

use serde_json::{Value, json};

use super::callback::Callback;
use super::grant::Grant;
use super::messages::{Answer, Fields, RecordedRequest, has_word};
use super::openid::{self, Paths};
use super::records::ProviderRecords;
use super::{PersonAnswer, ProviderStub, Vendor};

/// The generic provider: `/authorize`, `/token`, `/userinfo`, `/jwks`.
pub(crate) type Oidc = ProviderStub<Honest>;

pub(crate) struct Honest;

const PATHS: Paths =
    Paths { authorize: "/authorize", token: "/token", jwks: "/jwks", userinfo: Some("/userinfo") };

impl Oidc {
    pub(crate) async fn start() -> Self {
        Self::open(Honest).await
    }

    /// The same behind what is given its address and says its own.
    pub(crate) async fn start_behind(front: impl AsyncFnOnce(String) -> String) -> Self {
        Self::open_behind(Honest, front).await
    }
}

impl Vendor for Honest {
    fn authorizes(&self, path: &str) -> bool {
        path == PATHS.authorize
    }

    fn check(&self, asked: &RecordedRequest) -> Result<(), String> {
        openid::says(asked, &["state", "nonce", "code_challenge"])?;
        let asks_for_openid = has_word(asked.query.get("scope"), "openid");
        if asks_for_openid { Ok(()) } else { Err("the scope is not openid".to_owned()) }
    }

    fn cancelled(&self) -> Fields {
        Fields::of(&[("error", "access_denied"), ("error_description", "The person said no.")])
    }

    /// Adds `iss` (RFC 9207).
    fn back(
        &self,
        records: &ProviderRecords,
        _: &Fields,
        _: PersonAnswer,
        callback: Callback,
    ) -> Callback {
        callback.with("iss", records.base())
    }

    fn claims(&self, records: &ProviderRecords, grant: &Grant) -> Value {
        let mut claims = openid::claims(records, grant);
        about(&mut claims, grant);
        claims
    }

    fn answer(&self, records: &ProviderRecords, asked: &RecordedRequest) -> Answer {
        match asked.path.as_str() {
            openid::DISCOVERY => Answer::json(200, &discovery(records)),
            "/jwks" => openid::jwks(records),
            "/token" => token(self, records, asked),
            "/userinfo" => userinfo(records, asked),
            _ => Answer::not_found(),
        }
    }
}

pub(super) fn discovery(records: &ProviderRecords) -> Value {
    let more = json!({
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code"],
        "scopes_supported": ["openid", "profile", "email"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true,
    });
    openid::discovery(records, &PATHS, "RS256", more)
}

/// The token endpoint of the generic provider; the vendor signs the `id_token`.
pub(super) fn token(
    vendor: &impl Vendor,
    records: &ProviderRecords,
    asked: &RecordedRequest,
) -> Answer {
    let redeemed = asked.authenticated(true).and_then(|()| records.redeem(asked));
    let grant = match redeemed {
        Ok(grant) => grant,
        Err(refused) => return openid::refusal(refused),
    };
    let access_token = records.token(grant.clone());
    let mut claims = vendor.claims(records, &grant);
    claims["at_hash"] = json!(openid::at_hash(&access_token));
    let tokens = json!({
        "access_token": access_token,
        "token_type": "Bearer",
        "expires_in": 3600,
        "scope": grant.scope,
        "id_token": vendor.id_token(records, &claims),
    });
    Answer::json(200, &tokens).with("cache-control", "no-store")
}

pub(super) fn userinfo(records: &ProviderRecords, asked: &RecordedRequest) -> Answer {
    let Some(grant) = records.granted(asked.bearer()) else {
        return Answer::json(401, &json!({ "error": "invalid_token" }))
            .with("www-authenticate", "Bearer error=\"invalid_token\"");
    };
    let mut claims = json!({ "sub": grant.person.id });
    about(&mut claims, &grant);
    Answer::json(200, &claims)
}

fn about(claims: &mut Value, grant: &Grant) {
    let person = &grant.person;
    if let (true, Some(email)) = (has_word(&grant.scope, "email"), &person.email) {
        claims["email"] = json!(email);
        claims["email_verified"] = json!(person.email_verified);
    }
    if let (true, Some(name)) = (has_word(&grant.scope, "profile"), &person.name) {
        claims["name"] = json!(name);
    }
}
