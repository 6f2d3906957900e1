//! The sections of the console.

use super::admin_right::AdminRight;
use super::console_urls;

/// A section of the console.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConsoleSection {
    /// What goes on, and what needs attention.
    Overview,
    /// People.
    People,
    /// Groups of people.
    Groups,
    /// Apps.
    Apps,
    /// The providers of social login.
    Providers,
    /// Signing keys.
    Keys,
    /// Audit events.
    Audit,
    /// The settings that are in force.
    Settings,
}

impl ConsoleSection {
    /// Every section, in the order in which people see them.
    pub const ALL: [Self; 8] = [
        Self::Overview,
        Self::People,
        Self::Groups,
        Self::Apps,
        Self::Providers,
        Self::Keys,
        Self::Audit,
        Self::Settings,
    ];

    /// The path of its first page.
    #[must_use]
    pub const fn path(self) -> &'static str {
        match self {
            Self::Overview => console_urls::OVERVIEW,
            Self::People => console_urls::PEOPLE,
            Self::Groups => console_urls::GROUPS,
            Self::Apps => console_urls::APPS,
            Self::Providers => console_urls::PROVIDERS,
            Self::Keys => console_urls::KEYS,
            Self::Audit => console_urls::AUDIT,
            Self::Settings => console_urls::SETTINGS,
        }
    }

    /// The right that its first page needs.
    #[must_use]
    pub const fn right(self) -> AdminRight {
        match self {
            Self::Overview | Self::People | Self::Groups => AdminRight::ReadPeople,
            Self::Apps => AdminRight::ReadClients,
            Self::Providers => AdminRight::ReadProviders,
            Self::Keys => AdminRight::ReadKeys,
            Self::Audit => AdminRight::ReadAudit,
            Self::Settings => AdminRight::ReadSettings,
        }
    }
}
