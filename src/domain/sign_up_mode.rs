//! Who may make an account, and what its user name is.

use super::wire::wire_enum;

wire_enum! {
    /// Who may make an account.
    SignUpMode {
        /// Nobody but those whom the operator invites.
        Closed = "closed",
        /// Everybody.
        Open = "open",
        /// The same as `closed`, and the sign-in page says that an account needs an invitation.
        Invite = "invite",
    }
}

wire_enum! {
    /// What the user name of a person is who makes an account.
    UsernameMode {
        /// The address that they have proven.
        Address = "address",
        /// A name that they choose.
        Ask = "ask",
    }
}
