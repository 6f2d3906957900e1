//! Apple: OpenID with a signed client secret, an answer as a form, and a name that is sent only
//! once.

use std::collections::HashSet;
use std::sync::{LazyLock, Mutex};

use serde_json::{Value, json};

use super::callback::Callback;
use super::grant::{CLIENT_ID, Grant};
use super::messages::{Answer, Fields, RecordedRequest, has_word};
use super::openid::{self, Paths};
use super::records::ProviderRecords;
use super::signer::Signer;
use super::{PersonAnswer, ProviderStub, Vendor};

pub(crate) type Apple = ProviderStub<AppleVendor>;

pub(crate) const APPLE_TEAM_ID: &str = "TEAM123456";

pub(crate) struct AppleVendor {
    /// The key that the developer downloads.
    key: LazyLock<Signer>,
    /// The people who have signed in to the app before.
    known: Mutex<HashSet<String>>,
    private_email: Mutex<bool>,
    /// The bundle ids of the developer's apps; the Services ID is not among them.
    bundles: Mutex<HashSet<String>>,
}

const PATHS: Paths = Paths {
    authorize: "/auth/authorize",
    token: "/auth/token",
    jwks: "/auth/keys",
    userinfo: None,
};
/// The longest life of a client secret: six months.
const LONGEST: i64 = 15_777_000;

impl Apple {
    pub(crate) async fn start() -> Self {
        Self::open(AppleVendor {
            key: LazyLock::new(Signer::p256),
            known: Mutex::default(),
            private_email: Mutex::default(),
            bundles: Mutex::default(),
        })
        .await
    }

    /// The `.p8` file.
    pub(crate) fn p8(&self) -> String {
        self.vendor().key.private_pem()
    }

    /// The key in the `.p8` file, for tests that sign in place of the app.
    pub(crate) fn developer_key(&self) -> &Signer {
        &self.vendor().key
    }

    /// The id of the key in the `.p8` file.
    pub(crate) fn key_id(&self) -> String {
        self.vendor().key.kid.clone()
    }

    /// Sets whether the person hides the e-mail address behind a relay from now on.
    pub(crate) fn hides_email(&self, hides: bool) {
        *self.vendor().private_email.lock().unwrap() = hides;
    }

    /// A code that a native app of the developer got: it belongs to the bundle id and has no
    /// redirect URI.
    pub(crate) fn native_code_for(&self, bundle: &str, nonce: Option<&str>) -> String {
        self.vendor().bundles.lock().unwrap().insert(bundle.to_owned());
        let nonce = nonce.map(str::to_owned);
        self.code(Grant { nonce, ..self.grant(bundle, "") })
    }

    /// Makes the person a new one for the app, who has removed it: the name is sent again.
    pub(crate) fn forgets_everybody(&self) {
        self.vendor().known.lock().unwrap().clear();
    }
}

impl Vendor for AppleVendor {
    const PKCE: bool = false;

    fn authorizes(&self, path: &str) -> bool {
        path == PATHS.authorize
    }

    fn check(&self, asked: &RecordedRequest) -> Result<(), String> {
        openid::says(asked, &[])?;
        let scope = asked.query.get("scope");
        let asks = has_word(scope, "name") || has_word(scope, "email");
        if asks && asked.query.get("response_mode") != "form_post" {
            let problem = "response_mode must be form_post when name or email scope is requested";
            return Err(format!("invalid_request: {problem}"));
        }
        Ok(())
    }

    fn cancelled(&self) -> Fields {
        Fields::of(&[("error", "user_cancelled_authorize")])
    }

    fn back(
        &self,
        records: &ProviderRecords,
        request: &Fields,
        says: PersonAnswer,
        mut callback: Callback,
    ) -> Callback {
        callback.posted = request.get("response_mode") == "form_post";
        let (person, scope) = (records.person(), request.get("scope"));
        let asks = has_word(scope, "name") || has_word(scope, "email");
        if says == PersonAnswer::No
            || !asks
            || !self.known.lock().unwrap().insert(person.id.clone())
        {
            return callback;
        }
        let mut user = json!({});
        if has_word(scope, "name") {
            let (first, last) = person.name().split_once(' ').unwrap_or((person.name(), ""));
            user["name"] = json!({ "firstName": first, "lastName": last });
        }
        if let (true, Some(email)) =
            (has_word(scope, "email"), self.email(&person.id, person.email))
        {
            user["email"] = json!(email);
        }
        callback.with("user", &user.to_string())
    }

