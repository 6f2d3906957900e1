//! The proof by which `mapae doctor` may ask a server how it sees a request: whoever has the master
//! key can make one, and it is good for two minutes.

use std::fmt;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};

use super::seal::{Label, MasterKey};
use crate::domain::verdict::Fault;

/// How far the clocks of the doctor and of the server may differ, in seconds.
const APART: u64 = 120;

/// Makes and checks these proofs.
#[derive(Clone)]
pub struct DoctorKey(hmac::Key);

impl fmt::Debug for DoctorKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DoctorKey(…)")
    }
}

impl DoctorKey {
    /// Derives the key from the master key.
    pub fn new(master: &MasterKey) -> Result<Self, Fault> {
        let key = master.derive(Label::Doctor)?;
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, key.expose())))
    }

    /// A proof that was made at this instant.
    #[must_use]
    pub fn proof(&self, now: DateTime<Utc>) -> String {
        let made = now.timestamp().to_string();
        let tag = hmac::sign(&self.0, made.as_bytes());
        format!("{made}.{}", URL_SAFE_NO_PAD.encode(tag))
    }

    /// Whether this proof is good now. It is compared in constant time.
    #[must_use]
    pub fn accepts(&self, proof: &str, now: DateTime<Utc>) -> bool {
        let Some((made, tag)) = proof.split_once('.') else { return false };
        let Ok(at) = made.parse::<i64>() else { return false };
        let Ok(tag) = URL_SAFE_NO_PAD.decode(tag) else { return false };
        at.abs_diff(now.timestamp()) <= APART
            && hmac::verify(&self.0, made.as_bytes(), &tag).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::clock::from_millis;

    #[test]
    fn a_proof_needs_the_same_master_key_and_the_same_minutes() {
        let (master, now) = (MasterKey::generate(), from_millis(1_790_000_000_000));
        let key = DoctorKey::new(&master).unwrap();
        let proof = key.proof(now);
        let later = |seconds| now + chrono::Duration::seconds(seconds);
        for (seconds, good) in [(0, true), (120, true), (-120, true), (121, false), (-121, false)] {
            assert_eq!(key.accepts(&proof, later(seconds)), good, "{seconds}");
        }
        assert!(!DoctorKey::new(&MasterKey::generate()).unwrap().accepts(&proof, now));
        let tag = proof.split_once('.').unwrap().1;
        let other = format!("{}.{tag}", now.timestamp() + 1);
        for bad in ["", ".", "x", &proof[..20], &other] {
            assert!(!key.accepts(bad, now), "{bad}");
        }
    }
}
