//! The page on which a person types the code that was mailed to them.

use askama::Template;

use super::app_summary::App;
use super::frame::Frame;
use super::sample::Sample;
use super::samples::{apps, names};

/// The page that asks for a code.
#[derive(Clone, Debug, Template)]
#[template(path = "mailed_code.html")]
pub struct MailedCodePage<'a> {
    /// The frame of the page.
    pub frame: Frame<'a>,
    /// The app that the person signs in to.
    pub app: Option<App<'a>>,
    /// What the code is for.
    pub kind: MailedCodeKind<'a>,
    /// The hidden fields of the form.
    pub fields: Vec<(&'a str, &'a str)>,
    /// The address of the page that sends another code, without the path of the issuer.
    pub back: &'a str,
    /// What is wrong with the code.
    pub problem: Option<MailedCodeProblem>,
}

/// What a code is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailedCodeKind<'a> {
    /// Signing in. The page does not tell whether there is an account, so it does not name the
    /// address.
    SignIn,
    /// The proof of this new address.
    NewAddress(&'a str),
}

/// What is wrong with a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailedCodeProblem {
    /// None was given.
    Missing,
    /// It is wrong, too old, used, or was typed wrong too often.
    Wrong,
}

impl MailedCodePage<'_> {
    fn path(&self) -> &'static str {
        match self.kind {
            MailedCodeKind::SignIn => "/login/code",
            MailedCodeKind::NewAddress(_) => "/account/email/code",
        }
    }

    fn lead(&self) -> String {
        match self.kind {
            MailedCodeKind::SignIn => self.frame.t("mailed-code-sign-in-lead"),
            MailedCodeKind::NewAddress(email) => {
                self.frame.t1("mailed-code-address-lead", "email", email)
            }
        }
    }

    fn back_text(&self) -> String {
        match self.kind {
            MailedCodeKind::SignIn => self.frame.t("back-to-sign-in"),
            MailedCodeKind::NewAddress(_) => self.frame.t("to-account"),
        }
    }

    fn code_error(&self) -> Option<String> {
        self.problem.map(|problem| match problem {
            MailedCodeProblem::Missing => self.frame.t("mailed-code-missing"),
            MailedCodeProblem::Wrong => self.frame.t("mailed-code-wrong"),
        })
    }
}

impl<'a> Sample<'a> for MailedCodePage<'a> {
    const NAME: &'static str = "mailed-code";

    fn samples(frame: Frame<'a>) -> Vec<(&'static str, Self)> {
        let page = Self {
            frame,
            app: Some(apps::SHOP),
            kind: MailedCodeKind::SignIn,
            fields: vec![("interaction", "interaction"), ("csrf", "csrf")],
            back: "/login",
            problem: None,
        };
        let address = Self {
            app: None,
            kind: MailedCodeKind::NewAddress("hana@example.com"),
            ..page.clone()
        };
        vec![
            ("sign-in", page.clone()),
            ("missing", Self { problem: Some(MailedCodeProblem::Missing), ..page.clone() }),
            ("wrong", Self { problem: Some(MailedCodeProblem::Wrong), ..page.clone() }),
            ("address", address.clone()),
            (
                "long-names",
                Self { kind: MailedCodeKind::NewAddress(names::LONG), ..address.clone() },
            ),
            (
                "hostile",
                Self {
                    app: Some(apps::HOSTILE),
                    kind: MailedCodeKind::NewAddress(names::HOSTILE),
                    fields: vec![("csrf", names::HOSTILE)],
                    ..address
                },
            ),
        ]
    }
}
