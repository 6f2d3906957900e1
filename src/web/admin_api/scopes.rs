//! `/scopes`: scopes with words, which the consent page says.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::caller::Caller;
use super::creation::{Made, once};
use super::paging::{Page, Paging};
use super::problem::{ApiResult, Failed, Problem};
use super::received::{Named, Parameters, Seen, Sent};
use super::shown::{Shown, done, location};
use crate::admin::authority::{ChangeClients, ReadClients};
use crate::admin::scopes::{self, Target};
use crate::domain::language::{LANGUAGES, Language};
use crate::domain::reason::Reason;
use crate::domain::scope_words::ScopeWords;
use crate::web::shared::Shared;

/// A scope with words.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DescribedScope {
    /// The scope.
    name: String,
    /// What an app may do with it, by the tag of the language: `en`, `ko`.
    texts: BTreeMap<String, String>,
    /// When it got words.
    created_at: DateTime<Utc>,
}

impl From<&ScopeWords> for DescribedScope {
    fn from(words: &ScopeWords) -> Self {
        Self { name: words.name.clone(), texts: words.texts.clone(), created_at: words.created_at }
    }
}

/// A scope that gets words.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewScope {
    /// The scope.
    name: String,
    /// What an app may do with it, by the tag of the language: `en`, `ko`.
    texts: BTreeMap<String, String>,
}

/// Other words.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ScopeChange {
    /// The words to replace, by the tag of the language; those in other languages stay.
    texts: BTreeMap<String, String>,
}

/// Words in languages that the pages have.
fn known(texts: BTreeMap<String, String>) -> ApiResult<BTreeMap<String, String>> {
    let tags = || LANGUAGES.iter().map(Language::as_str);
    let refused = if texts.is_empty() {
        Some("give the words in one language at least".to_owned())
    } else {
        let unknown = texts.keys().find(|tag| !tags().any(|known| known == tag.as_str()));
        let every = tags().collect::<Vec<_>>().join(", ");
        unknown.map(|tag| format!("the pages are not in {tag:?}; they are in {every}"))
    };
    match refused {
        Some(why) => Err(Failed::because(Reason::AdminInvalid, why)),
        None => Ok(texts),
    }
}

fn shown(words: &ScopeWords) -> Shown<DescribedScope> {
    Shown::of(DescribedScope::from(words)).version(scopes::version(words))
}

/// Scopes with words in the order of their names, page by page
#[utoipa::path(get, path = "/scopes", tag = "scopes", params(Paging), responses(
    (status = 200, body = Page<DescribedScope>), (status = 400, body = Problem),
))]
pub(super) async fn list(
    Caller(may): Caller<ReadClients>,
    State(shared): State<Arc<Shared>>,
    Parameters(asked): Parameters<Paging>,
) -> ApiResult<Shown<Page<DescribedScope>>> {
    let (limit, store) = (asked.limit()?, &*shared.flows.store);
    let page = scopes::list(&may, store, asked.after(), limit).await?;
    let items = page.scopes.iter().map(DescribedScope::from).collect();
    Ok(Shown::of(Page { items, next: page.next }))
}

/// Give a scope words
#[utoipa::path(post, path = "/scopes", tag = "scopes",
    params(("Idempotency-Key" = Option<String>, Header)), request_body = NewScope, responses(
        (status = 201, body = DescribedScope, headers(("Location" = String), ("ETag" = String))),
        (status = 409, body = Problem), (status = 422, body = Problem),
    ))]
pub(super) async fn create(
    Caller(may): Caller<ChangeClients>,
    State(shared): State<Arc<Shared>>,
    request: Request,
) -> ApiResult<Response<Body>> {
    once(&shared, &may, request, async |new: NewScope| {
        let (store, clock) = (&shared.flows.store, &shared.flows.clock);
        let made = scopes::create(&may, store, clock, &new.name, known(new.texts)?).await?;
        let location = location(&shared, &["scopes", &made.name]);
        Ok(Made::of(DescribedScope::from(&made), location, scopes::version(&made)))
    })
    .await
}

/// The words of one scope
#[utoipa::path(get, path = "/scopes/{name}", tag = "scopes", params(("name" = String, Path)),
    responses(
        (status = 200, body = DescribedScope, headers(("ETag" = String))),
        (status = 404, body = Problem),
    ))]
pub(super) async fn show(
    Caller(may): Caller<ReadClients>,
    State(shared): State<Arc<Shared>>,
    Named(name): Named<String>,
) -> ApiResult<Shown<DescribedScope>> {
    Ok(shown(&scopes::find(&may, &*shared.flows.store, &name).await?))
}

/// Change the words of a scope
#[utoipa::path(patch, path = "/scopes/{name}", tag = "scopes",
    params(("name" = String, Path), ("If-Match" = String, Header)), request_body = ScopeChange,
    responses(
        (status = 200, body = DescribedScope, headers(("ETag" = String))),
        (status = 404, body = Problem), (status = 412, body = Problem),
        (status = 422, body = Problem), (status = 428, body = Problem),
    ))]
pub(super) async fn change(
    Caller(may): Caller<ChangeClients>,
    State(shared): State<Arc<Shared>>,
    Named(name): Named<String>,
    seen: Seen,
    Sent(sent): Sent<ScopeChange>,
) -> ApiResult<Shown<DescribedScope>> {
    let (store, clock) = (&shared.flows.store, &shared.flows.clock);
    let target = Target { name: &name, version: seen.0.as_ref() };
    Ok(shown(&scopes::update(&may, store, clock, target, known(sent.texts)?).await?))
}

/// Take the words of a scope away. The scope itself goes on counting
#[utoipa::path(delete, path = "/scopes/{name}", tag = "scopes",
    params(("name" = String, Path), ("If-Match" = String, Header)), responses(
        (status = 204), (status = 404, body = Problem), (status = 412, body = Problem),
        (status = 428, body = Problem),
    ))]
pub(super) async fn delete(
    Caller(may): Caller<ChangeClients>,
    State(shared): State<Arc<Shared>>,
    Named(name): Named<String>,
    seen: Seen,
) -> ApiResult<StatusCode> {
    let (store, clock) = (&shared.flows.store, &shared.flows.clock);
    let target = Target { name: &name, version: seen.0.as_ref() };
    scopes::delete(&may, store, clock, target).await?;
    Ok(done())
}
