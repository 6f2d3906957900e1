//! Secrets. A value that must not be printed is a [`Secret`]. Of the secrets that we issue, a
//! [`Plain`] one can only be sent, and a [`Hashed`] one can only be stored.

use std::fmt;
use std::marker::PhantomData;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

use super::random;

/// A value that must not be printed. `Debug` shows nothing of it, so a type that contains one can
/// derive `Debug`. Its memory is overwritten when it is dropped, and two secrets are compared in
/// constant time. The value is read only by [`Secret::expose`].
#[derive(Clone, Default)]
pub struct Secret<T: Zeroize = String>(Zeroizing<T>);

impl<T: Zeroize> Secret<T> {
    /// Keeps a value.
    #[must_use]
    pub fn new(value: T) -> Self {
        Self(Zeroizing::new(value))
    }
}

impl<T: Zeroize> Secret<T> {
    /// The value. The name `expose` makes the places that reveal a secret easy to find.
    #[must_use]
    pub fn expose(&self) -> &T {
        &self.0
    }

    /// The value, to be filled or changed.
    #[must_use]
    pub fn expose_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl Secret {
    /// Keeps a text.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self::new(text.into())
    }
}

impl<T: Zeroize> From<T> for Secret<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T: Zeroize + AsRef<[u8]>> PartialEq for Secret<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_ref().ct_eq(other.0.as_ref()).into()
    }
}

impl<T: Zeroize + AsRef<[u8]>> Eq for Secret<T> {}

impl<T: Zeroize> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// A kind of secret. The prefix lets a search find a leaked one.
pub trait SecretKind {
    /// The prefix of every secret of this kind.
    const PREFIX: &'static str;
}

/// A refresh token, RFC 6749 §1.5.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RefreshToken;
impl SecretKind for RefreshToken {
    const PREFIX: &'static str = "mapae_rt_";
}

/// A client secret, RFC 6749 §2.3.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientSecret;
impl SecretKind for ClientSecret {
    const PREFIX: &'static str = "mapae_cs_";
}

/// An authorization code, RFC 6749 §1.3.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AuthorizationCode;
impl SecretKind for AuthorizationCode {
    const PREFIX: &'static str = "mapae_ac_";
}

/// What a device redeems when its person has allowed it, RFC 8628 §3.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeviceCode;
impl SecretKind for DeviceCode {
    const PREFIX: &'static str = "mapae_dc_";
}

/// What names a pushed authorization request, RFC 9126 §2.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PushedRequest;
impl SecretKind for PushedRequest {
    const PREFIX: &'static str = "mapae_pr_";
}

/// The cookie by which a browser proves that it is the same browser as before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BrowserToken;
impl SecretKind for BrowserToken {
    const PREFIX: &'static str = "mapae_bt_";
}

/// The `state` that a browser carries to a provider and back, RFC 6749 §4.1.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UpstreamState;
impl SecretKind for UpstreamState {
    const PREFIX: &'static str = "mapae_vs_";
}

/// What a first-party app keeps between two steps of a sign-in: `auth_session`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AuthSessionToken;
impl SecretKind for AuthSessionToken {
    const PREFIX: &'static str = "mapae_as_";
}

/// The token of a SCIM connector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ScimToken;
impl SecretKind for ScimToken {
    const PREFIX: &'static str = "mapae_st_";
}

/// What lets an app register itself, RFC 7591 §3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RegistrationToken;
impl SecretKind for RegistrationToken {
    const PREFIX: &'static str = "mapae_it_";
}

/// What an app that registered itself shows to read or change its registration, RFC 7592 §3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RegistrationAccessToken;
impl SecretKind for RegistrationAccessToken {
    const PREFIX: &'static str = "mapae_ra_";
}

/// The secret in a link that is sent by mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MailLink;
impl SecretKind for MailLink {
    const PREFIX: &'static str = "mapae_ml_";
}

/// A secret in the form in which it is sent: prefix and base64url.
pub struct Plain<K>(Secret<String>, PhantomData<K>);

