//! The settings of the administration.

use chrono::Duration;

use crate::settings::kinds::{duration, one_of_words};
use crate::settings::settings;

/// Where the administration API is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApiPlace {
    /// On the main listener, below the issuer.
    Main,
    /// On the admin listener, beside the metrics.
    Admin,
    /// Nowhere.
    Off,
}

impl ApiPlace {
    const ALL: &[Self] = &[Self::Main, Self::Admin, Self::Off];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Main => "main",
            Self::Admin => "admin",
            Self::Off => "off",
        }
    }
}

settings! {
    /// How the administration works.
    #[derive(Clone, Copy, Debug)]
    pub struct AdminSettings in "Administration" {
        /// Keys, roles, secrets and providers are changed only by who has proven who they are not
        /// longer ago than this.
        pub proof_age: Duration = duration("admin.proof_age", Duration::minutes(15)),
        /// Where the administration API is: below the issuer on the main listener, on the admin
        /// listener (`admin_listen`, plain HTTP), or nowhere.
        pub api: ApiPlace =
            one_of_words("admin.api", ApiPlace::ALL, ApiPlace::Main, ApiPlace::as_str),
    }
}
