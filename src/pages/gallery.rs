//! The gallery: every page in every state, for tests and for people who look at it.

use super::account::{
    ActivityPage, AppsPage, DataPage, DeleteAccountPage, DeletionPlannedPage, DevicesPage,
    ProfilePage, SecurityPage,
};
use super::consent::ConsentPage;
use super::console::ConsolePage;
use super::device_grant::DeviceGrantPage;
use super::error::ErrorPage;
use super::forgot::ForgotPage;
use super::form_post::FormPostPage;
use super::frame::Frame;
use super::keep_account::KeepAccountPage;
use super::logout::{LogoutPage, SignedOutPage, StillSignedInPage};
use super::look::Look;
use super::mail_link::MailLinkPage;
use super::mailed_code::MailedCodePage;
use super::new_password::NewPasswordPage;
use super::recovery_codes::RecoveryCodesPage;
use super::redirect::RedirectPage;
use super::sample::Sample;
use super::samples::apps;
use super::second_factor::SecondFactorPage;
use super::select_account::SelectAccountPage;
use super::set_up_factor::SetUpFactorPage;
use super::sign_in::SignInPage;
use super::sign_up::{AccountFormPage, AddressPage, ConfirmAddressPage, SignUpCodePage};
use super::terms::TermsPage;
use crate::domain::language::Language;

/// A page in one of its states.
#[derive(Clone, Debug)]
pub struct PageState {
    /// The name of the page.
    pub page: &'static str,
    /// The name of the page and of the state.
    pub name: String,
    /// The HTML.
    pub html: String,
}

/// Every state of every page in a language.
#[must_use]
pub fn gallery(look: &Look, language: Language) -> Vec<PageState> {
    every(Frame { look, language, base: "", here: Some("/page?interaction=i") })
}

/// Every state of every page in a frame.
pub(super) fn every(frame: Frame<'_>) -> Vec<PageState> {
    [
        rendered::<SignInPage<'_>>(frame),
        rendered::<SecondFactorPage<'_>>(frame),
        rendered::<SetUpFactorPage<'_>>(frame),
        rendered::<RecoveryCodesPage<'_>>(Frame { here: None, ..frame }),
        rendered::<AddressPage<'_>>(frame),
        rendered::<SignUpCodePage<'_>>(frame),
        rendered::<ConfirmAddressPage<'_>>(frame),
        rendered::<AccountFormPage<'_>>(frame),
        rendered::<TermsPage<'_>>(frame),
        rendered::<SelectAccountPage<'_>>(frame),
        rendered::<ConsentPage<'_>>(frame),
        rendered::<DeviceGrantPage<'_>>(frame),
        rendered::<ForgotPage<'_>>(frame),
        rendered::<MailLinkPage<'_>>(frame),
        rendered::<NewPasswordPage<'_>>(frame),
        rendered::<MailedCodePage<'_>>(frame),
        rendered::<LogoutPage<'_>>(frame),
        rendered::<SignedOutPage<'_>>(frame),
        rendered::<StillSignedInPage<'_>>(frame),
        rendered::<ProfilePage<'_>>(frame),
        rendered::<SecurityPage<'_>>(frame),
        rendered::<DevicesPage<'_>>(frame),
        rendered::<AppsPage<'_>>(frame),
        rendered::<ActivityPage<'_>>(frame),
        rendered::<DataPage<'_>>(frame),
        rendered::<DeleteAccountPage<'_>>(frame),
        rendered::<DeletionPlannedPage<'_>>(frame),
        rendered::<KeepAccountPage<'_>>(frame),
        rendered::<ConsolePage<'_>>(frame),
        rendered::<ErrorPage<'_>>(Frame { here: Some(""), ..frame }),
        rendered::<FormPostPage<'_>>(Frame { here: None, ..frame }),
        rendered::<RedirectPage<'_>>(Frame { here: None, ..frame }),
    ]
    .concat()
}

fn rendered<'a, P: Sample<'a>>(frame: Frame<'a>) -> Vec<PageState> {
    // The samples show our own logo, since only that image is certain to be served.
    let image = frame.asset(frame.look.logo());
    let render = |(state, page): (&str, P)| {
        let html = page.render().unwrap_or_else(|error| error.to_string());
        let html = html.replace(apps::IMAGE, &image);
        PageState { page: P::NAME, name: format!("{}-{state}", P::NAME), html }
    };
    P::samples(frame).into_iter().map(render).collect()
}
