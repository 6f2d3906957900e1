//! What a request shows: a token, and perhaps the proof of a key.

use http::HeaderMap;
use http::header::AUTHORIZATION;

use crate::refusal::Refusal;

/// A token, and what came with it.
#[derive(Clone, Copy, Debug)]
pub struct Presented<'a> {
    pub(crate) token: &'a str,
    pub(crate) is_dpop: bool,
    pub(crate) proof: Option<Proof<'a>>,
    pub(crate) certificate: Option<&'a [u8]>,
}

/// A DPoP proof, and the request that it is for (RFC 9449 §4.3).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Proof<'a> {
    pub(crate) jwt: &'a str,
    pub(crate) method: &'a str,
    pub(crate) url: &'a str,
}

impl<'a> Presented<'a> {
    /// A token alone.
    #[must_use]
    pub fn bearer(token: &'a str) -> Self {
        Self { token, is_dpop: false, proof: None, certificate: None }
    }

    /// What the headers of a request show. `url` is the address of the request as its sender knows
    /// it, with the scheme and the host; a proof is made for it.
    ///
    /// A token in the query or in a form is not looked for (RFC 9700 §4.3.2).
    pub fn from_headers(
        headers: &'a HeaderMap,
        method: &'a http::Method,
        url: &'a str,
    ) -> Result<Self, Refusal> {
        // RFC 6750 §3.1: more than one way to send a token is an invalid request.
        let Some(value) = only(headers, AUTHORIZATION.as_str())? else {
            return Err(Refusal::NoToken);
        };
        let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
        let is_dpop = scheme.eq_ignore_ascii_case("dpop");
        if !is_dpop && !scheme.eq_ignore_ascii_case("bearer") {
            return Err(Refusal::NoToken);
        }
        let proof = only(headers, "dpop")?.filter(|_| is_dpop);
        let proof = proof.map(|jwt| Proof { jwt, method: method.as_str(), url });
        Ok(Self { token: token.trim_matches(' '), is_dpop, proof, certificate: None })
    }

    /// With the certificate (DER) that the client showed in the TLS handshake of this connection.
    #[must_use]
    pub fn with_certificate(self, der: Option<&'a [u8]>) -> Self {
        Self { certificate: der, ..self }
    }
}

fn only<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, Refusal> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(|_| Refusal::BadRequest),
        (Some(_), Some(_)) => Err(Refusal::BadRequest),
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue, Method};

    use super::*;

    #[test]
    fn rfc6750_2_1_where_a_token_is_found() {
        let read = |values: &[(&'static str, &'static str)]| {
            let one = |(name, value): &(&'static str, &'static str)| {
                (HeaderName::from_static(name), HeaderValue::from_static(value))
            };
            let mut headers = HeaderMap::new();
            for (name, value) in values.iter().map(one) {
                headers.append(name, value);
            }
            Presented::from_headers(&headers, &Method::GET, "https://a/").map(|shown| {
                (
                    shown.token.to_owned(),
                    shown.is_dpop,
                    shown.proof.map(|proof| proof.jwt.to_owned()),
                )
            })
        };
        let a = || "a".to_owned();
        for (headers, expected) in [
            (&[][..], Err(Refusal::NoToken)),
            (&[("authorization", "Basic a")], Err(Refusal::NoToken)),
            (&[("authorization", "bearer  a ")], Ok((a(), false, None))),
            (&[("authorization", "Bearer a"), ("dpop", "p")], Ok((a(), false, None))),
            (&[("authorization", "DPoP a"), ("dpop", "p")], Ok((a(), true, Some("p".to_owned())))),
            (&[("authorization", "DPoP a")], Ok((a(), true, None))),
            (
                &[("authorization", "Bearer a"), ("authorization", "Bearer b")],
                Err(Refusal::BadRequest),
            ),
            (
                &[("authorization", "DPoP a"), ("dpop", "p"), ("dpop", "q")],
                Err(Refusal::BadRequest),
            ),
        ] {
            assert_eq!(read(headers), expected, "{headers:?}");
        }
    }
}
