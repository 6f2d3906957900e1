//! The parameters of a form, read strictly: RFC 6749 §3.2 and Appendix B.

use std::fmt;

use super::grant_type::GrantType;
use super::reason::Reason;
use super::secret::Secret;

/// The parameters of an `application/x-www-form-urlencoded` body. Every name occurs at most once
/// (only `resource` may repeat, RFC 8707 §2, and `audience` in a token exchange, RFC 8693 §2.1), and a
/// parameter without a value counts as omitted.
#[derive(Clone, Default)]
pub struct Form(Vec<(String, Secret<String>)>);

/// Why a body is not a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadForm {
    /// RFC 6749 §3.2: parameters must not be included more than once.
    Repeated,
    /// More parameters than any valid request has.
    TooMany,
    /// Not UTF-8 after decoding, or a percent sign without two hex digits.
    Undecodable,
}

impl From<BadForm> for Reason {
    fn from(bad: BadForm) -> Self {
        match bad {
            BadForm::Repeated => Self::ParameterRepeated,
            BadForm::TooMany => Self::ParametersTooMany,
            BadForm::Undecodable => Self::BodyMalformed,
        }
    }
}

/// The most parameters that a form may have, so that reading one stays cheap.
const MOST: usize = 100;

/// The one parameter that may occur several times in every request.
const RESOURCE: &str = "resource";

/// The one that may do so in a token exchange alone.
const AUDIENCE: &str = "audience";

impl Form {
    /// Reads a body.
    pub fn parse(body: &[u8]) -> Result<Self, BadForm> {
        match Self::parse_marking(body)? {
            (form, repeated) if repeated.is_empty() => Ok(form),
            _ => Err(BadForm::Repeated),
        }
    }

    /// Reads the body of a token request.
    pub fn parse_at_token(body: &[u8]) -> Result<Self, BadForm> {
        let (form, repeated) = Self::read(body, &[RESOURCE, AUDIENCE])?;
        let exchanges = form.get("grant_type") == Some(GrantType::TokenExchange.as_str());
        let audiences = form.0.iter().filter(|(name, _)| name == AUDIENCE).count();
        if repeated.is_empty() && (exchanges || audiences <= 1) {
            Ok(form)
        } else {
            Err(BadForm::Repeated)
        }
    }

    /// Reads a body in which parameters may be repeated. It also returns the names of the repeated
    /// parameters, so that the caller decides about them; the first value of each counts.
    pub fn parse_marking(body: &[u8]) -> Result<(Self, Vec<String>), BadForm> {
        Self::read(body, &[RESOURCE])
    }

    fn read(body: &[u8], repeatable: &[&str]) -> Result<(Self, Vec<String>), BadForm> {
        let pairs = || body.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty());
        // This is checked before anything is decoded or compared.
        if pairs().nth(MOST).is_some() {
            return Err(BadForm::TooMany);
        }
        let mut fields: Vec<(String, Secret<String>)> = Vec::new();
        let mut repeated = Vec::new();
        for pair in pairs() {
            let mut halves = pair.splitn(2, |byte| *byte == b'=');
            let name = decode(halves.next().unwrap_or_default()).ok_or(BadForm::Undecodable)?;
            let value = decode(halves.next().unwrap_or_default()).ok_or(BadForm::Undecodable)?;
            let name = name.expose();
            if !repeatable.contains(&name.as_str()) && fields.iter().any(|(seen, _)| seen == name) {
                repeated.push(name.clone());
                continue;
            }
            fields.push((name.clone(), value));
        }
        Ok((Self(fields), repeated))
    }

    /// The form of these parameters.
    pub fn of(fields: Vec<(String, String)>) -> Result<Self, BadForm> {
        if fields.len() > MOST {
            return Err(BadForm::TooMany);
        }
        Ok(Self(fields.into_iter().map(|(name, value)| (name, Secret::new(value))).collect()))
    }

    /// Whether the form has a parameter of this name, with a value or without.
    #[must_use]
    pub fn names(&self, name: &str) -> bool {
        self.0.iter().any(|(seen, _)| seen == name)
    }

    /// The same form with this parameter added, unless the form already has a value for it.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        if self.get(name).is_none() {
            self.0.retain(|(seen, _)| seen != name);
            self.0.push((name.to_owned(), Secret::new(value.to_owned())));
        }
        self
    }

    /// The value of a parameter; `None` if it is missing or empty.
    #[must_use]
    pub fn get<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        self.all(name).next()
    }

    /// Every value of a parameter that may repeat.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(seen, value)| seen == name && !value.expose().is_empty())
            .map(|(_, value)| value.expose().as_str())
    }
}

