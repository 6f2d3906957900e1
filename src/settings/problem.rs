//! A problem with a setting.

use std::fmt;

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use super::layer::Layer;

/// A problem with a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingProblem {
    /// The path, or the file that cannot be read.
    pub key: String,
    /// What is wrong, for the operator.
    pub problem: String,
    /// Where the value was given.
    pub from: Option<Layer>,
}

impl SettingProblem {
    pub(super) fn new(key: &str, problem: impl Into<String>) -> Self {
        Self { key: key.to_owned(), problem: problem.into(), from: None }
    }
}

impl fmt::Display for SettingProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.key, self.problem)?;
        match &self.from {
            None | Some(Layer::Default) => Ok(()),
            Some(layer) => write!(f, " ({layer})"),
        }
    }
}

impl Serialize for SettingProblem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut it = serializer.serialize_struct("Problem", 3)?;
        it.serialize_field("key", &self.key)?;
        it.serialize_field("problem", &self.problem)?;
        it.serialize_field("from", &self.from.as_ref().map(ToString::to_string))?;
        it.end()
    }
}
