//! The page with the browsers in which a person is signed in.

use askama::Template;
use chrono::{DateTime, Utc};

use super::shell::Shell;
use crate::domain::account_page::AccountPage;
use crate::pages::frame::Frame;
use crate::pages::instant;
use crate::pages::link::in_query;

/// The page with the browsers in which a person is signed in.
#[derive(Clone, Debug, Template)]
#[template(path = "account/devices.html")]
pub struct DevicesPage<'a> {
    /// The frame of the page.
    pub frame: Frame<'a>,
    /// The shell of the page.
    pub shell: Shell<'a>,
    /// The browsers in which the person is signed in.
    pub devices: Vec<Device<'a>>,
    /// The part of the query that shows more of them.
    pub more: Option<String>,
}

/// A browser that is signed in.
#[derive(Clone, Copy, Debug)]
pub struct Device<'a> {
    /// Its value in the form.
    pub id: &'a str,
    /// The browser, like `Chrome`.
    pub browser: Option<&'a str>,
    /// The system, like `Windows`.
    pub system: Option<&'a str>,
    /// The network address it was seen at.
    pub address: Option<&'a str>,
    /// When it signed in.
    pub signed_in_at: DateTime<Utc>,
    /// When it was last seen.
    pub seen_at: DateTime<Utc>,
    /// Whether it is the browser that shows the page.
    pub current: bool,
}

impl DevicesPage<'_> {
    /// The link to the rest of the list.
    fn more_href(&self, behind: &str) -> String {
        let page = self.shell.href(&self.frame, AccountPage::Devices);
        format!("{page}&devices={}", in_query(behind))
    }
}

impl Device<'_> {
    fn title(&self, frame: &Frame<'_>) -> String {
        match (self.browser, self.system) {
            (Some(browser), Some(system)) => {
                frame.t2("device-browser-system", ("browser", browser), ("system", system))
            }
            (Some(one), None) | (None, Some(one)) => one.to_owned(),
            (None, None) => frame.t("device-unknown"),
        }
    }
}
