//! `acr`: the strength of an authentication.

use super::wire::wire_enum;

wire_enum! {
    /// `acr`: how strong an authentication is, OpenID Connect Core §2. A greater one is stronger.
    #[derive(Default, PartialOrd, Ord)]
    Acr {
        /// One factor was proven.
        #[default]
        One = "1",
        /// Two factors were proven, or a passkey with user verification.
        Two = "2",
        /// A factor was proven that cannot be phished: OpenID Connect Extended Authentication
        /// Profile ACR Values §2.
        PhishingResistant = "phr",
    }
}
