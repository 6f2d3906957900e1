//! How many requests are allowed in which time: `30/1m`.

use std::fmt;

use chrono::Duration;

use crate::settings::Setting;
use crate::settings::time;
use crate::settings::value_type::ValueType;

/// So many requests are allowed at once, and so many in each such time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    requests: u32,
    period: Duration,
}

/// The most requests in a second. One takes a hundred microseconds then, which are counted exactly
/// enough.
const FASTEST: i64 = 10_000;

impl Rate {
    /// So many requests in so many seconds.
    #[must_use]
    pub const fn of(requests: u32, seconds: i64) -> Self {
        Self { requests, period: Duration::seconds(seconds) }
    }

    /// Reads `30/1m`. An error continues a sentence.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || "is not a number of requests and a time, like 30/1m".to_owned();
        let (requests, period) = text.split_once('/').ok_or_else(wrong)?;
        let requests: u32 = requests.trim().parse().map_err(|_| wrong())?;
        let period = time::parse(period.trim()).map_err(|_| wrong())?;
        if requests == 0 {
            return Err("must allow one request at least, or be off".to_owned());
        }
        if period < Duration::seconds(1) || period > Duration::days(1) {
            return Err("must name a time from 1s to 1d".to_owned());
        }
        if i64::from(requests) > FASTEST * period.num_seconds() {
            return Err(format!("must not allow more than {FASTEST} requests a second"));
        }
        Ok(Self { requests, period })
    }

    /// The microseconds after which one more request is allowed.
    pub(super) fn interval(self) -> i64 {
        let micros = self.period.num_seconds() * 1_000_000;
        (micros / i64::from(self.requests.max(1))).max(1)
    }

    /// The content of a full bucket, in microseconds.
    pub(super) fn capacity(self) -> i64 {
        self.interval() * i64::from(self.requests)
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.requests, time::show(self.period))
    }
}

/// A rate, or `off`.
pub fn rate(path: &'static str, default: Option<Rate>) -> Setting<Option<Rate>> {
    let parse = |text: &str| {
        if text == "off" { Ok(None) } else { Rate::parse(text).map(Some) }
    };
    let show = |it: &Option<Rate>| it.map_or_else(|| "off".to_owned(), |it| it.to_string());
    Setting::new(path, ValueType::Text("requests/time, or `off`"), default, parse, show)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_read_and_shown() {
        for (text, shown, interval, capacity) in [
            ("30/1m", "30/1m", 2_000_000, 60_000_000),
            ("1/1s", "1/1s", 1_000_000, 1_000_000),
            (" 7 / 60 ", "7/1m", 8_571_428, 59_999_996),
            ("10000/1s", "10000/1s", 100, 1_000_000),
            ("1/1d", "1/1d", 86_400_000_000, 86_400_000_000),
        ] {
            let rate = Rate::parse(text).expect(text);
            assert_eq!((rate.to_string().as_str(), rate.interval()), (shown, interval));
            assert_eq!(rate.capacity(), capacity);
            assert_eq!(Rate::parse(shown), Ok(rate));
        }
    }

    #[test]
    fn what_is_no_rate_is_refused() {
        for bad in [
            "", "30", "30/", "/1m", "0/1m", "-1/1m", "30/0s", "30/2d", "30/1w", "1.5/1m",
            "10001/1s",
        ] {
            assert!(Rate::parse(bad).is_err(), "{bad}");
        }
    }
}
