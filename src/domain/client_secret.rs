//! The secrets of a client. There may be several, so that an app changes from one to the next without
//! an outage.

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

use super::hex;
use super::secret::{ClientSecret, Hashed, Plain};

/// The most secrets of a client.
pub const MOST: usize = 10;

/// A secret as it is kept: its hash and its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeldSecret {
    /// The hash.
    pub hash: Hashed<ClientSecret>,
    /// When it was made; `None` if that was before secrets had a time.
    pub created_at: Option<DateTime<Utc>>,
    /// When it ends; `None`: it does not end by itself.
    pub expires_at: Option<DateTime<Utc>>,
}

impl HeldSecret {
    /// A new secret that does not end by itself.
    #[must_use]
    pub fn new(hash: Hashed<ClientSecret>, now: DateTime<Utc>) -> Self {
        Self { hash, created_at: Some(now), expires_at: None }
    }

    /// A short name for it. It is made from the hash, of which it shows nothing.
    #[must_use]
    pub fn id(&self) -> String {
        let digest = Sha256::digest(self.hash.to_stored());
        hex::lower(digest.get(..6).unwrap_or_default())
    }

    /// Whether it still counts.
    #[must_use]
    pub fn is_live(&self, now: DateTime<Utc>) -> bool {
        self.expires_at.is_none_or(|end| now < end)
    }
}

/// Whether one of these secrets is the presented one and still counts. All of them are compared, so
/// the time of the answer does not reveal which one it is.
#[must_use]
pub fn knows(held: &[HeldSecret], presented: &Plain<ClientSecret>, now: DateTime<Utc>) -> bool {
    let matches =
        |known: bool, one: &HeldSecret| known | (one.hash.matches(presented) & one.is_live(now));
    held.iter().fold(false, matches)
}

/// Adds a new secret. The others end at this instant, or at once if there is none. Those that have
/// ended are left out.
#[must_use]
pub fn rotated(
    held: &[HeldSecret],
    hash: Hashed<ClientSecret>,
    now: DateTime<Utc>,
    until: Option<DateTime<Utc>>,
) -> Vec<HeldSecret> {
    let ending = held.iter().filter(|one| one.is_live(now)).filter_map(|one| {
        let until = until?;
        Some(HeldSecret {
            expires_at: Some(one.expires_at.map_or(until, |end| end.min(until))),
            ..*one
        })
    });
    [HeldSecret::new(hash, now)].into_iter().chain(ending).collect()
}

#[cfg(test)]
mod tests {
    use chrono::Duration;

    use super::*;
    use crate::domain::clock::from_millis;

    #[test]
    fn an_overlap_never_makes_a_secret_live_longer() {
        let now = from_millis(1_000_000);
        let [first, second, third] = [(); 3].map(|()| Plain::generate());
        let (hour, day) = (Some(now + Duration::hours(1)), Some(now + Duration::days(1)));
        let held = rotated(&[], first.hashed(), now, day);
        let held = rotated(&held, second.hashed(), now, hour);
        let held = rotated(&held, third.hashed(), now, day);
        let ends: Vec<_> = held.iter().map(|one| one.expires_at).collect();
        assert_eq!(ends, [None, day, hour]);
        let known = |secret, at| knows(&held, secret, at);
        assert!([&first, &second, &third].iter().all(|one| known(one, now)));
        let later = now + Duration::hours(1);
        assert_eq!([&first, &second, &third].map(|one| known(one, later)), [false, true, true]);
        assert!(!known(&Plain::generate(), now));
        let held = rotated(&held, first.hashed(), now, None);
        assert_eq!(held.len(), 1);
        assert!(knows(&held, &first, now) && !knows(&held, &third, now));
        let mut ids: Vec<_> = [first, second, third]
            .iter()
            .map(|one| HeldSecret::new(one.hashed(), now).id())
            .collect();
        ids.dedup();
        assert!(ids.len() == 3 && ids.iter().all(|id| id.len() == 12));
    }
}
