//! DER, the bytes of certificates, read strictly: one element after the other, each to its end.

/// The type of a list with an order.
pub(super) const SEQUENCE: u8 = 0x30;
/// The type of a list without one.
pub(super) const SET: u8 = 0x31;
/// The type of an object identifier.
pub(super) const OID: u8 = 0x06;

/// A value with its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Element<'a> {
    /// The type: its class, whether it is made of others, and its number.
    pub(super) tag: u8,
    /// The value.
    pub(super) content: &'a [u8],
    /// Type, length and value.
    pub(super) whole: &'a [u8],
}

/// The first element, and what stands behind it.
pub(super) fn first(der: &[u8]) -> Option<(Element<'_>, &[u8])> {
    let (tag, rest) = der.split_first()?;
    // A type of more than one byte: certificates have none.
    if tag & 0x1f == 0x1f {
        return None;
    }
    let (short, rest) = rest.split_first()?;
    let (length, rest) =
        if short & 0x80 == 0 { (usize::from(*short), rest) } else { long_length(*short, rest)? };
    let (content, rest) = rest.split_at_checked(length)?;
    let whole = der.get(..der.len() - rest.len())?;
    Some((Element { tag: *tag, content, whole }, rest))
}

/// A length of more than one byte, in its shortest form alone.
fn long_length(short: u8, rest: &[u8]) -> Option<(usize, &[u8])> {
    let count = usize::from(short & 0x7f);
    let (digits, rest) = rest.split_at_checked(count)?;
    if !(1..=3).contains(&count) || digits.first() == Some(&0) {
        return None;
    }
    let length = digits.iter().fold(0_usize, |sum, digit| sum * 0x100 + usize::from(*digit));
    (length >= 0x80).then_some((length, rest))
}

/// The elements of which these bytes are made, without a rest.
pub(super) fn all(der: &[u8]) -> Option<Vec<Element<'_>>> {
    let mut found = Vec::new();
    let mut rest = der;
    while !rest.is_empty() {
        let (element, after) = first(rest)?;
        found.push(element);
        rest = after;
    }
    Some(found)
}

/// The one element of which these bytes are made.
pub(super) fn only(der: &[u8]) -> Option<Element<'_>> {
    let (element, rest) = first(der)?;
    rest.is_empty().then_some(element)
}

/// An object identifier with dots.
pub(super) fn dotted(content: &[u8]) -> Option<String> {
    let mut text = String::new();
    for digits in content.split_inclusive(|byte| byte & 0x80 == 0) {
        if digits.first() == Some(&0x80) || digits.last()? & 0x80 != 0 {
            return None;
        }
        let number = digits.iter().try_fold(0_u128, |sum, digit| {
            Some(sum.checked_mul(0x80)? + u128::from(digit & 0x7f))
        })?;
        if text.is_empty() {
            // The first number holds two.
            let first = (number / 40).min(2);
            text = format!("{first}.{}", number - first * 40);
        } else {
            text.push('.');
            text.push_str(&number.to_string());
        }
    }
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_element_is_read_to_its_end_and_in_one_form_alone() {
        let long = [&[0x0c, 0x81, 0x80][..], &[b'a'; 0x80]].concat();
        let (element, rest) = first(&long).unwrap();
        assert_eq!((element.tag, element.content.len(), rest.len()), (0x0c, 0x80, 0));
        assert_eq!(element.whole, long);
        assert_eq!(all(&[5, 0, 5, 0]).map(|all| all.len()), Some(2));
        assert_eq!(all(&[]), Some(vec![]));
        for bad in [
            &[0_u8; 0][..],
            &[0x0c],
            &[0x0c, 1],
            &[0x0c, 0x80, 0, 0],
            &[0x0c, 0x81, 1, b'a'],
            &[0x0c, 0x82, 0, 0x80],
            &[0x0c, 0xff],
            &[0x1f, 0x20, 0],
            &[5, 0, 5],
        ] {
            assert!(only(bad).is_none() && (bad.is_empty() || all(bad).is_none()), "{bad:x?}");
        }
        assert_eq!(only(&[5, 0, 5, 0]), None);
    }

    #[test]
    fn an_object_identifier_has_one_text() {
        let lines: [(&[u8], Option<&str>); 8] = [
            (&[0x55, 4, 3], Some("2.5.4.3")),
            (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 1], Some("1.2.840.113549.1.9.1")),
            (&[0x88, 0x37, 3], Some("2.999.3")),
            (&[0], Some("0.0")),
            (&[], None),
            (&[0x55, 0x80, 3], None),
            (&[0x55, 0x84], None),
            (&[0xff; 30], None),
        ];
        for (bytes, text) in lines {
            assert_eq!(dotted(bytes).as_deref(), text, "{bytes:x?}");
        }
    }
}
