//! Real OpenID providers: a second mapae, and `oidc-provider` of npm, which is certified.

use mapae::domain::client::TokenAlg;
use mapae::domain::grant_type::GrantType;
use serde_json::{Value, json};

use super::table;
use crate::support::upstream::{CLIENT_ID, CLIENT_SECRET, OidcProvider};
use crate::support::{
    App, CALLBACK, CHALLENGE, Database, Reply, Server, VERIFIER, both, decode_claims, form, http,
};

const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";
const CODE: &str = "urn:mapae:params:oauth:token-type:authorization_code";

/// Two servers: people have accounts at the first one, which the second one knows by its issuer.
struct Two {
    upstream: Server,
    server: Server,
    app: App,
    native: App,
    upstream_native: App,
}

async fn two(database: &Database) -> Two {
    let upstream = Server::start(database).await;
    upstream.alice().await;
    let known = upstream.web_app("downstream", |_| {}).await;
    let upstream_native = upstream.public_client("native-there").await;
    let social = format!(
        "[[social]]\nslug = \"up\"\npreset = \"oidc\"\nissuer = \"{}\"\nclient_id = \"downstream\"\n\
         client_secret = \"{}\"\n[[social.audience]]\nid = \"native-there\"\nclients = [\"native\"]\n",
        upstream.issuer(),
        known.secret.expect("a secret"),
    );
    let server = Server::start_social(database, &social).await;
    let callback = server.url("/login/callback/up");
    upstream.change("downstream", |client| client.metadata.redirect_uris = vec![callback]).await;
    let app = server.web_app("app", |client| client.metadata.first_party = true).await;
    let native = native(&server).await;
    Two { upstream, server, app, native, upstream_native }
}

/// A public client that exchanges what it got at a provider.
async fn native(server: &Server) -> App {
    let app = server.public_client("native").await;
    server
        .change("native", |client| {
            client.metadata.grant_types =
                [GrantType::TokenExchange, GrantType::RefreshToken].to_vec();
        })
        .await;
    app
}

async fn exchange(app: &App, token: &str, kind: &str, more: &[(&str, &str)]) -> Reply {
    let usual = [
        ("grant_type", EXCHANGE),
        ("subject_token", token),
        ("subject_token_type", kind),
        ("subject_issuer", "up"),
        ("scope", "openid email"),
    ];
    app.token(&[&usual[..], more].concat()).await
}

/// Signs in downstream by way of upstream; the claims of the id token.
async fn by_way_of(two: &Two) -> Value {
    let (mut here, mut there) = (two.server.browser(), two.upstream.browser());
    let page = here.open(&two.app.authorization_url(&[("scope", "openid email")])).await;
    let away =
        here.start_upstream_login(&page, "up").await.location().expect("sent away").to_owned();
    let back = there.arrive(&away).await.location().expect("sent back").to_owned();
    assert!(back.starts_with(&two.server.url("/login/callback/up?")), "{back}");
    let arrived = here.open(&back).await;
    let tokens = two.app.exchange(&arrived.authorization_response().code()).await.ok();
    let person = two.app.userinfo(&tokens.text("access_token")).await.ok().json();
    assert_eq!(person["email_verified"], true);
    decode_claims(&tokens.text("id_token"))
}

both! {
    async fn core_3_1_two_of_us_trust_each_other_by_the_standards_alone(database) {
        let two = Box::pin(two(&database)).await;
        let first = by_way_of(&two).await;
        assert_eq!((&first["amr"], &first["idp"]), (&json!(["fed", "up"]), &json!("up")));
        // Core §10.1.1: the keys there are succeeded, and nobody here notices.
        let keyring = &two.upstream.inner.services().keyring;
        keyring.rotate(TokenAlg::ALL, true).await.expect("rotated");
        two.upstream.advance(2);
        two.server.advance(2);
        assert_eq!(by_way_of(&two).await["sub"], first["sub"]);
        // RFC 8693: an app that has a token of theirs gets one of ours, of the same person.
        let theirs = two.upstream_native.password("openid email").await.ok().text("id_token");
        let ours = exchange(&two.native, &theirs, ID_TOKEN, &[]).await.ok();
        assert_eq!(decode_claims(&ours.text("id_token"))["sub"], first["sub"]);
        assert_eq!(ours.json()["issued_token_type"], "urn:ietf:params:oauth:token-type:access_token");
        two.native.refresh(&ours.text("refresh_token")).await.ok();
        exchange(&two.native, &theirs, ID_TOKEN, &[]).await.refused(400, "invalid_grant");
        // An access token of theirs is not for us, whatever it is called.
        let (access, _) = two.upstream_native.password("openid").await.pair();
        for kind in [ID_TOKEN, "urn:ietf:params:oauth:token-type:access_token"] {
            exchange(&two.native, &access, kind, &[]).await.refused(400, "invalid_grant");
        }
    }
}

