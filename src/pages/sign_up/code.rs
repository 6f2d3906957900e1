//! The page that takes the code of the mail.

use askama::Template;

use crate::pages::app_summary::App;
use crate::pages::frame::Frame;
use crate::pages::hidden_fields::HiddenFields;
use crate::pages::sample::Sample;
use crate::pages::samples::values::hidden;
use crate::pages::samples::{apps, names};

/// The page that says that a mail is on its way, and takes its code.
#[derive(Clone, Debug, Template)]
#[template(path = "sign_up_code.html")]
pub struct SignUpCodePage<'a> {
    /// The frame of the page.
    pub frame: Frame<'a>,
    /// The app that the person comes from.
    pub app: Option<App<'a>>,
    /// The hidden fields.
    pub hidden: HiddenFields<'a>,
    /// The address that was typed.
    pub email: &'a str,
    /// Whether the code was refused.
    pub is_wrong: bool,
}

impl<'a> Sample<'a> for SignUpCodePage<'a> {
    const NAME: &'static str = "sign-up-code";

    fn samples(frame: Frame<'a>) -> Vec<(&'static str, Self)> {
        let page = Self {
            frame,
            app: Some(apps::SHOP),
            hidden: hidden(),
            email: "hana@example.com",
            is_wrong: false,
        };
        vec![
            ("fresh", page.clone()),
            ("wrong", Self { app: None, is_wrong: true, ..page.clone() }),
            ("long", Self { app: Some(apps::LONG), email: names::LONG, ..page.clone() }),
            ("hostile", Self { app: Some(apps::HOSTILE), email: names::HOSTILE, ..page }),
        ]
    }
}