impl<K: SecretKind> Plain<K> {
    /// A new random secret.
    #[must_use]
    pub fn generate() -> Self {
        Self::from_bytes(&random::bytes::<32>())
    }

    /// The secret that consists of these bytes.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let encoded = Secret::new(URL_SAFE_NO_PAD.encode(bytes));
        Self(Secret::new(format!("{}{}", K::PREFIX, encoded.expose())), PhantomData)
    }

    /// A secret that was presented to us. It may be any text: only its hash is compared.
    #[must_use]
    pub fn presented(text: &str) -> Self {
        Self(Secret::new(text.to_owned()), PhantomData)
    }

    /// The bytes of a secret of this kind; `None` for any other text.
    #[must_use]
    pub fn to_bytes(&self) -> Option<Secret<Vec<u8>>> {
        let encoded = self.0.expose().strip_prefix(K::PREFIX)?;
        URL_SAFE_NO_PAD.decode(encoded).ok().map(Secret::new)
    }

    /// Whether this text has the prefix of this kind of secret.
    #[must_use]
    pub fn is_meant(text: &str) -> bool {
        text.starts_with(K::PREFIX)
    }

    /// The form that is stored.
    #[must_use]
    pub fn hashed(&self) -> Hashed<K> {
        Hashed(Sha256::digest(self.0.expose().as_bytes()).into(), PhantomData)
    }

    /// The text to send. The name `expose` makes the places that reveal a secret easy to find.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl<K> Clone for Plain<K> {
    fn clone(&self) -> Self {
        Self(self.0.clone(), PhantomData)
    }
}

impl<K: SecretKind> fmt::Debug for Plain<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}…", K::PREFIX)
    }
}

/// The SHA-256 of a secret of 256 bits, from which the secret cannot be guessed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hashed<K>([u8; 32], PhantomData<K>);

impl<K> Hashed<K> {
    /// Reads the stored form back. `None` when it is not 32 bytes.
    #[must_use]
    pub fn from_stored(bytes: &[u8]) -> Option<Self> {
        Some(Self(bytes.try_into().ok()?, PhantomData))
    }

    /// The bytes to store.
    #[must_use]
    pub fn to_stored(self) -> Vec<u8> {
        self.0.to_vec()
    }
}

impl<K> Serialize for Hashed<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl<'de, K> Deserialize<'de> for Hashed<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(de::Error::custom)?;
        Self::from_stored(&bytes).ok_or_else(|| de::Error::custom("not a hash"))
    }
}

impl<K: SecretKind> Hashed<K> {
    /// Whether this is the hash of the presented secret, in constant time.
    #[must_use]
    pub fn matches(&self, presented: &Plain<K>) -> bool {
        self.0.ct_eq(&presented.hashed().0).into()
    }
}

impl<K: SecretKind> fmt::Debug for Hashed<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hashed({}…)", K::PREFIX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_matches_its_own_hash_alone() {
        let secret = Plain::<ClientSecret>::generate();
        assert!(secret.hashed().matches(&secret));
        assert!(!secret.hashed().matches(&Plain::generate()));
        assert!(secret.expose().starts_with("mapae_cs_"));
        assert_eq!(secret.expose().len(), "mapae_cs_".len() + 43);
    }

    #[test]
    fn debug_shows_no_secret() {
        let secret = Plain::<RefreshToken>::generate();
        assert_eq!(format!("{secret:?}"), "mapae_rt_…");
        assert_eq!(format!("{:?}", secret.hashed()), "Hashed(mapae_rt_…)");
    }

    #[test]
    fn nothing_shows_a_secret() {
        let secret = Secret::text("hush");
        assert_eq!(format!("{secret:?}"), "…");
        assert_eq!(format!("{:?}", Secret::new(vec![7_u8; 3])), "…");
        assert_eq!(secret, Secret::text("hush"));
        assert_ne!(secret, Secret::text("hush!"));
    }
}
