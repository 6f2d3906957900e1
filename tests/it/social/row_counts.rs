//! Counts the rows that a sign-in makes, and drives sign-ins by a provider.

use serde_json::{Value, json};

use crate::support::upstream::{Answer, CLIENT_ID, Callback, ProviderStub, Vendor};
use crate::support::{App, Browser, Evidence, Page, Server};

/// Where a provider says what it is.
pub(super) const DISCOVERY: &str = "/.well-known/openid-configuration";

/// How much of everything that an arrival makes there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct RowCounts {
    pub(super) accounts: i64,
    pub(super) identities: i64,
    pub(super) sessions: i64,
    pub(super) families: i64,
    pub(super) codes: i64,
}

impl RowCounts {
    pub(super) const NONE: Self =
        Self { accounts: 0, identities: 0, sessions: 0, families: 0, codes: 0 };

    pub(super) async fn of(evidence: &Evidence) -> Self {
        let count =
            async |table| evidence.count(&format!("SELECT count(*) AS n FROM {table}")).await;
        Self {
            accounts: count("account").await,
            identities: count("identity").await,
            sessions: count("session").await,
            families: count("family").await,
            codes: count("authorization_code").await,
        }
    }
}

/// The details of every refusal that was written, oldest first.
pub(super) async fn refusals(evidence: &Evidence) -> Vec<String> {
    let events = evidence.events_of("federation.refused").await;
    events.into_iter().map(|event| event.detail.expect("a reason")).collect()
}

/// Somebody who left for a provider: where they are sent, in their browser.
pub(super) async fn left(server: &Server, app: &App, slug: &str) -> (Browser, String) {
    let mut browser = server.browser();
    let page = browser.open(&app.authorization_url(&[])).await;
    let left = browser.start_upstream_login(&page, slug).await;
    let location = left.location().unwrap_or_else(|| panic!("sent away: {left:?}"));
    (browser, location.to_owned())
}

/// Somebody who signed in at a provider, and has not come back yet.
pub(super) async fn approved_at_provider<V: Vendor>(
    server: &Server,
    app: &App,
    slug: &str,
    provider: &ProviderStub<V>,
) -> (Browser, Callback) {
    let (browser, location) = left(server, app, slug).await;
    (browser, provider.approve(&location))
}

/// Somebody who signs in by a provider, in a browser of their own: where that leads.
pub(super) async fn sign_in_at_provider<V: Vendor>(
    server: &Server,
    app: &App,
    slug: &str,
    provider: &ProviderStub<V>,
) -> Page {
    let (mut browser, callback) = approved_at_provider(server, app, slug, provider).await;
    browser.complete_upstream_login(&callback).await
}

/// The same from another address, behind a proxy that is believed.
pub(super) async fn sign_in_at_provider_from<V: Vendor>(
    server: &Server,
    app: &App,
    provider: &ProviderStub<V>,
    address: &str,
) -> Page {
    let mut browser = server.browser().saying("x-forwarded-for", address);
    let page = browser.open(&app.authorization_url(&[])).await;
    browser.sign_in_by(&page, "idp", provider).await
}

/// Somebody who comes back from a provider with an id token that says other things besides.
pub(super) async fn sign_in_at_provider_with<V: Vendor>(
    server: &Server,
    app: &App,
    slug: &str,
    provider: &ProviderStub<V>,
    change: impl FnOnce(&mut Value),
) -> Page {
    let (mut browser, callback) = approved_at_provider(server, app, slug, provider).await;
    let asked = provider.asked();
    let left = asked.iter().rev().find(|asked| asked.query.has("nonce")).expect("they left");
    let token = provider.id_token_with(CLIENT_ID, Some(left.query.get("nonce")), change);
    let tokens = json!({ "access_token": "a", "token_type": "Bearer", "id_token": token });
    provider.answers_with("/token", Answer::json(200, &tokens));
    let page = browser.complete_upstream_login(&callback).await;
    provider.answers_normally();
    page
}

/// That it is the sign-in page with word of what happened at a provider.
#[track_caller]
pub(super) fn shows_notice(page: &Page, slug: &str, note: &str) {
    let url = url::Url::parse(&page.url).expect("a URL");
    let said: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    let says = |name: &str, value: &str| said.iter().any(|(n, v)| n == name && v == value);
    assert_eq!(url.path(), "/login", "{page:?}");
    assert!(says("provider", slug) && says("note", note), "{note} of {slug}: {url}");
    assert!(!said.iter().any(|(name, _)| name == "code" || name == "state"), "{url}");
    assert!(page.has("login-submit") && page.has(&format!("login-with-{slug}")));
    assert!(page.reply.text.contains(text_of(note)), "{note}: {}", page.reply.text);
    assert_eq!(page.reply.header("cache-control"), "no-store");
}

/// That it is the sign-in page, which says that a provider is not there any more.
#[track_caller]
pub(super) fn is_gone(page: &Page) {
    assert!(page.url.contains("/login?") && page.url.ends_with("note=unknown"), "{page:?}");
    assert!(page.reply.text.contains("available any more"), "{}", page.reply.text);
}

/// What the page says.
fn text_of(note: &str) -> &'static str {
    match note {
        "cancelled" => "sign-in was cancelled",
        "unavailable" => "right now",
        "refused" => "be used here",
        "failed" => "so nothing was changed",
        _ => panic!("no note: {note}"),
    }
}
