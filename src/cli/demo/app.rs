//! The pages of the demo's third-party app. They work without scripts. Sessions are kept in memory
//! and end with the demo.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use askama::Template;
use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, COOKIE, SET_COOKIE,
};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::serve::Listener;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::relying_party::{Away, Brought, RelyingParty};
use crate::domain::form::Form;
use crate::domain::random;

/// The state of the app.
struct App {
    party: RelyingParty,
    visits: Mutex<HashMap<String, Visit>>,
}

/// What the app knows of a browser.
#[derive(Default)]
struct Visit {
    away: Option<Away>,
    brought: Option<Brought>,
    refused: Option<String>,
}

const NAME: &str = "post-station";
/// The most visits in memory. A demo has few visitors; a client that never returns its cookie makes
/// a new visit each time.
const MANY: usize = 1000;
const STYLE: &str = include_str!("../../../templates/demo/demo.css");

/// Serves the app and these pages beside it until it is aborted.
pub(super) async fn serve<L>(listener: L, party: RelyingParty, more: Router)
where
    L: Listener,
    L::Addr: std::fmt::Debug,
{
    let app = Arc::new(App { party, visits: Mutex::default() });
    let router = Router::new()
        .route("/", get(home))
        .route("/demo.css", get(style))
        .route("/sign-in", post(sign_in))
        .route("/callback", get(callback))
        .route("/refresh", post(refresh))
        .route("/sign-out", post(sign_out))
        .with_state(app)
        .merge(more);
    if let Err(error) = axum::serve(listener, router).await {
        tracing::error!(%error, "the app of the demo failed");
    }
}

/// A token with its decoded parts.
struct Shown {
    name: &'static str,
    about: &'static str,
    raw: String,
    head: String,
    claims: String,
}

#[derive(Template)]
#[template(path = "demo/home.html")]
struct Home<'a> {
    issuer: &'a str,
    refused: Option<&'a str>,
    person: Option<String>,
    userinfo: String,
    tokens: Vec<Shown>,
    refresh_token: Option<&'a str>,
}

async fn home(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    let (brought, refused) =
        app.with(&headers, |visit| (visit.brought.clone(), visit.refused.take()));
    let page = Home {
        issuer: app.party.issuer(),
        refused: refused.as_deref(),
        person: brought.as_ref().map(|brought| called(&brought.person)),
        userinfo: brought.as_ref().map(|brought| pretty(&brought.person)).unwrap_or_default(),
        tokens: brought.as_ref().map(shown).unwrap_or_default(),
        refresh_token: brought.as_ref().and_then(|brought| brought.refresh_token.as_deref()),
    };
    let Ok(html) = page.render() else { return StatusCode::INTERNAL_SERVER_ERROR.into_response() };
    let policy = format!(
        "default-src 'none'; style-src 'self'; form-action 'self' {}; base-uri 'none'; \
         frame-ancestors 'none'",
        app.party.issuer()
    );
    ([(CACHE_CONTROL, "no-store".to_owned()), (CONTENT_SECURITY_POLICY, policy)], Html(html))
        .into_response()
}

async fn style() -> Response {
    ([(CONTENT_TYPE, "text/css; charset=utf-8")], STYLE).into_response()
}

async fn sign_in(State(app): State<Arc<App>>) -> Response {
    let (url, away) = app.party.leave();
    // Every sign-in gets a new session name, so that nobody can fix a name that another person then
    // uses.
    let name = random::identifier();
    let mut visits = app.visits.lock().unwrap_or_else(PoisonError::into_inner);
    if visits.len() >= MANY {
        visits.clear();
    }
    visits.insert(name.clone(), Visit { away: Some(away), ..Visit::default() });
    let cookie = format!("{NAME}={name}; Path=/; HttpOnly; SameSite=Lax");
    ([(SET_COOKIE, cookie)], Redirect::to(&url)).into_response()
}

async fn callback(
    State(app): State<Arc<App>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Redirect {
    let form = Form::parse(query.unwrap_or_default().as_bytes()).unwrap_or_default();
    let answer = |name: &str| form.get(name).map(str::to_owned);
    let taken = match app.with(&headers, |visit| visit.away.take()) {
        Some(away) => app.party.take(away, answer).await,
        None => Err("nobody left from here to sign in".to_owned()),
    };
    app.keep(&headers, taken);
    Redirect::to("/")
}

async fn refresh(State(app): State<Arc<App>>, headers: HeaderMap) -> Redirect {
    if let Some(old) = app.with(&headers, |visit| visit.brought.clone()) {
        let newer = app.party.refresh(&old).await;
        app.keep(&headers, newer);
    }
    Redirect::to("/")
}

async fn sign_out(State(app): State<Arc<App>>, headers: HeaderMap) -> Redirect {
    match app.with(&headers, |visit| visit.brought.take()) {
        Some(brought) => Redirect::to(&app.party.sign_out(&brought)),
        None => Redirect::to("/"),
    }
}

impl App {
    /// Calls `look` with the visit of the browser that sent these headers.
    fn with<T: Default>(&self, headers: &HeaderMap, look: impl FnOnce(&mut Visit) -> T) -> T {
        let mut visits = self.visits.lock().unwrap_or_else(PoisonError::into_inner);
        named(headers).and_then(|name| visits.get_mut(name)).map(look).unwrap_or_default()
    }

    fn keep(&self, headers: &HeaderMap, result: Result<Brought, String>) {
        self.with(headers, |visit| match result {
            Ok(brought) => visit.brought = Some(brought),
            Err(refused) => *visit = Visit { refused: Some(refused), ..Visit::default() },
        });
    }
}

fn named(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get(COOKIE)?.to_str().ok()?;
    let mut pairs = cookies.split(';').filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == NAME).map(|(_, value)| value)
}

fn called(person: &Value) -> String {
    let text = |name: &str| person.get(name).and_then(Value::as_str).map(str::to_owned);
    text("name").or_else(|| text("preferred_username")).or_else(|| text("sub")).unwrap_or_default()
}

fn shown(brought: &Brought) -> Vec<Shown> {
    let id_token = brought.id_token.as_ref().map(|token| ("ID token", "Who signed in, for this app alone. Verified by its signature, issuer, audience and nonce.", token));
    let access = (
        "Access token",
        "What this app may do, for resource servers: they verify it with the issuer's public keys and ask nobody.",
        &brought.access_token,
    );
    let apart = |(name, about, token): (&'static str, &'static str, &String)| {
        let mut parts = token.split('.').map(decoded);
        Shown {
            name,
            about,
            raw: token.clone(),
            head: parts.next().unwrap_or_default(),
            claims: parts.next().unwrap_or_default(),
        }
    };
    id_token.into_iter().chain([access]).map(apart).collect()
}

fn decoded(part: &str) -> String {
    let bytes = URL_SAFE_NO_PAD.decode(part).unwrap_or_default();
    serde_json::from_slice(&bytes).map(|value: Value| pretty(&value)).unwrap_or_default()
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}
