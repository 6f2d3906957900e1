//! The kinds of settings that rooms declare.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use super::setting::Setting;
use super::time::{self, LONGEST, Span};
use super::value_type::{Holds, ValueType};
use crate::domain::secret::Secret;

/// A duration that must not be zero.
pub fn duration<D: Span + 'static>(path: &'static str, default: D) -> Setting<D> {
    duration_in(path, 1..=LONGEST, default)
}

/// A duration that may be zero.
pub fn duration_or_zero<D: Span + 'static>(path: &'static str, default: D) -> Setting<D> {
    duration_in(path, 0..=LONGEST, default)
}

/// A duration whose seconds are in this range.
pub fn duration_in<D: Span + 'static>(
    path: &'static str,
    seconds: RangeInclusive<i64>,
    default: D,
) -> Setting<D> {
    let (least, most) = seconds.into_inner();
    let parse = move |text: &str| {
        let given = time::parse(text)?;
        match given.num_seconds() {
            seconds if seconds > most => Err(format!(
                "must not be longer than {}",
                time::show(chrono::Duration::seconds(most))
            )),
            seconds if seconds >= least => Ok(D::from_read(given)),
            _ if least == 1 => Err("must be more than 0".to_owned()),
            _ => Err(format!("must be at least {}", time::show(chrono::Duration::seconds(least)))),
        }
    };
    let show = |duration: &D| time::show(duration.to_shown());
    Setting::new(path, ValueType::Duration(least, most), default, parse, show)
}

/// A whole number in this range.
pub fn whole(path: &'static str, range: RangeInclusive<u32>, default: u32) -> Setting<u32> {
    let (least, most) = range.into_inner();
    let form = ValueType::Whole(least, most);
    let parse = move |text: &str| {
        let number = text.parse().ok().filter(|number| (least..=most).contains(number));
        number.ok_or_else(|| match (least, most) {
            (0, u32::MAX) => "must be a whole number".to_owned(),
            (_, u32::MAX) => format!("must be a whole number, at least {least}"),
            _ => format!("must be a whole number from {least} to {most}"),
        })
    };
    Setting::new(path, form, default, parse, ToString::to_string)
}

/// One of these numbers.
pub fn one_of(path: &'static str, numbers: &'static [u32], default: u32) -> Setting<u32> {
    let parse = move |text: &str| {
        let number = text.parse().ok().filter(|number| numbers.contains(number));
        number.ok_or_else(|| {
            let known: Vec<_> = numbers.iter().map(ToString::to_string).collect();
            format!("must be one of {}", known.join(", "))
        })
    };
    Setting::new(
        path,
        ValueType::OneOfNumbers(numbers.to_vec()),
        default,
        parse,
        ToString::to_string,
    )
}

/// One of these values, by its name.
pub fn one_of_words<T: Copy + 'static>(
    path: &'static str,
    values: &'static [T],
    default: T,
    name: fn(T) -> &'static str,
) -> Setting<T> {
    let names: Vec<_> = values.iter().map(|value| name(*value)).collect();
    let known = names.join(", ");
    let parse = move |text: &str| {
        let value = values.iter().find(|value| name(**value) == text).copied();
        value.ok_or_else(|| format!("must be one of {known}"))
    };
    let show = move |value: &T| name(*value).to_owned();
    Setting::new(path, ValueType::OneOf(names), default, parse, show)
}

/// `true` or `false`.
pub fn flag(path: &'static str, default: bool) -> Setting<bool> {
    Setting::new(path, ValueType::Flag, default, parse_flag, ToString::to_string)
}

/// Reads `true` or `false`.
pub fn parse_flag(text: &str) -> Result<bool, String> {
    text.parse().map_err(|_| "is neither true nor false".to_owned())
}

/// The path of a file or folder.
pub fn path(path: &'static str, holds: Holds, default: &str) -> Setting<PathBuf> {
    let parse = |text: &str| Ok(PathBuf::from(text));
    Setting::new(path, ValueType::Path(holds), PathBuf::from(default), parse, |it| {
        it.display().to_string()
    })
}

/// The path of a file or folder, which is optional.
pub fn optional_path(path: &'static str, holds: Holds) -> Setting<Option<PathBuf>> {
    let parse = |text: &str| Ok(Some(PathBuf::from(text)));
    let show = |it: &Option<PathBuf>| {
        it.as_ref().map(|path| path.display().to_string()).unwrap_or_default()
    };
    Setting::new(path, ValueType::Path(holds), None, parse, show)
}

/// A secret, which is optional.
pub fn secret(path: &'static str) -> Setting<Option<Secret<String>>> {
    let parse = |text: &str| Ok(Some(Secret::new(text.to_owned())));
    let show = |it: &Option<Secret<String>>| {
        it.as_ref().map(|_| "(secret)".to_owned()).unwrap_or_default()
    };
    Setting::new(path, ValueType::Text("text"), None, parse, show).secret()
}

/// An address and a port of this machine.
pub fn address(path: &'static str, default: SocketAddr) -> Setting<SocketAddr> {
    let form = ValueType::Text("address and port");
    Setting::new(path, form, default, parse_address, ToString::to_string)
}

/// An address and a port of this machine, or `off`.
pub fn address_or_off(path: &'static str, default: SocketAddr) -> Setting<Option<SocketAddr>> {
    let parse = |text: &str| {
        if text == "off" { Ok(None) } else { parse_address(text).map(Some) }
    };
    let show = |it: &Option<SocketAddr>| it.map_or_else(|| "off".to_owned(), |it| it.to_string());
    Setting::new(path, ValueType::Text("address and port, or `off`"), Some(default), parse, show)
}

/// An address and a port of this machine, which is optional.
pub fn optional_address(path: &'static str) -> Setting<Option<SocketAddr>> {
    let parse = |text: &str| parse_address(text).map(Some);
    let show = |it: &Option<SocketAddr>| it.map(|it| it.to_string()).unwrap_or_default();
    Setting::new(path, ValueType::Text("address and port"), None, parse, show)
}

fn parse_address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "is not an address and port, like 127.0.0.1:8080".to_owned())
}
