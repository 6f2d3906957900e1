//! What was begun is carried to its end, whether or not somebody still waits for the answer.
//!
//! A handler is dropped with its connection. Of a sign-in that would leave half: an attempt that was
//! counted and not decided. So it runs apart from the connection.

use std::future::Future;
use std::panic::resume_unwind;

use tokio::sync::Semaphore;

use crate::domain::request;

/// So much goes on apart from connections at once; what comes beyond lives as long as its own, and
/// connections are bounded.
static ROOM: Semaphore = Semaphore::const_new(2048);

/// Carries work to its end, and answers with it.
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
            // It is answered where every handler's is.
            Ok(panic) => resume_unwind(panic),
            // Nobody cancels it but a runtime that stops.
            Err(_) => std::future::pending().await,
        },
    }
}
