//! Client authentication, RFC 6749 §2.3 and RFC 7523 §2.2. Only [`authenticate`] makes an
//! [`AuthenticatedClient`], so what needs one cannot be reached without it.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::Issuer;
use super::clients::Registered;
use super::error::{Refusal, Result, invalid_client, invalid_request};
use crate::domain::client::{AuthMethod, Client, ClientId, ClientKind};
use crate::domain::clock::from_millis;
use crate::domain::form::{self, Form};
use crate::domain::secret::{ClientSecret, Plain};
use crate::keys::foreign;
use crate::store::used_assertions;

/// The ways in which clients authenticate, for the metadata.
pub const AUTH_METHODS: &[AuthMethod] = &[
    AuthMethod::ClientSecretBasic,
    AuthMethod::ClientSecretPost,
    AuthMethod::PrivateKeyJwt,
    AuthMethod::None,
];

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// An assertion that is good for longer is refused: its `jti` would have to be kept for as long.
const MAX_ASSERTION_SECONDS: i64 = 600;
/// How far ahead of ours a client's clock may be.
const SKEW_SECONDS: i64 = 60;

/// A client that proved who it is, or a public one that said so.
#[derive(Clone, Debug)]
pub struct AuthenticatedClient(Arc<Registered>);

impl AuthenticatedClient {
    /// The client.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.0.client
    }

    /// The client, if it proved who it is.
    pub fn confidential(&self) -> Result<&Client, Refusal> {
        match self.0.client.kind {
            ClientKind::Confidential => Ok(&self.0.client),
            ClientKind::Public => Err(invalid_client()),
        }
    }
}

/// What a request says about its client.
enum Credentials<'a> {
    Basic { id: ClientId, secret: Plain<ClientSecret> },
    Post { id: ClientId, secret: Plain<ClientSecret> },
    Assertion { id: Option<ClientId>, assertion: &'a str },
    Nothing { id: ClientId },
}

/// Finds out which client asks.
pub async fn authenticate(
    issuer: &Issuer,
    authorization: &[&[u8]],
    form: &Form,
) -> Result<AuthenticatedClient> {
    let registered = match read(authorization, form)? {
        Credentials::Basic { id, secret } => {
            by_secret(issuer, &id, &secret, AuthMethod::ClientSecretBasic).await?
        }
        Credentials::Post { id, secret } => {
            by_secret(issuer, &id, &secret, AuthMethod::ClientSecretPost).await?
        }
        Credentials::Assertion { id, assertion } => {
            by_assertion(issuer, id.as_ref(), assertion).await?
        }
        Credentials::Nothing { id } => {
            let registered = issuer.clients.find(&id).await?.ok_or_else(invalid_client)?;
            if registered.client.auth_method != AuthMethod::None {
                return Err(invalid_client().into());
            }
            registered
        }
    };
    if !registered.client.is_enabled() {
        return Err(invalid_client().into());
    }
    Ok(AuthenticatedClient(registered))
}

/// The client that a request names, proven or not.
#[must_use]
pub fn named(authorization: &[&[u8]], form: &Form) -> Option<ClientId> {
    match read(authorization, form).ok()? {
        Credentials::Basic { id, .. }
        | Credentials::Post { id, .. }
        | Credentials::Nothing { id } => Some(id),
        Credentials::Assertion { id, assertion } => id.or_else(|| {
            let claimed: Assertion = foreign::unverified(assertion).ok()?;
            ClientId::parse(&claimed.sub)
        }),
    }
}

fn read<'a>(authorization: &[&[u8]], form: &'a Form) -> Result<Credentials<'a>, Refusal> {
    let id = match form.get("client_id") {
        Some(text) => Some(ClientId::parse(text).ok_or_else(invalid_client)?),
        None => None,
    };
    let secret = form.get("client_secret").map(Plain::presented);
    let assertion = form.get("client_assertion");
    match (authorization, secret, assertion) {
        ([header], None, None) => {
            let (named, secret) = basic(header)?;
            // RFC 6749 §2.3: the request names one client.
            if id.is_some_and(|id| id != named) {
                return Err(invalid_request("two clients are named"));
            }
            Ok(Credentials::Basic { id: named, secret })
        }
        ([], Some(secret), None) => {
            let id = id.ok_or_else(invalid_client)?;
            Ok(Credentials::Post { id, secret })
        }
        ([], None, Some(assertion)) => {
            if form.get("client_assertion_type") != Some(ASSERTION_TYPE) {
                return Err(invalid_client());
            }
            Ok(Credentials::Assertion { id, assertion })
        }
        ([], None, None) => Ok(Credentials::Nothing { id: id.ok_or_else(invalid_client)? }),
        // RFC 6749 §2.3: not more than one authentication method in each request.
        _ => Err(invalid_request("more than one way of client authentication")),
    }
}

