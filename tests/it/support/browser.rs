//! A browser without scripts: cookies, forms, redirects.

use std::collections::BTreeMap;

use reqwest::StatusCode;
use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
use url::Url;

use super::client_app::{App, Reply, form};
use super::server::{PASSWORD, USERNAME};
use super::upstream::{Callback, ProviderStub, Vendor};

/// The browser of one person.
#[derive(Clone, Debug)]
pub(crate) struct Browser {
    pub(crate) cookies: BTreeMap<String, String>,
    /// The path of a cookie, if it is not sent everywhere.
    paths: BTreeMap<String, String>,
    pub(crate) headers: Vec<(&'static str, String)>,
    http: reqwest::Client,
    base: String,
}

/// The page that the browser shows, or a redirect that it was sent.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    pub(crate) url: String,
    pub(crate) reply: Reply,
}

/// The authorization response that an app gets.
#[derive(Clone, Debug)]
pub(crate) struct AuthorizationResponse(BTreeMap<String, String>);

impl AuthorizationResponse {
    /// Reads the response from the URL that the browser was redirected to.
    pub(crate) fn at(url: &str) -> Self {
        let url = Url::parse(url).expect("a URL");
        let pairs = match url.fragment() {
            Some(fragment) => {
                url::form_urlencoded::parse(fragment.as_bytes()).into_owned().collect()
            }
            None => url.query_pairs().into_owned().collect(),
        };
        Self(pairs)
    }

    /// The value of a parameter, or an empty text.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// The names of all parameters.
    pub(crate) fn names(&self) -> Vec<&str> {
        self.0.keys().map(String::as_str).collect()
    }

    /// The code of a successful response.
    #[track_caller]
    pub(crate) fn code(&self) -> String {
        let code = self.get("code");
        assert!(!code.is_empty(), "a code in {self:?}");
        code.to_owned()
    }
}

impl Page {
    /// The address of the redirect, if it is one.
    pub(crate) fn location(&self) -> Option<&str> {
        self.reply.headers.get(LOCATION).and_then(|value| value.to_str().ok())
    }

    /// The value of a hidden field of the first form that has it.
    #[track_caller]
    pub(crate) fn hidden(&self, name: &str) -> String {
        self.field(name).unwrap_or_else(|| panic!("{name} in {}", self.reply.text))
    }

    /// The value of an input of this name.
    pub(crate) fn field(&self, name: &str) -> Option<String> {
        let html = &self.reply.text;
        let inputs = html.split("<input").skip(1).filter_map(|rest| rest.split_once('>'));
        let mut named = inputs
            .map(|(tag, _)| tag)
            .filter(|tag| attribute(tag, "name").as_deref() == Some(name));
        named.next().and_then(|tag| attribute(tag, "value"))
    }

    /// The value of the element of this id.
    #[track_caller]
    pub(crate) fn value_of(&self, id: &str) -> String {
        let named = format!("id=\"{id}\"");
        let tags = self.reply.text.split('<').filter_map(|rest| rest.split_once('>'));
        let mut found = tags.map(|(tag, _)| tag).filter(|tag| tag.contains(&named));
        let value = found.next().and_then(|tag| attribute(tag, "value"));
        value.unwrap_or_else(|| panic!("a value of {id} in {}", self.reply.text))
    }

    /// The value of an attribute of the tag that has this text.
    pub(crate) fn attribute_of(&self, of: &str, name: &str) -> Option<String> {
        let tags = self.reply.text.split('<').filter_map(|rest| rest.split_once('>'));
        let mut tags = tags.map(|(tag, _)| tag).filter(|tag| tag.contains(of));
        tags.next().and_then(|tag| attribute(tag, name))
    }

    /// The sessions that a page offers for choice.
    pub(crate) fn sessions(&self) -> Vec<String> {
        let buttons =
            self.reply.text.split("<button").skip(1).filter_map(|rest| rest.split_once('>'));
        let offered = buttons
            .map(|(tag, _)| tag)
            .filter(|tag| attribute(tag, "name").as_deref() == Some("session"));
        offered
            .filter_map(|tag| attribute(tag, "value"))
            .filter(|value| !value.is_empty())
            .collect()
    }

