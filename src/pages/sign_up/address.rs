//! The form for the address of a new account.

use askama::Template;

use crate::pages::app_summary::App;
use crate::pages::frame::Frame;
use crate::pages::hidden_fields::HiddenFields;
use crate::pages::sample::Sample;
use crate::pages::samples::values::hidden;
use crate::pages::samples::{apps, names};

/// The page that asks for the address of a new account.
#[derive(Clone, Debug, Template)]
#[template(path = "sign_up_address.html")]
pub struct AddressPage<'a> {
    /// The frame of the page.
    pub frame: Frame<'a>,
    /// The app that the person comes from.
    pub app: Option<App<'a>>,
    /// The hidden fields.
    pub hidden: HiddenFields<'a>,
    /// The address, as far as it is known.
    pub email: &'a str,
    /// Whether no mail can be sent to what was typed.
    pub is_wrong: bool,
}

impl<'a> Sample<'a> for AddressPage<'a> {
    const NAME: &'static str = "sign-up";

    fn samples(frame: Frame<'a>) -> Vec<(&'static str, Self)> {
        let page =
            Self { frame, app: Some(apps::SHOP), hidden: hidden(), email: "", is_wrong: false };
        vec![
            ("fresh", page.clone()),
            ("own-account", Self { app: None, email: "hana@example.com", ..page.clone() }),
            ("wrong", Self { email: "hana@", is_wrong: true, ..page.clone() }),
            (
                "hostile",
                Self { app: Some(apps::HOSTILE), email: names::HOSTILE, is_wrong: true, ..page },
            ),
        ]
    }
}
