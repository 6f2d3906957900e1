//! Resources: the APIs that access tokens are for.

use super::app_settings::{RefusedInput, choice, duration, shown_again};
use super::page::{ConsolePage, ConsoleShell};
use super::parts::{Action, Button, Fact, Field, Form, Look, Part, Row, Tone, Value};
use crate::domain::admin_right::AdminRight;
use crate::domain::client::TokenAlg;
use crate::domain::console_urls as urls;
use crate::domain::resource::{Resource, ResourceMetadata};
use crate::domain::scope_words::ScopeWords;
use crate::pages::frame::Frame;
use crate::settings::time;

fn path(resource: &Resource, template: &str) -> String {
    urls::of(template, &resource.id)
}

fn title(resource: &Resource) -> String {
    let name = resource.metadata.resource_name.trim();
    if name.is_empty() { resource.id.clone() } else { name.to_owned() }
}

/// Resources, page by page.
#[must_use]
pub fn list<'a>(
    frame: Frame<'a>,
    shell: ConsoleShell<'a>,
    resources: &[Resource],
    next: Option<&str>,
) -> ConsolePage<'a> {
    let mut parts = Vec::new();
    if shell.may(AdminRight::ChangeClients) {
        let (label, href) =
            (frame.t("console-new-resource"), shell.href(&frame, urls::RESOURCE_NEW));
        parts.push(Part::Actions(vec![Action::to("resource-new", label, Look::Primary, href)]));
    }
    if resources.is_empty() {
        parts.push(Part::Text(frame.t("console-resources-none")));
    } else {
        let rows = resources.iter().map(|resource| row(&frame, &shell, resource));
        parts.push(Part::Rows(rows.collect()));
    }
    if let Some(next) = next {
        let mut link =
            shell.link(&frame, "resources-next", frame.t("console-next"), urls::RESOURCES);
        link.href = shell.href_with(&frame, urls::RESOURCES, &[("after", next)]);
        parts.push(Part::More(link));
    }
    let (title, back) = (frame.t("console-resources"), frame.t("console-apps"));
    let lead = frame.t("console-resources-lead");
    ConsolePage::new(frame, shell, title).below(back, urls::APPS).saying(lead).with(parts)
}

fn row(frame: &Frame<'_>, shell: &ConsoleShell<'_>, resource: &Resource) -> Row {
    let scope = resource.metadata.scope.to_string();
    let scope = Some(scope).filter(|scope| !scope.is_empty()).map(Value::Text);
    let mcp = resource.metadata.mcp.then(|| (Tone::Plain, frame.t("console-kind-mcp")));
    Row {
        title: title(resource),
        href: Some(shell.href(frame, &path(resource, urls::RESOURCE))),
        tags: mcp.into_iter().collect(),
        lines: std::iter::once(Value::Code(resource.id.clone())).chain(scope).collect(),
        ..Row::default()
    }
}

/// What is known about a resource.
#[derive(Clone, Debug)]
pub struct ResourceFacts<'a> {
    /// The resource.
    pub resource: &'a Resource,
    /// Its version: a form that saw another one changes nothing.
    pub version: String,
    /// The words of its scopes, as far as there are some.
    pub words: &'a [ScopeWords],
    /// What was typed into its form, if that was refused.
    pub refused: Option<&'a RefusedInput>,
}

/// One resource.
#[must_use]
pub fn show<'a>(
    frame: Frame<'a>,
    shell: ConsoleShell<'a>,
    facts: &ResourceFacts<'_>,
) -> ConsolePage<'a> {
    let resource = facts.resource;
    let may = shell.may(AdminRight::ChangeClients);
    let mut about = vec![Fact::code(frame.t("console-id"), resource.id.as_str())];
    if !may {
        about.extend(terms(&frame, &resource.metadata));
    }
    about.push(Fact::time(frame.t("console-made"), resource.created_at));
    let mut parts = vec![Part::Facts(about)];
    let mut problem = None;
    if may {
        let action = format!("{}{}", frame.base, path(resource, urls::RESOURCE));
        let button = Button::new("resource-save", frame.t("console-save"), Look::Primary);
        let form = Form::new(action, fields(&frame, &resource.metadata), button);
        let (form, words) = refusing(&frame, form, facts.refused);
        problem = words;
        parts.push(Part::Heading(frame.t("console-resource-settings")));
        parts.push(Part::Form(form.hiding("version", &facts.version)));
    }
    parts.extend(scopes(&frame, resource, facts.words));
    if may {
        let href = shell.href(&frame, &path(resource, urls::RESOURCE_DELETE));
        let delete = frame.t("console-delete");
        parts.push(Part::Heading(frame.t("console-delete-resource")));
        parts.push(Part::Text(frame.t("console-delete-resource-lead")));
        parts.push(Part::Actions(vec![Action::to("resource-delete", delete, Look::Danger, href)]));
    }
    let back = frame.t("console-resources");
    let page = ConsolePage::new(frame, shell, title(resource)).below(back, urls::RESOURCES);
    page.refusing(problem).with(parts)
}

/// The form with what was typed, and what the page says of it. Where a field says what is wrong, the
/// page does not.
fn refusing(
    frame: &Frame<'_>,
    form: Form,
    refused: Option<&RefusedInput>,
) -> (Form, Option<String>) {
    let Some(refused) = refused else { return (form, None) };
    let form = shown_again(form, refused);
    let is_said = form.has_problem();
    let words = if is_said { frame.t("console-field-wrong") } else { refused.why.clone() };
    (form, Some(words))
}

