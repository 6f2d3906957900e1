//! Settings: how a room declares them, and everything that follows from the declarations.
//!
//! A room declares its settings with the macro `settings!`: one line each, which says the path in
//! the file, the type, the range and the default. The comment above the line is what operators read.
//! The macro makes the plain struct that the code of the room works with.
//!
//! ```text
//! settings! {
//!     /// How long things live.
//!     #[derive(Clone, Copy, Debug)]
//!     pub struct Lifetimes in "Tokens" {
//!         /// How long an access token is good.
//!         pub access_token: Duration = duration("token.access_lifetime", Duration::minutes(10)),
//!     }
//! }
//! ```
//!
//! `app::config` has the list of all rooms. A [`Collector`] goes through it once: it reads each value
//! from the flags, the environment or the file, and remembers each declaration. So nothing can be
//! read that is not in the reference, and nothing is in the reference that is not read.

pub mod collector;
pub mod declare;
pub mod kinds;
pub mod reference;
pub mod schema;
pub mod sources;
pub mod table;
pub mod time;

pub use collector::{Collector, InForce, Problem};
pub use declare::{Declaration, Declared, Section, Setting, fixed, group, section};
pub use sources::Sources;

/// The defaults of a section, as they are without any file, environment or flag.
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

        impl $crate::settings::Section for $name {
            fn read(from: &mut $crate::settings::Collector) -> Self {
                from.begin($title);
                let read = Self {
                    $(
                        $field: $crate::settings::Declaration::read(
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
