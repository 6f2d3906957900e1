//! Date and time in words, in the time zone of the server. A script shows them in the zone of the
//! browser.

use chrono::{DateTime, FixedOffset, SecondsFormat, Utc};

use super::frame::Frame;

/// Date and time for people, with the offset from UTC.
pub(super) fn words(instant: &DateTime<Utc>, frame: &Frame<'_>) -> String {
    let offset = frame.look.zone().offset(instant);
    let format = frame.language.data().date_time;
    format!("{} ({})", instant.with_timezone(&offset).format(format), ahead(offset))
}

/// The offset in words: `UTC`, `UTC+9` or `UTC-3:30`.
fn ahead(offset: FixedOffset) -> String {
    let minutes = offset.local_minus_utc() / 60;
    let sign = if minutes < 0 { '-' } else { '+' };
    match (minutes.abs() / 60, minutes.abs() % 60) {
        (0, 0) => "UTC".to_owned(),
        (hours, 0) => format!("UTC{sign}{hours}"),
        (hours, minutes) => format!("UTC{sign}{hours}:{minutes:02}"),
    }
}

/// The instant for the `datetime` attribute (RFC 3339).
pub(super) fn machine(instant: &DateTime<Utc>) -> String {
    instant.to_rfc3339_opts(SecondsFormat::Secs, true)
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::{machine, words};
    use crate::pages::{Frame, Language, Look, Zone};

    #[test]
    fn an_instant_is_said_in_the_language_and_in_the_zone() {
        let instant = DateTime::from_timestamp(1_795_253_040, 0).expect("an instant");
        for (zone, language, text) in [
            ("UTC", "en", "21 November 2026, 09:24 (UTC)"),
            ("UTC", "ko", "2026년 11월 21일 09:24 (UTC)"),
            ("Asia/Seoul", "ko", "2026년 11월 21일 18:24 (UTC+9)"),
            ("Asia/Kolkata", "en", "21 November 2026, 14:54 (UTC+5:30)"),
            ("America/St_Johns", "en", "21 November 2026, 05:54 (UTC-3:30)"),
        ] {
            let look = Look::builtin().in_zone(Zone::parse(zone).expect(zone));
            let language = Language::of_tag(language).expect("a language");
            let frame = Frame { look: &look, language, base: "", here: None };
            assert_eq!(words(&instant, &frame), text, "{zone}");
        }
        assert_eq!(machine(&instant), "2026-11-21T09:24:00Z");
    }

    #[test]
    fn summer_time_counts_and_what_is_no_zone_is_none() {
        let look = Look::builtin().in_zone(Zone::parse("Europe/Berlin").expect("a zone"));
        let frame = Frame { look: &look, language: Language::default(), base: "", here: None };
        let said = |seconds| words(&DateTime::from_timestamp(seconds, 0).expect("it"), &frame);
        assert_eq!(said(1_768_478_400), "15 January 2026, 13:00 (UTC+1)");
        assert_eq!(said(1_784_116_800), "15 July 2026, 14:00 (UTC+2)");
        for wrong in ["", "Seoul", "KST", "+09:00", "../etc/passwd", "Asia/Nowhere"] {
            assert!(Zone::parse(wrong).is_err(), "{wrong}");
        }
    }
}
