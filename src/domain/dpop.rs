//! What a token can be bound to, RFC 9449 and RFC 8705: the thumbprint of a key or of a certificate,
//! the claim `cnf`, and the address that a proof names.

use std::fmt;

use chrono::Duration;
use serde::{Deserialize, Serialize};
use url::Url;

/// How far the `iat` of a proof may be from the clock of this server, on either side. A nonce of this
/// server is good for as long.
pub const WINDOW: Duration = Duration::seconds(60);

/// How long a used proof is remembered: longer than it could be accepted by a server whose clock
/// differs.
pub const REMEMBERED: Duration = Duration::seconds(4 * 60);

/// A SHA-256 thumbprint in base64url: of a public key (RFC 7638), or of a certificate (RFC 8705 §3.1).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Thumbprint(String);

impl Thumbprint {
    /// Reads a thumbprint: 43 characters of base64url, as `dpop_jkt` has them (RFC 9449 §10).
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_base64url = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        (text.len() == 43 && text.bytes().all(is_base64url)).then(|| Self(text.to_owned()))
    }

    /// A thumbprint that was written before, or was computed.
    #[must_use]
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// `cnf`, RFC 7800 §3.1: what whoever uses a token has to prove. If it names both, both.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmation {
    /// The thumbprint of a key, RFC 9449 §6.1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jkt: Option<Thumbprint>,
    /// The thumbprint of a certificate, RFC 8705 §3.1.
    #[serde(rename = "x5t#S256", skip_serializing_if = "Option::is_none")]
    pub x5t: Option<Thumbprint>,
}

impl Confirmation {
    /// The claim; `None` if it would name nothing.
    #[must_use]
    pub fn claim(self) -> Option<Self> {
        (self != Self::default()).then_some(self)
    }
}

/// `token_type`: of a token that is bound to a key, RFC 9449 §5, and of any other. One that is bound
/// to a certificate is sent as any other (RFC 8705 §3).
#[must_use]
pub fn token_type(confirmation: Option<&Confirmation>) -> &'static str {
    if confirmation.is_some_and(|cnf| cnf.jkt.is_some()) { "DPoP" } else { "Bearer" }
}

/// The same address in one form only: without query and fragment (RFC 9449 §4.3), and normalised as
/// RFC 3986 §6.2.2 and §6.2.3 say. `None` for what is no http address.
#[must_use]
pub fn normal_uri(text: &str) -> Option<String> {
    // A URL parser repairs what is no URI at all: blanks, backslashes, missing slashes.
    let is_of_uri = |byte: u8| byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte);
    if !text.bytes().all(is_of_uri) || !text.split_once(':')?.1.starts_with("//") {
        return None;
    }
    let url = Url::parse(text).ok()?;
    if !matches!(url.scheme(), "http" | "https")
        || !url.username().is_empty()
        || url.password().is_some()
    {
        return None;
    }
    let (scheme, host) = (url.scheme(), url.host_str()?);
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let path = normal_path(url.path())?;
    let normal = format!("{scheme}://{host}{port}{path}");
    // The parser decodes a host, and what comes out may be no host of a URI.
    normal.bytes().all(is_of_uri).then_some(normal)
}

/// RFC 3986 §6.2.2.1 and §6.2.2.2: hexadecimal digits in capitals, and no byte encoded that needs no
/// encoding.
fn normal_path(path: &str) -> Option<String> {
    let mut normal = String::with_capacity(path.len());
    let mut rest = path;
    while let Some((before, encoded)) = rest.split_once('%') {
        normal.push_str(before);
        let digits = encoded.get(..2)?;
        let byte = u8::from_str_radix(digits, 16).ok().filter(|_| !digits.starts_with('+'))?;
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            normal.push(char::from(byte));
        } else {
            normal.push('%');
            normal.push_str(&digits.to_ascii_uppercase());
        }
        rest = encoded.get(2..)?;
    }
    normal.push_str(rest);
    Some(normal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc9449_4_3_addresses_are_the_same_after_normalisation_and_no_others() {
        let ours = normal_uri("https://id.example.com/a/token").unwrap();
        for same in [
            "https://id.example.com/a/token",
            "HTTPS://ID.Example.COM/a/token",
            "https://id.example.com:443/a/token",
            "https://id.example.com/a/token?query",
            "https://id.example.com/a/token#fragment",
            "https://id.example.com/%61/t%6Fken",
            "https://id.example.com/a/./b/../token",
            "https://id.example.com/a/%2e/token",
        ] {
            assert_eq!(normal_uri(same).as_ref(), Some(&ours), "{same}");
        }
        for other in [
            "http://id.example.com/a/token",
            "https://id.example.com:8443/a/token",
            "https://id.example.com./a/token",
            "https://id.example.com/a/token/",
            "https://id.example.com/a/Token",
            "https://id.example.com/a%2Ftoken",
            "https://id.example.com/a//token",
            "https://evil.example/a/token",
            "https://id.example.com.evil.example/a/token",
            "https://id.example.com/token",
            "/a/token",
            "",
        ] {
            assert_ne!(normal_uri(other).as_ref(), Some(&ours), "{other}");
        }
        for bad in [
            "https:/id.example.com/a/token",
            "https:id.example.com/a/token",
            "https:\\\\id.example.com\\a\\token",
            " https://id.example.com/a/token",
            "https://id.example.com/a/to\tken",
            "https://user@id.example.com/a/token",
            "https://id.example%7D.com/a/token",
            "https://id.example.com/a/token%",
            "https://id.example.com/a/token%zz",
            "https://id.example.com/a/token%+1",
            "ftp://id.example.com/a/token",
            "urn:a",
        ] {
            assert_eq!(normal_uri(bad), None, "{bad}");
        }
        assert_eq!(normal_uri("https://a"), normal_uri("https://a/"));
        assert_eq!(normal_uri("https://a/%e2%82%ac"), normal_uri("https://a/%E2%82%AC"));
    }

    #[test]
    fn rfc9449_10_a_thumbprint_is_43_characters_of_base64url() {
        assert!(Thumbprint::parse("0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I").is_some());
        for bad in ["", "short", &"a".repeat(44), &"=".repeat(43), &"ä".repeat(43)] {
            assert!(Thumbprint::parse(bad).is_none(), "{bad}");
        }
    }
}
