//! Every page in every state: the accessibility checks of axe-core, and pictures for people to look at,
//! where `MAPAE_TEST_PICTURES` asks for them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path as Segment, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use mapae::domain::language::{LANGUAGES, Language};
use mapae::domain::mail::{Mail, MailContent, MailRenderer as _, MethodChange};
use mapae::pages::{Look, PageState, gallery};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::sync::OnceCell;

use super::driver::{Chromium, ENGLISH, Window};
use crate::support::{eventually, required_or_skip};

/// Every state of every page on a wall.
struct Wall {
    look: Look,
    pages: Vec<PageState>,
    origin: String,
}

async fn page(State(wall): State<Arc<Wall>>, Segment(name): Segment<String>) -> Response {
    let page = wall.pages.iter().find(|known| known.name == name);
    page.map_or(StatusCode::NOT_FOUND.into_response(), |page| {
        Html(page.html.clone()).into_response()
    })
}

async fn asset(State(wall): State<Arc<Wall>>, Segment(name): Segment<String>) -> Response {
    match wall.look.asset(&name) {
        Some(asset) => ([(CONTENT_TYPE, asset.content_type)], asset.body.clone()).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

impl Wall {
    async fn hang(language: Language) -> Arc<Self> {
        let look = Look::builtin();
        let pages = [gallery(&look, language), mails(&look, language)].concat();
        let socket = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let origin = format!("http://{}", socket.local_addr().expect("an address"));
        let wall = Arc::new(Self { look, pages, origin });
        let router = Router::new()
            .route("/wall/{name}", get(page))
            .route("/assets/{name}", get(asset))
            .with_state(Arc::clone(&wall));
        tokio::spawn(async move { axum::serve(socket, router).await });
        wall
    }

    fn url(&self, name: &str) -> String {
        format!("{}/wall/{name}", self.origin)
    }

    /// The states of which there are pictures, each with its title: the first state of each page,
    /// named like the page, and [`STATES`].
    fn pictured(&self) -> BTreeMap<&str, &str> {
        let mut pictured: BTreeMap<&str, &str> = STATES.map(|name| (name, name)).into();
        let is_here = |name: &&str| self.pages.iter().any(|state| state.name == **name);
        assert_eq!(STATES.iter().find(|name| !is_here(name)), None, "no such state");
        let mut pages = BTreeSet::new();
        for state in &self.pages {
            if pages.insert(state.page) {
                pictured.insert(&state.name, state.page);
            }
        }
        pictured
    }
}

/// The HTML of mails of each form: with a link and a code, with a link alone, with words alone.
fn mails(look: &Look, language: Language) -> Vec<PageState> {
    let secret = |text: &str| text.to_owned().into();
    let link = || secret("https://id.example.com/undo-address?secret=s");
    let contents = [
        ("mail-sign-up", MailContent::SignUp { link: link(), code: secret("7KMR-2XQP") }),
        (
            "mail-address-changed",
            MailContent::AddressChanged {
                new_address: "hana.seo@example.com".to_owned(),
                undo_link: link(),
            },
        ),
        (
            "mail-method-changed",
            MailContent::SignInMethodChanged {
                change: MethodChange::PasskeyAdded,
                device: Some("Firefox, Linux".to_owned()),
                place: Some("203.0.113.7".to_owned()),
            },
        ),
    ];
    let rendered = contents.map(|(page, content)| {
        let (to, user, client) = ("hana@example.com".to_owned(), None, None);
        let expires_at = Some("2026-11-28T09:24:00Z".parse().expect("a time"));
        let mail = Mail { to, language, user, client, content, expires_at };
        let html = look.render(&mail).expect("a mail").html.expose().clone();
        PageState { page, name: page.to_owned(), html }
    });
    rendered.into()
}

const SIZES: [(&str, u32, u32, bool); 2] =
    [("phone", 390, 844, true), ("desktop", 1280, 900, false)];

/// The states that have a picture besides the first of each page: those that speak of providers,
/// the pages of my account, and those of the console.
const STATES: [&str; 58] = [
    "sign-in-every-provider",
    "sign-in-password-first",
    "sign-in-throttled-among-providers",
    "sign-in-wrong-among-providers",
    "sign-in-nothing-works-again",
    "consent-more",
    "account-security-throttled",
    "sign-in-providers-again",
    "sign-in-only-providers",
    "sign-in-cancelled",
    "sign-in-unavailable",
    "sign-in-prove",
    "sign-in-external-browser",
    "sign-in-external-browser-by-hand",
    "account-security-every-provider-linked",
    "account-security-nothing-linked",
    "account-security-only-way-in",
    "account-security-link-taken",
    "account-security-full",
    "account-devices-full",
    "account-apps-full",
    "account-activity-full",
    "account-data-full",
    "account-delete-full",
    "console-people",
    "console-person",
    "console-person-disable",
    "console-app",
    "console-app-made",
    "console-app-choose",
    "console-provider-new",
    "console-keys",
    "console-audit",
    "console-settings",
    "console-person-attributes",
    "console-resources",
    "console-resource",
    "console-webhooks",
    "console-webhook",
    "console-scim-tokens",
    "console-attributes",
    "account-deletion-planned-grace",
    "second-factor-recovery-wrong",
    "set-up-factor-wrong",
    "sign-up-code-wrong",
    "sign-up-account-documents",
    "sign-up-account-not-accepted",
    "sign-up-account-user-name-taken",
    "sign-up-account-unproven",
    "sign-up-account-breached",
    "new-password-too-easy",
    "mail-link-undo",
    "second-factor-passkey",
    "second-factor-step-up",
    "forgot-sent",
    "sign-up-confirm-invitation",
    "mailed-code-wrong",
    "terms-several",
];

/// What goes on by itself leaves at once: its picture is that of the app.
fn stays(name: &str) -> bool {
    !["form_post", "form-post", "redirect"].iter().any(|start| name.starts_with(start))
}

/// The folder of the pictures, if somebody wants them: to take one costs as much as the checks of a page.
fn pictures() -> Option<PathBuf> {
    std::env::vars().find(|(name, _)| name == "MAPAE_TEST_PICTURES")?;
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("screenshots");
    std::fs::create_dir_all(&folder).expect("a folder");
    Some(folder)
}

/// What is wrong is what one sees, on a phone and without scrolling, however many providers there are.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_is_seen_and_has_the_focus_or_stands_beside_it() {
    let Some(chromium) = Chromium::start().await else { return };
    let window = chromium.window(ENGLISH).await;
    for language in LANGUAGES.iter() {
        let wall = Wall::hang(language).await;
        for (_, width, height, is_phone) in SIZES {
            window.is_as_wide_as(width, height, is_phone).await;
            for (name, message, focus) in [
                ("sign-in-throttled", "sign-in-problem", "sign-in-problem"),
                ("sign-in-throttled-among-providers", "sign-in-problem", "sign-in-problem"),
                ("sign-in-wrong-among-providers", "password-problem", "password"),
                ("second-factor-throttled", "code-problem", "code-problem"),
                ("second-factor-remembered", "totp-problem", "totp-code"),
                ("second-factor-recovery-wrong", "recovery-problem", "recovery-code"),
                ("set-up-factor-wrong", "totp-problem", "totp-code"),
                ("account-security-throttled", "password-problem", "password-problem"),
                ("account-security-wrong-current", "current-password-problem", "current-password"),
                ("account-security-too-easy", "new-password-problem", "new-password"),
                ("account-data-last-owner", "delete-problem", "delete-problem"),
            ] {
                window.goto(&wall.url(name)).await;
                let at = format!("{name} {} {width}", language.as_str());
                eventually(&at, async || window.focus().await == focus).await;
                let place = format!(
                    "const box = document.getElementById('{message}').getBoundingClientRect(); \
                     return box.top >= 0 && box.bottom <= window.innerHeight;"
                );
                let is_seen = async || {
                    let seen = window.driver.execute(&*place, vec![]).await.expect("a place");
                    seen.json().as_bool() == Some(true)
                };
                eventually(&format!("{at} is seen"), is_seen).await;
            }
        }
    }
    window.closes().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn instants_are_said_in_the_zone_of_the_browser() {
    let Some(chromium) = Chromium::start().await else { return };
    let window = chromium.window(ENGLISH).await;
    for (language, zone, said, of_server) in [
        ("ko", "Asia/Seoul", "2026년 11월 21일 18:24 GMT+9", "2026년 11월 21일 09:24 (UTC)"),
        ("en", "America/St_Johns", "at 05:54 GMT-3:30", "21 November 2026, 09:24 (UTC)"),
    ] {
        let wall = Wall::hang(Language::of_tag(language).expect("a language")).await;
        window.lives_in(zone).await;
        window.goto(&wall.url("account-devices-full")).await;
        let instant = "return [...document.querySelectorAll('time')].map(it => [it.dateTime, it.textContent, it.title]) \
                       .find(([at]) => at === '2026-11-21T09:24:00Z')";
        let found = async || {
            let found = window.driver.execute(instant, vec![]).await.expect("an instant");
            let text = |number: usize| found.json()[number].as_str().unwrap_or_default().to_owned();
            text(1).ends_with(said) && text(2) == of_server
        };
        eventually(&format!("{zone} is said"), found).await;
    }
    window.closes().await;
}

/// The states in English, light and on a phone are looked at in two parts, beside each other: these are
/// those of sign-in with all that belongs to it, and the mails.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wcag_2_2_axe_core_finds_nothing_on_the_pages_of_sign_in() {
    let [phone, _] = SIZES;
    let is_meant = |state: &PageState, _| !is_behind_sign_in(state);
    axe_core_finds_nothing(("en", "light"), phone, is_meant).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wcag_2_2_axe_core_finds_nothing_on_the_pages_of_my_account_and_of_the_console() {
    let [phone, _] = SIZES;
    let is_meant = |state: &PageState, _| is_behind_sign_in(state);
    axe_core_finds_nothing(("en", "light"), phone, is_meant).await;
}

/// Of these states there are pictures.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wcag_2_2_axe_core_finds_nothing_in_korean_in_the_dark_and_on_a_desktop() {
    let [_, desktop] = SIZES;
    axe_core_finds_nothing(("ko", "dark"), desktop, |_, is_pictured| is_pictured).await;
}

fn is_behind_sign_in(state: &PageState) -> bool {
    state.page == "console" || state.page.starts_with("account")
}

/// Looks at the states that are meant, in a browser of their own. What decides is also told whether there
/// is a picture of a state.
async fn axe_core_finds_nothing(
    (tag, scheme): (&str, &str),
    (size, width, height, is_phone): (&str, u32, u32, bool),
    is_meant: impl Fn(&PageState, bool) -> bool,
) {
    let Some(chromium) = Chromium::start().await else { return };
    let axe = match axe().await {
        Ok(axe) => axe,
        Err(why) => return required_or_skip(why),
    };
    let window = chromium.window(ENGLISH).await;
    window.runs_in_every_page(axe).await;
    window.prefers(scheme).await;
    window.is_as_wide_as(width, height, is_phone).await;
    let wall = Wall::hang(Language::of_tag(tag).expect("a language")).await;
    let (pictured, folder) = (wall.pictured(), pictures());
    let mut looked_at = 0;
    for state in wall.pages.iter().filter(|state| stays(&state.name)) {
        let name = state.name.as_str();
        let title = pictured.get(name);
        if !is_meant(state, title.is_some()) {
            continue;
        }
        window.goto(&wall.url(name)).await;
        let found = violations(&window).await;
        assert!(found.is_empty(), "{name} {tag} {scheme}: {found:#?}");
        if let (Some(title), Some(folder)) = (title, &folder) {
            let file = format!("{title}-{tag}-{scheme}-{size}.png");
            std::fs::write(folder.join(file), window.picture().await).expect("written");
        }
        looked_at += 1;
    }
    assert!(looked_at > 50, "{looked_at} states");
    window.closes().await;
}

/// What axe-core has against the page that is open, of which something must be seen.
async fn violations(window: &Window) -> Vec<String> {
    let run = "const done = arguments[arguments.length - 1]; \
               const options = { resultTypes: ['violations'], selectors: false, preload: false }; \
               axe.run(document, options) \
                   .then(({ violations }) => ({ violations, seen: document.body.innerText.trim().length })) \
                   .then(done, error => done(String(error)));";
    let result = window.driver.execute_async(run, vec![]).await.expect("a result");
    let result: Value = result.json().clone();
    let violations = result["violations"].as_array().unwrap_or_else(|| panic!("{result}"));
    let described = |one: &Value| {
        let nodes = one["nodes"].as_array().into_iter().flatten();
        let html: Vec<_> = nodes.map(|node| node["html"].to_string()).collect();
        format!("{}: {} {}", one["id"], one["help"], html.join(" "))
    };
    let is_empty = result["seen"].as_u64().is_none_or(|characters| characters == 0);
    let nothing = is_empty.then(|| "the page is empty".to_owned());
    violations.iter().map(described).chain(nothing).collect()
}

/// The source of axe-core, which is fetched once.
async fn axe() -> &'static Result<String, String> {
    static AXE: OnceCell<Result<String, String>> = OnceCell::const_new();
    AXE.get_or_init(fetched_axe).await
}

/// The source of axe-core, from the packages that `tests/chromium` names.
async fn fetched_axe() -> Result<String, String> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("chromium");
    std::fs::create_dir_all(&folder).expect("a folder");
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/chromium");
    for file in ["package.json", "package-lock.json", ".npmrc"] {
        std::fs::copy(sources.join(file), folder.join(file)).expect("copied");
    }
    let arguments = ["ci", "--prefer-offline", "--no-audit", "--no-fund"];
    let ended = Command::new("npm").args(arguments).current_dir(&folder).output().await;
    let output = ended.map_err(|error| format!("npm: {error}"))?;
    if !output.status.success() {
        return Err(format!("npm ci: {}", String::from_utf8_lossy(&output.stderr)));
    }
    let file: PathBuf = folder.join("node_modules/axe-core/axe.min.js");
    std::fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))
}
