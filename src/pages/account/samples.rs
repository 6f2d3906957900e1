//! The samples of the pages of my account.

mod activity;
mod apps;
mod data;
mod deletion;
mod devices;
mod profile;
mod security;

use super::notice::AccountNotice;
use super::shell::Shell;
use crate::domain::account_page::AccountPage;
use crate::pages::samples::{names, people};

/// The shell of a page without a notice.
const fn shell(page: AccountPage) -> Shell<'static> {
    Shell { page, csrf: "csrf", session: "session", person: people::HANA, notice: None }
}

/// The shell of a page on which every text was written by somebody hostile.
const fn hostile(page: AccountPage) -> Shell<'static> {
    let (csrf, session) = (names::HOSTILE, names::HOSTILE);
    Shell { csrf, session, person: people::HOSTILE, ..shell(page) }
}

/// The shell of a page on which something was just done.
const fn done(page: AccountPage, notice: AccountNotice) -> Shell<'static> {
    Shell { notice: Some(notice), ..shell(page) }
}
