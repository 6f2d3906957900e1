//! What somebody has just done in the console.

use super::wire::wire_enum;

wire_enum! {
    /// What somebody has just done in the console.
    ConsoleNotice {
        /// They proved again who they are.
        Confirmed = "confirmed",
        /// A change was saved.
        Saved = "saved",
        /// Something was made.
        Created = "created",
        /// Something was deleted.
        Deleted = "deleted",
        /// It is disabled.
        Disabled = "disabled",
        /// It is enabled.
        Enabled = "enabled",
        /// Every session of a person ended.
        LoggedOut = "logged-out",
        /// One session ended.
        SessionEnded = "session-ended",
        /// The second factors of a person are gone.
        FactorsReset = "factors-reset",
        /// A person has one more role.
        RoleGranted = "role-granted",
        /// A person has one role less.
        RoleRevoked = "role-revoked",
        /// A person is in one more group.
        GroupAdded = "group-added",
        /// A person is in one group less.
        GroupRemoved = "group-removed",
        /// There are new signing keys.
        KeysRotated = "keys-rotated",
        /// A signing key is gone.
        KeyDropped = "key-dropped",
        /// A secret ended.
        SecretDropped = "secret-dropped",
        /// A registration token ended.
        RegistrationTokenRevoked = "registration-token-revoked",
        /// Nothing was to be done.
        Nothing = "nothing",
        /// Messages are sent again.
        MessagesSent = "messages-sent",
        /// The token of a connector ended.
        ScimTokenRevoked = "scim-token-revoked",
    }
}
