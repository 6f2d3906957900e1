//! `GET /revocations`: the feed of revocations, by long polling or as server-sent events.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response};
use bytes::Bytes;
use futures_util::stream;

use super::body::Head;
use crate::domain::form::Form;
use crate::domain::reason::Reason;
use crate::domain::revocation::Cursor;
use crate::oauth::error::{Refusal, Result};
use crate::oauth::status::feed::{Follower, Page, cursor, wait};
use crate::oauth::status::measured::{self, Follows};
use crate::web::answer;
use crate::web::shared::Shared;
use crate::web::userinfo::presented;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const EVENT_STREAM: HeaderValue = HeaderValue::from_static("text/event-stream");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
/// A stream says at least this often that it is alive.
const ALIVE: Duration = Duration::from_secs(15);

pub(super) async fn get(State(shared): State<Arc<Shared>>, request: Request) -> Response<Body> {
    let parts = request.into_parts().0;
    let query = parts.uri.query().unwrap_or_default().as_bytes();
    let form = match Form::parse(query) {
        Ok(form) => form,
        Err(bad) => return answer::refusal(&Refusal::from(Reason::from(bad)), None),
    };
    let head = Head::from(parts);
    match respond(shared, &head, &form).await {
        Ok(response) => response,
        error => answer::json::<()>(error.map(drop), None),
    }
}

async fn respond(shared: Arc<Shared>, head: &Head, form: &Form) -> Result<Response<Body>> {
    let follower =
        shared.feed.follower(presented(head, &Form::default())?, head.thumbprint()).await?;
    let streams = accepts_events(head.headers());
    let resumed = head.headers().get(LAST_EVENT_ID).filter(|_| streams);
    // A browser sends the id of the last event when it connects again.
    let after = match resumed.map(|id| id.to_str().unwrap_or_default()) {
        Some(id) => Some(cursor(id)?),
        None => form.get("after").map(cursor).transpose()?,
    };
    let wait = wait(form.get("wait"))?;
    if streams {
        let after = match after {
            Some(after) => {
                // What is not kept any more is said before the stream begins.
                shared.feed.page(&follower, after).await?;
                after
            }
            None => cursor(&shared.feed.beginning()?.next)?,
        };
        return Ok(events(shared, follower, after));
    }
    let Some(after) = after else {
        return Ok(document(&shared.feed.beginning()?));
    };
    let now = shared.feed.page(&follower, after).await?;
    if !now.events.is_empty() || wait.is_zero() {
        return Ok(document(&now));
    }
    Ok(waiting(shared, follower, after, wait))
}

fn accepts_events(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|one| {
        let media_type = one.split(';').next().unwrap_or_default().trim();
        media_type.eq_ignore_ascii_case("text/event-stream")
    })
}

fn document(page: &Page) -> Response<Body> {
    answer::json(Ok(page), None)
}

/// An answer whose body comes later than the deadline of other requests allows.
fn waiting(
    shared: Arc<Shared>,
    follower: Follower,
    after: Cursor,
    wait: Duration,
) -> Response<Body> {
    let waits = measured::Following::Poll.begins();
    let body = stream::once(async move {
        let _waits = waits;
        let is_over = || shared.is_stopping();
        let page = shared.feed.after(&follower, after, wait, is_over).await;
        // A follower that cannot be told goes on from where it was.
        let page = page.unwrap_or_else(|_| Page { events: Vec::new(), next: after.to_string() });
        Ok::<_, Infallible>(Bytes::from(serde_json::to_vec(&page).unwrap_or_default()))
    });
    with_type(Response::new(Body::from_stream(body)), JSON)
}

/// The state of a stream of events.
struct Following {
    shared: Arc<Shared>,
    follower: Follower,
    after: Cursor,
    is_new: bool,
    _waits: Follows,
}

/// Server-sent events (HTML §9.2). The id of each event is the place after it.
fn events(shared: Arc<Shared>, follower: Follower, after: Cursor) -> Response<Body> {
    let waits = measured::Following::Stream.begins();
    let following = Following { shared, follower, after, is_new: true, _waits: waits };
    let body = stream::unfold(following, |mut following: Following| async move {
        let next = following.next().await?;
        Some((Ok::<_, Infallible>(next), following))
    });
    with_type(Response::new(Body::from_stream(Box::pin(body))), EVENT_STREAM)
}

impl Following {
    /// The next part of the stream; `None` when it ends.
    async fn next(&mut self) -> Option<Bytes> {
        if std::mem::take(&mut self.is_new) {
            // The headers leave at once, and the follower has a place to come back to.
            return Some(format!("id: {}\n: from here\n\n", self.after).into());
        }
        let Self { shared, follower, .. } = &*self;
        if shared.is_stopping() || !shared.feed.may_go_on(follower).await {
            return None;
        }
        let is_over = || shared.is_stopping();
        let page = shared.feed.after(follower, self.after, ALIVE, is_over).await.ok()?;
        let next = Cursor::parse(&page.next)?;
        let mut text = String::new();
        for (number, event) in page.events.iter().enumerate() {
            // Only behind the last one everything up to the place was told.
            if number + 1 == page.events.len() {
                text.push_str("id: ");
                text.push_str(&page.next);
                text.push('\n');
            }
            text.push_str("data: ");
            text.push_str(&serde_json::to_string(event).ok()?);
            text.push_str("\n\n");
        }
        if page.events.is_empty() {
            text = format!("id: {next}\n: alive\n\n");
        }
        self.after = next;
        Some(text.into())
    }
}

fn with_type(mut response: Response<Body>, media_type: HeaderValue) -> Response<Body> {
    response.headers_mut().insert(CONTENT_TYPE, media_type);
    response.headers_mut().insert(CACHE_CONTROL, NO_STORE);
    response
}
