//! Moves people in from other programs: from rows, with their password hashes. Rows are
//! read one after the other, so the memory does not depend on their number, and written in batches.
//! Who is there already is left alone, so an import that was interrupted is run again.

mod attributes;
mod auth0;
mod cognito;
mod csv_rows;
mod django;
mod firebase;
mod groups;
mod json_rows;
mod jsonl;
mod keycloak;
mod mapae;
mod person;
mod report;
mod row;
mod write;

use std::collections::HashSet;
use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::mpsc;

use self::attributes::DeclaredAttributes;
use self::person::NewPerson;
use self::report::TWICE;
pub use self::report::{ImportSummary, Importing, Skipped};
use self::row::{BadFile, Row};
use self::write::{Batch, Providers};
use crate::admin::authority::{ChangePeople, May};
use crate::domain::foreign_hash::{Digest, FirebaseConfig, WeakHash, WeakScheme};
use crate::domain::verdict::{Fault, OrRejected, reject};

/// The program whose data is imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImportFormat {
    /// What `export --users` of mapae wrote.
    Mapae,
    /// A table with a header.
    Csv,
    /// One JSON object a line.
    Jsonl,
    /// The export of a realm of Keycloak.
    Keycloak,
    /// `auth:export` of Firebase.
    Firebase,
    /// The export of users of Auth0, one JSON object a line.
    Auth0,
    /// `dumpdata` of Django.
    Django,
    /// The CSV of Amazon Cognito, or what `list-users` answers.
    Cognito,
}

impl ImportFormat {
    /// Every format, with its name.
    pub const ALL: [(&'static str, Self); 8] = [
        ("mapae", Self::Mapae),
        ("csv", Self::Csv),
        ("jsonl", Self::Jsonl),
        ("keycloak", Self::Keycloak),
        ("firebase", Self::Firebase),
        ("auth0", Self::Auth0),
        ("django", Self::Django),
        ("cognito", Self::Cognito),
    ];

    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(_, one)| *one == self).map_or("", |(name, _)| name)
    }

    /// Reads its name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().find(|(name, _)| *name == text).map(|(_, one)| *one)
    }
}

/// Where the rows are.
#[derive(Clone, Debug)]
pub enum ImportSource {
    /// In a file.
    File(PathBuf),
    /// In a text that was sent.
    Text(Arc<[u8]>),
}

impl ImportSource {
    /// Why it cannot be read at all.
    fn rejected(&self, reason: &str) -> String {
        match self {
            Self::File(path) => format!("{}: {reason}", path.display()),
            Self::Text(_) => reason.to_owned(),
        }
    }
}

/// What is imported.
#[derive(Clone, Debug)]
pub struct Import {
    /// The program.
    pub format: ImportFormat,
    /// Its rows.
    pub source: ImportSource,
    /// The parameters of Firebase's password hashes.
    pub hash_config: Option<FirebaseConfig>,
    /// Whether nothing is written.
    pub dry_run: bool,
    /// The most rows, if there is a limit: with more, none is taken.
    pub at_most: Option<usize>,
}

/// How many rows are written in one transaction.
pub const ROWS: usize = 200;

/// Imports people. `skipped` is told of every row that is not taken.
pub async fn run(
    may: &May<ChangePeople>,
    at: &Importing<'_>,
    import: &Import,
    skipped: &mut (dyn FnMut(Skipped) + Send),
) -> OrRejected<ImportSummary> {
    if import.format == ImportFormat::Firebase && import.hash_config.is_none() {
        return reject(
            "the password hashes of Firebase need the parameters of the project: --hash-config \
             FILE (Authentication, Users, ⋮, Password hash parameters)",
        );
    }
    let providers = Providers::of(at.store, at.of_file).await?;
    let declared = DeclaredAttributes::of(at.store).await?;
    let (rows, mut received) = mpsc::channel(2 * ROWS);
    let (format, config) = (import.format, import.hash_config.clone());
    let source = import.source.clone();
    let reading = tokio::task::spawn_blocking(move || read(format, source, config.as_ref(), &rows));
    let mut summary = ImportSummary { dry_run: import.dry_run, ..ImportSummary::default() };
    let mut seen = Seen::default();
    // With a limit, the first batch has every row, or shows that there are too many.
    let size = import.at_most.map_or(ROWS, |most| most.saturating_add(1));
    loop {
        let mut batch: Vec<Row> = Vec::with_capacity(size);
        while batch.len() < size {
            let Some(row) = received.recv().await else { break };
            batch.push(row);
        }
        if batch.is_empty() {
            break;
        }
        if let Some(most) = import.at_most.filter(|most| batch.len() > *most) {
            return reject(format!("there are more than {most} rows: send them in several parts"));
        }
        let mut people = Vec::with_capacity(batch.len());
        for Row { line, username, person } in batch {
            let person = person.and_then(|person| {
                let mut person = person.checked()?;
                if import.at_most.is_some() {
                    person = person.within_a_request()?;
                }
                declared.read(&mut person)?;
                if import.dry_run && !seen.is_new(&person) {
                    return Err(TWICE.to_owned());
                }
                Ok(person)
            });
            match person {
                Ok(person) => people.push((line, person)),
                Err(reason) => {
                    summary.skipped += 1;
                    skipped(Skipped { line, username, reason });
                }
            }
        }
        take(may, at, import.dry_run, &providers, people, (&mut summary, &mut *skipped)).await?;
    }
    let ended = reading.await.map_err(|error| Fault::internal("reading a file", error))?;
    if import.dry_run && summary.wrapped > 0 {
        summary.wrapping_seconds = Some(estimate(at, summary.wrapped).await?);
    }
    match ended {
        Ok(()) => Ok(summary),
        Err(BadFile { line: Some(line), reason }) => {
            summary.skipped += 1;
            skipped(Skipped { line, username: None, reason });
            Ok(summary)
        }
        Err(BadFile { line: None, reason }) => reject(import.source.rejected(&reason)),
    }
}

