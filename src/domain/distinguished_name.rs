//! Distinguished names of certificates: as text of RFC 4514, and how two of them are compared.

use std::collections::BTreeSet;
use std::fmt;

/// A distinguished name: its relative names, the most specific one first, as RFC 4514 §2.1 writes
/// them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DistinguishedName(Vec<BTreeSet<Attribute>>);

/// The type of an attribute, as a dotted OID, and its value.
type Attribute = (String, AttributeValue);

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AttributeValue {
    /// A text, whichever string type it has in the certificate. Capitals and blanks count, so that no
    /// two names that an authority keeps apart are one here.
    Text(String),
    /// Anything else, in DER.
    Der(Vec<u8>),
}

/// The names of attribute types: those of RFC 4514 §3, and others that tools write.
const TYPES: &[(&str, &str)] = &[
    ("CN", "2.5.4.3"),
    ("L", "2.5.4.7"),
    ("ST", "2.5.4.8"),
    ("S", "2.5.4.8"),
    ("O", "2.5.4.10"),
    ("OU", "2.5.4.11"),
    ("C", "2.5.4.6"),
    ("STREET", "2.5.4.9"),
    ("DC", "0.9.2342.19200300.100.1.25"),
    ("UID", "0.9.2342.19200300.100.1.1"),
    ("SN", "2.5.4.4"),
    ("surname", "2.5.4.4"),
    ("serialNumber", "2.5.4.5"),
    ("T", "2.5.4.12"),
    ("title", "2.5.4.12"),
    ("businessCategory", "2.5.4.15"),
    ("postalCode", "2.5.4.17"),
    ("GN", "2.5.4.42"),
    ("givenName", "2.5.4.42"),
    ("dnQualifier", "2.5.4.46"),
    ("organizationIdentifier", "2.5.4.97"),
    ("emailAddress", "1.2.840.113549.1.9.1"),
    ("E", "1.2.840.113549.1.9.1"),
    ("jurisdictionC", "1.3.6.1.4.1.311.60.2.1.3"),
];

/// What stands with a backslash before it, RFC 4514 §3.
const SPECIAL: &[u8] = b" \"#+,;<=>\\";

/// The longest text that is read.
const LONGEST: usize = 2048;

impl DistinguishedName {
    /// The name that a certificate has. `names` are in the order of the certificate, which is the other
    /// way round.
    pub fn of_certificate(
        names: impl DoubleEndedIterator<Item = BTreeSet<(String, AttributeValue)>>,
    ) -> Self {
        Self(names.rev().collect())
    }

    /// Whether it names nobody: the certificate has its names elsewhere.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Reads the text of a name, RFC 4514 §3. Blanks around the separators are skipped, as tools write
    /// them (§2.1 of RFC 4514, §4 of RFC 2253). The error says in words what is wrong.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if text.len() > LONGEST {
            return Err("is longer than 2048 bytes");
        }
        let mut rest = text;
        let mut names = Vec::new();
        loop {
            let (name, separator, after) = relative_name(rest)?;
            names.push(name);
            rest = after;
            if separator.is_none() {
                return Ok(Self(names));
            }
        }
    }
}

/// Reads the attributes up to the next comma. Returns what ended it, and the rest.
fn relative_name(text: &str) -> Result<(BTreeSet<Attribute>, Option<char>, &str), &'static str> {
    let mut attributes = BTreeSet::new();
    let mut rest = text;
    loop {
        let (name, after) =
            rest.split_once('=').ok_or("is not a name like CN=client,O=Example,C=KR")?;
        let oid = oid(name.trim_matches(' '))?;
        let (value, separator, after) = value(after.trim_start_matches(' '))?;
        if !attributes.insert((oid, value)) {
            return Err("says the same twice");
        }
        rest = after;
        if separator != Some('+') {
            return Ok((attributes, separator, rest));
        }
    }
}

