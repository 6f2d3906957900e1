//! The page with the ways to sign in: a list of sections.

use askama::Template;

use super::address::AddressSection;
use super::one_time_codes::OneTimeCodes;
use super::passkeys::PasskeysSection;
use super::password::PasswordSection;
use super::providers::ProvidersSection;
use super::shell::Shell;
use crate::pages::frame::Frame;
use crate::pages::instant;
use crate::pages::provider_notice::ProviderNotice;

/// The page with the ways to sign in. Each section has a struct and a template of its own.
#[derive(Clone, Debug, Template)]
#[template(path = "account/security.html")]
pub struct SecurityPage<'a> {
    /// The frame of the page.
    pub frame: Frame<'a>,
    /// The shell of the page.
    pub shell: Shell<'a>,
    /// Why nothing was connected or disconnected.
    pub provider_notice: Option<ProviderNotice<'a>>,
    /// The address.
    pub address: AddressSection<'a>,
    /// The password.
    pub password: PasswordSection,
    /// The one-time codes.
    pub one_time_codes: OneTimeCodes<'a>,
    /// The passkeys; `None` where browsers have none.
    pub passkeys: Option<PasskeysSection<'a>>,
    /// The providers.
    pub providers: ProvidersSection<'a>,
}

impl SecurityPage<'_> {
    /// Whether the page needs the script that makes a passkey.
    fn adds_passkeys(&self) -> bool {
        self.passkeys.as_ref().is_some_and(|section| section.addable)
    }
}
