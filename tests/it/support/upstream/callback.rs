//! The callback by which a person returns from a provider.

use super::messages::{Answer, Fields};

/// The request that the provider makes the browser send at the end.
#[derive(Clone, Debug)]
pub(crate) struct Callback {
    /// The redirect URI.
    pub(crate) uri: String,
    pub(crate) fields: Fields,
    /// Whether the fields are posted as a form.
    pub(crate) posted: bool,
    /// The fragment after a `#`.
    pub(crate) fragment: &'static str,
}

impl Callback {
    /// The URL that the browser opens.
    pub(crate) fn url(&self) -> String {
        let mut url = self.uri.clone();
        if !self.posted {
            url.push(if url.contains('?') { '&' } else { '?' });
            url.push_str(&self.fields.encoded());
        }
        if !self.fragment.is_empty() {
            url.push('#');
            url.push_str(self.fragment);
        }
        url
    }

    /// The body that the browser posts.
    pub(crate) fn body(&self) -> String {
        self.fields.encoded()
    }

    /// The value of a field, or an empty text.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.fields.get(name)
    }

    /// The same with this field changed, for tests that tamper with it.
    #[must_use]
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.fields = self.fields.with(name, value);
        self
    }

    #[must_use]
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.fields = self.fields.without(name);
        self
    }

    /// The provider's answer that makes the browser send this request.
    pub(super) fn answer(&self) -> Answer {
        if !self.posted {
            return Answer::redirect(302, &self.url());
        }
        let input = |name: &&str| {
            let value = escaped(self.get(name));
            format!("<input type=\"hidden\" name=\"{}\" value=\"{value}\">", escaped(name))
        };
        let inputs: String = self.fields.names().iter().map(input).collect();
        Answer::html(
            200,
            &format!(
                "<!doctype html><title>…</title><body onload=\"document.forms[0].submit()\">\
                 <form method=\"post\" action=\"{}\">{inputs}</form>",
                escaped(&self.uri),
            ),
        )
    }
}

/// The page that asks the person.
pub(super) fn page(path: &str, request: &Fields, person: &str) -> Answer {
    let action = escaped(&format!("{path}?{}", request.encoded()));
    Answer::html(
        200,
        &format!(
            "<!doctype html><html lang=\"en\"><title>A provider</title><h1>{}</h1>\
             <form method=\"post\" action=\"{action}\">\
             <button id=\"approve\" name=\"answer\" value=\"approve\">Continue</button>\
             <button id=\"cancel\" name=\"answer\" value=\"cancel\">Cancel</button></form>",
            escaped(person),
        ),
    )
}

pub(super) fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('"', "&quot;");
    text.replace('<', "&lt;").replace('>', "&gt;")
}
