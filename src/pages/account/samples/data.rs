//! The samples of the page with what is stored.

use super::{done, hostile, shell};
use crate::domain::account_page::AccountPage;
use crate::pages::account::data::DataPage;
use crate::pages::account::notice::AccountNotice;
use crate::pages::frame::Frame;
use crate::pages::sample::Sample;

const PAGE: AccountPage = AccountPage::Data;

impl<'a> Sample<'a> for DataPage<'a> {
    const NAME: &'static str = "account-data";

    fn samples(frame: Frame<'a>) -> Vec<(&'static str, Self)> {
        let page = Self { frame, shell: shell(PAGE), is_last_owner: false };
        let confirmed = done(PAGE, AccountNotice::Confirmed);
        vec![
            ("full", page.clone()),
            ("confirmed", Self { shell: confirmed, ..page.clone() }),
            ("last-owner", Self { is_last_owner: true, ..page.clone() }),
            ("hostile", Self { shell: hostile(PAGE), ..page }),
        ]
    }
}
