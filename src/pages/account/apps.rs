//! The page with the apps that have access to an account.

use askama::Template;
use chrono::{DateTime, Utc};

use super::shell::Shell;
use crate::domain::account_page::AccountPage;
use crate::pages::app_summary::App;
use crate::pages::frame::Frame;
use crate::pages::instant;
use crate::pages::link::in_query;
use crate::pages::permission::Permission;

/// The page with the apps that have access to an account.
#[derive(Clone, Debug, Template)]
#[template(path = "account/apps.html")]
pub struct AppsPage<'a> {
    /// The frame of the page.
    pub frame: Frame<'a>,
    /// The shell of the page.
    pub shell: Shell<'a>,
    /// The apps that have access.
    pub apps: Vec<AppAccess<'a>>,
    /// The part of the query that shows more of them.
    pub more: Option<&'a str>,
    /// The apps that act for the person.
    pub actors: Vec<ActsForYou<'a>>,
    /// The apps that may not act for them any more.
    pub stopped: Vec<StoppedActor<'a>>,
}

/// An app that acts for the person, RFC 8693.
#[derive(Clone, Debug)]
pub struct ActsForYou<'a> {
    /// What is shown of it, as of an app that has access.
    pub access: AppAccess<'a>,
    /// The names of the apps with whose access it acts.
    pub by_way_of: &'a [String],
}

/// An app that may not act for the person any more.
#[derive(Clone, Copy, Debug)]
pub struct StoppedActor<'a> {
    /// Its value in the form.
    pub client: &'a str,
    /// Its name.
    pub name: &'a str,
}

impl ActsForYou<'_> {
    /// The names, one after the other.
    fn ways(&self) -> String {
        self.by_way_of.join(", ")
    }
}

/// An app that has access, and what it may do.
#[derive(Clone, Debug)]
pub struct AppAccess<'a> {
    /// Its value in the form.
    pub client: &'a str,
    /// The app.
    pub app: App<'a>,
    /// What the app is allowed to do.
    pub permissions: Vec<Permission<'a>>,
    /// When the app got access.
    pub since: DateTime<Utc>,
}

impl AppsPage<'_> {
    /// The link to the rest of the list.
    fn more_href(&self, behind: &str) -> String {
        let page = self.shell.href(&self.frame, AccountPage::Apps);
        format!("{page}&apps={}", in_query(behind))
    }
}
