//! The keyring: the keys of this process, read and opened from the database, and read again at
//! intervals.

use std::collections::{BTreeSet, HashSet};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration as StdDuration;

use bytes::Bytes;
use chrono::{DateTime, Duration, Utc};
use jsonwebtoken::jwk::Jwk;

use super::factor_key;
use super::jws::PrivateKey;
use super::jwt::{SigningKey, Typ, Unverified, VerifyingKey, header, is_typ};
use super::mail_key;
use super::make::{self, Made, RSA_BITS, algorithm};
use super::ring::{self, Memory, Phase, Timing};
use super::rotation;
use super::seal::{Sealer, credential_name};
use super::subjects;
use super::webhook_secrets;
use crate::domain::audit::{Event, EventKind};
use crate::domain::client::{ClientId, TokenAlg};
use crate::domain::clock::Clock;
use crate::domain::verdict::Fault;
use crate::runtime::attempts::Attempts;
use crate::settings::kinds::{duration, one_of};
use crate::settings::{Collector, settings};
use crate::store::signing_keys::{self, StoredKey};
use crate::store::{Store, audit_events, clients, providers, resources, revocations};

settings! {
    /// When keys change.
    #[derive(Clone, Copy, Debug)]
    pub struct Schedule in "Signing keys", checked by Schedule::check {
        /// A signing key gets a successor at this age.
        pub rotation: Duration = duration("keys.rotation", Duration::days(90)),
        /// A new key is published for so long before it signs, so that verifiers know it by then.
        pub lead: Duration = duration("keys.publish_lead", Duration::hours(2)),
        /// Verifiers may cache the JWKS for so long. It must be less than `keys.publish_lead`.
        pub jwks_max_age: Duration = duration("keys.jwks_max_age", Duration::hours(1)),
        /// Each server looks at the keys in the database this often.
        pub reload: StdDuration = duration("keys.reload", StdDuration::from_secs(10)),
        /// The size of new RSA keys.
        pub rsa_bits: u32 = one_of("keys.rsa_bits", &RSA_BITS, 2048).unit("bits"),
    }
}

impl Schedule {
    fn check(&self, from: &mut Collector) {
        if self.jwks_max_age >= self.lead {
            let why = "must be longer than keys.jwks_max_age, or verifiers meet a key that they do not know yet";
            from.problem("keys.publish_lead", why);
        }
        if self.lead >= self.rotation {
            from.problem("keys.rotation", "must be longer than keys.publish_lead");
        }
    }
}

/// When keys are replaced, and how long they are kept.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// The age at which a signing key gets a successor.
    pub rotation: Duration,
    /// How long a key is published before it signs. It must be longer than verifiers cache the
    /// JWKS.
    pub lead: Duration,
    /// How long verifiers may cache the JWKS.
    pub jwks_max_age: Duration,
    /// How long a key is still needed after it has stopped to sign.
    pub memory: Memory,
    /// The size of new RSA keys.
    pub rsa_bits: u32,
}

/// The lead after `rotate --now`: the time in which every server publishes the key before any of
/// them signs with it.
const NOW: Duration = Duration::seconds(1);

/// The keys of this process.
#[derive(Debug)]
pub struct Keyring {
    store: Arc<Store>,
    clock: Clock,
    sealer: Sealer,
    policy: Policy,
    current: RwLock<Arc<Snapshot>>,
    reloading: Attempts,
    /// One first key is made at a time.
    creating: Attempts,
    /// When the keys were last read because of a token whose key is unknown.
    asked_at: std::sync::Mutex<Option<DateTime<Utc>>>,
    /// The keys made by a wrong clock that were already reported in the log.
    strays: std::sync::Mutex<BTreeSet<String>>,
}

#[derive(Clone, Debug)]
struct Key {
    stored: StoredKey,
    jwk: Jwk,
    verifying: VerifyingKey,
    signing: SigningKey,
}

/// The keys at one moment: the ones that sign, the published ones and the remembered ones.
#[derive(Debug)]
pub struct Snapshot {
    keys: Vec<Key>,
    phases: Vec<Phase>,
    until: DateTime<Utc>,
    /// The key that signs with each algorithm: so few that looking at each is the shortest way.
    signing: Vec<(TokenAlg, SigningKey)>,
    jwks: Bytes,
    etag: String,
    published_kids: Arc<[String]>,
}

