//! Files that appear whole or not at all.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use crate::domain::random;

/// A file that is not finished. Its owner alone may read it. It is removed if it does not get its
/// name.
#[derive(Debug)]
pub struct Draft {
    draft: PathBuf,
    file: PathBuf,
}

impl Draft {
    /// Begins the file that will have this name, beside it.
    pub fn begin(file: &Path) -> io::Result<(Self, File)> {
        let mut name = file.as_os_str().to_owned();
        name.push(format!(".draft-{}", random::identifier()));
        let draft = Self { draft: PathBuf::from(name), file: file.to_owned() };
        let mut open = OpenOptions::new();
        open.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut open, 0o600);
        let opened = open.open(&draft.draft)?;
        Ok((draft, opened))
    }

    /// Gives the file its name. One of the same name is replaced. What was written must be on the
    /// disk by now.
    pub fn keep(self) -> io::Result<()> {
        std::fs::rename(&self.draft, &self.file)?;
        let folder = self.file.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or_else(|| Path::new("."));
        File::open(folder).and_then(|folder| folder.sync_all())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // Mostly it has got its name by now.
        let _ = std::fs::remove_file(&self.draft);
    }
}
