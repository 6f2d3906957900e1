//! Goes through every declaration once, reads the values, and records the declarations, the current
//! values and the problems.

use std::path::{Path, PathBuf};

use super::collected::{Collected, InForce, NamedFile, UnknownName};
use super::declared::{Declared, env};
use super::kinds::optional_path;
use super::layer::Layer;
use super::problem::SettingProblem;
use super::setting::Setting;
use super::sources::{GivenValue, Sources};
use super::table::{Table, TableKey};
use super::value_type::{Holds, ValueType};
use crate::domain::nearest::nearest;
use crate::domain::secret::Secret;

/// Reads a file that holds a secret as text. The error is in words for the operator.
type ReadSecret = fn(&Path) -> Result<Secret<String>, String>;

/// Collects declarations and values.
#[derive(Debug)]
pub struct Collector {
    sources: Sources,
    read_secret: ReadSecret,
    title: &'static str,
    declared: Vec<Declared>,
    in_force: Vec<InForce>,
    problems: Vec<SettingProblem>,
    files: Vec<NamedFile>,
    tables: Vec<Table>,
}

impl Default for Collector {
    /// A collector without any given value: every setting has its default.
    fn default() -> Self {
        Self::new(Sources::default(), |_| Ok(Secret::default()))
    }
}

impl Collector {
    /// Reads from these sources. Files with secrets are read by this function.
    #[must_use]
    pub fn new(mut sources: Sources, read_secret: ReadSecret) -> Self {
        Self {
            problems: std::mem::take(&mut sources.problems),
            sources,
            read_secret,
            title: "",
            declared: Vec::new(),
            in_force: Vec::new(),
            files: Vec::new(),
            tables: Vec::new(),
        }
    }

    /// Begins a section: the settings that follow are listed under this heading.
    pub fn begin(&mut self, title: &'static str) {
        self.title = title;
    }

    /// Reads several settings, which may be listed under another heading.
    pub(super) fn within<T>(&mut self, read: impl FnOnce(&mut Self) -> T) -> T {
        let outer = self.title;
        let read = read(self);
        self.title = outer;
        read
    }

    /// Reads one setting.
    pub fn take<T>(&mut self, setting: Setting<T>) -> T {
        let Setting { declared, default, parse, show } = setting;
        let given = self.given(&declared);
        let (value, layer) = match given {
            Some(GivenValue { text, layer }) => match parse(&text) {
                Ok(value) => {
                    if let ValueType::Path(holds) = declared.form {
                        let (key, path, layer) = (declared.path, text.into(), layer.clone());
                        self.files.push(NamedFile { key, path, holds, layer });
                    }
                    (value, layer)
                }
                Err(problem) => {
                    let from = Some(layer.clone());
                    self.problems.push(SettingProblem {
                        from,
                        ..SettingProblem::new(declared.path, problem)
                    });
                    (default, layer)
                }
            },
            None => (default, Layer::Default),
        };
        let shown = show(&value);
        self.declare(declared, shown, &layer);
        value
    }

    fn given(&mut self, declared: &Declared) -> Option<GivenValue> {
        let mut found = self.sources.find(declared).into_iter();
        let (path, given) = found.next()?;
        // Two names that say the same do no harm.
        if let Some((other, _)) = found.find(|(_, other)| other.text != given.text) {
            let why =
                format!("is given together with {other}, which says something else: choose one");
            self.problem(path, why);
        }
        Some(given)
    }

    fn declare(&mut self, declared: Declared, value: String, layer: &Layer) {
        let line = if let Layer::File(_, line) = layer { Some(*line) } else { None };
        self.in_force.push(InForce {
            key: declared.path.to_owned(),
            env: declared.env.clone(),
            value,
            source: layer.kind(),
            line,
            default: declared.default.clone(),
        });
        self.declared.push(Declared { section: self.title, ..declared });
    }

    /// Reads a secret, which is given as text or in the file that `file` names. Both settings are
    /// declared.
    pub fn take_secret<T>(
        &mut self,
        setting: Setting<Option<T>>,
        file: &'static str,
        from_file: impl FnOnce(Secret<String>) -> T,
    ) -> Option<T> {
        self.take_secret_or_as(setting, file, &[], from_file)
    }

