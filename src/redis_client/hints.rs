//! Hints between replicas that something changed which they keep in memory. A hint says nothing
//! else: whoever gets one looks at the database. So a forged hint costs one look, and a lost one
//! costs the time until the next look that is made anyway.

use std::time::Duration;

use futures_util::StreamExt;
use tokio::sync::Notify;
use tokio::time::timeout;

use super::connection::Redis;

/// The longest time for beginning to listen.
const BEGIN: Duration = Duration::from_secs(1);

impl Redis {
    /// Listens to a channel and passes each hint on, for as long as this is awaited. It also passes
    /// one on whenever it began to listen, because it may have missed one before.
    pub async fn listen(&self, channel: &str, hint: &Notify) {
        self.with_each_connection(|| self.pass_on(channel, hint)).await;
    }

    /// Does this with each connection, and again a moment after it came to an end, for as long as it is
    /// awaited.
    pub(super) async fn with_each_connection<F: Future<Output = ()>>(&self, work: impl Fn() -> F) {
        let mut connections = self.connections();
        loop {
            // A server whose connection ended has forgotten who listened.
            let answers = connections.wait_for(Option::is_some).await.map(|number| *number);
            let Ok(number) = answers else { return };
            let over = async { drop(connections.wait_for(|now| *now != number).await) };
            tokio::select! {
                () = over => {}
                () = work() => tokio::time::sleep(BEGIN).await,
            }
        }
    }

    async fn pass_on(&self, channel: &str, hint: &Notify) {
        let begin = async {
            let mut listener = self.client().get_async_pubsub().await?;
            listener.subscribe(channel).await?;
            Ok::<_, redis::RedisError>(listener)
        };
        let Ok(Ok(listener)) = timeout(BEGIN, begin).await else { return };
        hint.notify_one();
        let mut messages = listener.into_on_message();
        while messages.next().await.is_some() {
            hint.notify_one();
        }
    }
}
