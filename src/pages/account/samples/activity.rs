//! The samples of the page that says what happened.

use super::{hostile, shell};
use crate::domain::account_page::AccountPage;
use crate::domain::activity::AccountActivity;
use crate::pages::account::activity::{ActivityEntry, ActivityPage};
use crate::pages::frame::Frame;
use crate::pages::sample::Sample;
use crate::pages::samples::names;
use crate::pages::samples::values::instant;

const PAGE: AccountPage = AccountPage::Activity;

impl<'a> Sample<'a> for ActivityPage<'a> {
    const NAME: &'static str = "account-activity";

    fn samples(frame: Frame<'a>) -> Vec<(&'static str, Self)> {
        let page = Self { frame, shell: shell(PAGE), entries: entries(), more: None };
        let texts = Some(names::HOSTILE);
        let by_hostile = |it| ActivityEntry { app: texts, provider: texts, address: texts, ..it };
        let entries = entries().into_iter().map(by_hostile).collect();
        vec![
            ("full", page.clone()),
            ("none", Self { entries: vec![], ..page.clone() }),
            ("more", Self { more: Some("0.e1".to_owned()), ..page.clone() }),
            ("hostile", Self { shell: hostile(PAGE), entries, ..page }),
        ]
    }
}

fn entries() -> Vec<ActivityEntry<'static>> {
    let signed_in = ActivityEntry {
        activity: AccountActivity::SignedIn,
        at: instant(200_000),
        times: 1,
        app: Some("달빛서점"),
        provider: None,
        address: Some("203.0.113.7"),
    };
    let of = |activity| ActivityEntry { activity, app: None, address: None, ..signed_in };
    let provider = Some("Google");
    vec![
        signed_in,
        ActivityEntry {
            times: 3,
            address: Some("198.51.100.23"),
            ..of(AccountActivity::SignInFailed)
        },
        ActivityEntry { address: Some("198.51.100.23"), ..of(AccountActivity::SignInBlocked) },
        of(AccountActivity::SignedOut),
        of(AccountActivity::SignedOutEverywhere),
        ActivityEntry { activity: AccountActivity::AppAllowed, ..signed_in },
        ActivityEntry { activity: AccountActivity::AppDenied, ..signed_in },
        ActivityEntry { activity: AccountActivity::AppRemoved, ..signed_in },
        ActivityEntry { activity: AccountActivity::ActorStarted, ..signed_in },
        ActivityEntry { activity: AccountActivity::ActorStopped, ..signed_in },
        ActivityEntry { activity: AccountActivity::ActorAllowed, ..signed_in },
        ActivityEntry { activity: AccountActivity::AppSignedOut, ..signed_in },
        ActivityEntry { activity: AccountActivity::CodeUsedTwice, ..signed_in },
        ActivityEntry { activity: AccountActivity::TokenUsedTwice, ..signed_in },
        of(AccountActivity::AccountMade),
        of(AccountActivity::ProfileChanged),
        of(AccountActivity::DataTaken),
        of(AccountActivity::DeletionPlanned),
        of(AccountActivity::DeletionTakenBack),
        of(AccountActivity::PasswordChanged),
        of(AccountActivity::PasswordSetByOperator),
        of(AccountActivity::PasswordRecovered),
        of(AccountActivity::AddressChanged),
        of(AccountActivity::AddressGivenBack),
        of(AccountActivity::AccountDisabled),
        of(AccountActivity::AccountEnabled),
        ActivityEntry { provider, ..of(AccountActivity::ProviderConnected) },
        ActivityEntry { provider, ..of(AccountActivity::ProviderDisconnected) },
        of(AccountActivity::ProviderRefused),
        of(AccountActivity::TermsAccepted),
        of(AccountActivity::RecoveryRequested),
        of(AccountActivity::RecoveryLinkMade),
        of(AccountActivity::RecoveryLinkUsed),
        of(AccountActivity::SignInCodeSent),
        of(AccountActivity::AddressRequested),
        of(AccountActivity::AddressLost),
        of(AccountActivity::SignUpAsked),
        of(AccountActivity::SignedUp),
        of(AccountActivity::InvitationAccepted),
        of(AccountActivity::MailGivenUp),
        of(AccountActivity::SecondStepAsked),
        of(AccountActivity::Strengthened),
        of(AccountActivity::FactorAdded),
        of(AccountActivity::FactorRemoved),
        of(AccountActivity::FactorReset),
        of(AccountActivity::FactorFailed),
        of(AccountActivity::RecoveryCodeUsed),
        of(AccountActivity::RecoveryCodesRenewed),
        of(AccountActivity::RecoveryCodesRemoved),
        of(AccountActivity::PasskeyAdded),
        of(AccountActivity::PasskeyRenamed),
        of(AccountActivity::PasskeyRemoved),
        of(AccountActivity::PasskeyCopied),
    ]
}
