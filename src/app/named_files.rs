//! Tries the files that the settings name as a start does, for `mapae config check`: without the
//! database, and without calling anybody.

use std::sync::Arc;

use super::config::{Loaded, Settings};
use super::opening::{outbound, post};
use crate::domain::clock::Clock;
use crate::keys::authorities::Authorities;
use crate::keys::seal::{MasterKey, MasterKeySource};
use crate::net::tls::{Tls, TlsListener};
use crate::pages::Look;
use crate::redis_client::Redis;
use crate::settings::SettingProblem;

/// What is wrong inside files that can be read; [`Loaded::files`] names those that cannot.
pub async fn unusable(loaded: &Loaded, clock: &Clock) -> Vec<SettingProblem> {
    let settings = &loaded.as_read;
    let mut wrong: Vec<String> = master_key(settings).into_iter().collect();
    wrong.extend(certificates(settings, clock).await);
    wrong.extend(outbound(settings).err().map(|error| error.to_string()));
    wrong.extend(redis(settings));
    wrong.extend(post(settings, Arc::new(Look::builtin())).err().map(|error| error.to_string()));
    wrong.extend(branding(settings));
    let mut problems: Vec<SettingProblem> = Vec::new();
    for text in wrong {
        let problem = of_setting(loaded, &text);
        let is_said = |known: &SettingProblem| known.key == problem.key;
        // Several parts read the same authorities, and each has words of its own.
        let is_repeated = problem.key == CA_FILE && problems.iter().any(is_said);
        if !is_repeated && !loaded.files.iter().any(is_said) {
            problems.push(problem);
        }
    }
    problems
}

const CA_FILE: &str = "outbound.ca_file";

/// The problem of a text that begins with the setting.
fn of_setting(loaded: &Loaded, text: &str) -> SettingProblem {
    let (key, problem) = text.split_once(": ").unwrap_or((text, ""));
    let (key, problem) = (key.to_owned(), problem.to_owned());
    match loaded.named.iter().find(|named| named.key == key) {
        Some(named) => named.problem(problem),
        None => SettingProblem { key, problem, from: None },
    }
}

/// The master key. One that is given as text was checked when it was read, and a folder that has none
/// gets one at the first start.
fn master_key(settings: &Settings) -> Option<String> {
    let source = &settings.master_key;
    let (key, next) = match source {
        MasterKeySource::Folder(folder) if MasterKey::is_in(folder) => {
            ("keys_dir", MasterKey::load_next(folder).map(drop))
        }
        MasterKeySource::File(_) => ("master_key_file", Ok(())),
        MasterKeySource::Folder(_) | MasterKeySource::Text(_) => return None,
    };
    let loaded = MasterKey::load(source).map(drop);
    loaded.and(next).err().map(|error| format!("{key}: {error}"))
}

/// The certificates of the listeners, and the authorities of client certificates.
async fn certificates(settings: &Settings, clock: &Clock) -> Vec<String> {
    let mut wrong = Vec::new();
    if let Some(files) = settings.tls.clone() {
        wrong.extend(Tls::load(files).await.err());
    }
    if let Some(file) = settings.mtls.ca_file.clone() {
        wrong.extend(Authorities::load(file, clock.clone()).await.err());
    }
    // Without a listener of mutual TLS, a start does not read its certificate.
    if let (Some(_), Some(files)) = (settings.mtls.listen, settings.mtls.files.clone()) {
        wrong.extend(Tls::load_for(TlsListener::Mutual, files).await.err());
    }
    wrong
}

fn redis(settings: &Settings) -> Option<String> {
    let server = settings.redis.server.as_ref()?;
    Redis::new(server, settings.outbound.ca_file.as_deref()).err()
}

fn branding(settings: &Settings) -> Vec<String> {
    let Some(folder) = &settings.pages.branding_dir else { return Vec::new() };
    let problems = Look::load(folder).err().unwrap_or_default();
    problems.iter().map(|problem| format!("branding_dir: {problem}")).collect()
}
