//! Reads what somebody pasted in place of an access token.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::{Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::domain::excerpt::excerpt;
use crate::domain::secret::{
    AuthSessionToken, AuthorizationCode, BrowserToken, ClientSecret, MailLink, Plain, RefreshToken,
    Secret,
};

/// What was pasted.
#[derive(Debug)]
pub struct Presented {
    /// The word of the header `Authorization` that stood in front, and was taken off.
    pub scheme: Option<Scheme>,
    /// What it is.
    pub pasted: Pasted,
}

/// The word in front of a token in the header `Authorization`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// RFC 6750 §2.1.
    Bearer,
    /// RFC 9449 §7.1.
    Dpop,
}

impl Scheme {
    /// The word as it is usually written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bearer => "Bearer",
            Self::Dpop => "DPoP",
        }
    }
}

/// What somebody pasted.
#[derive(Debug)]
pub enum Pasted {
    /// A JWT in its compact form.
    Jwt(Box<PastedJwt>),
    /// The claims of a token, as a JSON object.
    Claims(PastedObject),
    /// One of our own values that is no JWT.
    Opaque(Opaque),
    /// A JWE, RFC 7516 §3.1.
    Encrypted,
    /// Any other text, and what is wrong with it.
    Malformed(String),
}

/// Our own values that are no JWT. Each is known by its prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the value of that name")]
pub enum Opaque {
    RefreshToken,
    AuthorizationCode,
    ClientSecret,
    Other,
}

/// A JWT whose parts could be read. Nothing of it is verified.
#[derive(Debug)]
pub struct PastedJwt {
    /// The header.
    pub header: PastedObject,
    /// The claims.
    pub claims: PastedObject,
    /// Whether there is anything in the place of the signature.
    pub has_signature: bool,
    /// The token itself.
    pub compact: Secret,
}

/// A JSON object in which a name may be repeated.
#[derive(Debug, Default)]
pub struct PastedObject {
    /// The members; of members with the same name it is the last one.
    pub members: Map<String, Value>,
    /// A name that stands there more than once.
    pub repeated: Option<String>,
}

impl PastedObject {
    /// The text of a member.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.members.get(name)?.as_str()
    }

    /// Whether there is such a member.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.members.contains_key(name)
    }
}

impl Presented {
    /// Reads what was pasted.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let text = text.trim().trim_start_matches('\u{feff}');
        let text = after_word(text, "authorization:").unwrap_or(text);
        let (scheme, text) = if let Some(rest) = after_word(text, "bearer ") {
            (Some(Scheme::Bearer), rest)
        } else if let Some(rest) = after_word(text, "dpop ") {
            (Some(Scheme::Dpop), rest)
        } else {
            (None, text)
        };
        Self { scheme, pasted: Pasted::read(text) }
    }

    /// The claims, if there are any.
    #[must_use]
    pub fn claims(&self) -> Option<&PastedObject> {
        match &self.pasted {
            Pasted::Jwt(jwt) => Some(&jwt.claims),
            Pasted::Claims(claims) => Some(claims),
            Pasted::Opaque(_) | Pasted::Encrypted | Pasted::Malformed(_) => None,
        }
    }

    /// The JWT, if it is one.
    #[must_use]
    pub fn jwt(&self) -> Option<&PastedJwt> {
        match &self.pasted {
            Pasted::Jwt(jwt) => Some(jwt),
            _ => None,
        }
    }
}

/// The text behind a word, which is compared without regard to case.
fn after_word<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let (start, rest) = text.split_at_checked(word.len())?;
    start.eq_ignore_ascii_case(word).then(|| rest.trim_start())
}

impl Pasted {
    fn read(text: &str) -> Self {
        let prefixes = [
            (Plain::<RefreshToken>::is_meant(text), Opaque::RefreshToken),
            (Plain::<AuthorizationCode>::is_meant(text), Opaque::AuthorizationCode),
            (Plain::<ClientSecret>::is_meant(text), Opaque::ClientSecret),
            (Plain::<BrowserToken>::is_meant(text), Opaque::Other),
            (Plain::<AuthSessionToken>::is_meant(text), Opaque::Other),
            (Plain::<MailLink>::is_meant(text), Opaque::Other),
        ];
        if let Some((_, kind)) = prefixes.into_iter().find(|(is_it, _)| *is_it) {
            return Self::Opaque(kind);
        }
        if text.starts_with('{') {
            return match object(text.as_bytes()) {
                Ok(claims) => Self::Claims(claims),
                Err(why) => Self::Malformed(format!("the claims are not a JSON object: {why}")),
            };
        }
        match text.split('.').count() {
            3 => Self::jwt(text),
            5 => Self::Encrypted,
            parts => Self::Malformed(not_three(text, parts)),
        }
    }

    fn jwt(text: &str) -> Self {
        let mut parts = text.split('.');
        let mut part = || parts.next().unwrap_or_default();
        let (header, claims, signature) = (part(), part(), part());
        let read = |name: &str, part: &str| {
            let bytes = decoded(part).map_err(|why| format!("the {name} {why}"))?;
            object(&bytes).map_err(|why| format!("the {name} is not a JSON object: {why}"))
        };
        let read = || -> Result<PastedJwt, String> {
            let (header, claims) = (read("header", header)?, read("payload", claims)?);
            if !signature.is_empty() {
                decoded(signature).map_err(|why| format!("the signature {why}"))?;
            }
            let has_signature = !signature.is_empty();
            Ok(PastedJwt { header, claims, has_signature, compact: Secret::text(text) })
        };
        match read() {
            Ok(jwt) => Self::Jwt(Box::new(jwt)),
            Err(why) => Self::Malformed(why),
        }
    }
}

