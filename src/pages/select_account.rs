//! The page on which a person chooses one of the accounts of this browser.

use askama::Template;

use super::app_summary::App;
use super::frame::Frame;
use super::hidden_fields::HiddenFields;
use super::person::Account;
use super::sample::Sample;
use super::samples::apps;
use super::samples::people::{self, accounts};
use super::samples::values::hidden;

/// The page that asks which account to use.
#[derive(Clone, Debug, Template)]
#[template(path = "select_account.html")]
pub struct SelectAccountPage<'a> {
    /// The frame of the page.
    pub frame: Frame<'a>,
    /// The app that the person signs in to.
    pub app: Option<App<'a>>,
    /// The hidden fields.
    pub hidden: HiddenFields<'a>,
    /// The accounts that are signed in in this browser.
    pub accounts: Vec<Account<'a>>,
}

impl<'a> Sample<'a> for SelectAccountPage<'a> {
    const NAME: &'static str = "select-account";

    fn samples(frame: Frame<'a>) -> Vec<(&'static str, Self)> {
        let page = Self { frame, app: Some(apps::SHOP), hidden: hidden(), accounts: accounts() };
        let one = people::HANA;
        vec![
            ("several", page.clone()),
            (
                "one",
                Self {
                    app: None,
                    accounts: vec![Account { person: one, session: "s1" }],
                    ..page.clone()
                },
            ),
            (
                "many",
                Self { accounts: [accounts(), accounts(), accounts()].concat(), ..page.clone() },
            ),
            (
                "hostile",
                Self {
                    app: Some(apps::HOSTILE),
                    accounts: vec![Account { person: people::HOSTILE, session: "\"><b>" }],
                    ..page
                },
            ),
        ]
    }
}
