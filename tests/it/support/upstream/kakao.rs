//! Kakao: OpenID, with errors, scopes and a token check of its own.

use std::sync::Mutex;

use serde_json::{Value, json};

use super::grant::{CLIENT_ID, Grant, Refused};
use super::messages::{Answer, Fields, RecordedRequest, has_word, words};
use super::openid::{self, Paths};
use super::records::ProviderRecords;
use super::{ProviderStub, Vendor};

pub(crate) type Kakao = ProviderStub<KakaoVendor>;

/// The app id of [`CLIENT_ID`], which is not the REST API key.
pub(crate) const KAKAO_APP_ID: u64 = 654_321;

/// What the app may see of the person's account.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Account {
    pub(crate) has_email: bool,
    /// The app asked for the e-mail address and the person did not agree, so it is not sent.
    pub(crate) email_needs_agreement: bool,
    /// Kakao sets this to false when another person uses the address now, long after it was
    /// verified.
    pub(crate) is_email_valid: bool,
}

pub(crate) struct KakaoVendor {
    account: Mutex<Account>,
}

const PATHS: Paths = Paths {
    authorize: "/oauth/authorize",
    token: "/oauth/token",
    jwks: "/.well-known/jwks.json",
    userinfo: Some("/v1/oidc/userinfo"),
};

const SCOPES: [&str; 4] = ["openid", "profile_nickname", "profile_image", "account_email"];

impl Kakao {
    pub(crate) async fn start() -> Self {
        let account =
            Account { has_email: true, email_needs_agreement: false, is_email_valid: true };
        Self::open(KakaoVendor { account: Mutex::new(account) }).await
    }

    pub(crate) fn change_account(&self, change: impl FnOnce(&mut Account)) {
        change(&mut self.vendor().account.lock().unwrap());
    }

    /// Makes `/v2/user/me` demand an agreement, until [`ProviderRecords::answers_normally`] is
    /// called.
    pub(crate) fn wants_agreement_to(&self, scope: &str) {
        let answer = json!({
            "msg": format!("insufficient scopes: {scope}"),
            "code": -402,
            "api_type": "USER_ME",
            "required_scopes": [scope],
            "allowed_scopes": ["openid"],
        });
        self.answers_with("/v2/user/me", Answer::json(403, &answer));
    }
}

impl Vendor for KakaoVendor {
    fn authorizes(&self, path: &str) -> bool {
        path == PATHS.authorize
    }

    fn check(&self, asked: &RecordedRequest) -> Result<(), String> {
        openid::says(asked, &[])?;
        let unknown = words(asked.query.get("scope")).find(|word| !SCOPES.contains(word));
        unknown
            .map_or(Ok(()), |word| Err(format!("KOE205: {word} is not a consent item of the app")))
    }

    fn cancelled(&self) -> Fields {
        Fields::of(&[("error", "access_denied"), ("error_description", "User denied access")])
    }

    /// There is no `email_verified`.
    fn claims(&self, records: &ProviderRecords, grant: &Grant) -> Value {
        let mut claims = openid::claims(records, grant);
        let account = *self.account.lock().unwrap();
        claims["auth_time"] = json!(records.now());
        if has_word(&grant.scope, "profile_nickname") {
            claims["nickname"] = json!(grant.person.name);
        }
        let told = has_word(&grant.scope, "account_email") && !account.email_needs_agreement;
        if let (true, Some(email)) = (told, &grant.person.email) {
            claims["email"] = json!(email);
        }
        claims
    }

    fn answer(&self, records: &ProviderRecords, asked: &RecordedRequest) -> Answer {
        let grant = records.granted(asked.bearer());
        match (asked.path.as_str(), grant) {
            (openid::DISCOVERY, _) => {
                let more = json!({
                    "token_endpoint_auth_methods_supported": ["client_secret_post"],
                    "request_uri_parameter_supported": false,
                    "response_modes_supported": ["query"],
                    "grant_types_supported": ["authorization_code", "refresh_token"],
                    "code_challenge_methods_supported": ["S256"],
                });
                Answer::json(200, &openid::discovery(records, &PATHS, "RS256", more))
            }
            ("/.well-known/jwks.json", _) => openid::jwks(records),
            ("/oauth/token", _) => self.token(records, asked),
            ("/v2/user/me" | "/v1/user/access_token_info" | "/v1/oidc/userinfo", None) => {
                let answer = json!({ "msg": "this access token does not exist", "code": -401 });
                Answer::json(401, &answer)
            }
            ("/v2/user/me", Some(grant)) => {
                let secure = asked.get("secure_resource") == "true";
                Answer::json(200, &self.me(records, &grant, secure))
            }
            ("/v1/user/access_token_info", Some(grant)) => {
                let own = grant.client_id == CLIENT_ID;
                let app = if own { Ok(KAKAO_APP_ID) } else { grant.client_id.parse() };
                let app = app.expect("an app of Kakao has a number");
                let id = grant.person.number();
                Answer::json(200, &json!({ "id": id, "expires_in": 7199, "app_id": app }))
            }
            ("/v1/oidc/userinfo", Some(grant)) => {
                let claims = self.claims(records, &grant);
                let kept = ["sub", "nickname", "email"].map(|name| (name, claims[name].clone()));
                let kept = kept.into_iter().filter(|(_, value)| !value.is_null());
                Answer::json(200, &kept.collect())
            }
            _ => Answer::json(404, &json!({ "msg": "NotFound", "code": -404 })),
        }
    }
}

