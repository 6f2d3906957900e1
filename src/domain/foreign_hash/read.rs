//! How other programs write password hashes.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::base64_text::base64;
use super::firebase::FirebaseConfig;
use super::hash::{
    Argon2Variant, Digest, ForeignHash, HashRefused, ReadHash, Scheme, WeakHash, WeakScheme,
};
use crate::domain::hex;

use HashRefused::{Damaged, Unknown};

const ANY_PADDING: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const BCRYPT: GeneralPurpose = GeneralPurpose::new(&alphabet::BCRYPT, ANY_PADDING);

/// Reads a hash that says itself how it is computed: the modular crypt format, Django's form, that
/// of LDAP, Spring's or that of phpass.
pub fn read(text: &str) -> Result<ReadHash, HashRefused> {
    let text = text.trim();
    if let Some(rest) = text.strip_prefix('{') {
        let (name, rest) = rest.split_once('}').ok_or(Damaged)?;
        return in_braces(name, rest);
    }
    match text.strip_prefix('$') {
        Some(rest) => {
            let (name, rest) = rest.split_once('$').ok_or(Unknown)?;
            modular(name, rest)
        }
        None => django(text),
    }
}

fn strong(scheme: Scheme, salt: Vec<u8>, output: Vec<u8>) -> Result<ReadHash, HashRefused> {
    ForeignHash { scheme, salt, output }.checked().map(ReadHash::Strong)
}

fn weak(scheme: WeakScheme, salt: Vec<u8>, output: Vec<u8>) -> ReadHash {
    ReadHash::Weak(WeakHash { scheme, salt, output })
}

/// `$name$rest`.
fn modular(name: &str, rest: &str) -> Result<ReadHash, HashRefused> {
    match name {
        "2a" | "2b" | "2y" => bcrypt(rest, false),
        "argon2d" => argon2(Argon2Variant::D, rest),
        "argon2i" => argon2(Argon2Variant::I, rest),
        "argon2id" => argon2(Argon2Variant::Id, rest),
        "scrypt" => scrypt(rest),
        "pbkdf2" => passlib_pbkdf2(Digest::Sha1, rest),
        "pbkdf2-sha256" => passlib_pbkdf2(Digest::Sha256, rest),
        "pbkdf2-sha512" => passlib_pbkdf2(Digest::Sha512, rest),
        "P" | "H" => phpass(rest),
        _ => Err(Unknown),
    }
}

/// `12$` and 53 characters: 22 of the salt, 31 of the output.
fn bcrypt(rest: &str, of_sha256: bool) -> Result<ReadHash, HashRefused> {
    let (cost, rest) = rest.split_once('$').ok_or(Damaged)?;
    let cost = cost.parse().map_err(|_| Damaged)?;
    let (salt, output) = rest.split_at_checked(22).ok_or(Damaged)?;
    let bytes = |text| BCRYPT.decode(text).map_err(|_| Damaged);
    strong(Scheme::Bcrypt { cost, of_sha256 }, bytes(salt)?, bytes(output)?)
}

/// `v=19$m=65536,t=3,p=4$salt$output`; without a version it is the first one.
fn argon2(variant: Argon2Variant, rest: &str) -> Result<ReadHash, HashRefused> {
    let (version, rest) = match rest.strip_prefix("v=") {
        Some(rest) => {
            let (version, rest) = rest.split_once('$').ok_or(Damaged)?;
            (version.parse().map_err(|_| Damaged)?, rest)
        }
        None => (0x10, rest),
    };
    let [parameters, salt, output] = parts(rest)?;
    let (mut memory, mut passes, mut lanes) = (None, None, None);
    for parameter in parameters.split(',') {
        let (name, value) = parameter.split_once('=').ok_or(Damaged)?;
        let value = || value.parse::<u32>().map_err(|_| Damaged);
        match name {
            "m" => memory = Some(value()?),
            "t" => passes = Some(value()?),
            "p" => lanes = Some(value()?),
            // A key or associated data.
            _ => return Err(Unknown),
        }
    }
    let scheme = Scheme::Argon2 {
        variant,
        version,
        memory: memory.ok_or(Damaged)?,
        passes: passes.ok_or(Damaged)?,
        lanes: lanes.ok_or(Damaged)?,
    };
    strong(scheme, base64(salt).ok_or(Damaged)?, base64(output).ok_or(Damaged)?)
}

