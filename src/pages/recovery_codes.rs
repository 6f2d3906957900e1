//! The page that shows recovery codes, once.

use askama::Template;

use super::frame::Frame;
use super::sample::Sample;

/// The page with the recovery codes of a person. It has no links to other languages, because the
/// codes are not shown a second time.
#[derive(Clone, Debug, Template)]
#[template(path = "recovery_codes.html")]
pub struct RecoveryCodesPage<'a> {
    /// The frame of the page.
    pub frame: Frame<'a>,
    /// The codes.
    pub codes: Vec<String>,
    /// Where the person goes on.
    pub onward: &'a str,
}

impl<'a> Sample<'a> for RecoveryCodesPage<'a> {
    const NAME: &'static str = "recovery-codes";

    fn samples(frame: Frame<'a>) -> Vec<(&'static str, Self)> {
        let code = |number| format!("{number}BCD-EFGH-JKLM-NPQR");
        let codes = (2..10).chain(2..4).map(code).collect();
        vec![("codes", Self { frame, codes, onward: "https://id.example.com/account" })]
    }
}
