//! One declared setting, and how it is read.

use serde::Serialize;

use super::collector::Collector;

/// The settings of one struct, made by `settings!`.
pub trait Section {
    /// Declares them and reads them.
    fn read(from: &mut Collector) -> Self;
}

/// What stands behind `=` in a section.
pub trait Declaration {
    /// What it brings.
    type Value;

    /// Declares it with these words and reads it.
    fn read(self, words: &str, from: &mut Collector) -> Self::Value;
}

/// The form of a value: for its parser, the reference and the schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Form {
    /// A text; this says which.
    Text(&'static str),
    /// A duration in seconds between two bounds.
    Duration(i64, i64),
    /// A whole number between two bounds.
    Whole(u32, u32),
    /// `true` or `false`.
    Flag,
    /// One of these texts.
    OneOf(Vec<&'static str>),
    /// One of these numbers.
    OneOfNumbers(Vec<u32>),
    /// The path of a file or a folder.
    Path(Holds),
    /// A list; this says of what.
    List(&'static str),
}

/// What is at a path, and so how it is looked at before a start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// A file that is read.
    File,
    /// A file with a secret that is read.
    Secret,
    /// A folder that is read.
    Folder,
    /// A place in which something may be made; nothing needs to be there.
    Anything,
}

/// A setting as it is declared, without its value.
#[derive(Clone, Debug, Serialize)]
pub struct Declared {
    /// The heading that it stands under.
    pub section: &'static str,
    /// The path in the file.
    #[serde(rename = "key")]
    pub path: &'static str,
    /// Other paths that mean the same.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub aliases: &'static [&'static str],
    /// The name in the environment.
    pub env: String,
    /// Names in the environment that every tool knows, for a value that is given nowhere else.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub common_env: &'static [&'static str],
    /// The form of its value.
    #[serde(rename = "type", serialize_with = "super::reference::in_words")]
    pub form: Form,
    /// What a number counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<&'static str>,
    /// The value where none is given; none: there is no value then.
    pub default: Option<String>,
    /// Whether it is shown to nobody.
    pub secret: bool,
    /// What it is, for operators.
    #[serde(rename = "description")]
    pub words: String,
}

type Parse<T> = Box<dyn Fn(&str) -> Result<T, String>>;
type Show<T> = Box<dyn Fn(&T) -> String>;

/// A setting that is declared and not read yet.
#[must_use]
pub struct Setting<T> {
    pub(super) declared: Declared,
    pub(super) default: T,
    pub(super) parse: Parse<T>,
    pub(super) show: Show<T>,
}

impl<T> std::fmt::Debug for Setting<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.declared.fmt(f)
    }
}

impl<T> Setting<T> {
    /// A setting of this form. An error of `parse` continues a sentence that begins with the path;
    /// what `show` makes of the default is what the reference says, and empty is none.
    pub fn new(
        path: &'static str,
        form: Form,
        default: T,
        parse: impl Fn(&str) -> Result<T, String> + 'static,
        show: impl Fn(&T) -> String + 'static,
    ) -> Self {
        let declared = Declared {
            section: "",
            path,
            aliases: &[],
            env: env(path),
            common_env: &[],
            form,
            unit: None,
            default: Some(show(&default)).filter(|shown| !shown.is_empty()),
            secret: false,
            words: String::new(),
        };
        Self { declared, default, parse: Box::new(parse), show: Box::new(show) }
    }

    /// What it is, for operators; `settings!` takes it from the comment.
    pub fn words(mut self, words: &str) -> Self {
        words.trim().clone_into(&mut self.declared.words);
        self
    }

    /// What its number counts.
    pub fn unit(mut self, unit: &'static str) -> Self {
        self.declared.unit = Some(unit);
        self
    }

    /// Says the default in words, where it depends on the machine.
    pub fn default_in_words(mut self, words: &str) -> Self {
        self.declared.default = Some(words.to_owned());
        self
    }

    /// Other paths that mean the same.
    pub fn or_as(mut self, aliases: &'static [&'static str]) -> Self {
        self.declared.aliases = aliases;
        self
    }

    /// Names in the environment that every tool knows; the first one that is there counts, where the
    /// setting is given nowhere else.
    pub fn or_from_env(mut self, names: &'static [&'static str]) -> Self {
        self.declared.common_env = names;
        self
    }

    /// It is shown to nobody.
    pub fn secret(mut self) -> Self {
        self.declared.secret = true;
        self
    }
}

impl<T> Declaration for Setting<T> {
    type Value = T;

    fn read(self, words: &str, from: &mut Collector) -> T {
        from.take(if words.is_empty() { self } else { self.words(words) })
    }
}

/// Several settings that make one field.
#[derive(Debug)]
pub struct Group<F>(F);

/// Several settings that make one field. Each of them has its own words.
pub fn group<T, F: FnOnce(&mut Collector) -> T>(read: F) -> Group<F> {
    Group(read)
}

impl<T, F: FnOnce(&mut Collector) -> T> Declaration for Group<F> {
    type Value = T;

    fn read(self, _: &str, from: &mut Collector) -> T {
        from.within(self.0)
    }
}

/// The settings of another struct.
pub fn section<S: Section>() -> Group<fn(&mut Collector) -> S> {
    Group(S::read)
}

/// A field that no operator sets.
pub fn fixed<T>(value: T) -> Group<impl FnOnce(&mut Collector) -> T> {
    Group(|_: &mut Collector| value)
}

/// `token.access_lifetime` is `MAPAE_TOKEN_ACCESS_LIFETIME`.
#[must_use]
pub fn env(path: &str) -> String {
    format!("MAPAE_{}", path.replace('.', "_").to_uppercase())
}