/// `ln=16,r=8,p=1$salt$output`: Passlib and others.
fn scrypt(rest: &str) -> Result<ReadHash, HashRefused> {
    let [parameters, salt, output] = parts(rest)?;
    let (mut log_n, mut r, mut p) = (None, None, None);
    for parameter in parameters.split(',') {
        let (name, value) = parameter.split_once('=').ok_or(Damaged)?;
        let value: u32 = value.parse().map_err(|_| Damaged)?;
        match name {
            "ln" => log_n = u8::try_from(value).ok(),
            "r" => r = Some(value),
            "p" => p = Some(value),
            _ => return Err(Unknown),
        }
    }
    let (log_n, r, p) = (log_n.ok_or(Damaged)?, r.ok_or(Damaged)?, p.ok_or(Damaged)?);
    strong(
        Scheme::Scrypt { log_n, r, p },
        base64(salt).ok_or(Damaged)?,
        base64(output).ok_or(Damaged)?,
    )
}

/// `29000$salt$output`.
fn passlib_pbkdf2(digest: Digest, rest: &str) -> Result<ReadHash, HashRefused> {
    let [rounds, salt, output] = parts(rest)?;
    let rounds = rounds.parse().map_err(|_| Damaged)?;
    let (salt, output) = (base64(salt).ok_or(Damaged)?, base64(output).ok_or(Damaged)?);
    strong(Scheme::Pbkdf2 { digest, rounds }, salt, output)
}

/// The digits of phpass and of old `crypt`.
const ITOA64: &str = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// One digit for the rounds, eight of the salt, 22 of the output.
fn phpass(rest: &str) -> Result<ReadHash, HashRefused> {
    let mut digits = rest.chars();
    let rounds = digits.next().and_then(|digit| ITOA64.find(digit)).ok_or(Damaged)?;
    let log_rounds = u8::try_from(rounds).map_err(|_| Damaged)?;
    let (salt, output) = digits.as_str().split_at_checked(8).ok_or(Damaged)?;
    let output = of_digits(output).filter(|output| output.len() == 16).ok_or(Damaged)?;
    if log_rounds < 7 {
        return Err(Damaged);
    }
    if log_rounds > 20 {
        return Err(HashRefused::TooCostly);
    }
    Ok(weak(WeakScheme::Phpass { log_rounds }, salt.as_bytes().to_vec(), output))
}

/// Four digits are three bytes, the lowest ones first.
fn of_digits(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let digits: Option<Vec<usize>> = text.chars().map(|digit| ITOA64.find(digit)).collect();
    for group in digits?.chunks(4) {
        let value = group.iter().rev().fold(0_usize, |value, digit| value << 6 | digit);
        let whole = group.len() * 6 / 8;
        bytes.extend(value.to_le_bytes().iter().take(whole));
    }
    Some(bytes)
}

/// `name$…`, as Django writes it.
fn django(text: &str) -> Result<ReadHash, HashRefused> {
    let (name, rest) = text.split_once('$').ok_or(Unknown)?;
    match name {
        "pbkdf2_sha256" => django_pbkdf2(Digest::Sha256, rest),
        "pbkdf2_sha1" => django_pbkdf2(Digest::Sha1, rest),
        "argon2" => read(&format!("${rest}")),
        "bcrypt" => read(rest),
        "bcrypt_sha256" => {
            let rest = rest.strip_prefix("$2").and_then(|rest| rest.split_once('$'));
            bcrypt(rest.ok_or(Damaged)?.1, true)
        }
        "scrypt" => {
            let [n, salt, r, p, output] = five(rest)?;
            let n: u64 = n.parse().map_err(|_| Damaged)?;
            let log_n = u8::try_from(n.trailing_zeros()).map_err(|_| Damaged)?;
            if !n.is_power_of_two() {
                return Err(Damaged);
            }
            let number = |text: &str| text.parse().map_err(|_| Damaged);
            let scheme = Scheme::Scrypt { log_n, r: number(r)?, p: number(p)? };
            strong(scheme, salt.as_bytes().to_vec(), base64(output).ok_or(Damaged)?)
        }
        "md5" => django_weak(Digest::Md5, rest),
        "sha1" => django_weak(Digest::Sha1, rest),
        _ => Err(Unknown),
    }
}

fn django_pbkdf2(digest: Digest, rest: &str) -> Result<ReadHash, HashRefused> {
    let [rounds, salt, output] = parts(rest)?;
    let rounds = rounds.parse().map_err(|_| Damaged)?;
    let output = base64(output).ok_or(Damaged)?;
    strong(Scheme::Pbkdf2 { digest, rounds }, salt.as_bytes().to_vec(), output)
}

