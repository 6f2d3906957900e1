//! The states of signing in.

use super::{Prove, SignInPage, SignInProblem};
use crate::domain::note::Note;
use crate::pages::frame::Frame;
use crate::pages::gallery::{Sample, apps, names, providers, ticket};
use crate::pages::noted::Noted;
use crate::pages::provider::{Brand, ProviderButton};
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
            password_first: false,
            prove: None,
            noted: None,
            way_out: None,
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
        password_first: true,
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
    let every = SignInPage { providers: providers::every(), ..page.clone() };
    let typed = SignInPage { username: "hana", keep: true, password_first: true, ..every.clone() };
    let throttled = Some(SignInProblem::Throttled { minutes: 5 });
    vec![
        ("providers", page.clone()),
        ("every-provider", every.clone()),
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
    let with = |note, page: &SignInPage<'a>| SignInPage {
        noted: Some(Noted { note, provider: Some(provider) }),
        ..page.clone()
    };
    let unavailable = with(Note::Unavailable, page);
    let prove = Some(Prove { provider, email: "hana@example.com" });
    let prove = SignInPage {
        username: "hana@example.com",
        prove,
        providers: providers::few().split_off(1),
        ..page.clone()
    };
    let by_password = SignInPage { providers: vec![], ..prove.clone() };
    let wrong = Some(SignInProblem::Wrong);
    vec![
        ("cancelled", with(Note::Cancelled, page)),
        ("unavailable", unavailable.clone()),
        ("unavailable-own-account", SignInPage { app: None, ..unavailable.clone() }),
        ("unavailable-only-providers", SignInPage { password: false, ..unavailable }),
        ("refused", with(Note::Refused, page)),
        ("failed", with(Note::Failed, page)),
        ("unknown", with(Note::Unknown, page)),
        ("prove", prove.clone()),
        ("prove-another", with(Note::Another, &prove)),
        ("prove-unavailable", with(Note::Unavailable, &prove)),
        ("prove-password", by_password.clone()),
        ("prove-own-account", SignInPage { app: None, ..by_password.clone() }),
        ("prove-wrong", SignInPage { problem: wrong, ..by_password }),
        ("prove-only-providers", SignInPage { password: false, ..prove }),
    ]
}

fn in_an_app<'a>(page: &SignInPage<'a>) -> Vec<Named<'a>> {
    let kakao = WayOut {
        app: Some("KakaoTalk"),
        href: Some("kakaotalk://web/openExternal?url=https%3A%2F%2Flogin.example%2Flogin"),
        address: "https://login.example/login?interaction=0192f0c1-7d3e-7aa1-9c55-2f6b1d0a4e77",
        without: vec!["Google"],
    };
    let intent = Some("intent://login.example/login#Intent;scheme=https;end");
    let by_hand = WayOut { app: None, href: None, ..kakao.clone() };
    let with = |way_out: &WayOut<'a>| {
        let mut inside = SignInPage { way_out: Some(way_out.clone()), ..page.clone() };
        inside.providers.retain(|one| one.slug != "google");
        inside
    };
    let cancelled = Some(Noted { note: Note::Cancelled, provider: Some("Kakao") });
    let nowhere = SignInPage { password: false, providers: vec![], ..page.clone() };
    let every = vec!["Google", "Dalbit Books Staff"];
    vec![
        ("way-out", with(&kakao)),
        ("way-out-nothing-hidden", with(&WayOut { without: vec![], ..kakao.clone() })),
        ("way-out-two-hidden", with(&WayOut { without: every, ..kakao.clone() })),
        ("way-out-android", with(&WayOut { app: Some("Facebook"), href: intent, ..kakao.clone() })),
        ("way-out-by-hand", with(&by_hand)),
        ("way-out-cancelled", SignInPage { noted: cancelled, ..with(&kakao) }),
        ("way-out-only-providers", SignInPage { password: false, ..with(&kakao) }),
        ("way-out-only", SignInPage { way_out: Some(kakao), ..nowhere.clone() }),
        ("way-out-only-by-hand", SignInPage { way_out: Some(by_hand), ..nowhere }),
    ]
}

fn named_by_others<'a>(page: &SignInPage<'a>) -> Vec<Named<'a>> {
    let [long, hostile] = [names::LONG, names::HOSTILE].map(|name| SignInPage {
        username: name,
        providers: vec![
            ProviderButton { slug: "work", name, brand: Brand::Other, renamed: true },
            ProviderButton { slug: "google", name, brand: Brand::Google, renamed: true },
        ],
        prove: Some(Prove { provider: name, email: name }),
        ..page.clone()
    });
    let hostile = SignInPage { app: Some(apps::HOSTILE), ..hostile };
    let refused = Noted { note: Note::Refused, provider: Some(names::HOSTILE) };
    let way_out = WayOut {
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
            SignInPage { prove: None, noted: Some(refused), way_out: Some(way_out), ..hostile },
        ),
    ]
}
