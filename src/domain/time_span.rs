//! A span of time in words for operators: "9 hours".

use chrono::{DateTime, Duration, Utc};

/// A span in its largest unit, rounded down: "9 hours", "1 minute".
#[must_use]
pub fn in_words(span: Duration) -> String {
    let seconds = span.num_seconds().unsigned_abs();
    let (number, unit) = match seconds {
        0..60 => (seconds, "second"),
        60..3600 => (seconds / 60, "minute"),
        3600..172_800 => (seconds / 3600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    format!("{number} {unit}{}", if number == 1 { "" } else { "s" })
}

/// An instant as operators read it.
#[must_use]
pub fn written(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

/// How far an instant is from now: "9 hours ago", "in 2 minutes".
#[must_use]
pub fn from_now(now: DateTime<Utc>, then: DateTime<Utc>) -> String {
    if then > now {
        format!("in {}", in_words(then - now))
    } else {
        format!("{} ago", in_words(now - then))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::clock::from_millis;

    #[test]
    fn a_span_is_told_in_its_largest_unit() {
        for (seconds, expected) in [
            (0, "0 seconds ago"),
            (1, "1 second ago"),
            (59, "59 seconds ago"),
            (60, "1 minute ago"),
            (3599, "59 minutes ago"),
            (3600, "1 hour ago"),
            (9 * 3600, "9 hours ago"),
            (172_800, "2 days ago"),
            (-61, "in 1 minute"),
        ] {
            let now = from_millis(1_000_000_000_000);
            assert_eq!(from_now(now, now - Duration::seconds(seconds)), expected);
        }
    }
}
