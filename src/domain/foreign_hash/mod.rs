//! Password hashes that other programs made. People who moved here sign in with them once; then
//! their password is hashed like every other. [`read()`] knows how other programs write hashes;
//! [`ForeignHash`] is what is stored until then.

mod base64_text;
mod firebase;
mod hash;
mod read;
#[cfg(test)]
mod tests;

pub use firebase::FirebaseConfig;
pub use hash::{
    Argon2Variant, Digest, ForeignHash, HashRefused, ReadHash, Scheme, WeakHash, WeakScheme,
};
pub use read::{argon2_by_parts, firebase, pbkdf2_by_parts, read};
