//! The hidden fields of forms.

use super::link::in_query;

/// The hidden fields of every form.
#[derive(Clone, Copy, Debug)]
pub struct HiddenFields<'a> {
    /// Which interaction the form belongs to.
    pub interaction: &'a str,
    /// The proof that the form came from our page.
    pub csrf: &'a str,
}

impl HiddenFields<'_> {
    /// The interaction in a query.
    pub(super) fn interaction_query(&self) -> String {
        in_query(self.interaction)
    }
}
