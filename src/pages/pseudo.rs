//! A language that nobody speaks, made from the English texts: it shows what a further language needs.

use crate::domain::language::{LANGUAGES, LanguageData, Languages, PLAIN};

/// The mark around each of its texts.
pub(super) const MARK: char = '⟦';

/// Our languages and one more, of which the texts are changed before.
pub(super) fn languages(change: impl Fn(&str) -> String) -> Languages {
    let english = LANGUAGES.first().data().texts;
    let marked = |line: &str| match line.split_once(" = ") {
        Some((key, text)) if !line.starts_with(['#', ' ']) => format!("{key} = {MARK}{text}⟧\n"),
        _ => format!("{line}\n"),
    };
    let texts: String = change(english).lines().map(marked).collect();
    let esperanto = LanguageData { tag: "eo", own_name: "Esperanto", texts: texts.leak(), ..PLAIN };
    let every: Vec<_> = LANGUAGES.0.iter().copied().chain([esperanto]).collect();
    Languages(every.leak())
}
