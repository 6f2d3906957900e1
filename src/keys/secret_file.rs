//! Files that hold secrets, and who else may access them: one rule for every such file.
//!
//! The permissions of the group are the operator's choice (Kubernetes gives files to a group).
//! Others must never be able to write. Others may be able to read only where we cannot change that,
//! or where there are no other users: on a read-only mount or in memory (Docker and Kubernetes
//! mount secrets so), or where we own neither the file nor its folder.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{StatVfsMountFlags, fstatvfs};

use crate::domain::secret::Secret;

/// Why a file cannot be used, in words for the operator.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// The file system reports an error.
    #[error("{0}: {1}")]
    Io(PathBuf, io::Error),
    /// Other users have too many permissions.
    #[error("{0}: {1}")]
    Exposed(PathBuf, Exposure),
}

/// The permission that other users have and must not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Exposure {
    /// They can change the secret.
    #[error("everybody on this machine can write this file: chmod o-rw it")]
    Write,
    /// They can read the secret.
    #[error(
        "everybody on this machine can read this file: chmod o-r it (0640 and 0600 are good), or mount it read-only"
    )]
    Read,
}

/// Reads a file that holds a secret.
pub fn read(path: &Path) -> Result<Secret<Vec<u8>>, Unreadable> {
    let of_file = |error| Unreadable::Io(path.to_path_buf(), error);
    let mut file = File::open(path).map_err(of_file)?;
    if let Some(exposure) = exposure(path, &file).map_err(of_file)? {
        return Err(Unreadable::Exposed(path.to_path_buf(), exposure));
    }
    let mut bytes = Secret::new(Vec::new());
    file.read_to_end(bytes.expose_mut()).map_err(of_file)?;
    Ok(bytes)
}

/// Reads a file that holds a secret as text.
pub fn read_text(path: &Path) -> Result<Secret<String>, Unreadable> {
    let bytes = read(path)?;
    let text = std::str::from_utf8(bytes.expose()).map_err(|_| {
        let error = io::Error::new(io::ErrorKind::InvalidData, "is not text in UTF-8");
        Unreadable::Io(path.to_path_buf(), error)
    })?;
    Ok(Secret::new(text.to_owned()))
}

/// The permission that other users have on this file, if it is one too many.
pub fn looked_at(path: &Path) -> io::Result<Option<Exposure>> {
    exposure(path, &File::open(path)?)
}

fn exposure(path: &Path, file: &File) -> io::Result<Option<Exposure>> {
    let found = file.metadata()?;
    // A pipe or a terminal is not stored, so there is nothing to check.
    if !found.is_file() {
        return Ok(None);
    }
    let we = rustix::process::geteuid().as_raw();
    let folder = std::fs::canonicalize(path).ok().and_then(|path| owner_of(path.parent()?));
    Ok(judge(found.mode(), found.uid() == we || folder.is_none_or(|owner| owner == we), || {
        is_read_only(file) || is_in_memory(file)
    }))
}

fn owner_of(folder: &Path) -> Option<u32> {
    std::fs::metadata(folder).ok().as_ref().map(Metadata::uid)
}

/// The rule that this module describes.
fn judge(mode: u32, is_ours: bool, is_apart: impl FnOnce() -> bool) -> Option<Exposure> {
    if mode & 0o002 != 0 {
        Some(Exposure::Write)
    } else if mode & 0o004 != 0 && is_ours && !is_apart() {
        Some(Exposure::Read)
    } else {
        None
    }
}

fn is_read_only(file: &File) -> bool {
    fstatvfs(file.as_fd()).is_ok_and(|found| found.f_flag.contains(StatVfsMountFlags::RDONLY))
}

#[cfg(target_os = "linux")]
fn is_in_memory(file: &File) -> bool {
    /// `TMPFS_MAGIC` and `RAMFS_MAGIC`, statfs(2).
    const IN_MEMORY: [u64; 2] = [0x0102_1994, 0x8584_58f6];
    rustix::fs::fstatfs(file.as_fd())
        .is_ok_and(|found| u64::try_from(found.f_type).is_ok_and(|kind| IN_MEMORY.contains(&kind)))
}

#[cfg(not(target_os = "linux"))]
fn is_in_memory(_: &File) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn who_may_do_what_with_a_secret() {
        for (mode, is_ours, is_apart, expected) in [
            (0o600, true, false, None),
            (0o400, true, false, None),
            // Kubernetes with `fsGroup`.
            (0o440, true, false, None),
            (0o640, true, false, None),
            (0o660, true, false, None),
            (0o644, true, false, Some(Exposure::Read)),
            (0o604, true, false, Some(Exposure::Read)),
            // Docker and Kubernetes: mounted read-only, or in memory.
            (0o444, true, true, None),
            (0o644, true, true, None),
            // A file of another user, in a folder of another user.
            (0o444, false, false, None),
            (0o644, false, false, None),
            (0o666, true, true, Some(Exposure::Write)),
            (0o666, false, false, Some(Exposure::Write)),
            (0o602, true, false, Some(Exposure::Write)),
        ] {
            assert_eq!(
                judge(mode, is_ours, || is_apart),
                expected,
                "{mode:o} {is_ours} {is_apart}"
            );
        }
    }

    #[test]
    fn a_link_is_judged_by_what_it_leads_to() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        fs::write(&file, "secret\n").unwrap();
        symlink(&file, &link).unwrap();
        for (mode, good) in [(0o600, true), (0o440, true), (0o644, false), (0o622, false)] {
            fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
            // Others may read files in memory.
            let is_apart = is_in_memory(&File::open(&file).unwrap()) && mode & 0o002 == 0;
            for path in [&file, &link] {
                assert_eq!(read(path).is_ok(), good || is_apart, "{mode:o}");
            }
        }
        fs::set_permissions(&file, Permissions::from_mode(0o622)).unwrap();
        let said = read(&link).unwrap_err().to_string();
        assert!(said.contains("link") && said.contains("chmod"), "{said}");
        let missing = read(&folder.path().join("none")).unwrap_err().to_string();
        assert!(missing.contains("none: No such file"), "{missing}");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_secret_in_memory_may_be_readable_by_all_as_docker_mounts_it() {
        let Ok(folder) = tempfile::tempdir_in("/dev/shm") else { return };
        let file = folder.path().join("secret");
        fs::write(&file, "secret").unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o444)).unwrap();
        assert!(is_in_memory(&File::open(&file).unwrap()));
        assert_eq!(read_text(&file).unwrap().expose(), "secret");
    }
}