    /// The language that the page says it is in.
    pub(crate) fn language(&self) -> &str {
        let behind = self.reply.text.split("<html lang=\"").nth(1).unwrap_or_default();
        behind.split('"').next().unwrap_or_default()
    }

    /// Whether an element of this id is on the page.
    pub(crate) fn has(&self, id: &str) -> bool {
        self.reply.text.contains(&format!("id=\"{id}\""))
    }

    /// The code of an error page.
    pub(crate) fn error_code(&self) -> &str {
        let behind = self.reply.text.split("id=\"error-code\"").nth(1).unwrap_or_default();
        let behind = behind.split_once('>').map(|(_, rest)| rest).unwrap_or_default();
        behind.split('<').next().unwrap_or_default().trim()
    }

    /// Asserts that it is an error page with this code, and no redirect.
    #[track_caller]
    pub(crate) fn is_error(&self, code: &str) {
        assert!(self.reply.status.is_client_error(), "{} {}", self.reply.status, self.reply.text);
        assert_eq!(self.error_code(), code, "{}", self.reply.text);
        assert_eq!(self.location(), None);
        assert!(self.reply.header("content-type").starts_with("text/html"));
        assert_eq!(self.reply.header("cache-control"), "no-store");
    }

    /// The address that a redirecting page leads to; asserts that the refresh and the link are the
    /// same.
    #[track_caller]
    pub(crate) fn redirect_target(&self) -> String {
        let tags = self.reply.text.split('<').filter_map(|rest| rest.split_once('>'));
        let tags: Vec<_> = tags.map(|(tag, _)| tag).collect();
        let find = |start: &str, name: &str| {
            let tag = tags.iter().find(|tag| tag.starts_with(start));
            tag.and_then(|tag| attribute(tag, name))
                .unwrap_or_else(|| panic!("{start} in {self:?}"))
        };
        let (refresh, link) = (
            find("meta http-equiv=\"refresh\"", "content"),
            find("a class=\"primary\" id=\"onward\"", "href"),
        );
        assert_eq!(refresh.strip_prefix("0; url="), Some(link.as_str()));
        link
    }

    /// The authorization response in the redirect to the app.
    #[track_caller]
    pub(crate) fn authorization_response(&self) -> AuthorizationResponse {
        let location = self.location();
        AuthorizationResponse::at(location.unwrap_or_else(|| panic!("sent away: {self:?}")))
    }

    /// Asserts that the app gets this error.
    #[track_caller]
    pub(crate) fn error_response(&self, error: &str) -> AuthorizationResponse {
        let heard = self.authorization_response();
        assert_eq!(heard.get("error"), error, "{heard:?}");
        assert_eq!(self.reply.status, StatusCode::SEE_OTHER);
        heard
    }
}

/// Makes the browser send the headers that Chromium sends.
pub(crate) fn chromium(browser: Browser) -> Browser {
    let browser = browser.saying("sec-fetch-dest", "document");
    browser.saying("sec-fetch-mode", "navigate").saying("sec-fetch-site", "same-origin")
}

/// The value of an attribute of this tag.
pub(crate) fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, behind) = tag.split_once(&format!(" {name}=\""))?;
    let value = behind.split('"').next()?;
    let plain = value.replace("&#34;", "\"").replace("&#39;", "'").replace("&#60;", "<");
    let plain = plain.replace("&#62;", ">").replace("&lt;", "<").replace("&gt;", ">");
    Some(plain.replace("&quot;", "\"").replace("&#38;", "&").replace("&amp;", "&"))
}

impl Browser {
    /// A new browser for this server.
    pub(crate) fn new(base: &str, http: &reqwest::Client) -> Self {
        let headers = vec![("accept", "text/html".to_owned())];
        let (cookies, paths) = (BTreeMap::new(), BTreeMap::new());
        Self { cookies, paths, headers, http: http.clone(), base: base.to_owned() }
    }

