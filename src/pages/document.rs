//! A document that a person is asked to accept, as pages show it.

use super::frame::Frame;
use super::link::web_link;

/// A document of the operator.
#[derive(Clone, Copy, Debug)]
pub struct DocumentToAccept<'a> {
    /// Its name in the form.
    pub id: &'a str,
    /// Its version.
    pub version: &'a str,
    /// Its title.
    pub title: &'a str,
    /// Where people read it.
    pub url: &'a str,
    /// Whether nobody gets on without accepting it.
    pub required: bool,
    /// Whether its box is ticked.
    pub is_ticked: bool,
}

impl<'a> DocumentToAccept<'a> {
    /// The id of its box. The only box on a page has a short one.
    pub(super) fn box_id(&self, every: &[Self]) -> String {
        match every {
            [_] => "terms-accept".to_owned(),
            _ => format!("terms-accept-{}", self.id),
        }
    }

    /// What the person accepts by the box.
    pub(super) fn text(&self, frame: &Frame<'_>) -> String {
        if self.required {
            frame.t1("terms-box-required", "title", self.title)
        } else {
            frame.t1("terms-box-optional", "title", self.title)
        }
    }

    /// Where it can be read, if the URL can be a link.
    pub(super) fn link(&self) -> Option<&'a str> {
        web_link(Some(self.url))
    }
}
