//! The samples of the sign-in page.

use super::{AccountToProve, SignInPage, SignInProblem, SignUpOffer};
use crate::domain::upstream_outcome::UpstreamOutcome;
use crate::pages::consent::OF_DOCUMENT;
use crate::pages::external_browser::ExternalBrowser;
use crate::pages::frame::Frame;
use crate::pages::provider::{Brand, ProviderButton};
use crate::pages::provider_notice::ProviderNotice;
use crate::pages::sample::Sample;
use crate::pages::samples::values::{self, hidden};
use crate::pages::samples::{apps, names, providers};

/// A state with its name.
type Named<'a> = (&'static str, SignInPage<'a>);

impl<'a> Sample<'a> for SignInPage<'a> {
    const NAME: &'static str = "sign-in";

    fn samples(frame: Frame<'a>) -> Vec<(&'static str, Self)> {
        let page = Self {
            frame,
            app: Some(apps::SHOP),
            unvouched: None,
            hidden: hidden(),
            username: "",
            fixed: false,
            keep: false,
            problem: None,
            others: false,
            providers: vec![],
            password: true,
            forgot: false,
            mail_code: false,
            password_first: false,
            sign_up: SignUpOffer::Nothing,
            prove: None,
            provider_notice: None,
            external_browser: None,
            passkey: None,
        };
        let social = Self { providers: providers::few(), ..page.clone() };
        [
            by_password(&page),
            by_provider(&social),
            after_provider(&social),
            in_an_app(&social),
            by_passkey(&page),
            named_by_others(&social),
        ]
        .concat()
    }
}

fn by_passkey<'a>(page: &SignInPage<'a>) -> Vec<Named<'a>> {
    let page = SignInPage { passkey: Some(values::passkey()), ..page.clone() };
    let with = |problem| SignInPage { problem: Some(problem), ..page.clone() };
    vec![
        ("passkey", page.clone()),
        ("passkey-refused", with(SignInProblem::PasskeyRefused)),
        ("passkey-late", with(SignInProblem::PasskeyLate)),
        (
            "passkey-only",
            SignInPage {
                username: "hana",
                fixed: true,
                password: false,
                ..with(SignInProblem::Throttled { minutes: 2 })
            },
        ),
    ]
}

fn by_password<'a>(page: &SignInPage<'a>) -> Vec<Named<'a>> {
    let with = |problem| SignInPage {
        username: "hana",
        keep: true,
        problem: Some(problem),
        password_first: true,
        ..page.clone()
    };
    let again = SignInPage { username: "hana", fixed: true, keep: true, ..page.clone() };
    vec![
        ("fresh", page.clone()),
        ("own-account", SignInPage { app: None, ..page.clone() }),
        ("unvouched", SignInPage { unvouched: Some(OF_DOCUMENT), ..page.clone() }),
        ("sign-up", SignInPage { sign_up: SignUpOffer::Link, ..page.clone() }),
        ("by-invitation", SignInPage { sign_up: SignUpOffer::Invitation, ..page.clone() }),
        ("again", SignInPage { others: true, ..again }),
        ("others", SignInPage { username: "hana", others: true, ..page.clone() }),
        ("missing-username", SignInPage { username: "", ..with(SignInProblem::MissingUsername) }),
        ("missing-password", with(SignInProblem::MissingPassword)),
        ("wrong", with(SignInProblem::Wrong)),
        ("wrong-again", SignInPage { fixed: true, ..with(SignInProblem::Wrong) }),
        ("throttled", with(SignInProblem::Throttled { minutes: 15 })),
        ("throttled-briefly", with(SignInProblem::Throttled { minutes: 1 })),
        ("busy", with(SignInProblem::Busy)),
        ("mail", SignInPage { forgot: true, mail_code: true, ..page.clone() }),
    ]
}

fn by_provider<'a>(page: &SignInPage<'a>) -> Vec<Named<'a>> {
    let again =
        SignInPage { username: "hana", fixed: true, keep: true, others: true, ..page.clone() };
    let only = SignInPage { password: false, ..page.clone() };
    let every = SignInPage { providers: providers::every(), ..page.clone() };
    let typed = SignInPage { username: "hana", keep: true, password_first: true, ..every.clone() };
    let throttled = Some(SignInProblem::Throttled { minutes: 5 });
    vec![
        ("providers", page.clone()),
        ("every-provider", every.clone()),
        ("mail-among-providers", SignInPage { forgot: true, mail_code: true, ..page.clone() }),
        ("password-first", SignInPage { password_first: true, ..every.clone() }),
        ("throttled-among-providers", SignInPage { problem: throttled, ..typed.clone() }),
        ("wrong-among-providers", SignInPage { problem: Some(SignInProblem::Wrong), ..typed }),
        ("nothing-works-again", SignInPage { providers: vec![], password: false, ..again.clone() }),
        ("providers-own-account", SignInPage { app: None, ..page.clone() }),
        ("providers-again", again.clone()),
        ("only-providers", only.clone()),
        (
            "only-provider",
            SignInPage { providers: providers::few().split_off(1), keep: true, ..only.clone() },
        ),
        ("no-way", SignInPage { providers: vec![], ..only.clone() }),
        ("only-every-provider", SignInPage { providers: providers::every(), ..only }),
        ("only-providers-again", SignInPage { password: false, ..again.clone() }),
        (
            "only-providers-again-own-account",
            SignInPage { password: false, app: None, others: false, ..again },
        ),
    ]
}

