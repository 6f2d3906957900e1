//! The person that a page speaks of.

use super::initial::initial;
use super::link::in_query;

/// A person, as they know themselves.
#[derive(Clone, Copy, Debug)]
pub struct Person<'a> {
    /// The name in the profile.
    pub name: Option<&'a str>,
    /// What they sign in with.
    pub username: &'a str,
    /// The address of their mail.
    pub email: Option<&'a str>,
}

/// A person who is signed in to this browser.
#[derive(Clone, Copy, Debug)]
pub struct Account<'a> {
    /// Who.
    pub person: Person<'a>,
    /// The name of the session in forms and links.
    pub session: &'a str,
}

impl<'a> Person<'a> {
    /// How to call them.
    pub(super) fn title(&self) -> &'a str {
        self.name.filter(|name| !name.trim().is_empty()).unwrap_or(self.username)
    }

    /// What tells them from others of the same name.
    pub(super) fn detail(&self) -> Option<&'a str> {
        let detail = self.email.unwrap_or(self.username);
        Some(detail).filter(|detail| *detail != self.title())
    }

    /// What stands for them.
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
