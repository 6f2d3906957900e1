//! Checks of every page in every state and every language.

use std::collections::BTreeSet;

use fluent_bundle::FluentArgs;

use super::form_post::FORM_POST_SCRIPT;
use super::frame::Frame;
use super::gallery::{PageState, every, gallery};
use super::look::Look;
use super::{branding, pseudo};
use crate::domain::language::{LANGUAGES, Language};

/// A start tag: its name, its attributes, and the text up to the next tag.
struct Tag<'a> {
    name: &'a str,
    attributes: Vec<(&'a str, &'a str)>,
    text: &'a str,
}

impl<'a> Tag<'a> {
    fn get(&self, name: &str) -> Option<&'a str> {
        self.attributes.iter().find(|(found, _)| *found == name).map(|(_, value)| *value)
    }
}

const VOID: [&str; 6] = ["br", "img", "input", "link", "meta", "wbr"];

/// The attributes that contain URLs.
const URLS: [&str; 4] = ["href", "src", "action", "formaction"];

/// The start tags of a page. Panics where a tag is not closed or an attribute is not quoted.
fn tags<'a>(page: &str, html: &'a str) -> Vec<Tag<'a>> {
    let (mut tags, mut open): (Vec<Tag<'a>>, Vec<&str>) = (Vec::new(), Vec::new());
    let body = html.strip_prefix("<!doctype html>").expect("a document type");
    for piece in body.split('<').skip(1) {
        let (tag, text) = piece.split_once('>').unwrap_or_else(|| panic!("{page}: {piece}"));
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "{page}: </{name}>");
            continue;
        }
        let (name, rest) = tag.split_once([' ', '\n']).unwrap_or((tag, ""));
        let tag = Tag { name, attributes: attributes(page, rest), text };
        if !VOID.contains(&name) {
            open.push(name);
        }
        tags.push(tag);
    }
    assert!(open.is_empty(), "{page}: {open:?}");
    tags
}

fn attributes<'a>(page: &str, mut rest: &'a str) -> Vec<(&'a str, &'a str)> {
    let mut found: Vec<(&str, &str)> = Vec::new();
    loop {
        rest = rest.trim_start();
        let end = rest.find(['=', ' ', '\n']).unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        if name.is_empty() {
            return found;
        }
        assert!(
            name.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'-'),
            "{page}: {name}"
        );
        assert!(found.iter().all(|(known, _)| *known != name), "{page}: {name} twice");
        let value = match after.strip_prefix("=\"") {
            Some(quoted) => quoted.split_once('"').unwrap_or_else(|| panic!("{page}: {name}")),
            None => ("", after),
        };
        found.push((name, value.0));
        rest = value.1;
    }
}

