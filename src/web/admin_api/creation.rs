//! Creations: with an `Idempotency-Key` one happens once, however often it is asked for.

use axum::body::Body;
use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::{HeaderName, Response};
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
    /// What is shown now.
    pub(super) now: T,
    /// What is shown to who asks again: the same without a secret.
    pub(super) again: Value,
    /// Where it is.
    pub(super) location: String,
    /// What it is now.
    pub(super) version: Version,
    /// The person, if it is one.
    pub(super) person: Option<UserId>,
}

impl<T: Serialize> Made<T> {
    /// What was made, which has no secret.
    pub(super) fn of(now: T, location: String, version: Version) -> Self {
        let again = serde_json::to_value(&now).unwrap_or_default();
        Self { now, again, location, version, person: None }
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
}

/// An answer that is kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    body: Value,
    location: String,
    etag: String,
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
    let key = key(&parts)?;
    let bytes = received::json_body(&parts, sent).await?;
    let read = received::json(&bytes)?;
    let Some(key) = key else { return make(read).await.map(|made| first(made).into_response()) };
    let keyed = KeyedCreation::new(may, &shared.repeats, &key, (parts.uri.path(), &bytes));
    let (store, clock) = (&shared.flows.store, &shared.flows.clock);
    match keyed.begin(store, clock).await? {
        Creation::New => {}
        Creation::Other => return Err(Reason::IdempotencyKeyReused.into()),
        Creation::Unanswered => return Err(Reason::IdempotencyKeyInUse.into()),
        Creation::Answered(text) => return repeated(&text),
    }
    let made = match make(read).await {
        Ok(made) => made,
        Err(failed) => {
            keyed.refused(store, clock).await?;
            return Err(failed);
        }
    };
    let Made { again, location, version, person, .. } = &made;
    let kept = Kept { body: again.clone(), location: location.clone(), etag: version.etag() };
    if let Ok(text) = serde_json::to_string(&kept) {
        keyed.answered(store, clock, text, person.as_ref()).await?;
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
    Shown::made(made.now, made.location).version(made.version)
}

fn repeated(text: &str) -> ApiResult<Response<Body>> {
    let kept: Kept = serde_json::from_str(text)
        .map_err(|error| Fault::internal("reading a kept answer", error))?;
    let again = Shown::made(kept.body, kept.location);
    Ok(match Version::from_etag(&kept.etag) {
        Some(version) => again.version(version).into_response(),
        None => again.into_response(),
    })
}
