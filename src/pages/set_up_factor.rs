//! The page on which a person sets up one-time codes.

use askama::Template;

use super::app_summary::App;
use super::frame::Frame;
use super::hidden_fields::HiddenFields;
use super::qr_code;
use super::sample::Sample;
use super::samples::apps;
use super::samples::values::hidden;
use super::second_factor::CodeProblem;

/// The page with the key for an authenticator app.
#[derive(Clone, Debug, Template)]
#[template(path = "set_up_factor.html")]
pub struct SetUpFactorPage<'a> {
    /// The frame of the page.
    pub frame: Frame<'a>,
    /// The app that they sign in for.
    pub app: Option<App<'a>>,
    /// Where the form goes.
    pub action: &'a str,
    /// The hidden fields of an interaction.
    pub hidden: Option<HiddenFields<'a>>,
    /// The form token and the session of an account page.
    pub account: Option<(&'a str, &'a str)>,
    /// What the form carries, sealed.
    pub new: &'a str,
    /// The key in base32.
    pub key: &'a str,
    /// The URI in the QR code.
    pub uri: &'a str,
    /// Whether the person may go on without a second factor.
    pub may_skip: bool,
    /// What went wrong.
    pub problem: Option<CodeProblem>,
}

impl SetUpFactorPage<'_> {
    fn qr(&self) -> String {
        qr_code::svg(self.uri, &self.frame.t("set-up-factor-qr"))
    }

    fn code_error(&self) -> Option<String> {
        self.problem?.at_code(&self.frame)
    }
}

impl<'a> Sample<'a> for SetUpFactorPage<'a> {
    const NAME: &'static str = "set-up-factor";

    fn samples(frame: Frame<'a>) -> Vec<(&'static str, Self)> {
        let page = Self {
            frame,
            app: Some(apps::SHOP),
            action: "/login/set-up-factor",
            hidden: Some(hidden()),
            account: None,
            new: "sealed",
            key: "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ",
            uri: "otpauth://totp/Dalbit:hana?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Dalbit",
            may_skip: false,
            problem: None,
        };
        vec![
            ("needed", page.clone()),
            ("offered", Self { may_skip: true, ..page.clone() }),
            ("wrong", Self { problem: Some(CodeProblem::Wrong), ..page.clone() }),
            ("missing", Self { problem: Some(CodeProblem::Missing), ..page.clone() }),
            (
                "own",
                Self {
                    app: None,
                    hidden: None,
                    account: Some(("csrf", "s1")),
                    action: "/account/security/one-time-codes",
                    ..page.clone()
                },
            ),
            ("hostile", Self { app: Some(apps::HOSTILE), new: "<img \">", ..page }),
        ]
    }
}
