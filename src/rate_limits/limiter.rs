//! Counts the requests of addresses, clients and accounts: in Redis if there is one that answers,
//! else in the database. Each of them counts for itself. If Redis is lost, the database begins with
//! what it has, so once as many requests as the limit more are allowed, and nobody is refused for it.

use std::net::IpAddr;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::bucket::Bucket;
use super::in_database::{self, InDatabase};
use super::in_redis::InRedis;
use super::rate::Rate;
use super::settings::RateLimits;
use crate::domain::address::neighbourhood;
use crate::domain::client::{Client, ClientId, ClientKind};
use crate::domain::clock::Clock;
use crate::domain::person;
use crate::domain::request;
use crate::domain::urls::Issuer;
use crate::domain::user::UserId;
use crate::domain::verdict::Error;
use crate::redis_client::Redis;
use crate::runtime::supervisor::Supervisor;
use crate::store::Store;

/// The parts that a limiter is made from.
#[derive(Debug)]
pub struct RateLimiterParts {
    /// The limits.
    pub limits: RateLimits,
    /// The issuer URL. Issuers that share a Redis are counted apart.
    pub url: Issuer,
    /// The clock.
    pub clock: Clock,
    /// The database.
    pub store: Arc<Store>,
    /// Redis, if there is one.
    pub redis: Option<Redis>,
}

/// Counts requests.
#[derive(Debug)]
pub struct RateLimiter {
    limits: RateLimits,
    url: Issuer,
    in_redis: Option<InRedis>,
    in_database: InDatabase,
}

/// How much one address may make the database keep without a proof: an office behind one address gets
/// on, and a table does not fill.
const UNPROVEN: Rate = Rate::of(120, 120);

/// How often an app may change its own registration, and how often one address may change any.
const CHANGES: Rate = Rate::of(60, 3600);
const CHANGES_AT_ADDRESS: Rate = Rate::of(120, 3600);

/// How many apps strangers may register, and how often all apps together may change their registrations:
/// each leaves something that is kept for weeks.
const REGISTRATIONS_OF_ALL: Rate = Rate::of(1000, 3600);

/// The account that a request is about, and who asks: nobody can use up what others may ask about
/// the same account.
#[derive(Clone, Debug)]
pub enum CountedAccount {
    /// An account, of whose token or code this client speaks.
    Known {
        /// The account.
        user: UserId,
        /// The client.
        client: ClientId,
    },
    /// A name that was typed, whether it belongs to an account or not.
    Typed {
        /// The name.
        name: String,
        /// Where the attempt comes from, as the throttle names it.
        place: String,
    },
}

/// The refusal of a request, because there were too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exceeded {
    /// What there were too many requests of: `address`, `client` or `account`.
    pub of: &'static str,
    /// After so many seconds the next request is allowed.
    pub retry_after: u64,
}

impl RateLimiter {
    /// Starts the worker that counts in the database.
    #[must_use]
    pub fn start(supervisor: &Supervisor, parts: RateLimiterParts) -> Self {
        let RateLimiterParts { limits, url, clock, store, redis } = parts;
        let in_database = in_database::start(supervisor, store, clock);
        Self { limits, url, in_redis: redis.map(InRedis::new), in_database }
    }

    /// Counts a request of this address.
    pub async fn address(&self, address: IpAddr) -> Result<(), Error<Exceeded>> {
        let Some(rate) = self.limits.address else { return Ok(()) };
        self.count("address", &[&neighbourhood(address)], rate).await
    }

    /// Counts a request of this client. Anybody can name a public client, so each place counts for
    /// itself there: otherwise one stranger could keep all its people out.
    pub async fn client(&self, client: &Client) -> Result<(), Error<Exceeded>> {
        let Some(rate) = self.limits.client else { return Ok(()) };
        let id = client.id.as_str();
        let address = request::current().and_then(|request| request.address);
        match (client.kind, address) {
            (ClientKind::Public, Some(address)) => {
                self.count("client", &[id, &neighbourhood(address)], rate).await
            }
            _ => self.count("client", &[id], rate).await,
        }
    }

    /// Counts what anybody may make the database keep at this endpoint without a proof, as public
    /// clients do. This limit has no setting, since it bounds a table.
    pub async fn unproven(
        &self,
        address: IpAddr,
        endpoint: &'static str,
    ) -> Result<(), Error<Exceeded>> {
        self.count("address", &["unproven", endpoint, &neighbourhood(address)], UNPROVEN).await
    }

    /// Counts an app that somebody at this address registers.
    pub async fn registration(
        &self,
        address: IpAddr,
        rate: Option<Rate>,
    ) -> Result<(), Error<Exceeded>> {
        if let Some(rate) = rate {
            self.count("address", &["registration", &neighbourhood(address)], rate).await?;
        }
        self.count("address", &["registrations of all"], REGISTRATIONS_OF_ALL).await
    }

    /// Counts a change of a registration by the app itself.
    pub async fn registration_change(&self, client: &ClientId) -> Result<(), Error<Exceeded>> {
        self.count("client", &["registration", client.as_str()], CHANGES).await?;
        if let Some(address) = request::current().and_then(|request| request.address) {
            let place = neighbourhood(address);
            self.count("address", &["registration change", &place], CHANGES_AT_ADDRESS).await?;
        }
        self.count("client", &["changes of all"], REGISTRATIONS_OF_ALL).await
    }

    /// Whether requests are counted for accounts: only then it is worth to find out whose account it
    /// is.
    #[must_use]
    pub fn counts_accounts(&self) -> bool {
        self.limits.account.is_some()
    }

    /// Counts a request about this account. A name that is typed counts for itself: otherwise people
    /// could learn which names belong to one account.
    pub async fn account(&self, account: &CountedAccount) -> Result<(), Error<Exceeded>> {
        let Some(rate) = self.limits.account else { return Ok(()) };
        match account {
            CountedAccount::Known { user, client } => {
                self.count("account", &["id", user.as_str(), client.as_str()], rate).await
            }
            CountedAccount::Typed { name, place } => {
                let key = person::email_key(name).or_else(|| person::username_key(name));
                let key = key.as_deref().unwrap_or_default();
                self.count("account", &["name", key, place], rate).await
            }
        }
    }

    async fn count(
        &self,
        of: &'static str,
        names: &[&str],
        rate: Rate,
    ) -> Result<(), Error<Exceeded>> {
        let bucket = Bucket { key: key(&[&[self.url.as_str(), of], names].concat()), rate };
        let by_redis = match &self.in_redis {
            Some(redis) => redis.count(&bucket).await,
            None => None,
        };
        let counted = match by_redis {
            Some(counted) => counted,
            None => self.in_database.ask(bucket).await??,
        };
        counted.map_err(|wait| {
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            Error::Refused(Exceeded { of, retry_after: seconds.max(1) })
        })
    }
}

fn key(parts: &[&str]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}
