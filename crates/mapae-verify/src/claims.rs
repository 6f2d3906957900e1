//! The claims of an access token, RFC 9068 §2.2.

use std::borrow::Cow;
use std::ops::Deref;
use std::sync::Arc;

use serde::de::{DeserializeOwned, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// An access token that was verified. It is cheap to clone.
#[derive(Clone, Debug)]
pub struct Token(pub(crate) Arc<Claims>);

impl Deref for Token {
    type Target = Claims;

    fn deref(&self) -> &Claims {
        &self.0
    }
}

/// What an access token says. Times are seconds since 1970.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Claims {
    /// Who issued it.
    pub iss: String,
    /// The person, or the client for itself.
    pub sub: String,
    /// For whom it was issued.
    pub aud: Vec<String>,
    /// When it expires.
    pub exp: i64,
    /// From when on it is good.
    pub nbf: Option<i64>,
    /// When it was issued.
    pub iat: Option<i64>,
    /// Its name.
    pub jti: Option<String>,
    /// The client that it was issued to.
    pub client_id: Option<String>,
    /// What it allows: words with spaces between them.
    pub scope: String,
    /// The session of the person.
    pub sid: Option<String>,
    /// When the person signed in.
    pub auth_time: Option<i64>,
    /// How strongly the person signed in.
    pub acr: Option<String>,
    /// By what the person signed in.
    pub amr: Vec<String>,
    /// To which key it is bound (RFC 7800 §3.1).
    pub cnf: Option<Confirmation>,
    /// Where its status is told (Token Status List §6.1).
    pub status: Option<StatusClaim>,
    json: Vec<u8>,
}

/// The key that a token is bound to.
#[derive(Clone, Debug, Default, Deserialize)]
#[non_exhaustive]
pub struct Confirmation {
    /// The thumbprint of a DPoP key (RFC 9449 §6.1).
    pub jkt: Option<String>,
    /// The thumbprint of a client certificate (RFC 8705 §3.1).
    #[serde(rename = "x5t#S256")]
    pub x5t_s256: Option<String>,
}

/// The claim `status`.
#[derive(Clone, Debug, Deserialize)]
#[non_exhaustive]
pub struct StatusClaim {
    /// The place in a status list, if the status is told by one.
    pub status_list: Option<StatusReference>,
}

/// A place in a status list.
#[derive(Clone, Debug, Deserialize)]
#[non_exhaustive]
pub struct StatusReference {
    /// The index in the list.
    pub idx: u64,
    /// The URL of the list.
    pub uri: String,
}

impl Claims {
    /// Reads the payload of a token. A claim that stands twice is refused (RFC 7519 §4).
    pub(crate) fn parse(json: Vec<u8>) -> Result<Self, ClaimsError> {
        let mut reader = serde_json::Deserializer::from_slice(&json);
        let read = reader.deserialize_map(ClaimsVisitor);
        let mut claims =
            read.and_then(|claims| reader.end().map(|()| claims)).map_err(|error| {
                match error.to_string() {
                    text if text.starts_with(TWICE) => ClaimsError::Twice,
                    text => ["iss", "sub", "aud", "exp"]
                        .into_iter()
                        .find(|name| text.starts_with(&format!("missing field `{name}`")))
                        .map_or(ClaimsError::Malformed, ClaimsError::Missing),
                }
            })?;
        claims.json = json;
        Ok(claims)
    }

    /// Whether the token allows this.
    #[must_use]
    pub fn has_scope(&self, wanted: &str) -> bool {
        self.scope.split(' ').any(|one| one == wanted)
    }

    /// Whether the client acts for itself, without a person.
    #[must_use]
    pub fn is_of_a_client(&self) -> bool {
        self.client_id.as_deref() == Some(self.sub.as_str()) && self.sid.is_none()
    }

    /// The claims in a form of your own, to read those that have no field here.
    pub fn read_as<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_slice(&self.json)
    }
}

