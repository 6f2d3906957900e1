//! The page behind the link of a mail, with the button that uses the link up.

use askama::Template;

use crate::pages::frame::Frame;
use crate::pages::sample::Sample;
use crate::pages::samples::names;

/// The link of a mail that leads to a new account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailedLink {
    /// The person asked for the mail.
    Asked,
    /// An operator invited the person.
    Invitation,
}

/// The page with the button. Opening it changes nothing, since mail scanners open links, too.
#[derive(Clone, Debug, Template)]
#[template(path = "sign_up_confirm.html")]
pub struct ConfirmAddressPage<'a> {
    /// The frame of the page.
    pub frame: Frame<'a>,
    /// The kind of link.
    pub link: MailedLink,
    /// The secret of the link.
    pub secret: &'a str,
    /// The address of the mail.
    pub email: &'a str,
}

impl ConfirmAddressPage<'_> {
    fn path(&self) -> &'static str {
        match self.link {
            MailedLink::Asked => "/sign-up/confirm",
            MailedLink::Invitation => "/sign-up/invitation",
        }
    }

    fn heading(&self) -> String {
        match self.link {
            MailedLink::Asked => self.frame.t("sign-up-confirm-title"),
            MailedLink::Invitation => self.frame.t("sign-up-invitation-title"),
        }
    }

    fn lead(&self) -> String {
        match self.link {
            MailedLink::Asked => self.frame.t1("sign-up-confirm-lead", "email", self.email),
            MailedLink::Invitation => {
                let frame = self.frame;
                let named = frame.look.name();
                frame.t2("sign-up-invitation-lead", ("email", self.email), ("name", named))
            }
        }
    }

    fn button(&self) -> String {
        match self.link {
            MailedLink::Asked => self.frame.t("sign-up-confirm-submit"),
            MailedLink::Invitation => self.frame.t("sign-up-invitation-submit"),
        }
    }
}

impl<'a> Sample<'a> for ConfirmAddressPage<'a> {
    const NAME: &'static str = "sign-up-confirm";

    fn samples(frame: Frame<'a>) -> Vec<(&'static str, Self)> {
        let page =
            Self { frame, link: MailedLink::Asked, secret: "secret", email: "hana@example.com" };
        vec![
            ("asked", page.clone()),
            ("invitation", Self { link: MailedLink::Invitation, ..page.clone() }),
            ("long", Self { email: names::LONG, ..page.clone() }),
            ("hostile", Self { secret: names::HOSTILE, email: names::HOSTILE, ..page }),
        ]
    }
}
