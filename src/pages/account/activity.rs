//! The page that says what happened to an account.

use askama::Template;
use chrono::{DateTime, Utc};

use super::shell::Shell;
use crate::domain::account_page::AccountPage;
use crate::domain::activity::AccountActivity;
use crate::pages::frame::Frame;
use crate::pages::instant;
use crate::pages::link::in_query;

/// The page that says what happened to an account.
#[derive(Clone, Debug, Template)]
#[template(path = "account/activity.html")]
pub struct ActivityPage<'a> {
    /// The frame of the page.
    pub frame: Frame<'a>,
    /// The shell of the page.
    pub shell: Shell<'a>,
    /// What happened, the newest first.
    pub entries: Vec<ActivityEntry<'a>>,
    /// The part of the query that shows more.
    pub more: Option<String>,
}

/// One thing that happened.
#[derive(Clone, Copy, Debug)]
pub struct ActivityEntry<'a> {
    /// What happened.
    pub activity: AccountActivity,
    /// When.
    pub at: DateTime<Utc>,
    /// How often it happened within this minute.
    pub times: u64,
    /// The app that it concerns.
    pub app: Option<&'a str>,
    /// The provider that it concerns.
    pub provider: Option<&'a str>,
    /// The network address it came from.
    pub address: Option<&'a str>,
}

impl ActivityPage<'_> {
    /// The link to the rest of the list.
    fn more_href(&self, behind: &str) -> String {
        let page = self.shell.href(&self.frame, AccountPage::Activity);
        format!("{page}&behind={}", in_query(behind))
    }
}

impl ActivityEntry<'_> {
    /// What happened, in words.
    fn title(&self, frame: &Frame<'_>) -> String {
        match self.activity {
            AccountActivity::SignedIn => frame.t("activity-signed-in"),
            AccountActivity::SignInFailed => {
                frame.tn("activity-sign-in-failed", "times", self.times)
            }
            AccountActivity::SignInBlocked => frame.t("activity-sign-in-blocked"),
            AccountActivity::SignedOut => frame.t("activity-signed-out"),
            AccountActivity::SignedOutEverywhere => frame.t("activity-signed-out-everywhere"),
            AccountActivity::AppAllowed => frame.t("activity-app-allowed"),
            AccountActivity::AppDenied => frame.t("activity-app-denied"),
            AccountActivity::AppRemoved => frame.t("activity-app-removed"),
            AccountActivity::ActorStarted => frame.t("activity-actor-started"),
            AccountActivity::ActorStopped => frame.t("activity-actor-stopped"),
            AccountActivity::ActorAllowed => frame.t("activity-actor-allowed"),
            AccountActivity::AppSignedOut => frame.t("activity-app-signed-out"),
            AccountActivity::CodeUsedTwice => frame.t("activity-code-used-twice"),
            AccountActivity::TokenUsedTwice => frame.t("activity-token-used-twice"),
            AccountActivity::AccountMade => frame.t("activity-account-made"),
            AccountActivity::ProfileChanged => frame.t("activity-profile-changed"),
            AccountActivity::DataTaken => frame.t("activity-data-taken"),
            AccountActivity::DeletionPlanned => frame.t("activity-deletion-planned"),
            AccountActivity::DeletionTakenBack => frame.t("activity-deletion-taken-back"),
            AccountActivity::PasswordChanged => frame.t("activity-password-changed"),
            AccountActivity::PasswordSetByOperator => frame.t("activity-password-set"),
            AccountActivity::PasswordRecovered => frame.t("activity-password-recovered"),
            AccountActivity::AddressChanged => frame.t("activity-address-changed"),
            AccountActivity::AddressGivenBack => frame.t("activity-address-given-back"),
            AccountActivity::AccountDisabled => frame.t("activity-account-disabled"),
            AccountActivity::AccountEnabled => frame.t("activity-account-enabled"),
            AccountActivity::ProviderConnected => frame.t("activity-provider-connected"),
            AccountActivity::ProviderDisconnected => frame.t("activity-provider-disconnected"),
            AccountActivity::ProviderRefused => frame.t("activity-provider-refused"),
            AccountActivity::TermsAccepted => frame.t("activity-terms-accepted"),
            AccountActivity::RecoveryRequested => frame.t("activity-recovery-requested"),
            AccountActivity::RecoveryLinkMade => frame.t("activity-recovery-link-made"),
            AccountActivity::RecoveryLinkUsed => frame.t("activity-recovery-link-used"),
            AccountActivity::SignInCodeSent => frame.t("activity-sign-in-code-sent"),
            AccountActivity::AddressRequested => frame.t("activity-address-requested"),
            AccountActivity::AddressLost => frame.t("activity-address-lost"),
            AccountActivity::SignUpAsked => frame.t("activity-sign-up-asked"),
            AccountActivity::SignedUp => frame.t("activity-signed-up"),
            AccountActivity::InvitationAccepted => frame.t("activity-invitation-accepted"),
            AccountActivity::MailGivenUp => frame.t("activity-mail-given-up"),
            AccountActivity::SecondStepAsked => frame.t("activity-second-step-asked"),
            AccountActivity::Strengthened => frame.t("activity-strengthened"),
            AccountActivity::FactorAdded => frame.t("activity-factor-added"),
            AccountActivity::FactorRemoved => frame.t("activity-factor-removed"),
            AccountActivity::FactorReset => frame.t("activity-factor-reset"),
            AccountActivity::FactorFailed => frame.t("activity-factor-failed"),
            AccountActivity::RecoveryCodeUsed => frame.t("activity-recovery-code-used"),
            AccountActivity::RecoveryCodesRenewed => frame.t("activity-recovery-codes-renewed"),
            AccountActivity::RecoveryCodesRemoved => frame.t("activity-recovery-codes-removed"),
            AccountActivity::PasskeyAdded => frame.t("activity-passkey-added"),
            AccountActivity::PasskeyRenamed => frame.t("activity-passkey-renamed"),
            AccountActivity::PasskeyRemoved => frame.t("activity-passkey-removed"),
            AccountActivity::PasskeyCopied => frame.t("activity-passkey-copied"),
        }
    }
}
