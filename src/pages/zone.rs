//! Time zones.

use chrono::{DateTime, FixedOffset, Offset, Utc};
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// The time zone in which pages show instants.
#[derive(Clone, Debug, PartialEq)]
pub struct Zone(TimeZone);

impl Default for Zone {
    fn default() -> Self {
        Self(TimeZone::UTC)
    }
}

impl Zone {
    /// Finds a zone by its name in the IANA database: that of the system, or the one that is
    /// compiled in.
    pub fn parse(name: &str) -> Result<Self, String> {
        let known = TimeZone::get(name).ok().filter(|zone| zone.iana_name().is_some());
        let unknown = || format!("{name:?} is not a time zone: write it like UTC or Asia/Seoul");
        known.map(Self).ok_or_else(unknown)
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }

    /// The offset of the zone from UTC at this instant.
    pub(super) fn offset(&self, instant: &DateTime<Utc>) -> FixedOffset {
        let at = Timestamp::from_second(instant.timestamp()).unwrap_or_default();
        let seconds = self.0.to_offset(at).seconds();
        FixedOffset::east_opt(seconds).unwrap_or(Utc.fix())
    }
}