    /// The same where the setting of the file has other paths, too.
    pub fn take_secret_or_as<T>(
        &mut self,
        setting: Setting<Option<T>>,
        file: &'static str,
        aliases: &'static [&'static str],
        from_file: impl FnOnce(Secret<String>) -> T,
    ) -> Option<T> {
        let key = setting.declared.path;
        let words = format!("The file that holds `{key}`, instead of the value itself.");
        let text = self.take(setting.secret());
        let path = self.take(optional_path(file, Holds::Secret).words(&words).or_as(aliases));
        let Some(path) = path else { return text };
        // The file is read here, so no other check of it is needed.
        self.files.retain(|named| named.key != file);
        if text.is_some() {
            self.choose(key, file);
        }
        match (self.read_secret)(&path) {
            Ok(read) => {
                let read = Secret::new(read.expose().trim_end_matches(['\r', '\n']).to_owned());
                text.or_else(|| Some(from_file(read)))
            }
            Err(unreadable) => {
                self.problem(file, unreadable);
                text
            }
        }
    }

    /// Reports that two settings are both given, of which only one may be.
    pub fn choose(&mut self, one: &'static str, other: &'static str) {
        self.problem(one, format!("is given together with {other}: choose one"));
        self.files.retain(|named| ![one, other].contains(&named.key));
    }

    /// Declares an array of tables, `[[name]]`, and returns its value in the file.
    pub fn take_table(
        &mut self,
        name: &'static str,
        words: &'static str,
        keys: Vec<TableKey>,
    ) -> Option<toml::Value> {
        self.tables.push(Table { name, section: self.title, words, keys });
        self.sources.table(name)
    }

    /// Records a value of a table in the file, so that it is shown among the current values.
    pub fn show_of_table(&mut self, key: String, value: String) {
        let (env, source) = (String::new(), Layer::File(PathBuf::new(), 0).kind());
        self.in_force.push(InForce { key, env, value, source, line: None, default: None });
    }

    /// Everything that was read until now, as it is shown.
    #[must_use]
    pub fn in_force(&self) -> Vec<InForce> {
        self.in_force.clone()
    }

    /// Whether a setting that was read before has a given value.
    #[must_use]
    pub fn is_given(&self, path: &str) -> bool {
        self.shown(path).is_some()
    }

    /// The value of a setting that was read before, as it is shown; `None` if it was not given.
    #[must_use]
    pub fn shown(&self, path: &str) -> Option<&str> {
        let known = self.in_force.iter().find(|one| one.key == path);
        known.filter(|one| one.source != Layer::Default.kind()).map(|one| one.value.as_str())
    }

    /// Reports a problem with a setting.
    pub fn problem(&mut self, path: &str, problem: impl Into<String>) {
        let declared = self.declared.iter().find(|one| one.path == path);
        let given = declared.map(|one| self.sources.find(one));
        let from = given.and_then(|given| given.into_iter().next());
        let from = from.map(|(_, given)| given.layer);
        self.problems.push(SettingProblem { from, ..SettingProblem::new(path, problem) });
    }

    /// Ends the collection. A given value that is not a setting is a problem; in the environment it
    /// is only a name to warn about.
    #[must_use]
    pub fn finish(mut self) -> Collected {
        let paths: Vec<&str> = self.declared.iter().flat_map(paths).collect();
        let unknown = self.sources.paths().filter(|(path, _)| !paths.contains(path));
        let unknown: Vec<_> = unknown
            .map(|(path, layer)| {
                let problem = format!("is not a setting{}", hint(path, &paths));
                SettingProblem { from: Some(layer), ..SettingProblem::new(path, problem) }
            })
            .collect();
        let names: Vec<String> = paths.iter().copied().map(env).collect();
        let unknown_env = self.sources.names().filter(|name| !names.iter().any(|it| it == name));
        let unknown_env = unknown_env
            .map(|name| UnknownName {
                name: name.to_owned(),
                meant: nearest(name, names.iter().map(String::as_str)).map(str::to_owned),
            })
            .collect();
        self.problems.extend(unknown);
        let Self { declared, tables, in_force, problems, files, .. } = self;
        Collected { declared, tables, in_force, problems, unknown_env, files }
    }
}

fn paths(declared: &Declared) -> impl Iterator<Item = &'static str> + use<> {
    std::iter::once(declared.path).chain(declared.aliases.iter().copied())
}

