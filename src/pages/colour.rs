//! Colours of an operator's brand, and whether text on them can be read.

use std::fmt;

/// An opaque sRGB colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Colour {
    red: u8,
    green: u8,
    blue: u8,
}

/// The least contrast between text and its background (WCAG 2.2 §1.4.3).
pub(super) const READABLE: f64 = 4.5;

impl Colour {
    pub(super) const BLACK: Self = Self { red: 0, green: 0, blue: 0 };
    pub(super) const WHITE: Self = Self { red: 255, green: 255, blue: 255 };

    /// The colour of these channels.
    pub(super) const fn of(red: u8, green: u8, blue: u8) -> Self {
        Self { red, green, blue }
    }

    /// Parses a colour; only the form `#rrggbb` is accepted.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('#')?;
        if digits.len() != 6 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let [_, red, green, blue] = u32::from_str_radix(digits, 16).ok()?.to_be_bytes();
        Some(Self { red, green, blue })
    }

    /// The contrast ratio of two colours (WCAG 2.2), from 1 to 21.
    pub(super) fn contrast(self, other: Self) -> f64 {
        let (one, two) = (self.luminance(), other.luminance());
        (one.max(two) + 0.05) / (one.min(two) + 0.05)
    }

    /// White or black, whichever is easier to read on this colour. At least one of them always can
    /// be read.
    pub(super) fn text_on(self) -> Self {
        let is_dark = self.contrast(Self::WHITE) >= self.contrast(Self::BLACK);
        if is_dark { Self::WHITE } else { Self::BLACK }
    }

    /// Mixes this colour with another one until it can be read on each of these backgrounds.
    pub(super) fn readable_on(self, grounds: &[Self], towards: Self) -> Self {
        let is_readable =
            |colour: Self| grounds.iter().all(|ground| colour.contrast(*ground) >= READABLE);
        let steps = (0..=20).map(|step| self.mixed(towards, step, 20));
        steps.into_iter().find(|colour| is_readable(*colour)).unwrap_or(towards)
    }

    fn mixed(self, other: Self, step: u16, of: u16) -> Self {
        let mix = |one: u8, two: u8| {
            let sum = u16::from(one) * (of - step) + u16::from(two) * step;
            u8::try_from(sum / of).unwrap_or(u8::MAX)
        };
        Self {
            red: mix(self.red, other.red),
            green: mix(self.green, other.green),
            blue: mix(self.blue, other.blue),
        }
    }

    /// The relative luminance of the colour (WCAG 2.2).
    fn luminance(self) -> f64 {
        let linear = |channel: u8| {
            let part = f64::from(channel) / 255.0;
            if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(self.red) + 0.7152 * linear(self.green) + 0.0722 * linear(self.blue)
    }
}

impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{:02x}{:02x}{:02x}", self.red, self.green, self.blue)
    }
}

#[cfg(test)]
mod tests {
    use super::{Colour, READABLE};

    #[test]
    fn only_six_hexadecimal_digits_are_a_colour() {
        assert_eq!(Colour::parse("#0aF9b2").map(|it| it.to_string()).as_deref(), Some("#0af9b2"));
        for text in ["", "#fff", "0af9b2", "#0af9b", "#0af9b2c", "#+af9b2", "#é9b2", "red"] {
            assert_eq!(Colour::parse(text), None, "{text}");
        }
    }

    #[test]
    fn contrast_is_that_of_the_guidelines() {
        assert!((Colour::WHITE.contrast(Colour::BLACK) - 21.0).abs() < 1e-9);
        let grey = Colour::parse("#767676").expect("a colour");
        assert!((grey.contrast(Colour::WHITE) - 4.54).abs() < 0.01);
    }

    #[test]
    fn text_on_any_colour_is_readable() {
        for value in (0..=0xff_ffff_u32).step_by(4_099) {
            let colour = Colour::parse(&format!("#{value:06x}")).expect("a colour");
            assert!(colour.contrast(colour.text_on()) >= READABLE, "{colour}");
            let on_white = colour.readable_on(&[Colour::WHITE], Colour::BLACK);
            assert!(on_white.contrast(Colour::WHITE) >= READABLE, "{colour}");
        }
    }
}
