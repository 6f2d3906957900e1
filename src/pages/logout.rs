//! Signing out: the question, and the two answers.

use askama::Template;

use super::app_summary::App;
use super::frame::Frame;
use super::hidden_fields::HiddenFields;
use super::link::web_link;
use super::person::Person;
use super::sample::Sample;
use super::samples::values::hidden;
use super::samples::{apps, names, people};

/// The page that asks whether to sign out.
#[derive(Clone, Debug, Template)]
#[template(path = "logout.html")]
pub struct LogoutPage<'a> {
    /// The frame of the page.
    pub frame: Frame<'a>,
    /// The app that asks for the sign-out.
    pub app: Option<App<'a>>,
    /// The hidden fields.
    pub hidden: HiddenFields<'a>,
    /// The people who would be signed out.
    pub people: Vec<Person<'a>>,
}

/// The page that says that they are signed out.
#[derive(Clone, Debug, Template)]
#[template(path = "signed_out.html")]
pub struct SignedOutPage<'a> {
    /// The frame of the page.
    pub frame: Frame<'a>,
    /// The app that asked for the sign-out.
    pub app: Option<App<'a>>,
    /// The link back to the app.
    pub back: Option<&'a str>,
    /// The names of the providers that the people had signed in with.
    pub providers: Vec<&'a str>,
}

/// The page that says that they stay signed in.
#[derive(Clone, Debug, Template)]
#[template(path = "still_signed_in.html")]
pub struct StillSignedInPage<'a> {
    /// The frame of the page.
    pub frame: Frame<'a>,
}

impl SignedOutPage<'_> {
    fn link_back(&self) -> Option<&str> {
        web_link(self.back)
    }
}

impl<'a> Sample<'a> for LogoutPage<'a> {
    const NAME: &'static str = "logout";

    fn samples(frame: Frame<'a>) -> Vec<(&'static str, Self)> {
        let page =
            Self { frame, app: Some(apps::SHOP), hidden: hidden(), people: vec![people::HANA] };
        vec![
            ("one", page.clone()),
            (
                "several",
                Self { people: vec![people::HANA, people::KIM, people::LONG], ..page.clone() },
            ),
            ("no-app", Self { app: None, people: vec![], ..page.clone() }),
            ("hostile", Self { app: Some(apps::HOSTILE), people: vec![people::HOSTILE], ..page }),
        ]
    }
}

impl<'a> Sample<'a> for SignedOutPage<'a> {
    const NAME: &'static str = "signed-out";

    fn samples(frame: Frame<'a>) -> Vec<(&'static str, Self)> {
        let page = Self { frame, app: None, back: None, providers: vec![] };
        let back = Some("https://shop.example.com/");
        vec![
            ("plain", page.clone()),
            ("came-by", Self { providers: vec!["Google", "Example Corp."], ..page.clone() }),
            ("way-back", Self { app: Some(apps::SHOP), back, ..page.clone() }),
            ("way-back-nameless", Self { back, ..page.clone() }),
            (
                "hostile",
                Self { app: Some(apps::HOSTILE), back, providers: vec![names::HOSTILE], ..page },
            ),
        ]
    }
}

impl<'a> Sample<'a> for StillSignedInPage<'a> {
    const NAME: &'static str = "still-signed-in";

    fn samples(frame: Frame<'a>) -> Vec<(&'static str, Self)> {
        vec![("plain", Self { frame })]
    }
}
