//! `mapae key`.

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use clap::Subcommand;
use serde_json::{Value, json};

use super::installation::{DatabaseUse, Installation};
use super::output::{note, table, text_of};
use super::usage::usage;
use crate::admin::authority::May;
use crate::admin::keys::{self, DescribedKey, NextMasterKey};
use crate::app;
use crate::domain::client::TokenAlg;
use crate::domain::time_span::from_now;
use crate::domain::verdict::OrRejected;
use crate::keys::fetchers::Progress;
use crate::keys::ring::Phase;
use crate::keys::seal::MasterKeySource;
use crate::store::key_fetchers::KeyFetcher;

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
        #[arg(long, value_name = "RS256|ES256|PS256|EdDSA")]
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
    /// Who fetched the public keys, and who has not fetched the next one yet
    Fetchers,
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
            Self::List | Self::Fetchers | Self::ExportJwks => DatabaseUse::Reads,
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
            Self::List => list(at, &keys::list(&May::operator(), &keyring)?),
            Self::Fetchers => {
                let fetchers = keys::fetchers(&May::operator(), &store).await?;
                show_fetchers(
                    at,
                    &fetchers,
                    &keys::progress(&May::operator(), &keyring, &fetchers)?,
                );
            }
            Self::Rotate { now, alg } => {
                let fetchers = keys::fetchers(&May::operator(), &store).await?;
                warn(at, &keys::progress(&May::operator(), &keyring, &fetchers)?, alg);
                let made = keys::rotate(&May::operator(), &keyring, alg, now).await?;
                if now {
                    // The new keys sign before anybody can have fetched them.
                    warn(at, &keys::progress(&May::operator(), &keyring, &fetchers)?, alg);
                }
                let kids: Vec<Value> = made.iter().map(|key| described(key, None)).collect();
                let (settings, in_words) = settings_used(at);
                let words: Vec<_> = made
                    .iter()
                    .map(|key| {
                        format!("{} {} signs from {}", key.alg.as_str(), key.kid, key.signs_from)
                    })
                    .chain([in_words])
                    .collect();
                at.print(&json!({ "keys": kids, "settings": settings }), &words.join("\n"));
            }
            Self::Drop { kid } => {
                keys::drop(&May::operator(), &keyring, &kid).await?;
                at.done(&format!("dropped {kid}; nothing that it signed is accepted any more"));
            }
            Self::Import { file, now } => {
                let key = keys::import(&May::operator(), &keyring, &text_of(&file)?, now).await?;
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
                keys::rewrap(&May::operator(), &keyring, &master, next, end_refresh_tokens).await?;
                at.done("every key is sealed under the new master key: restart the servers");
            }
        }
        Ok(())
    }
}

/// The settings that say when keys sign and how large they are.
const OF_KEYS: [&str; 3] = ["keys.rotation", "keys.publish_lead", "keys.rsa_bits"];

/// Which of them made the keys, and where they come from. They are those of whoever runs the verb: a
/// server with another file or environment goes by its own.
fn settings_used(at: &Installation) -> (Value, String) {
    let mut used = at.load(&[]).shown;
    used.retain(|one| OF_KEYS.contains(&one.key.as_str()));
    let file = at.file().map(|file| file.display().to_string());
    let values: Vec<_> =
        used.iter().map(|one| format!("{} = {} ({})", one.key, one.value, one.source)).collect();
    let place = file.as_deref().unwrap_or("none");
    let words = format!(
        "made with {} (settings file: {place}); the servers go by the settings that they were started with",
        values.join(", ")
    );
    (json!({ "file": file, "in_force": used }), words)
}

fn show_fetchers(at: &Installation, fetchers: &[KeyFetcher], progress: &[Progress]) {
    let now = at.clock.now();
    let shown: Vec<Value> = fetchers
        .iter()
        .map(|one| json!({ "agent": one.agent, "kids": one.kids, "last": one.last_at }))
        .collect();
    let rows: Vec<_> = fetchers
        .iter()
        .map(|one| vec![one.agent.clone(), from_now(now, one.last_at), one.kids.join(" ")])
        .collect();
    let listed = match rows.as_slice() {
        [] => "nobody has fetched the keys in the last 30 days".to_owned(),
        some => table(&["AGENT", "LAST", "KIDS"], some),
    };
    let progress = progress.iter().map(|one| told(one, now));
    let words: Vec<_> = std::iter::once(listed).chain(progress).collect();
    at.print(&json!({ "fetchers": shown }), &words.join("\n"));
}

/// The most programs that are named in one line.
const NAMED: usize = 10;

fn told(progress: &Progress, now: DateTime<Utc>) -> String {
    let Progress { alg, signs, of, missing } = progress;
    let key = if *signs { "newest key, which signs" } else { "next key" };
    let named = missing.iter().take(NAMED);
    let named: Vec<_> =
        named.map(|one| format!("{} {}", one.agent, from_now(now, one.last_at))).collect();
    let more = match missing.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let named =
        if named.is_empty() { String::new() } else { format!(", {}{more}", named.join(", ")) };
    format!(
        "{}: {} of {of} fetched the {key}{named}",
        alg.as_str(),
        of.saturating_sub(missing.len())
    )
}

/// Warns of programs that will meet a key which they have not fetched.
fn warn(at: &Installation, progress: &[Progress], only: Option<TokenAlg>) {
    let concerned = progress.iter().filter(|one| only.is_none_or(|only| one.alg == only));
    for one in concerned.filter(|one| !one.missing.is_empty()) {
        let told = told(one, at.clock.now());
        note(&format!(
            "warning: {told}: until they fetch the keys again, they refuse tokens of a key that they do not know"
        ));
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
