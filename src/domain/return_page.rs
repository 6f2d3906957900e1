//! Where a person comes back to when they have signed in, or proven again who they are.

use serde::{Deserialize, Serialize};

use super::account_page::AccountPage;
use super::device_grant::UserCode;
use super::{console_urls, urls};

/// A page of this server that a person wants to see.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ReturnPage {
    /// A page of their account.
    Account(AccountPage),
    /// A page of the console.
    Console(ConsolePath),
    /// The page on which they allow a sign-in on a device.
    Device {
        /// The code that the device shows, if they brought it.
        user_code: Option<UserCode>,
    },
}

impl ReturnPage {
    /// The path of the page.
    #[must_use]
    pub fn path(&self) -> &str {
        match self {
            Self::Account(page) => page.path(),
            Self::Console(path) => path.as_str(),
            Self::Device { .. } => urls::DEVICE,
        }
    }
}

impl Default for ReturnPage {
    fn default() -> Self {
        Self::Account(AccountPage::default())
    }
}

impl From<AccountPage> for ReturnPage {
    fn from(page: AccountPage) -> Self {
        Self::Account(page)
    }
}

/// The path of a page of the console. It names no other site and no other page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ConsolePath(String);

/// The longest path: that of a client with the longest id.
const LONGEST: usize = 1000;

impl ConsolePath {
    /// Reads a path, as it stands in a request. What is no page of the console becomes its first
    /// page.
    #[must_use]
    pub fn of(path: &str) -> Self {
        let is_below = console_urls::ROOTS.iter().any(|root| path.starts_with(root));
        let is_plain = path.bytes().all(|byte| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'_' | b'.' | b'~' | b'%')
        });
        if is_below && is_plain && path.len() <= LONGEST && !path.contains("..") {
            return Self(path.to_owned());
        }
        Self(console_urls::OVERVIEW.to_owned())
    }

    /// The path.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ConsolePath {
    type Error = &'static str;

    fn try_from(path: String) -> Result<Self, Self::Error> {
        let read = Self::of(&path);
        if read.0 == path { Ok(read) } else { Err("it is no page of the console") }
    }
}

impl From<ConsolePath> for String {
    fn from(path: ConsolePath) -> Self {
        path.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_led_away_from_the_console() {
        for path in ["/admin/", "/admin/people", "/admin/apps/a%2Fb", "/debug/token"] {
            assert_eq!(ConsolePath::of(path).as_str(), path);
        }
        for path in [
            "",
            "/",
            "//evil.example",
            "/admin",
            "/admin/../logout",
            "/admin/people?x=1",
            "/admin/\\evil",
            "https://evil.example/admin/",
            "/logout",
        ] {
            assert_eq!(ConsolePath::of(path).as_str(), "/admin/", "{path}");
        }
    }

    #[test]
    fn a_page_is_read_back_as_it_was_written() {
        let console = ReturnPage::Console(ConsolePath::of("/admin/people"));
        let device = ReturnPage::Device { user_code: UserCode::read("BCDF-GHJK") };
        for page in [ReturnPage::default(), AccountPage::Security.into(), console, device] {
            let text = serde_json::to_string(&page).expect("JSON");
            assert_eq!(serde_json::from_str::<ReturnPage>(&text).expect("a page"), page, "{text}");
        }
        let old: ReturnPage = serde_json::from_str("\"devices\"").expect("a page");
        assert_eq!(old, AccountPage::Devices.into());
        assert!(serde_json::from_str::<ReturnPage>("\"//evil.example\"").is_err());
    }
}
