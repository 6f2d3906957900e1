//! Challenges: what an authenticator signs. A page carries the challenge to the browser, sealed and
//! bound to what it is for. It is valid for a short time and accepted once.

use std::fmt;

use chrono::{DateTime, Duration, Utc};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::relying_party::RelyingParty;
use crate::domain::clock;
use crate::domain::interaction::InteractionId;
use crate::domain::session::{BrowserId, SessionId};
use crate::domain::verdict::Fault;
use crate::store::{Tx, used_assertions};

/// How long a challenge is accepted.
pub const LIFE: Duration = Duration::minutes(5);

/// What a challenge is for. It is of no use for anything else.
#[derive(Clone, Copy, Debug)]
pub enum ChallengePurpose<'a> {
    /// Proving who one is, in this interaction and this browser.
    Proving(&'a InteractionId, &'a BrowserId),
    /// Adding a passkey to the account of this session.
    Adding(&'a SessionId),
    /// Making the passkey of an account that is made or recovered, in this interaction and this
    /// browser.
    Making(&'a InteractionId, &'a BrowserId),
}

impl fmt::Display for ChallengePurpose<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Proving(interaction, browser) => {
                write!(f, "proving {} {}", interaction.as_str(), browser.as_str())
            }
            Self::Adding(session) => write!(f, "adding {}", session.as_str()),
            Self::Making(interaction, browser) => {
                write!(f, "making {} {}", interaction.as_str(), browser.as_str())
            }
        }
    }
}

/// What a page hands to the browser, so that the browser asks an authenticator.
#[derive(Clone, Debug)]
pub struct PasskeyPrompt {
    /// The options for the browser, as JSON.
    pub options: String,
    /// The sealed challenge, which comes back with the answer.
    pub challenge: String,
    /// How long after the page was made the browser may still begin.
    pub begins_within: Duration,
}

/// What is sealed.
#[derive(Serialize, Deserialize)]
struct Sealed<S> {
    ends_at: i64,
    state: S,
}

/// A challenge that came back in time.
#[derive(Debug)]
pub(super) struct OpenedChallenge<S> {
    pub(super) state: S,
    pub(super) use_once: UseOnce,
}

/// The right to use a challenge once.
#[derive(Debug)]
pub(super) struct UseOnce {
    hash: [u8; 32],
    ends_at: DateTime<Utc>,
}

impl UseOnce {
    /// Uses the challenge; `false` when it was used before.
    pub(super) async fn count(&self, tx: &Tx) -> Result<bool, Fault> {
        used_assertions::remember(tx, self.hash, self.ends_at).await
    }
}

/// Why a challenge that came back is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BadChallenge {
    /// Its time is over.
    Late,
    /// We did not seal it, or for another purpose.
    Foreign,
}

impl RelyingParty {
    /// Prepares what a page hands to the browser. `more` replaces options of the library.
    pub(super) fn prompt<S: Serialize>(
        &self,
        purpose: ChallengePurpose<'_>,
        options: &impl Serialize,
        more: Map<String, Value>,
        state: S,
        (now, ends_at): (DateTime<Utc>, DateTime<Utc>),
    ) -> Result<PasskeyPrompt, Fault> {
        let unwritten = |error| Fault::internal("writing the options of a passkey", error);
        // Half of the time is for beginning, the other half for the person at the authenticator.
        let begins_within = (ends_at - now) / 2;
        let mut options = serde_json::to_value(options).map_err(unwritten)?;
        if let Value::Object(options) = &mut options {
            options.extend(more);
            options.insert("timeout".to_owned(), json!(begins_within.num_milliseconds()));
        }
        let sealed = Sealed { ends_at: ends_at.timestamp_millis(), state };
        let sealed = serde_json::to_vec(&sealed).map_err(unwritten)?;
        let challenge = self.key.seal(&purpose.to_string(), &sealed)?;
        Ok(PasskeyPrompt { options: options.to_string(), challenge, begins_within })
    }

    /// Opens a challenge that came back.
    pub(super) fn open<S: DeserializeOwned>(
        &self,
        purpose: ChallengePurpose<'_>,
        challenge: &str,
        now: DateTime<Utc>,
    ) -> Result<OpenedChallenge<S>, BadChallenge> {
        let opened = self.key.open(&purpose.to_string(), challenge).ok_or(BadChallenge::Foreign)?;
        let sealed: Sealed<S> =
            serde_json::from_slice(opened.expose()).map_err(|_| BadChallenge::Foreign)?;
        let ends_at = clock::from_millis(sealed.ends_at);
        if now >= ends_at {
            return Err(BadChallenge::Late);
        }
        let hash = [b"passkey challenge ", challenge.as_bytes()].concat();
        let use_once = UseOnce { hash: Sha256::digest(hash).into(), ends_at };
        Ok(OpenedChallenge { state: sealed.state, use_once })
    }
}

/// Passkeys as the options for the browser name them.
pub(super) fn descriptors<'a>(ids: impl Iterator<Item = &'a [u8]>) -> Value {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let one = |id| json!({ "type": "public-key", "id": URL_SAFE_NO_PAD.encode(id) });
    Value::Array(ids.map(one).collect())
}
