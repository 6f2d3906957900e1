//! The sign-in page.

mod samples;

use askama::Template;

use super::app_summary::App;
use super::consent::Unvouched;
use super::external_browser::ExternalBrowser;
use super::frame::Frame;
use super::hidden_fields::HiddenFields;
use super::passkey_form::PasskeyForm;
use super::provider::ProviderButton;
use super::provider_notice::ProviderNotice;
use crate::domain::upstream_outcome::UpstreamOutcome;

/// The page that asks for user name and password, or offers providers to sign in with.
#[derive(Clone, Debug, Template)]
#[template(path = "sign_in.html")]
#[expect(clippy::struct_excessive_bools, reason = "each says of one part whether it is there")]
pub struct SignInPage<'a> {
    /// The frame of the page.
    pub frame: Frame<'a>,
    /// The app that they sign in for; `None`: they open their own account.
    pub app: Option<App<'a>>,
    /// Where an app comes from for which nobody vouches.
    pub unvouched: Option<Unvouched<'a>>,
    /// The hidden fields.
    pub hidden: HiddenFields<'a>,
    /// The user name, as far as it is known.
    pub username: &'a str,
    /// Whether this person, and no other, has to sign in again.
    pub fixed: bool,
    /// Whether "keep me signed in" is ticked.
    pub keep: bool,
    /// What went wrong.
    pub problem: Option<SignInProblem>,
    /// Whether there are other accounts to choose from.
    pub others: bool,
    /// The providers that are offered, in this order.
    pub providers: Vec<ProviderButton<'a>>,
    /// Whether name and password are asked for.
    pub password: bool,
    /// Whether a person who forgot the password can get a link to a new one.
    pub forgot: bool,
    /// Whether a person can sign in with a code that is mailed to them.
    pub mail_code: bool,
    /// Whether name and password stand before the providers.
    pub password_first: bool,
    /// What the page says about making an account.
    pub sign_up: SignUpOffer,
    /// The account that the person has to prove before anything else.
    pub prove: Option<AccountToProve<'a>>,
    /// What happened at a provider.
    pub provider_notice: Option<ProviderNotice<'a>>,
    /// How to open the page outside of the browser that is part of another app.
    pub external_browser: Option<ExternalBrowser<'a>>,
    /// How to sign in with a passkey.
    pub passkey: Option<PasskeyForm<'a>>,
}

/// What the sign-in page says about making an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignUpOffer {
    /// A link leads to the form.
    Link,
    /// One needs an invitation.
    Invitation,
    /// Nothing.
    Nothing,
}

/// Why the person is not signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignInProblem {
    /// No name was given.
    MissingUsername,
    /// No password was given.
    MissingPassword,
    /// User name and password do not match. The page does not tell whether the user name exists.
    Wrong,
    /// Too many attempts.
    Throttled {
        /// How long to wait.
        minutes: u64,
    },
    /// Too many people sign in at this moment.
    Busy,
    /// The passkey does not count. The page does not tell why.
    PasskeyRefused,
    /// The passkey came too late.
    PasskeyLate,
}

/// How many providers are shown at once beside a password.
const FEW: usize = 3;

/// The account that a person has to prove before a provider is connected to it.
#[derive(Clone, Copy, Debug)]
pub struct AccountToProve<'a> {
    /// The name of the provider that is to be connected.
    pub provider: &'a str,
    /// The address of the account.
    pub email: &'a str,
}

