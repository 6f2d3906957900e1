//! Naver: no OpenID; errors come with the status 200, numbers as text, and `state` is part of the
//! token request.

use serde_json::{Value, json};

use super::grant::Refused;
use super::messages::{Answer, Fields, RecordedRequest};
use super::records::ProviderRecords;
use super::{ProviderStub, Vendor, openid};

pub(crate) type Naver = ProviderStub<NaverVendor>;

pub(crate) struct NaverVendor;

impl Naver {
    pub(crate) async fn start() -> Self {
        Self::open(NaverVendor).await
    }
}

impl Vendor for NaverVendor {
    const PKCE: bool = false;

    fn authorizes(&self, path: &str) -> bool {
        path == "/oauth2.0/authorize"
    }

    fn check(&self, asked: &RecordedRequest) -> Result<(), String> {
        openid::says(asked, &["state"])
    }

    fn cancelled(&self) -> Fields {
        Fields::of(&[("error", "access_denied"), ("error_description", "Canceled By User")])
    }

    fn answer(&self, records: &ProviderRecords, asked: &RecordedRequest) -> Answer {
        match asked.path.as_str() {
            "/oauth2.0/token" => token(records, asked),
            "/v1/nid/me" => me(records, asked),
            _ => Answer::not_found(),
        }
    }
}

fn token(records: &ProviderRecords, asked: &RecordedRequest) -> Answer {
    if let Err(refused) = asked.authenticated(false) {
        let description = match refused {
            Refused::Client => "client_id is not valid",
            _ => "wrong client id / client secret pair",
        };
        return openid::error_of(200, "invalid_client", description);
    }
    if asked.get("grant_type") == "delete" {
        let token = asked.get("access_token");
        records.revoke(token);
        return Answer::json(200, &json!({ "access_token": token, "result": "success" }));
    }
    if asked.get("grant_type") != "authorization_code" {
        return openid::error_of(200, "unsupported_grant_type", "grant_type is not supported");
    }
    // Naver's token request has no redirect URI.
    let grant = records.spend(asked.get("code"));
    let Some(grant) = grant.filter(|grant| grant.state == asked.get("state")) else {
        return openid::error_of(200, "invalid_request", "no valid data in session");
    };
    let tokens = json!({
        "access_token": records.token(grant),
        "refresh_token": mapae::domain::random::identifier(),
        "token_type": "bearer",
        "expires_in": "3600",
    });
    Answer::json(200, &tokens)
}

fn me(records: &ProviderRecords, asked: &RecordedRequest) -> Answer {
    let Some(grant) = records.granted(asked.bearer()) else {
        let message = "Authentication failed (인증에 실패하였습니다.)";
        return Answer::json(401, &json!({ "resultcode": "024", "message": message }));
    };
    let person = &grant.person;
    let mut response = json!({
        "id": person.id,
        "nickname": "mina***",
        "profile_image": "https://img.example/mina.png",
        "gender": "F",
        "birthday": "10-01",
        "birthyear": "1990",
        "mobile": "010-1234-5678",
    });
    // Values that the person did not agree to are left out.
    for (name, value) in [("email", &person.email), ("name", &person.name)] {
        if let Some(value) = value {
            response[name] = Value::from(value.as_str());
        }
    }
    let answer = json!({ "resultcode": "00", "message": "success", "response": response });
    Answer::json(200, &answer)
}
