//! What every page has: the look, the language, where it stands, and whom it speaks of.

use fluent_bundle::{FluentArgs, FluentValue};
use url::form_urlencoded::byte_serialize;

use super::language::Language;
use super::look::Look;

/// The frame of a page.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// How it looks.
    pub look: &'a Look,
    /// What it speaks.
    pub language: Language,
    /// The path of the issuer, empty or like `/tenant`: the prefix of every URL.
    pub base: &'a str,
    /// Path and query that show this page again, base included. `None`: no language links.
    pub here: Option<&'a str>,
}

/// The app that sent the person.
#[derive(Clone, Copy, Debug)]
pub struct App<'a> {
    /// Its name.
    pub name: &'a str,
    /// Where the answer goes, like `shop.example.com`.
    pub host: Option<&'a str>,
    /// The same-origin path of its image.
    pub logo: Option<&'a str>,
    /// Its privacy policy.
    pub policy_uri: Option<&'a str>,
    /// Its terms of service.
    pub tos_uri: Option<&'a str>,
}

/// A person, as they know themselves.
#[derive(Clone, Copy, Debug)]
pub struct Person<'a> {
    /// The name in the profile.
    pub name: Option<&'a str>,
    /// What they sign in with.
    pub username: &'a str,
    /// The address of their mail.
    pub email: Option<&'a str>,
}

/// A person who is signed in to this browser.
#[derive(Clone, Copy, Debug)]
pub struct Account<'a> {
    /// Who.
    pub person: Person<'a>,
    /// The name of the session in forms and links.
    pub session: &'a str,
}

/// The hidden fields of every form.
#[derive(Clone, Copy, Debug)]
pub struct HiddenFields<'a> {
    /// Which interaction the form belongs to.
    pub interaction: &'a str,
    /// The proof that the form came from our page.
    pub csrf: &'a str,
}

/// A link to this page in a language.
#[derive(Debug)]
pub(super) struct LanguageLink {
    pub(super) language: Language,
    pub(super) href: String,
    pub(super) is_current: bool,
}

impl Frame<'_> {
    /// A text.
    pub(super) fn t(&self, key: &str) -> String {
        self.say(key, &FluentArgs::new())
    }

    /// A text with one argument.
    pub(super) fn t1(&self, key: &str, name: &str, value: &str) -> String {
        self.say(key, &FluentArgs::from_iter([(name, FluentValue::from(value))]))
    }

    /// A text with two arguments.
    pub(super) fn t2(&self, key: &str, one: (&str, &str), two: (&str, &str)) -> String {
        self.say(key, &FluentArgs::from_iter([one, two]))
    }

    /// A text with a number.
    pub(super) fn tn(&self, key: &str, name: &str, number: u64) -> String {
        self.say(key, &FluentArgs::from_iter([(name, FluentValue::from(number))]))
    }

    fn say(&self, key: &str, args: &FluentArgs<'_>) -> String {
        self.look.texts().say(self.language, key, args)
    }

    /// The URL of a file of the look.
    pub(super) fn asset(&self, name: &str) -> String {
        format!("{}/assets/{name}", self.base)
    }

    /// This page in every language.
    pub(super) fn language_links(&self) -> Vec<LanguageLink> {
        let Some(here) = self.here else { return Vec::new() };
        let (path, query) = here.split_once('?').unwrap_or((here, ""));
        let kept = query.split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("lang="));
        let kept: String = kept.flat_map(|pair| [pair, "&"]).collect();
        let link = |language: Language| LanguageLink {
            language,
            href: format!("{path}?{kept}lang={}", language.as_str()),
            is_current: language == self.language,
        };
        Language::ALL.into_iter().map(link).collect()
    }
}

impl<'a> App<'a> {
    /// What stands for it without an image.
    pub(super) fn initial(&self) -> String {
        initial(self.name)
    }

    /// Its image, if it is ours to serve.
    pub(super) fn image(&self) -> Option<&'a str> {
        self.logo.filter(|path| path.starts_with('/') && !path.starts_with("//"))
    }

    /// Its privacy policy, if that can be a link.
    pub(super) fn policy(&self) -> Option<&'a str> {
        web_link(self.policy_uri)
    }

    /// Its terms, if they can be a link.
    pub(super) fn terms(&self) -> Option<&'a str> {
        web_link(self.tos_uri)
    }
}

impl<'a> Person<'a> {
    /// How to call them.
    pub(super) fn title(&self) -> &'a str {
        self.name.filter(|name| !name.trim().is_empty()).unwrap_or(self.username)
    }

    /// What tells them from others of the same name.
    pub(super) fn detail(&self) -> Option<&'a str> {
        let detail = self.email.unwrap_or(self.username);
        Some(detail).filter(|detail| *detail != self.title())
    }

    /// What stands for them.
    pub(super) fn initial(&self) -> String {
        initial(self.title())
    }
}

impl Account<'_> {
    /// The session in a query.
    pub(super) fn session_query(&self) -> String {
        in_query(self.session)
    }
}

impl HiddenFields<'_> {
    /// The interaction in a query.
    pub(super) fn interaction_query(&self) -> String {
        in_query(self.interaction)
    }
}

/// A value as a part of a query or a path.
pub(super) fn in_query(value: &str) -> String {
    byte_serialize(value.as_bytes()).collect()
}

fn initial(name: &str) -> String {
    let letter = name.chars().find(|c| c.is_alphanumeric());
    letter.map_or_else(|| "·".to_owned(), |letter| letter.to_uppercase().collect())
}

/// A link into the web: `javascript:` and its like never become one.
pub(super) fn web_link(uri: Option<&str>) -> Option<&str> {
    uri.filter(|uri| ["https://", "http://"].iter().any(|scheme| uri.starts_with(scheme)))
}

#[cfg(test)]
mod tests {
    use super::{Frame, web_link};
    use crate::pages::language::Language;
    use crate::pages::look::Look;

    #[test]
    fn a_language_link_keeps_the_rest_of_the_query() {
        let look = Look::builtin();
        let href = |here| {
            let frame = Frame { look: &look, language: Language::En, base: "", here: Some(here) };
            frame.language_links().pop().map(|link| link.href).expect("a link")
        };
        assert_eq!(href("/login?interaction=a"), "/login?interaction=a&lang=ko");
        assert_eq!(href("/login?interaction=a&lang=en"), "/login?interaction=a&lang=ko");
        assert_eq!(href("/account"), "/account?lang=ko");
        let frame = Frame { look: &look, language: Language::En, base: "", here: None };
        assert!(frame.language_links().is_empty());
    }

    #[test]
    fn only_the_web_is_linked() {
        assert_eq!(web_link(Some("https://a.example")), Some("https://a.example"));
        assert_eq!(web_link(Some("http://localhost:1")), Some("http://localhost:1"));
        for uri in ["javascript:alert(1)", " https://a", "//a.example", "/path", "data:,", ""] {
            assert_eq!(web_link(Some(uri)), None, "{uri}");
        }
    }
}
