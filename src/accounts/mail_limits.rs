//! Limits how many mails people can cause. Each limit is a number of slots: a mail takes a free
//! one, and it is free again after the time of the limit. So there are never more mails in any
//! such time, whenever it begins.
//!
//! There are two steps. [`MailLimits::admit`] knows only what was typed and where, so it does not
//! tell whether there is an account. [`MailLimits::allow`] counts the mails that really go to an
//! address; what it says is shown to nobody.

use chrono::Duration;
use sha2::{Digest, Sha256};

use crate::domain::mail_secret::MailPurpose;
use crate::domain::session::BrowserId;
use crate::domain::verdict::Fault;
use crate::settings::kinds::{duration, whole};
use crate::settings::{group, settings};
use crate::store::Tx;
use crate::store::throttles::{self, Key};

/// How many mails are sent in how much time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MailLimit {
    /// How many mails.
    pub mails: u32,
    /// In any time of this length.
    pub window: Duration,
}

settings! {
    /// The limits of mails that people ask for.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct MailLimits in "Mails that people ask for" {
        /// For one recipient.
        pub recipient: MailLimit = group(|from| MailLimit {
            mails: from.take(whole("throttle.mail.recipient.mails", 1..=100, 5).words(
                "So many mails go to one address in any time of `throttle.mail.recipient.window`. Beyond that the pages answer alike, and nothing is sent. Two fifths of them are kept for the recovery of an account, and a browser in which the account was proven before has as many more.",
            )),
            window: from.take(duration("throttle.mail.recipient.window", Duration::hours(1)).words(
                "The time in which so many mails go to one address.",
            )),
        }),
        /// For one client address.
        pub address: MailLimit = group(|from| MailLimit {
            mails: from.take(whole("throttle.mail.address.mails", 1..=1000, 20).words(
                "So many mails may be asked for from one client address (IPv6: /64) in any time of `throttle.mail.address.window`. Without `mail.url` so many accounts may be made from it.",
            )),
            window: from.take(duration("throttle.mail.address.window", Duration::hours(1)).words(
                "The time in which so many mails may be asked for from one client address.",
            )),
        }),
        /// The time in which the same browser gets no second mail to the same address.
        pub pause: Duration = duration("throttle.mail.pause", Duration::minutes(1)),
    }
}

/// Somebody who asks for a mail.
#[derive(Clone, Copy, Debug)]
pub struct AskedMail<'a> {
    /// What the mail is for.
    pub purpose: MailPurpose,
    /// The browser that asks.
    pub browser: &'a BrowserId,
    /// The canonical key of the name or the address that was typed.
    pub typed: &'a str,
    /// The client address: addresses of one network count as one.
    pub place: &'a str,
    /// The mark of the browser, if the account that was named was proven in it before.
    pub known: Option<&'a [u8]>,
}

/// A mail that would go to an address.
#[derive(Clone, Copy, Debug)]
pub struct MailTo<'a> {
    /// What the mail is for.
    pub purpose: MailPurpose,
    /// The canonical key of the address.
    pub address: &'a str,
    /// Whether an account has the address. Then some of the mails are kept for its recovery.
    pub is_held: bool,
    /// The mark of the browser that asks, if the account was proven in it before.
    pub known: Option<&'a [u8]>,
}

/// The slots of one limit.
struct Slots {
    keys: Vec<Key>,
    window: Duration,
}

impl Slots {
    fn new(parts: &[&[u8]], limit: MailLimit) -> Self {
        let keys = (0..limit.mails).map(|number| key(parts, number)).collect();
        Self { keys, window: limit.window }
    }
}

impl MailLimits {
    /// Whether this request for a mail counts. It is the same for every name, whether there is an
    /// account or not. A browser that is known to the account has slots of its own, which strangers
    /// cannot fill.
    pub async fn admit(&self, tx: &Tx, mail: AskedMail<'_>) -> Result<bool, Fault> {
        let AskedMail { purpose, browser, typed, place, known } = mail;
        let (purpose, typed) = (purpose.as_str().as_bytes(), typed.as_bytes());
        let pause = MailLimit { mails: 1, window: self.pause };
        let again: [&[u8]; 4] = [b"mail again", purpose, browser.as_str().as_bytes(), typed];
        let mut limits = vec![Slots::new(&again, pause)];
        if let Some(mark) = known {
            limits.push(Slots::new(&[b"mail in known browser", purpose, mark], self.recipient));
        } else {
            limits.push(Slots::new(&[b"mail for", purpose, typed], self.recipient));
            limits.push(Slots::new(&[b"mail from", place.as_bytes()], self.address));
        }
        take(tx, &limits).await
    }

    /// Whether this mail may be sent. If so, it counts from now on. The caller sends it in the same
    /// transaction.
    pub async fn allow(&self, tx: &Tx, mail: MailTo<'_>) -> Result<bool, Fault> {
        let MailTo { purpose, address, is_held, known } = mail;
        let MailLimit { mails, window } = self.recipient;
        let kept = mails * 2 / 5;
        // Anybody can ask for mails to an address. They must not use up what its owner needs to come
        // back to their account, so a recovery takes the last slots first.
        let numbers: Vec<u32> = match purpose {
            MailPurpose::Recovery => (0..mails).rev().collect(),
            _ if is_held => (0..mails - kept).collect(),
            _ => (0..mails).collect(),
        };
        let to: [&[u8]; 2] = [b"mail to", address.as_bytes()];
        let mut keys: Vec<_> = numbers.into_iter().map(|number| key(&to, number)).collect();
        if let Some(mark) = known {
            let own: [&[u8]; 2] = [b"mail to known browser", mark];
            keys.extend((0..kept.max(1)).map(|number| key(&own, number)));
        }
        take(tx, &[Slots { keys, window }]).await
    }

    /// Whether an account could be made now from this client address without a mail.
    pub async fn has_room_without_mail(&self, tx: &Tx, place: &str) -> Result<bool, Fault> {
        Ok(free(tx, &[self.without_mail(place)]).await?.is_some())
    }

    /// Whether an account may be made from this client address without a mail. If so, it counts
    /// like a mail.
    pub async fn allow_without_mail(&self, tx: &Tx, place: &str) -> Result<bool, Fault> {
        take(tx, &[self.without_mail(place)]).await
    }

    fn without_mail(&self, place: &str) -> Slots {
        Slots::new(&[b"mail from", place.as_bytes()], self.address)
    }
}

/// Takes a free slot of each limit, or none at all. The slots stay locked until the transaction
/// ends.
async fn take(tx: &Tx, limits: &[Slots]) -> Result<bool, Fault> {
    let Some(taken) = free(tx, limits).await? else { return Ok(false) };
    throttles::set(tx, &taken).await?;
    Ok(true)
}

/// A free slot of each limit, and for how long it is taken. `None` if a limit has none.
async fn free(tx: &Tx, limits: &[Slots]) -> Result<Option<Vec<(Key, i64)>>, Fault> {
    let every: Vec<_> = limits.iter().flat_map(|slots| &slots.keys).map(|key| (*key, 0)).collect();
    let left = throttles::pour(tx, &every).await?;
    let is_free = |key: &&Key| left.iter().any(|(known, left)| known == *key && *left <= 0);
    let free = limits.iter().map(|slots| {
        let free = slots.keys.iter().find(is_free);
        free.map(|key| (*key, slots.window.num_milliseconds()))
    });
    Ok(free.collect())
}

fn key(parts: &[&[u8]], number: u32) -> Key {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    hash.update(number.to_be_bytes());
    hash.finalize().into()
}