fn after_provider<'a>(page: &SignInPage<'a>) -> Vec<Named<'a>> {
    let provider = "Google";
    let with = |outcome, page: &SignInPage<'a>| SignInPage {
        provider_notice: Some(ProviderNotice { outcome, provider: Some(provider) }),
        ..page.clone()
    };
    let unavailable = with(UpstreamOutcome::Unavailable, page);
    let prove = Some(AccountToProve { provider, email: "hana@example.com" });
    let prove = SignInPage {
        username: "hana@example.com",
        prove,
        providers: providers::few().split_off(1),
        ..page.clone()
    };
    let by_password = SignInPage { providers: vec![], ..prove.clone() };
    let wrong = Some(SignInProblem::Wrong);
    vec![
        ("cancelled", with(UpstreamOutcome::Cancelled, page)),
        ("unavailable", unavailable.clone()),
        ("unavailable-own-account", SignInPage { app: None, ..unavailable.clone() }),
        ("unavailable-only-providers", SignInPage { password: false, ..unavailable }),
        ("refused", with(UpstreamOutcome::Refused, page)),
        ("failed", with(UpstreamOutcome::Failed, page)),
        ("unknown", with(UpstreamOutcome::Unknown, page)),
        ("prove", prove.clone()),
        ("prove-another", with(UpstreamOutcome::Another, &prove)),
        ("prove-unavailable", with(UpstreamOutcome::Unavailable, &prove)),
        ("prove-password", by_password.clone()),
        ("prove-own-account", SignInPage { app: None, ..by_password.clone() }),
        ("prove-wrong", SignInPage { problem: wrong, ..by_password }),
        ("prove-only-providers", SignInPage { password: false, ..prove }),
    ]
}

fn in_an_app<'a>(page: &SignInPage<'a>) -> Vec<Named<'a>> {
    let kakao = ExternalBrowser {
        app: Some("KakaoTalk"),
        href: Some("kakaotalk://web/openExternal?url=https%3A%2F%2Flogin.example%2Flogin"),
        address: "https://login.example/login?interaction=0192f0c1-7d3e-7aa1-9c55-2f6b1d0a4e77",
        without: vec!["Google"],
    };
    let intent = Some("intent://login.example/login#Intent;scheme=https;end");
    let by_hand = ExternalBrowser { app: None, href: None, ..kakao.clone() };
    let with = |external_browser: &ExternalBrowser<'a>| {
        let mut inside =
            SignInPage { external_browser: Some(external_browser.clone()), ..page.clone() };
        inside.providers.retain(|one| one.slug != "google");
        inside
    };
    let cancelled =
        Some(ProviderNotice { outcome: UpstreamOutcome::Cancelled, provider: Some("Kakao") });
    let nowhere = SignInPage { password: false, providers: vec![], ..page.clone() };
    let every = vec!["Google", "Dalbit Books Staff"];
    vec![
        ("external-browser", with(&kakao)),
        (
            "external-browser-nothing-hidden",
            with(&ExternalBrowser { without: vec![], ..kakao.clone() }),
        ),
        ("external-browser-two-hidden", with(&ExternalBrowser { without: every, ..kakao.clone() })),
        (
            "external-browser-android",
            with(&ExternalBrowser { app: Some("Facebook"), href: intent, ..kakao.clone() }),
        ),
        ("external-browser-by-hand", with(&by_hand)),
        ("external-browser-cancelled", SignInPage { provider_notice: cancelled, ..with(&kakao) }),
        ("external-browser-only-providers", SignInPage { password: false, ..with(&kakao) }),
        ("external-browser-only", SignInPage { external_browser: Some(kakao), ..nowhere.clone() }),
        (
            "external-browser-only-by-hand",
            SignInPage { external_browser: Some(by_hand), ..nowhere },
        ),
    ]
}

fn named_by_others<'a>(page: &SignInPage<'a>) -> Vec<Named<'a>> {
    let [long, hostile] = [names::LONG, names::HOSTILE].map(|name| SignInPage {
        username: name,
        providers: vec![
            ProviderButton { slug: "work", name, brand: Brand::Other, renamed: true },
            ProviderButton { slug: "google", name, brand: Brand::Google, renamed: true },
        ],
        prove: Some(AccountToProve { provider: name, email: name }),
        ..page.clone()
    });
    let hostile = SignInPage { app: Some(apps::HOSTILE), ..hostile };
    let refused =
        ProviderNotice { outcome: UpstreamOutcome::Refused, provider: Some(names::HOSTILE) };
    let external_browser = ExternalBrowser {
        app: Some(names::HOSTILE),
        href: None,
        address: names::HOSTILE_LINK,
        without: vec![names::HOSTILE],
    };
    vec![
        ("long-names", SignInPage { app: Some(apps::LONG), prove: None, ..long.clone() }),
        ("prove-long-names", long),
        ("prove-hostile", SignInPage { providers: vec![], ..hostile.clone() }),
        (
            "hostile",
            SignInPage {
                prove: None,
                provider_notice: Some(refused),
                external_browser: Some(external_browser),
                ..hostile
            },
        ),
    ]
}
