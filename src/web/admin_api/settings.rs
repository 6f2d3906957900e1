//! The settings of the administration.

use chrono::Duration;

use crate::settings::kinds::duration;
use crate::settings::settings;

settings! {
    /// How the administration works.
    #[derive(Clone, Copy, Debug)]
    pub struct AdminSettings in "Administration" {
        /// Keys, roles, secrets and providers are changed only by who has proven who they are not
        /// longer ago than this.
        pub proof_age: Duration = duration("admin.proof_age", Duration::minutes(15)),
    }
}