/// Why a text with another number of parts is not a JWT.
fn not_three(text: &str, parts: usize) -> String {
    if text.starts_with(['"', '\'']) {
        return "there are quotes around it".to_owned();
    }
    if text.contains(char::is_whitespace) {
        return "there is white space in it: a token is one word".to_owned();
    }
    let parts = if parts == 1 { "1 part".to_owned() } else { format!("{parts} parts") };
    format!("it has {parts}, and a JWT has three parts with dots between them")
}

fn decoded(part: &str) -> Result<Vec<u8>, &'static str> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| {
        if part.contains(char::is_whitespace) {
            "has white space in it: a token is one word"
        } else if part.starts_with(['"', '\'']) || part.ends_with(['"', '\'']) {
            "has quotes around it"
        } else if part.contains(['+', '/', '=']) {
            "is base64, and not base64url without padding"
        } else {
            "is not base64url: it was cut or changed"
        }
    })
}

fn object(bytes: &[u8]) -> Result<PastedObject, String> {
    let mut repeated = None;
    let mut source = serde_json::Deserializer::from_slice(bytes);
    let value = Watching(&mut repeated)
        .deserialize(&mut source)
        .and_then(|value| source.end().map(|()| value))
        .map_err(|error| excerpt(error).to_string())?;
    match value {
        Value::Object(members) => Ok(PastedObject { members, repeated }),
        _ => Err("it is another kind of value".to_owned()),
    }
}

/// Reads JSON and watches for names that are repeated in an object. RFC 7519 §4 lets a parser
/// refuse them or take the last one, so two verifiers may see different claims.
struct Watching<'a>(&'a mut Option<String>);

impl<'de> DeserializeSeed<'de> for Watching<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<Value, D::Error> {
        source.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Watching<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, source: D) -> Result<Value, D::Error> {
        Value::deserialize(source)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut read = Vec::new();
        while let Some(item) = items.next_element_seed(Watching(self.0))? {
            read.push(item);
        }
        Ok(read.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut read = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let value = members.next_value_seed(Watching(self.0))?;
            if read.insert(name.clone(), value).is_some() {
                self.0.get_or_insert(name);
            }
        }
        Ok(read.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jwt(header: &str, claims: &str) -> String {
        let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
        format!("{}.{}.c2ln", encode(header), encode(claims))
    }

    #[test]
    fn what_stands_in_front_of_a_token_is_taken_off() {
        let token = jwt(r#"{"alg":"RS256"}"#, r#"{"iss":"x"}"#);
        for (before, scheme) in [
            ("", None),
            ("Bearer ", Some(Scheme::Bearer)),
            ("bearer   ", Some(Scheme::Bearer)),
            ("Authorization: Bearer ", Some(Scheme::Bearer)),
            ("\n  DPoP ", Some(Scheme::Dpop)),
        ] {
            let read = Presented::read(&format!("{before}{token}\r\n"));
            assert_eq!(read.scheme, scheme, "{before}");
            let jwt = read.jwt().expect("a JWT");
            assert_eq!((jwt.compact.expose(), jwt.has_signature), (&token, true));
            assert_eq!(jwt.claims.text("iss"), Some("x"));
        }
    }

    #[test]
    fn what_is_no_jwt_is_told_apart() {
        let good = jwt("{}", "{}");
        for (text, expected) in [
            ("mapae_rt_x", "Opaque(RefreshToken)"),
            ("Bearer mapae_ac_x", "Opaque(AuthorizationCode)"),
            ("mapae_cs_x", "Opaque(ClientSecret)"),
            ("mapae_bt_x", "Opaque(Other)"),
            ("a.b.c.d.e", "Encrypted"),
            ("{\"a\":", "not a JSON object"),
            ("[]", "it has 1 part"),
            ("", "it has 1 part"),
            ("a.b", "it has 2 parts"),
            ("\"x\"", "quotes around it"),
            ("a b", "white space"),
            ("e30.e3 0.x", "the payload has white space"),
            ("e30=.e30.x", "the header is base64, and not base64url"),
            ("e30.W10.x", "another kind of value"),
            ("e30.e30.!", "the signature is not base64url"),
            (&good.replace("c2ln", "c2ln\""), "the signature has quotes"),
        ] {
            let said = format!("{:?}", Presented::read(text).pasted);
            assert!(said.contains(expected), "{text}: {said}");
        }
    }

    #[test]
    fn a_repeated_name_is_seen_wherever_it_stands() {
        for (claims, repeated) in [
            (r#"{"a":1,"b":2}"#, None),
            (r#"{"a":1,"a":2}"#, Some("a")),
            (r#"{"a":{"b":1,"b":1}}"#, Some("b")),
            (r#"{"a":[{"c":1,"c":1}]}"#, Some("c")),
            (r#"{"a":{"c":1},"b":{"c":1}}"#, None),
        ] {
            let read = Presented::read(claims);
            let claims = read.claims().expect("claims");
            assert_eq!(claims.repeated.as_deref(), repeated);
            assert!(claims.has("a"));
        }
        assert!(Presented::read(&jwt(r#"{"kid":"a","kid":"b"}"#, "{}")).jwt().is_some());
    }

    #[test]
    fn what_is_nested_too_deeply_is_refused_and_not_followed() {
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(matches!(Presented::read(&deep).pasted, Pasted::Malformed(_)));
    }
}
