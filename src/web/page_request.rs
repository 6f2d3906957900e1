//! A request to a page: the browser, the people who are signed in in it, the language that they
//! read.

use axum::http::header::{ACCEPT_LANGUAGE, ORIGIN, USER_AGENT};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue};

use crate::accounts::browsers::BrowserState;
use crate::domain::audit::Origin;
use crate::domain::embedded_browser::{EmbeddedBrowser, embedded_browser};
use crate::domain::form::Form;
use crate::domain::interaction::Handle;
use crate::domain::random::is_identifier;
use crate::domain::session::SessionId;
use crate::domain::verdict::Fault;
use crate::flows::interaction::Caller;
use crate::flows::submitted::SameOrigin;
use crate::pages::{Frame, Language};
use crate::web::cookies::SignInMethod;
use crate::web::edge::Context;
use crate::web::shared::Shared;
use crate::web::upstream_cookies::UpstreamCookies;

/// A request to a page.
#[derive(Debug)]
pub(super) struct PageRequest {
    /// The browser, and the people who are signed in in it.
    pub(super) browser_state: BrowserState,
    /// The parameters in the query, or in the form of a POST.
    pub(super) form: Form,
    /// The language of the page.
    pub(super) language: Language,
    /// Whether the person chose the language with this request.
    pub(super) chose_language: bool,
    context: Context,
    origin: Origin,
    headers: HeaderMap,
    /// The language that the person chose before, from a cookie.
    remembered: Option<String>,
    /// The signed cookie that makes this a known browser of the accounts proven in it.
    known: Option<String>,
    here: Option<String>,
    /// The path at which an error page can be shown again; empty: the address of the request.
    path: String,
}

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");
const FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");

impl PageRequest {
    /// Reads a request with this form, and the browser that its cookie names. If the database
    /// fails, the request comes back with the fault, and without a browser.
    pub(super) async fn read(
        shared: &Shared,
        context: Context,
        parts: Parts,
        form: Form,
    ) -> Result<Self, (Self, Fault)> {
        let headers = parts.headers;
        let token = shared.cookies.browser(&headers);
        let now = shared.flows.clock.now();
        let browser_state = BrowserState::of(&*shared.flows.store, token.as_ref(), now).await;
        let chosen = form.get("lang").and_then(Language::of_tag);
        let mut request = Self::new(shared, context, headers, form, chosen);
        match browser_state {
            Ok(browser_state) => {
                let remembered = shared.cookies.remembered(&request.headers).map(str::to_owned);
                request.browser_state = BrowserState { remembered, ..browser_state };
                Ok(request)
            }
            Err(fault) => Err((request, fault)),
        }
    }

    fn new(
        shared: &Shared,
        context: Context,
        headers: HeaderMap,
        form: Form,
        chosen: Option<Language>,
    ) -> Self {
        let remembered = shared.cookies.language(&headers).map(str::to_owned);
        let known = shared.cookies.known(&headers).map(str::to_owned);
        let language = chosen.unwrap_or_else(|| language(&headers, remembered.as_deref(), None));
        Self {
            browser_state: BrowserState::default(),
            form,
            language,
            chose_language: chosen.is_some(),
            origin: context.origin(),
            context,
            headers,
            remembered,
            known,
            here: None,
            path: String::new(),
        }
    }

    /// Notes the path of the page that is requested.
    pub(super) fn stands_at(&mut self, path: String) {
        self.here = Some(self.address(path));
    }

    /// Notes the path of the page that has the form; an error page leads back to it.
    pub(super) fn comes_from(&mut self, path: String) {
        self.here = Some(self.address(path.clone()));
        self.path = path;
    }

    /// A request without a browser, for an error page; the query may name the language.
    pub(super) fn nobody(
        shared: &Shared,
        context: Context,
        headers: HeaderMap,
        query: Option<&str>,
    ) -> Self {
        let form = Form::parse(query.unwrap_or_default().as_bytes()).unwrap_or_default();
        let chosen = form.get("lang").and_then(Language::of_tag);
        Self::new(shared, context, headers, Form::default(), chosen)
    }

    /// Switches to the languages that the purpose asks for, unless the person has just chosen
    /// another one.
    pub(super) fn read_in(&mut self, ui_locales: Option<&str>) {
        self.language = self.reads(ui_locales);
    }

    /// The language of pages for a purpose with these `ui_locales`.
    pub(super) fn reads(&self, ui_locales: Option<&str>) -> Language {
        if self.chose_language {
            return self.language;
        }
        language(&self.headers, self.remembered.as_deref(), ui_locales)
    }

