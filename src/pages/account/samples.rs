//! The states of my account.

use super::{Access, AccountPage, Device, Notice, PasswordProblem};
use crate::pages::frame::{Account, Frame};
use crate::pages::gallery::{Sample, accounts, apps, instant, names, people};
use crate::pages::wish::Wish;

impl<'a> Sample<'a> for AccountPage<'a> {
    const NAME: &'static str = "account";

    fn samples(frame: Frame<'a>) -> Vec<(&'static str, Self)> {
        let page = Self {
            frame,
            csrf: "csrf",
            session: "session",
            person: people::HANA,
            email_verified: true,
            has_password: true,
            problem: None,
            notice: None,
            devices: devices(),
            apps: access(),
            others: vec![],
        };
        let bare = Self {
            person: people::NAMELESS,
            email_verified: false,
            has_password: false,
            devices: vec![],
            apps: vec![],
            ..page.clone()
        };
        let mut samples = vec![
            ("full", Self { others: accounts(), ..page.clone() }),
            ("bare", bare),
            ("unverified", Self { email_verified: false, ..page.clone() }),
            ("password-changed", Self { notice: Some(Notice::PasswordChanged), ..page.clone() }),
            ("device-signed-out", Self { notice: Some(Notice::DeviceSignedOut), ..page.clone() }),
            ("app-removed", Self { notice: Some(Notice::AppRemoved), ..page.clone() }),
        ];
        samples.extend(
            problems()
                .map(|(name, problem)| (name, Self { problem: Some(problem), ..page.clone() })),
        );
        samples.push((
            "long-names",
            Self {
                person: people::LONG,
                apps: vec![Access { app: apps::LONG, ..shop() }],
                ..page.clone()
            },
        ));
        samples.push(("hostile", hostile(&page)));
        samples
    }
}

fn problems() -> impl Iterator<Item = (&'static str, PasswordProblem)> {
    let problems = [
        ("wrong-current", PasswordProblem::WrongCurrent),
        ("missing-current", PasswordProblem::MissingCurrent),
        ("missing-new", PasswordProblem::MissingNew),
        ("too-short", PasswordProblem::TooShort { least: 8 }),
        ("too-easy", PasswordProblem::TooEasy),
        ("same-as-old", PasswordProblem::SameAsOld),
        ("too-long", PasswordProblem::TooLong),
        ("throttled", PasswordProblem::Throttled { minutes: 12 }),
        ("busy", PasswordProblem::Busy),
    ];
    problems.into_iter()
}

fn devices() -> Vec<Device<'static>> {
    let here = Device {
        id: "d1",
        browser: Some("Chrome"),
        system: Some("Windows"),
        address: Some("203.0.113.7"),
        signed_in_at: instant(0),
        seen_at: instant(100_000),
        current: true,
    };
    let phone = Device {
        id: "d2",
        browser: Some("Safari"),
        system: Some("iPhone"),
        address: Some("2001:db8:85a3:8d3:1319:8a2e:370:7348"),
        seen_at: instant(4_000),
        current: false,
        ..here
    };
    let nameless = Device { id: "d3", browser: None, system: None, address: None, ..phone };
    vec![here, phone, nameless]
}

fn shop() -> Access<'static> {
    Access {
        client: "shop",
        app: apps::SHOP,
        wishes: vec![Wish::Identity, Wish::Profile, Wish::Email],
        since: instant(0),
    }
}

fn access() -> Vec<Access<'static>> {
    let wishes = vec![Wish::Identity, Wish::Offline, Wish::Other("orders:read")];
    vec![shop(), Access { client: "bare", app: apps::BARE, wishes, since: instant(50_000) }]
}

fn hostile<'a>(page: &AccountPage<'a>) -> AccountPage<'a> {
    let text = Some(names::HOSTILE);
    let device = devices().first().copied();
    let device = device.map(|it| Device {
        id: names::HOSTILE,
        browser: text,
        system: text,
        address: text,
        ..it
    });
    AccountPage {
        csrf: names::HOSTILE,
        session: names::HOSTILE,
        person: people::HOSTILE,
        devices: device.into_iter().collect(),
        apps: vec![Access { client: names::HOSTILE, app: apps::HOSTILE, ..shop() }],
        others: vec![Account { person: people::HOSTILE, session: "a&b=c" }],
        ..page.clone()
    }
}
