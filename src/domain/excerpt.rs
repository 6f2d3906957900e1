//! Text from outside, shortened for the log, so that its sender cannot decide how much is written.

use std::fmt;

/// The largest number of characters of such a text.
const MOST: usize = 100;

/// The beginning of a text from outside, for the log and for audit events.
#[must_use]
pub fn excerpt<T: fmt::Display>(text: T) -> Excerpt<T> {
    Excerpt { text, most: MOST }
}

/// A text that is cut after a number of characters.
#[derive(Clone, Copy, Debug)]
pub struct Excerpt<T> {
    text: T,
    most: usize,
}

impl<T> Excerpt<T> {
    /// Sets the largest number of characters, for a text that also holds words of our own.
    #[must_use]
    pub fn up_to(self, most: usize) -> Self {
        Self { most, ..self }
    }
}

impl<T: fmt::Display> fmt::Display for Excerpt<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut cut = Cut { left: self.most, to: f };
        match fmt::write(&mut cut, format_args!("{}", self.text)) {
            // The text was cut: the rest of it is not formatted.
            Err(_) if cut.left == 0 => f.write_str("…"),
            result => result,
        }
    }
}

struct Cut<'a, 'b> {
    left: usize,
    to: &'a mut fmt::Formatter<'b>,
}

impl fmt::Write for Cut<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for c in text.chars() {
            self.left = self.left.checked_sub(1).ok_or(fmt::Error)?;
            self.to.write_char(if c.is_control() { '\u{fffd}' } else { c })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_from_outside_ends_after_a_hundred_characters() {
        for (text, expected) in [
            (String::new(), String::new()),
            ("access_denied".to_owned(), "access_denied".to_owned()),
            ("é".repeat(100), "é".repeat(100)),
            ("é".repeat(101), format!("{}…", "é".repeat(100))),
            ("x".repeat(9000), format!("{}…", "x".repeat(100))),
            ("a\nb\u{1b}[0m".to_owned(), "a\u{fffd}b\u{fffd}[0m".to_owned()),
        ] {
            assert_eq!(excerpt(&text).to_string(), expected);
        }
        let pieces = format!("{}", excerpt(format_args!("{}{}", "x".repeat(60), "y".repeat(60))));
        assert_eq!(pieces, format!("{}{}…", "x".repeat(60), "y".repeat(40)));
    }
}
