//! The parts that pages of the console are built from. Their texts are chosen already.

use std::borrow::Cow;

use chrono::{DateTime, Utc};

/// A link.
#[derive(Clone, Debug)]
pub(super) struct Link {
    pub(super) id: String,
    pub(super) text: String,
    pub(super) href: String,
    pub(super) is_current: bool,
}

/// A part of a page.
#[derive(Clone, Debug)]
pub(super) enum Part {
    /// The heading of what follows.
    Heading(String),
    /// A sentence.
    Text(String),
    /// A sentence in small letters.
    Fine(String),
    /// A sentence that nobody should overlook.
    Note(Tone, String),
    /// Names and values.
    Facts(Vec<Fact>),
    /// A list.
    Rows(Vec<Row>),
    /// A link to more of a list.
    More(Link),
    /// A form.
    Form(Form),
    /// Buttons beside each other.
    Actions(Vec<Action>),
    /// A choice between pages.
    Tabs(String, Vec<Link>),
    /// A text to copy, in one line.
    Copy(CopyText),
    /// Code.
    Code(Code),
    /// Bars.
    Chart(Chart),
}

/// How much attention something wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    /// It is as it should be.
    Good,
    /// It is neither.
    Plain,
    /// It is not as it should be.
    Bad,
}

impl Tone {
    /// The class of a tag.
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Good => "tag",
            Self::Plain => "tag plain-tag",
            Self::Bad => "tag bad-tag",
        }
    }
}

/// A value.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Text(String),
    Code(String),
    Time(DateTime<Utc>),
    Link(String, String),
    Tags(Vec<(Tone, String)>),
    /// A name before an instant.
    Since(String, DateTime<Utc>),
}

/// A name and its value.
#[derive(Clone, Debug)]
pub(super) struct Fact {
    pub(super) name: String,
    pub(super) value: Value,
}

impl Fact {
    pub(super) fn text(name: String, text: impl Into<String>) -> Self {
        Self { name, value: Value::Text(text.into()) }
    }

    pub(super) fn code(name: String, text: impl Into<String>) -> Self {
        Self { name, value: Value::Code(text.into()) }
    }

    pub(super) fn time(name: String, instant: DateTime<Utc>) -> Self {
        Self { name, value: Value::Time(instant) }
    }
}

/// One thing in a list.
#[derive(Clone, Debug, Default)]
pub(super) struct Row {
    pub(super) title: String,
    pub(super) href: Option<String>,
    pub(super) tags: Vec<(Tone, String)>,
    pub(super) lines: Vec<Value>,
    pub(super) when: Option<DateTime<Utc>>,
    pub(super) button: Option<RowButton>,
    /// A button that leads to a page, which asks.
    pub(super) link_button: Option<RowButton>,
    /// What is shown when somebody wants to see it: its name, and code.
    pub(super) more: Option<(String, String)>,
    /// Pieces of a life: their kind, their place and their width.
    pub(super) bar: Vec<(usize, i64, i64)>,
}

/// A button that changes one thing in a list.
#[derive(Clone, Debug)]
pub(super) struct RowButton {
    pub(super) id: String,
    pub(super) label: String,
    pub(super) action: String,
    pub(super) hidden: Vec<(&'static str, String)>,
}

/// How a button looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    Primary,
    Secondary,
    Danger,
}

impl Look {
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Primary => "primary",
            Self::Secondary => "secondary",
            Self::Danger => "primary danger",
        }
    }

    /// The class of a small one.
    pub(super) fn small(self) -> &'static str {
        match self {
            Self::Primary => "small strong",
            Self::Secondary => "small",
            Self::Danger => "small wrong",
        }
    }
}

/// Something to do: a link to a page, or a form without fields.
#[derive(Clone, Debug)]
pub(super) struct Action {
    pub(super) id: String,
    pub(super) label: String,
    pub(super) look: Look,
    pub(super) target: String,
    pub(super) posts: bool,
}

impl Action {
    /// A link.
    pub(super) fn to(id: &str, label: String, look: Look, href: String) -> Self {
        Self { id: id.to_owned(), label, look, target: href, posts: false }
    }

    /// A form without fields.
    pub(super) fn post(id: &str, label: String, look: Look, action: String) -> Self {
        Self { id: id.to_owned(), label, look, target: action, posts: true }
    }
}

/// A form.
#[derive(Clone, Debug)]
pub(super) struct Form {
    pub(super) action: String,
    /// Whether it searches: it is sent by GET.
    pub(super) is_search: bool,
    /// Whether its fields stand in one line.
    pub(super) in_line: bool,
    pub(super) hidden: Vec<(&'static str, String)>,
    pub(super) fields: Vec<Field>,
    /// More fields, behind the first ones.
    pub(super) groups: Vec<FieldGroup>,
    pub(super) buttons: Vec<Button>,
}

/// Fields that are shown when somebody wants to see them.
#[derive(Clone, Debug)]
pub(super) struct FieldGroup {
    pub(super) id: &'static str,
    pub(super) title: String,
    pub(super) is_open: bool,
    pub(super) fields: Vec<Field>,
}

impl FieldGroup {
    pub(super) fn new(id: &'static str, title: String, fields: Vec<Field>) -> Self {
        Self { id, title, is_open: false, fields }
    }
}

impl Form {
    pub(super) fn new(action: String, fields: Vec<Field>, button: Button) -> Self {
        let (is_search, in_line, hidden, groups) = (false, false, Vec::new(), Vec::new());
        Self { action, is_search, in_line, hidden, fields, groups, buttons: vec![button] }
    }