impl SignInPage<'_> {
    fn heading(&self) -> String {
        match self.prove {
            Some(AccountToProve { provider, .. }) => {
                self.frame.t1("sign-in-prove-title", "provider", provider)
            }
            None if self.fixed => self.frame.t("sign-in-again-title"),
            None => self.frame.t("sign-in-title"),
        }
    }

    fn lead(&self) -> String {
        if let Some(AccountToProve { provider, email }) = self.prove {
            return self.frame.t2("sign-in-prove-lead", ("email", email), ("provider", provider));
        }
        // The texts that speak of a password are used only where a password is the only method.
        let by_password = self.password && self.providers.is_empty();
        let known = Some(self.username).filter(|_| self.fixed && !by_password);
        match (self.app, known) {
            (Some(app), Some(name)) => {
                self.frame.t2("sign-in-again-lead-as", ("app", app.name), ("username", name))
            }
            (Some(app), None) if self.fixed => self.frame.t1("sign-in-again-lead", "app", app.name),
            (Some(app), None) => self.frame.t1("sign-in-lead", "app", app.name),
            (None, Some(name)) => self.frame.t1("sign-in-again-lead-account", "username", name),
            (None, None) => self.frame.t1("sign-in-lead-account", "name", self.frame.look.name()),
        }
    }

    /// The note about a provider, if it is no error.
    fn provider_status(&self) -> Option<String> {
        self.provider_notice.filter(ProviderNotice::is_quiet)?.at_sign_in(&self.frame)
    }

    /// The error at the provider, or with the account that the person used there.
    fn provider_error(&self) -> Option<String> {
        let provider_notice =
            self.provider_notice.filter(|provider_notice| !provider_notice.is_quiet())?;
        match (provider_notice.outcome, self.prove) {
            (UpstreamOutcome::Another, Some(AccountToProve { email, .. })) => {
                Some(self.frame.t1("sign-in-prove-another", "email", email))
            }
            _ => provider_notice.at_sign_in(&self.frame),
        }
    }

    /// The reason that the app gets when the person cancels now.
    fn why(&self) -> Option<&'static str> {
        let is_down = self
            .provider_notice
            .is_some_and(|provider_notice| provider_notice.outcome == UpstreamOutcome::Unavailable);
        is_down.then_some(UpstreamOutcome::Unavailable.as_str())
    }

    /// The error beside the user name.
    fn username_error(&self) -> Option<String> {
        let missing = self.problem == Some(SignInProblem::MissingUsername);
        missing.then(|| self.frame.t("sign-in-missing-username"))
    }

    /// The error beside the password.
    fn password_error(&self) -> Option<String> {
        match self.problem? {
            SignInProblem::MissingPassword => Some(self.frame.t("sign-in-missing-password")),
            SignInProblem::Wrong if self.fixed => Some(self.frame.t("sign-in-wrong-password")),
            SignInProblem::Wrong => Some(self.frame.t("sign-in-wrong")),
            _ => None,
        }
    }

    /// The text for a page that offers no way to sign in.
    fn no_method_text(&self) -> Option<String> {
        let is_lost =
            !self.has_methods() && self.external_browser.is_none() && self.passkey.is_none();
        is_lost.then(|| match self.app {
            _ if self.fixed => self.frame.t("sign-in-no-way-again"),
            Some(_) => self.frame.t("sign-in-no-way"),
            None => self.frame.t("sign-in-no-way-account"),
        })
    }

    /// The error that belongs to no single field. It takes the focus, so that it is seen and read
    /// out.
    fn form_error(&self) -> Option<String> {
        match self.problem? {
            SignInProblem::Throttled { minutes } => {
                Some(self.frame.tn("throttled", "minutes", minutes))
            }
            SignInProblem::Busy => Some(self.frame.t("busy")),
            _ => None,
        }
    }

    /// The error of a passkey. It takes the focus.
    fn passkey_error(&self) -> Option<String> {
        match self.problem? {
            SignInProblem::PasskeyRefused => Some(self.frame.t("passkey-refused")),
            SignInProblem::PasskeyLate => Some(self.frame.t("passkey-late")),
            // The fields for a password show these, where there are any.
            _ if !self.password => self.form_error(),
            _ => None,
        }
    }

    /// Whether the user name may be wrong, too.
    fn username_may_be_wrong(&self) -> bool {
        self.problem == Some(SignInProblem::Wrong) && !self.fixed
    }

    fn focuses_username(&self) -> bool {
        self.focuses_fields() && !self.has_username()
    }

    fn focuses_password(&self) -> bool {
        self.focuses_fields() && self.has_username()
    }

    /// Whether a field takes the focus. If the providers come first, none does.
    fn focuses_fields(&self) -> bool {
        let has_error = self.form_error().is_some() || self.passkey_error().is_some();
        (self.providers.is_empty() || self.password_first) && !has_error
    }

    /// The providers that are shown at once: only a few if there is a password form, too.
    fn first_providers(&self) -> &[ProviderButton<'_>] {
        self.providers.get(..self.few()).unwrap_or_default()
    }

    /// The other providers, which are shown when a person unfolds the list.
    fn more_providers(&self) -> &[ProviderButton<'_>] {
        self.providers.get(self.few()..).unwrap_or_default()
    }

    fn few(&self) -> usize {
        let every = self.providers.len();
        // Hiding only one provider would save no space.
        if self.password && every > FEW + 1 { FEW } else { every }
    }

    fn has_methods(&self) -> bool {
        self.password || !self.providers.is_empty()
    }

    fn has_username(&self) -> bool {
        !self.username.is_empty() && self.problem != Some(SignInProblem::MissingUsername)
    }
}
