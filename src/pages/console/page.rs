//! What every page of the console has.

use askama::Template;
use chrono::{DateTime, Utc};

use super::parts::{FieldKind, Link, Part, Tone, Value};
use crate::domain::admin_right::{AdminRight, Rights};
use crate::domain::console_notice::ConsoleNotice;
use crate::domain::console_section::ConsoleSection;
use crate::domain::urls;
use crate::pages::frame::Frame;
use crate::pages::instant;
use crate::pages::person::Person;

/// A page of the console.
#[derive(Clone, Debug, Template)]
#[template(path = "console/page.html")]
pub struct ConsolePage<'a> {
    /// The frame of the page.
    pub frame: Frame<'a>,
    /// Who looks at it.
    pub shell: ConsoleShell<'a>,
    /// The heading.
    pub(super) title: String,
    /// The page above this one.
    pub(super) back: Option<Link>,
    /// One sentence below the heading.
    pub(super) lead: Option<String>,
    /// What is wrong with what was sent.
    pub(super) alert: Option<String>,
    /// What it shows.
    pub(super) parts: Vec<Part>,
}

/// Who looks at a page of the console, what they may do, and what they have just done.
#[derive(Clone, Copy, Debug)]
pub struct ConsoleShell<'a> {
    /// The proof that a form came from our page.
    pub csrf: &'a str,
    /// The session of the person.
    pub session: &'a str,
    /// The person.
    pub person: Person<'a>,
    /// What they may do.
    pub rights: Rights,
    /// The section of the page.
    pub section: ConsoleSection,
    /// What they have just done.
    pub notice: Option<ConsoleNotice>,
}

impl ConsoleShell<'_> {
    /// Whether the person may do this.
    pub(super) fn may(&self, right: AdminRight) -> bool {
        self.rights.contains(right)
    }

    /// The address of a page of the console.
    pub(super) fn href(&self, frame: &Frame<'_>, path: &str) -> String {
        self.href_with(frame, path, &[])
    }

    /// The address of a page of the console, with these parameters.
    pub(super) fn href_with(
        &self,
        frame: &Frame<'_>,
        path: &str,
        parameters: &[(&str, &str)],
    ) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("session", self.session).extend_pairs(parameters);
        format!("{}{path}?{}", frame.base, query.finish())
    }

    /// A link to a page of the console.
    pub(super) fn link(&self, frame: &Frame<'_>, id: &str, text: String, path: &str) -> Link {
        Link { id: id.to_owned(), text, href: self.href(frame, path), is_current: false }
    }

    /// The links to the sections that the person may see.
    fn sections(&self, frame: &Frame<'_>) -> Vec<Link> {
        let seen = ConsoleSection::ALL.into_iter().filter(|one| self.may(one.right()));
        let link = |section: ConsoleSection| {
            let (id, text) = match section {
                ConsoleSection::Overview => ("to-overview", frame.t("console-overview")),
                ConsoleSection::People => ("to-people", frame.t("console-people")),
                ConsoleSection::Groups => ("to-groups", frame.t("console-groups")),
                ConsoleSection::Apps => ("to-console-apps", frame.t("console-apps")),
                ConsoleSection::Providers => ("to-providers", frame.t("console-providers")),
                ConsoleSection::Keys => ("to-keys", frame.t("console-keys")),
                ConsoleSection::Audit => ("to-audit", frame.t("console-audit")),
                ConsoleSection::Settings => ("to-settings", frame.t("console-settings")),
            };
            let link = self.link(frame, id, text, section.path());
            Link { is_current: section == self.section, ..link }
        };
        seen.map(link).collect()
    }

    /// What the person has just done, in words.
    fn notice_text(&self, frame: &Frame<'_>) -> Option<String> {
        Some(match self.notice? {
            ConsoleNotice::Confirmed => frame.t("notice-confirmed"),
            ConsoleNotice::Saved => frame.t("console-saved"),
            ConsoleNotice::Created => frame.t("console-created"),
            ConsoleNotice::Deleted => frame.t("console-deleted"),
            ConsoleNotice::Disabled => frame.t("console-is-disabled"),
            ConsoleNotice::Enabled => frame.t("console-is-enabled"),
            ConsoleNotice::LoggedOut => frame.t("console-logged-out"),
            ConsoleNotice::SessionEnded => frame.t("console-session-ended"),
            ConsoleNotice::FactorsReset => frame.t("console-factors-reset"),
            ConsoleNotice::RoleGranted => frame.t("console-role-granted"),
            ConsoleNotice::RoleRevoked => frame.t("console-role-revoked"),
            ConsoleNotice::GroupAdded => frame.t("console-group-added"),
            ConsoleNotice::GroupRemoved => frame.t("console-group-removed"),
            ConsoleNotice::KeysRotated => frame.t("console-keys-rotated"),
            ConsoleNotice::KeyDropped => frame.t("console-key-dropped"),
            ConsoleNotice::SecretDropped => frame.t("console-secret-dropped"),
            ConsoleNotice::RegistrationTokenRevoked => {
                frame.t("console-registration-token-revoked")
            }
            ConsoleNotice::Nothing => frame.t("console-nothing"),
            ConsoleNotice::MessagesSent => frame.t("console-messages-sent"),
            ConsoleNotice::ScimTokenRevoked => frame.t("console-scim-token-revoked"),
        })
    }
}

impl<'a> ConsolePage<'a> {
    /// A page without parts.
    pub(super) fn new(frame: Frame<'a>, shell: ConsoleShell<'a>, title: String) -> Self {
        let (back, lead, alert) = (None, None, None);
        Self { frame, shell, title, back, lead, alert, parts: Vec::new() }
    }

    /// The same below another page.
    pub(super) fn below(mut self, text: String, path: &str) -> Self {
        self.back = Some(self.shell.link(&self.frame, "console-back", text, path));
        self
    }

    /// The same with a sentence below the heading.
    pub(super) fn saying(mut self, lead: String) -> Self {
        self.lead = Some(lead);
        self
    }

    /// The same with what is wrong with what was sent.
    #[must_use]
    pub fn refusing(mut self, alert: Option<String>) -> Self {
        self.alert = alert;
        self
    }

    /// The same with these parts behind the others.
    pub(super) fn with(mut self, parts: impl IntoIterator<Item = Part>) -> Self {
        self.parts.extend(parts);
        self
    }

    /// The page that says why something was not done.
    #[must_use]
    pub fn refused(frame: Frame<'a>, shell: ConsoleShell<'a>, why: &str, path: &str) -> Self {
        let title = frame.t("console-refused");
        let back = frame.t("console-go-back");
        Self::new(frame, shell, title).below(back, path).refusing(Some(why.to_owned()))
    }

    fn words(&self, instant: &DateTime<Utc>) -> String {
        instant::words(instant, &self.frame)
    }

    #[expect(clippy::unused_self, reason = "the template calls it like the one before")]
    fn machine(&self, instant: &DateTime<Utc>) -> String {
        instant::machine(instant)
    }
}
