//! The trace that a request belongs to (W3C Trace Context).

use super::hex;

/// A place in a trace: the trace, and the span that the next ones are parts of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TracePlace {
    /// The id of the trace.
    pub trace: [u8; 16],
    /// The id of the span.
    pub span: [u8; 8],
}

/// The `traceparent` of a caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceParent {
    /// The caller's place in the trace.
    pub place: TracePlace,
    /// Whether the caller keeps the trace.
    pub is_sampled: bool,
}

impl TraceParent {
    /// Reads the value of a `traceparent` header, W3C Trace Context §3.2.
    #[must_use]
    pub fn parse(header: &str) -> Option<Self> {
        let mut fields = header.split('-');
        let [version] = bytes(fields.next()?)?;
        let place = TracePlace { trace: bytes(fields.next()?)?, span: bytes(fields.next()?)? };
        let [flags] = bytes(fields.next()?)?;
        // §3.2.2.1: a later version may have more fields behind these; ff is none.
        let has_more = fields.next().is_some();
        let is_known = version != 0xff && (version > 0 || !has_more);
        let is_set = place.trace != [0; 16] && place.span != [0; 8];
        (is_known && is_set).then_some(Self { place, is_sampled: flags & 1 == 1 })
    }
}

/// Reads bytes in hexadecimal. The digits must be of lower case.
fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    let is_lower = !text.bytes().any(|byte| byte.is_ascii_uppercase());
    hex::read(text).filter(|_| is_lower)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    const SPAN: &str = "b7ad6b7169203331";

    #[test]
    fn a_traceparent_is_read_as_the_standard_writes_it() {
        for (header, sampled) in [
            (format!("00-{TRACE}-{SPAN}-01"), Some(true)),
            (format!("00-{TRACE}-{SPAN}-00"), Some(false)),
            (format!("00-{TRACE}-{SPAN}-03"), Some(true)),
            // A later version is read as far as it is known.
            (format!("01-{TRACE}-{SPAN}-01-more"), Some(true)),
            (format!("cc-{TRACE}-{SPAN}-01"), Some(true)),
            (format!("00-{TRACE}-{SPAN}-01-more"), None),
            (format!("ff-{TRACE}-{SPAN}-01"), None),
            (format!("00-{}-{SPAN}-01", TRACE.to_uppercase()), None),
            (format!("00-{}-{SPAN}-01", "0".repeat(32)), None),
            (format!("00-{TRACE}-{}-01", "0".repeat(16)), None),
            (format!("00-{TRACE}-{SPAN}"), None),
            (format!("00-{TRACE}0-{SPAN}-01"), None),
            (format!("00-{TRACE}-{SPAN}-1"), None),
            (String::new(), None),
        ] {
            let read = TraceParent::parse(&header);
            assert_eq!(read.map(|read| read.is_sampled), sampled, "{header}");
        }
        let read = TraceParent::parse(&format!("00-{TRACE}-{SPAN}-01")).unwrap();
        assert_eq!((read.place.trace[0], read.place.trace[15]), (0x0a, 0x9c));
        assert_eq!(read.place.span, [0xb7, 0xad, 0x6b, 0x71, 0x69, 0x20, 0x33, 0x31]);
    }
}
