//! The vendors: their shapes, their words and their refusals.

use serde_json::{Value, json};

use super::super::facebook::appsecret_proof;
use super::super::signer::{Signer, keyed, parts};
use super::super::{
    APPLE_TEAM_ID, Apple, CLIENT_ID, CLIENT_SECRET, Facebook, GitHub, Google, KAKAO_APP_ID, Kakao,
    Line, MICROSOFT_TENANT, Microsoft, Naver, PersonAnswer,
};
use super::{exchange, get, reply, request};
use crate::support::{CALLBACK, http};

#[tokio::test]
async fn apple_takes_a_secret_that_its_key_signed_and_no_other() {
    let apple = Apple::start().await;
    let scope = "openid name email";
    let url = request(apple.base(), "/auth/authorize", scope);
    assert!(apple.sign_in_at_provider(&url, PersonAnswer::Yes).is_err(), "form_post is missing");
    let url = format!("{url}&response_mode=form_post");
    assert_eq!(apple.cancel(&url).get("error"), "user_cancelled_authorize");
    let first = apple.approve(&url);
    assert!(first.posted && first.url() == CALLBACK);
    let user: Value = serde_json::from_str(first.get("user")).unwrap();
    assert_eq!(user["name"], json!({ "firstName": "Mina", "lastName": "Kim" }));
    assert!(!apple.approve(&url).fields.has("user"));

    let now = apple.now();
    let claims = json!({
        "iss": APPLE_TEAM_ID, "sub": CLIENT_ID, "aud": apple.base(), "iat": now, "exp": now + 300,
    });
    let key = apple.developer_key();
    let with = |name: &str, value: Value| {
        let mut claims = claims.clone();
        claims[name] = value;
        key.token(&claims)
    };
    let mut nameless = key.header();
    nameless["kid"] = json!("another");
    for bad in [
        CLIENT_SECRET.to_owned(),
        with("iss", json!("another")),
        with("sub", json!("another")),
        with("aud", json!("https://appleid.apple.com")),
        with("exp", json!(now - 1)),
        with("exp", json!(now + 16_000_000)),
        key.sign(&nameless, &claims),
        Signer::p256().sign(&key.header(), &claims),
        keyed(key.public_pem().as_bytes(), &key.header(), &claims),
    ] {
        let code = apple.approve(&url);
        let token =
            exchange(&apple.url("/auth/token"), code.get("code"), &[("client_secret", &bad)]);
        assert_eq!(reply(token).await.json(), json!({ "error": "invalid_client" }), "{bad}");
    }
    apple.hides_email(true);
    let secret = key.token(&claims);
    let token =
        exchange(&apple.url("/auth/token"), first.get("code"), &[("client_secret", &secret)]);
    let tokens = reply(token).await.ok().json();
    let (_, claims) = parts(tokens["id_token"].as_str().unwrap()).unwrap();
    let told = [&claims["email_verified"], &claims["is_private_email"], &claims["nonce"]];
    assert_eq!(told, [&json!("true"), &json!("true"), &json!("a-nonce")]);
    assert!(apple.p8().starts_with("-----BEGIN PRIVATE KEY-----"));
}

#[tokio::test]
async fn kakao_google_line_and_microsoft_have_a_dialect_of_openid() {
    let kakao = Kakao::start().await;
    let url = request(kakao.base(), "/oauth/authorize", "openid profile email");
    assert!(kakao.sign_in_at_provider(&url, PersonAnswer::Yes).unwrap_err().contains("KOE205"));
    let url = request(kakao.base(), "/oauth/authorize", "openid profile_nickname account_email");
    let token = kakao.url("/oauth/token");
    for (change, code) in [
        (("code", "x"), "KOE320"),
        (("client_secret", "x"), "KOE010"),
        (("client_id", "x"), "KOE101"),
        (("redirect_uri", "x"), "KOE303"),
    ] {
        let refused = reply(exchange(&token, kakao.approve(&url).get("code"), &[change])).await;
        assert_eq!(refused.json()["error_code"], code);
    }
    let tokens = reply(exchange(&token, kakao.approve(&url).get("code"), &[])).await.ok();
    assert!(tokens.json()["id_token"].is_string());
    let mine = tokens.text("access_token");
    let account = get(&kakao.url("/v2/user/me"), &mine).await.1["kakao_account"].clone();
    assert_eq!(
        (&account["is_email_verified"], &account["email"]),
        (&json!(true), &json!("mina@example.com"))
    );
    for (token, app) in [(mine.clone(), KAKAO_APP_ID), (kakao.access_token_for("999"), 999)] {
        let info = get(&kakao.url("/v1/user/access_token_info"), &token).await.1;
        assert_eq!((&info["app_id"], &info["id"]), (&json!(app), &json!(kakao.person().number())));
    }
    kakao.wants_agreement_to("account_email");
    assert_eq!(
        get(&kakao.url("/v2/user/me"), &mine).await.1["required_scopes"],
        json!(["account_email"])
    );

    let google = Google::start().await;
    let info = |token: String| google.url(&format!("/tokeninfo?access_token={token}"));
    let told = get(&info(google.access_token_for("theirs")), "").await.1;
    let texts = [&told["aud"], &told["expires_in"], &told["email_verified"]];
    assert_eq!(texts, [&json!("theirs"), &json!("3599"), &json!("true")]);
    assert_eq!(get(&info("x".to_owned()), "").await.0, 400);

    let line = Line::start().await;
    let url = request(line.base(), "/oauth2/v2.1/authorize", "openid profile email");
    let tokens = exchange(&line.url("/oauth2/v2.1/token"), line.approve(&url).get("code"), &[]);
    let tokens = reply(tokens).await.ok();
    let header = parts(&tokens.text("id_token")).unwrap().0;
    assert_eq!(header, json!({ "alg": "HS256", "typ": "JWT" }));
    let native = line.id_token(CLIENT_ID, None);
    assert!(line.signer().has_signed(&native) && parts(&native).unwrap().0["alg"] == "ES256");
    let verify =
        line.url(&format!("/oauth2/v2.1/verify?access_token={}", line.access_token_for("theirs")));
    assert_eq!(get(&verify, "").await.1["client_id"], "theirs");

    let microsoft = Microsoft::start().await;
    let document =
        get(&format!("{}/.well-known/openid-configuration", microsoft.issuer("common")), "")
            .await
            .1;
    assert_eq!(document["issuer"], microsoft.issuer("{tenantid}"));
    let url = request(microsoft.base(), "/common/oauth2/v2.0/authorize", "openid profile email");
    let code = microsoft.approve(&url);
    let tokens = exchange(document["token_endpoint"].as_str().unwrap(), code.get("code"), &[]);
    let claims = parts(&reply(tokens).await.ok().text("id_token")).unwrap().1;
    assert_eq!(claims["iss"], microsoft.issuer(MICROSOFT_TENANT));
    assert_eq!(
        (&claims["tid"], &claims["email_verified"]),
        (&json!(MICROSOFT_TENANT), &Value::Null)
    );
    assert!(
        microsoft
            .sign_in_at_provider(&url.replace("common", "another"), PersonAnswer::Yes)
            .is_err()
    );
}

