//! The settings of status lists.

use chrono::Duration;

use crate::settings::kinds::{duration_in, whole};
use crate::settings::settings;

settings! {
    /// How status lists are made and how long they count.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct StatusListSettings in "Status lists" {
        /// Resource servers may use a status list for so long before they fetch it again: a second
        /// and this time after a revocation, no verifier that polls accepts the token. A list
        /// expires after four times as long.
        pub ttl: Duration = duration_in("status_list.ttl", 2..=600, Duration::seconds(15)),
        /// A new status list has room for so many tokens of people and clients. When it is full, the
        /// next one begins. A list of the usual size has 128 KiB before it is compressed.
        pub entries: u32 = whole("status_list.entries", 16..=8_388_608, 1_048_576),
    }
}