    /// The same browser, which sends its requests by this client.
    pub(crate) fn through(&self, http: &reqwest::Client) -> Self {
        let Self { cookies, paths, headers, base, .. } = self;
        let (cookies, paths, headers) = (cookies.clone(), paths.clone(), headers.clone());
        Self { cookies, paths, headers, http: http.clone(), base: base.clone() }
    }

    /// Sends this header from now on.
    pub(crate) fn saying(mut self, name: &'static str, value: &str) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        self.headers.push((name, value.to_owned()));
        self
    }

    /// The name of the cookie by which the server recognises the browser; it depends on the issuer.
    pub(crate) fn cookie_name(&self) -> Option<String> {
        let others = ["-known", "-remembered", "-lang", "-way", "-away"];
        let is_it = |name: &&String| {
            name.starts_with("__Host-mapae-") && !others.iter().any(|other| name.ends_with(other))
        };
        let mut found = self.cookies.keys().filter(is_it);
        let name = found.next().cloned();
        assert_eq!(found.next(), None, "of one issuer: {:?}", self.cookies);
        name
    }

    /// The cookie by which the server recognises the browser.
    pub(crate) fn cookie(&self) -> Option<&str> {
        let name = self.cookie_name()?;
        self.cookies.get(&name).map(String::as_str)
    }

    /// The names of the cookies that hold logins at providers.
    pub(crate) fn away(&self) -> Vec<String> {
        let names = self.cookies.keys().filter(|name| name.starts_with("__Secure-mapae-"));
        names.cloned().collect()
    }

    /// Deletes the cookie by which the server recognises the browser, and keeps the others.
    pub(crate) fn forget(&mut self) {
        if let Some(name) = self.cookie_name() {
            self.cookies.remove(&name);
        }
    }

    /// The URL of a path.
    pub(crate) fn url(&self, path: &str) -> String {
        if path.starts_with('/') { format!("{}{path}", self.base) } else { path.to_owned() }
    }

    /// Gets a page, and follows no redirect.
    pub(crate) async fn get(&mut self, path: &str) -> Page {
        let url = self.url(path);
        let request = self.http.get(&url);
        self.send(url, request).await
    }

    /// Posts a form, and follows no redirect.
    pub(crate) async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Page {
        let url = self.url(path);
        let request = self.http.post(&url).body(form(fields));
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        self.send(url, request).await
    }

    async fn send(&mut self, url: String, mut request: reqwest::RequestBuilder) -> Page {
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let path = Url::parse(&url).expect("a URL").path().to_owned();
        let is_sent = |name: &String| {
            self.paths.get(name).is_none_or(|below| path.starts_with(&format!("{below}/")))
        };
        let sent = self.cookies.iter().filter(|(name, _)| is_sent(name));
        let pairs: Vec<_> = sent.map(|(name, value)| format!("{name}={value}")).collect();
        if !pairs.is_empty() {
            request = request.header(COOKIE, pairs.join("; "));
        }
        let reply = Reply::of(request.send().await.expect("an answer")).await;
        for line in reply.headers.get_all(SET_COOKIE) {
            self.keep(line.to_str().expect("ASCII"));
        }
        Page { url, reply }
    }

