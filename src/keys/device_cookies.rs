//! Known browsers: a browser in which an account was proven has a cookie that is bound to the
//! account. Failed guesses of strangers then do not lock the person out of the account in this
//! browser. A second cookie of the same form, under another key, says in which browsers a person
//! does not want to be asked for a second factor each time.
//!
//! Only this server can read from the cookie which accounts are known in the browser. The cookie
//! gives access to nothing, and it needs no row in the database (the "device cookies" of OWASP).

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Duration, Utc};

use crate::domain::random;
use crate::domain::verdict::Fault;
use crate::keys::seal::{Label, MasterKey};

/// How long a browser is known after the account was last proven in it.
pub const LIFE: Duration = Duration::days(180);

/// How long no second factor is asked for in a browser in which the person wished so.
pub const REMEMBERED: Duration = Duration::days(30);

/// The key that makes and reads the cookies of known browsers, or of remembered ones.
#[derive(Clone)]
pub struct DeviceCookieKey {
    key: hmac::Key,
    life: Duration,
}

impl std::fmt::Debug for DeviceCookieKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DeviceCookieKey(…)")
    }
}

/// The mark of one browser for one account. Another account has another mark in the same browser.
pub type Mark = [u8; MARK];

const MARK: usize = 16;
/// The bytes of the time at which it was proven: seconds since 1970, big-endian.
const SINCE: usize = 8;
/// The most accounts that are known in one browser. The one that was proven longest ago is removed
/// for a new one.
const MOST: usize = 6;

impl DeviceCookieKey {
    /// Derives the key for known browsers from the master key.
    pub fn known(master: &MasterKey) -> Result<Self, Fault> {
        Self::of(master, Label::KnownBrowsers, LIFE)
    }

    /// Derives the key for browsers in which no second factor is asked for.
    pub fn remembered(master: &MasterKey) -> Result<Self, Fault> {
        Self::of(master, Label::RememberedBrowsers, REMEMBERED)
    }

    fn of(master: &MasterKey, label: Label, life: Duration) -> Result<Self, Fault> {
        let key = master.derive(label)?;
        Ok(Self { key: hmac::Key::new(hmac::HMAC_SHA256, key.expose()), life })
    }

    /// The mark of this browser, if the account was proven in it.
    #[must_use]
    pub fn find(&self, presented: &str, account: &str, now: DateTime<Utc>) -> Option<Mark> {
        entries(presented).find_map(|entry| self.read(entry, account, now))
    }

    /// The new cookie value, which says that the account was proven in this browser at this
    /// instant.
    #[must_use]
    pub fn remember(&self, presented: &str, account: &str, now: DateTime<Utc>) -> String {
        // A second proof keeps the mark, so that it does not give the browser one more bucket.
        let mark = self.find(presented, account, now).unwrap_or_else(random::bytes);
        let head = [mark.as_slice(), &now.timestamp().to_be_bytes()].concat();
        let tag = hmac::sign(&self.key, &bound(&head, account));
        let first = URL_SAFE_NO_PAD.encode([head.as_slice(), tag.as_ref()].concat());
        let others = entries(presented).filter(|entry| self.read(entry, account, now).is_none());
        let every: Vec<&str> = std::iter::once(first.as_str()).chain(others).take(MOST).collect();
        every.join(".")
    }

    fn read(&self, entry: &str, account: &str, now: DateTime<Utc>) -> Option<Mark> {
        let bytes = URL_SAFE_NO_PAD.decode(entry).ok()?;
        let (head, tag) = bytes.split_at_checked(MARK + SINCE)?;
        hmac::verify(&self.key, &bound(head, account), tag).ok()?;
        let (mark, since) = head.split_at_checked(MARK)?;
        let since = DateTime::from_timestamp(i64::from_be_bytes(since.try_into().ok()?), 0)?;
        (now < since + self.life).then_some(mark.try_into().ok()?)
    }
}

fn bound(head: &[u8], account: &str) -> Vec<u8> {
    [head, account.as_bytes()].concat()
}

/// The entries of a cookie value. Entries beyond the largest number are ignored.
fn entries(presented: &str) -> impl Iterator<Item = &str> {
    presented.split('.').filter(|entry| !entry.is_empty() && entry.len() <= 128).take(MOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_is_known_to_the_accounts_that_were_proven_in_it_for_a_time() {
        let key = DeviceCookieKey::known(&MasterKey::generate()).unwrap();
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let (alice, bob) = ("alice", "bob");
        assert_eq!(key.find("", alice, now), None);
        let first = key.remember("", alice, now);
        let mark = key.find(&first, alice, now).unwrap();
        assert_eq!(key.find(&first, bob, now), None);
        let both = key.remember(&first, bob, now);
        assert_eq!(key.find(&both, alice, now), Some(mark));
        assert_ne!(key.find(&both, bob, now), Some(mark));
        assert!(!both.contains("alice") && !both.contains("bob"));
        // The same browser keeps its mark and is known for longer.
        let later = now + LIFE - Duration::seconds(1);
        let again = key.remember(&both, alice, later);
        assert_eq!(again.split('.').count(), 2);
        assert_eq!(key.find(&again, alice, now + LIFE), Some(mark));
        assert_eq!(key.find(&again, bob, now + LIFE + Duration::seconds(1)), None);
        // Later entries push out the first one.
        let crowded = (0..MOST).fold(again, |known, n| key.remember(&known, &n.to_string(), now));
        assert_eq!(crowded.split('.').count(), MOST);
        assert_eq!(key.find(&crowded, alice, now), None);
        assert!(key.find(&crowded, "0", now).is_some());
        let other = DeviceCookieKey::known(&MasterKey::generate()).unwrap();
        for bad in ["x", "....", &first[1..], &first[..first.len() - 2], &"A.".repeat(9000)] {
            assert_eq!(key.find(bad, alice, now), None, "{bad}");
            assert_eq!(key.remember(bad, alice, now).split('.').next().unwrap().len(), 75);
        }
        assert_eq!(other.find(&first, alice, now), None);
    }
}