impl Snapshot {
    fn new(keys: Vec<Key>, policy: &Policy, now: DateTime<Utc>) -> Result<Self, Fault> {
        let timings: Vec<Timing> = keys.iter().map(|key| timing(&key.stored)).collect();
        let view = ring::at(now, &timings, policy.memory);
        let of = |wanted: fn(Phase) -> bool| {
            keys.iter()
                .zip(&view.phases)
                .filter(move |(_, phase)| wanted(**phase))
                .map(|(key, _)| key)
        };
        let signing = of(|phase| phase == Phase::Signing)
            .map(|key| (key.stored.alg, key.signing.clone()))
            .collect();
        let order = ring::published(&timings, &view.phases);
        let published = || order.iter().filter_map(|place| keys.get(*place));
        let published_kids = published().map(|key| key.stored.kid.clone()).collect();
        let published: Vec<&Jwk> = published().map(|key| &key.jwk).collect();
        let jwks = serde_json::to_vec(&serde_json::json!({ "keys": published }))
            .map_err(|error| Fault::internal("writing the JWKS", error))?;
        let etag = format!("\"{}\"", make::left_half_hash(&String::from_utf8_lossy(&jwks)));
        let (phases, until, jwks) = (view.phases, view.until, jwks.into());
        Ok(Self { keys, phases, until, signing, jwks, etag, published_kids })
    }

    /// The JWK Set, RFC 7517 §5.
    #[must_use]
    pub fn jwks(&self) -> Bytes {
        self.jwks.clone()
    }

    /// The strong entity tag of the JWK Set.
    #[must_use]
    pub fn etag(&self) -> &str {
        &self.etag
    }

    /// The key that signs with this algorithm.
    pub fn signing(&self, alg: TokenAlg) -> Result<&SigningKey, Fault> {
        let found = self.signing.iter().find(|(of, _)| *of == alg);
        found
            .map(|(_, key)| key)
            .ok_or_else(|| Fault::internal("looking for a signing key", alg.as_str()))
    }

    /// The claims of a token that we signed, as long as its key is remembered, even if the key
    /// signs no more. The caller checks time, issuer and audience.
    pub fn verify<T>(&self, typ: Typ, token: &str) -> Result<T, Unverified>
    where
        T: serde::de::DeserializeOwned,
    {
        let header = header(token)?;
        let is_plain = || typ == Typ::AccessToken && is_typ(&header, Typ::PlainAccessToken);
        if !is_typ(&header, typ) && !is_plain() {
            return Err(Unverified);
        }
        let kid = header.kid.ok_or(Unverified)?;
        self.find(&kid).ok_or(Unverified)?.verifying.verify(token)
    }

    /// Whether tokens that this key signed are still accepted.
    #[must_use]
    pub fn remembers(&self, kid: &str) -> bool {
        self.find(kid).is_some()
    }

    /// Whether there is such a key, used or not.
    fn is_known(&self, kid: &str) -> bool {
        self.keys.iter().any(|key| key.stored.kid == kid)
    }

    /// Whether this key signed the token.
    #[must_use]
    pub fn has_signed(&self, kid: &str, token: &str) -> bool {
        let key = self.keys.iter().find(|key| key.stored.kid == kid);
        key.is_some_and(|key| key.verifying.verify::<serde_json::Value>(token).is_ok())
    }

    /// Until when a key is published; `None` if no other key is to follow it.
    #[must_use]
    pub fn published_until(&self, kid: &str, memory: Memory) -> Option<DateTime<Utc>> {
        let timings: Vec<Timing> = self.keys.iter().map(|key| timing(&key.stored)).collect();
        let key = self.keys.iter().find(|key| key.stored.kid == kid)?;
        ring::published_until(timing(&key.stored), &timings, memory)
    }

    /// The names of the published keys.
    #[must_use]
    pub fn published_kids(&self) -> &Arc<[String]> {
        &self.published_kids
    }

