//! The person that a page shows.

use super::initial::initial;
use super::link::in_query;

/// A person, as the pages show them.
#[derive(Clone, Copy, Debug)]
pub struct Person<'a> {
    /// The name in the profile.
    pub name: Option<&'a str>,
    /// What they sign in with.
    pub username: &'a str,
    /// Their e-mail address.
    pub email: Option<&'a str>,
}

/// A person who is signed in to this browser.
#[derive(Clone, Copy, Debug)]
pub struct Account<'a> {
    /// The person.
    pub person: Person<'a>,
    /// The name of the session in forms and links.
    pub session: &'a str,
}

impl<'a> Person<'a> {
    /// The name to show.
    pub(super) fn title(&self) -> &'a str {
        self.name.filter(|name| !name.trim().is_empty()).unwrap_or(self.username)
    }

    /// What tells the person apart from others of the same name.
    pub(super) fn detail(&self) -> Option<&'a str> {
        let detail = self.email.unwrap_or(self.username);
        Some(detail).filter(|detail| *detail != self.title())
    }

    /// The letter that is shown in place of a picture.
    pub(super) fn initial(&self) -> String {
        initial(self.title())
    }
}

impl Account<'_> {
    /// The session in a query.
    pub(super) fn session_query(&self) -> String {
        in_query(self.session)
    }
}
