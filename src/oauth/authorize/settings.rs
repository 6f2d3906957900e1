//! The settings of authorization requests.

use crate::settings::kinds::flag;
use crate::settings::settings;

settings! {
    /// How authorization requests have to come.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct RequestSettings in "Authorization requests" {
        /// Every client has to push its authorization requests to `/par` (RFC 9126). Without it only
        /// those do that are registered with `--require-pushed-authorization-requests`.
        pub pushed_alone: bool = flag("par.required", false),
    }
}