    /// The caller, as the use cases take it.
    pub(super) fn caller(&self) -> Caller<'_> {
        Caller {
            browser_state: &self.browser_state,
            address: self.context.address,
            known: self.known.as_deref(),
            user_agent: self.headers.get(USER_AGENT).and_then(|value| value.to_str().ok()),
            origin: &self.origin,
            language: self.language,
        }
    }

    /// The frame that all pages share.
    pub(super) fn frame<'a>(&'a self, shared: &'a Shared) -> Frame<'a> {
        let (look, base) = (&shared.look, shared.base.as_str());
        Frame { look, language: self.language, base, here: self.here.as_deref() }
    }

    /// The frame of an error page. It repeats the names in the request only if they name something
    /// that exists.
    pub(super) fn frame_of_no<'a>(&'a self, shared: &'a Shared, is_there: bool) -> Frame<'a> {
        let here = self.here.as_deref().filter(|_| is_there);
        Frame { here: here.or(Some(&self.path)), ..self.frame(shared) }
    }

    /// The interaction that the request names.
    pub(super) fn interaction(&self) -> Handle {
        Handle::from_stored(self.form.get("interaction").unwrap_or_default().to_owned())
    }

    /// The session that the request names.
    pub(super) fn session(&self, field: &str) -> Option<SessionId> {
        self.name(field).map(|name| SessionId::from_stored(name.to_owned()))
    }

    fn name<'a>(&'a self, field: &'a str) -> Option<&'a str> {
        self.form.get(field).filter(|name| is_identifier(name))
    }

    /// The sign-in method that was used last in this browser.
    pub(super) fn last_sign_in_method(&self, shared: &Shared) -> Option<SignInMethod> {
        shared.cookies.way(&self.headers)
    }

    /// What the cookies of the browser hold of logins at providers.
    pub(super) fn upstream_cookies(&self, shared: &Shared) -> UpstreamCookies {
        UpstreamCookies::read(&shared.cookies, &self.headers)
    }

    /// The CSRF token of the form.
    pub(super) fn csrf(&self) -> &str {
        self.form.get("csrf").unwrap_or_default()
    }

    /// The app, if the browser is part of one.
    pub(super) fn in_app(&self) -> Option<EmbeddedBrowser> {
        embedded_browser(self.user_agent())
    }

    /// The `User-Agent` header.
    pub(super) fn user_agent(&self) -> &str {
        let named = self.headers.get(USER_AGENT).and_then(|value| value.to_str().ok());
        named.unwrap_or_default()
    }

    /// Whether the browser opens this address in its window, and not for an image or a frame. A
    /// browser that sends no such headers counts as one that does.
    pub(super) fn navigates(&self) -> bool {
        let says = |name, expected: &str| {
            self.headers.get(name).is_none_or(|value| value.as_bytes() == expected.as_bytes())
        };
        says(FETCH_MODE, "navigate") && says(FETCH_DEST, "document")
    }

    /// Whether the client says that it shows the answer as a page. An older browser, which does not
    /// send `Sec-Fetch-Dest`, sends at least an `Origin` with a form. Clients that are no browser
    /// send neither.
    pub(super) fn shows_pages(&self) -> bool {
        match self.headers.get(FETCH_DEST) {
            Some(destination) => destination.as_bytes() == b"document",
            None => self.headers.contains_key(ORIGIN),
        }
    }

    /// The proof that our own page sent this form; `None` if it did not.
    pub(super) fn same_origin(&self, shared: &Shared) -> Option<SameOrigin> {
        let header = |name| self.headers.get(name).map(HeaderValue::as_bytes);
        SameOrigin::check(header(FETCH_SITE), header(ORIGIN), &shared.origin)
    }

    /// The path with the parameters that name the interaction or the session, and no other ones.
    fn address(&self, path: String) -> String {
        let named = ["interaction", "session"].into_iter();
        let named = named.filter_map(|name| Some((name, self.form.get(name)?)));
        let query =
            url::form_urlencoded::Serializer::new(String::new()).extend_pairs(named).finish();
        if query.is_empty() { path } else { format!("{path}?{query}") }
    }
}

fn language(headers: &HeaderMap, remembered: Option<&str>, ui_locales: Option<&str>) -> Language {
    let accepted = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    Language::choose(ui_locales, remembered, accepted)
}
