//! What a page of my account says about what the person has just done.

use crate::pages::frame::Frame;

/// What the person has just done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountNotice {
    /// The profile is changed.
    ProfileChanged,
    /// The account has another address.
    AddressChanged,
    /// There is a new password.
    PasswordChanged,
    /// There is a password for the first time.
    PasswordSet,
    /// A device, or every other one, is signed out.
    DeviceSignedOut,
    /// An app lost its access.
    AppRemoved,
    /// A client does not act for the person any more.
    ActorStopped,
    /// It may act again.
    ActorAllowed,
    /// The account is kept.
    AccountKept,
    /// An identity at a provider was connected.
    ProviderLinked,
    /// An identity at a provider was disconnected.
    ProviderUnlinked,
    /// A passkey was added.
    PasskeyAdded,
    /// A passkey has another name.
    PasskeyRenamed,
    /// A passkey was removed.
    PasskeyRemoved,
    /// They have confirmed who they are.
    Confirmed,
    /// There are no one-time codes any more.
    OneTimeCodesRemoved,
}

impl AccountNotice {
    /// The notice in words.
    pub(super) fn text(self, frame: &Frame<'_>) -> String {
        match self {
            Self::ProfileChanged => frame.t("notice-profile-changed"),
            Self::AddressChanged => frame.t("notice-address-changed"),
            Self::PasswordChanged => frame.t("notice-password-changed"),
            Self::PasswordSet => frame.t("notice-password-set"),
            Self::DeviceSignedOut => frame.t("notice-device-signed-out"),
            Self::AppRemoved => frame.t("notice-app-removed"),
            Self::ActorStopped => frame.t("notice-actor-stopped"),
            Self::ActorAllowed => frame.t("notice-actor-allowed"),
            Self::AccountKept => frame.t("notice-account-kept"),
            Self::ProviderLinked => frame.t("notice-provider-linked"),
            Self::ProviderUnlinked => frame.t("notice-provider-unlinked"),
            Self::PasskeyAdded => frame.t("notice-passkey-added"),
            Self::PasskeyRenamed => frame.t("notice-passkey-renamed"),
            Self::PasskeyRemoved => frame.t("notice-passkey-removed"),
            Self::Confirmed => frame.t("notice-confirmed"),
            Self::OneTimeCodesRemoved => frame.t("notice-codes-removed"),
        }
    }
}
