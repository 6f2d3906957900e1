//! The words of the pages: Fluent messages, ours and over them the operator's.

mod arguments;

use std::fmt;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource};
use fluent_syntax::parser::ParserError;

use self::arguments::messages;
use super::language::Language;

type Bundle = FluentBundle<FluentResource>;

/// Every message in every language.
pub(super) struct Texts {
    en: Bundle,
    ko: Bundle,
}

impl Texts {
    /// What is compiled in.
    pub(super) fn builtin() -> Self {
        let [en, ko] = Language::ALL.map(bundle);
        Self { en, ko }
    }

    fn of(&self, language: Language) -> &Bundle {
        match language {
            Language::En => &self.en,
            Language::Ko => &self.ko,
        }
    }

    /// A message in words. A key that nobody knows stands for itself; a test finds it.
    pub(super) fn say(&self, language: Language, key: &str, args: &FluentArgs<'_>) -> String {
        let bundle = self.of(language);
        let pattern = bundle.get_message(key).and_then(|message| message.value());
        let Some(pattern) = pattern else { return key.to_owned() };
        bundle.format_pattern(pattern, Some(args), &mut Vec::new()).into_owned()
    }

    /// Puts the operator's messages over ours. Every problem, for the operator.
    pub(super) fn overlay(
        &mut self,
        language: Language,
        source: String,
    ) -> Result<(), Vec<String>> {
        let resource = FluentResource::try_new(source).map_err(|(resource, errors)| {
            errors.iter().map(|error| parse_problem(resource.source(), error)).collect::<Vec<_>>()
        })?;
        let ours = messages(&builtin_resource(language));
        let theirs = messages(&resource);
        let mut problems = Vec::new();
        for (key, arguments) in &theirs {
            match ours.get(key) {
                None => problems.push(format!("there is no message `{key}`")),
                Some(known) => problems.extend(
                    arguments
                        .iter()
                        .filter(|argument| !known.contains(argument))
                        .map(|argument| format!("`{key}` is not given `${argument}`")),
                ),
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let bundle = match language {
            Language::En => &mut self.en,
            Language::Ko => &mut self.ko,
        };
        bundle.add_resource_overriding(resource);
        for (key, arguments) in &theirs {
            let args = arguments.iter().map(|argument| (argument.as_str(), "")).collect();
            let Some(pattern) = bundle.get_message(key).and_then(|message| message.value()) else {
                problems.push(format!("`{key}` has no text"));
                continue;
            };
            let mut errors = Vec::new();
            bundle.format_pattern(pattern, Some(&args), &mut errors);
            problems.extend(errors.iter().map(|error| format!("`{key}`: {error}")));
        }
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }
}

impl fmt::Debug for Texts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Texts").finish_non_exhaustive()
    }
}

/// The Fluent source that is compiled in.
pub(super) fn source(language: Language) -> &'static str {
    match language {
        Language::En => include_str!("../../templates/texts/en.ftl"),
        Language::Ko => include_str!("../../templates/texts/ko.ftl"),
    }
}

fn bundle(language: Language) -> Bundle {
    let locale = language.as_str().parse().unwrap_or_default();
    let mut bundle = FluentBundle::new_concurrent(vec![locale]);
    // The marks around arguments would end up in copied names; no page mixes directions.
    bundle.set_use_isolating(false);
    bundle.add_resource_overriding(builtin_resource(language));
    bundle
}

fn builtin_resource(language: Language) -> FluentResource {
    // A test holds that nothing is wrong with it.
    FluentResource::try_new(source(language).to_owned()).unwrap_or_else(|(readable, _)| readable)
}

