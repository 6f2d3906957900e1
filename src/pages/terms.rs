//! The page with the documents that a person is asked to accept before anything else.

use askama::Template;

use super::app_summary::App;
use super::document::DocumentToAccept;
use super::frame::Frame;
use super::hidden_fields::HiddenFields;
use super::person::Person;
use super::sample::Sample;
use super::samples::values::hidden;
use super::samples::{apps, documents, people};

/// The page with new versions of the operator's documents.
#[derive(Clone, Debug, Template)]
#[template(path = "terms.html")]
pub struct TermsPage<'a> {
    /// The frame of the page.
    pub frame: Frame<'a>,
    /// The app that the person signs in to.
    pub app: Option<App<'a>>,
    /// The hidden fields.
    pub hidden: HiddenFields<'a>,
    /// The person who is asked.
    pub person: Person<'a>,
    /// The documents.
    pub documents: Vec<DocumentToAccept<'a>>,
    /// Whether a required document was not accepted.
    pub is_missing: bool,
}

impl TermsPage<'_> {
    /// The error beside the boxes.
    fn error(&self) -> Option<String> {
        self.is_missing.then(|| self.frame.t("terms-missing"))
    }
}

impl<'a> Sample<'a> for TermsPage<'a> {
    const NAME: &'static str = "terms";

    fn samples(frame: Frame<'a>) -> Vec<(&'static str, Self)> {
        let page = Self {
            frame,
            app: Some(apps::SHOP),
            hidden: hidden(),
            person: people::HANA,
            documents: documents::one(),
            is_missing: false,
        };
        let several = Self { documents: documents::several(), ..page.clone() };
        vec![
            ("one", page.clone()),
            ("several", several.clone()),
            ("missing", Self { is_missing: true, ..several }),
            ("own-account", Self { app: None, person: people::LONG, ..page.clone() }),
            (
                "hostile",
                Self {
                    app: Some(apps::HOSTILE),
                    person: people::HOSTILE,
                    documents: documents::hostile(),
                    ..page
                },
            ),
        ]
    }
}
