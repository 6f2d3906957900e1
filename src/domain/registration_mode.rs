//! Whether apps register themselves.

use super::wire::wire_enum;

wire_enum! {
    /// Who may register an app.
    #[derive(Default)]
    RegistrationMode {
        /// Nobody but operators.
        #[default]
        Off = "off",
        /// Whoever has a token of `mapae client registration-token`.
        Token = "token",
        /// Anybody.
        Open = "open",
    }
}
