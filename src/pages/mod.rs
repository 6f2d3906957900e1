//! The pages: one struct for each template, and nothing that knows of a web framework.
//!
//! Every page stands in a [`Frame`]; its words come from Fluent files, its states from enums. Each
//! page knows samples of all its states: [`gallery`] renders them.

mod account;
mod brand;
#[cfg(test)]
mod checks;
mod chooser;
mod colour;
mod consent;
mod error;
mod form_post;
mod frame;
mod gallery;
mod instant;
mod language;
mod linked;
mod logout;
mod look;
mod noted;
mod onward;
mod provider;
mod sign_in;
mod texts;
mod way_out;
mod wish;

pub use account::{Access, AccountPage, Device, Notice, PasswordProblem};
pub use chooser::ChooserPage;
pub use consent::ConsentPage;
pub use error::{ErrorPage, Problem};
pub use form_post::{FORM_POST_SCRIPT, FormPostPage};
pub use frame::{Account, App, Frame, Person, Ticket};
pub use gallery::gallery;
pub use instant::Zone;
pub use language::Language;
pub use linked::Linked;
pub use logout::{LogoutPage, SignedOutPage, StayedPage};
pub use look::{Asset, Look, Settings};
pub use noted::Noted;
pub use onward::OnwardPage;
pub use provider::{Brand, ProviderButton};
pub use sign_in::{Prove, SignInPage, SignInProblem};
pub use way_out::WayOut;
pub use wish::Wish;
