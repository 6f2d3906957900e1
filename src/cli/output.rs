//! What verbs print, and what they read.

use std::io::{Read, Write};
use std::path::Path;

use serde_json::Value;

use crate::app::telemetry;
use crate::domain::secret::Secret;
use crate::domain::verdict::{OrRejected, reject};
use crate::keys::secret_file;

/// How a verb prints its result.
#[derive(Clone, Copy, Debug)]
pub(super) struct Output {
    /// One JSON document, or words for people.
    pub(super) json: bool,
}

impl Output {
    /// Prints the result.
    pub(super) fn print(self, json: &Value, words: &str) {
        let text = if self.json { json.to_string() } else { words.trim_end().to_owned() };
        // If the reader has closed the pipe, it does not want the rest.
        let _ = writeln!(std::io::stdout().lock(), "{text}");
    }
}

/// Prints a message that is not a result, on standard error.
pub(super) fn note(text: &str) {
    telemetry::say(&format!("mapae: {text}"));
}

/// A table for people.
pub(super) fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain(head.get(column).map(|cell| cell.len())).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let padded = cells.zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let mut lines = vec![line(&mut head.iter().copied())];
    lines.extend(rows.iter().map(|row| line(&mut row.iter().map(String::as_str))));
    lines.join("\n")
}

/// A secret from standard input, without its one final newline.
pub(super) fn secret_from_stdin() -> OrRejected<Secret<String>> {
    let mut text = Secret::new(String::new());
    match std::io::stdin().lock().read_to_string(text.expose_mut()) {
        Ok(_) => Ok(Secret::new(without_newline(text.expose()).to_owned())),
        Err(error) => reject(format!("standard input: {error}")),
    }
}

/// A secret from a file, without its one final newline.
pub(super) fn secret_from_file(path: &Path) -> OrRejected<Secret<String>> {
    let text = Secret::new(text_of(path)?);
    // The file is read only once, so a warning is enough.
    if let Ok(Some(exposure)) = secret_file::looked_at(path) {
        note(&format!("{}: {exposure}", path.display()));
    }
    Ok(Secret::new(without_newline(text.expose()).to_owned()))
}

/// The text of a file.
pub(super) fn text_of(path: &Path) -> OrRejected<String> {
    std::fs::read_to_string(path).or_else(|error| reject(format!("{}: {error}", path.display())))
}

/// The members of a flat JSON object, one on each line.
pub(super) fn words(object: &Value) -> String {
    let members = object.as_object().into_iter().flatten();
    let lines: Vec<String> = members
        .filter(|(_, value)| !value.is_null())
        .map(|(name, value)| match value {
            Value::String(text) => format!("{name}: {text}"),
            Value::Array(items) => {
                let items: Vec<_> = items.iter().filter_map(Value::as_str).collect();
                format!("{name}: {}", items.join(" "))
            }
            other => format!("{name}: {other}"),
        })
        .collect();
    lines.join("\n")
}

fn without_newline(text: &str) -> &str {
    let line = text.strip_suffix('\n').unwrap_or(text);
    line.strip_suffix('\r').unwrap_or(line)
}
