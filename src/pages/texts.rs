//! The texts of the pages: Fluent messages of ours, which an operator can replace.

mod arguments;

use std::fmt;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource};
use fluent_syntax::parser::ParserError;

use self::arguments::messages;
use crate::domain::language::{Language, Languages};

type Bundle = FluentBundle<FluentResource>;

/// Every message in every language.
pub(super) struct Texts {
    languages: Languages,
    bundles: Vec<(Language, Bundle)>,
}

impl Texts {
    /// The texts that are compiled in, for these languages.
    pub(super) fn of(languages: Languages) -> Self {
        let bundles = languages.iter().map(|language| (language, bundle(language)));
        Self { languages, bundles: bundles.collect() }
    }

    /// The languages of the texts.
    pub(super) fn languages(&self) -> Languages {
        self.languages
    }

    /// The text of a message. An unknown key is shown as it is; a test finds such a key.
    pub(super) fn say(&self, language: Language, key: &str, args: &FluentArgs<'_>) -> String {
        let bundle = self.bundles.iter().find(|(known, _)| *known == language);
        let Some((_, bundle)) = bundle else { return key.to_owned() };
        let pattern = bundle.get_message(key).and_then(|message| message.value());
        let Some(pattern) = pattern else { return key.to_owned() };
        bundle.format_pattern(pattern, Some(args), &mut Vec::new()).into_owned()
    }

    /// Replaces our messages with those of the operator. The error lists every problem for the
    /// operator.
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
        let bundle = self.bundles.iter_mut().find(|(known, _)| *known == language);
        let Some((_, bundle)) = bundle else { return Ok(()) };
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

fn bundle(language: Language) -> Bundle {
    let locale = language.as_str().parse().unwrap_or_default();
    let mut bundle = FluentBundle::new_concurrent(vec![locale]);
    // Isolation marks around arguments would end up in names that people copy; no page mixes text
    // directions.
    bundle.set_use_isolating(false);
    bundle.add_resource_overriding(builtin_resource(language));
    bundle
}

fn builtin_resource(language: Language) -> FluentResource {
    // A test checks that the compiled-in texts have no errors.
    FluentResource::try_new(language.data().texts.to_owned())
        .unwrap_or_else(|(readable, _)| readable)
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
    use std::path::{Path, PathBuf};

    use fluent_bundle::{FluentArgs, FluentResource, FluentValue};

    use super::{Texts, messages};
    use crate::domain::language::{LANGUAGES, Language, Languages};
    use crate::pages::pseudo;

    /// Every file below a folder.
    fn files(folder: &Path) -> Vec<PathBuf> {
        let entries = fs::read_dir(folder).expect("a folder").map(|file| file.expect("it").path());
        entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
    }

    /// Every use of a text in templates and sources: its key and its arguments.
    fn calls() -> Vec<(String, Vec<String>)> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let files = ["templates", "src/pages"].into_iter().flat_map(|name| files(&root.join(name)));
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

    fn ko() -> Language {
        Language::of_tag("ko").expect("Korean")
    }

    /// The problems of the languages: missing messages, unused messages, and messages whose
    /// arguments differ from those of their uses.
    fn problems(languages: Languages) -> Vec<String> {
        let calls: BTreeMap<_, _> = calls().into_iter().collect();
        let mut problems = Vec::new();
        for language in languages.iter() {
            let parsed = FluentResource::try_new(language.data().texts.to_owned());
            let resource = parsed.unwrap_or_else(|(resource, errors)| {
                problems.push(format!("{language:?}: {errors:?}"));
                resource
            });
            let messages = messages(&resource);
            if resource.entries().count() != messages.len() {
                problems.push(format!("{language:?}: a key twice"));
            }
            for (key, given) in &calls {
                if messages.get(key) != Some(given) {
                    let found = messages.get(key);
                    problems.push(format!("{language:?}: {key}: {found:?}, given {given:?}"));
                }
            }
            let unused = messages.keys().filter(|key| !calls.contains_key(*key));
            problems.extend(unused.map(|key| format!("{language:?}: nobody asks for {key}")));
        }
        problems
    }

    #[test]
    fn every_text_of_every_language_is_asked_for_and_has_the_arguments_that_it_is_given() {
        assert!(calls().len() > 100, "the calls are not found");
        assert_eq!(problems(LANGUAGES), [""; 0]);
    }

    #[test]
    fn a_language_that_lacks_a_text_or_says_another_one_is_found() {
        assert_eq!(problems(pseudo::languages(str::to_owned)), [""; 0]);
        for (there, instead, found) in [
            (
                "cancel = ",
                "cancel-it = ",
                vec!["eo: cancel: None, given []", "eo: nobody asks for cancel-it"],
            ),
            (
                "{ $app } asks for your",
                "{ $shop } asks for your",
                vec!["eo: sign-in-again-lead: Some([\"shop\"]), given [\"app\"]"],
            ),
            ("continue = ", "cancel = x\ncontinue = ", vec!["eo: a key twice"]),
        ] {
            let languages = pseudo::languages(|texts| texts.replace(there, instead));
            assert_eq!(problems(languages), found, "{there}");
        }
    }

    #[test]
    fn korean_is_korean() {
        let lines =
            ko().data().texts.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
        for line in lines {
            let (_, text) = line.split_once(" = ").expect("one line each");
            let outside = text.split(['{', '}']).step_by(2).collect::<String>();
            let names =
                ["redirect_uri", "https", "Safari", "Chrome", "QR", "90s", "15m", "2h", "30d"];
            let words = names.iter().fold(outside, |words, name| words.replace(name, ""));
            assert!(words.chars().any(|c| ('가'..='힣').contains(&c)), "{line}");
            assert!(!words.contains(|c: char| c.is_ascii_alphabetic()), "{line}");
        }
    }

    #[test]
    fn numbers_have_their_plural() {
        let texts = Texts::of(LANGUAGES);
        let said = |language, minutes: u64| {
            let args = FluentArgs::from_iter([("minutes", FluentValue::from(minutes))]);
            texts.say(language, "throttled", &args)
        };
        assert_eq!(said(Language::default(), 1), "Too many attempts. Try again in a minute.");
        assert_eq!(said(Language::default(), 15), "Too many attempts. Try again in 15 minutes.");
        assert!(said(ko(), 15).contains("15분"));
    }

    #[test]
    fn an_operator_replaces_single_messages() {
        let mut texts = Texts::of(LANGUAGES);
        let source = "-shop = 달빛\nsign-in-title = { -shop } 로그인\ncancel = 그만두기\n";
        texts.overlay(ko(), source.to_owned()).expect("good messages");
        let args = FluentArgs::new();
        assert_eq!(texts.say(ko(), "sign-in-title", &args), "달빛 로그인");
        assert_eq!(texts.say(ko(), "cancel", &args), "그만두기");
        assert_eq!(texts.say(ko(), "continue", &args), "계속하기");
        assert_eq!(texts.say(Language::default(), "cancel", &args), "Cancel");
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
            let found = Texts::of(LANGUAGES)
                .overlay(Language::default(), source.to_owned())
                .expect_err("a problem");
            assert_eq!(found, problems, "{source}");
        }
        let found =
            Texts::of(LANGUAGES).overlay(Language::default(), "cancel = No\n\n!\n".to_owned());
        let found = found.expect_err("a syntax error");
        assert!(found[0].starts_with("line 3: "), "{found:?}");
    }
}
