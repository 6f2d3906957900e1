//! Computes password hashes as other programs do.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use argon2::{Algorithm, Argon2, Block, ParamsBuilder, Version};
use aws_lc_rs::cipher::{AES_256, EncryptingKey, EncryptionContext, UnboundCipherKey};
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::pbkdf2;
use md5::Md5;
use sha1::{Digest as _, Sha1};
use sha2::{Digest as _, Sha256, Sha512};
use subtle::ConstantTimeEq;

use super::argon2_hash::{Cost, compute};
use crate::domain::foreign_hash::{
    Argon2Variant, Digest, ForeignHash, HashRefused, Scheme, WeakHash, WeakScheme,
};
use crate::domain::secret::Secret;
use crate::domain::verdict::Fault;
use crate::domain::{hex, random};

/// Whether this is the password of the hash.
pub(super) fn is_of(
    hash: &ForeignHash,
    password: &[u8],
    memory: &mut Vec<Block>,
) -> Result<bool, Fault> {
    let found = output(hash, password, memory)?;
    Ok(!password.is_empty() && bool::from(found.expose().ct_eq(&hash.output)))
}

/// The longest of a few checks of this stored hash with the longest password.
pub(super) fn longest_check(stored: &str, memory: &mut Vec<Block>) -> Result<Duration, Fault> {
    let Some(hash) = ForeignHash::of_stored(stored) else { return Ok(Duration::ZERO) };
    let hash = hash.map_err(|error: HashRefused| fault(error.to_string()))?;
    let mut longest = Duration::ZERO;
    for _ in 0..3 {
        let began = Instant::now();
        is_of(&hash, &[b'x'; 1024], memory)?;
        longest = longest.max(began.elapsed());
    }
    Ok(longest)
}

/// Puts a weak hash into an Argon2id hash of this cost.
pub(super) fn wrap(
    weak: WeakHash,
    cost: Cost,
    memory: &mut Vec<Block>,
) -> Result<ForeignHash, Fault> {
    let WeakHash { scheme, salt, output } = weak;
    let Cost { memory: kib, passes } = cost;
    let own = random::bytes::<16>();
    let outer = argon2id(kib, passes, (&output, &own), memory)?;
    let scheme = Scheme::Wrapped { weak: scheme, weak_salt: salt, memory: kib, passes };
    Ok(ForeignHash { scheme, salt: own.to_vec(), output: outer.expose().clone() })
}

fn argon2id(
    kib: u32,
    passes: u32,
    of: (&[u8], &[u8]),
    memory: &mut Vec<Block>,
) -> Result<Secret<Vec<u8>>, Fault> {
    let mut params = ParamsBuilder::new();
    let params = params.m_cost(kib).t_cost(passes).p_cost(1).build();
    let params = params.map_err(|error| fault(error.to_string()))?;
    let mut output = Secret::new(vec![0; 32]);
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    compute(&argon2, of, output.expose_mut(), memory)?;
    Ok(output)
}

fn fault(error: String) -> Fault {
    Fault::internal("checking a password hash of another program", error)
}

/// What comes out for this password.
fn output(
    hash: &ForeignHash,
    password: &[u8],
    memory: &mut Vec<Block>,
) -> Result<Secret<Vec<u8>>, Fault> {
    let ForeignHash { scheme, salt, output } = hash;
    let mut out = Secret::new(vec![0; output.len()]);
    match scheme {
        Scheme::Bcrypt { cost, of_sha256 } => return bcrypt(*cost, *of_sha256, salt, password),
        Scheme::Argon2 { variant, version, memory: kib, passes, lanes } => {
            let algorithm = match variant {
                Argon2Variant::D => Algorithm::Argon2d,
                Argon2Variant::I => Algorithm::Argon2i,
                Argon2Variant::Id => Algorithm::Argon2id,
            };
            let version = Version::try_from(*version).map_err(|error| fault(error.to_string()))?;
            let mut params = ParamsBuilder::new();
            let params = params.m_cost(*kib).t_cost(*passes).p_cost(*lanes).build();
            let params = params.map_err(|error| fault(error.to_string()))?;
            let argon2 = Argon2::new(algorithm, version, params);
            compute(&argon2, (password, salt), out.expose_mut(), memory)?;
        }
        Scheme::Scrypt { log_n, r, p } => {
            scrypt((*log_n, *r, *p), (password, salt), out.expose_mut())?;
        }
        Scheme::FirebaseScrypt { log_n, r, separator, signer_key } => {
            let salt = [salt.as_slice(), separator].concat();
            let mut key = Secret::new([0; 32]);
            scrypt((*log_n, *r, 1), (password, &salt), key.expose_mut())?;
            out = encrypted(key.expose(), signer_key)?;
        }
        Scheme::Pbkdf2 { digest, rounds } => {
            let algorithm = match digest {
                Digest::Sha1 => pbkdf2::PBKDF2_HMAC_SHA1,
                Digest::Sha256 => pbkdf2::PBKDF2_HMAC_SHA256,
                Digest::Sha512 => pbkdf2::PBKDF2_HMAC_SHA512,
                Digest::Md5 => return Err(fault("no PBKDF2 with MD5".to_owned())),
            };
            let rounds = NonZeroU32::new(*rounds).ok_or_else(|| fault("no rounds".to_owned()))?;
            pbkdf2::derive(algorithm, rounds, salt, password, out.expose_mut());
        }
        Scheme::Wrapped { weak, weak_salt, memory: kib, passes } => {
            let inner = weak_output(*weak, weak_salt, password);
            out = argon2id(*kib, *passes, (inner.expose(), salt), memory)?;
        }
    }
    Ok(out)
}

/// The bytes of a password that bcrypt reads, with the zero at its end.
const BCRYPT_READS: usize = 72;

