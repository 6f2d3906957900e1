//! What an operator decides about Redis.

use super::server_url::{self, RedisServer};
use crate::settings::{group, settings};

settings! {
    /// What an operator decides about Redis.
    #[derive(Clone, Debug)]
    pub struct RedisSettings in "Redis" {
        /// The server. `None`: there is no Redis.
        pub server: Option<RedisServer> = group(server_url::read),
    }
}