    fn claims(&self, records: &ProviderRecords, grant: &Grant) -> Value {
        let mut claims = openid::claims(records, grant);
        claims["auth_time"] = json!(records.now());
        claims["nonce_supported"] = json!(true);
        let email = self.email(&grant.person.id, grant.person.email.clone());
        if let (true, Some(email)) = (has_word(&grant.scope, "email"), email) {
            claims["email"] = json!(email);
            claims["email_verified"] = json!(grant.person.email_verified.to_string());
            if *self.private_email.lock().unwrap() {
                claims["is_private_email"] = json!("true");
            }
        }
        claims
    }

    fn answer(&self, records: &ProviderRecords, asked: &RecordedRequest) -> Answer {
        match asked.path.as_str() {
            openid::DISCOVERY => {
                let more = json!({
                    "revocation_endpoint": records.url("/auth/revoke"),
                    "response_modes_supported": ["query", "fragment", "form_post"],
                    "subject_types_supported": ["pairwise"],
                    "scopes_supported": ["openid", "email", "name"],
                    "token_endpoint_auth_methods_supported": ["client_secret_post"],
                });
                Answer::json(200, &openid::discovery(records, &PATHS, "RS256", more))
            }
            "/auth/keys" => openid::jwks(records),
            "/auth/token" | "/auth/revoke" if !self.is_client(records, asked) => {
                Answer::json(400, &json!({ "error": "invalid_client" }))
            }
            "/auth/token" => self.token(records, asked),
            "/auth/revoke" => {
                records.revoke(asked.form.get("token"));
                Answer::html(200, "")
            }
            _ => Answer::not_found(),
        }
    }
}

impl AppleVendor {
    fn email(&self, id: &str, email: Option<String>) -> Option<String> {
        let hides = *self.private_email.lock().unwrap();
        email.map(|email| if hides { format!("{id}@privaterelay.appleid.com") } else { email })
    }

    /// Whether the client secret is a JWT as Apple requires it.
    fn is_client(&self, records: &ProviderRecords, asked: &RecordedRequest) -> bool {
        let secret = asked.form.get("client_secret");
        let (header, claims) = super::signer::parts(secret).unwrap_or_default();
        let (now, number) = (records.now(), |name: &str| claims[name].as_i64().unwrap_or_default());
        let client_id = asked.form.get("client_id");
        let is_known = client_id == CLIENT_ID || self.bundles.lock().unwrap().contains(client_id);
        is_known
            && self.key.has_signed(secret)
            && header["alg"] == "ES256"
            && header["kid"] == self.key.kid.as_str()
            && claims["iss"] == APPLE_TEAM_ID
            && claims["sub"] == client_id
            && claims["aud"] == records.base()
            && number("iat") <= now + 60
            && (now..=now + LONGEST).contains(&number("exp"))
    }

    fn token(&self, records: &ProviderRecords, asked: &RecordedRequest) -> Answer {
        let problem = "The code has expired or has been revoked.";
        let code = asked.form.get("code");
        let grant = records.spend(code).filter(|grant| {
            asked.form.get("grant_type") == "authorization_code"
                && asked.form.get("client_id") == grant.client_id
        });
        let Some(grant) = grant else { return openid::error_of(400, "invalid_grant", problem) };
        if asked.form.get("redirect_uri") != grant.redirect_uri {
            let problem = "redirect_uri mismatch. The redirect_uri does not match the previously \
                           authorized value.";
            return openid::error_of(400, "invalid_grant", problem);
        }
        let access_token = records.token(grant.clone());
        let mut claims = self.claims(records, &grant);
        claims["at_hash"] = json!(openid::at_hash(&access_token));
        let tokens = json!({
            "access_token": access_token,
            "token_type": "Bearer",
            "expires_in": 3600,
            "refresh_token": mapae::domain::random::identifier(),
            "id_token": self.id_token(records, &claims),
        });
        Answer::json(200, &tokens)
    }
}