/// The OID of an attribute type. Its name is compared without case (RFC 4514 §2.3).
fn oid(name: &str) -> Result<String, &'static str> {
    if let Some((_, oid)) = TYPES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
        return Ok((*oid).to_owned());
    }
    let is_number = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|byte| byte.is_ascii_digit())
            && (part == "0" || !part.starts_with('0'))
    };
    if name.contains('.') && name.split('.').all(is_number) {
        return Ok(name.to_owned());
    }
    Err("has an attribute whose type is not known: write its OID, like 2.5.4.3=client")
}

/// Reads a value up to what separates it from the next attribute.
fn value(text: &str) -> Result<(AttributeValue, Option<char>, &str), &'static str> {
    if let Some(hexadecimal) = text.strip_prefix('#') {
        let end = hexadecimal.find([',', '+', ';']).unwrap_or(hexadecimal.len());
        let (digits, rest) = hexadecimal.split_at(end);
        let der = bytes(digits.trim_end_matches(' ')).filter(|der| !der.is_empty());
        let der = der.ok_or("has a value behind # that is not hexadecimal")?;
        let (separator, rest) = split_separator(rest);
        return Ok((AttributeValue::Der(der), separator, rest));
    }
    let mut read = Vec::new();
    // Blanks at the end count only if they were escaped.
    let mut kept = 0;
    let mut rest = text.as_bytes();
    let mut at = 0;
    while let Some((byte, after)) = rest.split_first() {
        let taken = match byte {
            b',' | b'+' | b';' => break,
            b'\\' => {
                let (one, taken) = escaped(after)?;
                read.push(one);
                kept = read.len();
                taken + 1
            }
            // RFC 4514 §3: none of these stands without a backslash before it.
            b'"' | b'<' | b'>' | 0 => return Err("has a sign that needs a backslash before it"),
            byte => {
                read.push(*byte);
                if *byte != b' ' {
                    kept = read.len();
                }
                1
            }
        };
        at += taken;
        rest = rest.get(taken..).unwrap_or_default();
    }
    read.truncate(kept);
    let value = String::from_utf8(read).map_err(|_| "has a value that is not UTF-8")?;
    let (separator, rest) = split_separator(text.get(at..).unwrap_or_default());
    Ok((AttributeValue::Text(value), separator, rest))
}

fn split_separator(text: &str) -> (Option<char>, &str) {
    let mut signs = text.chars();
    (signs.next(), signs.as_str())
}

/// What a backslash stands before, and how many bytes it takes: a special sign, or two hexadecimal
/// digits (RFC 4514 §3).
fn escaped(after: &[u8]) -> Result<(u8, usize), &'static str> {
    let wrong = "has a backslash that stands before nothing that needs one";
    match after {
        [sign, ..] if SPECIAL.contains(sign) => Ok((*sign, 1)),
        [high, low, ..] => {
            let digits = [*high, *low];
            let text = std::str::from_utf8(&digits).map_err(|_| wrong)?;
            let one = bytes(text).and_then(|bytes| bytes.first().copied()).ok_or(wrong)?;
            Ok((one, 2))
        }
        _ => Err(wrong),
    }
}

/// The bytes of hexadecimal digits.
fn bytes(digits: &str) -> Option<Vec<u8>> {
    if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) || !digits.len().is_multiple_of(2) {
        return None;
    }
    let pairs = digits.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).ok());
    pairs.map(|pair| u8::from_str_radix(pair?, 16).ok()).collect()
}

impl fmt::Display for DistinguishedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, name) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str(",")?;
            }
            for (at, (oid, value)) in name.iter().enumerate() {
                if at > 0 {
                    f.write_str("+")?;
                }
                let known = TYPES.iter().find(|(_, known)| known == oid);
                write!(f, "{}=", known.map_or(oid.as_str(), |(name, _)| name))?;
                match value {
                    AttributeValue::Text(text) => write_value(f, text)?,
                    AttributeValue::Der(der) => {
                        f.write_str("#")?;
                        for byte in der {
                            write!(f, "{byte:02x}")?;
                        }
                    }
                }
            }
        }
        Ok(())
    }
}