pub(crate) enum ClaimsError {
    Malformed,
    Twice,
    Missing(&'static str),
}

const TWICE: &str = "a claim stands twice";

struct ClaimsVisitor;

impl<'de> Visitor<'de> for ClaimsVisitor {
    type Value = Claims;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object of claims")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Claims, A::Error> {
        let (mut iss, mut sub, mut aud, mut exp, mut scope) = (None, None, None, None, None);
        let (mut amr, mut claims) = (None, Claims::default());
        let mut others: Vec<Cow<'de, str>> = Vec::new();
        while let Some(Name(name)) = map.next_key()? {
            match &*name {
                "iss" => set(&mut iss, &mut map)?,
                "sub" => set(&mut sub, &mut map)?,
                "aud" => set(&mut aud, &mut map)?,
                "exp" => set(&mut exp, &mut map)?,
                "nbf" => set_date(&mut claims.nbf, &mut map)?,
                "iat" => set_date(&mut claims.iat, &mut map)?,
                "auth_time" => set_date(&mut claims.auth_time, &mut map)?,
                "jti" => set(&mut claims.jti, &mut map)?,
                "client_id" => set(&mut claims.client_id, &mut map)?,
                "scope" => set(&mut scope, &mut map)?,
                "sid" => set(&mut claims.sid, &mut map)?,
                "acr" => set(&mut claims.acr, &mut map)?,
                "amr" => set(&mut amr, &mut map)?,
                "cnf" => set(&mut claims.cnf, &mut map)?,
                "status" => set(&mut claims.status, &mut map)?,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    if others.contains(&name) {
                        return Err(A::Error::custom(TWICE));
                    }
                    others.push(name);
                }
            }
        }
        let missing = A::Error::missing_field;
        let Date(exp) = exp.ok_or_else(|| missing("exp"))?;
        let Audience(aud) = aud.ok_or_else(|| missing("aud"))?;
        Ok(Claims {
            iss: iss.ok_or_else(|| missing("iss"))?,
            sub: sub.ok_or_else(|| missing("sub"))?,
            aud,
            exp,
            scope: scope.unwrap_or_default(),
            amr: amr.unwrap_or_default(),
            ..claims
        })
    }
}

fn set<'de, T: Deserialize<'de>, A: MapAccess<'de>>(
    place: &mut Option<T>,
    map: &mut A,
) -> Result<(), A::Error> {
    match place.replace(map.next_value()?) {
        None => Ok(()),
        Some(_) => Err(A::Error::custom(TWICE)),
    }
}

fn set_date<'de, A: MapAccess<'de>>(place: &mut Option<i64>, map: &mut A) -> Result<(), A::Error> {
    let mut date = place.take().map(Date);
    set(&mut date, map)?;
    *place = date.map(|Date(seconds)| seconds);
    Ok(())
}

/// The name of a claim, borrowed where it can be.
struct Name<'de>(Cow<'de, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Name<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct NameVisitor;
        impl<'de> Visitor<'de> for NameVisitor {
            type Value = Cow<'de, str>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a name")
            }

            fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Self::Value, E> {
                Ok(Cow::Borrowed(name))
            }

            fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
                Ok(Cow::Owned(name.to_owned()))
            }
        }
        from.deserialize_str(NameVisitor).map(Name)
    }
}

/// RFC 7519 §2 NumericDate: seconds, which may have a fraction.
struct Date(i64);

impl<'de> Deserialize<'de> for Date {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct DateVisitor;
        impl Visitor<'_> for DateVisitor {
            type Value = i64;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a number of seconds")
            }

            fn visit_i64<E>(self, seconds: i64) -> Result<i64, E> {
                Ok(seconds)
            }

            fn visit_u64<E: serde::de::Error>(self, seconds: u64) -> Result<i64, E> {
                i64::try_from(seconds).map_err(E::custom)
            }

            #[expect(clippy::cast_possible_truncation, reason = "the fraction is dropped")]
            fn visit_f64<E: serde::de::Error>(self, seconds: f64) -> Result<i64, E> {
                if seconds.abs() < 1e15 {
                    Ok(seconds.floor() as i64)
                } else {
                    Err(E::custom("no time"))
                }
            }
        }
        from.deserialize_any(DateVisitor).map(Date)
    }
}