    fn keep(&mut self, line: &str) {
        let pair = line.split(';').next().unwrap_or_default();
        let (name, value) = pair.split_once('=').expect("a cookie");
        let path = line.split("; Path=").nth(1).and_then(|rest| rest.split(';').next());
        if let Some(path) = path.filter(|path| *path != "/") {
            self.paths.insert(name.to_owned(), path.to_owned());
        }
        if value.is_empty() || line.contains("Max-Age=0") {
            self.cookies.remove(name);
        } else {
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
    }

    /// Follows redirects as long as they lead to this server.
    pub(crate) async fn follow(&mut self, mut page: Page) -> Page {
        for _ in 0..10 {
            match page.location() {
                Some(location) if location.starts_with('/') || location.starts_with(&self.base) => {
                    let location = location.to_owned();
                    page = self.get(&location).await;
                }
                _ => return page,
            }
        }
        panic!("sent in circles: {page:?}");
    }

    /// Opens a page and follows redirects.
    pub(crate) async fn open(&mut self, path: &str) -> Page {
        let page = self.get(path).await;
        self.follow(page).await
    }

    /// Fills in the sign-in page and follows redirects.
    pub(crate) async fn sign_in_as(&mut self, page: &Page, username: &str, password: &str) -> Page {
        let (interaction, csrf) = (page.hidden("interaction"), page.hidden("csrf"));
        let fields = [
            ("interaction", interaction.as_str()),
            ("csrf", &csrf),
            ("username", username),
            ("password", password),
        ];
        let page = self.post("/login", &fields).await;
        self.follow(page).await
    }

    /// Presses the button of a provider, and returns where it leads.
    #[track_caller]
    pub(crate) fn start_upstream_login<'a>(
        &'a mut self,
        page: &Page,
        slug: &str,
    ) -> impl Future<Output = Page> + use<'a> {
        assert!(page.has(&format!("login-with-{slug}")), "{slug} in {}", page.reply.text);
        let (interaction, csrf) = (page.hidden("interaction"), page.hidden("csrf"));
        let path = format!("/login/with/{slug}");
        async move { self.post(&path, &[("interaction", &interaction), ("csrf", &csrf)]).await }
    }

    /// Presses the button of a provider that is down; asserts that the page says so.
    pub(crate) async fn cannot_start_upstream_login(&mut self, page: &Page, slug: &str) -> Page {
        let left = self.start_upstream_login(page, slug).await;
        assert_eq!(left.reply.status, 303, "{left:?}");
        let page = self.follow(left).await;
        assert!(page.url.contains("/login?") && page.url.ends_with("note=unavailable"), "{page:?}");
        assert!(page.reply.text.contains("right now"), "{}", page.reply.text);
        page
    }

    /// Returns from a provider to the callback, and follows redirects.
    pub(crate) async fn complete_upstream_login(&mut self, callback: &Callback) -> Page {
        let page = if callback.posted {
            // A cross-site POST brings no cookies.
            let cookies = std::mem::take(&mut self.cookies);
            let pairs: Vec<_> = callback.fields.iter().collect();
            let page = self.post(&callback.url(), &pairs).await;
            self.cookies.extend(cookies);
            page
        } else {
            self.get(&callback.url()).await
        };
        self.follow(page).await
    }

    /// Signs in with a provider, at which the person agrees, and follows redirects.
    pub(crate) async fn sign_in_by<V: Vendor>(
        &mut self,
        page: &Page,
        slug: &str,
        provider: &ProviderStub<V>,
    ) -> Page {
        let left = self.start_upstream_login(page, slug).await;
        let location = left.location().unwrap_or_else(|| panic!("sent away: {left:?}"));
        let callback = provider.approve(location);
        self.complete_upstream_login(&callback).await
    }

    /// Signs in the person of the constants.
    pub(crate) async fn sign_in(&mut self, page: &Page) -> Page {
        self.sign_in_as(page, USERNAME, PASSWORD).await
    }

    /// Answers the consent page.
    pub(crate) async fn consent(&mut self, page: &Page, answer: &str) -> Page {
        let (interaction, csrf) = (page.hidden("interaction"), page.hidden("csrf"));
        let fields = [("interaction", interaction.as_str()), ("csrf", &csrf), ("answer", answer)];
        let page = self.post("/consent", &fields).await;
        self.follow(page).await
    }

    /// Opens an app's request and goes through every page, agreeing to all, until the app gets its
    /// answer.
    pub(crate) async fn arrive(&mut self, url: &str) -> Page {
        let mut page = self.open(url).await;
        for _ in 0..4 {
            page = if page.has("login-submit") {
                self.sign_in(&page).await
            } else if page.has("consent-allow") {
                self.consent(&page, "allow").await
            } else {
                return page;
            };
        }
        page
    }

    /// Signs in for the app, and returns the code that the app gets.
    pub(crate) async fn code(&mut self, app: &App) -> String {
        self.arrive(&app.authorization_url(&[])).await.authorization_response().code()
    }
}
