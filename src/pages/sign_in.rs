//! Signing in.

mod samples;

use askama::Template;

use super::frame::{App, Frame, Ticket};
use super::provider::ProviderButton;
use super::way_out::WayOut;

/// The page that asks for name and password, or for a provider to go on with.
#[derive(Clone, Debug, Template)]
#[template(path = "sign_in.html")]
#[expect(clippy::struct_excessive_bools, reason = "each says of one part whether it is there")]
pub struct SignInPage<'a> {
    /// The frame.
    pub frame: Frame<'a>,
    /// Where they go on to; `None`: their own account.
    pub app: Option<App<'a>>,
    /// The hidden fields.
    pub ticket: Ticket<'a>,
    /// What is known of the name.
    pub username: &'a str,
    /// Signing in again: this person and no other.
    pub fixed: bool,
    /// Whether "keep me signed in" is ticked.
    pub keep: bool,
    /// What went wrong.
    pub problem: Option<SignInProblem>,
    /// Whether the chooser has something to choose from.
    pub others: bool,
    /// The provider that knows them where they are, before everything else.
    pub first: Option<ProviderButton<'a>>,
    /// The other providers to go on with, in the order in which they are offered.
    pub providers: Vec<ProviderButton<'a>>,
    /// Whether name and password are asked for.
    pub password: bool,
    /// What happened at a provider, or what is asked of the person because of it.
    pub social: Option<SocialNote<'a>>,
    /// The way out of an app's own browser.
    pub way_out: Option<WayOut<'a>>,
}

/// Why somebody is not signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignInProblem {
    /// No name was given.
    MissingUsername,
    /// No password was given.
    MissingPassword,
    /// Name and password do not belong together. It does not say whether the name exists.
    Wrong,
    /// Too many attempts.
    Throttled {
        /// How long to wait.
        minutes: u64,
    },
    /// Too many people sign in at this moment.
    Busy,
}

/// What happened at a provider, or what is asked of the person because of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SocialNote<'a> {
    /// They turned back there.
    Cancelled {
        /// What people call the provider.
        provider: &'a str,
    },
    /// The provider is down or slow.
    Unavailable {
        /// What people call the provider.
        provider: &'a str,
    },
    /// This account cannot be used here. It does not say why.
    Refused {
        /// What people call the provider.
        provider: &'a str,
    },
    /// What the provider said cannot be trusted.
    Failed {
        /// What people call the provider.
        provider: &'a str,
    },
    /// There is an account with this address: signing in to it once connects both.
    Prove {
        /// What people call the provider.
        provider: &'a str,
        /// The address.
        email: &'a str,
    },
}

impl SignInPage<'_> {
    fn heading(&self) -> String {
        match self.social {
            Some(SocialNote::Prove { .. }) => self.frame.t("sign-in-prove-title"),
            _ if self.fixed => self.frame.t("sign-in-again-title"),
            _ => self.frame.t("sign-in-title"),
        }
    }

    fn lead(&self) -> String {
        if let Some(SocialNote::Prove { provider, email }) = self.social {
            return self.frame.t2("sign-in-prove-lead", ("email", email), ("provider", provider));
        }
        // A provider may be asked as well: it is not the password alone that counts.
        let known = Some(self.username).filter(|_| self.fixed && !self.providers.is_empty());
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

    /// What needs no more than to be said.
    fn aside(&self) -> Option<String> {
        match self.social? {
            SocialNote::Cancelled { provider } => {
                Some(self.frame.t1("social-cancelled", "provider", provider))
            }
            _ => None,
        }
    }

    /// What went wrong at the provider.
    fn trouble(&self) -> Option<String> {
        match self.social? {
            SocialNote::Unavailable { provider } => {
                Some(self.frame.t1("social-unavailable", "provider", provider))
            }
            SocialNote::Refused { provider } => {
                Some(self.frame.t1("social-refused", "provider", provider))
            }
            SocialNote::Failed { provider } => {
                Some(self.frame.t1("social-failed", "provider", provider))
            }
            SocialNote::Cancelled { .. } | SocialNote::Prove { .. } => None,
        }
    }

    /// What the app is told of turning back now.
    fn why(&self) -> Option<&'static str> {
        let is_down = matches!(self.social, Some(SocialNote::Unavailable { .. }));
        is_down.then_some("unavailable")
    }

    /// The problem that stands beside the name.
    fn beside_username(&self) -> Option<String> {
        let missing = self.problem == Some(SignInProblem::MissingUsername);
        missing.then(|| self.frame.t("sign-in-missing-username"))
    }

    /// The problem that stands beside the password.
    fn beside_password(&self) -> Option<String> {
        match self.problem? {
            SignInProblem::MissingPassword => Some(self.frame.t("sign-in-missing-password")),
            SignInProblem::Wrong if self.fixed => Some(self.frame.t("sign-in-wrong-password")),
            SignInProblem::Wrong => Some(self.frame.t("sign-in-wrong")),
            _ => None,
        }
    }

    /// The problem that is nobody's field.
    fn above(&self) -> Option<String> {
        if !self.password
            && self.first.is_none()
            && self.providers.is_empty()
            && self.way_out.is_none()
        {
            return Some(self.frame.t("sign-in-no-way"));
        }
        match self.problem? {
            SignInProblem::Throttled { minutes } => {
                Some(self.frame.tn("throttled", "minutes", minutes))
            }
            SignInProblem::Busy => Some(self.frame.t("busy")),
            _ => None,
        }
    }

    /// Whether the name may be at fault as well.
    fn doubts_username(&self) -> bool {
        self.problem == Some(SignInProblem::Wrong) && !self.fixed
    }

    fn starts_at_username(&self) -> bool {
        self.starts_at_fields() && !self.knows_username()
    }

    fn starts_at_password(&self) -> bool {
        self.starts_at_fields() && self.knows_username()
    }

    /// Whoever should leave for another browser is not taken past the way out.
    fn starts_at_fields(&self) -> bool {
        self.way_out.is_none()
    }

    fn knows_username(&self) -> bool {
        !self.username.is_empty() && self.problem != Some(SignInProblem::MissingUsername)
    }
}
