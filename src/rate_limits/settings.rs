//! What an operator decides about the limits of requests.

use super::rate::{Rate, rate};
use crate::settings::settings;

settings! {
    /// The limits of requests.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct RateLimits in "Requests" {
        /// How many requests one address (IPv6: /64) may send to `/token`, `/par`, `/device_authorization`,
        /// `/authorize-challenge`, `/introspect` and `/revoke` together: `30/1m` are 30 at once, and one more every two seconds.
        /// The answer to others is 429 with `Retry-After`. It is counted in Redis, or in the database.
        pub address: Option<Rate> = rate("rate_limit.address", None),
        /// The same for one client, after it was authenticated. Anybody can name a public client, so
        /// there each address (IPv6: /64) has its own.
        pub client: Option<Rate> = rate("rate_limit.client", None),
        /// The same for one account: that of a token or a code, for each client; where a password is
        /// sent, the name that is typed, for each place. Revocations are not counted.
        pub account: Option<Rate> = rate("rate_limit.account", None),
    }
}