/// A hint at the setting that was probably meant by an unknown path.
fn hint(path: &str, known: &[&str]) -> String {
    let inner = format!("{path}.");
    if let Some(example) = known.iter().find(|known| known.starts_with(&inner)) {
        return format!(": it is a table, with keys like {example}");
    }
    let last = |path: &str| path.rsplit('.').next().unwrap_or_default().to_owned();
    let near = nearest(path, known.iter().copied());
    // The right key in the wrong table.
    let moved = || known.iter().copied().find(|known| last(known) == last(path));
    match near.or_else(moved) {
        Some(meant) => format!(": did you mean {meant}?"),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use chrono::Duration;

    use super::*;
    use crate::settings::kinds::{duration, duration_in, flag, secret, whole};
    use crate::settings::section::{Section, defaults, group, settings};

    settings! {
        /// What these tests declare.
        #[derive(Debug, PartialEq)]
        struct Example in "Example", checked by Example::check {
            /// The first
            /// of them.
            first: Duration = duration("part.first", Duration::minutes(1)),
            /// Never longer than five minutes.
            grace: Duration = duration_in("part.grace", 0..=300, Duration::zero()),
            /// How many.
            many: u32 = whole("many", 1..=10, 3).unit("pieces").or_as(&["part.many"]),
            /// Whether.
            on: bool = flag("on", false).or_from_env(&["ON", "on"]),
            hidden: Option<Secret<String>> = group(|from| {
                from.take_secret(secret("hidden").words("Hidden."), "hidden_file", |text| text)
            }),
        }
    }

    impl Example {
        fn check(&self, from: &mut Collector) {
            if self.grace > self.first {
                from.problem("part.grace", "must not be longer than part.first");
            }
        }
    }

    fn read(
        file: &str,
        environment: &[(&str, &str)],
        flags: &[(&str, &str)],
    ) -> (Example, Collected) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("it.toml");
        std::fs::write(&path, file).unwrap();
        let mut sources = Sources::default();
        sources.read_file(&path, &[]);
        let names = environment.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        sources.read_environment(names);
        for (path, value) in flags {
            sources.set(path, value);
        }
        let read_secret: ReadSecret = |path| match path.to_str() {
            Some("/good") => Ok(Secret::new("from a file\n".to_owned())),
            _ => Err("cannot be read".to_owned()),
        };
        let mut from = Collector::new(sources, read_secret);
        let example = Example::read(&mut from);
        (example, from.finish())
    }

    fn problems(collected: &Collected) -> Vec<String> {
        let name = |problem: &SettingProblem| {
            let text = problem.to_string();
            // The folder is a different one each time.
            match text.split_once(" (/") {
                Some((text, place)) => {
                    format!("{text} ({}", place.rsplit('/').next().unwrap_or_default())
                }
                None => text,
            }
        };
        collected.problems.iter().map(name).collect()
    }

    #[test]
    fn a_declaration_is_all_that_there_is_to_say_about_a_setting() {
        let (example, collected) = read("", &[], &[]);
        assert_eq!(example, defaults());
        let paths: Vec<_> = collected.declared.iter().map(|one| one.path).collect();
        assert_eq!(paths, ["part.first", "part.grace", "many", "on", "hidden", "hidden_file"]);
        let first = &collected.declared[0];
        assert_eq!((first.section, first.words.as_str()), ("Example", "The first of them."));
        assert_eq!(
            (first.env.as_str(), first.default.as_deref()),
            ("MAPAE_PART_FIRST", Some("1m"))
        );
        assert!(collected.problems.is_empty());
    }

    #[test]
    fn a_flag_wins_over_the_environment_which_wins_over_the_file() {
        let file = "many = 2\non = true\n[part]\nfirst = \"2m\"\n";
        let environment = [("MAPAE_MANY", "4"), ("MAPAE_PART_FIRST", ""), ("ON", "false")];
        let (example, collected) = read(file, &environment, &[("many", "5")]);
        assert_eq!((example.many, example.on, example.first), (5, true, Duration::minutes(2)));
        let shown: Vec<_> = collected.in_force.iter().map(|one| (one.source, one.line)).collect();
        let (none, line) = (("default", None), |line| ("file", Some(line)));
        assert_eq!(shown, [line(4), none, ("flag", None), line(2), none, none]);
        // The names that every tool knows have the lowest rank.
        let (example, collected) = read("", &[("on", "true"), ("MAPAE_MANY", "4")], &[]);
        assert!(example.on && example.many == 4 && collected.unknown_env.is_empty());
    }

    #[test]
    fn every_problem_names_its_setting_its_place_and_what_is_right() {
        let file = "many = 0\nmanny = 1\nfirst = \"1m\"\npart.grace = \"6m\"\n\
                    part.fist = \"1m\"\npart.first = 1.5\nnothing = 1\n";
        let (_, collected) = read(file, &[("MAPAE_ON", "perhaps"), ("MAPAE_MANNY", "1")], &[]);
        let mut told = problems(&collected);
        told.sort_unstable();
        assert_eq!(
            told,
            [
                "first is not a setting: did you mean part.first? (it.toml, line 3)",
                "manny is not a setting: did you mean many? (it.toml, line 2)",
                "many must be a whole number from 1 to 10 (it.toml, line 1)",
                "nothing is not a setting (it.toml, line 7)",
                "on is neither true nor false (MAPAE_ON in the environment)",
                "part.first is not a text, a number, true, false or a list of texts (it.toml, line 6)",
                "part.fist is not a setting: did you mean part.first? (it.toml, line 5)",
                "part.grace must not be longer than 5m (it.toml, line 4)",
            ]
        );
        let unknown: Vec<_> = collected.unknown_env.iter().map(ToString::to_string).collect();
        assert_eq!(
            unknown,
            [
                "the environment variable MAPAE_MANNY is not a setting; it is ignored (did you mean MAPAE_MANY?)"
            ]
        );
        let (_, collected) = read("part = 1\n", &[], &[("ony", "true")]);
        let told = problems(&collected);
        assert_eq!(
            told,
            [
                "part is not a setting: it is a table, with keys like part.first (it.toml, line 1)",
                "ony is not a setting (a flag of the command line)",
            ]
        );
        let (_, collected) = read("a = 1\nb = \n", &[], &[]);
        assert!(problems(&collected)[0].ends_with("(it.toml, line 2)"), "{collected:?}");
    }

    #[test]
    fn settings_are_compared_with_each_other_and_the_problem_says_where_it_was_given() {
        let (_, collected) = read("[part]\nfirst = \"1s\"\ngrace = \"2s\"\n", &[], &[]);
        let told = ["part.grace must not be longer than part.first (it.toml, line 3)"];
        assert_eq!(problems(&collected), told);
    }

    #[test]
    fn an_alias_is_the_same_setting_and_two_of_its_names_are_one_too_many() {
        let (example, collected) = read("part.many = 7\n", &[], &[]);
        assert!(example.many == 7 && collected.problems.is_empty());
        let (example, _) = read("", &[("MAPAE_PART_MANY", "8")], &[]);
        assert_eq!(example.many, 8);
        let (example, collected) = read("many = 7\npart.many = 7\n", &[], &[]);
        assert!(example.many == 7 && collected.problems.is_empty(), "both say the same");
        let (_, collected) = read("many = 7\npart.many = 8\n", &[], &[]);
        let told = problems(&collected);
        assert!(told.len() == 1 && told[0].contains("given together with part.many"), "{told:?}");
        // The same setting in two layers is not a conflict: the later layer wins.
        let (example, collected) = read("part.many = 7\n", &[("MAPAE_MANY", "8")], &[]);
        assert!(example.many == 8 && collected.problems.is_empty());
    }

    #[test]
    fn a_secret_comes_from_one_of_two_places_and_is_shown_in_none() {
        let (example, collected) = read("hidden = \"hunter2\"\n", &[], &[]);
        assert_eq!(example.hidden.as_ref().map(|hidden| hidden.expose().as_str()), Some("hunter2"));
        let shown = serde_json::to_string(&collected.in_force).unwrap();
        assert!(shown.contains("(secret)") && !shown.contains("hunter2"), "{shown}");
        let (example, collected) = read("hidden_file = \"/good\"\n", &[], &[]);
        assert_eq!(
            example.hidden.as_ref().map(|hidden| hidden.expose().as_str()),
            Some("from a file")
        );
        assert!(collected.problems.is_empty() && collected.files.is_empty());
        let (_, collected) =
            read("hidden = \"hunter2\"\n", &[("MAPAE_HIDDEN_FILE", "/missing")], &[]);
        assert_eq!(
            problems(&collected),
            [
                "hidden is given together with hidden_file: choose one (it.toml, line 1)",
                "hidden_file cannot be read (MAPAE_HIDDEN_FILE in the environment)",
            ]
        );
    }

    #[test]
    fn an_integer_of_any_base_and_a_list_are_read_as_in_the_environment() {
        let (example, _) = read("many = 0x0_A\n", &[], &[]);
        assert_eq!(example.many, 10);
    }
}
