//! The result of reading all settings once.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

use super::declared::Declared;
use super::layer::Layer;
use super::problem::SettingProblem;
use super::table::Table;
use super::value_type::Holds;

/// The current value of a setting.
#[derive(Clone, Debug, Serialize)]
pub struct InForce {
    /// The path in the file.
    pub key: String,
    /// The name in the environment; empty if the setting is not read from there.
    pub env: String,
    /// The value, unless it is secret.
    pub value: String,
    /// Where it comes from: `default`, `file`, `environment` or `flag`.
    pub source: &'static str,
    /// The line of the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// The value where none is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
}

/// A name in the environment that looks like a setting and is not one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownName {
    /// The name.
    pub name: String,
    /// The name of the setting that was probably meant.
    pub meant: Option<String>,
}

impl fmt::Display for UnknownName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the environment variable {} is not a setting; it is ignored", self.name)?;
        match &self.meant {
            Some(meant) => write!(f, " (did you mean {meant}?)"),
            None => Ok(()),
        }
    }
}

/// A file or folder that a setting names.
#[derive(Clone, Debug)]
pub struct NamedFile {
    /// The setting.
    pub key: &'static str,
    /// The path of the file or folder.
    pub path: PathBuf,
    /// What must be at the path.
    pub holds: Holds,
    pub(super) layer: Layer,
}

impl NamedFile {
    /// Reports a problem with it.
    #[must_use]
    pub fn problem(&self, problem: String) -> SettingProblem {
        SettingProblem { from: Some(self.layer.clone()), ..SettingProblem::new(self.key, problem) }
    }
}

/// Everything that was collected from the declarations and the sources.
#[derive(Debug)]
pub struct Collected {
    /// Every declaration.
    pub declared: Vec<Declared>,
    /// Every array of tables.
    pub tables: Vec<Table>,
    /// Every value.
    pub in_force: Vec<InForce>,
    /// Every problem that was found.
    pub problems: Vec<SettingProblem>,
    /// Names in the environment that look like settings and are not.
    pub unknown_env: Vec<UnknownName>,
    /// The files and folders that settings name and that must exist.
    pub files: Vec<NamedFile>,
}