fn bcrypt(
    cost: u32,
    of_sha256: bool,
    salt: &[u8],
    password: &[u8],
) -> Result<Secret<Vec<u8>>, Fault> {
    let mut read = Secret::new(if of_sha256 {
        hex::lower(&Sha256::digest(password)).into_bytes()
    } else {
        password.to_vec()
    });
    read.expose_mut().push(0);
    read.expose_mut().truncate(BCRYPT_READS);
    let salt = salt.try_into().map_err(|_| fault("a salt of another length".to_owned()))?;
    // The last byte is written by no program.
    let output = bcrypt::bcrypt(cost, salt, read.expose());
    Ok(Secret::new(output.iter().copied().take(23).collect()))
}

fn scrypt(
    (log_n, r, p): (u8, u32, u32),
    (password, salt): (&[u8], &[u8]),
    output: &mut [u8],
) -> Result<(), Fault> {
    let params = scrypt::Params::new(log_n, r, p).map_err(|error| fault(error.to_string()))?;
    scrypt::scrypt(password, salt, &params, output).map_err(|error| fault(error.to_string()))
}

/// AES-256 in counter mode, from zero on, as Firebase encrypts the signer key.
fn encrypted(key: &[u8], plain: &[u8]) -> Result<Secret<Vec<u8>>, Fault> {
    let failed = |_| fault("encrypting the signer key".to_owned());
    let key = UnboundCipherKey::new(&AES_256, key).map_err(failed)?;
    let key = EncryptingKey::ctr(key).map_err(failed)?;
    let mut text = Secret::new(plain.to_vec());
    let from_zero = EncryptionContext::Iv128(FixedLength::from([0; 16]));
    key.less_safe_encrypt(text.expose_mut(), from_zero).map_err(failed)?;
    Ok(text)
}

/// What comes out of a weak hash for this password.
fn weak_output(scheme: WeakScheme, salt: &[u8], password: &[u8]) -> Secret<Vec<u8>> {
    Secret::new(match scheme {
        WeakScheme::SaltFirst { digest } => digest_of(digest, &[salt, password]),
        WeakScheme::SaltLast { digest } => digest_of(digest, &[password, salt]),
        WeakScheme::Spring => {
            let first = digest_of(Digest::Sha256, &[salt, password]);
            (1..1024).fold(first, |value, _| digest_of(Digest::Sha256, &[&value]))
        }
        WeakScheme::Phpass { log_rounds } => {
            let first = digest_of(Digest::Md5, &[salt, password]);
            let rounds = 1_u32.checked_shl(u32::from(log_rounds)).unwrap_or(u32::MAX);
            (0..rounds).fold(first, |value, _| digest_of(Digest::Md5, &[&value, password]))
        }
    })
}

fn digest_of(digest: Digest, parts: &[&[u8]]) -> Vec<u8> {
    /// The digest of the parts, one after the other.
    macro_rules! of {
        ($function:ty) => {{
            let mut hash = <$function>::new();
            for part in parts {
                hash.update(part);
            }
            hash.finalize().to_vec()
        }};
    }
    match digest {
        Digest::Md5 => of!(Md5),
        Digest::Sha1 => of!(Sha1),
        Digest::Sha256 => of!(Sha256),
        Digest::Sha512 => of!(Sha512),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::foreign_hash::{FirebaseConfig, ReadHash, firebase, read};

    const CHEAP: Cost = Cost { memory: 64, passes: 1 };

    /// The hash of some data as it is stored and read again.
    fn stored(read: ReadHash) -> ForeignHash {
        let hash = match read {
            ReadHash::Strong(hash) => hash,
            ReadHash::Weak(weak) => wrap(weak, CHEAP, &mut Vec::new()).unwrap(),
        };
        let again = ForeignHash::of_stored(&hash.stored()).unwrap().unwrap();
        assert_eq!(again, hash);
        again
    }

    fn opens(hash: &ForeignHash, password: &str) -> bool {
        is_of(hash, password.as_bytes(), &mut Vec::new()).unwrap()
    }

    /// Hashes that the programs themselves made: `tests/import/make_fixtures.py`.
    #[test]
    fn hashes_of_django_passlib_and_others_are_of_their_password_alone() {
        let lines = include_str!("../../tests/import/hashes.tsv").lines();
        let mut seen = 0;
        for line in lines.filter(|line| !line.starts_with('#')) {
            let [name, password, hash] = line.split('\t').collect::<Vec<_>>()[..] else {
                panic!("{line}");
            };
            let hash = stored(read(hash).unwrap_or_else(|error| panic!("{name}: {error}")));
            assert!(opens(&hash, password), "{name}");
            for wrong in [format!("{password}x"), password.to_uppercase(), String::new()] {
                assert!(!opens(&hash, &wrong), "{name} {wrong:?}");
            }
            seen += 1;
        }
        assert!(seen > 20, "{seen}");
    }

    /// The example in the documentation of Firebase's own program.
    #[test]
    fn a_hash_of_firebase_needs_the_configuration_of_its_project() {
        let config = "hash_config {
          algorithm: SCRYPT,
          base64_signer_key: jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==,
          base64_salt_separator: Bw==,
          rounds: 8,
          mem_cost: 14,
        }";
        let config = FirebaseConfig::read(config).unwrap();
        let output = "lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ==";
        let read = firebase(&config, "42xEC+ixf3L2lw==", output).unwrap();
        let hash = stored(read);
        assert!(opens(&hash, "user1password"));
        assert!(!opens(&hash, "user2password"));
        let other = FirebaseConfig { separator: vec![8], ..config };
        assert!(!opens(
            &stored(firebase(&other, "42xEC+ixf3L2lw==", output).unwrap()),
            "user1password"
        ));
    }
}