/// The line of a syntax error, and what is wrong there.
fn parse_problem(source: &str, error: &ParserError) -> String {
    let before = source.get(..error.pos.start).unwrap_or(source);
    let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
    format!("line {line}: {}", error.kind)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;
    use std::path::Path;

    use fluent_bundle::{FluentArgs, FluentResource, FluentValue};

    use super::{Texts, builtin_resource, messages, source};
    use crate::pages::language::Language::{self, En, Ko};

    /// Every call for a text in templates and sources: its key and the arguments that it gives.
    fn calls() -> Vec<(String, Vec<String>)> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let files = ["templates", "src/pages"].into_iter().flat_map(|folder| {
            fs::read_dir(root.join(folder)).expect("a folder").map(|file| file.expect("it").path())
        });
        let sources = files
            .filter(|path| path.extension().is_some_and(|end| end == "html" || end == "rs"))
            .map(|path| fs::read_to_string(path).expect("a source"));
        let mut calls = Vec::new();
        for source in sources {
            for (name, arguments) in [("t", 0), ("t1", 1), ("tn", 1), ("t2", 2)] {
                for call in source.split(&format!("frame.{name}(")).skip(1) {
                    let literals: Vec<&str> =
                        call.split('"').skip(1).step_by(2).take(1 + arguments).collect();
                    assert!(call.trim_start().starts_with('"'), "not a literal key: {call:.40}");
                    let mut given: Vec<String> =
                        literals.iter().skip(1).map(|&name| name.to_owned()).collect();
                    given.sort_unstable();
                    calls.push((literals[0].to_owned(), given));
                }
            }
        }
        calls
    }

    #[test]
    fn every_text_that_is_asked_for_is_there_with_its_arguments() {
        let calls = calls();
        assert!(calls.len() > 100, "the calls are not found");
        for language in Language::ALL {
            let messages = messages(&builtin_resource(language));
            for (key, given) in &calls {
                assert_eq!(messages.get(key), Some(given), "{key} in {language:?}");
            }
        }
    }

    #[test]
    fn every_text_that_is_there_is_asked_for() {
        let calls: BTreeMap<_, _> = calls().into_iter().collect();
        for language in Language::ALL {
            let messages = messages(&builtin_resource(language));
            let unused: Vec<_> = messages.keys().filter(|key| !calls.contains_key(*key)).collect();
            assert!(unused.is_empty(), "{unused:?} in {language:?}");
        }
    }

    #[test]
    fn the_languages_say_the_same_things_once() {
        let all = Language::ALL.map(|language| {
            let parsed = FluentResource::try_new(source(language).to_owned());
            let resource = parsed.map_err(|(_, errors)| errors).expect("no syntax errors");
            let entries = resource.entries().count();
            let messages = messages(&resource);
            assert_eq!(entries, messages.len(), "a key twice in {language:?}");
            messages
        });
        assert_eq!(all[0], all[1]);
    }

    #[test]
    fn korean_is_korean() {
        let lines = source(Ko).lines().filter(|line| !line.starts_with('#') && !line.is_empty());
        for line in lines {
            let (_, text) = line.split_once(" = ").expect("one line each");
            let outside = text.split(['{', '}']).step_by(2).collect::<String>();
            let names = ["redirect_uri", "Safari", "Chrome"];
            let words = names.iter().fold(outside, |words, name| words.replace(name, ""));
            assert!(words.chars().any(|c| ('가'..='힣').contains(&c)), "{line}");
            assert!(!words.contains(|c: char| c.is_ascii_alphabetic()), "{line}");
        }
    }

    #[test]
    fn numbers_have_their_plural() {
        let texts = Texts::builtin();
        let said = |language, minutes: u64| {
            let args = FluentArgs::from_iter([("minutes", FluentValue::from(minutes))]);
            texts.say(language, "throttled", &args)
        };
        assert_eq!(said(En, 1), "Too many attempts. Try again in a minute.");
        assert_eq!(said(En, 15), "Too many attempts. Try again in 15 minutes.");
        assert!(said(Ko, 15).contains("15분"));
    }

    #[test]
    fn an_operator_replaces_single_messages() {
        let mut texts = Texts::builtin();
        let source = "-shop = 달빛\nsign-in-title = { -shop } 로그인\ncancel = 그만두기\n";
        texts.overlay(Ko, source.to_owned()).expect("good messages");
        let args = FluentArgs::new();
        assert_eq!(texts.say(Ko, "sign-in-title", &args), "달빛 로그인");
        assert_eq!(texts.say(Ko, "cancel", &args), "그만두기");
        assert_eq!(texts.say(Ko, "continue", &args), "계속하기");
        assert_eq!(texts.say(En, "cancel", &args), "Cancel");
    }

    #[test]
    fn every_problem_of_an_operators_messages_is_said() {
        for (source, problems) in [
            ("sing-in-title = x", vec!["there is no message `sing-in-title`"]),
            (
                "x = y\nsign-in-lead = { $person } and { $app }",
                vec!["`sign-in-lead` is not given `$person`", "there is no message `x`"],
            ),
            ("cancel = { -nothing }", vec!["`cancel`: Resolver error: Unknown term: -nothing"]),
            ("cancel =\n    .title = x", vec!["`cancel` has no text"]),
        ] {
            let found = Texts::builtin().overlay(En, source.to_owned()).expect_err("a problem");
            assert_eq!(found, problems, "{source}");
        }
        let found = Texts::builtin().overlay(En, "cancel = No\n\n!\n".to_owned());
        let found = found.expect_err("a syntax error");
        assert!(found[0].starts_with("line 3: "), "{found:?}");
    }
}
