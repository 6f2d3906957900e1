//! One connection to Redis, and whether Redis answers. Nobody waits for a Redis that does not: the
//! first request that gets no answer in time gives the connection up, and those after it do not
//! ask. A job asks Redis again and again, and makes a new connection as soon as it answers.

use std::fmt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, PoisonError, RwLock};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, RedisError, RedisResult, TlsCertificates, cmd};
use tokio::sync::watch;
use tokio::time::timeout;

use super::server_url::RedisServer;

/// The longest time for an answer of Redis.
pub(super) const ANSWER: Duration = Duration::from_millis(500);
/// The longest time for making a connection.
pub(super) const CONNECT: Duration = Duration::from_secs(1);
/// The row that is written to see whether Redis can be written to.
const PROBE: &str = "mapae:probe";

/// A connection to Redis. Clones are the same connection.
#[derive(Clone)]
pub struct Redis(Arc<Inner>);

struct Inner {
    client: Client,
    shown: String,
    link: RwLock<Option<Link>>,
    /// The number of the last connection. `None`: Redis does not answer.
    up: watch::Sender<Option<u64>>,
    /// How many connections were made.
    made: AtomicU64,
    /// Whether the log already says that Redis does not answer.
    is_said: AtomicBool,
}

#[derive(Clone)]
pub(super) struct Link {
    number: u64,
    pub(super) connection: MultiplexedConnection,
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Redis").field(&self.0.shown).finish()
    }
}

/// A script that Redis runs as one step.
#[derive(Debug)]
pub struct Script(pub(super) redis::Script);

impl Script {
    /// A script in Lua.
    #[must_use]
    pub fn new(code: &str) -> Self {
        Self(redis::Script::new(code))
    }
}

/// Redis did not answer, or could not do what it was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IsDown;

impl Redis {
    /// A client of this server, which is not connected yet. The certificate of the server comes
    /// from an authority of this file, or without one of the system. The error is for the operator.
    pub fn new(server: &RedisServer, ca_file: Option<&Path>) -> Result<Self, String> {
        let wrong = |error: RedisError| format!("redis.url: {error}");
        let url = server.url();
        let client = match ca_file.filter(|_| server.is_tls()) {
            Some(file) => {
                let own = std::fs::read(file)
                    .map_err(|error| format!("outbound.ca_file: {}: {error}", file.display()))?;
                let trusted = TlsCertificates { client_tls: None, root_cert: Some(own) };
                Client::build_with_tls(url, trusted)
            }
            None => Client::open(url),
        };
        let inner = Inner {
            client: client.map_err(wrong)?,
            shown: server.shown().to_owned(),
            link: RwLock::default(),
            up: watch::Sender::new(None),
            made: AtomicU64::new(0),
            is_said: AtomicBool::new(false),
        };
        show_up(false);
        Ok(Self(Arc::new(inner)))
    }

    /// Looks whether Redis answers. Makes a connection if there is none.
    pub async fn look(&self) {
        match self.link() {
            Some(link) => {
                let asked = in_time(ANSWER, probe(link.connection.clone())).await;
                if let Err(why) = asked {
                    self.gives_up(link.number, &why);
                }
            }
            None => match in_time(CONNECT, self.connect()).await {
                Ok(connection) => self.is_there(connection),
                Err(why) => self.say_down(&why),
            },
        }
    }

    async fn connect(&self) -> RedisResult<MultiplexedConnection> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT))
            .set_response_timeout(Some(ANSWER));
        let connection =
            self.0.client.get_multiplexed_async_connection_with_config(&config).await?;
        probe(connection.clone()).await?;
        Ok(connection)
    }

    /// Runs a script on one key. The error says that Redis does not answer.
    pub async fn run(&self, script: &Script, key: &str, numbers: &[i64]) -> Result<i64, IsDown> {
        let mut call = script.0.key(key);
        call.arg(numbers);
        self.ask(|mut connection| async move { call.invoke_async(&mut connection).await }).await
    }

    /// Sends an empty message to all who listen to this channel. A message that is lost is no reason
    /// to give up what counts.
    pub async fn publish(&self, channel: &str) -> Result<(), IsDown> {
        let Some(mut link) = self.link() else { return Err(IsDown) };
        let mut call = cmd("PUBLISH");
        call.arg(channel).arg("");
        let sent = in_time(ANSWER, call.exec_async(&mut link.connection)).await;
        sent.map_err(|why| {
            tracing::debug!(redis = self.0.shown, why, "a hint was not sent");
            IsDown
        })
    }

    async fn ask<T, F>(
        &self,
        question: impl FnOnce(MultiplexedConnection) -> F,
    ) -> Result<T, IsDown>
    where
        F: Future<Output = RedisResult<T>>,
    {
        let Some(link) = self.link() else { return Err(IsDown) };
        let answer = in_time(ANSWER, question(link.connection)).await;
        answer.map_err(|why| {
            self.gives_up(link.number, &why);
            IsDown
        })
    }

    /// The number of the connection that is in use. `None`: Redis does not answer.
    #[must_use]
    pub fn connection(&self) -> Option<u64> {
        *self.0.up.borrow()
    }

    /// The number of the connection that is in use, as it changes. `None`: Redis does not answer.
    pub(super) fn connections(&self) -> watch::Receiver<Option<u64>> {
        self.0.up.subscribe()
    }

    pub(super) fn client(&self) -> &Client {
        &self.0.client
    }

    pub(super) fn link(&self) -> Option<Link> {
        self.0.link.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn is_there(&self, connection: MultiplexedConnection) {
        let mut link = self.0.link.write().unwrap_or_else(PoisonError::into_inner);
        let number = self.0.made.fetch_add(1, Ordering::Relaxed);
        *link = Some(Link { number, connection });
        self.0.up.send_replace(Some(number));
        show_up(true);
        self.0.is_said.store(false, Ordering::SeqCst);
        tracing::info!(redis = self.0.shown, "redis answers");
    }

    /// Says once that Redis does not answer, also if it never did.
    fn say_down(&self, why: &str) {
        if !self.0.is_said.swap(true, Ordering::SeqCst) {
            tracing::warn!(redis = self.0.shown, why, "redis does not answer: the database counts");
        }
    }

    /// Stops using a connection, unless another one has taken its place.
    fn gives_up(&self, number: u64, why: &str) {
        let mut link = self.0.link.write().unwrap_or_else(PoisonError::into_inner);
        if link.as_ref().is_some_and(|link| link.number == number) {
            *link = None;
            self.0.up.send_replace(None);
            show_up(false);
            self.say_down(why);
        }
    }
}

/// Writes by a script, because a Redis that is full or read-only, or that runs no scripts for this
/// user, is of no use.
async fn probe(mut connection: MultiplexedConnection) -> RedisResult<()> {
    static WRITE: LazyLock<redis::Script> =
        LazyLock::new(|| redis::Script::new("return redis.call('SET', KEYS[1], '1', 'PX', 1000)"));
    let call = WRITE.key(PROBE);
    call.invoke_async::<()>(&mut connection).await
}

pub(super) async fn in_time<T>(
    limit: Duration,
    answer: impl Future<Output = RedisResult<T>>,
) -> Result<T, String> {
    match timeout(limit, answer).await {
        Ok(answer) => answer.map_err(|error| error.to_string()),
        Err(_) => Err("it took too long".to_owned()),
    }
}

fn show_up(is_up: bool) {
    metrics::gauge!("mapae_redis_up").set(u8::from(is_up));
}