    fn find(&self, kid: &str) -> Option<&Key> {
        let mut known = self.keys.iter().zip(&self.phases);
        let (key, _) =
            known.find(|(key, phase)| key.stored.kid == kid && **phase != Phase::Forgotten)?;
        Some(key)
    }

    /// Every key and its phase, oldest first.
    pub fn list(&self) -> impl Iterator<Item = (&StoredKey, Phase)> {
        self.keys.iter().zip(&self.phases).map(|(key, phase)| (&key.stored, *phase))
    }
}

impl Keyring {
    /// Reads and opens the keys. It does not create any.
    pub async fn open(
        store: Arc<Store>,
        clock: Clock,
        sealer: Sealer,
        policy: Policy,
    ) -> Result<Self, Fault> {
        let stored = signing_keys::list_all(&*store).await?;
        let keys = open_all(&sealer, stored, &[])?;
        let snapshot = Snapshot::new(keys, &policy, clock.now())?;
        let current = RwLock::new(Arc::new(snapshot));
        Ok(Self {
            store,
            clock,
            sealer,
            policy,
            current,
            reloading: Attempts::default(),
            creating: Attempts::default(),
            asked_at: std::sync::Mutex::default(),
            strays: std::sync::Mutex::default(),
        })
    }

    /// The policy by which keys are replaced and kept.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The keys at this moment, from memory.
    pub fn snapshot(&self) -> Result<Arc<Snapshot>, Fault> {
        let current = Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner));
        let now = self.clock.now();
        if now < current.until {
            return Ok(current);
        }
        let next = Arc::new(Snapshot::new(current.keys.clone(), &self.policy, now)?);
        let mut slot = self.current.write().unwrap_or_else(PoisonError::into_inner);
        // If another task has read the keys meanwhile, its keys are newer than these.
        if Arc::ptr_eq(&slot, &current) {
            *slot = next;
        }
        Ok(Arc::clone(&slot))
    }

    /// Reads the keys again. Keys that are already open are not opened again.
    pub async fn reload(&self) -> Result<(), Fault> {
        // One reload at a time. Otherwise an older reading could overwrite a newer one.
        Box::pin(self.reloading.make(|| None, self.read_again())).await
    }

    async fn read_again(&self) -> Result<(), Fault> {
        let stored = signing_keys::list_all(&*self.store).await?;
        let before = self.snapshot()?;
        let keys = open_all(&self.sealer, stored, &before.keys)?;
        let snapshot = Arc::new(Snapshot::new(keys, &self.policy, self.clock.now())?);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = snapshot;
        Ok(())
    }

    /// Reads the keys again if the key of this token is unknown: another server may have made the first
    /// key of an algorithm a moment ago, which signs at once. Whoever makes tokens up causes one reading
    /// a second. `false` if nothing was read.
    pub async fn meet(&self, token: &str) -> Result<bool, Fault> {
        let kid = header(token).ok().and_then(|header| header.kid);
        let Some(kid) = kid else { return Ok(false) };
        if self.snapshot()?.is_known(&kid) || !self.may_ask() {
            return Ok(false);
        }
        self.reload().await?;
        Ok(true)
    }

    fn may_ask(&self) -> bool {
        let now = self.clock.now();
        let mut asked_at = self.asked_at.lock().unwrap_or_else(PoisonError::into_inner);
        let is_soon = asked_at.is_some_and(|asked| (now - asked).abs() < Duration::seconds(1));
        if !is_soon {
            *asked_at = Some(now);
        }
        !is_soon
    }

    /// The algorithms that have a key.
    pub fn algorithms(&self) -> Result<Vec<TokenAlg>, Fault> {
        let snapshot = self.snapshot()?;
        let has_key = |alg: &TokenAlg| snapshot.list().any(|(key, _)| key.alg == *alg);
        Ok(TokenAlg::ALL.iter().copied().filter(has_key).collect())
    }

    /// Creates the first key of each of these algorithms that has none. It signs at once: there is no
    /// other, and whoever verifies asks for a key that they do not know.
    pub async fn ensure(&self, algs: impl IntoIterator<Item = TokenAlg>) -> Result<(), Fault> {
        let current = self.snapshot()?;
        for alg in algs {
            if current.signing(alg).is_ok() {
                continue;
            }
            // Many requests may want it at once, and an RSA key takes long to make.
            let there = || self.snapshot().is_ok_and(|it| it.signing(alg).is_ok()).then_some(());
            Box::pin(self.creating.make(there, self.create_first(alg))).await?;
        }
        Ok(())
    }

    async fn create_first(&self, alg: TokenAlg) -> Result<(), Fault> {
        // Another server may have made it.
        self.reload().await?;
        if self.snapshot()?.signing(alg).is_err() {
            self.create(alg, self.next_generation(alg)?, |now| now).await?;
        }
        Ok(())
    }

    /// Creates the keys that are missing or due: the first key of each usual algorithm, and the
    /// successor of a key that has reached its age.
    pub async fn maintain(&self) -> Result<(), Fault> {
        for alg in TokenAlg::ALL {
            let now = self.clock.now();
            let newest = self.newest(*alg)?;
            if newest.is_none() && !TokenAlg::USUAL.contains(alg) {
                continue;
            }
            let lead = self.policy.lead;
            let due = newest.map(|newest| newest.signs_from + self.policy.rotation);
            if due.is_some_and(|due| now < due - lead) {
                continue;
            }
            let signs_from = move |now: DateTime<Utc>| due.map_or(now, |due| due.max(now + lead));
            self.create(*alg, self.next_generation(*alg)?, signs_from).await?;
        }
        Ok(())
    }

    /// Creates successors before they are due. They sign after the lead, or at once. An algorithm that
    /// has no key gets none.
    pub async fn rotate(&self, algs: &[TokenAlg], at_once: bool) -> Result<Vec<StoredKey>, Fault> {
        let lead = if at_once { NOW } else { self.policy.lead };
        let mut made = Vec::new();
        let have_keys = self.algorithms()?;
        for alg in algs.iter().filter(|alg| have_keys.contains(alg)) {
            let generation = self.next_generation(*alg)?;
            made.extend(self.create(*alg, generation, |now| now + lead).await?);
        }
        Ok(made)
    }

    /// Stores a key that was made elsewhere; `None` when it is already stored.
    pub async fn import(&self, made: &Made, at_once: bool) -> Result<Option<StoredKey>, Fault> {
        let lead = if at_once { NOW } else { self.policy.lead };
        let generation = self.next_generation(made.alg)?;
        self.insert(made, generation, self.clock.now() + lead, EventKind::KeyImported).await
    }

    /// Deletes a key for good: no token that it signed is accepted any more. `false` when there is
    /// no key with this `kid`.
    pub async fn drop_key(&self, kid: &str) -> Result<bool, Fault> {
        let signed = self.signed_lately(kid).await?;
        let tx = self.store.begin(self.clock.now()).await?;
        let dropped = signing_keys::delete(&tx, kid).await?;
        if dropped {
            revocations::key_dropped(&tx, kid, signed);
            audit_events::insert(&tx, &[Event::new(EventKind::KeyDropped).detail(kid)]).await?;
        }
        tx.commit().await?;
        self.reload().await?;
        Ok(dropped)
    }

    /// The algorithm of a key by which living tokens may be signed, and the clients whose tokens are
    /// signed by this algorithm, because they or a resource of theirs are registered for it.
    async fn signed_lately(&self, kid: &str) -> Result<Option<(TokenAlg, Vec<ClientId>)>, Fault> {
        let snapshot = self.snapshot()?;
        let mut keys = snapshot.list();
        let Some((key, _)) = keys.find(|(key, phase)| key.kid == kid && *phase <= Phase::Retiring)
        else {
            return Ok(None);
        };
        let every = clients::list_all(&*self.store).await?;
        let mut resources = resources::list_all(&*self.store).await?;
        resources.retain(|one| one.metadata.token_alg == Some(key.alg));
        let signed: HashSet<String> = resources.into_iter().map(|one| one.id).collect();
        let theirs = every.into_iter().filter(|client| {
            client.metadata.token_alg == key.alg
                || client.metadata.id_token_alg() == key.alg
                || client.metadata.audiences.iter().any(|audience| signed.contains(audience))
        });
        Ok(Some((key.alg, theirs.map(|client| client.id).collect())))
    }

    /// Seals every key under another master key. It also replaces the rotation key, if refresh
    /// tokens are to become invalid.
    pub async fn reseal(&self, next: &Sealer, ends_refresh_tokens: bool) -> Result<usize, Fault> {
        let tx = self.store.begin(self.clock.now()).await?;
        let stored = signing_keys::list_all(&tx).await?;
        for key in &stored {
            let private = open(&self.sealer, key)?;
            signing_keys::reseal(&tx, &key.kid, &next.seal(&key.kid, private.expose())?).await?;
        }
        for provider in providers::list_all(&tx).await? {
            let slug = &provider.slug;
            let name = credential_name(slug, &provider.metadata()?);
            let opened = self.sealer.open(&name, &provider.sealed_credential);
            let opened = opened.ok_or_else(|| {
                Fault::internal("opening a credential", format!("{slug} is sealed by another key"))
            })?;
            providers::reseal(&tx, slug, next.seal(&name, opened.expose())?).await?;
        }
        if ends_refresh_tokens {
            rotation::replace(&tx, next).await?;
        } else {
            rotation::reseal(&tx, &self.sealer, next).await?;
        }
        factor_key::reseal(&tx, &self.sealer, next).await?;
        mail_key::reseal(&tx, &self.sealer, next).await?;
        webhook_secrets::reseal(&tx, &self.sealer, next).await?;
        subjects::reseal(&tx, &self.sealer, next).await?;
        audit_events::insert(&tx, &[Event::new(EventKind::MasterKeyChanged)]).await?;
        tx.commit().await?;
        Ok(stored.len())
    }

    /// Deletes keys that are not needed any more.
    pub async fn housekeep(&self) -> Result<(), Fault> {
        let snapshot = self.snapshot()?;
        let forgotten = snapshot.list().filter(|(_, phase)| *phase == Phase::Forgotten);
        for (key, _) in forgotten {
            let tx = self.store.begin(self.clock.now()).await?;
            signing_keys::delete(&tx, &key.kid).await?;
            tx.commit().await?;
        }
        Ok(())
    }

    /// The newest key of an algorithm. A key that was made by a wrong clock does not count: to wait
    /// for it would stop the rotation.
    fn newest(&self, alg: TokenAlg) -> Result<Option<StoredKey>, Fault> {
        let (snapshot, now) = (self.snapshot()?, self.clock.now());
        let mut newest: Option<&StoredKey> = None;
        for (key, _) in snapshot.list().filter(|(key, _)| key.alg == alg) {
            if ring::is_stray(now, key.signs_from, self.policy.lead) {
                self.warn_of(key);
            } else if newest.is_none_or(|newest| order(newest) < order(key)) {
                newest = Some(key);
            }
        }
        Ok(newest.cloned())
    }

    fn warn_of(&self, stray: &StoredKey) {
        let mut known = self.strays.lock().unwrap_or_else(PoisonError::into_inner);
        if known.insert(stray.kid.clone()) {
            tracing::warn!(
                kid = stray.kid,
                signs_from = %stray.signs_from,
                "a key was made by a clock that was far ahead; it is not waited for. Drop it: mapae key drop"
            );
        }
    }

    fn next_generation(&self, alg: TokenAlg) -> Result<i64, Fault> {
        let snapshot = self.snapshot()?;
        let same = snapshot.list().map(|(key, _)| key).filter(|key| key.alg == alg);
        Ok(same.map(|key| key.generation + 1).max().unwrap_or_default())
    }

    async fn create(
        &self,
        alg: TokenAlg,
        generation: i64,
        signs_from: impl FnOnce(DateTime<Utc>) -> DateTime<Utc>,
    ) -> Result<Option<StoredKey>, Fault> {
        self.check_master_key()?;
        let bits = self.policy.rsa_bits;
        let made = tokio::task::spawn_blocking(move || make::generate(alg, bits))
            .await
            .map_err(|error| Fault::internal("making a key", error))??;
        // Making a key takes time, so the lead begins when the key can be published.
        let signs_from = signs_from(self.clock.now());
        self.insert(&made, generation, signs_from, EventKind::KeyCreated).await
    }

    /// Checks the master key: a server that keeps running while the master key changes must not
    /// seal under the old one.
    fn check_master_key(&self) -> Result<(), Fault> {
        let snapshot = self.snapshot()?;
        snapshot.list().try_for_each(|(key, _)| open(&self.sealer, key).map(drop))
    }

    async fn insert(
        &self,
        made: &Made,
        generation: i64,
        signs_from: DateTime<Utc>,
        kind: EventKind,
    ) -> Result<Option<StoredKey>, Fault> {
        let key = StoredKey {
            kid: made.kid.clone(),
            alg: made.alg,
            generation,
            created_at: self.clock.now(),
            signs_from,
            public_jwk: serde_json::to_string(&made.public_jwk)
                .map_err(|error| Fault::internal("writing a JWK", error))?,
            sealed_private: self.sealer.seal(&made.kid, made.private.expose())?,
        };
        let tx = self.store.begin(self.clock.now()).await?;
        let inserted = signing_keys::insert(&tx, &key).await?;
        if inserted {
            audit_events::insert(&tx, &[Event::new(kind).detail(&*key.kid)]).await?;
        }
        tx.commit().await?;
        self.reload().await?;
        Ok(inserted.then_some(key))
    }
}

