//! Passwords that are known from breaches of other services. Attackers try them first, so nobody
//! may choose one of them.
//!
//! A small list is compiled in. A larger one can be asked by range: the server sends five hex
//! digits of the SHA-1 of the password, gets the ends of all hashes that begin like this, and
//! compares them itself (k-anonymity). So the other server does not learn the password. If it
//! cannot be asked, the password counts as unknown.

use std::sync::Arc;
use std::time::Duration;

use sha1::{Digest, Sha1};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use url::Url;

use crate::domain::secret::Secret;
use crate::domain::{hex, request};
use crate::outbound::{Outbound, OutboundError};
use crate::settings::value_type::ValueType;
use crate::settings::{Setting, settings};

settings! {
    /// Where breached passwords are looked up.
    #[derive(Clone, Debug)]
    pub struct PasswordLists in "New passwords" {
        /// A list of breached passwords that is asked by range, beside the small one that is compiled
        /// in: Pwned Passwords (`https://api.pwnedpasswords.com/range/`) or a copy of it. The server
        /// gets `{range_url}{the first five hex digits of the SHA-1}`, never the password. A copy in
        /// your own network needs `outbound.allow_private`. If it does not answer within two seconds,
        /// the password is accepted.
        pub range_url: Option<String> = range_url(),
    }
}

fn range_url() -> Setting<Option<String>> {
    let parse = |text: &str| match Url::parse(text) {
        // The setting is shown, so it has no password.
        Ok(url)
            if ["https", "http"].contains(&url.scheme())
                && url.username().is_empty()
                && url.password().is_none() =>
        {
            Ok(Some(text.to_owned()))
        }
        _ => Err("is not a URL without a password, like https://api.pwnedpasswords.com/range/"
            .to_owned()),
    };
    let show = |url: &Option<String>| url.clone().unwrap_or_default();
    Setting::new("passwords.range_url", ValueType::Text("URL"), None, parse, show)
}

/// The list that is compiled in: passwords that occur often in breaches although the estimate of
/// their strength does not find them easy. One a line, in lower case.
const BUNDLED: &str = include_str!("breached_passwords.txt");
/// How many hex digits of a hash are sent.
const PREFIX: usize = 5;
/// The longest time that a password waits for the answer of the list.
const LONGEST: Duration = Duration::from_secs(2);
/// How many passwords may be looked up at once. Further ones count as unknown.
const AT_ONCE: usize = 32;

/// The lists of breached passwords. Without a range, only the bundled list is used.
#[derive(Clone, Debug, Default)]
pub struct BreachedPasswords {
    range: Option<Range>,
}

/// A list that is asked by range.
#[derive(Clone, Debug)]
struct Range {
    url: String,
    outbound: Outbound,
    calls: Arc<Semaphore>,
}

/// Why the list was not asked, or did not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum NoAnswer {
    #[error("too many passwords are looked up at once")]
    Busy,
    #[error("it took too long")]
    Late,
    #[error("it answered with status {0}")]
    Status(u16),
    #[error(transparent)]
    Outbound(#[from] OutboundError),
}

impl BreachedPasswords {
    /// The bundled list, and the one that the operator named.
    #[must_use]
    pub fn of(lists: &PasswordLists, outbound: &Outbound) -> Self {
        let range = lists.range_url.as_ref().map(|url| Range {
            url: url.clone(),
            outbound: outbound.clone(),
            calls: Arc::new(Semaphore::new(AT_ONCE)),
        });
        Self { range }
    }

    /// Whether this password, in the form that is hashed, is on one of the lists.
    pub async fn have(&self, password: &Secret<Vec<u8>>) -> bool {
        if is_bundled(password) {
            return true;
        }
        let Some(range) = &self.range else { return false };
        match range.has(password).await {
            Ok(found) => found,
            Err(error) => {
                tracing::warn!(%error, "a new password is accepted without the list of breached passwords");
                false
            }
        }
    }
}

fn is_bundled(password: &Secret<Vec<u8>>) -> bool {
    let text = Secret::new(String::from_utf8_lossy(password.expose()).to_lowercase());
    BUNDLED.lines().any(|line| line == text.expose())
}

impl Range {
    async fn has(&self, password: &Secret<Vec<u8>>) -> Result<bool, NoAnswer> {
        let _turn = self.calls.try_acquire().map_err(|_| NoAnswer::Busy)?;
        let hash = Secret::new(hex::lower(&Sha1::digest(password.expose())).to_uppercase());
        let (prefix, rest) = hash.expose().split_at_checked(PREFIX).unwrap_or_default();
        let asked = timeout(request::at_most(LONGEST), self.ask(prefix)).await;
        let listed = asked.unwrap_or(Err(NoAnswer::Late))?;
        Ok(lists(&listed, rest))
    }

    async fn ask(&self, prefix: &str) -> Result<Vec<u8>, NoAnswer> {
        // The padding hides from an observer, who sees the size of the answer, which range it is.
        let request = http::Request::get(format!("{}{prefix}", self.url))
            .header("Add-Padding", "true")
            .body(Vec::new())
            .map_err(|_| OutboundError::NotAllowed)?;
        let response = self.outbound.send(request).await?;
        match response.status().as_u16() {
            200 => Ok(response.into_body()),
            status => Err(NoAnswer::Status(status)),
        }
    }
}

/// Whether the answer of a range, lines of `rest of the hash:count`, has this rest. A count of 0 is
/// padding.
fn lists(answer: &[u8], rest: &str) -> bool {
    String::from_utf8_lossy(answer).lines().any(|line| {
        let (listed, count) = line.trim().split_once(':').unwrap_or((line.trim(), "1"));
        listed.eq_ignore_ascii_case(rest) && count.trim() != "0"
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::person::password_bytes;

    #[test]
    fn the_bundled_list_is_in_lower_case_and_has_no_line_twice() {
        let mut lines: Vec<_> = BUNDLED.lines().collect();
        assert!(lines.len() > 100 && lines.iter().all(|line| line.to_lowercase() == **line));
        assert!(lines.iter().all(|line| line.chars().count() >= 8 && line.trim() == *line));
        lines.sort_unstable();
        let all = lines.len();
        lines.dedup();
        assert_eq!(lines.len(), all);
        for (password, listed) in
            [("Dkssudgktpdy", true), ("QWER1234!@#$", true), ("seven green kettles 41", false)]
        {
            assert_eq!(is_bundled(&password_bytes(password).unwrap()), listed, "{password}");
        }
    }

    #[test]
    fn a_hash_is_listed_by_its_rest_and_padding_is_not() {
        // The SHA-1 of "password" is 5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8.
        let rest = "1E4C9B93F3F0682250B6CF8331B7EE68FD8";
        for (answer, listed) in [
            ("1E4C9B93F3F0682250B6CF8331B7EE68FD8:9545824", true),
            (
                "00000000000000000000000000000000000:3\r\n1e4c9b93f3f0682250b6cf8331b7ee68fd8:1\r\n",
                true,
            ),
            ("1E4C9B93F3F0682250B6CF8331B7EE68FD8", true),
            ("1E4C9B93F3F0682250B6CF8331B7EE68FD8:0", false),
            ("1E4C9B93F3F0682250B6CF8331B7EE68FD9:7", false),
            ("1E4C9B93F3F0682250B6CF8331B7EE68FD:7", false),
            ("<html>", false),
            ("", false),
        ] {
            assert_eq!(lists(answer.as_bytes(), rest), listed, "{answer}");
        }
        assert!(!lists(&[0xff, 0xfe, b'\n'], rest));
    }
}
