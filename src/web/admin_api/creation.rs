//! Creations: with an `Idempotency-Key` one happens once, however often it is asked for.

use axum::body::Body;
use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderName, Response, StatusCode};
use axum::response::IntoResponse;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::problem::{ApiResult, Failed};
use super::received;
use super::shown::Shown;
use crate::admin::authority::{May, Right};
use crate::admin::repeats::{Creation, KeyedCreation};
use crate::domain::reason::Reason;
use crate::domain::user::UserId;
use crate::domain::verdict::Fault;
use crate::domain::version::Version;
use crate::web::shared::Shared;

const KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// The longest key.
const LONGEST: usize = 255;

/// What was made.
pub(super) struct Made<T> {
    /// The status of the answer.
    status: StatusCode,
    /// What is shown now.
    now: T,
    /// What is shown to who asks again: the same without a secret.
    again: Value,
    /// Where it is and what it is now, if it has a place.
    place: Option<(String, Version)>,
    /// The person, if it is one.
    person: Option<UserId>,
}

impl<T: Serialize> Made<T> {
    /// What was made, which has no secret.
    pub(super) fn of(now: T, location: String, version: Version) -> Self {
        Self { place: Some((location, version)), ..Self::answered(StatusCode::CREATED, now) }
    }

    /// The answer to what was done once and is to be found nowhere.
    pub(super) fn answered(status: StatusCode, now: T) -> Self {
        let again = serde_json::to_value(&now).unwrap_or_default();
        Self { status, now, again, place: None, person: None }
    }

    /// It is this person: what is kept of the answer goes with their account.
    pub(super) fn person(mut self, id: &UserId) -> Self {
        self.person = Some(id.clone());
        self
    }

    /// What is shown to who asks again.
    pub(super) fn again(mut self, again: &impl Serialize) -> Self {
        self.again = serde_json::to_value(again).unwrap_or_default();
        self
    }

    fn kept(&self) -> Kept {
        let (location, etag) = self
            .place
            .as_ref()
            .map(|(location, version)| (location.clone(), version.etag()))
            .unzip();
        let status = self.status.as_u16();
        Kept { status: Some(status), body: self.again.clone(), location, etag }
    }
}

/// An answer that is kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    /// Without one it is 201.
    status: Option<u16>,
    body: Value,
    location: Option<String>,
    etag: Option<String>,
}

/// Makes something, or repeats the answer to the first request with the same key.
pub(super) async fn once<R: Right, B: DeserializeOwned, T: Serialize, F>(
    shared: &Shared,
    may: &May<R>,
    request: Request,
    make: impl FnOnce(B) -> F,
) -> ApiResult<Response<Body>>
where
    F: Future<Output = ApiResult<Made<T>>>,
{
    let (parts, sent) = request.into_parts();
    let bytes = received::json_body(&parts, sent).await?;
    let read = received::json(&bytes)?;
    once_with(shared, may, (&parts, &bytes), || make(read)).await
}

/// The same for a request whose body was read.
pub(super) async fn once_with<R: Right, T: Serialize, F>(
    shared: &Shared,
    may: &May<R>,
    (parts, body): (&Parts, &[u8]),
    make: impl FnOnce() -> F,
) -> ApiResult<Response<Body>>
where
    F: Future<Output = ApiResult<Made<T>>>,
{
    let Some(key) = key(parts)? else {
        return make().await.map(|made| first(made).into_response());
    };
    let what = parts.uri.path_and_query().map_or("", PathAndQuery::as_str);
    let keyed = KeyedCreation::new(may, &shared.repeats, &key, (what, body));
    let (store, clock) = (&shared.flows.store, &shared.flows.clock);
    match keyed.begin(store, clock).await? {
        Creation::New => {}
        Creation::Other => return Err(Reason::IdempotencyKeyReused.into()),
        Creation::Unanswered => return Err(Reason::IdempotencyKeyInUse.into()),
        Creation::Answered(text) => return repeated(&text),
    }
    let made = match make().await {
        Ok(made) => made,
        Err(failed) => {
            keyed.refused(store, clock).await?;
            return Err(failed);
        }
    };
    if let Ok(text) = serde_json::to_string(&made.kept()) {
        // It is made: whoever repeats the request is told that it was not answered yet.
        if let Err(fault) = keyed.answered(store, clock, text, made.person.as_ref()).await {
            tracing::error!(%fault, "the answer is not kept for a repeated request");
        }
    }
    Ok(first(made).into_response())
}

fn key(parts: &Parts) -> ApiResult<Option<Vec<u8>>> {
    let mut given = parts.headers.get_all(KEY).iter();
    match (given.next(), given.next()) {
        (None, _) => Ok(None),
        (Some(key), None) if (1..=LONGEST).contains(&key.len()) => {
            Ok(Some(key.as_bytes().to_vec()))
        }
        _ => Err(Failed::because(
            Reason::AdminQueryMalformed,
            "Idempotency-Key stands once and has 1 to 255 characters",
        )),
    }
}

fn first<T: Serialize>(made: Made<T>) -> Shown<T> {
    let shown = Shown::of(made.now).status(made.status);
    match made.place {
        Some((location, version)) => shown.location(location).version(version),
        None => shown,
    }
}

fn repeated(text: &str) -> ApiResult<Response<Body>> {
    let kept: Kept = serde_json::from_str(text)
        .map_err(|error| Fault::internal("reading a kept answer", error))?;
    let status = kept.status.and_then(|status| StatusCode::from_u16(status).ok());
    let mut again = Shown::of(kept.body).status(status.unwrap_or(StatusCode::CREATED));
    if let Some(location) = kept.location {
        again = again.location(location);
    }
    if let Some(version) = kept.etag.as_deref().and_then(Version::from_etag) {
        again = again.version(version);
    }
    Ok(again.into_response())
}
