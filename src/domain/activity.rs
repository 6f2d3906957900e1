//! What happened to an account, as its person sees it: some kinds of audit events, each with words
//! of its own. The other kinds are for operators.

/// What happened to an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the table below says which event each is")]
pub enum AccountActivity {
    SignedIn,
    SignInFailed,
    SignInBlocked,
    SignedOut,
    SignedOutEverywhere,
    AppAllowed,
    AppDenied,
    AppRemoved,
    ActorStarted,
    ActorStopped,
    ActorAllowed,
    AppSignedOut,
    CodeUsedTwice,
    TokenUsedTwice,
    AccountMade,
    ProfileChanged,
    DataTaken,
    DeletionPlanned,
    DeletionTakenBack,
    PasswordChanged,
    PasswordSetByOperator,
    PasswordRecovered,
    AddressChanged,
    AddressGivenBack,
    AccountDisabled,
    AccountEnabled,
    ProviderConnected,
    ProviderDisconnected,
    ProviderRefused,
    TermsAccepted,
    RecoveryRequested,
    RecoveryLinkMade,
    RecoveryLinkUsed,
    SignInCodeSent,
    AddressRequested,
    AddressLost,
    SignUpAsked,
    SignedUp,
    InvitationAccepted,
    MailGivenUp,
    SecondStepAsked,
    Strengthened,
    FactorAdded,
    FactorRemoved,
    FactorReset,
    FactorFailed,
    RecoveryCodeUsed,
    RecoveryCodesRenewed,
    RecoveryCodesRemoved,
    PasskeyAdded,
    PasskeyRenamed,
    PasskeyRemoved,
    PasskeyCopied,
}

const TABLE: &[(&str, AccountActivity)] = &[
    ("sign_in.succeeded", AccountActivity::SignedIn),
    ("sign_in.failed", AccountActivity::SignInFailed),
    ("sign_in.throttled", AccountActivity::SignInBlocked),
    ("session.ended", AccountActivity::SignedOut),
    ("user.logged_out", AccountActivity::SignedOutEverywhere),
    ("consent.given", AccountActivity::AppAllowed),
    ("consent.denied", AccountActivity::AppDenied),
    ("consent.withdrawn", AccountActivity::AppRemoved),
    ("delegation.started", AccountActivity::ActorStarted),
    ("delegation.stopped", AccountActivity::ActorStopped),
    ("delegation.allowed", AccountActivity::ActorAllowed),
    ("family.revoked", AccountActivity::AppSignedOut),
    ("code.replayed", AccountActivity::CodeUsedTwice),
    ("refresh.reused", AccountActivity::TokenUsedTwice),
    ("user.created", AccountActivity::AccountMade),
    ("user.updated", AccountActivity::ProfileChanged),
    ("user.data_exported", AccountActivity::DataTaken),
    ("deletion.planned", AccountActivity::DeletionPlanned),
    ("deletion.taken_back", AccountActivity::DeletionTakenBack),
    ("user.password_changed", AccountActivity::PasswordChanged),
    ("user.password_set", AccountActivity::PasswordSetByOperator),
    ("recovery.completed", AccountActivity::PasswordRecovered),
    ("address.changed", AccountActivity::AddressChanged),
    ("address.given_back", AccountActivity::AddressGivenBack),
    ("user.disabled", AccountActivity::AccountDisabled),
    ("user.enabled", AccountActivity::AccountEnabled),
    ("identity.linked", AccountActivity::ProviderConnected),
    ("identity.unlinked", AccountActivity::ProviderDisconnected),
    ("federation.refused", AccountActivity::ProviderRefused),
    ("terms.accepted", AccountActivity::TermsAccepted),
    ("recovery.requested", AccountActivity::RecoveryRequested),
    ("recovery.link_made", AccountActivity::RecoveryLinkMade),
    ("recovery.link_used", AccountActivity::RecoveryLinkUsed),
    ("sign_in.code_sent", AccountActivity::SignInCodeSent),
    ("address.requested", AccountActivity::AddressRequested),
    ("account.displaced", AccountActivity::AddressLost),
    ("sign_up.asked", AccountActivity::SignUpAsked),
    ("sign_up.completed", AccountActivity::SignedUp),
    ("invitation.accepted", AccountActivity::InvitationAccepted),
    ("mail.given_up", AccountActivity::MailGivenUp),
    ("factor.asked", AccountActivity::SecondStepAsked),
    ("session.strengthened", AccountActivity::Strengthened),
    ("factor.added", AccountActivity::FactorAdded),
    ("factor.removed", AccountActivity::FactorRemoved),
    ("factor.reset", AccountActivity::FactorReset),
    ("factor.failed", AccountActivity::FactorFailed),
    ("recovery_code.used", AccountActivity::RecoveryCodeUsed),
    ("recovery_code.renewed", AccountActivity::RecoveryCodesRenewed),
    ("recovery_code.removed", AccountActivity::RecoveryCodesRemoved),
    ("passkey.added", AccountActivity::PasskeyAdded),
    ("passkey.renamed", AccountActivity::PasskeyRenamed),
    ("passkey.removed", AccountActivity::PasskeyRemoved),
    ("passkey.counter_went_back", AccountActivity::PasskeyCopied),
];

impl AccountActivity {
    /// What an audit event of this kind is to its person.
    #[must_use]
    pub fn of(kind: &str) -> Option<Self> {
        TABLE.iter().find(|(name, _)| *name == kind).map(|(_, activity)| *activity)
    }

    /// Whether it may be the work of somebody else.
    #[must_use]
    pub fn is_alarming(self) -> bool {
        matches!(
            self,
            Self::SignInFailed
                | Self::SignInBlocked
                | Self::CodeUsedTwice
                | Self::TokenUsedTwice
                | Self::FactorFailed
                | Self::PasskeyCopied
        )
    }

    /// Whether the detail of the event is the name of a provider.
    #[must_use]
    pub fn names_provider(self) -> bool {
        matches!(self, Self::SignedIn | Self::ProviderConnected | Self::ProviderDisconnected)
    }
}
