//! Every page in every state, for tests and for eyes.

use askama::Template;
use chrono::{DateTime, Duration, Utc};

use super::account::AccountPage;
use super::consent::ConsentPage;
use super::error::ErrorPage;
use super::form_post::FormPostPage;
use super::frame::{Account, Frame, HiddenFields};
use super::language::Language;
use super::logout::{LogoutPage, SignedOutPage, StillSignedInPage};
use super::look::Look;
use super::redirect::RedirectPage;
use super::select_account::SelectAccountPage;
use super::sign_in::SignInPage;

/// A page that knows its states.
pub(super) trait Sample<'a>: Template + Sized {
    /// The name of the page.
    const NAME: &'static str;

    /// The page in every state, each with the name of the state.
    fn samples(frame: Frame<'a>) -> Vec<(&'static str, Self)>;
}

/// Every state of every page in a language: its name and its HTML.
#[must_use]
pub fn gallery(look: &Look, language: Language) -> Vec<(String, String)> {
    every(Frame { look, language, base: "", here: Some("/page?interaction=i") })
}

/// Every state of every page in a frame.
pub(super) fn every(frame: Frame<'_>) -> Vec<(String, String)> {
    [
        rendered::<SignInPage<'_>>(frame),
        rendered::<SelectAccountPage<'_>>(frame),
        rendered::<ConsentPage<'_>>(frame),
        rendered::<LogoutPage<'_>>(frame),
        rendered::<SignedOutPage<'_>>(frame),
        rendered::<StillSignedInPage<'_>>(frame),
        rendered::<AccountPage<'_>>(frame),
        rendered::<ErrorPage<'_>>(Frame { here: Some(""), ..frame }),
        rendered::<FormPostPage<'_>>(Frame { here: None, ..frame }),
        rendered::<RedirectPage<'_>>(Frame { here: None, ..frame }),
    ]
    .concat()
}

fn rendered<'a, P: Sample<'a>>(frame: Frame<'a>) -> Vec<(String, String)> {
    // The only image that is certain to be served is ours.
    let image = frame.asset(frame.look.logo());
    let render = |(state, page): (&str, P)| {
        let html = page.render().unwrap_or_else(|error| error.to_string());
        (format!("{}-{state}", P::NAME), html.replace(apps::IMAGE, &image))
    };
    P::samples(frame).into_iter().map(render).collect()
}

/// Texts that a page must bear.
pub(super) mod names {
    pub(in crate::pages) const LONG: &str =
        "hippopotomonstrosesquippedaliophobia.bartholomew@very-long-subdomain.example.com";
    pub(in crate::pages) const HOSTILE: &str = "<img src=x onerror=alert(1)>\"'&{{";
    pub(in crate::pages) const HOSTILE_LINK: &str = "javascript:alert(1)";
}

/// Apps.
pub(super) mod apps {
    use super::names::{HOSTILE as HOSTILE_TEXT, HOSTILE_LINK};
    use crate::pages::frame::App;

    /// Stands for the path of an image.
    pub(in crate::pages) const IMAGE: &str = "/sample-image";

    pub(in crate::pages) const SHOP: App<'static> = App {
        name: "Dalbit Books",
        host: Some("books.example.com"),
        logo: None,
        policy_uri: Some("https://books.example.com/privacy"),
        tos_uri: Some("https://books.example.com/terms"),
    };
    pub(in crate::pages) const BARE: App<'static> =
        App { name: "달빛책방", host: None, logo: None, policy_uri: None, tos_uri: None };
    pub(in crate::pages) const LONG: App<'static> = App {
        name: "대한민국 전국 지방자치단체 통합 민원 접수 및 처리 결과 알림 서비스 — International Residents Edition",
        host: Some("a-very-long-subdomain-of-the-service.municipalities.example.com"),
        logo: Some(IMAGE),
        policy_uri: Some("http://example.com/privacy"),
        tos_uri: None,
    };
    pub(in crate::pages) const HOSTILE: App<'static> = App {
        name: HOSTILE_TEXT,
        host: Some(HOSTILE_TEXT),
        logo: Some("//elsewhere.example/logo.svg"),
        policy_uri: Some(HOSTILE_LINK),
        tos_uri: Some(HOSTILE_LINK),
    };
}

/// People.
pub(super) mod people {
    use super::names::{HOSTILE as HOSTILE_TEXT, LONG as LONG_TEXT};
    use crate::pages::frame::Person;

    pub(in crate::pages) const HANA: Person<'static> =
        Person { name: Some("Hana Seo"), username: "hana", email: Some("hana@example.com") };
    pub(in crate::pages) const KIM: Person<'static> =
        Person { name: Some("김서연"), username: "seoyeon.kim", email: None };
    pub(in crate::pages) const NAMELESS: Person<'static> =
        Person { name: None, username: "wanderer", email: None };
    pub(in crate::pages) const LONG: Person<'static> = Person {
        name: Some("Bartholomew Hippopotomonstrosesquippedaliophobia von und zu Hohenberg"),
        username: LONG_TEXT,
        email: Some(LONG_TEXT),
    };
    pub(in crate::pages) const HOSTILE: Person<'static> = Person {
        name: Some(HOSTILE_TEXT),
        username: HOSTILE_TEXT,
        email: Some("\"<b>@example.com"),
    };
}

/// Providers.
pub(super) mod providers {
    use crate::pages::provider::{Brand, ProviderButton};

    const fn button(
        slug: &'static str,
        name: &'static str,
        brand: Brand,
    ) -> ProviderButton<'static> {
        ProviderButton { slug, name, brand, renamed: false }
    }

    pub(in crate::pages) fn few() -> Vec<ProviderButton<'static>> {
        every().into_iter().filter(|it| ["google", "kakao", "apple"].contains(&it.slug)).collect()
    }

    /// One of every brand.
    pub(in crate::pages) fn every() -> Vec<ProviderButton<'static>> {
        vec![
            button("google", "Google", Brand::Google),
            button("kakao", "Kakao", Brand::Kakao),
            button("naver", "Naver", Brand::Naver),
            button("apple", "Apple", Brand::Apple),
            button("line", "LINE", Brand::Line),
            button("microsoft", "Microsoft", Brand::Microsoft),
            button("facebook", "Facebook", Brand::Facebook),
            button("github", "GitHub", Brand::GitHub),
            button("gitlab", "GitLab", Brand::GitLab),
            button("work", "Dalbit Books Staff", Brand::Other),
        ]
    }
}

pub(super) fn hidden() -> HiddenFields<'static> {
    HiddenFields { interaction: "interaction", csrf: "csrf" }
}

/// The accounts of a shared browser.
pub(super) fn accounts() -> Vec<Account<'static>> {
    let people = [people::HANA, people::KIM, people::NAMELESS, people::LONG];
    let sessions = ["s1", "s2", "s3", "s4"];
    people.into_iter().zip(sessions).map(|(person, session)| Account { person, session }).collect()
}

/// An instant so many seconds after a fixed one.
pub(super) fn instant(seconds: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + Duration::seconds(1_795_253_040 + seconds)
}