impl fmt::Debug for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

/// Decodes one half of a form field; `None` when it is not UTF-8 or badly escaped.
#[must_use]
pub fn decode(raw: &[u8]) -> Option<Secret<String>> {
    let is_escape = |byte: &u8| matches!(byte, b'+' | b'%');
    if !raw.iter().any(is_escape) {
        return std::str::from_utf8(raw).ok().map(|text| Secret::new(text.to_owned()));
    }
    let mut bytes = Secret::new(Vec::with_capacity(raw.len()));
    let mut rest = raw.iter().copied();
    while let Some(byte) = rest.next() {
        bytes.expose_mut().push(match byte {
            b'+' => b' ',
            b'%' => hex(rest.next()?)? << 4 | hex(rest.next()?)?,
            other => other,
        });
    }
    std::str::from_utf8(bytes.expose()).ok().map(|text| Secret::new(text.to_owned()))
}

fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn rfc6749_3_2_a_repeated_parameter_is_an_error() {
        for body in ["a=1&a=1", "a=1&a=2", "a=&a=1", "%61=1&a=1"] {
            assert_eq!(Form::parse(body.as_bytes()).err(), Some(BadForm::Repeated), "{body}");
        }
    }

    #[test]
    fn a_form_of_more_than_100_parameters_is_refused_unread() {
        let body = |count: usize| {
            let pairs: Vec<_> = (0..count).map(|number| format!("n{number}=%zz")).collect();
            pairs.join("&")
        };
        assert_eq!(Form::parse(body(101).as_bytes()).err(), Some(BadForm::TooMany));
        assert_eq!(Form::parse(body(19_800).as_bytes()).err(), Some(BadForm::TooMany));
        assert_eq!(Form::parse(body(100).as_bytes()).err(), Some(BadForm::Undecodable));
        let resources = vec!["resource=a"; 101].join("&");
        assert_eq!(Form::parse(resources.as_bytes()).err(), Some(BadForm::TooMany));
        assert!(Form::parse(body(100).replace("%zz", "1&&").as_bytes()).is_ok());
    }

    #[test]
    fn rfc8707_2_resource_may_repeat() {
        let form = Form::parse(b"resource=a&resource=b").unwrap();
        assert_eq!(form.all("resource").collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn rfc8693_2_1_audience_may_repeat_in_a_token_exchange_alone() {
        let exchange = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange";
        let body = format!("audience=a&{exchange}&audience=b&audience=");
        let form = Form::parse_at_token(body.as_bytes()).unwrap();
        assert_eq!(form.all("audience").collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(Form::parse(body.as_bytes()).err(), Some(BadForm::Repeated));
        for body in [
            "audience=a&audience=b".to_owned(),
            "grant_type=client_credentials&audience=a&audience=a".to_owned(),
            "grant_type=client_credentials&audience=&audience=a".to_owned(),
            format!("{exchange}&audience=a&scope=a&scope=b"),
            format!("{exchange}&{exchange}&audience=a"),
        ] {
            let read = Form::parse_at_token(body.as_bytes());
            assert_eq!(read.err(), Some(BadForm::Repeated), "{body}");
        }
        for body in ["", "grant_type=client_credentials&audience=a&resource=a&resource=b"] {
            assert!(Form::parse_at_token(body.as_bytes()).is_ok(), "{body}");
        }
    }

    #[test]
    fn rfc6749_3_2_a_parameter_without_value_counts_as_left_out() {
        let form = Form::parse(b"a=&b&c=1&&").unwrap();
        assert_eq!((form.get("a"), form.get("b"), form.get("c")), (None, None, Some("1")));
    }

    #[test]
    fn a_body_that_cannot_be_decoded_is_refused() {
        for body in [&b"a=%"[..], b"a=%1", b"a=%zz", b"a=%ff", b"a=\xff"] {
            assert_eq!(Form::parse(body).err(), Some(BadForm::Undecodable), "{body:?}");
        }
    }

    proptest! {
        #[test]
        fn what_was_encoded_is_read_back(fields in prop::collection::btree_map("\\PC{1,8}", "\\PC{1,16}", 0..6)) {
            let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&fields).finish();
            let form = Form::parse(body.as_bytes()).unwrap();
            for (name, value) in &fields {
                prop_assert_eq!(form.get(name), Some(value.as_str()));
            }
        }

        #[test]
        fn no_body_panics(body in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Form::parse(&body);
            let _ = Form::parse_at_token(&body);
        }
    }
}
