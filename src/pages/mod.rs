//! The pages: one struct for each template, and nothing that knows of a web framework.
//!
//! Every page stands in a [`Frame`]; its words come from Fluent files, its states from enums. Each
//! page knows samples of all its states: [`gallery`] renders them.

mod account;
mod branding;
#[cfg(test)]
mod checks;
mod colour;
mod consent;
mod error;
mod external_browser;
mod form_post;
mod frame;
mod gallery;
mod instant;
mod language;
mod linked_identity;
mod logout;
mod look;
mod permission;
mod provider;
mod provider_notice;
mod redirect;
mod select_account;
mod sign_in;
mod texts;

pub use account::{AccountPage, AppAccess, Device, Notice, PasswordProblem};
pub use consent::ConsentPage;
pub use error::{ErrorPage, Problem};
pub use external_browser::ExternalBrowser;
pub use form_post::{FORM_POST_SCRIPT, FormPostPage};
pub use frame::{Account, App, Frame, HiddenFields, Person};
pub use gallery::gallery;
pub use instant::Zone;
pub use language::Language;
pub use linked_identity::LinkedIdentity;
pub use logout::{LogoutPage, SignedOutPage, StillSignedInPage};
pub use look::{Asset, Look, Settings};
pub use permission::Permission;
pub use provider::{Brand, ProviderButton};
pub use provider_notice::ProviderNotice;
pub use redirect::RedirectPage;
pub use select_account::SelectAccountPage;
pub use sign_in::{AccountToProve, SignInPage, SignInProblem};
