//! The samples of the account page.

use super::{AccountNotice, AccountPage, AppAccess, Device, PasswordProblem};
use crate::domain::upstream_outcome::UpstreamOutcome;
use crate::pages::frame::Frame;
use crate::pages::linked_identity::ConnectedProvider;
use crate::pages::permission::Permission;
use crate::pages::person::Account;
use crate::pages::provider::{Brand, ProviderButton};
use crate::pages::provider_notice::ProviderNotice;
use crate::pages::sample::Sample;
use crate::pages::samples::people::{self, accounts};
use crate::pages::samples::values::instant;
use crate::pages::samples::{apps, names, providers};

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
            more_devices: None,
            apps: access(),
            more_apps: None,
            linked: linked(),
            linkable: providers::few().split_off(2),
            provider_notice: None,
            others: vec![],
        };
        let bare = Self {
            person: people::NAMELESS,
            email_verified: false,
            has_password: false,
            devices: vec![],
            apps: vec![],
            linked: vec![],
            linkable: vec![],
            ..page.clone()
        };
        let mut samples = vec![
            ("full", Self { others: accounts(), ..page.clone() }),
            ("bare", bare.clone()),
            ("unverified", Self { email_verified: false, ..page.clone() }),
            (
                "password-changed",
                Self { notice: Some(AccountNotice::PasswordChanged), ..page.clone() },
            ),
            (
                "device-signed-out",
                Self { notice: Some(AccountNotice::DeviceSignedOut), ..page.clone() },
            ),
            ("app-removed", Self { notice: Some(AccountNotice::AppRemoved), ..page.clone() }),
            (
                "provider-linked",
                Self { notice: Some(AccountNotice::ProviderLinked), ..page.clone() },
            ),
            (
                "provider-unlinked",
                Self { notice: Some(AccountNotice::ProviderUnlinked), ..page.clone() },
            ),
            ("confirmed", Self { notice: Some(AccountNotice::Confirmed), ..page.clone() }),
            (
                "more",
                Self {
                    more_devices: Some("0.d3".to_owned()),
                    more_apps: Some("shop"),
                    ..page.clone()
                },
            ),
            ("only-way-in", Self { linked: vec![only_way_in()], ..bare.clone() }),
            ("nothing-linked", Self { linkable: providers::every(), ..bare }),
            ("every-provider-linked", Self { linked: every(), linkable: vec![], ..page.clone() }),
        ];
        samples.extend(
            problems()
                .map(|(name, problem)| (name, Self { problem: Some(problem), ..page.clone() })),
        );
        samples.extend(
            provider_notice()
                .map(|(name, it)| (name, Self { provider_notice: Some(it), ..page.clone() })),
        );
        samples.push(("long-names", long_names(&page)));
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
        ("breached", PasswordProblem::Breached),
        ("same-as-old", PasswordProblem::SameAsOld),
        ("too-long", PasswordProblem::TooLong),
        ("throttled", PasswordProblem::Throttled { minutes: 12 }),
        ("busy", PasswordProblem::Busy),
    ];
    problems.into_iter()
}

fn provider_notice() -> impl Iterator<Item = (&'static str, ProviderNotice<'static>)> {
    let outcomes = [
        ("link-taken", UpstreamOutcome::Taken),
        ("link-cancelled", UpstreamOutcome::Cancelled),
        ("link-unavailable", UpstreamOutcome::Unavailable),
        ("link-failed", UpstreamOutcome::Failed),
        ("link-refused", UpstreamOutcome::Refused),
        ("link-unknown", UpstreamOutcome::Unknown),
        ("link-last-way-in", UpstreamOutcome::LastWayIn),
    ];
    outcomes
        .into_iter()
        .map(|(name, outcome)| (name, ProviderNotice { outcome, provider: Some("Google") }))
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

fn shop() -> AppAccess<'static> {
    AppAccess {
        client: "shop",
        app: apps::SHOP,
        permissions: vec![Permission::Identity, Permission::Profile, Permission::Email],
        since: instant(0),
    }
}

fn access() -> Vec<AppAccess<'static>> {
    let permissions =
        vec![Permission::Identity, Permission::Offline, Permission::Other("orders:read")];
    vec![shop(), AppAccess { client: "bare", app: apps::BARE, permissions, since: instant(50_000) }]
}

fn linked() -> Vec<ConnectedProvider<'static>> {
    let google = ConnectedProvider {
        id: "l1",
        name: "Google",
        brand: Brand::Google,
        email: Some("hana@example.com"),
        since: instant(0),
        removable: true,
    };
    vec![
        google,
        ConnectedProvider { id: "l2", name: "Kakao", brand: Brand::Kakao, email: None, ..google },
    ]
}

fn only_way_in() -> ConnectedProvider<'static> {
    ConnectedProvider {
        id: "l3",
        name: "Naver",
        brand: Brand::Naver,
        email: None,
        since: instant(0),
        removable: false,
    }
}

fn every() -> Vec<ConnectedProvider<'static>> {
    let email = Some("hana@example.com");
    let connected = |it: ProviderButton<'static>| ConnectedProvider {
        id: it.slug,
        name: it.name,
        brand: it.brand,
        email,
        since: instant(0),
        removable: true,
    };
    providers::every().into_iter().map(connected).collect()
}

/// An account in which every text is long, to see how the page wraps it.
fn long_names<'a>(page: &AccountPage<'a>) -> AccountPage<'a> {
    let name = names::LONG;
    let button = |it: ProviderButton<'a>| ProviderButton { name, ..it };
    AccountPage {
        person: people::LONG,
        apps: vec![AppAccess { app: apps::LONG, ..shop() }],
        linked: vec![ConnectedProvider { name, email: Some(name), ..only_way_in() }],
        linkable: providers::few().into_iter().map(button).collect(),
        ..page.clone()
    }
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
        apps: vec![AppAccess { client: names::HOSTILE, app: apps::HOSTILE, ..shop() }],
        linked: vec![ConnectedProvider {
            id: names::HOSTILE,
            name: names::HOSTILE,
            email: text,
            ..only_way_in()
        }],
        linkable: vec![ProviderButton {
            slug: "work",
            name: names::HOSTILE,
            brand: Brand::Other,
            renamed: true,
        }],
        provider_notice: Some(ProviderNotice { outcome: UpstreamOutcome::Taken, provider: text }),
        others: vec![Account { person: people::HOSTILE, session: "a&b=c" }],
        ..page.clone()
    }
}
