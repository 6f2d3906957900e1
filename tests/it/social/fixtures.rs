//! Helpers of the tests about accounts.

use std::fs;

use mapae::admin::authority::May;
use mapae::admin::users::{self, NewUser};
use mapae::domain::grant_type::GrantType;
use mapae::domain::user::Profile;
use serde_json::Value;

use crate::support::upstream::{CLIENT_ID, ProviderStub, Vendor};
use crate::support::{App, Browser, Cli, Database, PASSWORD, Page, Reply, Server, decode_claims};

/// What apps present at `/token`.
pub(super) const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";

/// Makes a person with an address and the usual password; their `sub`.
pub(crate) async fn known(server: &Server, name: &str, email: &str, verified: bool) -> String {
    let issuer = server.inner.services();
    let new = NewUser {
        username: name.to_owned(),
        email: Some(email.to_owned()),
        email_verified: verified,
        profile: Profile { name: Some("Somebody Else".to_owned()), ..Profile::default() },
        password: Some(PASSWORD.to_owned().into()),
    };
    let made =
        users::create(&May::operator(), &issuer.store, server.now(), &issuer.hasher, new).await;
    made.unwrap_or_else(|error| panic!("made: {error}")).id.as_str().to_owned()
}

/// Makes a person with the usual password who registered by themselves and only claims an address.
pub(crate) async fn claimant(server: &Server, name: &str, email: &str) -> String {
    let sub = known(server, name, email, false).await;
    let by_themselves = "UPDATE account SET made_by = 'person', email_by = 'person' WHERE id = ";
    server.evidence().await.run(&format!("{by_themselves}'{sub}'")).await;
    sub
}

/// How many accounts, identities, sessions and families there are.
pub(crate) async fn rows(server: &Server) -> [i64; 4] {
    let evidence = server.evidence().await;
    let mut counts = [0; 4];
    for (count, table) in counts.iter_mut().zip(["account", "identity", "session", "family"]) {
        *count = evidence.count(&format!("SELECT count(*) AS n FROM {table}")).await;
    }
    counts
}

/// How many identities a person comes in by.
pub(crate) async fn identities(server: &Server, sub: &str) -> i64 {
    let sql = format!("SELECT count(*) AS n FROM identity WHERE user_id = '{sub}'");
    server.evidence().await.count(&sql).await
}

/// What the audit says of an event of this kind: about whom, and the detail.
pub(super) async fn said(server: &Server, kind: &str) -> Vec<(Option<String>, String)> {
    let events = server.evidence().await.events_of(kind).await;
    events.into_iter().map(|event| (event.user, event.detail.expect("a detail"))).collect()
}

/// Why people were refused, in that order.
pub(super) async fn refusals(server: &Server) -> Vec<String> {
    said(server, "federation.refused").await.into_iter().map(|(_, detail)| detail).collect()
}

/// Goes to an app and signs in there by a provider.
pub(super) async fn by<V: Vendor>(
    browser: &mut Browser,
    app: &App,
    slug: &str,
    provider: &ProviderStub<V>,
) -> Page {
    let page = browser.open(&app.authorization_url(&[("scope", "openid profile email")])).await;
    browser.sign_in_by(&page, slug, provider).await
}

/// The claims of the person whom an app gets in the end, of the `id_token` and of `userinfo`.
pub(super) async fn person(app: &App, arrived: &Page) -> (Value, Value) {
    let tokens = app.exchange(&arrived.authorization_response().code()).await.ok();
    let claims = decode_claims(&tokens.text("id_token"));
    (claims, app.userinfo(&tokens.text("access_token")).await.ok().json())
}

/// That this is the page that asks for the proof of an account.
#[track_caller]
pub(super) fn asks_for_proof(page: &Page, email: &str) {
    assert_eq!(page.reply.status, 200, "{page:?}");
    assert!(page.reply.text.contains("already has an account here"), "{}", page.reply.text);
    assert!(page.reply.text.contains(email) && page.has("login-unconnected"));
    let named = page.field("username");
    assert!(named.is_none_or(|named| named == email), "{}", page.reply.text);
}

/// An app that exchanges tokens of providers.
pub(super) async fn exchanger(server: &Server) -> App {
    let app = server.client("native", |client| {
        client.metadata.first_party = true;
        client.metadata.grant_types =
            [GrantType::Password, GrantType::RefreshToken, GrantType::TokenExchange].to_vec();
    });
    app.await
}

/// Exchanges an `id_token` with these claims besides.
pub(super) async fn exchange<V: Vendor>(
    app: &App,
    slug: &str,
    provider: &ProviderStub<V>,
    change: impl FnOnce(&mut Value),
) -> Reply {
    let token = provider.id_token_with(CLIENT_ID, None, |claims| {
        // No two of them are one.
        claims["jti"] = uuid::Uuid::new_v4().to_string().into();
        change(claims);
    });
    app.token(&[
        ("grant_type", TOKEN_EXCHANGE),
        ("subject_token_type", "urn:ietf:params:oauth:token-type:id_token"),
        ("subject_token", &token),
        ("subject_issuer", slug),
        ("scope", "openid profile email offline_access"),
    ])
    .await
}

/// What is known of whoever came by that.
pub(super) async fn about(app: &App, exchanged: Reply) -> Value {
    app.userinfo(&exchanged.ok().text("access_token")).await.ok().json()
}

/// An installation with this settings file.
pub(super) async fn with_file(text: &str) -> Cli {
    let mut cli = Cli::new(&Database::Sqlite).await;
    let file = cli.folder.path().join("mapae.toml");
    fs::write(&file, text).unwrap();
    cli.set("MAPAE_CONFIG", file.to_str().unwrap());
    cli.set("MAPAE_OUTBOUND_ALLOW_PRIVATE", "true");
    cli
}

pub(super) fn write(cli: &Cli, text: &str) {
    fs::write(cli.get("MAPAE_CONFIG"), text).unwrap();
}
