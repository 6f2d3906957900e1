//! The settings of one struct: the macro that declares them, and what may follow the `=` of a
//! field.

use super::collector::Collector;
use super::setting::Setting;

/// The settings of one struct, made by `settings!`.
pub trait Section {
    /// Declares them and reads them.
    fn read(from: &mut Collector) -> Self;
}

/// A value that may follow `=` in a section.
pub trait Declaration {
    /// The type of the field.
    type Value;

    /// Declares it with this description and reads it.
    fn read(self, words: &str, from: &mut Collector) -> Self::Value;
}

impl<T> Declaration for Setting<T> {
    type Value = T;

    fn read(self, words: &str, from: &mut Collector) -> T {
        from.take(if words.is_empty() { self } else { self.words(words) })
    }
}

/// Several settings that together give one field.
#[derive(Debug)]
pub struct Group<F>(F);

/// Several settings that together give one field. Each of them has a description of its own.
pub fn group<T, F: FnOnce(&mut Collector) -> T>(read: F) -> Group<F> {
    Group(read)
}

impl<T, F: FnOnce(&mut Collector) -> T> Declaration for Group<F> {
    type Value = T;

    fn read(self, _: &str, from: &mut Collector) -> T {
        from.within(self.0)
    }
}

/// The settings of another struct.
pub fn section<S: Section>() -> Group<fn(&mut Collector) -> S> {
    Group(S::read)
}

/// A field that operators cannot set.
pub fn fixed<T>(value: T) -> Group<impl FnOnce(&mut Collector) -> T> {
    Group(|_: &mut Collector| value)
}

/// The defaults of a section, without any file, environment or flag.
#[must_use]
pub fn defaults<S: Section>() -> S {
    S::read(&mut Collector::default())
}

/// Declares the settings of a room and makes the struct that holds them.
///
/// `in "Title"` is the heading in the reference; several structs may share one. `checked by` names a
/// function that compares settings with each other: `fn(&Self, &mut Collector)`.
macro_rules! settings {
    (
        $(#[$attribute:meta])*
        $visible:vis struct $name:ident in $title:literal $(, checked by $check:path)? {
            $(
                $(#[doc = $words:literal])*
                $field_visible:vis $field:ident: $type:ty = $declaration:expr
            ),* $(,)?
        }
    ) => {
        $(#[$attribute])*
        $visible struct $name {
            $( $(#[doc = $words])* $field_visible $field: $type, )*
        }

        impl $crate::settings::section::Section for $name {
            fn read(from: &mut $crate::settings::collector::Collector) -> Self {
                from.begin($title);
                let read = Self {
                    $(
                        $field: $crate::settings::section::Declaration::read(
                            $declaration,
                            concat!($($words),*),
                            from,
                        ),
                    )*
                };
                $( $check(&read, from); )?
                read
            }
        }
    };
}
pub(crate) use settings;
