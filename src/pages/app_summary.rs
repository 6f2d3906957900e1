//! The app that a page speaks of.

use super::initial::initial;
use super::link::web_link;

/// The app that sent the person.
#[derive(Clone, Copy, Debug)]
pub struct App<'a> {
    /// Its name.
    pub name: &'a str,
    /// Where the answer goes, like `shop.example.com`.
    pub host: Option<&'a str>,
    /// The same-origin path of its image.
    pub logo: Option<&'a str>,
    /// Its privacy policy.
    pub policy_uri: Option<&'a str>,
    /// Its terms of service.
    pub tos_uri: Option<&'a str>,
}

impl<'a> App<'a> {
    /// The letter that stands for it where it has no image.
    pub(super) fn initial(&self) -> String {
        initial(self.name)
    }

    /// Its image, if it is ours to serve.
    pub(super) fn image(&self) -> Option<&'a str> {
        self.logo.filter(|path| path.starts_with('/') && !path.starts_with("//"))
    }

    /// Its privacy policy, if that can be a link.
    pub(super) fn policy(&self) -> Option<&'a str> {
        web_link(self.policy_uri)
    }

    /// Its terms, if they can be a link.
    pub(super) fn terms(&self) -> Option<&'a str> {
        web_link(self.tos_uri)
    }
}