#[tokio::test]
async fn github_naver_and_facebook_have_none() {
    let github = GitHub::start().await;
    let url = request(github.base(), "/login/oauth/authorize", "read:user user:email");
    let token = github.url("/login/oauth/access_token");
    let spoken = reply(exchange(&token, "x", &[])).await.ok();
    assert!(spoken.text.starts_with("error=bad_verification_code&"));
    let post = exchange(&token, github.approve(&url).get("code"), &[]);
    let tokens = reply(post.header("accept", "application/json")).await.ok();
    let mine = tokens.text("access_token");
    let user = github.url("/api/v3/user");
    assert_eq!(get(&user, &mine).await.1["id"], github.person().number());
    assert_eq!(get(&github.url("/api/v3/user/emails"), &mine).await.1[0]["verified"], true);
    assert_eq!(reply(http().get(&user).bearer_auth(&mine)).await.status, 403);
    for (token, status) in [(mine, 200), (github.access_token_for("theirs"), 404)] {
        let url = github.url(&format!("/api/v3/applications/{CLIENT_ID}/token"));
        let post = http().post(url).basic_auth(CLIENT_ID, Some(CLIENT_SECRET));
        let post = post.header("user-agent", "mapae").json(&json!({ "access_token": token }));
        assert_eq!(reply(post).await.status, status);
    }

    let naver = Naver::start().await;
    let url = request(naver.base(), "/oauth2.0/authorize", "");
    let token = naver.url("/oauth2.0/token");
    for state in ["", "another"] {
        let code = naver.approve(&url);
        let refused = reply(exchange(&token, code.get("code"), &[("state", state)])).await.ok();
        assert_eq!(refused.json()["error"], "invalid_request");
    }
    let code = naver.approve(&url);
    let tokens = reply(exchange(&token, code.get("code"), &[("state", "a-state")])).await.ok();
    assert_eq!(tokens.json()["expires_in"], "3600");
    let me = get(&naver.url("/v1/nid/me"), &tokens.text("access_token")).await.1;
    assert_eq!(me["response"]["email"], "mina@example.com");
    assert_eq!(get(&naver.url("/v1/nid/me"), "x").await.0, 401);

    let facebook = Facebook::start().await;
    let url = request(facebook.base(), "/dialog/oauth", "email");
    assert_eq!(facebook.cancel(&url).get("error_reason"), "user_denied");
    let code = facebook.approve(&url);
    let tokens = reply(exchange(&facebook.url("/oauth/access_token"), code.get("code"), &[])).await;
    let mine = tokens.ok().text("access_token");
    let me = facebook.url("/me?fields=id,name,email");
    assert_eq!(get(&me, &mine).await.1["error"]["code"], 100);
    assert_eq!(get(&format!("{me}&appsecret_proof=00"), &mine).await.0, 400);
    // The expected value is from `printf … | openssl dgst -sha256 -hmac …`, for a known token.
    assert_eq!(
        appsecret_proof("a-token"),
        "68345fe0de601cff7e58a041ff464ad8dae88a492121f42f95521650913c58d6",
    );
    let proof = appsecret_proof(&mine);
    let told = get(&format!("{me}&appsecret_proof={proof}"), &mine).await.1;
    assert_eq!(told["email"], "mina@example.com");
    let theirs = facebook.access_token_for("theirs");
    let debug = facebook.url(&format!(
        "/debug_token?input_token={theirs}&access_token={CLIENT_ID}%7C{CLIENT_SECRET}"
    ));
    assert_eq!(get(&debug, "").await.1["data"]["app_id"], "theirs");
}
