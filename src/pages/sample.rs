//! The trait of pages that are shown in the gallery.

use askama::Template;

use super::frame::Frame;

/// A page that has samples of all its states.
pub(super) trait Sample<'a>: Template + Sized {
    /// The name of the page.
    const NAME: &'static str;

    /// The page in every state, each with the name of the state.
    fn samples(frame: Frame<'a>) -> Vec<(&'static str, Self)>;
}