/// RFC 4514 §2.4.
fn write_value(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    let last = text.chars().count().saturating_sub(1);
    for (at, sign) in text.chars().enumerate() {
        let is_special = matches!(sign, '"' | '+' | ',' | ';' | '<' | '>' | '\\')
            || sign == '#' && at == 0
            || sign == ' ' && (at == 0 || at == last);
        match sign {
            '\0' => f.write_str("\\00")?,
            sign if is_special => write!(f, "\\{sign}")?,
            sign => write!(f, "{sign}")?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parsed(text: &str) -> DistinguishedName {
        DistinguishedName::parse(text).unwrap_or_else(|why| panic!("{text} {why}"))
    }

    #[test]
    fn rfc4514_4_two_texts_of_one_name_are_the_same() {
        for (one, other) in [
            ("CN=Client,O=Example,C=KR", "cn=Client, o=Example , c=KR"),
            ("CN=Client,O=Example", "2.5.4.3=Client,2.5.4.10=Example"),
            ("CN=a+UID=b,O=c", "UID=b+CN=a,O=c"),
            (
                "CN=James \\\"Jim\\\" Smith\\, III,DC=net",
                "CN=James \\22Jim\\22 Smith\\2C III,DC=net",
            ),
            ("CN=Lu\\C4\\8Di\\C4\\87", "CN=Lučić"),
            ("CN=\\ a\\ ", "CN=  \\20a\\20  "),
            ("CN=a=b", "CN=a\\=b"),
            ("CN=\\#a", "CN=\\23a"),
            ("emailAddress=a@b.example", "E=a@b.example"),
            ("1.3.6.1.4.1.1466.0=#04024869", "1.3.6.1.4.1.1466.0=#04024869"),
            ("CN=", "CN= "),
        ] {
            assert_eq!(parsed(one), parsed(other), "{one} {other}");
            assert_eq!(parsed(&parsed(one).to_string()), parsed(one), "{one}");
        }
    }

    #[test]
    fn what_an_authority_may_keep_apart_is_not_the_same() {
        let name = parsed("CN=Client,O=Example,C=KR");
        for other in [
            "CN=client,O=Example,C=KR",
            "CN=Client ,O=Example,C=US",
            "O=Example,CN=Client,C=KR",
            "C=KR,O=Example,CN=Client",
            "CN=Client,O=Example",
            "CN=Client+O=Example,C=KR",
            "CN=Client\\,O=Example,C=KR",
            "CN=Client,OU=Example,C=KR",
            "CN=#0c06436c69656e74,O=Example,C=KR",
        ] {
            assert_ne!(parsed(other), name, "{other}");
        }
    }

    #[test]
    fn rfc4514_3_what_is_no_name_is_not_read() {
        for bad in [
            "",
            "CN",
            "Client",
            "CN=a,",
            "CN=a,,O=b",
            "CN=a+",
            "=a",
            "XX=a",
            "2.5.04.3=a",
            "2..5=a",
            "CN=\"a\"",
            "CN=a<b",
            "CN=a\0b",
            "CN=a\\",
            "CN=a\\x",
            "CN=a\\é",
            "CN=\\ff",
            "CN=#",
            "CN=#0",
            "CN=#0g",
            "CN=a+CN=a",
            &format!("CN={}", "a".repeat(3000)),
        ] {
            assert!(DistinguishedName::parse(bad).is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(values in prop::collection::vec(".{0,12}", 1..4)) {
            let names = values.iter().map(|value| {
                BTreeSet::from([("2.5.4.3".to_owned(), AttributeValue::Text(value.clone()))])
            });
            let name = DistinguishedName::of_certificate(names);
            prop_assert_eq!(DistinguishedName::parse(&name.to_string()), Ok(name));
        }
    }
}
