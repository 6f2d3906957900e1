//! The samples of the page with the ways to sign in.

use super::{done, hostile, shell};
use crate::domain::account_page::AccountPage;
use crate::domain::upstream_outcome::UpstreamOutcome;
use crate::pages::account::address::{AddressProblem, AddressSection};
use crate::pages::account::notice::AccountNotice;
use crate::pages::account::one_time_codes::OneTimeCodes;
use crate::pages::account::passkeys::{PasskeyProblem, PasskeysSection, ShownPasskey};
use crate::pages::account::password::{PasswordForm, PasswordProblem, PasswordSection};
use crate::pages::account::providers::ProvidersSection;
use crate::pages::account::security::SecurityPage;
use crate::pages::account::shell::Shell;
use crate::pages::frame::Frame;
use crate::pages::linked_identity::ConnectedProvider;
use crate::pages::provider::{Brand, ProviderButton};
use crate::pages::provider_notice::ProviderNotice;
use crate::pages::sample::Sample;
use crate::pages::samples::values::{instant, passkey};
use crate::pages::samples::{names, people, providers};

const PAGE: AccountPage = AccountPage::Security;

impl<'a> Sample<'a> for SecurityPage<'a> {
    const NAME: &'static str = "account-security";

    fn samples(frame: Frame<'a>) -> Vec<(&'static str, Self)> {
        let page = Self {
            frame,
            shell: shell(PAGE),
            provider_notice: None,
            address: address(None),
            password: PasswordSection { form: PasswordForm::Change, problem: None },
            one_time_codes: codes(None, 0),
            passkeys: None,
            providers: ProvidersSection {
                linked: linked(),
                linkable: providers::few().split_off(2),
            },
        };
        let bare = Self {
            address: AddressSection { is_offered: false, ..address(None) },
            password: PasswordSection { form: PasswordForm::NotOffered, problem: None },
            providers: ProvidersSection { linked: vec![], linkable: vec![] },
            ..page.clone()
        };
        let with = |linked, linkable| ProvidersSection { linked, linkable };
        let only = with(vec![only_way_in()], vec![]);
        let nothing_linked = with(vec![], providers::every());
        let mut samples = vec![
            ("full", page.clone()),
            ("codes", Self { one_time_codes: codes(Some(0), 10), ..page.clone() }),
            ("codes-low", Self { one_time_codes: codes(Some(0), 3), ..page.clone() }),
            ("bare", bare.clone()),
            ("only-way-in", Self { providers: only, ..bare.clone() }),
            ("nothing-linked", Self { providers: nothing_linked, ..bare }),
            ("every-provider-linked", Self { providers: with(every(), vec![]), ..page.clone() }),
        ];
        samples.extend(
            notices()
                .map(|(name, notice)| (name, Self { shell: done(PAGE, notice), ..page.clone() })),
        );
        samples.extend(problems().map(|(name, problem)| {
            let password = PasswordSection { form: PasswordForm::Change, problem: Some(problem) };
            (name, Self { password, ..page.clone() })
        }));
        for (name, problem) in [
            ("password-none", None),
            ("password-none-too-short", Some(PasswordProblem::TooShort { least: 8 })),
        ] {
            let password = PasswordSection { form: PasswordForm::Set, problem };
            samples.push((name, Self { password, ..page.clone() }));
        }
        for (name, problem) in [
            ("address-malformed", AddressProblem::Malformed),
            ("address-same", AddressProblem::Same),
            ("address-taken", AddressProblem::Taken),
        ] {
            samples.push((name, Self { address: address(Some(problem)), ..page.clone() }));
        }
        samples.extend(
            provider_notice()
                .map(|(name, it)| (name, Self { provider_notice: Some(it), ..page.clone() })),
        );
        samples.extend(
            passkeys().map(|(name, it)| (name, Self { passkeys: Some(it), ..page.clone() })),
        );
        samples.push(("long-names", long_names(&page)));
        samples.push(("hostile", hostile_texts(&page)));
        samples
    }
}

fn codes(since: Option<i64>, left: u64) -> OneTimeCodes<'static> {
    OneTimeCodes { since: since.map(instant), left, new: "new" }
}

