//! What every identifier has in common: it is a text of its own type, so that an arbitrary text
//! cannot be passed as one by mistake.

/// Declares an identifier: a text in a private field.
macro_rules! identifier {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        pub struct $name(String);

        impl $name {
            /// The identifier with this text: from the database, from a token that we signed, or
            /// from a request of a browser. To know an identifier proves nothing.
            #[must_use]
            pub const fn from_stored(text: String) -> Self {
                Self(text)
            }

            /// The identifier as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
    };
    ($(#[$meta:meta])* $name:ident, $generate:expr) => {
        identifier! { $(#[$meta])* $name }

        impl $name {
            /// A new identifier.
            #[must_use]
            pub fn generate() -> Self {
                Self($generate)
            }
        }
    };
}

pub(super) use identifier;
