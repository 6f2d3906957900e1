//! What an operator decides about the pages.

use std::path::PathBuf;

use super::zone::Zone;
use crate::settings::kinds::optional_path;
use crate::settings::value_type::{Holds, ValueType};
use crate::settings::{Setting, settings};

settings! {
    /// What an operator decides about the pages.
    #[derive(Clone, Debug)]
    pub struct Settings in "Pages" {
        /// A folder with your name, logo, colour and words: see
        /// [operators.md](operators.md#your-own-look).
        pub branding_dir: Option<PathBuf> = optional_path("branding_dir", Holds::Folder),
        /// The zone in which pages say times where no script runs, by its IANA name (`Asia/Seoul`). A
        /// script says them in the zone of the browser. The names are those of the system, and those
        /// that are compiled in.
        pub time_zone: Zone = Setting::new("time_zone", ValueType::Text("name of a time zone"), Zone::default(), Zone::parse, |zone| zone.name().to_owned()),
    }
}