fn address(problem: Option<AddressProblem>) -> AddressSection<'static> {
    AddressSection {
        is_offered: true,
        email: Some("hana@example.com"),
        is_verified: true,
        typed: if problem.is_some() { "hana@" } else { "" },
        problem,
    }
}

fn notices() -> impl Iterator<Item = (&'static str, AccountNotice)> {
    let notices = [
        ("password-changed", AccountNotice::PasswordChanged),
        ("password-set", AccountNotice::PasswordSet),
        ("address-changed", AccountNotice::AddressChanged),
        ("passkey-added", AccountNotice::PasskeyAdded),
        ("passkey-renamed", AccountNotice::PasskeyRenamed),
        ("passkey-removed", AccountNotice::PasskeyRemoved),
        ("provider-linked", AccountNotice::ProviderLinked),
        ("provider-unlinked", AccountNotice::ProviderUnlinked),
        ("confirmed", AccountNotice::Confirmed),
        ("one-time-codes-removed", AccountNotice::OneTimeCodesRemoved),
    ];
    notices.into_iter()
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

fn passkeys() -> impl Iterator<Item = (&'static str, PasskeysSection<'static>)> {
    let laptop = ShownPasskey {
        id: "p1".to_owned(),
        name: Some("Laptop"),
        kind: Some("Windows Hello"),
        backed_up: false,
        since: instant(0),
        used_at: Some(instant(3600)),
    };
    let synced = ShownPasskey {
        id: "p2".to_owned(),
        name: None,
        kind: Some("Apple Passwords"),
        backed_up: true,
        used_at: None,
        ..laptop.clone()
    };
    let unknown = ShownPasskey { kind: None, ..synced.clone() };
    let section = PasskeysSection {
        all: vec![laptop, synced],
        removable: true,
        addable: true,
        form: Some(passkey()),
        problem: None,
    };
    let with = |problem| PasskeysSection { problem: Some(problem), ..section.clone() };
    let samples = [
        ("passkeys", section.clone()),
        ("passkeys-none", PasskeysSection { all: vec![], ..section.clone() }),
        (
            "passkeys-only-way-in",
            PasskeysSection {
                all: vec![unknown],
                removable: false,
                form: None,
                ..with(PasskeyProblem::LastWayIn)
            },
        ),
        ("passkeys-many", PasskeysSection { addable: false, form: None, ..section.clone() }),
        ("passkey-not-made", with(PasskeyProblem::NotMade)),
        ("passkey-late", with(PasskeyProblem::Late)),
    ];
    samples.into_iter()
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

/// A page on which every text is long, to see how it wraps them.
fn long_names<'a>(page: &SecurityPage<'a>) -> SecurityPage<'a> {
    let name = names::LONG;
    let button = |it: ProviderButton<'a>| ProviderButton { name, ..it };
    SecurityPage {
        shell: Shell { person: people::LONG, ..page.shell },
        address: AddressSection { email: Some(name), is_verified: false, ..address(None) },
        providers: ProvidersSection {
            linked: vec![ConnectedProvider { name, email: Some(name), ..only_way_in() }],
            linkable: providers::few().into_iter().map(button).collect(),
        },
        ..page.clone()
    }
}

fn hostile_texts<'a>(page: &SecurityPage<'a>) -> SecurityPage<'a> {
    let text = Some(names::HOSTILE);
    let linked = ConnectedProvider {
        id: names::HOSTILE,
        name: names::HOSTILE,
        email: text,
        ..only_way_in()
    };
    let linkable =
        ProviderButton { slug: "work", name: names::HOSTILE, brand: Brand::Other, renamed: true };
    let passkey = ShownPasskey {
        id: names::HOSTILE.to_owned(),
        name: text,
        kind: None,
        backed_up: true,
        since: instant(0),
        used_at: None,
    };
    SecurityPage {
        shell: hostile(PAGE),
        passkeys: Some(PasskeysSection {
            all: vec![passkey],
            removable: true,
            addable: true,
            form: None,
            problem: None,
        }),
        providers: ProvidersSection { linked: vec![linked], linkable: vec![linkable] },
        provider_notice: Some(ProviderNotice { outcome: UpstreamOutcome::Taken, provider: text }),
        ..page.clone()
    }
}
