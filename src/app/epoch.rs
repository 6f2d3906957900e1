//! The epoch file: what this server last knew of the numbers that never go back in the database. It
//! stands apart from the database, so a start notices that the database was restored from an older
//! copy.

use std::path::{Path, PathBuf};

use tokio::sync::Mutex;

use super::config::Settings;
use crate::domain::random;
use crate::domain::verdict::Fault;
use crate::keys::seal::MasterKeySource;
use crate::oauth::status::known::KnownRevocations;
use crate::store::revisions::{self, Epoch};
use crate::store::{Store, sqlite_path};

/// Its name where the settings name none.
const FILE_NAME: &str = "revocations.epoch";

/// The epoch file of this server.
#[derive(Debug)]
pub(super) struct EpochFile {
    /// Where it may be. It is written to the first place where that is possible, and what is furthest
    /// of all places counts: a verb may be able to write where the server cannot.
    places: Vec<PathBuf>,
    written: Mutex<Written>,
}

#[derive(Debug, Default)]
struct Written {
    epoch: Epoch,
    has_failed: bool,
}

impl EpochFile {
    /// The file of these settings.
    pub(super) fn of(settings: &Settings) -> Result<Self, Fault> {
        Ok(Self::at(epoch_files(settings)?))
    }

    fn at(places: Vec<PathBuf>) -> Self {
        Self { places, written: Mutex::default() }
    }

    /// Closes every status list if the database is older than the file says.
    pub(super) async fn check(&self, store: &Store, known: &KnownRevocations) -> Result<(), Fault> {
        let Some(last) = self.read().await? else { return Ok(()) };
        if revisions::read(store).await?.epoch.is_behind(last) {
            known.close_all(last).await?;
        }
        Ok(())
    }

    /// Writes what is known now, if it is more than what was written. Where that fails, this is logged
    /// once and tried again each time.
    pub(super) async fn keep(&self, epoch: Epoch) {
        let mut written = self.written.lock().await;
        if !written.epoch.is_behind(epoch) {
            return;
        }
        let next = self.there().await.max(epoch);
        match self.save(next).await {
            Ok(()) => *written = Written { epoch: next, has_failed: false },
            Err(error) => {
                if !written.has_failed {
                    tracing::warn!(%error, "the epoch file cannot be written: a start will not notice that the database was restored");
                }
                written.has_failed = true;
            }
        }
    }

    /// What is there already: another server may have the same folder.
    async fn there(&self) -> Epoch {
        let mut there = Epoch::default();
        for path in &self.places {
            let text = tokio::fs::read_to_string(path).await.unwrap_or_default();
            there = there.max(parse(&text).unwrap_or_default());
        }
        there
    }

    async fn save(&self, epoch: Epoch) -> Result<(), String> {
        let text = format!("{} {} {}\n", epoch.revocations, epoch.indices, epoch.lists);
        let mut problems = Vec::new();
        for path in &self.places {
            let draft = draft_of(path);
            let saved = async {
                tokio::fs::write(&draft, &text).await?;
                tokio::fs::rename(&draft, path).await
            };
            let Err(error) = saved.await else { return Ok(()) };
            // Mostly it could not be made.
            let _ = tokio::fs::remove_file(&draft).await;
            problems.push(format!("{}: {error}", path.display()));
        }
        Err(in_words(&problems))
    }

    /// The first place at which it can be written. What that is tried with is removed again.
    async fn writable(&self) -> Result<&Path, String> {
        let mut problems = Vec::new();
        for path in &self.places {
            let draft = draft_of(path);
            let tried = tokio::fs::write(&draft, "").await;
            let _ = tokio::fs::remove_file(&draft).await;
            match tried {
                Ok(()) => return Ok(path),
                Err(error) => problems.push(format!("{}: {error}", path.display())),
            }
        }
        Err(in_words(&problems))
    }

    async fn read(&self) -> Result<Option<Epoch>, Fault> {
        let mut last: Option<Epoch> = None;
        for path in &self.places {
            if let Some(epoch) = read(path).await? {
                last = Some(last.unwrap_or_default().max(epoch));
            }
        }
        Ok(last)
    }
}

