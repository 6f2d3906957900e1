//! The section in which a person changes their address.

use crate::pages::frame::Frame;

/// The section with the address.
#[derive(Clone, Copy, Debug)]
pub struct AddressSection<'a> {
    /// Whether mails can be sent, without which no address can be proven.
    pub is_offered: bool,
    /// The address that the account has.
    pub email: Option<&'a str>,
    /// Whether it is verified.
    pub is_verified: bool,
    /// What was typed before.
    pub typed: &'a str,
    /// Why nothing was sent to the new address.
    pub problem: Option<AddressProblem>,
}

/// Why nothing was sent to a new address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressProblem {
    /// It is not an address.
    Malformed,
    /// It is the verified address of the account.
    Same,
    /// Another account has it.
    Taken,
}

impl AddressSection<'_> {
    /// The error beside the field. It takes the focus, because the section may stand far down the
    /// page.
    pub(super) fn error(&self, frame: &Frame<'_>) -> Option<String> {
        self.problem.map(|problem| match problem {
            AddressProblem::Malformed => frame.t("address-malformed"),
            AddressProblem::Same => frame.t("address-same"),
            AddressProblem::Taken => frame.t("address-taken"),
        })
    }
}
