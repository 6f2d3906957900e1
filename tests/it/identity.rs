//! What an app learns about a person, in id tokens and at userinfo: OpenID Connect Core §2, §5,
//! §12.

use mapae::admin::authority::May;
use mapae::admin::users;
use mapae::admin::users::Target;
use mapae::domain::client::RefreshPolicy;
use mapae::domain::scope::Scope;
use mapae::domain::user::{Address, Profile};
use serde_json::{Value, json};

use crate::support::{App, Reply, Server, both, decode_claims, decode_header, form};

/// Every standard claim, OpenID Connect Core §5.1.
fn everything() -> Profile {
    let text = |text: &str| Some(text.to_owned());
    Profile {
        name: text("김 앨리스"),
        given_name: text("앨리스"),
        family_name: text("김"),
        middle_name: text("B."),
        nickname: text("Al"),
        profile: text("https://alice.example/"),
        picture: text("https://alice.example/a.png"),
        website: text("https://alice.example/blog"),
        gender: text("female"),
        birthdate: text("1990-05-01"),
        zoneinfo: text("Asia/Seoul"),
        locale: text("ko-KR"),
        phone_number: text("+82 2 123 4567"),
        phone_number_verified: Some(true),
        address: Some(Address {
            locality: text("Seoul"),
            country: text("KR"),
            ..Address::default()
        }),
    }
}

pub(crate) const EVERY_SCOPE: &str = "openid profile email address phone";
pub(crate) const PROFILE: [&str; 14] = [
    "name",
    "given_name",
    "family_name",
    "middle_name",
    "nickname",
    "profile",
    "picture",
    "website",
    "gender",
    "birthdate",
    "zoneinfo",
    "locale",
    "updated_at",
    "preferred_username",
];

async fn first_party(server: &Server, id: &str) -> App {
    server
        .web_app(id, |client| {
            client.metadata.first_party = true;
            client.metadata.scope = Scope::parse(&format!("{EVERY_SCOPE} offline_access")).unwrap();
        })
        .await
}

async fn start(database: &crate::support::Database) -> (Server, App, String) {
    let server = Server::start(database).await;
    let sub = server.alice().await;
    let issuer = server.inner.services();
    let change = users::ClaimsChange { profile: Some(everything()), ..Default::default() };
    let may = May::operator();
    let updated =
        users::update(&may, &issuer.store, server.now(), None, Target::named("alice"), change);
    updated.await.unwrap();
    let app = first_party(&server, "app").await;
    (server, app, sub)
}

