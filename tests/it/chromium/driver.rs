//! Chromium, controlled by chromedriver.

use std::process::Stdio;
use std::sync::Mutex;

use serde_json::{Value, json};
use tempfile::TempDir;
use thirtyfour::{By, ChromiumLikeCapabilities, DesiredCapabilities, Key, WebDriver, WebElement};
use tokio::process::{Child, Command};
use tokio::sync::OnceCell;

use crate::support::{PASSWORD, USERNAME, eventually, free_port, http, required_or_skip};

/// A running driver.
pub(super) struct Chromium {
    _process: Child,
    url: String,
    /// Where browsers have their profiles.
    profiles: TempDir,
}

/// What a browser is like.
#[derive(Clone, Copy, Debug)]
pub(super) struct Preferences {
    pub(super) language: &'static str,
    pub(super) scripts: bool,
}

pub(super) const ENGLISH: Preferences = Preferences { language: "en", scripts: true };
pub(super) const KOREAN: Preferences = Preferences { language: "ko", scripts: true };

/// A window of a browser.
pub(super) struct Window {
    pub(super) driver: WebDriver,
    authenticator: Mutex<Option<String>>,
}

impl Chromium {
    /// Starts the driver, where Chromium and its driver are installed.
    pub(super) async fn start() -> Option<Self> {
        static MISSING: OnceCell<Option<&str>> = OnceCell::const_new();
        if let Some(program) = MISSING.get_or_init(missing).await {
            required_or_skip(&format!("there is no {program}"));
            return None;
        }
        let port = free_port();
        let profiles = tempfile::tempdir().expect("a folder");
        let process = Command::new("chromedriver")
            .arg(format!("--port={port}"))
            .env("TMPDIR", profiles.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("chromedriver");
        let url = format!("http://127.0.0.1:{port}");
        let status = format!("{url}/status");
        eventually("chromedriver is ready", async || http().get(&status).send().await.is_ok())
            .await;
        Some(Self { _process: process, url, profiles })
    }

    /// Opens a window, with a profile of its own.
    pub(super) async fn window(&self, preferences: Preferences) -> Window {
        let mut capabilities = DesiredCapabilities::chrome();
        // The small browser, where it is installed, does the same for a third of the work.
        if let Some(small) = small_browser() {
            capabilities.set_binary(small).expect("a browser");
        }
        let accepts = format!("--accept-lang={}", preferences.language);
        let language = format!("--lang={}", preferences.language);
        for argument in [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--window-size=1280,900",
            &language,
            &accepts,
        ] {
            capabilities.add_arg(argument).expect("an argument");
        }
        let settings = json!({
            "intl.accept_languages": preferences.language,
            "credentials_enable_service": false,
            "profile.password_manager_leak_detection": false,
        });
        capabilities.add_experimental_option("prefs", settings).expect("preferences");
        capabilities.set_browser_log_level(thirtyfour::LoggingPrefsLogLevel::All).expect("a level");
        let driver = WebDriver::new(&self.url, capabilities).await.expect("a window");
        let window = Window { driver, authenticator: Mutex::default() };
        if !preferences.scripts {
            window.cdp("Emulation.setScriptExecutionDisabled", json!({ "value": true })).await;
        }
        window
    }
}

/// What is not installed. To say its version takes Chromium a while, so it is asked once.
async fn missing() -> Option<&'static str> {
    for program in ["chromium", "chromedriver"] {
        let found = Command::new(program).arg("--version").stderr(Stdio::null()).output().await;
        if !found.is_ok_and(|output| output.status.success()) {
            return Some(program);
        }
    }
    None
}

/// Where Chromium without a surface to draw on is. Debian has a script for it in `/usr/bin`, which is
/// what the driver would end, and the browser that it started would go on for ever.
fn small_browser() -> Option<&'static str> {
    const FILE: &str = "/usr/lib/chromium/chromium-headless-shell";
    std::path::Path::new(FILE).is_file().then_some(FILE)
}

impl Window {
    /// Goes to an address.
    pub(super) async fn goto(&self, url: &str) {
        self.driver.goto(url).await.expect("a page");
    }

    /// The element of this id, as soon as it is there.
    pub(super) async fn sees(&self, id: &str) -> WebElement {
        let what = format!("#{id} is on the page");
        eventually(&what, async || self.driver.find(By::Id(id)).await.is_ok()).await;
        self.driver.find(By::Id(id)).await.expect("an element")
    }

