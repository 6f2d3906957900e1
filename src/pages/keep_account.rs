//! The page for a person who deletes their account and has signed in: they can keep it.

use askama::Template;
use chrono::{DateTime, Utc};

use super::app_summary::App;
use super::frame::Frame;
use super::hidden_fields::HiddenFields;
use super::instant;
use super::person::Person;
use super::sample::Sample;
use super::samples::values::hidden;
use super::samples::{apps, people, values};

/// The page for a person who deletes their account and has signed in: they can keep it.
#[derive(Clone, Debug, Template)]
#[template(path = "keep_account.html")]
pub struct KeepAccountPage<'a> {
    /// The frame of the page.
    pub frame: Frame<'a>,
    /// The app to which the person wants to go.
    pub app: Option<App<'a>>,
    /// The hidden fields.
    pub hidden: HiddenFields<'a>,
    /// The person.
    pub person: Person<'a>,
    /// When the account ends.
    pub at: DateTime<Utc>,
}

impl<'a> Sample<'a> for KeepAccountPage<'a> {
    const NAME: &'static str = "keep-account";

    fn samples(frame: Frame<'a>) -> Vec<(&'static str, Self)> {
        let (person, at) = (people::HANA, values::instant(600_000));
        let page = Self { frame, app: Some(apps::SHOP), hidden: hidden(), person, at };
        vec![
            ("app", page.clone()),
            ("no-app", Self { app: None, ..page.clone() }),
            ("hostile", Self { app: Some(apps::HOSTILE), person: people::HOSTILE, ..page }),
        ]
    }
}