both! {
    /// conformance 3.1-10, 3.4-1, 3.4-2
    async fn core_2_an_id_token_of_a_code_flow(database) {
        let (server, app, sub) = start(&database).await;
        let mut browser = server.browser();
        browser.code(&app).await;
        server.advance(7);
        for nonce in ["", "n-0S6_WzA2Mj", &"n".repeat(384), "마패 +%20\"<"] {
            let changes = [("nonce", nonce), ("scope", EVERY_SCOPE)];
            let code = browser.get(&app.authorization_url(&changes)).await.authorization_response().code();
            let reply = app.exchange(&code).await.ok();
            let token = reply.text("id_token");
            let claims = decode_claims(&token);
            let mut names: Vec<_> = claims.as_object().unwrap().keys().map(String::as_str).collect();
            names.retain(|name| *name != "nonce");
            names.sort_unstable();
            assert_eq!(names, ["acr", "amr", "at_hash", "aud", "auth_time", "exp", "iat", "iss", "sid", "sub"]);
            assert_eq!(claims.get("nonce").and_then(Value::as_str).unwrap_or_default(), nonce);
            assert_eq!((claims["iss"].as_str(), claims["aud"].as_str()), (Some(server.issuer()), Some("app")));
            assert!(claims["sub"] == sub.as_str() && sub.is_ascii() && sub.len() <= 255);
            let (iat, exp) = (claims["iat"].as_i64().unwrap(), claims["exp"].as_i64().unwrap());
            assert_eq!(iat, server.now().now().timestamp());
            assert!(exp > iat && exp - iat <= 3600);
            assert_eq!(claims["auth_time"].as_i64(), Some(iat - 7), "when they proved it, not when it was asked");
            let header = decode_header(&token);
            assert_eq!(header["alg"], "RS256");
            let jwks = Reply::of(server.http.get(server.url("/.well-known/jwks.json")).send().await.unwrap()).await.json();
            let keys = jwks["keys"].as_array().unwrap();
            assert_eq!(keys.iter().filter(|key| key["kid"] == header["kid"]).count(), 1);
        }
    }

    /// conformance 3.4-3, 3.4-4, 3.4-5
    async fn core_5_4_userinfo_shows_every_claim_of_a_scope_in_its_type(database) {
        let (server, app, sub) = start(&database).await;
        let mut browser = server.browser();
        browser.code(&app).await;
        let mut userinfo = async |scope: &str| {
            let code = browser.get(&app.authorization_url(&[("scope", scope)])).await.authorization_response().code();
            let access = app.exchange(&code).await.ok().text("access_token");
            let by_get = app.userinfo(&access).await.ok();
            assert_eq!(by_get.header("content-type"), "application/json");
            let url = server.url("/userinfo");
            let by_post = Reply::of(server.http.post(&url).bearer_auth(&access)
                .header("content-type", "application/x-www-form-urlencoded").send().await.unwrap()).await;
            let in_body = Reply::of(server.http.post(&url).body(form(&[("access_token", &access)]))
                .header("content-type", "application/x-www-form-urlencoded").send().await.unwrap()).await;
            assert_eq!(by_get.json(), by_post.ok().json());
            assert_eq!(by_get.json(), in_body.ok().json());
            by_get.json()
        };
        assert_eq!(userinfo("openid").await, json!({ "sub": sub }));
        let mut expected: Vec<_> = PROFILE.into_iter().chain(["sub"]).collect();
        expected.sort_unstable();
        let profile = userinfo("openid profile").await;
        let mut names: Vec<_> = profile.as_object().unwrap().keys().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, expected);
        assert_eq!(profile["updated_at"].as_i64(), Some(server.now().now().timestamp()));
        assert_eq!((profile["name"].as_str(), profile["locale"].as_str()), (Some("김 앨리스"), Some("ko-KR")));
        let email = userinfo("openid email").await;
        assert!(email["email"].is_string() && email["email_verified"] == true);
        assert_eq!(userinfo("openid address").await["address"], json!({ "locality": "Seoul", "country": "KR" }));
        let phone = userinfo("openid phone").await;
        assert_eq!((phone["phone_number"].as_str(), phone["phone_number_verified"].as_bool()), (Some("+82 2 123 4567"), Some(true)));
        let all = userinfo(EVERY_SCOPE).await;
        assert!(all.as_object().unwrap().values().all(|value| !value.is_null() && *value != "" && *value != "null"));
        assert_eq!(all.as_object().unwrap().len(), 1 + 14 + 2 + 1 + 2);
    }

    /// conformance 3.5-1 to 3.5-5
    async fn core_12_2_a_refresh_keeps_who_and_when(database) {
        let (server, app, sub) = start(&database).await;
        let other = first_party(&server, "other").await;
        let mut browser = server.browser();
        let offline = [("scope", "openid offline_access"), ("prompt", "consent")];
        let code = browser.arrive(&app.authorization_url(&offline)).await.authorization_response().code();
        let first = app.exchange(&code).await.ok();
        let before = decode_claims(&first.text("id_token"));
        server.advance(120);
        let second = app.refresh(&first.text("refresh_token")).await.ok();
        assert_eq!((second.header("content-type"), second.header("cache-control")), ("application/json", "no-store"));
        assert!(second.json()["expires_in"].as_i64().unwrap() > 0);
        assert_eq!(second.text("token_type"), "Bearer");
        assert_ne!(second.text("access_token"), first.text("access_token"));
        let after = decode_claims(&second.text("id_token"));
        for same in ["iss", "sub", "aud", "auth_time", "acr", "sid"] {
            assert_eq!(after[same], before[same], "{same}");
        }
        assert_eq!(after["sub"], sub.as_str());
        assert!(after["iat"].as_i64() > before["iat"].as_i64());
        assert!(after.get("nonce").is_none());
        assert_ne!(after["at_hash"], before["at_hash"]);
        // Another client has no use of it, and does no harm.
        other.refresh(&second.text("refresh_token")).await.refused(400, "invalid_grant");
        app.refresh(&second.text("refresh_token")).await.ok();
        // FAPI 2.0 §5.3.2.1: a client that does not rotate may ask with the same one again.
        server.change("app", |client| client.metadata.refresh = RefreshPolicy::Static).await;
        let code = browser.code(&app).await;
        let (_, steady) = app.exchange(&code).await.pair();
        for _ in 0..3 {
            assert_eq!(app.refresh(&steady).await.pair().1, steady);
            server.advance(31);
        }
    }
}
