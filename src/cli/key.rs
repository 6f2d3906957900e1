//! `mapae key`.

use std::path::PathBuf;

use clap::Subcommand;
use serde_json::{Value, json};

use super::installation::{DatabaseUse, Installation};
use super::output::{table, text_of};
use super::usage::usage;
use crate::admin::keys::{self, DescribedKey, NextMasterKey};
use crate::app;
use crate::domain::client::TokenAlg;
use crate::domain::verdict::OrRejected;
use crate::keys::ring::Phase;
use crate::keys::seal::MasterKeySource;

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
        // Some kids begin with a hyphen.
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
    fn database_use(&self) -> DatabaseUse {
        match self {
            Self::List | Self::ExportJwks => DatabaseUse::Reads,
            Self::Import { .. } => DatabaseUse::Adds,
            Self::Rotate { .. } | Self::Drop { .. } | Self::Rewrap { .. } => DatabaseUse::Changes,
        }
    }

    pub(super) async fn run(self, at: &Installation) -> OrRejected {
        let settings = at.quiet_settings()?;
        let database_use = self.database_use();
        let store = at.store(&settings, database_use).await?;
        let master = match database_use {
            DatabaseUse::Reads => app::existing_master_key(&settings, &store).await?,
            DatabaseUse::Changes | DatabaseUse::Adds => app::master_key(&settings, &store).await?,
        };
        let keyring = app::open_keyring(&settings, &store, &at.clock, &master).await?;
        if database_use != DatabaseUse::Reads {
            keyring.maintain().await?;
        }
        match self {
            Self::List => list(at, &keys::list(&keyring)?),
            Self::Rotate { now, alg } => {
                let made = keys::rotate(&keyring, alg, now).await?;
                let kids: Vec<Value> = made.iter().map(|key| described(key, None)).collect();
                let words: Vec<_> = made
                    .iter()
                    .map(|key| {
                        format!("{} {} signs from {}", key.alg.as_str(), key.kid, key.signs_from)
                    })
                    .collect();
                at.print(&json!({ "keys": kids }), &words.join("\n"));
            }
            Self::Drop { kid } => {
                keys::drop(&keyring, &kid).await?;
                at.done(&format!("dropped {kid}; nothing that it signed is accepted any more"));
            }
            Self::Import { file, now } => {
                let key = keys::import(&keyring, &text_of(&file)?, now).await?;
                let words = format!("imported {}, signs from {}", key.kid, key.signs_from);
                at.print(&described(&key, None), &words);
            }
            Self::ExportJwks => {
                let jwks = keys::jwks(&keyring)?;
                at.print(&jwks, &format!("{jwks:#}"));
            }
            Self::Rewrap { new_master_key_file, end_refresh_tokens } => {
                let next = match (&settings.master_key, &new_master_key_file) {
                    (_, Some(file)) => NextMasterKey::File(file),
                    (MasterKeySource::Folder(folder), None) => NextMasterKey::In(folder),
                    (MasterKeySource::File(_) | MasterKeySource::Text(_), None) => {
                        return usage("give the new key by --new-master-key-file");
                    }
                };
                keys::rewrap(&keyring, next, end_refresh_tokens).await?;
                at.done("every key is sealed under the new master key: restart the servers");
            }
        }
        Ok(())
    }
}

fn list(at: &Installation, every: &[(DescribedKey, Phase)]) {
    let keys: Vec<Value> = every.iter().map(|(key, phase)| described(key, Some(*phase))).collect();
    let rows: Vec<_> = every
        .iter()
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
}

fn described(key: &DescribedKey, phase: Option<Phase>) -> Value {
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
