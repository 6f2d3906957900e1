//! Signing in by each vendor in a browser: who the person is, and which values are taken over.

use serde_json::{Value, json};

use super::all_providers::AllProviders;
use super::refusal_check::RefusalCheck;
use crate::support::upstream::{MICROSOFT_TENANT, ProviderStub, Vendor};
use crate::support::{App, Server, both, decode_claims};

/// Somebody signs in at an app by a provider: the claims of the app's id token, and what userinfo
/// says.
pub(super) async fn sign_in<V: Vendor>(
    server: &Server,
    app: &App,
    slug: &str,
    provider: &ProviderStub<V>,
) -> (Value, Value) {
    let mut browser = server.browser();
    let page = browser.open(&app.authorization_url(&[("scope", "openid profile email")])).await;
    let arrived = browser.sign_in_by(&page, slug, provider).await;
    let tokens = app.exchange(&arrived.authorization_response().code()).await.ok();
    let person = app.userinfo(&tokens.text("access_token")).await.ok().json();
    (decode_claims(&tokens.text("id_token")), person)
}

/// Who comes of it.
struct Expected {
    issuer: String,
    subject: String,
    /// Of userinfo, besides `sub`.
    claims: Value,
}

/// Twice: the second time it is the same account.
async fn is<V: Vendor>(
    server: &Server,
    slug: &str,
    provider: &ProviderStub<V>,
    expected: Expected,
) {
    let app = server.web_app(slug, |client| client.metadata.first_party = true).await;
    let (claims, mut person) = sign_in(server, &app, slug, provider).await;
    assert_eq!(claims["amr"], json!(["fed", slug]));
    assert_eq!(claims["idp"], slug);
    assert_eq!(claims["sub"], person["sub"]);
    let (again, _) = sign_in(server, &app, slug, provider).await;
    assert_eq!(again["sub"], claims["sub"], "{slug}");
    // Two people who wish for one name do not get the same.
    let members = person.as_object_mut().unwrap();
    members.retain(|name, _| !["sub", "updated_at", "preferred_username"].contains(&&**name));
    assert_eq!(person, expected.claims, "{slug}");
    let refusal_check = RefusalCheck::of(server).await;
    assert_eq!(
        refusal_check.identities(&expected.issuer, &expected.subject, slug).await,
        1,
        "{slug}"
    );
}

both! {
    async fn core_5_7_each_vendor_says_who_it_is_by_issuer_and_subject(database) {
        let every = AllProviders::start().await;
        let server = every.server(&database).await;
        let id = every.github.person().id;
        let here = |base: &str, claims: Value| {
            Expected { issuer: base.to_owned(), subject: id.clone(), claims }
        };
        let login = every.github.login();
        let expected = json!({
            "name": "Mina Kim",
            "picture": format!("https://img.example/{login}"),
            "email": "mina@github.example",
            "email_verified": true,
        });
        is(&server, "github", &every.github, here(every.github.base(), expected)).await;
        let expected = json!({
            "name": "Mina Kim",
            "nickname": "mina***",
            "picture": "https://img.example/mina.png",
            "gender": "female",
            "birthdate": "1990-10-01",
            "email": "mina@naver.example",
            "email_verified": false,
        });
        is(&server, "naver", &every.naver, here(every.naver.base(), expected)).await;
        let expected = json!({
            "name": "Mina Kim",
            "picture": "https://img.example/mina.jpg",
            "email": "mina@facebook.example",
            "email_verified": false,
        });
        is(&server, "facebook", &every.facebook, here(every.facebook.base(), expected)).await;
        let expected = json!({
            "name": "Mina Kim",
            "nickname": "Mina Kim",
            "picture": "https://img.example/mina_640x640.jpg",
            "email": "mina@kakao.example",
            "email_verified": true,
        });
        is(&server, "kakao", &every.kakao, here(every.kakao.base(), expected)).await;
        let expected = json!({
            "name": "Mina Kim",
            "given_name": "Mina",
            "family_name": "Kim",
            "email": "mina@apple.example",
            "email_verified": true,
        });
        is(&server, "apple", &every.apple, here(every.apple.base(), expected)).await;
        let expected = json!({
            "name": "Mina Kim",
            "given_name": "Mina",
            "family_name": "Kim",
            "picture": "https://img.example/mina=s96-c",
            "email": "mina@google.example",
            "email_verified": true,
        });
        is(&server, "google", &every.google, here(every.google.base(), expected)).await;
        let expected = json!({
            "name": "Mina Kim",
            "picture": "https://img.example/mina",
            "email": "mina@line.example",
            "email_verified": false,
        });
        is(&server, "line", &every.line, here(every.line.base(), expected)).await;
        let expected = json!({
            "name": "Mina Kim",
            "email": "mina@microsoft.example",
            "email_verified": false,
        });
        let microsoft = Expected {
            issuer: every.microsoft.issuer(MICROSOFT_TENANT),
            subject: every.microsoft.oid(),
            claims: expected,
        };
        is(&server, "microsoft", &every.microsoft, microsoft).await;
    }
}