both! {
    async fn rfc6749_4_1_2_1_who_says_no_there_is_back_at_the_page_here(database) {
        let two = Box::pin(two(&database)).await;
        let (mut here, mut there) = (two.server.browser(), two.upstream.browser());
        let page = here.open(&two.app.authorization_url(&[])).await;
        let away = here.start_upstream_login(&page, "up").await.location().expect("sent away").to_owned();
        let login = there.open(&away).await;
        let consent = there.sign_in(&login).await;
        let back = there.consent(&consent, "deny").await.location().expect("sent back").to_owned();
        let page = here.open(&back).await;
        assert!(page.url.contains("note=cancelled") && page.has("login-with-up"), "{page:?}");
        // The same page leads on: another try, and this time they say yes.
        let away = here.start_upstream_login(&page, "up").await.location().expect("sent away").to_owned();
        let back = there.arrive(&away).await.location().expect("sent back").to_owned();
        two.app.exchange(&here.open(&back).await.authorization_response().code()).await.ok();
    }
}

both! {
    async fn core_3_1_a_certified_provider_of_somebody_else(database) {
        let Some(mut provider) = OidcProvider::start().await else { return };
        let server = Server::start_social(&database, &table("up", "oidc", provider.base(), "")).await;
        let callback = server.url("/login/callback/up");
        provider.redirects_to(&[&callback, CALLBACK]).await;
        let app = server.web_app("app", |client| client.metadata.first_party = true).await;
        let mut browser = server.browser();
        let page = browser.open(&app.authorization_url(&[("scope", "openid email")])).await;
        let away = browser.start_upstream_login(&page, "up").await.location().expect("sent away").to_owned();
        let cancelled = provider.cancel(&away).await;
        let page = browser.complete_upstream_login(&cancelled).await;
        assert!(page.url.contains("note=cancelled"), "{}", page.url);
        let away = browser.start_upstream_login(&page, "up").await.location().expect("sent away").to_owned();
        let approved = provider.approve(&away).await;
        assert_eq!(approved.get("iss"), provider.base());
        let arrived = browser.complete_upstream_login(&approved).await;
        let tokens = app.exchange(&arrived.authorization_response().code()).await.ok();
        let sub = decode_claims(&tokens.text("id_token"))["sub"].clone();
        let person = app.userinfo(&tokens.text("access_token")).await.ok().json();
        assert_eq!(person["email"], "mina@example.com");

        // An app that has a code, and one that has an id token.
        let native = native(&server).await;
        let code = there(&provider).await;
        let more = [("redirect_uri", CALLBACK), ("code_verifier", VERIFIER)];
        let ours = exchange(&native, &code, CODE, &more).await.ok();
        assert_eq!(decode_claims(&ours.text("id_token"))["sub"], sub);
        exchange(&native, &code, CODE, &more).await.refused(400, "invalid_grant");
        let wrong = [("redirect_uri", CALLBACK), ("code_verifier", CHALLENGE)];
        exchange(&native, &there(&provider).await, CODE, &wrong).await.refused(400, "invalid_grant");
        let id_token = id_token(&provider).await;
        let nonce = [("nonce", "a-nonce")];
        let ours = exchange(&native, &id_token, ID_TOKEN, &nonce).await.ok();
        assert_eq!(decode_claims(&ours.text("id_token"))["sub"], sub);
        exchange(&native, &id_token, ID_TOKEN, &nonce).await.refused(400, "invalid_grant");
    }
}

/// A code that an app of the operator's got at the provider.
async fn there(provider: &OidcProvider) -> String {
    let request = form(&[
        ("response_type", "code"),
        ("client_id", CLIENT_ID),
        ("redirect_uri", CALLBACK),
        ("scope", "openid email"),
        ("state", "a-state"),
        ("nonce", "a-nonce"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ]);
    let metadata = Reply::of(
        http()
            .get(format!("{}/.well-known/openid-configuration", provider.base()))
            .send()
            .await
            .expect("an answer"),
    );
    let authorize = metadata.await.ok().text("authorization_endpoint");
    provider.approve(&format!("{authorize}?{request}")).await.get("code").to_owned()
}

/// An id token that an app of the operator's got at the provider.
async fn id_token(provider: &OidcProvider) -> String {
    let code = there(provider).await;
    let body = form(&[
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ]);
    let request = http()
        .post(format!("{}/token", provider.base()))
        .basic_auth(CLIENT_ID, Some(CLIENT_SECRET))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(body);
    Reply::of(request.send().await.expect("an answer")).await.ok().text("id_token")
}
