//! The sources of values: a file, the environment and flags.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::declared::{Declared, env};
use super::layer::Layer;
use super::problem::SettingProblem;

/// The prefix of our names in the environment.
const PREFIX: &str = "MAPAE_";
/// Names in the environment that are not settings.
const NOT_SETTINGS: &[&str] = &["MAPAE_CONFIG"];

/// All given values, by their source.
#[derive(Debug, Default)]
pub struct Sources {
    path: PathBuf,
    file: BTreeMap<String, Written>,
    tables: BTreeMap<String, toml::Value>,
    environment: BTreeMap<String, String>,
    flags: BTreeMap<String, String>,
    pub(super) problems: Vec<SettingProblem>,
}

#[derive(Debug)]
struct Written {
    text: String,
    line: usize,
}

/// A value that was given.
#[derive(Debug)]
pub(super) struct GivenValue {
    pub(super) text: String,
    pub(super) layer: Layer,
}

impl Sources {
    /// Reads a file. The arrays of tables with these names are kept for
    /// [`Collector::take_table`](super::collector::Collector::take_table).
    pub fn read_file(&mut self, path: &Path, tables: &[&str]) {
        self.path = path.to_path_buf();
        let name = path.display().to_string();
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) => return self.problems.push(SettingProblem::new(&name, error.to_string())),
        };
        match DeTable::parse(&text) {
            Ok(read) => {
                let whole = text.parse::<toml::Table>().unwrap_or_default();
                self.tables =
                    whole.into_iter().filter(|(key, _)| tables.contains(&key.as_str())).collect();
                self.flatten("", read.get_ref(), &text);
            }
            Err(error) => {
                let mut problem = SettingProblem::new(&name, error.message());
                let at = error.span().map(|span| line(&text, span.start));
                problem.from = at.map(|line| Layer::File(self.path.clone(), line));
                self.problems.push(problem);
            }
        }
    }

    fn flatten(&mut self, prefix: &str, table: &DeTable<'_>, whole: &str) {
        for (name, value) in table {
            let key = format!("{prefix}{}", name.get_ref());
            if self.tables.contains_key(&key) {
                continue;
            }
            let line = line(whole, name.span().start);
            if let DeValue::Table(inner) = value.get_ref() {
                self.flatten(&format!("{key}."), inner, whole);
            } else if let Some(text) = text(value.get_ref()) {
                self.file.insert(key, Written { text, line });
            } else {
                let wrong = "is not a text, a number, true, false or a list of texts";
                let from = Some(Layer::File(self.path.clone(), line));
                self.problems.push(SettingProblem { from, ..SettingProblem::new(&key, wrong) });
            }
        }
    }

    /// Takes over the environment. A name with an empty value counts as missing.
    pub fn read_environment(&mut self, environment: impl IntoIterator<Item = (String, String)>) {
        self.environment.extend(environment.into_iter().filter(|(_, value)| !value.is_empty()));
    }

    /// Takes over a flag of the command line: the path of a setting, and its value.
    pub fn set(&mut self, path: &str, value: &str) {
        self.flags.insert(path.to_owned(), value.to_owned());
    }

    pub(super) fn table(&mut self, name: &str) -> Option<toml::Value> {
        self.tables.remove(name)
    }

    /// The values of a setting in the layer that wins. If there are several, all but the first were
    /// given under an alias.
    pub(super) fn find(&self, setting: &Declared) -> Vec<(&'static str, GivenValue)> {
        let paths = || std::iter::once(setting.path).chain(setting.aliases.iter().copied());
        let flags = paths().filter_map(|path| {
            let text = self.flags.get(path)?.clone();
            Some((path, GivenValue { text, layer: Layer::Flag }))
        });
        // `database.url` and `database_url` have one name in the environment.
        let mut names = Vec::new();
        let environment = paths().filter_map(|path| {
            let name = env(path);
            let given = self.of_environment(&name).filter(|_| !names.contains(&name))?;
            names.push(name);
            Some((path, given))
        });
        let file = paths().filter_map(|path| {
            let Written { text, line } = self.file.get(path)?;
            let layer = Layer::File(self.path.clone(), *line);
            Some((path, GivenValue { text: text.clone(), layer }))
        });
        let layers: [Vec<_>; 3] = [flags.collect(), environment.collect(), file.collect()];
        if let Some(found) = layers.into_iter().find(|found| !found.is_empty()) {
            return found;
        }
        let common = setting.common_env.iter().find_map(|name| self.of_environment(name));
        common.map(|given| (setting.path, given)).into_iter().collect()
    }

    fn of_environment(&self, name: &str) -> Option<GivenValue> {
        let text = self.environment.get(name)?.clone();
        Some(GivenValue { text, layer: Layer::Environment(name.to_owned()) })
    }

    /// The paths in the file and in the flags, each with the layer in which it was given.
    pub(super) fn paths(&self) -> impl Iterator<Item = (&str, Layer)> {
        let file = self
            .file
            .iter()
            .map(|(path, written)| (path.as_str(), Layer::File(self.path.clone(), written.line)));
        file.chain(self.flags.keys().map(|path| (path.as_str(), Layer::Flag)))
    }

    /// The names in the environment that begin with our prefix.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        let names = self.environment.keys().map(String::as_str);
        names.filter(|name| name.starts_with(PREFIX) && !NOT_SETTINGS.contains(name))
    }
}

/// The text of a value, as it would be written in the environment.
fn text(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.clone().into_owned()),
        DeValue::Integer(number) => {
            let number = i64::from_str_radix(number.as_str(), number.radix()).ok()?;
            Some(number.to_string())
        }
        DeValue::Boolean(is) => Some(is.to_string()),
        DeValue::Array(items) => {
            let texts: Option<Vec<&str>> =
                items.iter().map(Spanned::get_ref).map(DeValue::as_str).collect();
            texts.map(|texts| texts.join(","))
        }
        DeValue::Float(_) | DeValue::Datetime(_) | DeValue::Table(_) => None,
    }
}

/// The number of the line that contains this byte.
fn line(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
}