    pub(super) fn with_groups(self, groups: impl Iterator<Item = FieldGroup>) -> Self {
        Self { groups: groups.collect(), ..self }
    }

    /// Whether something is said to be wrong at one of its fields.
    pub(super) fn has_problem(&self) -> bool {
        let of_groups = self.groups.iter().flat_map(|group| &group.fields);
        self.fields.iter().chain(of_groups).any(|field| field.problem.is_some())
    }

    pub(super) fn in_line(self) -> Self {
        Self { in_line: true, ..self }
    }

    pub(super) fn search(self) -> Self {
        Self { is_search: true, ..self }
    }

    pub(super) fn hiding(mut self, name: &'static str, value: &str) -> Self {
        self.hidden.push((name, value.to_owned()));
        self
    }
}

/// A field of a form.
#[derive(Clone, Debug)]
pub(super) struct Field {
    pub(super) id: String,
    pub(super) name: Cow<'static, str>,
    pub(super) label: String,
    pub(super) hint: Option<String>,
    pub(super) required: bool,
    /// What is wrong with what was typed.
    pub(super) problem: Option<String>,
    pub(super) kind: FieldKind,
}

/// What a field takes.
#[derive(Clone, Debug)]
pub(super) enum FieldKind {
    /// A line: its type and its value.
    Line(&'static str, String),
    /// Several lines.
    Lines(String),
    /// A tick.
    Tick(bool),
    /// One of these, each with its value and its text.
    Choice(Vec<Choice>),
}

/// One that can be chosen.
#[derive(Clone, Debug)]
pub(super) struct Choice {
    pub(super) value: String,
    pub(super) text: String,
    pub(super) is_chosen: bool,
}

impl Choice {
    pub(super) fn new(value: &str, text: impl Into<String>, chosen: &str) -> Self {
        Self { value: value.to_owned(), text: text.into(), is_chosen: value == chosen }
    }
}

impl Field {
    fn new(name: impl Into<Cow<'static, str>>, label: String, kind: FieldKind) -> Self {
        let name = name.into();
        let (hint, required, problem) = (None, false, None);
        Self { id: format!("console-{name}"), name, label, hint, required, problem, kind }
    }

    pub(super) fn line(name: impl Into<Cow<'static, str>>, label: String, value: &str) -> Self {
        Self::new(name, label, FieldKind::Line("text", value.to_owned()))
    }

    pub(super) fn typed(
        name: impl Into<Cow<'static, str>>,
        kind: &'static str,
        label: String,
        value: &str,
    ) -> Self {
        Self::new(name, label, FieldKind::Line(kind, value.to_owned()))
    }

    pub(super) fn lines(name: &'static str, label: String, value: &str) -> Self {
        Self::new(name, label, FieldKind::Lines(value.to_owned()))
    }

    pub(super) fn tick(name: &'static str, label: String, ticked: bool) -> Self {
        Self::new(name, label, FieldKind::Tick(ticked))
    }

    pub(super) fn choice(
        name: impl Into<Cow<'static, str>>,
        label: String,
        choices: Vec<Choice>,
    ) -> Self {
        Self::new(name, label, FieldKind::Choice(choices))
    }

    pub(super) fn hint(self, hint: String) -> Self {
        Self { hint: Some(hint), ..self }
    }

    pub(super) fn id(self, id: &str) -> Self {
        Self { id: id.to_owned(), ..self }
    }

    pub(super) fn required(self) -> Self {
        Self { required: true, ..self }
    }

    /// The ids of what is said about the field, for `aria-describedby`.
    pub(super) fn described_by(&self) -> Option<String> {
        let problem = self.problem.as_ref().map(|_| format!("{}-problem", self.id));
        let has_hint = self.hint.is_some() && !matches!(self.kind, FieldKind::Tick(_));
        let hint = has_hint.then(|| format!("{}-hint", self.id));
        let ids: Vec<_> = problem.into_iter().chain(hint).collect();
        (!ids.is_empty()).then(|| ids.join(" "))
    }
}

/// A button of a form.
#[derive(Clone, Debug)]
pub(super) struct Button {
    pub(super) id: String,
    pub(super) label: String,
    pub(super) look: Look,
}

impl Button {
    pub(super) fn new(id: &str, label: String, look: Look) -> Self {
        Self { id: id.to_owned(), label, look }
    }
}

/// A text to copy.
#[derive(Clone, Debug)]
pub(super) struct CopyText {
    pub(super) id: String,
    pub(super) label: String,
    pub(super) text: String,
    pub(super) hint: Option<String>,
}

/// Code.
#[derive(Clone, Debug)]
pub(super) struct Code {
    pub(super) id: String,
    pub(super) label: String,
    pub(super) text: String,
}

/// Bars, one for each day.
#[derive(Clone, Debug)]
pub(super) struct Chart {
    pub(super) id: String,
    pub(super) label: String,
    /// What the colours mean, the lowest first.
    pub(super) keys: Vec<String>,
    pub(super) bars: Vec<Bar>,
    /// What the highest bar stands for.
    pub(super) top: String,
}

/// One bar: pieces on top of each other.
#[derive(Clone, Debug)]
pub(super) struct Bar {
    pub(super) name: String,
    /// The numbers, in the order of the keys, in words.
    pub(super) numbers: Vec<String>,
    /// Each piece: the place from above and the height, in thousandths of the picture.
    pub(super) pieces: Vec<(u64, u64)>,
    /// The place from the left.
    pub(super) x: usize,
}
