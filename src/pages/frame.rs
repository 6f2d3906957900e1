//! What every page has: the look, the language, and its own address.

use fluent_bundle::{FluentArgs, FluentValue};

use super::look::Look;
use crate::domain::language::Language;

/// The frame of a page.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// The look of the page.
    pub look: &'a Look,
    /// The language of the page.
    pub language: Language,
    /// The path of the issuer, empty or like `/tenant`: the prefix of every URL.
    pub base: &'a str,
    /// Path and query that show this page again, base included. `None`: no language links.
    pub here: Option<&'a str>,
}

/// A link to this page in a language.
#[derive(Debug)]
pub(super) struct LanguageLink {
    pub(super) language: Language,
    pub(super) href: String,
    pub(super) is_current: bool,
}

impl Frame<'_> {
    /// The text of this key, in the language of the page.
    pub(super) fn t(&self, key: &str) -> String {
        self.say(key, &FluentArgs::new())
    }

    /// The text of this key with one argument.
    pub(super) fn t1(&self, key: &str, name: &str, value: &str) -> String {
        self.say(key, &FluentArgs::from_iter([(name, FluentValue::from(value))]))
    }

    /// The text of this key with two arguments.
    pub(super) fn t2(&self, key: &str, one: (&str, &str), two: (&str, &str)) -> String {
        self.say(key, &FluentArgs::from_iter([one, two]))
    }

    /// The text of this key with a number.
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

    /// The links that show this page in every language.
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
        self.look.languages().iter().map(link).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Frame;
    use crate::domain::language::Language;
    use crate::pages::look::Look;

    #[test]
    fn a_language_link_keeps_the_rest_of_the_query() {
        let look = Look::builtin();
        let href = |here| {
            let frame =
                Frame { look: &look, language: Language::default(), base: "", here: Some(here) };
            frame.language_links().pop().map(|link| link.href).expect("a link")
        };
        assert_eq!(href("/login?interaction=a"), "/login?interaction=a&lang=ko");
        assert_eq!(href("/login?interaction=a&lang=en"), "/login?interaction=a&lang=ko");
        assert_eq!(href("/account"), "/account?lang=ko");
        let frame = Frame { look: &look, language: Language::default(), base: "", here: None };
        assert!(frame.language_links().is_empty());
    }
}
