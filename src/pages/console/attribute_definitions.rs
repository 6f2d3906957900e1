//! The attributes of people that operators declared.

use std::collections::BTreeMap;

use super::page::{ConsolePage, ConsoleShell};
use super::parts::{
    Action, Button, Choice, Fact, Field, FieldGroup, Form, Look, Part, Row, Tone, Value,
};
use super::short_pages::{self, Ending};
use super::{settings, words};
use crate::domain::admin_right::AdminRight;
use crate::domain::attribute::{Attribute, AttributeType};
use crate::domain::console_urls as urls;
use crate::pages::frame::Frame;

fn kind_words(frame: &Frame<'_>, kind: AttributeType) -> String {
    match kind {
        AttributeType::String => frame.t("console-definition-string"),
        AttributeType::Integer => frame.t("console-definition-integer"),
        AttributeType::Boolean => frame.t("console-definition-boolean"),
        AttributeType::Date => frame.t("console-definition-date"),
    }
}

/// Every attribute.
#[must_use]
pub fn list<'a>(
    frame: Frame<'a>,
    shell: ConsoleShell<'a>,
    attributes: &[Attribute],
) -> ConsolePage<'a> {
    let mut parts = vec![settings::tabs(&frame, &shell, urls::ATTRIBUTES)];
    if shell.may(AdminRight::ChangeClients) {
        let href = shell.href(&frame, urls::ATTRIBUTE_NEW);
        let new = frame.t("console-new-definition");
        parts.push(Part::Actions(vec![Action::to("attribute-new", new, Look::Primary, href)]));
    }
    if attributes.is_empty() {
        parts.push(Part::Text(frame.t("console-definitions-none")));
    } else {
        let editable = || (Tone::Plain, frame.t("console-definition-is-editable"));
        let row = |one: &Attribute| Row {
            title: one.name.clone(),
            href: Some(shell.href(&frame, &urls::of(urls::ATTRIBUTE, &one.name))),
            tags: one.editable.then(editable).into_iter().collect(),
            lines: vec![Value::Text(kind_words(&frame, one.kind)), Value::Code(one.scope.clone())],
            ..Row::default()
        };
        parts.push(Part::Rows(attributes.iter().map(row).collect()));
    }
    let (title, lead) = (frame.t("console-definitions"), frame.t("console-definitions-lead"));
    ConsolePage::new(frame, shell, title).saying(lead).with(parts)
}

/// What of an attribute can be changed, as it is or as it was typed.
#[derive(Clone, Copy, Debug)]
pub struct DefinitionInput<'a> {
    /// The scope that shows it.
    pub scope: &'a str,
    /// Whether people may change their own value.
    pub editable: bool,
    /// What the account page calls it, by the tag of the language.
    pub texts: &'a BTreeMap<String, String>,
}

impl DefinitionInput<'_> {
    fn fields(&self, frame: &Frame<'_>) -> [Field; 2] {
        let editable = frame.t("console-definition-editable");
        [
            Field::line("scope", frame.t("console-definition-scope"), self.scope).required(),
            Field::tick("editable", editable, self.editable),
        ]
    }

    fn words(&self, frame: &Frame<'_>) -> FieldGroup {
        let title = frame.t("console-definition-words");
        let is_open = self.texts.values().any(|text| !text.is_empty());
        let group = FieldGroup::new("attribute-words", title, words::fields(self.texts));
        FieldGroup { is_open, ..group }
    }
}

/// The form for a new attribute, with what was typed into it.
#[must_use]
pub fn new<'a>(
    frame: Frame<'a>,
    shell: ConsoleShell<'a>,
    (name, kind): (&str, &str),
    input: &DefinitionInput<'_>,
    problem: Option<String>,
) -> ConsolePage<'a> {
    let choice = |one: &AttributeType| Choice::new(one.as_str(), kind_words(&frame, *one), kind);
    let kinds = AttributeType::ALL.iter().map(choice).collect();
    let name = Field::line("name", frame.t("console-name"), name).required();
    let mut fields = vec![
        name.hint(frame.t("console-definition-name-hint")),
        Field::choice("type", frame.t("console-definition-type"), kinds),
    ];
    fields.extend(input.fields(&frame));
    let button = Button::new("attribute-create", frame.t("console-create"), Look::Primary);
    let form = Form::new(format!("{}{}", frame.base, urls::ATTRIBUTE_NEW), fields, button);
    let form = form.with_groups([input.words(&frame)].into_iter());
    let (title, back) = (frame.t("console-new-definition"), frame.t("console-definitions"));
    let page = ConsolePage::new(frame, shell, title).below(back, urls::ATTRIBUTES);
    page.refusing(problem).with([Part::Form(form)])
}

/// One attribute, and the form that changes it: with what is there, or with what was typed.
#[must_use]
pub fn show<'a>(
    frame: Frame<'a>,
    shell: ConsoleShell<'a>,
    one: &Attribute,
    (input, version): (&DefinitionInput<'_>, &str),
    problem: Option<String>,
) -> ConsolePage<'a> {
    let mut facts = vec![
        Fact::text(frame.t("console-definition-type"), kind_words(&frame, one.kind)),
        Fact::code(frame.t("console-definition-scope"), one.scope.as_str()),
    ];
    let may = shell.may(AdminRight::ChangeClients);
    if !may {
        facts.extend(words::facts(&one.texts));
    }
    facts.push(Fact::time(frame.t("console-made"), one.created_at));
    let mut parts = vec![Part::Facts(facts)];
    if may {
        let action = format!("{}{}", frame.base, urls::of(urls::ATTRIBUTE, &one.name));
        let button = Button::new("attribute-save", frame.t("console-save"), Look::Primary);
        let form = Form::new(action, input.fields(&frame).into(), button);
        let form = form.with_groups([input.words(&frame)].into_iter());
        let href = shell.href(&frame, &urls::of(urls::ATTRIBUTE_DELETE, &one.name));
        let delete = frame.t("console-delete");
        parts.push(Part::Form(form.hiding("version", version)));
        parts.push(Part::Heading(frame.t("console-delete-definition")));
        parts.push(Part::Text(frame.t("console-delete-definition-lead")));
        parts.push(Part::Actions(vec![Action::to("attribute-delete", delete, Look::Danger, href)]));
    } else if one.editable {
        parts.push(Part::Text(frame.t("console-definition-is-editable")));
    }
    let (title, back) = (one.name.clone(), frame.t("console-definitions"));
    let page = ConsolePage::new(frame, shell, title).below(back, urls::ATTRIBUTES);
    page.refusing(problem).with(parts)
}

/// Asks whether to delete an attribute, and says how many people lose a value.
#[must_use]
pub fn confirm<'a>(
    frame: Frame<'a>,
    shell: ConsoleShell<'a>,
    name: &str,
    (people, is_more): (u64, bool),
) -> ConsolePage<'a> {
    let (above, path) = (urls::of(urls::ATTRIBUTE, name), urls::of(urls::ATTRIBUTE_DELETE, name));
    let values = frame.tn("console-definition-values", "number", people);
    let more = is_more.then(|| frame.t("console-and-more"));
    let ending = Ending {
        title: frame.t1("console-delete-thing-title", "name", name),
        lead: frame.t("console-delete-definition-lead"),
        ends: [values].into_iter().chain(more).collect(),
        above: (name.to_owned(), &above),
        path: &path,
        button: ("attribute-delete-confirm", frame.t("console-delete")),
    };
    short_pages::asking(frame, shell, ending)
}
