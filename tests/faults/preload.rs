//! Libraries in C that a server loads before all others.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::CannotRun;

/// Compiles a library in this folder for `LD_PRELOAD`.
pub(crate) fn compiled(folder: &Path, name: &str, source: &str) -> Result<PathBuf, CannotRun> {
    let (text, library) = (folder.join(name).with_extension("c"), folder.join(name));
    let library = library.with_extension("so");
    std::fs::write(&text, source).expect("written");
    let compiled =
        Command::new("cc").args(["-shared", "-fPIC", "-O", "-o"]).arg(&library).arg(&text).output();
    let compiled = compiled.map_err(|_| CannotRun("there is no C compiler".to_owned()))?;
    if !compiled.status.success() {
        return Err(CannotRun("the C compiler makes no library for LD_PRELOAD".to_owned()));
    }
    Ok(library)
}