/// Calls the check with every page of the gallery and its start tags.
fn each(check: impl Fn(&str, &str, &[Tag<'_>])) {
    let look = Look::builtin();
    for language in LANGUAGES.iter() {
        for PageState { name, html, .. } in gallery(&look, language) {
            let page = format!("{name} in {language:?}");
            check(&page, &html, &tags(&page, &html));
        }
    }
}

#[test]
fn a_page_has_one_heading_one_main_part_a_title_and_a_language() {
    each(|page, html, tags| {
        for name in ["h1", "main", "title"] {
            let found: Vec<_> = tags.iter().filter(|tag| tag.name == name).collect();
            assert_eq!(found.len(), 1, "{page}: {name}");
            assert!(name == "main" || !found[0].text.trim().is_empty(), "{page}: empty {name}");
        }
        let lang = tags.iter().find(|tag| tag.name == "html").and_then(|tag| tag.get("lang"));
        let language = lang.and_then(Language::of_tag).expect("a language");
        assert!(page.ends_with(&format!("{language:?}")), "{page}: {lang:?}");
        let mut outside_of_code =
            html.split("<pre").filter_map(|rest| rest.rsplit("</pre>").next());
        assert!(!outside_of_code.any(|it| it.contains("  ")), "{page}: spaces that nobody wants");
    });
}

#[test]
fn every_id_is_unique_and_every_reference_leads_somewhere() {
    each(|page, _, tags| {
        let ids: Vec<&str> = tags.iter().filter_map(|tag| tag.get("id")).collect();
        let unique: BTreeSet<&str> = ids.iter().copied().collect();
        assert_eq!(ids.len(), unique.len(), "{page}: {ids:?}");
        for tag in tags {
            for name in ["for", "aria-describedby", "aria-labelledby"] {
                for id in tag.get(name).unwrap_or_default().split_ascii_whitespace() {
                    assert!(unique.contains(id), "{page}: {name} {id}");
                }
            }
        }
    });
}

#[test]
fn every_control_is_labelled_and_every_image_described() {
    each(|page, _, tags| {
        let labels: BTreeSet<&str> = tags
            .iter()
            .filter(|tag| tag.name == "label")
            .filter_map(|tag| tag.get("for"))
            .collect();
        for tag in tags {
            let hidden = tag.get("type") == Some("hidden") || tag.get("hidden").is_some();
            if tag.name == "input" && !hidden {
                let id = tag.get("id").unwrap_or_default();
                assert!(labels.contains(id), "{page}: no label for {id}");
            }
            if tag.name == "input" && tag.get("aria-invalid").is_some() {
                assert!(tag.get("aria-describedby").is_some(), "{page}: an error without words");
            }
            assert!(tag.name != "img" || tag.get("alt").is_some(), "{page}: an image without alt");
            if ["select", "textarea"].contains(&tag.name) {
                let id = tag.get("id").unwrap_or_default();
                assert!(labels.contains(id), "{page}: no label for {id}");
            }
            if tag.name == "form" {
                let searches = tag.get("role") == Some("search");
                let method = if searches { "get" } else { "post" };
                assert_eq!(tag.get("method"), Some(method), "{page}");
            }
        }
    });
}

#[test]
fn nothing_is_inline_but_the_script_of_form_post() {
    each(|page, _, tags| {
        for tag in tags {
            for (name, _) in &tag.attributes {
                let name = name.to_ascii_lowercase();
                assert!(name != "style" && !name.starts_with("on"), "{page}: {name}");
            }
            assert_ne!(tag.name, "style", "{page}");
            if tag.name == "script" && tag.get("src").is_none() {
                assert!(page.starts_with("form-post-"), "{page}: an inline script");
                assert_eq!(tag.text, FORM_POST_SCRIPT);
            }
        }
        let scripts = tags.iter().filter(|tag| tag.name == "script").count();
        // A page that redirects at once needs no script. Passkeys have a script of their own.
        let passkeys = tags.iter().any(|tag| tag.get("data-passkey").is_some());
        let needed = usize::from(!page.starts_with("redirect-")) + usize::from(passkeys);
        assert_eq!(scripts, needed, "{page}");
    });
}

#[test]
fn hostile_text_stays_text() {
    each(|page, html, tags| {
        assert!(!html.contains("<b>") && !html.contains("src=x onerror=alert(1)>"), "{page}");
        for tag in tags {
            for name in URLS {
                let Some(url) = tag.get(name) else { continue };
                let ours = url.starts_with('/') && !url.starts_with("//") || url.starts_with('?');
                let leads = |schemes: &[&str]| schemes.iter().any(|it| url.starts_with(it));
                let web = name != "src" && leads(&["https://", "http://"]);
                let external_browser = tag.get("id") == Some("login-way-out");
                let out = external_browser && leads(&["kakaotalk://", "intent:"]);
                assert!(ours || web || out, "{page}: {name} {url}");
            }
        }
        let is_hostile = page.contains("hostile");
        assert_eq!(html.contains("&#60;img"), is_hostile, "{page}: {is_hostile}");
    });
}

#[test]
fn every_url_of_ours_stands_below_the_path_of_the_issuer() {
    let look = Look::builtin();
    let here = Some("/tenant/page");
    let frame = Frame {
        look: &look,
        language: Language::of_tag("ko").expect("Korean"),
        base: "/tenant",
        here,
    };
    for PageState { name: page, html, .. } in every(frame) {
        for tag in tags(&page, &html) {
            for name in URLS {
                let url = tag.get(name).unwrap_or("https://");
                assert!(!url.starts_with('/') || url.starts_with("/tenant/"), "{page}: {url}");
            }
        }
    }
}

#[test]
fn every_file_that_a_page_asks_for_is_there() {
    let look = Look::builtin();
    each(|page, _, tags| {
        let urls = tags.iter().filter_map(|tag| tag.get("href").or(tag.get("src")));
        for name in urls.filter_map(|url| url.strip_prefix("/assets/")) {
            let asset = look.asset(name);
            assert!(asset.is_some_and(|asset| !asset.body.is_empty()), "{page}: {name}");
        }
    });
}

/// To add a language, a line in the list of languages and a file of texts are enough.
#[test]
fn a_further_language_is_on_every_page_and_in_every_list_of_languages() {
    let languages = pseudo::languages(str::to_owned);
    let look = Look::speaking(languages);
    let language = languages.of_tag("eo").expect("the language");
    let frame = Frame { look: &look, language, base: "", here: Some("/page?interaction=i") };
    for PageState { name: page, html, .. } in every(frame) {
        let tags = tags(&page, &html);
        let first = |name| tags.iter().find(|tag| tag.name == name).expect("a tag");
        assert_eq!(first("html").get("lang"), Some("eo"), "{page}");
        // The heading of a page of the console may be the name of a thing.
        let said = if page.starts_with("console-") { html.as_str() } else { first("h1").text };
        assert!(said.contains(pseudo::MARK), "{page}: {said}");
        let links: Vec<_> = tags.iter().filter_map(|tag| tag.get("hreflang")).collect();
        let has_links = !["form-post-", "recovery-codes-", "redirect-"]
            .iter()
            .any(|start| page.starts_with(start));
        let all: &[&str] = if has_links { &["en", "ko", "eo"] } else { &[] };
        assert_eq!(links, all, "{page}");
    }
    let sheet = look.stylesheets().first().and_then(|name| look.asset(name)).expect("a sheet");
    assert!(String::from_utf8_lossy(&sheet.body).contains("[lang=\"eo\"] { font-family: "));
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("eo.ftl"), "cancel = Nuligi").expect("a file");
    let (_, texts) = branding::read(folder.path(), languages).expect("a brand");
    assert_eq!(texts.say(language, "cancel", &FluentArgs::new()), "Nuligi");
}
