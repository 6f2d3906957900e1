//! One setting: its declaration, its default, and how its text is parsed and shown.

use super::declared::{Declared, env};
use super::value_type::ValueType;

type Parse<T> = Box<dyn Fn(&str) -> Result<T, String>>;
type Show<T> = Box<dyn Fn(&T) -> String>;

/// A setting that is declared but not read yet.
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
    /// A setting of this form. An error of `parse` continues a sentence that begins with the path.
    /// The reference shows the default as `show` writes it; an empty text means that there is none.
    pub fn new(
        path: &'static str,
        form: ValueType,
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

    /// Sets the description for operators. `settings!` takes it from the comment.
    pub fn words(mut self, words: &str) -> Self {
        words.trim().clone_into(&mut self.declared.words);
        self
    }

    /// Sets the unit of its number.
    pub fn unit(mut self, unit: &'static str) -> Self {
        self.declared.unit = Some(unit);
        self
    }

    /// Describes the default in words, where it depends on the machine.
    pub fn default_in_words(mut self, words: &str) -> Self {
        self.declared.default = Some(words.to_owned());
        self
    }

    /// Adds other paths with the same meaning.
    pub fn or_as(mut self, aliases: &'static [&'static str]) -> Self {
        self.declared.aliases = aliases;
        self
    }

    /// Adds names in the environment that many tools use. If the setting is given nowhere else, the
    /// first of these names that is set counts.
    pub fn or_from_env(mut self, names: &'static [&'static str]) -> Self {
        self.declared.common_env = names;
        self
    }

    /// Marks the setting as secret: its value is never shown.
    pub fn secret(mut self) -> Self {
        self.declared.secret = true;
        self
    }
}
