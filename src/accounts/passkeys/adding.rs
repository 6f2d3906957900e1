//! Adding a passkey to an account (Web Authentication §7.1): to one that a person has, or to one
//! that they are making.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};
use uuid::Uuid;
use webauthn_rs::prelude::{
    AttestationFormat, Credential, ParsedAttestation, PasskeyRegistration,
    RegisterPublicKeyCredential,
};

use super::challenge::{
    BadChallenge, ChallengePurpose, OpenedChallenge, PasskeyPrompt, UseOnce, descriptors,
};
use super::relying_party::{RelyingParty, unfit};
use crate::domain::audit::{Event, EventKind, Origin};
use crate::domain::passkey::{Passkey, user_handle};
use crate::domain::user::UserId;
use crate::domain::verdict::{Error, Fault};
use crate::store::{Reader, Tx, audit_events, passkeys};

/// For whom a passkey is made.
#[derive(Clone, Copy, Debug)]
pub struct PasskeyOwner<'a> {
    /// The user.
    pub user: &'a UserId,
    /// The user name, which authenticators show in their lists.
    pub username: &'a str,
    /// The name of the person.
    pub name: &'a str,
    /// The passkeys that the account has: an authenticator that holds one makes no second one.
    pub has: &'a [Passkey],
}

/// A new passkey whose authenticator answered as it was asked.
#[derive(Debug)]
pub struct CreatedPasskey {
    id: Vec<u8>,
    credential: String,
    counter: u32,
    backed_up: bool,
    aaguid: Uuid,
    use_once: UseOnce,
}

/// Why no passkey is added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotAdded {
    /// The person took too long.
    Late,
    /// The answer of the authenticator is not what was asked for, or was sent before.
    Refused,
}

impl RelyingParty {
    /// Prepares the page on which a passkey is made. `service` is the name of this server for
    /// people.
    pub fn begin_adding(
        &self,
        purpose: ChallengePurpose<'_>,
        owner: PasskeyOwner<'_>,
        service: &str,
        (now, ends_at): (DateTime<Utc>, DateTime<Utc>),
    ) -> Result<PasskeyPrompt, Fault> {
        let handle = user_handle(owner.user);
        let (asked, state) = self
            .webauthn
            .start_passkey_registration(handle, owner.username, owner.name, None)
            .map_err(unfit)?;
        // The library does not ask for discoverable credentials. Without them nobody could sign in
        // without a user name.
        let selection = json!({
            "residentKey": "required", "requireResidentKey": true, "userVerification": "required",
        });
        let more = [
            ("rp", json!({ "id": self.id, "name": service })),
            ("authenticatorSelection", selection),
            ("excludeCredentials", descriptors(owner.has.iter().map(|one| one.id.as_slice()))),
        ];
        let more: Map<String, Value> =
            more.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        self.prompt(purpose, &asked.public_key, more, state, (now, ends_at))
    }

    /// Checks the answer of an authenticator.
    pub fn finish_adding(
        &self,
        purpose: ChallengePurpose<'_>,
        challenge: &str,
        answer: &str,
        now: DateTime<Utc>,
    ) -> Result<CreatedPasskey, Error<NotAdded>> {
        let opened = self.open::<PasskeyRegistration>(purpose, challenge, now);
        let OpenedChallenge { state, use_once } = opened.map_err(|bad| match bad {
            BadChallenge::Late => Error::Refused(NotAdded::Late),
            BadChallenge::Foreign => Error::Refused(NotAdded::Refused),
        })?;
        let refused = || Error::Refused(NotAdded::Refused);
        let answer: RegisterPublicKeyCredential =
            serde_json::from_str(answer).map_err(|_| refused())?;
        let made = self.webauthn.finish_passkey_registration(&answer, &state);
        let mut credential = Credential::from(made.map_err(|_| refused())?);
        // No attestation was asked for, so none is kept.
        credential.attestation = ParsedAttestation::default();
        credential.attestation_format = AttestationFormat::None;
        let aaguid = self.aaguid(&answer.response.attestation_object);
        let aaguid = aaguid.and_then(|bytes| Uuid::from_slice(bytes).ok()).unwrap_or_default();
        let written = serde_json::to_string(&credential)
            .map_err(|error| Fault::internal("writing a passkey", error))?;
        Ok(CreatedPasskey {
            id: credential.cred_id,
            credential: written,
            counter: credential.counter,
            backed_up: credential.backup_eligible,
            aaguid,
            use_once,
        })
    }
}

impl CreatedPasskey {
    /// Whether an account has this passkey already.
    pub async fn is_taken(&self, reader: &impl Reader) -> Result<bool, Fault> {
        Ok(passkeys::find(reader, &self.id).await?.is_some())
    }

    /// Adds the passkey to the account of this user.
    pub async fn keep(
        self,
        tx: &Tx,
        user: &UserId,
        origin: &Origin,
    ) -> Result<Passkey, Error<NotAdded>> {
        let passkey = self.spend(tx, user).await?;
        add(tx, &passkey, origin).await?;
        Ok(passkey)
    }

    /// Uses the challenge up. The passkey belongs to this user, and is not added yet.
    pub async fn spend(self, tx: &Tx, user: &UserId) -> Result<Passkey, Error<NotAdded>> {
        if !self.use_once.count(tx).await? {
            return Err(Error::Refused(NotAdded::Refused));
        }
        Ok(Passkey {
            id: self.id,
            user: user.clone(),
            credential: self.credential,
            counter: self.counter,
            backed_up: self.backed_up,
            aaguid: self.aaguid,
            name: None,
            created_at: tx.now(),
            used_at: None,
        })
    }
}

/// Adds a passkey to the account of its user.
pub async fn add(tx: &Tx, passkey: &Passkey, origin: &Origin) -> Result<(), Error<NotAdded>> {
    if !passkeys::insert(tx, passkey).await? {
        return Err(Error::Refused(NotAdded::Refused));
    }
    let event = Event::new(EventKind::PasskeyAdded).user(&passkey.user).from(origin);
    audit_events::insert(tx, &[event.detail(passkey.handle())]).await?;
    Ok(())
}
