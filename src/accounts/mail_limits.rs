//! Limits how many mails people can cause. Each limit is a number of slots: a mail takes a free
//! one, and it is free again after the time of the limit. So there are never more mails in any
//! such time, whenever it begins.

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
                "So many mails go to one address in any time of `throttle.mail.recipient.window`. Beyond that the pages answer alike, and nothing is sent.",
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

/// A mail that somebody asks for.
#[derive(Clone, Copy, Debug)]
pub struct AskedMail<'a> {
    /// What the mail is for.
    pub purpose: MailPurpose,
    /// The browser that asks.
    pub browser: &'a BrowserId,
    /// The canonical key of the address that it goes to.
    pub recipient: &'a str,
    /// The client address: addresses of one network count as one.
    pub place: &'a str,
}

/// The slots of one limit.
struct Slots {
    keys: Vec<Key>,
    window: Duration,
}

impl Slots {
    fn new(parts: &[&str], limit: MailLimit) -> Self {
        let keys = (0..limit.mails).map(|number| key(parts, number)).collect();
        Self { keys, window: limit.window }
    }
}

impl MailLimits {
    /// Whether this mail may be sent. If so, it counts from now on. The caller sends it in the same
    /// transaction.
    pub async fn allow(&self, tx: &Tx, mail: AskedMail<'_>) -> Result<bool, Fault> {
        let AskedMail { purpose, browser, recipient, place } = mail;
        let pause = MailLimit { mails: 1, window: self.pause };
        let again = ["mail again", purpose.as_str(), browser.as_str(), recipient];
        take(
            tx,
            &[
                Slots::new(&again, pause),
                Slots::new(&["mail to", recipient], self.recipient),
                Slots::new(&["mail from", place], self.address),
            ],
        )
        .await
    }

    /// Whether an account may be made from this client address without a mail. If so, it counts
    /// like a mail.
    pub async fn allow_without_mail(&self, tx: &Tx, place: &str) -> Result<bool, Fault> {
        take(tx, &[Slots::new(&["mail from", place], self.address)]).await
    }
}

/// Takes a free slot of each limit, or none at all. The slots stay locked until the transaction
/// ends.
async fn take(tx: &Tx, limits: &[Slots]) -> Result<bool, Fault> {
    let every: Vec<_> = limits.iter().flat_map(|slots| &slots.keys).map(|key| (*key, 0)).collect();
    let left = throttles::pour(tx, &every).await?;
    let is_free = |key: &&Key| left.iter().any(|(known, left)| known == *key && *left <= 0);
    let free = limits.iter().map(|slots| {
        let free = slots.keys.iter().find(is_free);
        free.map(|key| (*key, slots.window.num_milliseconds()))
    });
    let Some(taken) = free.collect::<Option<Vec<_>>>() else { return Ok(false) };
    throttles::set(tx, &taken).await?;
    Ok(true)
}

fn key(parts: &[&str], number: u32) -> Key {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    hash.update(number.to_be_bytes());
    hash.finalize().into()
}
