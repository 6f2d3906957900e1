//! Settings: how a room declares them, and what is made from the declarations.
//!
//! A room declares its settings with the macro `settings!`: one line each, with the path in the
//! file, the type, the range and the default. The comment above the line is the description that
//! operators read. The macro makes the plain struct that the code of the room uses.
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
//! `app::config` lists all rooms. A [`Collector`] goes through this list once: it reads each value
//! from the flags, the environment or the file, and records each declaration. So the reference
//! contains exactly the settings that are read.

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
