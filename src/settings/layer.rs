//! The layers from which values come.

use std::fmt;
use std::path::PathBuf;

/// The layer from which a value comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Layer {
    /// The value was not given.
    Default,
    /// A line of the file.
    File(PathBuf, usize),
    /// A name in the environment.
    Environment(String),
    /// A flag of the command line.
    Flag,
}

impl Layer {
    /// The name of the kind of layer, for programs.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::File(..) => "file",
            Self::Environment(_) => "environment",
            Self::Flag => "flag",
        }
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path, line) => write!(f, "{}, line {line}", path.display()),
            Self::Environment(name) => write!(f, "{name} in the environment"),
            Self::Flag => f.write_str("a flag of the command line"),
        }
    }
}
