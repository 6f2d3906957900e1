//! Durations as people write them.

use std::time::Duration as StdDuration;

use chrono::Duration;

/// The longest duration in seconds: a hundred years, at which no instant overflows.
pub const LONGEST: i64 = 3_153_600_000;

/// Reads `90`, `90s`, `15m`, `2h`, `30d`.
pub fn parse(text: &str) -> Result<Duration, String> {
    let wrong = || "is not a duration, like 90s, 15m, 2h or 30d".to_owned();
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: i64 = digits.parse().map_err(|_| wrong())?;
    let seconds = match text.get(digits.len()..).unwrap_or_default() {
        "" | "s" => Some(number),
        "m" => number.checked_mul(60),
        "h" => number.checked_mul(3600),
        "d" => number.checked_mul(86_400),
        _ => None,
    };
    seconds
        .filter(|seconds| (0..=LONGEST).contains(seconds))
        .map(Duration::seconds)
        .ok_or_else(wrong)
}

/// A duration in the form in which it is read.
#[must_use]
pub fn show(duration: Duration) -> String {
    let seconds = duration.num_seconds();
    match seconds {
        0 => "0s".to_owned(),
        seconds if seconds % 86_400 == 0 => format!("{}d", seconds / 86_400),
        seconds if seconds % 3600 == 0 => format!("{}h", seconds / 3600),
        seconds if seconds % 60 == 0 => format!("{}m", seconds / 60),
        seconds => format!("{seconds}s"),
    }
}

/// The two types of durations that rooms use.
pub trait Span {
    /// The type's value for a duration that was read.
    fn from_read(read: Duration) -> Self;
    /// The duration to show.
    fn to_shown(&self) -> Duration;
}

impl Span for Duration {
    fn from_read(read: Duration) -> Self {
        read
    }

    fn to_shown(&self) -> Duration {
        *self
    }
}

impl Span for StdDuration {
    fn from_read(read: Duration) -> Self {
        read.to_std().unwrap_or_default()
    }

    fn to_shown(&self) -> Duration {
        Duration::from_std(*self).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, seconds) in
            [("90", 90), ("90s", 90), ("15m", 900), ("2h", 7200), ("30d", 2_592_000)]
        {
            assert_eq!(parse(text), Ok(Duration::seconds(seconds)), "{text}");
        }
        for bad in ["", "s", "1w", "-1s", "1.5h", "99999999999999999999d", "999999999d"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_shown_is_read_as_the_same() {
        for text in ["0s", "1s", "90s", "15m", "2h", "30d"] {
            assert_eq!(show(parse(text).unwrap()), text);
        }
    }
}
