//! The epoch file: what this server last knew of the numbers that never go back in the database. It
//! stands beside the master key, apart from the database, so a start notices that the database was
//! restored from an older copy.

use std::path::PathBuf;

use tokio::sync::Mutex;

use super::config::Settings;
use crate::domain::random;
use crate::domain::verdict::Fault;
use crate::keys::seal::MasterKeySource;
use crate::oauth::status::known::KnownRevocations;
use crate::store::Store;
use crate::store::revisions::{self, Epoch};

/// Its name in the folder of the master key.
const FILE_NAME: &str = "revocations.epoch";

/// The epoch file of this server.
#[derive(Debug)]
pub(super) struct EpochFile {
    /// None where the master key is given as text.
    path: Option<PathBuf>,
    written: Mutex<Written>,
}

#[derive(Debug, Default)]
struct Written {
    epoch: Epoch,
    has_failed: bool,
}

impl EpochFile {
    /// The file beside this master key.
    #[must_use]
    pub(super) fn beside(master_key: &MasterKeySource) -> Self {
        let path = match master_key {
            MasterKeySource::Text(_) => None,
            MasterKeySource::File(file) => file.parent().map(|folder| folder.join(FILE_NAME)),
            MasterKeySource::Folder(folder) => Some(folder.join(FILE_NAME)),
        };
        Self { path, written: Mutex::default() }
    }

    /// Closes every status list if the database is older than the file says.
    pub(super) async fn check(&self, store: &Store, known: &KnownRevocations) -> Result<(), Fault> {
        let Some(last) = self.read().await? else { return Ok(()) };
        if revisions::read(store).await?.epoch.is_behind(last) {
            known.close_all(last).await?;
        }
        Ok(())
    }

    /// Writes what is known now, if it is more than what was written. Where the folder cannot be
    /// written to, this is logged once.
    pub(super) async fn keep(&self, epoch: Epoch) {
        let Some(path) = &self.path else { return };
        let mut written = self.written.lock().await;
        if !written.epoch.is_behind(epoch) {
            return;
        }
        // Another server may have the same folder.
        let there = self.read().await.ok().flatten().unwrap_or_default();
        let next = there.max(epoch);
        let draft = path.with_extension(format!("draft-{}", random::identifier()));
        let text = format!("{} {} {}\n", next.revocations, next.indices, next.lists);
        let saved = async {
            tokio::fs::write(&draft, text).await?;
            tokio::fs::rename(&draft, path).await
        };
        match saved.await {
            Ok(()) => *written = Written { epoch: next, has_failed: false },
            Err(error) => {
                if !written.has_failed {
                    let path = path.display();
                    tracing::warn!(%error, %path, "the epoch file cannot be written: a start will not notice that the database was restored");
                }
                *written = Written { epoch: next, has_failed: true };
            }
        }
    }

    async fn read(&self) -> Result<Option<Epoch>, Fault> {
        let Some(path) = &self.path else { return Ok(None) };
        let text = match tokio::fs::read_to_string(path).await {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => {
                let why = format!("{}: {error}", path.display());
                return Err(Fault::internal("reading the epoch file", why));
            }
        };
        let read = parse(&text);
        if read.is_none() {
            let path = path.display();
            tracing::warn!(%path, "the epoch file cannot be read: it counts as missing");
        }
        Ok(read)
    }
}

/// What the file beside the master key of these settings says; `None` if there is none.
pub async fn last_epoch(settings: &Settings) -> Result<Option<Epoch>, Fault> {
    EpochFile::beside(&settings.master_key).read().await
}

fn parse(text: &str) -> Option<Epoch> {
    let numbers: Vec<i64> =
        text.split_whitespace().map(|number| number.parse().ok()).collect::<Option<_>>()?;
    match numbers.as_slice() {
        [revocations, indices, lists] if numbers.iter().all(|number| *number >= 0) => {
            Some(Epoch { revocations: *revocations, indices: *indices, lists: *lists })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_epoch_is_not_read() {
        let epoch = Epoch { revocations: 7, indices: 2, lists: 1 };
        assert_eq!(parse("7 2 1\n"), Some(epoch));
        for text in ["", "7 2", "7 2 1 0", "7 2 x", "-1 2 1"] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }

    #[tokio::test]
    async fn a_file_that_is_ahead_stays() {
        let folder = tempfile::tempdir().unwrap();
        let source = MasterKeySource::Folder(folder.path().to_owned());
        let (one, other) = (EpochFile::beside(&source), EpochFile::beside(&source));
        let epoch = |revocations| Epoch { revocations, indices: 1, lists: 1 };
        one.keep(epoch(9)).await;
        other.keep(epoch(5)).await;
        assert_eq!(other.read().await.unwrap(), Some(epoch(9)));
    }
}
