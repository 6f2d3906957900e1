//! Where a verb may write its result: into a new file, over one of its own, or into what is no file.
//! Whatever else is there is somebody's, and stays.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::draft::Draft;
use crate::domain::verdict::{OrRejected, Rejected, reject};

/// What a verb writes, by which it knows again what it wrote before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// A backup of the database.
    Backup,
    /// Clients and what else can be declared.
    Objects,
    /// People, one on each line.
    People,
    /// What `apply` would do.
    Plan,
}

/// How a file of objects begins.
pub(super) const OBJECTS: &str = "# mapae export";

/// The longest first line that is looked at.
const LONGEST: u64 = 1024 * 1024;

impl Content {
    fn in_words(self) -> &'static str {
        match self {
            Self::Backup => "a backup",
            Self::Objects => "a file of mapae export",
            Self::People => "a file of mapae export --users",
            Self::Plan => "a plan",
        }
    }

    /// Whether it begins with this line.
    fn begins(self, line: &[u8]) -> bool {
        match self {
            Self::Backup => line.starts_with(b"{\"mapae_backup\":"),
            Self::Objects => line.starts_with(OBJECTS.as_bytes()),
            Self::Plan => line.starts_with(b"{\"mapae_plan\":"),
            Self::People => serde_json::from_slice(line).is_ok_and(|row: Value| {
                ["sub", "username", "created_at", "identities"]
                    .iter()
                    .all(|name| row.get(*name).is_some())
            }),
        }
    }
}

/// Where a verb writes.
#[derive(Clone, Debug)]
pub enum Place {
    /// A file that is not there yet, or that may be replaced.
    File(PathBuf),
    /// A fifo or a device: it takes what is written.
    Stream(PathBuf),
}

impl Place {
    /// The place that this path names, if a verb may write there. Symbolic links are followed: what
    /// they lead to counts. `at_work` are the files with which the installation works.
    pub fn of(path: &Path, content: Content, at_work: &[PathBuf]) -> OrRejected<Self> {
        let shown = path.display();
        let real = resolved(path);
        if at_work.iter().any(|file| resolved(file) == real) {
            return reject(format!(
                "{shown}: this installation works with this file, so nothing is written to it"
            ));
        }
        let named = |error: io::Error| Rejected(format!("{shown}: {error}"));
        let found = match fs::metadata(path) {
            Ok(found) => found,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if path.is_symlink() {
                    return reject(format!("{shown} is a symbolic link that leads to nothing"));
                }
                return Ok(Self::File(path.to_owned()));
            }
            Err(error) => return Err(named(error).into()),
        };
        if found.is_dir() {
            return reject(format!("{shown} is a folder: name a file in it"));
        }
        if !found.is_file() {
            if is_standard_output(&found) {
                return reject(format!(
                    "{shown} is standard output, where the verb says what it did: name a file or a fifo"
                ));
            }
            return Ok(Self::Stream(path.to_owned()));
        }
        let real = fs::canonicalize(path).map_err(named)?;
        let line = first_line(&real).map_err(named)?;
        if line.is_empty() || content.begins(&line) {
            return Ok(Self::File(real));
        }
        reject(format!(
            "{shown} is there and is not {}, so it stays as it is: name another file, or remove it first",
            content.in_words()
        ))
    }

    /// The path to write to.
    #[must_use]
    pub fn path(&self) -> &Path {
        match self {
            Self::File(path) | Self::Stream(path) => path,
        }
    }

    /// Opens it. A file is a draft, which gets its name at the end.
    pub fn begin(&self) -> io::Result<(Option<Draft>, File)> {
        match self {
            Self::File(path) => {
                let (draft, opened) = Draft::begin(path)?;
                Ok((Some(draft), opened))
            }
            Self::Stream(path) => Ok((None, OpenOptions::new().write(true).open(path)?)),
        }
    }
}

/// The name behind symbolic links, whether or not the file is there.
fn resolved(path: &Path) -> PathBuf {
    let beside = || {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = fs::canonicalize(folder.unwrap_or_else(|| Path::new("."))).ok()?;
        Some(folder.join(path.file_name()?))
    };
    fs::canonicalize(path).ok().or_else(beside).unwrap_or_else(|| path.to_owned())
}

/// The first line of a file, or as much of it as is looked at.
fn first_line(path: &Path) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    BufReader::new(File::open(path)?.take(LONGEST)).read_until(b'\n', &mut line)?;
    Ok(line)
}

/// Whether it is the pipe that is our standard output. A device may be both: nothing that is written
/// to it is mixed with anything.
#[cfg(unix)]
fn is_standard_output(found: &Metadata) -> bool {
    use std::os::fd::AsFd;
    use std::os::unix::fs::{FileTypeExt, MetadataExt};

    if found.file_type().is_char_device() {
        return false;
    }
    let Ok(own) = io::stdout().as_fd().try_clone_to_owned() else { return false };
    let own = File::from(own).metadata();
    own.is_ok_and(|own| (own.dev(), own.ino()) == (found.dev(), found.ino()))
}
