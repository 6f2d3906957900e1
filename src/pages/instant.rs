//! Instants in words.

use chrono::{DateTime, SecondsFormat, Utc};

use super::frame::Frame;
use super::language::Language;

/// For people: date and time, and that it is UTC.
pub(super) fn words(instant: &DateTime<Utc>, frame: &Frame<'_>) -> String {
    let format = match frame.language {
        Language::En => "%-d %B %Y, %H:%M UTC",
        Language::Ko => "%Y년 %-m월 %-d일 %H:%M (UTC)",
    };
    instant.format(format).to_string()
}

/// For the `datetime` attribute: RFC 3339.
pub(super) fn machine(instant: &DateTime<Utc>) -> String {
    instant.to_rfc3339_opts(SecondsFormat::Secs, true)
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::{machine, words};
    use crate::pages::{Frame, Language, Look};

    #[test]
    fn an_instant_is_said_in_the_language() {
        let instant = DateTime::from_timestamp(1_795_253_040, 0).expect("an instant");
        let look = Look::builtin();
        for (language, text) in [
            (Language::En, "21 November 2026, 09:24 UTC"),
            (Language::Ko, "2026년 11월 21일 09:24 (UTC)"),
        ] {
            let frame = Frame { look: &look, language, base: "", here: None };
            assert_eq!(words(&instant, &frame), text);
        }
        assert_eq!(machine(&instant), "2026-11-21T09:24:00Z");
    }
}