/// The names that a dry run saw. It keeps sixteen bytes of each, so that it needs little memory for
/// many rows.
#[derive(Default)]
struct Seen {
    names: HashSet<u64>,
    state: RandomState,
}

impl Seen {
    fn is_new(&mut self, person: &NewPerson) -> bool {
        let keys: Vec<_> = person.keys().iter().map(|key| self.state.hash_one(key)).collect();
        let is_new = keys.iter().all(|key| !self.names.contains(key));
        self.names.extend(keys);
        is_new
    }
}

/// Writes these people, or only finds out what would be written.
async fn take(
    may: &May<ChangePeople>,
    at: &Importing<'_>,
    dry_run: bool,
    providers: &Providers,
    people: Vec<(u64, NewPerson)>,
    (summary, skipped): (&mut ImportSummary, &mut (dyn FnMut(Skipped) + Send)),
) -> OrRejected<()> {
    let mut batch = Batch::default();
    for (line, person) in people {
        match providers.resolve(&person) {
            Ok(identities) => batch.add(line, person, identities),
            Err(reason) => {
                summary.skipped += 1;
                skipped(Skipped { line, username: Some(person.username), reason });
            }
        }
    }
    let mut refuse = |refused: Vec<Skipped>| {
        summary.skipped += u64::try_from(refused.len()).unwrap_or(u64::MAX);
        refused.into_iter().for_each(&mut *skipped);
    };
    // Who is there already needs no new hash.
    refuse(batch.leave_alone(at.store, at.clock).await?);
    let weak = batch.people().filter(|person| person.has_weak_hash()).count();
    if !dry_run {
        batch.wrap(at.hasher, at.hashes_at_once).await?;
        refuse(batch.write(may, at).await?);
    }
    for person in batch.people() {
        summary.taken += 1;
        for what in &person.left_out {
            *summary.left_out.entry(what).or_default() += 1;
        }
    }
    summary.wrapped += u64::try_from(weak).unwrap_or(u64::MAX);
    Ok(())
}

/// About how many seconds it takes to wrap so many hashes.
async fn estimate(at: &Importing<'_>, hashes: u64) -> Result<u64, Fault> {
    let weak = || WeakHash {
        scheme: WeakScheme::SaltLast { digest: Digest::Sha1 },
        salt: Vec::new(),
        output: vec![0; 20],
    };
    let began = Instant::now();
    for _ in 0..3 {
        at.hasher.wrap(weak()).await?;
    }
    let each = u64::try_from(began.elapsed().as_millis() / 3).unwrap_or(u64::MAX);
    Ok(each.saturating_mul(hashes) / u64::from(at.threads.max(1)) / 1000 + 1)
}

/// Reads the rows and sends them; ends early when nobody receives them any more.
fn read(
    format: ImportFormat,
    source: ImportSource,
    config: Option<&FirebaseConfig>,
    rows: &mpsc::Sender<Row>,
) -> Result<(), BadFile> {
    match source {
        ImportSource::File(path) => {
            let file = BufReader::new(File::open(path).map_err(BadFile::new)?);
            read_from(format, file, config, rows)
        }
        ImportSource::Text(text) => read_from(format, &*text, config, rows),
    }
}

fn read_from(
    format: ImportFormat,
    file: impl BufRead,
    config: Option<&FirebaseConfig>,
    rows: &mpsc::Sender<Row>,
) -> Result<(), BadFile> {
    let mut send = |row: Row| rows.blocking_send(row).is_ok();
    match format {
        ImportFormat::Mapae => json_rows::lines(file, mapae::row, &mut send),
        ImportFormat::Jsonl => json_rows::lines(file, jsonl::row, &mut send),
        ImportFormat::Csv => csv_rows::read(file, csv_rows::row, &mut send),
        ImportFormat::Keycloak => json_rows::users(file, keycloak::row, &mut send),
        ImportFormat::Firebase => {
            let row = |value| firebase::row(value, config);
            json_rows::users(file, row, &mut send)
        }
        ImportFormat::Auth0 => json_rows::any(file, auth0::row, &mut send),
        ImportFormat::Django => json_rows::any(file, django::row, &mut send),
        ImportFormat::Cognito => cognito::read(file, &mut send),
    }
}