fn timing(key: &StoredKey) -> Timing {
    Timing { alg: key.alg, signs_from: key.signs_from, generation: key.generation }
}

fn order(key: &StoredKey) -> (DateTime<Utc>, i64) {
    (key.signs_from, key.generation)
}

fn open_all(sealer: &Sealer, stored: Vec<StoredKey>, known: &[Key]) -> Result<Vec<Key>, Fault> {
    stored
        .into_iter()
        .map(|stored| match known.iter().find(|key| key.stored.kid == stored.kid) {
            Some(key) => Ok(Key { stored, ..key.clone() }),
            None => parse(sealer, stored),
        })
        .collect()
}

/// Whether the public key in the row belongs to the private one.
fn is_whole(stored: &StoredKey, made: &Made) -> bool {
    let of_row = serde_json::from_str::<Jwk>(&stored.public_jwk).ok();
    of_row.as_ref() == Some(&made.public_jwk)
}

/// Opens a key of the database and checks that its row is consistent. The error says why it is not.
pub fn inspect(sealer: &Sealer, stored: &StoredKey) -> Result<(), Fault> {
    let made = make::describe(stored.alg, open(sealer, stored)?)?;
    if is_whole(stored, &made) {
        Ok(())
    } else {
        let why = format!("the public half in the row of {} is not that of its key", stored.kid);
        Err(Fault::internal("comparing the halves of a signing key", why))
    }
}