/// RFC 7617 §2; RFC 6749 §2.3.1: each half is form-encoded before base64.
fn basic(header: &[u8]) -> Result<(ClientId, Plain<ClientSecret>), Refusal> {
    let text = std::str::from_utf8(header).map_err(|_| invalid_client())?;
    let (scheme, encoded) = text.split_once(' ').ok_or_else(invalid_client)?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(invalid_client());
    }
    let decoded = STANDARD.decode(encoded.trim_start()).map_err(|_| invalid_client())?;
    let decoded = Zeroizing::new(decoded);
    let colon = decoded.iter().position(|byte| *byte == b':').ok_or_else(invalid_client)?;
    let (id, secret) = decoded.split_at(colon);
    let secret = secret.strip_prefix(b":").unwrap_or_default();
    let id = form::decode(id).and_then(|id| ClientId::parse(&id)).ok_or_else(invalid_client)?;
    let secret = form::decode(secret).ok_or_else(invalid_client)?;
    Ok((id, Plain::presented(&secret)))
}

async fn by_secret(
    issuer: &Issuer,
    id: &ClientId,
    secret: &Plain<ClientSecret>,
    method: AuthMethod,
) -> Result<Arc<Registered>> {
    if let Some(registered) = issuer.clients.find(id).await?
        && knows(&registered.client, secret, method)
    {
        return Ok(registered);
    }
    // The secret may have been changed a moment ago by another process. An unknown client takes
    // the same way, so the time of the answer says nothing.
    match issuer.clients.look_up(id).await? {
        Some(registered) if knows(&registered.client, secret, method) => Ok(registered),
        _ => Err(invalid_client().into()),
    }
}

fn knows(client: &Client, secret: &Plain<ClientSecret>, method: AuthMethod) -> bool {
    let allowed = client.auth_method == method || client.auth_method == AuthMethod::ClientSecret;
    allowed && client.secret.is_some_and(|hash| hash.matches(secret))
}

/// RFC 7523 §3.
#[derive(Deserialize)]
struct Assertion {
    iss: String,
    sub: String,
    /// One string: an assertion for several servers could be replayed between them.
    aud: String,
    exp: f64,
    nbf: Option<f64>,
    iat: Option<f64>,
    jti: String,
}

async fn by_assertion(
    issuer: &Issuer,
    named: Option<&ClientId>,
    assertion: &str,
) -> Result<Arc<Registered>> {
    let claimed: Assertion = foreign::unverified(assertion).map_err(|_| invalid_client())?;
    let id = ClientId::parse(&claimed.sub).ok_or_else(invalid_client)?;
    let registered = issuer.clients.find(&id).await?.ok_or_else(invalid_client)?;
    if registered.client.auth_method != AuthMethod::PrivateKeyJwt {
        return Err(invalid_client().into());
    }
    let claims: Assertion = registered.keys.verify(assertion).map_err(|_| invalid_client())?;
    let now = issuer.clock.now();
    let seconds = now.timestamp();
    if !is_timely(&claims, seconds)
        || claims.iss != claims.sub
        || claims.sub != id.as_str()
        || claims.aud != issuer.url.as_str()
        || named.is_some_and(|named| *named != id)
        || claims.jti.is_empty()
    {
        return Err(invalid_client().into());
    }
    let mut hash = Sha256::new();
    hash.update(id.as_str().len().to_be_bytes());
    hash.update(id.as_str());
    hash.update(&claims.jti);
    let tx = issuer.store.begin(now).await?;
    let until = from_millis((seconds + MAX_ASSERTION_SECONDS + SKEW_SECONDS) * 1000);
    let fresh = used_assertions::remember(&tx, hash.finalize().into(), until).await?;
    tx.commit().await?;
    if fresh { Ok(registered) } else { Err(invalid_client().into()) }
}

#[expect(clippy::cast_precision_loss, reason = "seconds of this era fit")]
fn is_timely(claims: &Assertion, now: i64) -> bool {
    let in_reach = |instant: f64| instant <= (now + SKEW_SECONDS) as f64;
    claims.exp > now as f64
        && claims.exp <= (now + MAX_ASSERTION_SECONDS) as f64
        && claims.nbf.is_none_or(in_reach)
        && claims.iat.is_none_or(in_reach)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encode(text: &[u8]) -> Vec<u8> {
        format!("Basic {}", STANDARD.encode(text)).into_bytes()
    }

    #[test]
    fn rfc6749_2_3_1_each_half_is_form_decoded() {
        let (id, secret) = basic(&encode(b"a%3Ab+c:p%25q%2Br")).unwrap();
        assert_eq!((id.as_str(), secret.expose()), ("a:b c", "p%q+r"));
        let (id, secret) = basic(&encode(b"plain:se:cret")).unwrap();
        assert_eq!((id.as_str(), secret.expose()), ("plain", "se:cret"));
    }

    #[test]
    fn rfc7617_2_malformed_credentials_are_refused() {
        let headers = [
            b"Basic !!!".to_vec(),
            b"Basic".to_vec(),
            b"Bearer abc".to_vec(),
            encode(b"no-colon"),
            encode(b"\xff:x"),
            encode(b"a\0b:x"),
            encode(b":x"),
            encode(b"a%zz:x"),
        ];
        for header in headers {
            assert!(basic(&header).is_err(), "{:?}", String::from_utf8_lossy(&header));
        }
    }
}