fn django_weak(digest: Digest, rest: &str) -> Result<ReadHash, HashRefused> {
    let (salt, output) = rest.split_once('$').ok_or(Damaged)?;
    let output = hex::read(output).filter(|output| output.len() == digest.bytes());
    let salt = salt.as_bytes().to_vec();
    Ok(weak(WeakScheme::SaltFirst { digest }, salt, output.ok_or(Damaged)?))
}

/// `{name}rest`: LDAP, and Spring's `DelegatingPasswordEncoder`.
fn in_braces(name: &str, rest: &str) -> Result<ReadHash, HashRefused> {
    match name {
        "SSHA" | "SHA" => ldap(Digest::Sha1, rest),
        "SSHA256" | "SHA256" => ldap(Digest::Sha256, rest),
        "SSHA512" | "SHA512" => ldap(Digest::Sha512, rest),
        "CRYPT" | "ldap" | "bcrypt" | "argon2" | "argon2@SpringSecurity_v5_8" => read(rest),
        "sha256" => {
            let all = hex::read(rest).filter(|all| all.len() == 40).ok_or(Damaged)?;
            let (salt, output) = all.split_at_checked(8).ok_or(Damaged)?;
            Ok(weak(WeakScheme::Spring, salt.to_vec(), output.to_vec()))
        }
        "pbkdf2" => spring_pbkdf2((Digest::Sha1, 185_000), 8, rest),
        "pbkdf2@SpringSecurity_v5_8" => spring_pbkdf2((Digest::Sha256, 310_000), 16, rest),
        "scrypt" | "scrypt@SpringSecurity_v5_8" => {
            let [parameters, salt, output] = parts(rest.strip_prefix('$').ok_or(Damaged)?)?;
            let parameters = u32::from_str_radix(parameters, 16).map_err(|_| Damaged)?;
            let scheme = Scheme::Scrypt {
                log_n: u8::try_from(parameters >> 16).map_err(|_| Damaged)?,
                r: parameters >> 8 & 0xff,
                p: parameters & 0xff,
            };
            strong(scheme, base64(salt).ok_or(Damaged)?, base64(output).ok_or(Damaged)?)
        }
        _ => Err(Unknown),
    }
}

/// The output, and behind it the salt.
fn ldap(digest: Digest, rest: &str) -> Result<ReadHash, HashRefused> {
    let all = base64(rest).ok_or(Damaged)?;
    let (output, salt) = all.split_at_checked(digest.bytes()).ok_or(Damaged)?;
    if salt.len() > 256 {
        return Err(Damaged);
    }
    Ok(weak(WeakScheme::SaltLast { digest }, salt.to_vec(), output.to_vec()))
}

fn spring_pbkdf2(
    (digest, rounds): (Digest, u32),
    salt: usize,
    rest: &str,
) -> Result<ReadHash, HashRefused> {
    let all = hex::read(rest).filter(|all| all.len() == salt + 32).ok_or(Damaged)?;
    let (salt, output) = all.split_at_checked(salt).ok_or(Damaged)?;
    strong(Scheme::Pbkdf2 { digest, rounds }, salt.to_vec(), output.to_vec())
}

/// PBKDF2 whose parts stand in fields of their own: Keycloak.
pub fn pbkdf2_by_parts(
    (digest, rounds): (Digest, u32),
    salt: &str,
    output: &str,
) -> Result<ReadHash, HashRefused> {
    let (salt, output) = (base64(salt).ok_or(Damaged)?, base64(output).ok_or(Damaged)?);
    strong(Scheme::Pbkdf2 { digest, rounds }, salt, output)
}

/// Argon2 whose parts stand in fields of their own: Keycloak.
pub fn argon2_by_parts(scheme: Scheme, salt: &str, output: &str) -> Result<ReadHash, HashRefused> {
    strong(scheme, base64(salt).ok_or(Damaged)?, base64(output).ok_or(Damaged)?)
}

/// A hash of Firebase, whose parameters are the same for all people of a project.
pub fn firebase(
    config: &FirebaseConfig,
    salt: &str,
    output: &str,
) -> Result<ReadHash, HashRefused> {
    let scheme = Scheme::FirebaseScrypt {
        log_n: config.mem_cost,
        r: config.rounds,
        separator: config.separator.clone(),
        signer_key: config.signer_key.clone(),
    };
    strong(scheme, base64(salt).ok_or(Damaged)?, base64(output).ok_or(Damaged)?)
}

fn parts(text: &str) -> Result<[&str; 3], HashRefused> {
    let parts: Vec<&str> = text.split('$').collect();
    parts.try_into().map_err(|_| Damaged)
}

fn five(text: &str) -> Result<[&str; 5], HashRefused> {
    let parts: Vec<&str> = text.split('$').collect();
    parts.try_into().map_err(|_| Damaged)
}
