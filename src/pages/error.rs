//! The error page.

use askama::Template;

use super::frame::Frame;
use super::link::web_link;
use super::sample::Sample;
use super::samples::names;

/// The page that says what went wrong and what to do.
#[derive(Clone, Debug, Template)]
#[template(path = "error.html")]
pub struct ErrorPage<'a> {
    /// The frame of the page.
    pub frame: Frame<'a>,
    /// The stable code, for automation and support.
    pub code: &'a str,
    /// What happened.
    pub problem: PageProblem,
    /// The link back to the app.
    pub back: Option<&'a str>,
    /// The name of the app.
    pub app_name: Option<&'a str>,
}

/// What happened, for a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageProblem {
    /// The app is not registered.
    UnknownClient,
    /// The app sent a return address that is not its own.
    InvalidRedirectUri,
    /// The app asked for something that cannot be understood.
    InvalidRequest,
    /// There is no such interaction.
    Unknown,
    /// The page is too old.
    Expired,
    /// This sign-in is done already.
    Finished,
    /// The form did not come from our page.
    Forbidden,
    /// The app sent a sign-out request that is not valid.
    InvalidLogout,
    /// There is nothing at this address.
    NotFound,
    /// The address does not take this method.
    MethodNotAllowed,
    /// What was sent is too large.
    TooLarge,
    /// The server is overloaded or cannot reach its database: try again in a moment.
    Unavailable,
    /// The server failed.
    Internal,
    /// The page belongs to another browser, or there are no cookies.
    WrongBrowser,
    /// There is no such provider.
    UnknownProvider,
    /// Another account has the address.
    AddressTaken,
    /// The person has no role in the administration.
    NoRole,
    /// The roles of the person do not allow it.
    NoRight,
    /// The person has to sign in with a passkey.
    PasskeyNeeded,
    /// The person allowed as many apps of this kind as one person may.
    TooManyApps {
        /// How many that are.
        most: u64,
    },
}

impl PageProblem {
    /// Every problem.
    pub const ALL: [Self; 20] = [
        Self::UnknownClient,
        Self::InvalidRedirectUri,
        Self::InvalidRequest,
        Self::Unknown,
        Self::Expired,
        Self::Finished,
        Self::Forbidden,
        Self::InvalidLogout,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::TooLarge,
        Self::Unavailable,
        Self::Internal,
        Self::WrongBrowser,
        Self::UnknownProvider,
        Self::AddressTaken,
        Self::NoRole,
        Self::NoRight,
        Self::PasskeyNeeded,
        Self::TooManyApps { most: 100 },
    ];

    fn heading(self, frame: &Frame<'_>) -> String {
        match self {
            Self::UnknownClient => frame.t("error-unknown-client"),
            Self::InvalidRedirectUri => frame.t("error-invalid-redirect-uri"),
            Self::InvalidRequest => frame.t("error-invalid-request"),
            Self::Unknown => frame.t("error-unknown"),
            Self::Expired => frame.t("error-expired"),
            Self::Finished => frame.t("error-finished"),
            Self::Forbidden => frame.t("error-forbidden"),
            Self::InvalidLogout => frame.t("error-invalid-logout"),
            Self::NotFound => frame.t("error-not-found"),
            Self::MethodNotAllowed => frame.t("error-method-not-allowed"),
            Self::TooLarge => frame.t("error-too-large"),
            Self::Unavailable => frame.t("error-unavailable"),
            Self::Internal => frame.t("error-internal"),
            Self::WrongBrowser => frame.t("error-wrong-browser"),
            Self::UnknownProvider => frame.t("error-unknown-provider"),
            Self::AddressTaken => frame.t("error-address-taken"),
            Self::NoRole => frame.t("error-no-role"),
            Self::NoRight => frame.t("error-no-right"),
            Self::PasskeyNeeded => frame.t("error-passkey-needed"),
            Self::TooManyApps { .. } => frame.t("error-too-many-apps"),
        }
    }

    fn advice(self, frame: &Frame<'_>) -> String {
        match self {
            Self::UnknownClient => frame.t("error-unknown-client-advice"),
            Self::InvalidRedirectUri => frame.t("error-invalid-redirect-uri-advice"),
            Self::InvalidRequest => frame.t("error-invalid-request-advice"),
            Self::Unknown => frame.t("error-unknown-advice"),
            Self::Expired => frame.t("error-expired-advice"),
            Self::Finished => frame.t("error-finished-advice"),
            Self::Forbidden => frame.t("error-forbidden-advice"),
            Self::InvalidLogout => frame.t("error-invalid-logout-advice"),
            Self::NotFound => frame.t("error-not-found-advice"),
            Self::MethodNotAllowed => frame.t("error-method-not-allowed-advice"),
            Self::TooLarge => frame.t("error-too-large-advice"),
            Self::Unavailable => frame.t("error-unavailable-advice"),
            Self::Internal => frame.t("error-internal-advice"),
            Self::WrongBrowser => frame.t("error-wrong-browser-advice"),
            Self::UnknownProvider => frame.t("error-unknown-provider-advice"),
            Self::AddressTaken => frame.t("error-address-taken-advice"),
            Self::NoRole => frame.t("error-no-role-advice"),
            Self::NoRight => frame.t("error-no-right-advice"),
            Self::PasskeyNeeded => frame.t("error-passkey-needed-advice"),
            Self::TooManyApps { most } => frame.tn("error-too-many-apps-advice", "most", most),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::UnknownClient => "unknown-client",
            Self::InvalidRedirectUri => "invalid-redirect-uri",
            Self::InvalidRequest => "invalid-request",
            Self::Unknown => "unknown",
            Self::Expired => "expired",
            Self::Finished => "finished",
            Self::Forbidden => "forbidden",
            Self::InvalidLogout => "invalid-logout",
            Self::NotFound => "not-found",
            Self::MethodNotAllowed => "method-not-allowed",
            Self::TooLarge => "too-large",
            Self::Unavailable => "unavailable",
            Self::Internal => "internal",
            Self::WrongBrowser => "wrong-browser",
            Self::UnknownProvider => "unknown-provider",
            Self::AddressTaken => "address-taken",
            Self::NoRole => "no-role",
            Self::NoRight => "no-right",
            Self::PasskeyNeeded => "passkey-needed",
            Self::TooManyApps { .. } => "too-many-apps",
        }
    }

    /// Whether the person mends it on their page of apps.
    fn is_of_apps(self) -> bool {
        matches!(self, Self::TooManyApps { .. })
    }
}

impl ErrorPage<'_> {
    fn link_back(&self) -> Option<&str> {
        web_link(self.back)
    }
}

impl<'a> Sample<'a> for ErrorPage<'a> {
    const NAME: &'static str = "error";

    fn samples(frame: Frame<'a>) -> Vec<(&'static str, Self)> {
        let page = Self {
            frame,
            code: "invalid_request",
            problem: PageProblem::InvalidRequest,
            back: None,
            app_name: None,
        };
        let every =
            PageProblem::ALL.map(|problem| (problem.name(), Self { problem, ..page.clone() }));
        let more = [
            (
                "way-back",
                Self {
                    back: Some("https://shop.example.com/"),
                    app_name: Some("Shop"),
                    ..page.clone()
                },
            ),
            ("way-back-nameless", Self { back: Some("https://shop.example.com/"), ..page.clone() }),
            (
                "hostile",
                Self {
                    code: names::HOSTILE,
                    back: Some(names::HOSTILE_LINK),
                    app_name: Some(names::HOSTILE),
                    ..page
                },
            ),
        ];
        every.into_iter().chain(more).collect()
    }
}
