//! The settings of status lists.

use std::path::PathBuf;

use chrono::Duration;

use crate::settings::kinds::{duration_in, optional_path, whole};
use crate::settings::value_type::Holds;
use crate::settings::{Collector, settings};

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

/// Declares and reads where the epoch file is.
pub fn epoch_file(from: &mut Collector) -> Option<PathBuf> {
    from.begin("Status lists");
    from.take(optional_path("status_list.epoch_file", Holds::Written).words(
        "The file in which a server keeps how far revocations and status lists have come. By it a start notices that an older copy of the database was put back, and closes all status lists. The servers must be able to write in its folder, and no copy of the database may bring an older one along. Without it this is `revocations.epoch` beside the master key (`keys_dir`, `master_key_file`) or, where that cannot be written, beside the file of an SQLite database: see [operators.md](operators.md#data).",
    ))
}
