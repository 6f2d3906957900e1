//! Distinguished names of certificates: as text of RFC 4514, and how two of them are compared.

use std::collections::BTreeSet;
use std::fmt;

use super::der::{self, Element};

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

/// The types of values that are text of UTF-8, or of what UTF-8 begins with: `UTF8String`,
/// `NumericString`, `PrintableString` and `IA5String`.
const TEXTS: [u8; 4] = [0x0c, 0x12, 0x13, 0x16];
/// `BMPString`: text of UTF-16.
const WIDE_TEXT: u8 = 0x1e;

impl AttributeValue {
    /// The value that a certificate has; `None` if it is not what its type says.
    fn of(element: &Element<'_>) -> Option<Self> {
        let bytes = element.content;
        match element.tag {
            tag if TEXTS.contains(&tag) => {
                std::str::from_utf8(bytes).ok().map(|text| Self::Text(text.to_owned()))
            }
            WIDE_TEXT => {
                let pairs = bytes.chunks(2).map(|pair| <[u8; 2]>::try_from(pair).ok());
                let units: Option<Vec<u16>> =
                    pairs.map(|pair| pair.map(u16::from_be_bytes)).collect();
                String::from_utf16(&units?).ok().map(Self::Text)
            }
            _ => Some(Self::Der(element.whole.to_vec())),
        }
    }
}

impl DistinguishedName {
    /// The name that a certificate has, in DER. `None` if any part of it cannot be read: a name of which
    /// something is left out would be the name of somebody else.
    #[must_use]
    pub fn of_der(der: &[u8]) -> Option<Self> {
        let name = der::only(der).filter(|name| name.tag == der::SEQUENCE)?;
        // A certificate has them the other way round.
        let names = der::all(name.content)?;
        names.iter().rev().map(attributes).collect::<Option<_>>().map(Self)
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

/// The attributes of a relative name of a certificate.
fn attributes(name: &Element<'_>) -> Option<BTreeSet<Attribute>> {
    let mut attributes = BTreeSet::new();
    for one in der::all(name.content)? {
        let parts = der::all(one.content)?;
        let [kind, value] = parts.as_slice() else { return None };
        let is_attribute = one.tag == der::SEQUENCE && kind.tag == der::OID;
        let attribute = (der::dotted(kind.content)?, AttributeValue::of(value)?);
        if !is_attribute || !attributes.insert(attribute) {
            return None;
        }
    }
    (name.tag == der::SET && !attributes.is_empty()).then_some(attributes)
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
        let read = bytes(digits.trim_end_matches(' '));
        let read = read.ok_or("has a value behind # that is not hexadecimal")?;
        let value = der::only(&read).as_ref().and_then(AttributeValue::of);
        let value = value.ok_or("has a value behind # that is not DER of its type")?;
        let (separator, rest) = split_separator(rest);
        return Ok((value, separator, rest));
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
            // The same value, in each of the types that are text.
            ("CN=Client", "CN=#0c06436c69656e74"),
            ("CN=Client", "CN=#1306436c69656e74"),
            ("CN=Client", "CN=#1e0c0043006c00690065006e0074"),
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
            "CN=#0406436c69656e74,O=Example,C=KR",
            "CN=#2c080c06436c69656e74,O=Example,C=KR",
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
            "CN=#0c",
            "CN=#0c0343",
            "CN=#0c014300",
            "CN=#0c810143",
            "CN=#0c01ff",
            "CN=#1e0143",
            "CN=#1e02d800",
            "CN=a+CN=a",
            &format!("CN={}", "a".repeat(3000)),
        ] {
            assert!(DistinguishedName::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_name_of_a_certificate_is_read_whole_or_not_at_all() {
        let element = |tag: u8, parts: &[&[u8]]| {
            let content = parts.concat();
            [&[tag, u8::try_from(content.len()).unwrap()][..], &content].concat()
        };
        let of = |kind: u8, value: &[u8]| element(0x30, &[&[6, 3, 0x55, 4, kind], value]);
        let (country, common) = (of(6, b"\x13\x02KR"), of(3, b"\x0c\x01a"));
        let (first, last) = (element(0x31, &[&country]), element(0x31, &[&common]));
        let whole = element(0x30, &[&first, &last]);
        assert_eq!(DistinguishedName::of_der(&whole), Some(parsed("CN=a,C=KR")));
        let both = element(0x30, &[&element(0x31, &[&country, &common])]);
        assert_eq!(DistinguishedName::of_der(&both), Some(parsed("CN=a+C=KR")));
        assert!(DistinguishedName::of_der(&[0x30, 0]).is_some_and(|name| name.is_empty()));
        let name = |parts: &[&[u8]]| element(0x30, &[&element(0x31, parts)]);
        for (line, bad) in [
            ("nothing", vec![]),
            ("more behind it", [&whole[..], &[5, 0]].concat()),
            ("cut", whole.get(..whole.len() - 1).unwrap().to_vec()),
            ("a part of another kind", element(0x30, &[&first, &[5, 0]])),
            ("a part that is cut", element(0x30, &[&first, &[0x31, 9]])),
            ("an empty part", element(0x30, &[&first, &[0x31, 0]])),
            ("a list for a set", element(0x30, &[&element(0x30, &[&common])])),
            ("twice the same", name(&[&common, &common])),
            ("more behind an attribute", name(&[&common, &[5, 0]])),
            ("more in an attribute", name(&[&of(3, b"\x0c\x01a\x05\x00")])),
            ("no value", name(&[&of(3, b"")])),
            ("no UTF-8", name(&[&of(3, b"\x0c\x01\xff")])),
            ("no type", name(&[&element(0x30, &[&[5, 0], &[5, 0]])])),
        ] {
            assert_eq!(DistinguishedName::of_der(&bad), None, "{line}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(values in prop::collection::vec(".{0,12}", 1..4)) {
            let names = values.iter().map(|value| {
                BTreeSet::from([("2.5.4.3".to_owned(), AttributeValue::Text(value.clone()))])
            });
            let name = DistinguishedName(names.collect());
            prop_assert_eq!(DistinguishedName::parse(&name.to_string()), Ok(name));
        }
    }
}
