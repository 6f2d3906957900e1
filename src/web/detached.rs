//! Runs a request's work in a task of its own, so that it finishes even when the client closes the
//! connection.
//!
//! A handler is dropped together with its connection. A sign-in would then stop halfway: the
//! attempt would be counted, but never decided.

use std::future::Future;
use std::panic::resume_unwind;

use tokio::sync::Semaphore;

use crate::domain::request;

/// The most tasks that run at once apart from their connections. Work beyond that runs inside its
/// connection; the number of connections is bounded.
static ROOM: Semaphore = Semaphore::const_new(2048);

/// Runs the work in a task of its own and returns its result.
pub(super) async fn to_its_end<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> T {
    let Ok(room) = ROOM.try_acquire() else { return work.await };
    let work = async move {
        let done = work.await;
        drop(room);
        done
    };
    match tokio::spawn(request::carried(work)).await {
        Ok((done, became)) => {
            request::continue_as(became);
            done
        }
        Err(error) => match error.try_into_panic() {
            // The panic continues in the handler, and the edge answers it like every other one.
            Ok(panic) => resume_unwind(panic),
            // The task is cancelled only when the runtime stops.
            Err(_) => std::future::pending().await,
        },
    }
}