/// What it says of tokens that are for it.
fn terms(frame: &Frame<'_>, metadata: &ResourceMetadata) -> Vec<Fact> {
    let mut facts = Vec::new();
    if !metadata.scope.is_empty() {
        facts.push(Fact::code(frame.t("console-resource-scope"), metadata.scope.to_string()));
    }
    if let Some(seconds) = metadata.access_lifetime {
        let lifetime = time::show(chrono::Duration::seconds(seconds));
        facts.push(Fact::code(frame.t("console-resource-lifetime"), lifetime));
    }
    if let Some(alg) = metadata.token_alg {
        facts.push(Fact::code(frame.t("console-token-alg"), alg.as_str()));
    }
    let ticked = [
        (metadata.status_list, frame.t("console-resource-status-list")),
        (metadata.mcp, frame.t("console-resource-mcp")),
    ];
    let ticked = ticked.into_iter().filter(|(is_set, _)| *is_set);
    facts.extend(ticked.map(|(_, text)| Fact::text(text, frame.t("attribute-yes"))));
    facts
}

fn fields(frame: &Frame<'_>, metadata: &ResourceMetadata) -> Vec<Field> {
    let lifetime = frame.t("console-resource-lifetime");
    vec![
        Field::line("resource_name", frame.t("console-name"), &metadata.resource_name),
        Field::line("scope", frame.t("console-resource-scope"), &metadata.scope.to_string())
            .hint(frame.t("console-resource-scope-hint")),
        duration("access_lifetime", lifetime, metadata.access_lifetime)
            .hint(frame.t("console-resource-lifetime-hint")),
        choice(
            "token_alg",
            frame.t("console-token-alg"),
            Some(frame.t("console-resource-alg-of-app")),
            TokenAlg::ALL.iter().map(|alg| alg.as_str()),
            metadata.token_alg.map(TokenAlg::as_str),
        ),
        Field::tick("status_list", frame.t("console-resource-status-list"), metadata.status_list),
        Field::tick("mcp", frame.t("console-resource-mcp"), metadata.mcp),
    ]
}

/// Its scopes, with what people read when an app asks for them.
fn scopes(frame: &Frame<'_>, resource: &Resource, words: &[ScopeWords]) -> Vec<Part> {
    let row = |name: &str| {
        let known = words.iter().find(|words| words.name == name);
        let text = known.and_then(|words| words.text(frame.language)).map(str::to_owned);
        let text = text.unwrap_or_else(|| frame.t("console-scope-without-words"));
        Row { title: name.to_owned(), lines: vec![Value::Text(text)], ..Row::default() }
    };
    let rows: Vec<Row> = resource.metadata.scope.iter().map(row).collect();
    if rows.is_empty() {
        return Vec::new();
    }
    vec![Part::Heading(frame.t("console-resource-words")), Part::Rows(rows)]
}

/// The form for a new resource, or with what was refused of it.
#[must_use]
pub fn new<'a>(
    frame: Frame<'a>,
    shell: ConsoleShell<'a>,
    refused: Option<&RefusedInput>,
) -> ConsolePage<'a> {
    let id = Field::line("id", frame.t("console-resource-id"), "").required();
    let mut every = vec![id.hint(frame.t("console-audience-hint"))];
    every.extend(fields(&frame, &ResourceMetadata::default()));
    let action = format!("{}{}", frame.base, urls::RESOURCE_NEW);
    let button = Button::new("resource-create", frame.t("console-create"), Look::Primary);
    let (form, problem) = refusing(&frame, Form::new(action, every, button), refused);
    // There is no version yet. A form that has the field has ticks, too.
    let form = form.hiding("version", "");
    let (title, back) = (frame.t("console-new-resource"), frame.t("console-resources"));
    let page = ConsolePage::new(frame, shell, title).below(back, urls::RESOURCES);
    page.refusing(problem).with([Part::Form(form)])
}

/// Asks whether to delete a resource, and says what ends.
#[must_use]
pub fn confirm<'a>(
    frame: Frame<'a>,
    shell: ConsoleShell<'a>,
    resource: &Resource,
    version: &str,
) -> ConsolePage<'a> {
    let name = title(resource);
    let action = format!("{}{}", frame.base, path(resource, urls::RESOURCE_DELETE));
    let delete = frame.t("console-delete");
    let button = Button::new("resource-delete-confirm", delete, Look::Danger);
    let mut parts = Vec::new();
    let terms = terms(&frame, &resource.metadata);
    if !terms.is_empty() {
        parts.extend([Part::Heading(frame.t("console-what-ends")), Part::Facts(terms)]);
    }
    if resource.metadata.mcp {
        parts.push(Part::Note(Tone::Bad, frame.t("console-delete-resource-mcp")));
    }
    parts.push(Part::Form(Form::new(action, Vec::new(), button).hiding("version", version)));
    let heading = frame.t1("console-delete-resource-title", "name", &name);
    let lead = frame.t("console-delete-resource-lead");
    let page = ConsolePage::new(frame, shell, heading);
    page.below(name, &path(resource, urls::RESOURCE)).saying(lead).with(parts)
}
