//! The pages on which a person makes an account.

mod account;
mod address;
mod code;
mod confirm;

pub use account::{AccountFormPage, AccountFormProblem, ProvenAddress};
pub use address::AddressPage;
pub use code::SignUpCodePage;
pub use confirm::{ConfirmAddressPage, MailedLink};
