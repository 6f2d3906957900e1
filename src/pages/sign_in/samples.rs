//! The states of signing in.

use super::{SignInPage, SignInProblem, SocialNote};
use crate::pages::frame::Frame;
use crate::pages::gallery::{Sample, apps, names, providers, ticket};
use crate::pages::provider::ProviderButton;
use crate::pages::way_out::WayOut;

/// A state with its name.
type Named<'a> = (&'static str, SignInPage<'a>);

impl<'a> Sample<'a> for SignInPage<'a> {
    const NAME: &'static str = "sign-in";

    fn samples(frame: Frame<'a>) -> Vec<(&'static str, Self)> {
        let page = Self {
            frame,
            app: Some(apps::SHOP),
            ticket: ticket(),
            username: "",
            fixed: false,
            keep: false,
            problem: None,
            others: false,
            providers: vec![],
            password: true,
            social: None,
            way_out: None,
            first: None,
        };
        let social = Self { providers: providers::few(), ..page.clone() };
        [
            by_password(&page),
            by_provider(&social),
            after_provider(&social),
            in_an_app(&social),
            named_by_others(&social),
        ]
        .concat()
    }
}

fn by_password<'a>(page: &SignInPage<'a>) -> Vec<Named<'a>> {
    let with = |problem| SignInPage {
        username: "hana",
        keep: true,
        problem: Some(problem),
        ..page.clone()
    };
    let again = SignInPage { username: "hana", fixed: true, keep: true, ..page.clone() };
    vec![
        ("fresh", page.clone()),
        ("own-account", SignInPage { app: None, ..page.clone() }),
        ("again", SignInPage { others: true, ..again }),
        ("others", SignInPage { username: "hana", others: true, ..page.clone() }),
        ("missing-username", SignInPage { username: "", ..with(SignInProblem::MissingUsername) }),
        ("missing-password", with(SignInProblem::MissingPassword)),
        ("wrong", with(SignInProblem::Wrong)),
        ("wrong-again", SignInPage { fixed: true, ..with(SignInProblem::Wrong) }),
        ("throttled", with(SignInProblem::Throttled { minutes: 15 })),
        ("throttled-briefly", with(SignInProblem::Throttled { minutes: 1 })),
        ("busy", with(SignInProblem::Busy)),
    ]
}

fn by_provider<'a>(page: &SignInPage<'a>) -> Vec<Named<'a>> {
    let again =
        SignInPage { username: "hana", fixed: true, keep: true, others: true, ..page.clone() };
    let only = SignInPage { password: false, ..page.clone() };
    vec![
        ("providers", page.clone()),
        ("every-provider", SignInPage { providers: providers::every(), ..page.clone() }),
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
    let prove = SocialNote::Prove { provider, email: "hana@example.com" };
    let with = |note| SignInPage { social: Some(note), ..page.clone() };
    let prove = SignInPage { username: "hana", ..with(prove) };
    let unavailable = with(SocialNote::Unavailable { provider });
    vec![
        ("cancelled", with(SocialNote::Cancelled { provider })),
        ("unavailable", unavailable.clone()),
        ("unavailable-own-account", SignInPage { app: None, ..unavailable.clone() }),
        ("unavailable-only-providers", SignInPage { password: false, ..unavailable }),
        ("refused", with(SocialNote::Refused { provider })),
        ("failed", with(SocialNote::Failed { provider })),
        ("prove", SignInPage { providers: vec![], ..prove.clone() }),
        ("prove-wrong", SignInPage { problem: Some(SignInProblem::Wrong), ..prove.clone() }),
        ("prove-only-providers", SignInPage { password: false, ..prove }),
    ]
}

fn in_an_app<'a>(page: &SignInPage<'a>) -> Vec<Named<'a>> {
    let with = |way_out| SignInPage { way_out: Some(way_out), ..page.clone() };
    let kakao = WayOut {
        app: Some("KakaoTalk"),
        href: Some("kakaotalk://web/openExternal?url=https%3A%2F%2Flogin.example%2Flogin"),
        address: "https://login.example/login?interaction=0192f0c1-7d3e-7aa1-9c55-2f6b1d0a4e77",
    };
    let intent = Some("intent://login.example/login#Intent;scheme=https;end");
    let cancelled = SocialNote::Cancelled { provider: "Google" };
    let (first, providers) =
        page.providers.iter().copied().partition::<Vec<_>, _>(|one| one.slug == "kakao");
    let first = first.into_iter().next();
    vec![
        ("way-out-at-home", SignInPage { first, providers, ..with(kakao) }),
        ("way-out", with(kakao)),
        ("way-out-android", with(WayOut { app: Some("Facebook"), href: intent, ..kakao })),
        ("way-out-by-hand", with(WayOut { app: None, href: None, ..kakao })),
        ("way-out-cancelled", SignInPage { social: Some(cancelled), ..with(kakao) }),
        ("way-out-only-providers", SignInPage { password: false, ..with(kakao) }),
    ]
}

fn named_by_others<'a>(page: &SignInPage<'a>) -> Vec<Named<'a>> {
    let [long, hostile] = [names::LONG, names::HOSTILE].map(|name| {
        let button = |it: ProviderButton<'a>| ProviderButton { name, ..it };
        let prove = SocialNote::Prove { provider: name, email: name };
        SignInPage {
            username: name,
            providers: page.providers.iter().copied().map(button).collect(),
            social: Some(prove),
            ..page.clone()
        }
    });
    let hostile = SignInPage { app: Some(apps::HOSTILE), ..hostile };
    let refused = SocialNote::Refused { provider: names::HOSTILE };
    let slugs = |it: &ProviderButton<'a>| ProviderButton { slug: names::HOSTILE, ..*it };
    let way_out = WayOut {
        app: Some(names::HOSTILE),
        href: Some(names::HOSTILE_LINK),
        address: names::HOSTILE_LINK,
    };
    vec![
        ("long-names", SignInPage { app: Some(apps::LONG), social: None, ..long.clone() }),
        ("prove-long-names", long),
        ("prove-hostile", SignInPage { providers: vec![], ..hostile.clone() }),
        (
            "hostile",
            SignInPage {
                providers: hostile.providers.iter().take(1).map(slugs).collect(),
                social: Some(refused),
                way_out: Some(way_out),
                ..hostile
            },
        ),
    ]
}