    /// Whether an element of this id is there now.
    pub(super) async fn has(&self, id: &str) -> bool {
        self.driver.find(By::Id(id)).await.is_ok()
    }

    /// Types into a field.
    pub(super) async fn types(&self, id: &str, text: &str) {
        let field = self.sees(id).await;
        field.clear().await.expect("cleared");
        field.send_keys(text).await.expect("typed");
    }

    /// Clicks what changes the page that is open.
    pub(super) async fn clicks(&self, id: &str) {
        self.sees(id).await.click().await.expect("clicked");
    }

    /// Clicks a button or a link that leads to another page, and waits until the window has left this
    /// one: what comes next never finds an element of the old page.
    pub(super) async fn follows(&self, id: &str) {
        let link = self.sees(id).await;
        let page = self.driver.find(By::Tag("html")).await.expect("a page");
        link.click().await.expect("clicked");
        let what = format!("#{id} leads to another page");
        eventually(&what, async || page.tag_name().await.is_err()).await;
    }

    /// Presses a key.
    pub(super) async fn presses(&self, key: Key) {
        let chain = self.driver.action_chain().send_keys(key.value().to_string());
        chain.perform().await.expect("pressed");
    }

    /// The id of what has the focus.
    pub(super) async fn focus(&self) -> String {
        let focused = self.driver.active_element().await.expect("a focus");
        focused.attr("id").await.expect("an attribute").unwrap_or_default()
    }

    /// Signs in on the page that is open.
    pub(super) async fn signs_in(&self, username: &str, password: &str) {
        self.types("username", username).await;
        self.types("password", password).await;
        self.follows("login-submit").await;
    }

    /// In the window that the page opens: signs Alice in where that is asked for, and says yes or no to
    /// the app, until what a selector of CSS finds on the page says this. A window with nothing to ask
    /// is gone before anybody has seen it.
    pub(super) async fn meets_the_other(&self, allows: bool, selector: &str, text: &str) {
        let first = self.driver.window().await.expect("a window");
        let answer = if allows { "consent-allow" } else { "consent-deny" };
        eventually(&format!("{selector} says {text}"), async || {
            let all = self.driver.windows().await.expect("windows");
            let other = all.into_iter().find(|one| *one != first);
            let Some(other) = other else {
                self.driver.switch_to_window(first.clone()).await.expect("the first window");
                return self.reads(selector, text).await;
            };
            // It closes at any moment.
            if self.driver.switch_to_window(other).await.is_ok() {
                self.answers(answer).await;
            }
            false
        })
        .await;
    }

    /// Fills in the page that is open, if it asks for anything, and presses its button.
    async fn answers(&self, answer: &str) {
        for (id, keys) in [("username", USERNAME), ("password", PASSWORD)] {
            if let Ok(field) = self.driver.find(By::Id(id)).await
                && field.prop("value").await.is_ok_and(|value| value.is_some_and(|v| v.is_empty()))
            {
                let _ = field.send_keys(keys).await;
            }
        }
        for id in ["login-submit", answer] {
            if let Ok(button) = self.driver.find(By::Id(id)).await {
                let _ = button.click().await;
            }
        }
    }

    /// Whether what a selector of CSS finds says this.
    pub(super) async fn reads(&self, selector: &str, text: &str) -> bool {
        match self.driver.find(By::Css(selector)).await {
            Ok(found) => found.text().await.is_ok_and(|said| said.contains(text)),
            Err(_) => false,
        }
    }

    /// The language of the page.
    pub(super) async fn language(&self) -> String {
        let html = self.driver.find(By::Tag("html")).await.expect("a page");
        html.attr("lang").await.expect("an attribute").unwrap_or_default()
    }

    /// Waits until the address begins like this; the address.
    pub(super) async fn arrives_at(&self, start: &str) -> String {
        let what = format!("the window is at {start}");
        let here = async || self.driver.current_url().await.expect("an address").to_string();
        eventually(&what, async || here().await.starts_with(start)).await;
        here().await
    }

    /// What the page says.
    pub(super) async fn text(&self) -> String {
        let body = self.driver.find(By::Tag("body")).await.expect("a page");
        body.text().await.expect("text")
    }