impl KakaoVendor {
    fn token(&self, records: &ProviderRecords, asked: &RecordedRequest) -> Answer {
        let redeemed = asked.authenticated(false).and_then(|()| records.redeem(asked));
        let mut grant = match redeemed {
            Ok(grant) => grant,
            Err(refused) => return refusal(refused, asked),
        };
        if grant.scope.is_empty() {
            // A request without a scope gets the scopes that are switched on in the console.
            grant.scope = SCOPES.join(" ");
        }
        let mut tokens = json!({
            "token_type": "bearer",
            "access_token": records.token(grant.clone()),
            "expires_in": 21599,
            "refresh_token": mapae::domain::random::identifier(),
            "refresh_token_expires_in": 5_183_999,
            "scope": grant.scope,
        });
        if has_word(&grant.scope, "openid") {
            tokens["id_token"] = json!(self.id_token(records, &self.claims(records, &grant)));
        }
        Answer::json(200, &tokens)
    }

    /// Images are linked by plain http, unless something else is asked for.
    fn me(&self, records: &ProviderRecords, grant: &Grant, secure: bool) -> Value {
        let (person, account) = (&grant.person, *self.account.lock().unwrap());
        let connected = mapae::domain::clock::from_millis((records.now() - 60) * 1000);
        let scheme = if secure { "https" } else { "http" };
        let picture = format!("{scheme}://img.example/mina_640x640.jpg");
        let mut known = json!({
            "profile_nickname_needs_agreement": false,
            "profile_image_needs_agreement": false,
            "profile": {
                "nickname": person.name,
                "thumbnail_image_url": format!("{scheme}://img.example/mina_110x110.jpg"),
                "profile_image_url": picture,
                "is_default_image": false,
                "is_default_nickname": false,
            },
            "has_email": account.has_email && person.email.is_some(),
            "email_needs_agreement": account.email_needs_agreement,
        });
        let told = account.has_email && !account.email_needs_agreement;
        if let (true, Some(email)) =
            (told && has_word(&grant.scope, "account_email"), &person.email)
        {
            known["is_email_valid"] = json!(account.is_email_valid);
            known["is_email_verified"] = json!(person.email_verified);
            known["email"] = json!(email);
        }
        json!({
            "id": person.number(),
            "connected_at": connected.format("%Y-%m-%dT%H:%M:%SZ").to_string(),
            "properties": { "nickname": person.name, "profile_image": picture },
            "kakao_account": known,
        })
    }
}

fn refusal(refused: Refused, asked: &RecordedRequest) -> Answer {
    let (status, error, description, code) = match refused {
        // No error code of Kakao is documented for this case and for the last one.
        Refused::GrantType => (400, "invalid_request", "grant_type is wrong".to_owned(), None),
        Refused::Client => {
            let description = format!("Not exist client_id [{}]", asked.get("client_id"));
            (401, "invalid_client", description, Some("KOE101"))
        }
        Refused::Secret => {
            (401, "invalid_client", "Bad client credentials".to_owned(), Some("KOE010"))
        }
        Refused::Code => {
            let code = asked.get("code");
            let description = format!("authorization code not found for code={code}");
            (400, "invalid_grant", description, Some("KOE320"))
        }
        Refused::RedirectUri => {
            (400, "invalid_grant", "Redirect URI mismatch.".to_owned(), Some("KOE303"))
        }
        Refused::Verifier => (400, "invalid_grant", "code_verifier mismatch".to_owned(), None),
    };
    let mut answer = json!({ "error": error, "error_description": description });
    if let Some(code) = code {
        answer["error_code"] = json!(code);
    }
    Answer::json(status, &answer)
}
