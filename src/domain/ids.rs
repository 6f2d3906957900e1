//! What every identifier has in common: it is text that is never made from just any text.

/// Writes an identifier: a text with a private field.
macro_rules! identifier {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        pub struct $name(String);

        impl $name {
            /// The identifier that this text is: from the database, from a token that we signed, or as a
            /// browser names it. It proves nothing.
            #[must_use]
            pub const fn from_stored(text: String) -> Self {
                Self(text)
            }

            /// Its text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
    };
    ($(#[$meta:meta])* $name:ident, $generate:expr) => {
        identifier! { $(#[$meta])* $name }

        impl $name {
            /// A new one.
            #[must_use]
            pub fn generate() -> Self {
                Self($generate)
            }
        }
    };
}

pub(super) use identifier;
