//! `/keys`: the signing keys, without their private halves.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::caller::Caller;
use super::paging::{Page, Paging};
use super::problem::{ApiResult, Failed, Problem};
use super::received::{Named, Parameters, Sent};
use super::shown::{Shown, done};
use crate::admin::authority::{ChangeKeys, ReadKeys};
use crate::admin::keys::{self, DescribedKey, KeyFetcher};
use crate::domain::client::TokenAlg;
use crate::domain::reason::Reason;
use crate::web::shared::Shared;

/// A signing key.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Key {
    /// The RFC 7638 thumbprint of its public half.
    kid: String,
    /// The algorithm.
    alg: &'static str,
    /// `pending`, `signing`, `retiring` …: where it is in its life.
    #[serde(skip_serializing_if = "Option::is_none")]
    phase: Option<&'static str>,
    /// When it was made.
    created_at: DateTime<Utc>,
    /// From when on it signs.
    signs_from: DateTime<Utc>,
}

impl From<DescribedKey> for Key {
    fn from(key: DescribedKey) -> Self {
        Self {
            kid: key.kid,
            alg: key.alg.as_str(),
            phase: None,
            created_at: key.created_at,
            signs_from: key.signs_from,
        }
    }
}

/// A program that fetched the public keys in the last 30 days.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Fetcher {
    /// The name that it gives itself: `User-Agent`.
    agent: String,
    /// The keys that it fetched last.
    kids: Vec<String>,
    /// When it did.
    last: DateTime<Utc>,
}

impl From<KeyFetcher> for Fetcher {
    fn from(one: KeyFetcher) -> Self {
        Self { agent: one.agent, kids: one.kids, last: one.last_at }
    }
}

/// How keys are replaced.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Rotation {
    /// Only the keys of this algorithm.
    alg: Option<String>,
    /// They sign at once and not only after everybody had the time to fetch them.
    now: bool,
}

/// The keys, the oldest first
#[utoipa::path(get, path = "/keys", tag = "keys", responses((status = 200, body = Page<Key>)))]
pub(super) async fn list(
    Caller(may): Caller<ReadKeys>,
    State(shared): State<Arc<Shared>>,
) -> ApiResult<Shown<Page<Key>>> {
    let every = keys::list(&may, &shared.keyring)?;
    let of = |(key, phase): (DescribedKey, crate::keys::ring::Phase)| Key {
        phase: Some(phase.as_str()),
        ..key.into()
    };
    Ok(Shown::of(Page { items: every.into_iter().map(of).collect(), next: None }))
}

/// The programs that fetched the public keys, by name, page by page: a key that one of them has not
/// fetched is new to it
#[utoipa::path(get, path = "/keys/fetchers", tag = "keys", params(Paging), responses(
    (status = 200, body = Page<Fetcher>), (status = 400, body = Problem),
))]
pub(super) async fn fetchers(
    Caller(may): Caller<ReadKeys>,
    State(shared): State<Arc<Shared>>,
    Parameters(asked): Parameters<Paging>,
) -> ApiResult<Shown<Page<Fetcher>>> {
    let every = keys::fetchers(&may, &shared.flows.store).await?;
    let items = every.into_iter().map(Fetcher::from).collect();
    Ok(Shown::of(asked.page(items, |one: &Fetcher| one.agent.clone())?))
}

/// Make new keys, which sign after the lead time
#[utoipa::path(post, path = "/keys/rotate", tag = "keys", request_body = Rotation, responses(
    (status = 200, body = Page<Key>), (status = 422, body = Problem),
))]
pub(super) async fn rotate(
    Caller(may): Caller<ChangeKeys>,
    State(shared): State<Arc<Shared>>,
    Sent(sent): Sent<Rotation>,
) -> ApiResult<Shown<Page<Key>>> {
    let alg = sent.alg.as_deref().map(str::parse::<TokenAlg>).transpose();
    let alg = alg.map_err(|why| Failed::because(Reason::AdminInvalid, why))?;
    let made = keys::rotate(&may, &shared.keyring, alg, sent.now).await?;
    Ok(Shown::of(Page { items: made.into_iter().map(Key::from).collect(), next: None }))
}

/// Delete a key for good: every token that it signed is refused from now on
#[utoipa::path(delete, path = "/keys/{kid}", tag = "keys", params(("kid" = String, Path)),
    responses((status = 204), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub(super) async fn drop(
    Caller(may): Caller<ChangeKeys>,
    State(shared): State<Arc<Shared>>,
    Named(kid): Named<String>,
) -> ApiResult<StatusCode> {
    keys::drop(&may, &shared.keyring, &kid).await?;
    Ok(done())
}
