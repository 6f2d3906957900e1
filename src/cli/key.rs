//! `mapae key`.

use std::path::PathBuf;

use clap::Subcommand;
use serde_json::{Value, json};

use super::installation::{Installation, Kind};
use super::outcome::{Outcome, usage};
use super::output::{table, text_of};
use crate::app;
use crate::domain::client::TokenAlg;
use crate::domain::verdict::{Rejected, reject};
use crate::keys::keyring::Keyring;
use crate::keys::make;
use crate::keys::ring::Phase;
use crate::keys::seal::{MasterKey, Sealer, Source};
use crate::store::signing_keys::Stored;

/// Signing keys.
#[derive(Debug, Subcommand)]
pub(super) enum Key {
    /// Every key and where it stands in its life
    List,
    /// Make successors; they are published now and sign after the lead
    Rotate {
        /// Let them sign within a second. The old keys stay published
        #[arg(long)]
        now: bool,
        /// Only this algorithm
        #[arg(long, value_name = "RS256|ES256")]
        alg: Option<TokenAlg>,
    },
    /// Drop a key for good: what it signed is refused from now on
    Drop {
        /// Its kid
        // One in so many begins with a hyphen.
        #[arg(allow_hyphen_values = true)]
        kid: String,
    },
    /// Take in a private key (PEM: RSA or P-256, in PKCS#8, PKCS#1 or SEC 1)
    Import {
        /// The file
        file: PathBuf,
        /// Let it sign within a second instead of after the lead
        #[arg(long)]
        now: bool,
    },
    /// Print the JWKS as it is published
    ExportJwks,
    /// Change the master key. Restart the servers afterwards
    Rewrap {
        /// The file of the new master key, where the key is given by file or environment
        #[arg(long, value_name = "FILE")]
        new_master_key_file: Option<PathBuf>,
        /// Make a new key for refresh tokens too: every one that was handed out is refused
        #[arg(long)]
        end_refresh_tokens: bool,
    },
}

impl Key {
    fn kind(&self) -> Kind {
        match self {
            Self::List | Self::ExportJwks => Kind::Reads,
            Self::Import { .. } => Kind::Adds,
            Self::Rotate { .. } | Self::Drop { .. } | Self::Rewrap { .. } => Kind::Changes,
        }
    }

    pub(super) async fn run(self, at: &Installation) -> Outcome {
        let settings = at.quiet_settings()?;
        let kind = self.kind();
        let store = at.store(&settings, kind).await?;
        let master = match kind {
            Kind::Reads => app::existing_master_key(&settings, &store).await?,
            Kind::Changes | Kind::Adds => app::master_key(&settings, &store).await?,
        };
        let keyring = app::open_keyring(&settings, &store, &at.clock, &master).await?;
        if kind != Kind::Reads {
            keyring.maintain().await?;
        }
        match self {
            Self::List => list(at, &keyring),
            Self::Rotate { now, alg } => {
                let algs = alg.map_or_else(|| TokenAlg::ALL.to_vec(), |alg| vec![alg]);
                let made = keyring.rotate(&algs, now).await?;
                let kids: Vec<Value> = made.iter().map(|key| described(key, None)).collect();
                let words: Vec<_> = made
                    .iter()
                    .map(|key| {
                        format!("{} {} signs from {}", key.alg.as_str(), key.kid, key.signs_from)
                    })
                    .collect();
                at.print(&json!({ "keys": kids }), &words.join("\n"));
                Ok(())
            }
            Self::Drop { kid } => drop_key(at, &keyring, &kid).await,
            Self::Import { file, now } => {
                let made = make::read_pem(&text_of(&file)?)?;
                match keyring.import(&made, now).await? {
                    Some(key) => {
                        let words = format!("imported {}, signs from {}", key.kid, key.signs_from);
                        at.print(&described(&key, None), &words);
                        Ok(())
                    }
                    None => reject("this key is here already"),
                }
            }
            Self::ExportJwks => {
                let jwks = keyring.snapshot()?.jwks();
                let jwks: Value = serde_json::from_slice(&jwks)
                    .map_err(|error| Rejected(format!("the JWKS cannot be read: {error}")))?;
                at.print(&jwks, &format!("{jwks:#}"));
                Ok(())
            }
            Self::Rewrap { new_master_key_file, end_refresh_tokens } => {
                let next = new_master_key_file;
                rewrap(at, &keyring, &settings.master_key, next, end_refresh_tokens).await
            }
        }
    }
}

fn list(at: &Installation, keyring: &Keyring) -> Outcome {
    let snapshot = keyring.snapshot()?;
    let keys: Vec<Value> =
        snapshot.list().map(|(key, phase)| described(key, Some(phase))).collect();
    let rows: Vec<_> = snapshot
        .list()
        .map(|(key, phase)| {
            vec![
                key.kid.clone(),
                key.alg.as_str().to_owned(),
                phase.as_str().to_owned(),
                key.signs_from.to_rfc3339(),
            ]
        })
        .collect();
    at.print(&json!({ "keys": keys }), &table(&["KID", "ALG", "PHASE", "SIGNS FROM"], &rows));
    Ok(())
}

fn described(key: &Stored, phase: Option<Phase>) -> Value {
    let mut described = json!({
        "kid": key.kid,
        "alg": key.alg.as_str(),
        "generation": key.generation,
        "created_at": key.created_at,
        "signs_from": key.signs_from,
    });
    if let (Some(phase), Some(members)) = (phase, described.as_object_mut()) {
        members.insert("phase".to_owned(), json!(phase.as_str()));
        members.insert("published".to_owned(), json!(phase.is_published()));
    }
    described
}

async fn drop_key(at: &Installation, keyring: &Keyring, kid: &str) -> Outcome {
    let snapshot = keyring.snapshot()?;
    let Some((key, phase)) = snapshot.list().find(|(key, _)| key.kid == kid) else {
        return reject(format!("there is no key {kid:?}"));
    };
    let is_next = |other: &Stored, phase| other.alg == key.alg && phase == Phase::Pending;
    if phase == Phase::Signing && !snapshot.list().any(|(other, phase)| is_next(other, phase)) {
        return reject("this key signs and none is to follow it: rotate --now first");
    }
    keyring.drop_key(kid).await?;
    at.done(&format!("dropped {kid}; nothing that it signed is accepted any more"));
    Ok(())
}

async fn rewrap(
    at: &Installation,
    keyring: &Keyring,
    source: &Source,
    new_file: Option<PathBuf>,
    ends_refresh_tokens: bool,
) -> Outcome {
    let load = |error: crate::keys::seal::NoMasterKey| Rejected(error.to_string());
    match (source, new_file) {
        (Source::Folder(folder), None) => {
            let next = MasterKey::generate();
            next.write_next(folder).map_err(load)?;
            keyring.reseal(&Sealer::new(&next)?, ends_refresh_tokens).await?;
            MasterKey::promote_next(folder).map_err(load)?;
        }
        (_, Some(file)) => {
            let next = MasterKey::load(&Source::File(file)).map_err(load)?;
            keyring.reseal(&Sealer::new(&next)?, ends_refresh_tokens).await?;
        }
        (Source::File(_) | Source::Text(_), None) => {
            return usage("--new-master-key-file names the new key here");
        }
    }
    at.done("every key is sealed under the new master key: restart the servers");
    Ok(())
}
