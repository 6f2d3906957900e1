//! Requests that come at a fixed rate, whether the earlier ones are answered or not.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::load::{Ask, Connection, Measured, Target, Usage, Window, micros, summary};
use crate::process;

/// Asks so often, on as many connections as there are asks. What finds every connection taken waits
/// for one, and the wait counts. The processor time is not measured: other requests share it.
pub(crate) async fn stream(
    target: Target,
    asks: Vec<Box<dyn Ask>>,
    per_second: f64,
    window: Window,
) -> Result<Measured, String> {
    let mut connections = Vec::with_capacity(asks.len());
    for ask in asks {
        let connection = Connection::open(target.address).await;
        connections.push((connection.map_err(|error| error.to_string())?, ask));
    }
    let (send, due) = mpsc::unbounded_channel::<Instant>();
    let due = Arc::new(Mutex::new(due));
    let start = Instant::now();
    let counted = window.start();
    let mut tasks = JoinSet::new();
    for (mut connection, mut ask) in connections {
        let (due, counted) = (Arc::clone(&due), counted.clone());
        tasks.spawn(async move {
            let mut latencies = Vec::new();
            loop {
                // The lock is free again before the request is sent.
                let next = due.lock().await.recv().await;
                let Some(came) = next else { return Ok::<_, String>(latencies) };
                connection.ask(&mut *ask).await?;
                if counted.contains(&came) {
                    latencies.push(micros(came.elapsed()));
                }
            }
        });
    }
    for number in 0_u32.. {
        let next = start + Duration::from_secs_f64(f64::from(number) / per_second);
        if next >= counted.end {
            break;
        }
        sleep_until(next).await;
        // The timer is not exact: the time before this is our own.
        if send.send(Instant::now()).is_err() {
            break;
        }
    }
    drop(send);
    let rss = process::rss(target.pid);
    let mut latencies = Vec::new();
    while let Some(done) = tasks.join_next().await {
        latencies.extend(done.unwrap()?);
    }
    let measured = summary(latencies, window.length, &Usage::default())?;
    Ok(Measured { cpu: f64::NAN, own_cpu: f64::NAN, rss, ..measured })
}
