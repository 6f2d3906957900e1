//! A made-up language for tests. Its texts are made from the English ones, to show what a further
//! language needs.

use crate::domain::language::{LANGUAGES, LanguageData, Languages, PLAIN};

/// The mark at both ends of each of its texts.
pub(super) const MARK: char = '⟦';

/// Our languages and the made-up one; `change` edits its English texts first.
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