fn draft_of(path: &Path) -> PathBuf {
    path.with_extension(format!("draft-{}", random::identifier()))
}

/// Why it can be written nowhere.
fn in_words(problems: &[String]) -> String {
    match problems {
        [] => "status_list.epoch_file names no file, and neither the master key nor the database is in a folder".to_owned(),
        some => some.join("; "),
    }
}

async fn read(path: &Path) -> Result<Option<Epoch>, Fault> {
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

/// Where the epoch file of these settings may be, the best place first.
pub fn epoch_files(settings: &Settings) -> Result<Vec<PathBuf>, Fault> {
    if let Some(file) = &settings.epoch_file {
        return Ok(vec![file.clone()]);
    }
    let of_key = match &settings.master_key {
        MasterKeySource::Text(_) => None,
        MasterKeySource::File(file) => file.parent(),
        MasterKeySource::Folder(folder) => Some(folder.as_path()),
    };
    let database = sqlite_path(&settings.database_url)?;
    let of_database = database.as_deref().and_then(Path::parent);
    Ok([of_key, of_database].into_iter().flatten().map(|folder| folder.join(FILE_NAME)).collect())
}

/// What the epoch file of these settings says; `None` if there is none.
pub async fn last_epoch(settings: &Settings) -> Result<Option<Epoch>, Fault> {
    EpochFile::of(settings)?.read().await
}

/// Whether the epoch file can be written, for `mapae doctor`, and whether a server does.
pub async fn look_at_epoch_file(settings: &Settings, store: &Store) -> Result<String, String> {
    let said = |fault: Fault| fault.to_string();
    let file = EpochFile::of(settings).map_err(said)?;
    let place = file.writable().await?.display();
    let known = revisions::read(store).await.map_err(said)?.epoch;
    if known != Epoch::default() && file.read().await.map_err(said)?.is_none() {
        return Err(format!("no server has written {place}"));
    }
    Ok(format!("{place} can be written"))
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

    fn epoch(revocations: i64) -> Epoch {
        Epoch { revocations, indices: 1, lists: 1 }
    }

    #[tokio::test]
    async fn a_file_that_is_ahead_stays() {
        let folder = tempfile::tempdir().unwrap();
        let places = || vec![folder.path().join(FILE_NAME)];
        let (one, other) = (EpochFile::at(places()), EpochFile::at(places()));
        one.keep(epoch(9)).await;
        other.keep(epoch(5)).await;
        assert_eq!(other.read().await.unwrap(), Some(epoch(9)));
    }

    #[tokio::test]
    async fn where_the_first_place_cannot_be_written_the_next_one_is() {
        let folder = tempfile::tempdir().unwrap();
        let (first, next) = (folder.path().join("none"), folder.path().join("there"));
        let places = vec![first.join(FILE_NAME), next.join(FILE_NAME)];
        let file = EpochFile::at(places.clone());
        file.keep(epoch(3)).await;
        assert_eq!(file.read().await.unwrap(), None);
        let why = file.writable().await.unwrap_err();
        assert!(why.contains("none") && why.contains("there"), "{why}");
        // What failed is tried again, also when nothing was revoked since.
        std::fs::create_dir(&next).unwrap();
        file.keep(epoch(3)).await;
        assert_eq!(file.writable().await.unwrap(), places[1]);
        assert_eq!(EpochFile::at(places[1..].to_vec()).read().await.unwrap(), Some(epoch(3)));
        // What is furthest counts, wherever it is.
        std::fs::create_dir(&first).unwrap();
        std::fs::write(&places[0], "2 1 1\n").unwrap();
        assert_eq!(file.read().await.unwrap(), Some(epoch(3)));
        file.keep(epoch(4)).await;
        assert_eq!(EpochFile::at(places[..1].to_vec()).read().await.unwrap(), Some(epoch(4)));
        assert_eq!(std::fs::read_dir(&first).unwrap().count(), 1, "nothing is left");
    }
}
