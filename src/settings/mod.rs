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

pub mod collected;
pub mod collector;
pub mod declared;
pub mod kinds;
pub mod layer;
pub mod problem;
pub mod reference;
pub mod schema;
pub mod section;
pub mod setting;
pub mod sources;
pub mod table;
pub mod time;
pub mod value_type;

pub use collected::InForce;
pub use collector::Collector;
pub use declared::Declared;
pub use problem::SettingProblem;
pub(crate) use section::settings;
pub use section::{Declaration, Section, defaults, fixed, group, section};
pub use setting::Setting;
pub use sources::Sources;
