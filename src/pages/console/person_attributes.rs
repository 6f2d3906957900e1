//! The attributes of a person: those that the operator declared, with the values that the person has.

use std::collections::BTreeMap;

use serde_json::Value;

use super::page::ConsoleShell;
use super::parts::{Button, Choice, Fact, Field, Form, Look, Part};
use crate::domain::admin_right::AdminRight;
use crate::domain::attribute::{Attribute, AttributeType};
use crate::domain::console_urls as urls;
use crate::domain::user::User;
use crate::pages::frame::Frame;

/// What is known about the attributes of a person.
#[derive(Clone, Debug)]
pub struct PersonAttributes<'a> {
    /// Every attribute, each with the value that the person has.
    pub held: &'a [(Attribute, Option<Value>)],
    /// The version of the person: a form that saw another one changes nothing.
    pub version: String,
    /// What was typed, if that was refused.
    pub refused: Option<&'a RefusedAttribute>,
}

/// What was typed into a form of attributes, and which of them was refused.
#[derive(Clone, Debug)]
pub struct RefusedAttribute {
    /// What was typed, by the names of the attributes.
    pub typed: BTreeMap<String, String>,
    /// The name of the one that was refused.
    pub name: String,
    /// Why it was refused.
    pub why: String,
}

/// How many fields one form has: as many of the longest texts as the body of a request may carry.
const FIELDS: usize = 20;

/// The name of the field of an attribute.
#[must_use]
pub fn field_name(attribute: &str) -> String {
    format!("attribute-{attribute}")
}

/// What the page of a person shows of attributes: forms, or values for whom may change nothing.
pub(super) fn parts(
    frame: &Frame<'_>,
    shell: &ConsoleShell<'_>,
    user: &User,
    facts: &PersonAttributes<'_>,
) -> Vec<Part> {
    if facts.held.is_empty() {
        return Vec::new();
    }
    let heading = Part::Heading(frame.t("console-person-attributes"));
    if shell.may(AdminRight::ChangePeople) {
        return std::iter::once(heading).chain(forms(frame, user, facts)).collect();
    }
    let values: Vec<Fact> = facts.held.iter().filter_map(|held| fact(frame, held)).collect();
    if values.is_empty() {
        return vec![heading, Part::Text(frame.t("console-person-no-attributes"))];
    }
    vec![heading, Part::Facts(values)]
}

fn fact(frame: &Frame<'_>, (attribute, value): &(Attribute, Option<Value>)) -> Option<Fact> {
    let text = match value.as_ref()? {
        Value::Bool(true) => frame.t("attribute-yes"),
        Value::Bool(false) => frame.t("attribute-no"),
        value => Attribute::typed(value),
    };
    Some(Fact::text(attribute.label(frame.language).to_owned(), text))
}

fn forms(frame: &Frame<'_>, user: &User, facts: &PersonAttributes<'_>) -> Vec<Part> {
    let path = urls::of(urls::PERSON_ATTRIBUTES, user.id.as_str());
    let form = |(number, some): (usize, &[(Attribute, Option<Value>)])| {
        let fields = some.iter().map(|held| field(frame, facts.refused, held)).collect();
        let id = format!("attributes-save-{number}");
        let button = Button::new(&id, frame.t("console-save"), Look::Secondary);
        let form = Form::new(format!("{}{path}", frame.base), fields, button);
        Part::Form(form.hiding("version", &facts.version))
    };
    (1..).zip(facts.held.chunks(FIELDS)).map(form).collect()
}

fn field(
    frame: &Frame<'_>,
    refused: Option<&RefusedAttribute>,
    (attribute, value): &(Attribute, Option<Value>),
) -> Field {
    let typed = refused.and_then(|refused| refused.typed.get(&attribute.name)).cloned();
    let shown = typed.or_else(|| value.as_ref().map(Attribute::typed)).unwrap_or_default();
    let (name, label) = (field_name(&attribute.name), attribute.label(frame.language).to_owned());
    let is_renamed = label != attribute.name;
    let mut field = match attribute.kind {
        AttributeType::String => Field::line(name, label, &shown),
        AttributeType::Integer => Field::typed(name, "number", label, &shown),
        AttributeType::Date => Field::typed(name, "date", label, &shown),
        AttributeType::Boolean => {
            let choices = vec![
                Choice::new("", frame.t("console-attribute-none"), &shown),
                Choice::new("true", frame.t("attribute-yes"), &shown),
                Choice::new("false", frame.t("attribute-no"), &shown),
            ];
            Field::choice(name, label, choices)
        }
    };
    let wrong = refused.filter(|refused| refused.name == attribute.name);
    field.problem = wrong.map(|refused| refused.why.clone());
    // The command line, the API and tokens call it so.
    let named = is_renamed.then(|| attribute.name.clone());
    let editable = attribute.editable.then(|| frame.t("console-attribute-editable"));
    let hints: Vec<String> = named.into_iter().chain(editable).collect();
    if hints.is_empty() { field } else { field.hint(hints.join(" · ")) }
}
