//! The pages: one struct for each template. Nothing here depends on a web framework.
//!
//! Every page has a [`Frame`]. Its words come from Fluent files, and its states are enums. Each
//! page has samples of all its states; [`gallery`] renders them.

mod account;
mod app_summary;
mod branding;
#[cfg(test)]
mod checks;
mod colour;
mod consent;
pub mod console;
mod device_grant;
mod document;
mod error;
mod external_browser;
mod forgot;
mod form_post;
mod frame;
mod gallery;
mod hidden_fields;
mod initial;
mod instant;
mod keep_account;
mod link;
mod linked_identity;
mod logout;
mod look;
mod mail;
mod mail_link;
mod mailed_code;
mod new_password;
mod passkey_form;
mod permission;
mod person;
mod provider;
mod provider_notice;
#[cfg(test)]
mod pseudo;
mod qr_code;
mod recovery_codes;
mod redirect;
mod sample;
mod samples;
mod second_factor;
mod select_account;
mod set_up_factor;
mod settings;
mod sign_in;
mod sign_up;
mod terms;
mod texts;
mod zone;

pub use crate::domain::language::Language;
pub use account::{
    AccountNotice, ActivityEntry, ActivityPage, ActsForYou, AddressProblem, AddressSection,
    AppAccess, AppsPage, AttributeInput, DataPage, DeleteAccountPage, DeletionPlannedPage, Device,
    DevicesPage, OneTimeCodes, PasskeyProblem, PasskeysSection, PasswordForm, PasswordProblem,
    PasswordSection, ProfileInput, ProfilePage, ProvidersSection, SecurityPage, Shell,
    ShownPasskey, StoppedActor,
};
pub use app_summary::App;
pub use consent::{ConsentPage, Unvouched};
pub use device_grant::{AskingDevice, DeviceGrantPage, DeviceProblem, DeviceStep};
pub use document::DocumentToAccept;
pub use error::{ErrorPage, PageProblem};
pub use external_browser::ExternalBrowser;
pub use forgot::ForgotPage;
pub use form_post::{FORM_POST_SCRIPT, FormPostPage};
pub use frame::Frame;
pub use gallery::{PageState, gallery};
pub use hidden_fields::HiddenFields;
pub use keep_account::KeepAccountPage;
pub use linked_identity::ConnectedProvider;
pub use logout::{LogoutPage, SignedOutPage, StillSignedInPage};
pub use look::{Asset, Look};
pub use mail_link::{MailLinkKind, MailLinkPage, MailLinkState};
pub use mailed_code::{MailedCodeKind, MailedCodePage, MailedCodeProblem};
pub use new_password::{NewPasswordPage, NewPasswordProblem};
pub use passkey_form::PasskeyForm;
pub use permission::Permission;
pub use person::{Account, Person};
pub use provider::{Brand, ProviderButton};
pub use provider_notice::ProviderNotice;
pub use recovery_codes::RecoveryCodesPage;
pub use redirect::RedirectPage;
pub use second_factor::{CodeProblem, SecondFactorPage};
pub use select_account::SelectAccountPage;
pub use set_up_factor::SetUpFactorPage;
pub use settings::Settings;
pub use sign_in::{AccountToProve, SignInPage, SignInProblem, SignUpOffer};
pub use sign_up::{
    AccountFormPage, AccountFormProblem, AddressPage, ConfirmAddressPage, MailedLink,
    ProvenAddress, SignUpCodePage,
};
pub use terms::TermsPage;
pub use zone::Zone;
