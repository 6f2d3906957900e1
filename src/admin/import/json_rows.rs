//! Files of JSON, read row by row.

use std::cell::Cell;
use std::fmt;
use std::io::{self, BufRead, Read};

use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::Value;

use super::person::NewPerson;
use super::row::{BadFile, NUL, Row};
use crate::domain::nul;

/// The longest line.
const LONGEST: u64 = 1024 * 1024;

/// What a row says.
pub(super) enum Said {
    /// The user name as far as it can be read, and the person.
    Person(Option<String>, Result<Box<NewPerson>, String>),
    /// It is about something else.
    Other,
}

/// Reads a row as a type of the format. A member of a wrong type is named.
pub(super) fn typed<T: DeserializeOwned>(value: Value) -> Result<T, String> {
    if nul::is_within(&value) {
        return Err(NUL.to_owned());
    }
    let kept = value.clone();
    serde_json::from_value(value).map_err(|error| {
        let error = error.to_string();
        let place = culprit::<T>(&kept, &error).map(|name| format!("{name}: ")).unwrap_or_default();
        format!("the row cannot be read: {place}{error}")
    })
}

/// The most members of a row among which the one that causes an error is looked for: that reads the row
/// once for each.
const MEMBERS: usize = 64;

/// The member that causes this error: without it there is none, or another one.
fn culprit<'a, T: DeserializeOwned>(value: &'a Value, error: &str) -> Option<&'a str> {
    let members = value.as_object().filter(|members| members.len() <= MEMBERS)?;
    members.keys().map(String::as_str).find(|name| {
        let others = members.iter().filter(|(other, _)| other != name);
        let others = others.map(|(name, value)| (name.clone(), value.clone())).collect();
        match serde_json::from_value::<T>(Value::Object(others)) {
            Ok(_) => true,
            Err(other) => other.to_string() != error,
        }
    })
}

/// One JSON object a line.
pub(super) fn lines(
    mut file: impl BufRead,
    row: impl Fn(Value) -> Said,
    send: &mut dyn FnMut(Row) -> bool,
) -> Result<(), BadFile> {
    let mut line = 0;
    let mut text = Vec::new();
    loop {
        text.clear();
        line += 1;
        let at = |error: io::Error| BadFile { line: Some(line), reason: error.to_string() };
        let read = (&mut file).take(LONGEST).read_until(b'\n', &mut text).map_err(at)?;
        if read == 0 {
            return Ok(());
        }
        let is_whole = text.last() == Some(&b'\n') || u64::try_from(read).unwrap_or(0) < LONGEST;
        if !is_whole {
            file.skip_until(b'\n').map_err(at)?;
        }
        let bytes = text.strip_prefix(b"\xef\xbb\xbf").filter(|_| line == 1).unwrap_or(&text);
        if bytes.trim_ascii().is_empty() {
            continue;
        }
        let said = if is_whole {
            match serde_json::from_slice(bytes) {
                Ok(value) => row(value),
                Err(error) => Said::Person(None, Err(format!("the line is not JSON: {error}"))),
            }
        } else {
            Said::Person(None, Err("the line is longer than 1 MiB".to_owned()))
        };
        let Said::Person(username, person) = said else { continue };
        if !send(Row { line, username, person }) {
            return Ok(());
        }
    }
}

/// A JSON array of rows, or one JSON object a line.
pub(super) fn any(
    mut file: impl BufRead,
    row: impl Fn(Value) -> Said,
    send: &mut dyn FnMut(Row) -> bool,
) -> Result<(), BadFile> {
    match first(&mut file)? {
        Some(b'[') => stream(file, &row, send),
        _ => lines(file, row, send),
    }
}

/// A JSON object with a member `users`, or an array of such objects.
pub(super) fn users(
    file: impl BufRead,
    row: impl Fn(Value) -> Said,
    send: &mut dyn FnMut(Row) -> bool,
) -> Result<(), BadFile> {
    stream(file, &row, send)
}

/// The first byte that is no space. It stays in the file.
pub(super) fn first(file: &mut impl BufRead) -> Result<Option<u8>, BadFile> {
    loop {
        let buffer = file.fill_buf().map_err(BadFile::new)?;
        let Some(byte) = buffer.first().copied() else { return Ok(None) };
        // Only spaces are passed over, so that lines are counted right.
        if byte != b' ' && byte != b'\t' && !matches!(byte, 0xef | 0xbb | 0xbf) {
            return Ok(Some(byte));
        }
        file.consume(1);
    }
}

fn stream(
    file: impl BufRead,
    row: &dyn Fn(Value) -> Said,
    send: &mut dyn FnMut(Row) -> bool,
) -> Result<(), BadFile> {
    let line = Cell::new(1);
    let mut file = Counted { inner: file, line: &line };
    first(&mut file.inner)?;
    let mut reader = serde_json::Deserializer::from_reader(file);
    let goes_on = Cell::new(true);
    let rows = Rows { line: &line, row, send, goes_on: &goes_on };
    let read = rows.deserialize(&mut reader).and_then(|()| reader.end());
    match read {
        Ok(()) => Ok(()),
        Err(_) if !goes_on.get() => Ok(()),
        Err(error) => {
            let reason = format!("the file cannot be read from here on: {error}");
            Err(BadFile { line: Some(line.get()), reason })
        }
    }
}

/// A reader that knows its line.
struct Counted<'a, R> {
    inner: R,
    line: &'a Cell<u64>,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // `serde_json` reads byte by byte, so the line is that of the byte it looks at.
        let read = self.inner.read(buffer)?;
        let bytes = buffer.iter().take(read);
        let ends = bytes.filter(|byte| **byte == b'\n').count();
        self.line.set(self.line.get() + u64::try_from(ends).unwrap_or(0));
        Ok(read)
    }
}

/// Rows, wherever they are: in an array, or in the member `users` of an object.
struct Rows<'a> {
    line: &'a Cell<u64>,
    row: &'a dyn Fn(Value) -> Said,
    send: &'a mut dyn FnMut(Row) -> bool,
    goes_on: &'a Cell<bool>,
}

impl<'de> DeserializeSeed<'de> for Rows<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Rows<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of people, or an object with the member `users`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let Self { line, row, send, goes_on } = self;
        while let Some(name) = members.next_key::<String>()? {
            if name == "users" || name == "Users" {
                members.next_value_seed(Rows { line, row, send: &mut *send, goes_on })?;
            } else {
                members.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let Self { line, row, send, goes_on } = self;
        while let Some((begins, value)) = items.next_element_seed(Numbered(line))? {
            let Said::Person(username, person) = row(value) else { continue };
            if !send(Row { line: begins, username, person }) {
                goes_on.set(false);
                return Err(serde::de::Error::custom("nobody reads on"));
            }
        }
        Ok(())
    }
}

/// A value with the line in which it begins.
struct Numbered<'a>(&'a Cell<u64>);

impl<'de> DeserializeSeed<'de> for Numbered<'_> {
    type Value = (u64, Value);

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(u64, Value), D::Error> {
        // Its first byte was looked at already.
        let line = self.0.get();
        Ok((line, serde::Deserialize::deserialize(from)?))
    }
}
