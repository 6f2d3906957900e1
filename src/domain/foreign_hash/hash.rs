//! What is stored of a hash that another program made, and what it costs to check it.

use serde::{Deserialize, Serialize};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// A hash as it was read from another program's data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadHash {
    /// It is stored as it is.
    Strong(ForeignHash),
    /// It is so cheap to guess that it is stored only within an Argon2id hash.
    Weak(WeakHash),
}

/// Why a hash is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HashRefused {
    /// Its form is not known.
    #[error("the form of the password hash is not known")]
    Unknown,
    /// Its form is known, but it is not well formed.
    #[error("the password hash is damaged")]
    Damaged,
    /// A check would take too much memory or time.
    #[error("the password hash is too costly to check")]
    TooCostly,
}

/// A hash that is stored until its person signs in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignHash {
    /// How it is computed.
    pub scheme: Scheme,
    /// The salt.
    #[serde(with = "bytes")]
    pub salt: Vec<u8>,
    /// What comes out if the password is right.
    #[serde(with = "bytes")]
    pub output: Vec<u8>,
}

/// A hash that must not be stored as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WeakHash {
    /// How it is computed.
    pub scheme: WeakScheme,
    /// The salt.
    pub salt: Vec<u8>,
    /// What comes out if the password is right.
    pub output: Vec<u8>,
}

/// How a stored hash is computed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "snake_case")]
pub enum Scheme {
    /// bcrypt. The last byte of its output is not written by any program.
    Bcrypt {
        /// The binary logarithm of its rounds.
        cost: u32,
        /// Whether it is computed of the SHA-256 of the password in hexadecimal digits, as Django
        /// does, so that more than 72 bytes count.
        of_sha256: bool,
    },
    /// Argon2 (RFC 9106).
    Argon2 {
        /// Which one of the three.
        variant: Argon2Variant,
        /// The version: 16 or 19.
        version: u32,
        /// Memory in KiB.
        memory: u32,
        /// The passes over that memory.
        passes: u32,
        /// The degree of parallelism.
        lanes: u32,
    },
    /// scrypt (RFC 7914).
    Scrypt {
        /// The binary logarithm of N.
        log_n: u8,
        /// The block size.
        r: u32,
        /// The degree of parallelism.
        p: u32,
    },
    /// scrypt as Firebase uses it: its output is the key with which the signer key of the project is
    /// encrypted.
    FirebaseScrypt {
        /// The binary logarithm of N.
        log_n: u8,
        /// The block size.
        r: u32,
        /// What stands behind the salt in every hash of the project.
        #[serde(with = "bytes")]
        separator: Vec<u8>,
        /// The signer key of the project.
        #[serde(with = "bytes")]
        signer_key: Vec<u8>,
    },
    /// PBKDF2 (RFC 8018) with HMAC.
    Pbkdf2 {
        /// The hash function of the HMAC.
        digest: Digest,
        /// The iterations.
        rounds: u32,
    },
    /// Argon2id of the output of a weak hash.
    Wrapped {
        /// The weak hash.
        weak: WeakScheme,
        /// The salt of the weak hash.
        #[serde(with = "bytes")]
        weak_salt: Vec<u8>,
        /// Memory of Argon2id in KiB.
        memory: u32,
        /// The passes over that memory.
        passes: u32,
    },
}

/// One of the three kinds of Argon2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Argon2Variant {
    /// Argon2d.
    D,
    /// Argon2i.
    I,
    /// Argon2id.
    Id,
}

/// A hash function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "every one is the function of that name")]
pub enum Digest {
    Md5,
    Sha1,
    Sha256,
    Sha512,
}

impl Digest {
    /// How many bytes come out.
    #[must_use]
    pub fn bytes(self) -> usize {
        match self {
            Self::Md5 => 16,
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }
}

/// How a weak hash is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "snake_case")]
pub enum WeakScheme {
    /// The digest of the salt and the password, in this order: old Django.
    SaltFirst {
        /// The hash function.
        digest: Digest,
    },
    /// The digest of the password and the salt, in this order: LDAP.
    SaltLast {
        /// The hash function.
        digest: Digest,
    },
    /// SHA-256 of the salt and the password, applied 1024 times: Spring's `StandardPasswordEncoder`.
    Spring,
    /// MD5 again and again: phpass, of old PHP boards.
    Phpass {
        /// The binary logarithm of its rounds.
        log_rounds: u8,
    },
}

/// What a stored text begins with if the hash is foreign.
const MARK: &str = "foreign ";
/// The largest memory of one check.
const MEMORY: u64 = 128 * 1024 * 1024;
/// The longest time of one check on a machine of today, in nanoseconds.
const LONGEST: u64 = 3_000_000_000;
/// The longest salt, and the longest output.
const LENGTH: usize = 256;

impl ForeignHash {
    /// The text that is stored.
    #[must_use]
    pub fn stored(&self) -> String {
        // It has neither maps nor numbers that JSON cannot write.
        format!("{MARK}{}", serde_json::to_string(self).unwrap_or_default())
    }

