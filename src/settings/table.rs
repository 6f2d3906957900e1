//! Arrays of tables in the file, like `[[social]]`. Their keys are declared by the struct into
//! which they are read.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// One key of such a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableKey {
    /// Its name.
    pub name: &'static str,
    /// The form of its value.
    pub form: KeyType,
    /// Whether each table must have it.
    pub required: bool,
    /// Its description, for operators.
    pub words: String,
}

/// The form of the value of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyType {
    /// A text.
    Text,
    /// One of these texts.
    OneOf(Vec<&'static str>),
    /// The path of a file.
    Path,
    /// `true` or `false`.
    Flag,
    /// A list of texts.
    Texts,
    /// A table of texts, each under the tag of its language.
    ByLanguage,
    /// Nested tables with these keys.
    Tables(Vec<TableKey>),
}

/// An array of tables that a file may have.
#[derive(Clone, Debug)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// The heading under which it is listed.
    pub section: &'static str,
    /// Its description, for operators.
    pub words: &'static str,
    /// The keys of each table.
    pub keys: Vec<TableKey>,
}

/// A type that a key of a table may have.
pub trait Field {
    /// Whether each table must have it.
    const REQUIRED: bool = false;

    /// The form of its value.
    fn form() -> KeyType;
}

impl Field for String {
    const REQUIRED: bool = true;

    fn form() -> KeyType {
        KeyType::Text
    }
}

impl Field for PathBuf {
    const REQUIRED: bool = true;

    fn form() -> KeyType {
        KeyType::Path
    }
}

impl<T: Field> Field for Option<T> {
    fn form() -> KeyType {
        T::form()
    }
}

impl Field for Vec<String> {
    fn form() -> KeyType {
        KeyType::Texts
    }
}

impl Field for BTreeMap<String, String> {
    const REQUIRED: bool = true;

    fn form() -> KeyType {
        KeyType::ByLanguage
    }
}

impl Field for bool {
    fn form() -> KeyType {
        KeyType::Flag
    }
}

/// Declares a struct into which a table of the file is read, together with the declarations of its
/// keys.
macro_rules! table {
    (
        $(#[$attribute:meta])*
        struct $name:ident {
            $(
                $(#[doc = $words:literal])*
                $(#[serde($($serde:tt)*)])?
                $field:ident: $type:ty
            ),* $(,)?
        }
    ) => {
        $(#[$attribute])*
        #[derive(serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct $name {
            $( $(#[doc = $words])* $(#[serde($($serde)*)])? $field: $type, )*
        }

        impl $name {
            fn keys() -> Vec<$crate::settings::table::TableKey> {
                vec![$(
                    $crate::settings::table::TableKey {
                        name: stringify!($field),
                        form: <$type as $crate::settings::table::Field>::form(),
                        required: <$type as $crate::settings::table::Field>::REQUIRED,
                        words: concat!($($words),*).trim().to_owned(),
                    },
                )*]
            }
        }
    };
}
pub(crate) use table;
