//! What is measured of status lists and of the feed.

use metrics::{Counter, Gauge, Histogram};

/// The name of the histogram of the time for which building a list takes.
pub const BUILD: &str = "mapae_status_list_build_seconds";

/// How somebody who asked for a list was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListAnswer {
    /// With the list.
    List,
    /// That it has not changed.
    NotModified,
}

impl ListAnswer {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::List, Self::NotModified];

    /// How often this was answered.
    pub fn count(self) -> Counter {
        let answer = match self {
            Self::List => "list",
            Self::NotModified => "not_modified",
        };
        metrics::counter!("mapae_status_lists_served_total", "answer" => answer)
    }
}

/// How long building a list takes, in seconds.
pub(super) fn build() -> Histogram {
    metrics::histogram!(BUILD)
}

/// What the places of the lists that still count are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Places {
    /// The lists have room for so many.
    Room,
    /// Handed out, to families and to servers that have not used them yet.
    HandedOut,
    /// Their bit is set.
    Revoked,
}

impl Places {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Room, Self::HandedOut, Self::Revoked];

    /// Says how many there are.
    pub fn set(self, number: u64) {
        let state = match self {
            Self::Room => "room",
            Self::HandedOut => "handed_out",
            Self::Revoked => "revoked",
        };
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        metrics::gauge!("mapae_status_list_entries", "state" => state).set(number);
    }
}

/// In which way a follower of the feed waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Following {
    /// For the answer to a long poll.
    Poll,
    /// At the end of a stream.
    Stream,
}

impl Following {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::Poll, Self::Stream];

    /// How many followers wait in this way.
    pub fn gauge(self) -> Gauge {
        let way = match self {
            Self::Poll => "poll",
            Self::Stream => "stream",
        };
        metrics::gauge!("mapae_revocation_followers", "way" => way)
    }

    /// Counts a follower for as long as the answer is kept.
    #[must_use]
    pub fn begins(self) -> Follows {
        self.gauge().increment(1);
        Follows(self)
    }
}

/// A follower who waits.
#[derive(Debug)]
pub struct Follows(Following);

impl Drop for Follows {
    fn drop(&mut self) {
        self.0.gauge().decrement(1);
    }
}
