//! The page on which a person asks for a link to a new password.

use askama::Template;

use super::app_summary::App;
use super::frame::Frame;
use super::hidden_fields::HiddenFields;
use super::sample::Sample;
use super::samples::values::hidden;
use super::samples::{apps, names};

/// The page that asks whose password was forgotten, and says afterwards that a link was sent. It
/// never says whether there is such an account.
#[derive(Clone, Debug, Template)]
#[template(path = "forgot.html")]
pub struct ForgotPage<'a> {
    /// The frame of the page.
    pub frame: Frame<'a>,
    /// The app that the person signs in to.
    pub app: Option<App<'a>>,
    /// The hidden fields.
    pub hidden: HiddenFields<'a>,
    /// The name that was typed before.
    pub identifier: &'a str,
    /// Whether no name was given.
    pub is_missing: bool,
    /// Whether the link is on its way.
    pub sent: bool,
}

impl ForgotPage<'_> {
    fn heading(&self) -> String {
        if self.sent { self.frame.t("forgot-sent-title") } else { self.frame.t("forgot-title") }
    }

    fn identifier_error(&self) -> Option<String> {
        self.is_missing.then(|| self.frame.t("sign-in-missing-username"))
    }
}

impl<'a> Sample<'a> for ForgotPage<'a> {
    const NAME: &'static str = "forgot";

    fn samples(frame: Frame<'a>) -> Vec<(&'static str, Self)> {
        let page = Self {
            frame,
            app: None,
            hidden: hidden(),
            identifier: "",
            is_missing: false,
            sent: false,
        };
        vec![
            ("plain", page.clone()),
            ("app", Self { app: Some(apps::SHOP), identifier: "hana", ..page.clone() }),
            ("missing", Self { is_missing: true, ..page.clone() }),
            ("sent", Self { sent: true, ..page.clone() }),
            ("hostile", Self { app: Some(apps::HOSTILE), identifier: names::HOSTILE, ..page }),
        ]
    }
}
