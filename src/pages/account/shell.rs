//! What every page of my account has.

use super::notice::AccountNotice;
use crate::domain::account_page::AccountPage;
use crate::pages::frame::Frame;
use crate::pages::link::in_query;
use crate::pages::person::Person;

/// Whose account it is, the links to the other pages, and what the person has just done.
#[derive(Clone, Copy, Debug)]
pub struct Shell<'a> {
    /// The page.
    pub page: AccountPage,
    /// The proof that a form came from our page.
    pub csrf: &'a str,
    /// The session that the page is about.
    pub session: &'a str,
    /// The person whose account it is.
    pub person: Person<'a>,
    /// What the person has just done.
    pub notice: Option<AccountNotice>,
}

/// A link to a page of my account.
#[derive(Debug)]
pub(super) struct PageLink {
    pub(super) id: &'static str,
    pub(super) href: String,
    pub(super) name: String,
    pub(super) is_current: bool,
}

impl Shell<'_> {
    /// The heading of the page.
    pub(super) fn title(&self, frame: &Frame<'_>) -> String {
        match self.page {
            AccountPage::Profile => frame.t("profile-title"),
            AccountPage::Security => frame.t("security-title"),
            AccountPage::Devices => frame.t("devices-title"),
            AccountPage::Apps => frame.t("apps-title"),
            AccountPage::Activity => frame.t("activity-title"),
            AccountPage::Data => frame.t("data-title"),
        }
    }

    /// The links to all pages.
    pub(super) fn links(&self, frame: &Frame<'_>) -> Vec<PageLink> {
        let link = |page: AccountPage| {
            let (id, name) = match page {
                AccountPage::Profile => ("to-profile", frame.t("to-profile")),
                AccountPage::Security => ("to-security", frame.t("to-security")),
                AccountPage::Devices => ("to-devices", frame.t("to-devices")),
                AccountPage::Apps => ("to-apps", frame.t("to-apps")),
                AccountPage::Activity => ("to-activity", frame.t("to-activity")),
                AccountPage::Data => ("to-data", frame.t("to-data")),
            };
            let href = self.href(frame, page);
            PageLink { id, href, name, is_current: page == self.page }
        };
        AccountPage::ALL.into_iter().map(link).collect()
    }

    /// The address of a page of this account.
    pub(super) fn href(&self, frame: &Frame<'_>, page: AccountPage) -> String {
        format!("{}{}?session={}", frame.base, page.path(), in_query(self.session))
    }

    /// What the person has just done, in words.
    pub(super) fn notice_text(&self, frame: &Frame<'_>) -> Option<String> {
        self.notice.map(|notice| notice.text(frame))
    }
}
