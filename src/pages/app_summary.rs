//! The app that a page shows.

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
    /// The letter that is shown if the app has no image.
    pub(super) fn initial(&self) -> String {
        initial(self.name)
    }

    /// The path of its image, if this server serves it.
    pub(super) fn image(&self) -> Option<&'a str> {
        self.logo.filter(|path| path.starts_with('/') && !path.starts_with("//"))
    }

    /// Its privacy policy, if the URL can be a link.
    pub(super) fn policy(&self) -> Option<&'a str> {
        web_link(self.policy_uri)
    }

    /// Its terms of service, if the URL can be a link.
    pub(super) fn terms(&self) -> Option<&'a str> {
        web_link(self.tos_uri)
    }
}
