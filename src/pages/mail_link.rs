//! The page behind a link of a mail. Mail scanners open links, so opening one changes nothing: the
//! person presses a button.

use askama::Template;

use super::frame::Frame;
use super::sample::Sample;
use super::samples::names;

/// The page with the button that uses the link.
#[derive(Clone, Debug, Template)]
#[template(path = "mail_link.html")]
pub struct MailLinkPage<'a> {
    /// The frame of the page.
    pub frame: Frame<'a>,
    /// What the link is for.
    pub kind: MailLinkKind,
    /// Whether the button was pressed.
    pub state: MailLinkState<'a>,
}

/// Whether the button of the page was pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailLinkState<'a> {
    /// Not yet: the page has the button, with the secret of the link.
    Asks(&'a str),
    /// The account has this new address.
    Done(&'a str),
}

/// What a link of a mail is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailLinkKind {
    /// A new password.
    Recovery,
    /// The proof of a new address.
    NewAddress,
    /// Taking back a change of the address.
    UndoAddress,
}

impl MailLinkKind {
    fn path(self) -> &'static str {
        match self {
            Self::Recovery => "/recover",
            Self::NewAddress => "/confirm-address",
            Self::UndoAddress => "/undo-address",
        }
    }

    fn heading(self, frame: &Frame<'_>) -> String {
        match self {
            Self::Recovery => frame.t("mail-link-recovery-title"),
            Self::NewAddress => frame.t("mail-link-address-title"),
            Self::UndoAddress => frame.t("mail-link-undo-title"),
        }
    }

    fn lead(self, frame: &Frame<'_>) -> String {
        match self {
            Self::Recovery => frame.t("mail-link-recovery-lead"),
            Self::NewAddress => frame.t("mail-link-address-lead"),
            Self::UndoAddress => frame.t("mail-link-undo-lead"),
        }
    }

    fn button(self, frame: &Frame<'_>) -> String {
        match self {
            Self::Recovery => frame.t("continue"),
            Self::NewAddress => frame.t("mail-link-address-button"),
            Self::UndoAddress => frame.t("mail-link-undo-button"),
        }
    }
}

impl MailLinkPage<'_> {
    fn heading(&self) -> String {
        match self.state {
            MailLinkState::Asks(_) => self.kind.heading(&self.frame),
            MailLinkState::Done(_) => self.frame.t("mail-link-address-done-title"),
        }
    }

    fn lead(&self) -> String {
        match self.state {
            MailLinkState::Asks(_) => self.kind.lead(&self.frame),
            MailLinkState::Done(email) => {
                self.frame.t1("mail-link-address-done-lead", "email", email)
            }
        }
    }
}

impl<'a> Sample<'a> for MailLinkPage<'a> {
    const NAME: &'static str = "mail-link";

    fn samples(frame: Frame<'a>) -> Vec<(&'static str, Self)> {
        let state = MailLinkState::Asks("secret");
        let page = Self { frame, kind: MailLinkKind::Recovery, state };
        vec![
            ("recovery", page.clone()),
            ("address", Self { kind: MailLinkKind::NewAddress, ..page.clone() }),
            ("undo", Self { kind: MailLinkKind::UndoAddress, ..page.clone() }),
            (
                "address-done",
                Self {
                    kind: MailLinkKind::NewAddress,
                    state: MailLinkState::Done("hana@example.com"),
                    ..page.clone()
                },
            ),
            ("hostile", Self { state: MailLinkState::Asks(names::HOSTILE), ..page }),
        ]
    }
}
