//! How connections to Postgres servers are made.

use sqlx::ConnectOptions as _;

use super::options::Options;
use super::place;
use super::pool::{How, Target};
use super::statement::{STATEMENT_CACHE, limits};

/// The servers of a place, and the options to connect to them.
pub(super) fn target(place: &place::Postgres, options: &Options) -> Target {
    for name in &place.unused {
        tracing::warn!(parameter = name, "this parameter of the database URL is not used");
    }
    Target::Postgres(Box::new(self::options(place, options)), place.hosts.clone(), place.must_write)
}

pub(super) fn options(
    place: &place::Postgres,
    options: &Options,
) -> sqlx::postgres::PgConnectOptions {
    let connect = place.options.clone().disable_statement_logging();
    if !options.prepared_statements {
        // A pooler refuses start parameters that it does not keep for each client.
        return connect.extra_float_digits(None).statement_cache_capacity(0);
    }
    // The server notices when this process is gone, so a dead process does not hold locks for
    // hours.
    let alive = [("tcp_keepalives_idle", 10), ("tcp_keepalives_interval", 5)];
    connect
        .options(limits(&How::new(options), options.statement_timeout))
        .options(alive.map(|(name, seconds)| (name, seconds.to_string())))
        // For single statements; a transaction says it itself.
        .options([("default_transaction_isolation", "read committed")])
        .statement_cache_capacity(STATEMENT_CACHE)
}
