//! The pages of my account.

use serde::{Deserialize, Serialize};

use super::urls;

/// A page of my account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountPage {
    /// Who the person is.
    #[default]
    Profile,
    /// The ways to sign in.
    Security,
    /// The browsers in which the person is signed in.
    Devices,
    /// The apps that have access.
    Apps,
    /// What happened to the account.
    Activity,
    /// What is stored about the person, and the end of the account.
    Data,
}

impl AccountPage {
    /// Every page, in the order in which people see them.
    pub const ALL: [Self; 6] =
        [Self::Profile, Self::Security, Self::Devices, Self::Apps, Self::Activity, Self::Data];

    /// The path of the page.
    #[must_use]
    pub fn path(self) -> &'static str {
        match self {
            Self::Profile => urls::ACCOUNT,
            Self::Security => urls::ACCOUNT_SECURITY,
            Self::Devices => urls::ACCOUNT_DEVICES,
            Self::Apps => urls::ACCOUNT_APPS,
            Self::Activity => urls::ACCOUNT_ACTIVITY,
            Self::Data => urls::ACCOUNT_DATA,
        }
    }
}
