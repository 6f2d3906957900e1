//! The forms of values.

use serde::Serializer;

use super::time;

/// The name of the form of whole numbers.
pub(super) const NUMBER: &str = "whole number";

/// The form of a value: for its parser, the reference and the schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ValueType {
    /// A text; the string says what kind of text.
    Text(&'static str),
    /// A duration in seconds between two bounds.
    Duration(i64, i64),
    /// A whole number between two bounds.
    Whole(u32, u32),
    /// `true` or `false`.
    Flag,
    /// One of these texts.
    OneOf(Vec<&'static str>),
    /// One of these numbers.
    OneOfNumbers(Vec<u32>),
    /// The path of a file or a folder.
    Path(Holds),
    /// A list; the string says of what.
    List(&'static str),
}

/// What must be at a path. It decides how the path is checked before a start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// A file that is read.
    File,
    /// A file with a secret that is read.
    Secret,
    /// A folder that is read.
    Folder,
    /// A file that is written; nothing needs to exist there.
    Written,
    /// A path at which something may be created; nothing needs to exist there.
    Anything,
}

/// The form of a value, in words.
#[must_use]
pub fn words(form: &ValueType) -> String {
    let seconds = |seconds: i64| time::show(chrono::Duration::seconds(seconds));
    match form {
        ValueType::Text(what) => (*what).to_owned(),
        ValueType::Duration(0, time::LONGEST) => "duration or `0`".to_owned(),
        ValueType::Duration(1, time::LONGEST) => "duration".to_owned(),
        ValueType::Duration(0, most) => format!("duration or `0`, at most `{}`", seconds(*most)),
        ValueType::Duration(least, most) => {
            format!("duration from `{}` to `{}`", seconds(*least), seconds(*most))
        }
        ValueType::Whole(0, u32::MAX) => NUMBER.to_owned(),
        ValueType::Whole(least, u32::MAX) => format!("{NUMBER}, at least {least}"),
        ValueType::Whole(least, most) => format!("{NUMBER} from {least} to {most}"),
        ValueType::Flag => "`true` or `false`".to_owned(),
        ValueType::OneOf(known) => {
            known.iter().map(|one| format!("`{one}`")).collect::<Vec<_>>().join(", ")
        }
        ValueType::OneOfNumbers(known) => {
            known.iter().map(|one| format!("`{one}`")).collect::<Vec<_>>().join(", ")
        }
        ValueType::Path(Holds::File | Holds::Secret | Holds::Written) => {
            "path of a file".to_owned()
        }
        ValueType::Path(Holds::Folder | Holds::Anything) => "path of a folder".to_owned(),
        ValueType::List(what) => format!("list of {what}"),
    }
}

/// Serializes the form in words, for `Declared`.
pub(super) fn in_words<S: Serializer>(form: &ValueType, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&words(form))
}