/// RFC 7519 §4.1.3: a text, or a list of them.
struct Audience(Vec<String>);

impl<'de> Deserialize<'de> for Audience {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct AudienceVisitor;
        impl<'de> Visitor<'de> for AudienceVisitor {
            type Value = Vec<String>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an audience or a list of them")
            }

            fn visit_str<E>(self, one: &str) -> Result<Vec<String>, E> {
                Ok(vec![one.to_owned()])
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<String>, A::Error> {
                let mut many = Vec::new();
                while let Some(one) = list.next_element()? {
                    many.push(one);
                }
                Ok(many)
            }
        }
        from.deserialize_any(AudienceVisitor).map(Audience)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(json: &str) -> Result<Claims, &'static str> {
        Claims::parse(json.as_bytes().to_vec()).map_err(|error| match error {
            ClaimsError::Malformed => "malformed",
            ClaimsError::Twice => "twice",
            ClaimsError::Missing(name) => name,
        })
    }

    #[test]
    fn rfc7519_4_what_claims_may_look_like() {
        let with = |more: &str| format!(r#"{{"iss":"i","sub":"s","aud":"a","exp":9{more}}}"#);
        for (json, expected) in [
            (with(""), Ok(())),
            (with(r#","x":{"y":[1,1]},"z":null"#), Ok(())),
            (with(r#","exp":10"#), Err("twice")),
            (with(r#","x":1,"x":2"#), Err("twice")),
            (with(r#","nbf":1,"nbf":1"#), Err("twice")),
            // A name that is written with an escape is the same name.
            (with(r#","e\u0078p":10"#), Err("twice")),
            (with(r#","nbf":"1""#), Err("malformed")),
            (with(r#","scope":["a"]"#), Err("malformed")),
            (with(r#","cnf":"x""#), Err("malformed")),
            (with(r#","status":{"status_list":{"idx":-1,"uri":"u"}}"#), Err("malformed")),
            (with("} {"), Err("malformed")),
            ("[]".to_owned(), Err("malformed")),
            (r#"{"sub":"s","aud":"a","exp":9}"#.to_owned(), Err("iss")),
            (r#"{"iss":"i","aud":"a","exp":9}"#.to_owned(), Err("sub")),
            (r#"{"iss":"i","sub":"s","exp":9}"#.to_owned(), Err("aud")),
            (r#"{"iss":"i","sub":"s","aud":"a"}"#.to_owned(), Err("exp")),
            (r#"{"iss":"i","sub":"s","aud":"a","exp":"9"}"#.to_owned(), Err("malformed")),
            (r#"{"iss":"i","sub":"s","aud":"a","exp":1e300}"#.to_owned(), Err("malformed")),
            (r#"{"iss":"i","sub":"s","aud":[1],"exp":9}"#.to_owned(), Err("malformed")),
        ] {
            assert_eq!(parsed(&json).map(drop), expected, "{json}");
        }
    }

    #[derive(Deserialize)]
    struct Mine {
        tier: String,
    }

    #[test]
    fn every_claim_is_found_again() {
        let claims = parsed(
            r#"{"iss":"i","sub":"c","aud":["a","b"],"exp":9.5,"iat":1,"client_id":"c","scope":"x y",
               "cnf":{"x5t#S256":"p"},"status":{"status_list":{"idx":7,"uri":"u"}},"tier":"gold"}"#,
        )
        .unwrap();
        assert_eq!((claims.exp, claims.iat, claims.aud.len()), (9, Some(1), 2));
        assert!(claims.has_scope("y") && !claims.has_scope("x y") && !claims.has_scope("z"));
        assert!(claims.is_of_a_client());
        assert_eq!(claims.cnf.as_ref().unwrap().x5t_s256.as_deref(), Some("p"));
        assert_eq!(claims.status.as_ref().unwrap().status_list.as_ref().unwrap().idx, 7);
        assert_eq!(claims.read_as::<Mine>().unwrap().tier, "gold");
    }
}
