//! How long audit events are kept.

use crate::settings::kinds::duration;
use crate::settings::settings;

settings! {
    /// How long audit events are kept.
    #[derive(Clone, Copy, Debug)]
    pub struct Kept in "Audit" {
        /// Audit events are kept for so long.
        pub(super) all: chrono::Duration = duration("audit.retention", chrono::Duration::days(365)),
        /// Failed and throttled sign-ins, and what apps did with their own registration, which anybody can
        /// cause, are kept for so long, and never longer than the others.
        pub(super) failures: chrono::Duration = duration("audit.failures_retention", chrono::Duration::days(30)),
    }
}
