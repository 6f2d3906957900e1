//! The pages of the end of an account: what would be lost, and that it is planned.

use askama::Template;
use chrono::{DateTime, Utc};

use super::shell::Shell;
use crate::domain::account_page::AccountPage;
use crate::pages::frame::Frame;
use crate::pages::instant;

/// The page that says what would be lost, and asks whether to delete the account.
#[derive(Clone, Debug, Template)]
#[template(path = "account/delete.html")]
pub struct DeleteAccountPage<'a> {
    /// The frame of the page.
    pub frame: Frame<'a>,
    /// The shell of the page from which the person comes.
    pub shell: Shell<'a>,
    /// The names of the apps that have access.
    pub apps: Vec<&'a str>,
    /// Whether there are more of them.
    pub has_more_apps: bool,
    /// The names of the providers that the account is connected with.
    pub providers: Vec<&'a str>,
    /// Until when the person can take it back. `None`: not at all.
    pub until: Option<DateTime<Utc>>,
}

/// The page that says that the account will be deleted.
#[derive(Clone, Debug, Template)]
#[template(path = "account/deletion_planned.html")]
pub struct DeletionPlannedPage<'a> {
    /// The frame of the page.
    pub frame: Frame<'a>,
    /// Until when the person can take it back. `None`: not at all.
    pub until: Option<DateTime<Utc>>,
}

impl DeleteAccountPage<'_> {
    /// The way back.
    fn back(&self) -> String {
        self.shell.href(&self.frame, AccountPage::Data)
    }

    /// The names of the apps, one after the other.
    fn app_names(&self) -> String {
        self.apps.join(", ")
    }

    /// The names of the providers, one after the other.
    fn provider_names(&self) -> String {
        self.providers.join(", ")
    }
}
