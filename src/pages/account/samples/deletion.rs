//! The samples of the pages of the end of an account.

use super::{hostile, shell};
use crate::domain::account_page::AccountPage;
use crate::pages::account::deletion::{DeleteAccountPage, DeletionPlannedPage};
use crate::pages::frame::Frame;
use crate::pages::sample::Sample;
use crate::pages::samples::names;
use crate::pages::samples::values::instant;

const PAGE: AccountPage = AccountPage::Data;

impl<'a> Sample<'a> for DeleteAccountPage<'a> {
    const NAME: &'static str = "account-delete";

    fn samples(frame: Frame<'a>) -> Vec<(&'static str, Self)> {
        let page = Self {
            frame,
            shell: shell(PAGE),
            apps: vec!["달빛서점", "Photos", "Notes"],
            has_more_apps: false,
            providers: vec!["Google", "Kakao"],
            until: Some(instant(600_000)),
        };
        let (apps, providers) = (vec![names::HOSTILE], vec![names::HOSTILE]);
        vec![
            ("full", page.clone()),
            ("bare", Self { apps: vec![], providers: vec![], ..page.clone() }),
            ("many-apps", Self { has_more_apps: true, ..page.clone() }),
            ("at-once", Self { until: None, ..page.clone() }),
            ("hostile", Self { shell: hostile(PAGE), apps, providers, ..page }),
        ]
    }
}

impl<'a> Sample<'a> for DeletionPlannedPage<'a> {
    const NAME: &'static str = "account-deletion-planned";

    fn samples(frame: Frame<'a>) -> Vec<(&'static str, Self)> {
        vec![
            ("grace", Self { frame, until: Some(instant(600_000)) }),
            ("at-once", Self { frame, until: None }),
        ]
    }
}
