//! The page on which a person allows a sign-in on a device without a browser.

use askama::Template;
use chrono::{DateTime, Utc};

use super::app_summary::App;
use super::consent::{OF_DOCUMENT, UNVOUCHED_HOSTILE, Unvouched};
use super::frame::Frame;
use super::instant;
use super::permission::Permission;
use super::person::Person;
use super::sample::Sample;
use super::samples::values::instant as sample_instant;
use super::samples::{apps, names, people};

/// The page that takes the code of a device, asks for permission, and says what became of it.
#[derive(Clone, Debug, Template)]
#[template(path = "device.html")]
pub struct DeviceGrantPage<'a> {
    /// The frame of the page.
    pub frame: Frame<'a>,
    /// The token of the forms.
    pub csrf: &'a str,
    /// The session of the person.
    pub session: &'a str,
    /// The person who is asked.
    pub person: Person<'a>,
    /// What the page is about.
    pub step: DeviceStep<'a>,
}

/// What the page is about.
#[derive(Clone, Debug)]
pub enum DeviceStep<'a> {
    /// The person types the code.
    Enter {
        /// What stands in the field.
        typed: String,
        /// What was wrong with the code before.
        problem: Option<DeviceProblem>,
    },
    /// The person is asked for permission.
    Ask(Box<AskingDevice<'a>>),
    /// They allowed it.
    Allowed,
    /// They denied it.
    Denied,
}

/// A device that asks for permission.
#[derive(Clone, Debug)]
pub struct AskingDevice<'a> {
    /// The app on it.
    pub app: App<'a>,
    /// Where an app comes from for which nobody vouches.
    pub unvouched: Option<Unvouched<'a>>,
    /// The code that it shows.
    pub user_code: String,
    /// The network address that it asks from.
    pub address: Option<&'a str>,
    /// Its system, like `Windows`.
    pub system: Option<&'a str>,
    /// When it asked.
    pub asked_at: DateTime<Utc>,
    /// What the app would be able to do.
    pub permissions: Vec<Permission<'a>>,
}

/// What was wrong with a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceProblem {
    /// No device shows it.
    Unknown,
    /// There were too many wrong codes.
    Throttled {
        /// The minutes after which another one may be typed.
        minutes: u64,
    },
    /// The app needs a stronger sign-in.
    Weak,
    /// This way to sign in does not lead to the app.
    NotAdmitted,
}

impl DeviceProblem {
    fn text(self, frame: &Frame<'_>) -> String {
        match self {
            Self::Unknown => frame.t("pair-unknown"),
            Self::Throttled { minutes } => frame.tn("throttled", "minutes", minutes),
            Self::Weak => frame.t("pair-weak"),
            Self::NotAdmitted => frame.t("pair-not-admitted"),
        }
    }
}

impl DeviceGrantPage<'_> {
    fn title(&self) -> String {
        match &self.step {
            DeviceStep::Enter { .. } => self.frame.t("pair-title"),
            DeviceStep::Ask(device) => self.frame.t1("pair-ask-title", "app", device.app.name),
            DeviceStep::Allowed => self.frame.t("pair-allowed-title"),
            DeviceStep::Denied => self.frame.t("pair-denied-title"),
        }
    }
}

impl<'a> Sample<'a> for DeviceGrantPage<'a> {
    const NAME: &'static str = "device";

    fn samples(frame: Frame<'a>) -> Vec<(&'static str, Self)> {
        let enter = |typed: &str, problem| DeviceStep::Enter { typed: typed.to_owned(), problem };
        let page = Self {
            frame,
            csrf: "csrf",
            session: "session",
            person: people::HANA,
            step: enter("", None),
        };
        let ask = AskingDevice {
            app: apps::SHOP,
            unvouched: None,
            user_code: "BCDF-GHJK".to_owned(),
            address: Some("203.0.113.7"),
            system: Some("Linux"),
            asked_at: sample_instant(-60),
            permissions: vec![Permission::Identity, Permission::Profile, Permission::Offline],
        };
        let asking = |device: AskingDevice<'a>| DeviceStep::Ask(Box::new(device));
        let typed = "BCDF-GHJK";
        let problem = |problem| enter(typed, Some(problem));
        let unchecked = AskingDevice {
            unvouched: Some(Unvouched { redirect: "", ..OF_DOCUMENT }),
            ..ask.clone()
        };
        let (address, system, permissions) = (None, None, Vec::new());
        let least = AskingDevice { app: apps::BARE, address, system, permissions, ..ask.clone() };
        vec![
            ("enter", page.clone()),
            ("filled", Self { step: enter(typed, None), ..page.clone() }),
            ("unknown", Self { step: problem(DeviceProblem::Unknown), ..page.clone() }),
            (
                "throttled",
                Self { step: problem(DeviceProblem::Throttled { minutes: 1 }), ..page.clone() },
            ),
            ("weak", Self { step: problem(DeviceProblem::Weak), ..page.clone() }),
            ("not-admitted", Self { step: problem(DeviceProblem::NotAdmitted), ..page.clone() }),
            ("ask", Self { step: asking(ask.clone()), ..page.clone() }),
            ("unvouched", Self { step: asking(unchecked), ..page.clone() }),
            ("least", Self { step: asking(least), person: people::NAMELESS, ..page.clone() }),
            (
                "long",
                Self {
                    step: asking(AskingDevice { app: apps::LONG, ..ask.clone() }),
                    person: people::LONG,
                    ..page.clone()
                },
            ),
            ("allowed", Self { step: DeviceStep::Allowed, ..page.clone() }),
            ("denied", Self { step: DeviceStep::Denied, ..page.clone() }),
            (
                "hostile",
                Self {
                    csrf: names::HOSTILE,
                    session: names::HOSTILE,
                    person: people::HOSTILE,
                    step: asking(AskingDevice {
                        app: apps::HOSTILE,
                        unvouched: Some(UNVOUCHED_HOSTILE),
                        user_code: names::HOSTILE.to_owned(),
                        address: Some(names::HOSTILE),
                        permissions: vec![Permission::Described(names::HOSTILE)],
                        ..ask
                    }),
                    ..page.clone()
                },
            ),
            (
                "hostile-enter",
                Self { step: enter(names::HOSTILE, None), person: people::HOSTILE, ..page },
            ),
        ]
    }
}
