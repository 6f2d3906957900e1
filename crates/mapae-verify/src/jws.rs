//! The compact form of a JSON Web Signature (RFC 7515 §3.1), read strictly.

use base64_simd::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use crate::keys::Key;
use crate::refusal::Refusal;

/// The members of a header that are looked at. Keys that a header brings along (`jwk`, `x5c`) or
/// points to (`jku`, `x5u`) are never used for a token. A member that stands twice is refused.
#[derive(Debug, Deserialize)]
pub(crate) struct Header {
    pub(crate) alg: String,
    pub(crate) kid: Option<String>,
    pub(crate) typ: Option<String>,
    crit: Option<IgnoredAny>,
}

impl Header {
    /// Whether the type is this one. RFC 7515 §4.1.9: `application/` may be left out, and media
    /// types are compared without case.
    pub(crate) fn is_of_type(&self, typ: &str) -> bool {
        const PREFIX: &str = "application/";
        let given = self.typ.as_deref().unwrap_or_default();
        let short = match given.get(..PREFIX.len()) {
            Some(prefix) if prefix.eq_ignore_ascii_case(PREFIX) => &given[PREFIX.len()..],
            _ => given,
        };
        short.eq_ignore_ascii_case(typ)
    }
}

/// The parts of a JWS whose signature is not verified yet.
#[derive(Debug)]
pub(crate) struct Parts<'a> {
    header: &'a str,
    signed: &'a str,
    payload: &'a str,
    signature: &'a str,
}

/// A JWS whose header was read.
#[derive(Debug)]
pub(crate) struct Jws<'a> {
    pub(crate) header: Header,
    parts: Parts<'a>,
}

impl<'a> Jws<'a> {
    /// Splits a JWS.
    pub(crate) fn split(text: &'a str) -> Result<Parts<'a>, Refusal> {
        let malformed = || Refusal::Malformed("it is not three parts of base64url");
        let (signed, signature) = text.rsplit_once('.').ok_or_else(malformed)?;
        let (header, payload) = signed.split_once('.').ok_or_else(malformed)?;
        if payload.contains('.') {
            return Err(malformed());
        }
        Ok(Parts { header, signed, payload, signature })
    }

    /// Splits a JWS and reads its header.
    pub(crate) fn parse(text: &'a str) -> Result<Self, Refusal> {
        let parts = Self::split(text)?;
        let header: Header =
            decoded(parts.header).ok_or(Refusal::Malformed("its header is not JSON of a JWS"))?;
        // RFC 7515 §4.1.11: no extension is understood here, so none may be critical.
        if header.crit.is_some() {
            return Err(Refusal::Critical);
        }
        Ok(Self { header, parts })
    }

    /// The header as it was sent.
    pub(crate) fn header_part(&self) -> &'a str {
        self.parts.header
    }

    /// A view of the header with more members.
    pub(crate) fn header_as<T: DeserializeOwned>(&self) -> Option<T> {
        decoded(self.parts.header)
    }

    /// The payload, if this key signed it.
    pub(crate) fn verified(&self, key: &Key) -> Result<Vec<u8>, Refusal> {
        self.parts.verified(key)
    }
}

impl Parts<'_> {
    /// The payload, if this key signed it.
    pub(crate) fn verified(&self, key: &Key) -> Result<Vec<u8>, Refusal> {
        let signature =
            URL_SAFE_NO_PAD.decode_to_vec(self.signature).map_err(|_| Refusal::Signature)?;
        if !key.has_signed(self.signed.as_bytes(), &signature) {
            return Err(Refusal::Signature);
        }
        let payload = URL_SAFE_NO_PAD.decode_to_vec(self.payload);
        payload.map_err(|_| Refusal::Malformed("its claims are not base64url"))
    }
}

fn decoded<T: DeserializeOwned>(part: &str) -> Option<T> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode_to_vec(part).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_header(header: &str) -> String {
        format!("{}.e30.AA", URL_SAFE_NO_PAD.encode_to_string(header))
    }

    #[test]
    fn rfc7515_4_1_9_a_type_is_compared_without_case_and_prefix() {
        for (typ, is_one) in [
            ("at+jwt", true),
            ("AT+JWT", true),
            ("application/at+jwt", true),
            ("Application/AT+jwt", true),
            ("JWT", false),
            ("at+jwt ", false),
            ("text/at+jwt", false),
            ("application/", false),
            ("", false),
        ] {
            let token = with_header(&format!(r#"{{"alg":"RS256","typ":"{typ}"}}"#));
            assert_eq!(Jws::parse(&token).unwrap().header.is_of_type("at+jwt"), is_one, "{typ}");
        }
        let token = with_header(r#"{"alg":"RS256"}"#);
        assert!(!Jws::parse(&token).unwrap().header.is_of_type("at+jwt"));
    }

    #[test]
    fn what_is_no_compact_jws_is_malformed() {
        let good = with_header(r#"{"alg":"RS256"}"#);
        assert!(Jws::parse(&good).is_ok());
        for bad in [
            String::new(),
            "a".to_owned(),
            "a.b".to_owned(),
            format!("{good}.more"),
            format!(".{good}"),
            good.replacen('.', "=.", 1),
            with_header("[]"),
            with_header(r#"{"typ":"at+jwt"}"#),
            with_header(r#"{"alg":"RS256","alg":"none"}"#),
            with_header(r#"{"alg":["RS256"]}"#),
            // RFC 4648 §3.5: the last letter has bits that no encoder sets.
            with_header(r#"{"alg":"RS256" }"#).replacen("Q.", "R.", 1),
        ] {
            let refused = Jws::parse(&bad).expect_err(&bad);
            assert!(matches!(refused, Refusal::Malformed(_)), "{bad}: {refused:?}");
        }
        let critical = with_header(r#"{"alg":"RS256","crit":["b64"],"b64":false}"#);
        assert!(matches!(Jws::parse(&critical), Err(Refusal::Critical)));
    }
}
