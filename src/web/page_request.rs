//! Who comes to a page: the browser, the people in it, the language that they read.

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
    /// The browser and the people.
    pub(super) browser_state: BrowserState,
    /// What stands in the query, or in the form of a POST.
    pub(super) form: Form,
    /// What the person reads.
    pub(super) language: Language,
    /// Whether they chose it with this very request.
    pub(super) chose_language: bool,
    context: Context,
    origin: Origin,
    headers: HeaderMap,
    /// The language that they chose before.
    remembered: Option<String>,
    /// What makes the browser known to people who proved their account in it.
    known: Option<String>,
    here: Option<String>,
    /// The path that shows a page again which says no; none: where the browser stands.
    path: String,
}

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");
const FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");

impl PageRequest {
    /// A request with this form, of whoever its cookies name; where the database fails, of nobody.
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
                request.browser_state = browser_state;
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

    /// The page stands at this path.
    pub(super) fn stands_at(&mut self, path: String) {
        self.here = Some(self.address(path));
    }

    /// The form stands on the page at this path, which is shown again where it says no.
    pub(super) fn comes_from(&mut self, path: String) {
        self.here = Some(self.address(path.clone()));
        self.path = path;
    }

    /// Nobody yet, for a page that says no; a query may say the language.
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

    /// Reads on in the language of the purpose, unless they chose another one just now.
    pub(super) fn read_in(&mut self, ui_locales: Option<&str>) {
        self.language = self.reads(ui_locales);
    }

    /// What they read in the middle of such a purpose.
    pub(super) fn reads(&self, ui_locales: Option<&str>) -> Language {
        if self.chose_language {
            return self.language;
        }
        language(&self.headers, self.remembered.as_deref(), ui_locales)
    }

    /// For the use cases.
    pub(super) fn caller(&self) -> Caller<'_> {
        Caller {
            browser_state: &self.browser_state,
            address: self.context.address,
            known: self.known.as_deref(),
            user_agent: self.headers.get(USER_AGENT).and_then(|value| value.to_str().ok()),
            origin: &self.origin,
        }
    }

    /// What all pages share.
    pub(super) fn frame<'a>(&'a self, shared: &'a Shared) -> Frame<'a> {
        let (look, base) = (&shared.look, shared.base.as_str());
        Frame { look, language: self.language, base, here: self.here.as_deref() }
    }

    /// What all pages share that say no. They repeat nothing of what they were sent, unless it
    /// names something that is there.
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

    /// The way in that was used last in this browser.
    pub(super) fn last_sign_in_method(&self, shared: &Shared) -> Option<SignInMethod> {
        shared.cookies.way(&self.headers)
    }

    /// What the browser keeps of who is away at a provider.
    pub(super) fn upstream_cookies(&self, shared: &Shared) -> UpstreamCookies {
        UpstreamCookies::read(&shared.cookies, &self.headers)
    }

    /// The token of the form.
    pub(super) fn csrf(&self) -> &str {
        self.form.get("csrf").unwrap_or_default()
    }

    /// The app whose browser this is.
    pub(super) fn in_app(&self) -> Option<EmbeddedBrowser> {
        embedded_browser(self.user_agent())
    }

    /// What the browser calls itself.
    pub(super) fn user_agent(&self) -> &str {
        let named = self.headers.get(USER_AGENT).and_then(|value| value.to_str().ok());
        named.unwrap_or_default()
    }

    /// Whether the browser goes there with its window, and not for an image or a frame.
    pub(super) fn navigates(&self) -> bool {
        let says = |name, expected: &str| {
            self.headers.get(name).is_none_or(|value| value.as_bytes() == expected.as_bytes())
        };
        says(FETCH_MODE, "navigate") && says(FETCH_DEST, "document")
    }

    /// Whether a browser says that it goes there with its window: what is none says nothing. One
    /// that is too old to say so names at least the origin of the page whose form it sends.
    pub(super) fn shows_pages(&self) -> bool {
        match self.headers.get(FETCH_DEST) {
            Some(destination) => destination.as_bytes() == b"document",
            None => self.headers.contains_key(ORIGIN),
        }
    }

    /// Proof that our own page sent this form, if it did.
    pub(super) fn same_origin(&self, shared: &Shared) -> Option<SameOrigin> {
        let header = |name| self.headers.get(name).map(HeaderValue::as_bytes);
        SameOrigin::check(header(FETCH_SITE), header(ORIGIN), &shared.origin)
    }

    /// The address of a page with what names it, and nothing else of the query.
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