    /// Plugs in an authenticator that knows its person.
    pub(super) async fn plugs_in_authenticator(&self) {
        self.cdp("WebAuthn.enable", json!({})).await;
        let options = json!({
            "protocol": "ctap2",
            "transport": "internal",
            "hasResidentKey": true,
            "hasUserVerification": true,
            "isUserVerified": true,
            "automaticPresenceSimulation": true,
        });
        let made =
            self.cdp("WebAuthn.addVirtualAuthenticator", json!({ "options": options })).await;
        let id = made["authenticatorId"].as_str().expect("an authenticator").to_owned();
        *self.authenticator.lock().expect("a lock") = Some(id);
    }

    /// Whether the authenticator waits, because its person does not touch it.
    pub(super) async fn waits_for_a_finger(&self, waits: bool) {
        let id = self.authenticator.lock().expect("a lock").clone();
        let presence = json!({ "authenticatorId": id, "enabled": !waits });
        self.cdp("WebAuthn.setAutomaticPresenceSimulation", presence).await;
    }

    /// Whether the authenticator knows its person: by a PIN, a finger or a face.
    pub(super) async fn knows_its_person(&self, knows: bool) {
        let id = self.authenticator.lock().expect("a lock").clone();
        let verified = json!({ "authenticatorId": id, "isUserVerified": knows });
        self.cdp("WebAuthn.setUserVerified", verified).await;
    }

    /// Another browser, by its own word.
    pub(super) async fn calls_itself(&self, user_agent: &str) {
        self.cdp("Emulation.setUserAgentOverride", json!({ "userAgent": user_agent })).await;
    }

    /// Knows nobody any more.
    pub(super) async fn forgets_everybody(&self) {
        self.cdp("Network.clearBrowserCookies", json!({})).await;
    }

    /// Light or dark.
    pub(super) async fn prefers(&self, scheme: &str) {
        let media = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.cdp("Emulation.setEmulatedMedia", media).await;
    }

    /// In the time zone of this name.
    pub(super) async fn lives_in(&self, zone: &str) {
        self.cdp("Emulation.setTimezoneOverride", json!({ "timezoneId": zone })).await;
    }

    /// A phone, or a desktop.
    pub(super) async fn is_as_wide_as(&self, width: u32, height: u32, is_phone: bool) {
        let metrics = json!({
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": is_phone,
        });
        self.cdp("Emulation.setDeviceMetricsOverride", metrics).await;
    }

    /// A picture of the whole page.
    pub(super) async fn picture(&self) -> Vec<u8> {
        use base64::Engine;
        let whole = json!({ "format": "png", "captureBeyondViewport": true });
        let shot = self.cdp("Page.captureScreenshot", whole).await;
        let data = shot["data"].as_str().expect("a picture");
        base64::engine::general_purpose::STANDARD.decode(data).expect("base64")
    }

    /// Runs a script in every page that opens from now on, before the page's own.
    pub(super) async fn runs_in_every_page(&self, script: &str) {
        self.cdp("Page.addScriptToEvaluateOnNewDocument", json!({ "source": script })).await;
    }

    async fn cdp(&self, method: &str, parameters: Value) -> Value {
        self.driver.cdp().send_raw(method, parameters).await.expect("a command of DevTools")
    }

    /// That no page so far broke its own policy.
    pub(super) async fn kept_every_policy(&self) {
        let log = self.driver.browser_log().await.expect("a log");
        let broken: Vec<_> = log
            .iter()
            .filter(|line| line.message.contains("Content Security Policy"))
            .map(|line| &line.message)
            .collect();
        assert!(broken.is_empty(), "{broken:#?}");
    }

    /// Closes it.
    pub(super) async fn closes(self) {
        self.driver.quit().await.expect("closed");
    }
}

/// A browser that goes on after its test takes processor time from all that come later.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_browser_outlives_its_window() {
    let Some(chromium) = Chromium::start().await else { return };
    let profiles = chromium.profiles.path().display().to_string();
    let window = chromium.window(ENGLISH).await;
    assert!(is_running_with(&profiles));
    window.closes().await;
    eventually("the browser has ended", async || !is_running_with(&profiles)).await;
}

/// Whether a process has this text in its arguments.
fn is_running_with(text: &str) -> bool {
    let processes = std::fs::read_dir("/proc").expect("processes").filter_map(Result::ok);
    let mut arguments = processes.filter_map(|one| std::fs::read(one.path().join("cmdline")).ok());
    arguments.any(|line| String::from_utf8_lossy(&line).contains(text))
}
