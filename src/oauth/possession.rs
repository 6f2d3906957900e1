//! Proof of possession at this server's own endpoints, RFC 9449: which proofs are taken, each of them
//! once, and where a nonce of this server is asked for.

use std::sync::Arc;
use std::time::Duration;

use crate::domain::clock::Clock;
use crate::domain::dpop::{REMEMBERED, Thumbprint, normal_uri};
use crate::domain::reason::Reason;
use crate::domain::urls::{self, Issuer};
use crate::domain::verdict::Fault;
use crate::keys::dpop::{Expected, KnownKeys, NonceKey, Proof, verify_proof};
use crate::keys::seal::MasterKey;
use crate::oauth::error::{Refusal, Result};
use crate::runtime::batch::{Batch, Bounds};
use crate::runtime::supervisor::Supervisor;
use crate::settings::kinds::flag;
use crate::settings::settings;
use crate::store::{Store, used_assertions};

settings! {
    /// How proofs of possession are taken.
    #[derive(Clone, Copy, Debug)]
    pub struct PossessionSettings in "Proofs of possession" {
        /// A proof (`DPoP`) must carry a nonce of this server, which is good for a minute: so nobody
        /// makes proofs in advance, and the clocks of apps do not matter. An app whose proof has none
        /// gets one in `DPoP-Nonce` with the answer `use_dpop_nonce`, and sends the request again.
        pub require_nonce: bool = flag("dpop.require_nonce", false),
    }
}

/// The header `DPoP` of a request: none, its one value, or why it cannot be read.
pub type Presented<'a> = Option<std::result::Result<&'a str, Reason>>;

/// The parts that check proofs are made of.
#[derive(Debug)]
pub struct PossessionParts<'a> {
    /// The issuer URL of this server.
    pub url: &'a Issuer,
    /// Where clients with certificates find it, if that is another address.
    pub mtls_url: Option<&'a Issuer>,
    /// The clock.
    pub clock: Clock,
    /// The database.
    pub store: Arc<Store>,
    /// How proofs are taken.
    pub settings: PossessionSettings,
}

/// Checks proofs of possession.
#[derive(Debug)]
pub struct Possession {
    token: Addresses,
    userinfo: Addresses,
    par: Addresses,
    challenge: Addresses,
    clock: Clock,
    nonces: NonceKey,
    known: KnownKeys,
    requires_nonce: bool,
    /// Writes down which proofs were used.
    used: Batch<[u8; 32], Result<bool, Fault>>,
}

/// The addresses of one endpoint, in the form of [`normal_uri`]: its own, and its alias for clients with
/// certificates (RFC 8705 §5).
#[derive(Debug)]
struct Addresses {
    own: String,
    alias: Option<String>,
}

const QUEUE: usize = 4096;
const DEADLINE: Duration = Duration::from_secs(3);

impl Possession {
    /// Starts the worker that writes down which proofs were used.
    pub fn start(
        supervisor: &Supervisor,
        parts: PossessionParts<'_>,
        master: &MasterKey,
    ) -> Result<Self, Fault> {
        let PossessionParts { url, mtls_url, clock, store, settings } = parts;
        let lanes = store.batches_at_once();
        let bounds = Bounds { name: "proofs", lanes, queue: QUEUE, deadline: DEADLINE };
        let by = clock.clone();
        let used = Batch::start(supervisor, bounds, move |proofs: Vec<[u8; 32]>| {
            let (store, clock) = (Arc::clone(&store), by.clone());
            async move { use_up(&store, &clock, &proofs).await }
        });
        let normal = |url: String| normal_uri(&url).unwrap_or(url);
        let address = |path| Addresses {
            own: normal(url.url(path)),
            alias: mtls_url.map(|url| normal(url.url(path))),
        };
        Ok(Self {
            token: address(urls::TOKEN),
            userinfo: address(urls::USERINFO),
            par: address(urls::PAR),
            challenge: address(urls::AUTHORIZE_CHALLENGE),
            clock,
            nonces: NonceKey::new(master)?,
            known: KnownKeys::default(),
            requires_nonce: settings.require_nonce,
            used,
        })
    }

    /// Checks the proof of a token request, if there is one. Nothing is used up yet.
    pub fn check_at_token(&self, presented: Presented<'_>) -> Result<Option<Proof>, Refusal> {
        self.check(presented, "POST", &self.token, None)
    }

    /// Checks the proof of a pushed request, RFC 9449 §10.1, if there is one.
    pub fn check_at_par(&self, presented: Presented<'_>) -> Result<Option<Proof>, Refusal> {
        self.check(presented, "POST", &self.par, None)
    }

    /// Checks the proof of a request to the challenge endpoint, if there is one.
    pub fn check_at_challenge(&self, presented: Presented<'_>) -> Result<Option<Proof>, Refusal> {
        self.check(presented, "POST", &self.challenge, None)
    }

    /// Checks the proof that comes with an access token to userinfo.
    pub fn check_at_userinfo(
        &self,
        presented: Presented<'_>,
        method: &str,
        access_token: &str,
    ) -> Result<Proof, Refusal> {
        let proof = self.check(presented, method, &self.userinfo, Some(access_token))?;
        proof.ok_or_else(|| Reason::DpopProofMissing.into())
    }

    fn check(
        &self,
        presented: Presented<'_>,
        method: &str,
        addresses: &Addresses,
        access_token: Option<&str>,
    ) -> Result<Option<Proof>, Refusal> {
        let Some(proof) = presented.transpose()? else { return Ok(None) };
        let nonces = self.requires_nonce.then_some(&self.nonces);
        let Addresses { own, alias } = addresses;
        let (alias, known) = (alias.as_deref(), &self.known);
        let expected = Expected { method, uri: own, alias, access_token, nonces, known };
        Ok(Some(verify_proof(proof, &expected, self.clock.now())?))
    }

    /// Uses a proof up: it counts once, at whichever replica.
    pub async fn use_up(&self, proof: &Proof) -> Result<()> {
        if self.used.ask(proof.once).await?? { Ok(()) } else { Err(Reason::DpopProofReused.into()) }
    }

    /// The nonce for the next proof, RFC 9449 §8.2, where proofs need one.
    #[must_use]
    pub fn nonce(&self) -> Option<String> {
        self.requires_nonce.then(|| self.nonces.nonce(self.clock.now()))
    }
}

/// The key to which a code is bound: the one that `dpop_jkt` names, or the one of the proof that came
/// with the request. RFC 9449 §10.1: if there are both, they are the same.
pub fn key_of_code(
    named: Option<Thumbprint>,
    proof: Option<&Proof>,
) -> Result<Option<Thumbprint>, Refusal> {
    match (named, proof) {
        (Some(named), Some(proof)) if named != proof.key => Err(Reason::DpopJktMismatch.into()),
        (named, proof) => Ok(named.or_else(|| proof.map(|proof| proof.key.clone()))),
    }
}

/// Writes down these proofs, and says of each whether it is new. Of two that are the same the first
/// one counts.
async fn use_up(store: &Store, clock: &Clock, proofs: &[[u8; 32]]) -> Vec<Result<bool, Fault>> {
    let written = async {
        let now = clock.now();
        let (used, end) = (proofs.to_vec(), now + REMEMBERED);
        let (tx, fresh) = used_assertions::begin_with_proofs(store, now, used, end).await?;
        tx.commit().await?;
        Ok::<_, Fault>(fresh)
    };
    match written.await {
        Ok(mut fresh) => proofs.iter().map(|proof| Ok(fresh.remove(proof))).collect(),
        Err(fault) => proofs.iter().map(|_| Err(fault.clone())).collect(),
    }
}
