//! Tables with a header. The columns are those of `jsonl`; lists are split at `;`, and `attr.NAME` is
//! an attribute.

use std::io::Read;

use csv::{ReaderBuilder, StringRecord};
use serde_json::{Map, Value};

use super::person::{NewPerson, hash, some};
use super::row::{BadFile, NUL, Row};
use crate::domain::excerpt::excerpt;

/// The cells of a row, by the names of their columns.
pub(super) type Cells<'a> = Vec<(&'a str, &'a str)>;

/// Reads a table.
pub(super) fn read(
    file: impl Read,
    row: impl Fn(&Cells<'_>) -> Result<Box<NewPerson>, String>,
    send: &mut dyn FnMut(Row) -> bool,
) -> Result<(), BadFile> {
    let mut reader = ReaderBuilder::new().flexible(true).from_reader(file);
    let head = reader.headers().map_err(BadFile::new)?.clone();
    let names: Vec<&str> =
        head.iter().map(|name| name.trim_start_matches('\u{feff}').trim()).collect();
    if !names.iter().any(|name| matches!(*name, "username" | "cognito:username")) {
        return Err(BadFile::new(
            "the first line has to name the columns, and `username` is missing",
        ));
    }
    let mut record = StringRecord::new();
    loop {
        let line = reader.position().line();
        let said = match reader.read_record(&mut record) {
            Ok(false) => return Ok(()),
            Ok(true) => {
                let cells: Cells<'_> = names.iter().copied().zip(record.iter()).collect();
                let named = |(name, _): &&(&str, &str)| name.ends_with("username");
                let username = cells.iter().find(named).map(|(_, text)| (*text).to_owned());
                let line = record.position().map_or(line, csv::Position::line);
                let person = if record.len() != names.len() {
                    Err(format!("it has {} cells, and the header {}", record.len(), names.len()))
                } else if record.iter().any(|cell| cell.contains('\0')) {
                    Err(NUL.to_owned())
                } else {
                    row(&cells)
                };
                Row { line, username, person }
            }
            Err(error) if error.is_io_error() => {
                return Err(BadFile { line: Some(line), reason: error.to_string() });
            }
            Err(error) => Row {
                line: error.position().map_or(line, csv::Position::line),
                username: None,
                person: Err(error.to_string()),
            },
        };
        if !send(said) {
            return Ok(());
        }
    }
}

/// The person of a row.
pub(super) fn row(cells: &Cells<'_>) -> Result<Box<NewPerson>, String> {
    let mut person = NewPerson::default();
    let mut attributes = Map::new();
    for (name, text) in cells.iter().filter(|(_, text)| !text.trim().is_empty()) {
        let own = || Some((*text).to_owned());
        match *name {
            "username" => person.username = some(own()).unwrap_or_default(),
            "email" => person.email = some(own()),
            "email_verified" => person.email_verified = flag(name, text)?,
            "name" => person.profile.name = some(own()),
            "password_hash" => person.hash = hash(Some(text))?,
            "disabled" => person.disabled = flag(name, text)?,
            "groups" => {
                let names = text.split(';').map(str::trim).filter(|name| !name.is_empty());
                person.groups = names.map(str::to_owned).collect();
            }
            "identities" => {
                for one in text.split(';').map(str::trim).filter(|one| !one.is_empty()) {
                    let (provider, subject) = one
                        .split_once(':')
                        .ok_or_else(|| format!("the identity {one:?} is not provider:subject"))?;
                    person.identities.push((provider.to_owned(), subject.to_owned()));
                }
            }
            other => match other.strip_prefix("attr.") {
                Some(attribute) => {
                    attributes.insert(attribute.to_owned(), Value::String((*text).to_owned()));
                }
                // Each row says it, so it is short.
                None => return Err(format!("there is no column \"{}\"", excerpt(other))),
            },
        }
    }
    person.take_attributes(attributes)?;
    Ok(Box::new(person))
}

/// Reads a flag.
pub(super) fn flag(name: &str, text: &str) -> Result<bool, String> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" => Ok(true),
        "false" | "0" | "no" | "" => Ok(false),
        other => Err(format!("{name} is {other:?}, and not true or false")),
    }
}
