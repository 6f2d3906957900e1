//! The page with what is stored about a person: a list of sections.

use askama::Template;

use super::shell::Shell;
use crate::pages::frame::Frame;

/// The page with what is stored about a person. Each section has a template of its own.
#[derive(Clone, Debug, Template)]
#[template(path = "account/data.html")]
pub struct DataPage<'a> {
    /// The frame of the page.
    pub frame: Frame<'a>,
    /// The shell of the page.
    pub shell: Shell<'a>,
    /// Whether the account was not deleted because nobody else is an owner of the administration.
    pub is_last_owner: bool,
}
