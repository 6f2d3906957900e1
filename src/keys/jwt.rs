//! Signing and verifying compact JWTs, RFC 7519 and RFC 8725.
//!
//! Nothing here reads a clock: the caller compares `exp` and `nbf` with its own instant.

use std::sync::Arc;

use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, DecodingKey, Header};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::jws::{PrivateKey, is_signed};
use crate::domain::verdict::Fault;
use crate::domain::{id_jag, jwt_type};

/// The explicit types of our tokens (RFC 8725 §3.11). Access tokens for verifiers that were written
/// before RFC 9068 have the same type as id tokens. Such an access token is told from an id token
/// by `client_id`, which every access token has and no id token has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Typ {
    /// RFC 9068 §2.1.
    AccessToken,
    /// An access token for verifiers that were written before RFC 9068.
    PlainAccessToken,
    /// OpenID Connect Core §2.
    IdToken,
    /// Back-Channel Logout §2.4.
    LogoutToken,
    /// Token Status List §5.1.
    StatusList,
    /// JARM §2.1, which has no type of its own.
    AuthorizationResponse,
    /// An answer of userinfo, OpenID Connect Core §5.3.2.
    Userinfo,
    /// An answer of introspection, RFC 9701 §5.
    Introspection,
    /// A grant for another authorization server, ID-JAG §3.1.
    IdJag,
}

impl Typ {
    fn as_str(self) -> &'static str {
        match self {
            Self::AccessToken => "at+jwt",
            Self::PlainAccessToken
            | Self::IdToken
            | Self::AuthorizationResponse
            | Self::Userinfo => "JWT",
            Self::LogoutToken => "logout+jwt",
            Self::StatusList => "statuslist+jwt",
            Self::Introspection => "token-introspection+jwt",
            Self::IdJag => id_jag::TYP,
        }
    }
}

/// A private key that signs under one `kid`.
#[derive(Clone, Debug)]
pub struct SigningKey {
    pub(super) kid: String,
    pub(super) key: Arc<PrivateKey>,
}

impl SigningKey {
    /// Its `kid`.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// Signs claims. This is work for the processor only, so never do it while a transaction is
    /// open.
    pub fn sign(&self, typ: Typ, claims: &impl Serialize) -> Result<String, Fault> {
        self.key.sign(&self.kid, typ.as_str(), claims)
    }
}

/// A public key that verifies signatures by one algorithm.
#[derive(Clone)]
pub struct VerifyingKey {
    alg: Algorithm,
    key: DecodingKey,
}

impl std::fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VerifyingKey").field("alg", &self.alg).finish_non_exhaustive()
    }
}

/// The error for a token whose signature is not valid or that is malformed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the token does not verify")]
pub struct Unverified;

impl VerifyingKey {
    /// The key of a JWK, for this algorithm only (RFC 8725 §3.1).
    pub fn from_jwk(jwk: &Jwk, alg: Algorithm) -> Result<Self, Unverified> {
        let key = DecodingKey::from_jwk(jwk).map_err(|_| Unverified)?;
        Ok(Self { alg, key })
    }

    /// Whether it verifies signatures of this algorithm.
    #[must_use]
    pub fn is_for(&self, alg: Algorithm) -> bool {
        self.alg == alg
    }

    /// Whether this key signed a token. The caller has read its header: the algorithm there is this one.
    #[must_use]
    pub fn has_signed(&self, token: &str) -> bool {
        let parts = token.rsplit_once('.');
        parts.is_some_and(|(signed, signature)| is_signed(signed, signature, &self.key, self.alg))
    }

    /// The claims of a token that this key signed. The caller checks time, issuer and audience.
    pub fn verify<T: DeserializeOwned>(&self, token: &str) -> Result<T, Unverified> {
        let by_it = jsonwebtoken::decode_header(token).is_ok_and(|header| header.alg == self.alg);
        if by_it && self.has_signed(token) { unverified(token) } else { Err(Unverified) }
    }
}

/// The header of a token that is not verified yet. Critical extensions (RFC 7515 §4.1.11) are
/// refused, since none is supported. Embedded keys and key URLs are ignored.
pub fn header(token: &str) -> Result<Header, Unverified> {
    let header = jsonwebtoken::decode_header(token).map_err(|_| Unverified)?;
    if header.crit.is_some() { Err(Unverified) } else { Ok(header) }
}

/// Whether the header has this type.
#[must_use]
pub fn is_typ(header: &Header, typ: Typ) -> bool {
    let wanted = jwt_type::plain(typ.as_str());
    header.typ.as_deref().is_some_and(|found| jwt_type::plain(found) == wanted)
}

/// Whether the header names one of these algorithms.
#[must_use]
pub fn is_signed_by(token: &str, algs: &[&str]) -> bool {
    let used = header(token).ok().map(|header| header.alg);
    let is_used = |alg: &&str| alg.parse::<Algorithm>().ok() == used;
    used.is_some() && algs.iter().any(is_used)
}

/// The claims of a token that is not verified yet. Use them only to find the keys that can verify
/// it.
pub fn unverified<T: DeserializeOwned>(token: &str) -> Result<T, Unverified> {
    jsonwebtoken::dangerous::insecure_decode(token)
        .map(|token| token.claims)
        .map_err(|_| Unverified)
}