/// Opens a key of the database. Its public key must belong to its private one, so that an attacker
/// who can write to the database cannot publish a key.
fn parse(sealer: &Sealer, stored: StoredKey) -> Result<Key, Fault> {
    let private = open(sealer, &stored)?;
    let kid = &stored.kid;
    let key = PrivateKey::parse(stored.alg, private.expose()).map_err(|rejected| {
        Fault::internal("parsing a signing key", format!("{kid}: {rejected}"))
    })?;
    let made = make::describe(stored.alg, private)?;
    if !is_whole(&stored, &made) {
        tracing::error!(
            kid = stored.kid,
            "the public half of a signing key was changed in the database; it is not used"
        );
    }
    let jwk = made.public_jwk;
    let verifying = VerifyingKey::from_jwk(&jwk, algorithm(stored.alg))
        .map_err(|error| Fault::internal("reading a JWK", error))?;
    let signing = SigningKey { kid: stored.kid.clone(), key: Arc::new(key) };
    Ok(Key { stored, jwk, verifying, signing })
}

fn open(sealer: &Sealer, key: &StoredKey) -> Result<crate::domain::secret::Secret<Vec<u8>>, Fault> {
    sealer.open(&key.kid, &key.sealed_private).ok_or_else(|| {
        let why = format!("the master key is not the one that sealed {}", key.kid);
        Fault::internal("opening a signing key", why)
    })
}
