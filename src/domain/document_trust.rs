//! Whose client ID metadata documents are taken.

use super::wire::wire_enum;

wire_enum! {
    /// Whose documents are taken.
    #[derive(Default)]
    DocumentTrust {
        /// Nobody's: every client is registered.
        #[default]
        None = "none",
        /// Those of the hosts that are listed.
        Listed = "listed",
        /// Those of any host.
        Any = "any",
    }
}