    /// Reads a stored text. `None` if it is a hash of our own.
    #[must_use]
    pub fn of_stored(stored: &str) -> Option<Result<Self, HashRefused>> {
        let text = stored.strip_prefix(MARK)?;
        Some(serde_json::from_str(text).map_err(|_| HashRefused::Damaged))
    }

    /// About how long a check of this stored text takes on a machine of today, in nanoseconds.
    /// `None` if it is a hash of our own.
    #[must_use]
    pub fn work_of_stored(stored: &str) -> Option<u64> {
        Some(Self::of_stored(stored)?.map_or(0, |hash| hash.work()))
    }

    /// About how long a check takes on a machine of today, in nanoseconds. It compares hashes with
    /// each other; how long they take here is measured.
    #[must_use]
    pub fn work(&self) -> u64 {
        let pow = |exponent: u32| 1_u64.checked_shl(exponent).unwrap_or(u64::MAX);
        let argon2 = |memory: u32, passes: u32| u64::from(memory) * u64::from(passes) * 500;
        let scrypt = |log_n: u8, r: u32| pow(u32::from(log_n)).saturating_mul(u64::from(r)) * 350;
        match &self.scheme {
            Scheme::Bcrypt { cost, .. } => pow(*cost).saturating_mul(56_000),
            Scheme::Argon2 { memory, passes, .. } => argon2(*memory, *passes),
            Scheme::Scrypt { log_n, r, p } => scrypt(*log_n, *r).saturating_mul(u64::from(*p)),
            Scheme::FirebaseScrypt { log_n, r, .. } => scrypt(*log_n, *r),
            Scheme::Pbkdf2 { digest, rounds } => {
                let blocks = self.output.len().div_ceil(digest.bytes());
                let each = if *digest == Digest::Sha512 { 500 } else { 300 };
                u64::from(*rounds) * each * u64::try_from(blocks).unwrap_or(u64::MAX)
            }
            Scheme::Wrapped { weak, memory, passes, .. } => {
                let weak = match weak {
                    WeakScheme::SaltFirst { .. } | WeakScheme::SaltLast { .. } => 1_000,
                    WeakScheme::Spring => 300_000,
                    WeakScheme::Phpass { log_rounds } => pow(u32::from(*log_rounds)) * 200,
                };
                weak + argon2(*memory, *passes)
            }
        }
    }

    /// The hash, if a check of it is not too costly and its parameters make sense.
    pub fn checked(self) -> Result<Self, HashRefused> {
        let (salt, output) = (self.salt.len(), self.output.len());
        if salt > LENGTH || !(16..=LENGTH).contains(&output) {
            return Err(HashRefused::Damaged);
        }
        match &self.scheme {
            Scheme::Bcrypt { cost, .. } => {
                need(*cost >= 4 && salt == 16 && output == 23, HashRefused::Damaged)?;
                need(*cost <= 14, HashRefused::TooCostly)?;
            }
            Scheme::Argon2 { memory, passes, lanes, version, .. } => {
                let is_known = matches!(version, 0x10 | 0x13) && salt >= 8;
                let fits = *passes >= 1 && *lanes >= 1 && *memory >= lanes.saturating_mul(8);
                need(is_known && fits, HashRefused::Damaged)?;
                need(u64::from(*memory) * 1024 <= MEMORY && *lanes <= 64, HashRefused::TooCostly)?;
            }
            Scheme::Scrypt { log_n, r, p } => scrypt_fits(*log_n, *r, *p)?,
            Scheme::FirebaseScrypt { log_n, r, signer_key, .. } => {
                let is_whole = !signer_key.is_empty() && output == signer_key.len();
                need(is_whole, HashRefused::Damaged)?;
                scrypt_fits(*log_n, *r, 1)?;
            }
            Scheme::Pbkdf2 { digest, rounds } => {
                need(*rounds >= 1 && *digest != Digest::Md5, HashRefused::Damaged)?;
                need(*rounds <= 2_000_000, HashRefused::TooCostly)?;
            }
            Scheme::Wrapped { .. } => {}
        }
        need(self.work() <= LONGEST, HashRefused::TooCostly)?;
        Ok(self)
    }
}

fn scrypt_fits(log_n: u8, r: u32, p: u32) -> Result<(), HashRefused> {
    need(log_n >= 1 && r >= 1 && p >= 1, HashRefused::Damaged)?;
    need(log_n <= 24 && r <= 1024 && p <= 64, HashRefused::TooCostly)?;
    let memory = (128 * u64::from(r)) << log_n;
    need(memory <= MEMORY, HashRefused::TooCostly)
}

fn need(holds: bool, otherwise: HashRefused) -> Result<(), HashRefused> {
    if holds { Ok(()) } else { Err(otherwise) }
}

/// Bytes as Base64 in JSON.
mod bytes {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    use super::{Engine, STANDARD};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&STANDARD.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        STANDARD.decode(String::deserialize(from)?).map_err(D::Error::custom)
    }
}
