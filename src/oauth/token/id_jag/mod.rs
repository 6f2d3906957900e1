//! Identity assertion grants (ID-JAG, draft-ietf-oauth-identity-assertion-authz-grant): this server makes
//! them for other authorization servers, and takes those of issuers that the operator trusts.

pub mod issuing;
pub mod redeeming;

use crate::settings::kinds::flag;
use crate::settings::settings;

settings! {
    /// Identity assertion grants between authorization servers (ID-JAG, a draft of the IETF).
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct IdJagSettings in "Identity assertion grants" {
        /// This server makes grants with which a client acts for a person at another authorization server
        /// (`mapae client id-jag`), and takes those of issuers that a client may show (`mapae client
        /// trust-id-jag`). The client sees the person's `sub` at the other server, and an address if the
        /// person gave it `email`.
        pub enabled: bool = flag("id_jag.enabled", false),
    }
}
