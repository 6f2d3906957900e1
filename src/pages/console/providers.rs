//! The providers of social login.

use super::page::{ConsolePage, ConsoleShell};
use super::parts::{Action, Button, CopyText, Fact, Field, Form, Look, Part, Row, Tone, Value};
use crate::domain::admin_right::AdminRight;
use crate::domain::console_urls as urls;
use crate::domain::provider::Preset;
use crate::pages::frame::Frame;

/// A provider.
#[derive(Clone, Debug)]
pub struct ProviderLine {
    /// Its name on this server.
    pub slug: String,
    /// Its name for people.
    pub name: String,
    /// What it is.
    pub preset: Preset,
    /// What it calls this server.
    pub client_id: String,
    /// The redirect URI to register there.
    pub redirect_uri: String,
    /// Whether it is turned off.
    pub disabled: bool,
    /// Whether it is in the settings file.
    pub is_of_file: bool,
    /// The groups that it gives, where it can.
    pub groups: Option<GroupsOfProvider>,
    /// Its version: a form that saw another one changes nothing.
    pub version: String,
}

/// The groups that a provider gives, as they are typed.
#[derive(Clone, Debug)]
pub struct GroupsOfProvider {
    /// The claim that lists a person's groups there.
    pub claim: String,
    /// Their group and ours, a pair a line.
    pub map: String,
}

fn tags(frame: &Frame<'_>, one: &ProviderLine) -> Vec<(Tone, String)> {
    let mut tags = Vec::new();
    if one.disabled {
        tags.push((Tone::Bad, frame.t("console-disabled")));
    }
    if one.is_of_file {
        tags.push((Tone::Plain, frame.t("console-of-file")));
    }
    tags
}

fn path(one: &ProviderLine, template: &str) -> String {
    urls::of(template, &one.slug)
}

/// Every provider.
#[must_use]
pub fn list<'a>(
    frame: Frame<'a>,
    shell: ConsoleShell<'a>,
    providers: &[ProviderLine],
) -> ConsolePage<'a> {
    let mut parts = Vec::new();
    if shell.may(AdminRight::ChangeProviders) {
        let href = shell.href(&frame, urls::PROVIDER_NEW);
        let new = frame.t("console-new-provider");
        parts.push(Part::Actions(vec![Action::to("provider-new", new, Look::Primary, href)]));
    }
    if providers.is_empty() {
        parts.push(Part::Text(frame.t("console-providers-none")));
    } else {
        let row = |one: &ProviderLine| Row {
            title: one.name.clone(),
            href: Some(shell.href(&frame, &path(one, urls::PROVIDER))),
            tags: tags(&frame, one),
            lines: vec![Value::Code(one.slug.clone())],
            ..Row::default()
        };
        parts.push(Part::Rows(providers.iter().map(row).collect()));
    }
    let (title, lead) = (frame.t("console-providers"), frame.t("console-providers-lead"));
    ConsolePage::new(frame, shell, title).saying(lead).with(parts)
}

fn redirect_part(frame: &Frame<'_>, uri: &str) -> Part {
    Part::Copy(CopyText {
        id: "provider-redirect-uri".to_owned(),
        label: frame.t("console-provider-redirect-uri"),
        text: uri.to_owned(),
        hint: Some(frame.t("console-provider-redirect-uri-hint")),
    })
}

/// What a check found.
#[derive(Clone, Debug)]
pub struct CheckResult {
    /// What is right.
    pub good: Vec<String>,
    /// What is wrong.
    pub problem: Option<String>,
    /// Hints.
    pub notes: Vec<String>,
}

/// One provider, and what a check found.
#[must_use]
pub fn show<'a>(
    frame: Frame<'a>,
    shell: ConsoleShell<'a>,
    one: &ProviderLine,
    checked: Option<&CheckResult>,
) -> ConsolePage<'a> {
    let mut state = tags(&frame, one);
    if !one.disabled {
        state.insert(0, (Tone::Good, frame.t("console-active")));
    }
    let facts = vec![
        Fact { name: frame.t("console-state"), value: Value::Tags(state) },
        Fact::code(frame.t("console-id"), one.slug.as_str()),
        Fact::code(frame.t("console-preset"), one.preset.as_str()),
        Fact::code("client_id".to_owned(), one.client_id.as_str()),
    ];
    let mut parts = Vec::new();
    if let Some(checked) = checked {
        let good = checked.good.iter().cloned().map(|text| Part::Note(Tone::Good, text));
        parts.extend(good);
        parts.extend(checked.problem.clone().map(|text| Part::Note(Tone::Bad, text)));
        parts.extend(checked.notes.iter().cloned().map(|text| Part::Note(Tone::Plain, text)));
    }
    parts.push(Part::Facts(facts));
    parts.push(redirect_part(&frame, &one.redirect_uri));
    if shell.may(AdminRight::ChangeProviders) {
        parts.push(Part::Actions(actions(&frame, &shell, one)));
        let groups = one.groups.as_ref().filter(|_| !one.is_of_file);
        parts.extend(groups.into_iter().flat_map(|groups| groups_form(&frame, one, groups)));
    }
    let (name, back) = (one.name.clone(), frame.t("console-providers"));
    ConsolePage::new(frame, shell, name).below(back, urls::PROVIDERS).with(parts)
}

fn groups_form(frame: &Frame<'_>, one: &ProviderLine, groups: &GroupsOfProvider) -> [Part; 3] {
    let fields = vec![
        Field::line("group_claim", frame.t("console-group-claim"), &groups.claim),
        Field::lines("group_map", frame.t("console-group-map-lines"), &groups.map)
            .hint(frame.t("console-group-map-hint")),
    ];
    let button = Button::new("provider-groups-save", frame.t("console-save"), Look::Secondary);
    let action = format!("{}{}", frame.base, path(one, urls::PROVIDER));
    [
        Part::Heading(frame.t("console-group-map")),
        Part::Text(frame.t("console-group-map-lead")),
        Part::Form(Form::new(action, fields, button).hiding("version", &one.version)),
    ]
}

fn actions(frame: &Frame<'_>, shell: &ConsoleShell<'_>, one: &ProviderLine) -> Vec<Action> {
    let post = |id, label, template| {
        let action = format!("{}{}", frame.base, path(one, template));
        Action::post(id, label, Look::Secondary, action)
    };
    let danger = |id, label, template| {
        let href = shell.href(frame, &path(one, template));
        Action::to(id, label, Look::Danger, href)
    };
    let mut actions = vec![post("provider-check", frame.t("console-check"), urls::PROVIDER_CHECK)];
    if one.is_of_file {
        return actions;
    }
    actions.push(if one.disabled {
        post("provider-enable", frame.t("console-enable"), urls::PROVIDER_ENABLE)
    } else {
        danger("provider-disable", frame.t("console-disable"), urls::PROVIDER_DISABLE)
    });
    actions.push(danger("provider-delete", frame.t("console-delete"), urls::PROVIDER_DELETE));
    actions
}

/// The choice of a provider to add.
#[must_use]
pub fn choose<'a>(
    frame: Frame<'a>,
    shell: ConsoleShell<'a>,
    presets: &[(Preset, &str)],
) -> ConsolePage<'a> {
    let row = |(preset, name): &(Preset, &str)| Row {
        title: (*name).to_owned(),
        href: Some(shell.href(&frame, &urls::of(urls::PROVIDER_NEW_KIND, preset.as_str()))),
        ..Row::default()
    };
    let rows = Part::Rows(presets.iter().map(row).collect());
    let (title, back) = (frame.t("console-new-provider"), frame.t("console-providers"));
    ConsolePage::new(frame, shell, title).below(back, urls::PROVIDERS).with([rows])
}

/// What was typed into the form for a new provider, without the secret.
#[derive(Clone, Copy, Debug)]
pub struct NewProviderInput<'a> {
    /// What it is.
    pub preset: Preset,
    /// What it is called.
    pub title: &'a str,
    /// The redirect URI to register there, for the name that is proposed.
    pub redirect_uri: &'a str,
    /// Its name on this server.
    pub slug: &'a str,
    /// What it calls this server.
    pub client_id: &'a str,
    /// Its issuer, where it needs one.
    pub issuer: &'a str,
    /// Apple: the team.
    pub team_id: &'a str,
    /// Apple: the name of the key.
    pub key_id: &'a str,
}

/// The form for a new provider: a redirect URI to copy and two keys to paste.
#[must_use]
pub fn new<'a>(
    frame: Frame<'a>,
    shell: ConsoleShell<'a>,
    typed: &NewProviderInput<'_>,
    problem: Option<String>,
) -> ConsolePage<'a> {
    let mut fields =
        vec![Field::line("client_id", "client_id".to_owned(), typed.client_id).required()];
    if typed.preset == Preset::Apple {
        fields.push(Field::line("team_id", frame.t("console-team-id"), typed.team_id).required());
        fields.push(Field::line("key_id", frame.t("console-key-id"), typed.key_id).required());
        fields.push(Field::lines("private_key", frame.t("console-private-key"), ""));
    } else {
        let secret = Field::typed("client_secret", "password", "client_secret".to_owned(), "");
        fields.push(secret);
    }
    let issuer = Field::line("issuer", frame.t("console-issuer"), typed.issuer);
    match typed.preset {
        Preset::Oidc => fields.push(issuer.required()),
        Preset::GitHub | Preset::GitLab => {
            fields.push(issuer.hint(frame.t("console-issuer-hint")));
        }
        _ => {}
    }
    let slug = Field::line("slug", frame.t("console-slug"), typed.slug).required();
    fields.push(slug.hint(frame.t("console-slug-hint")));
    let action = urls::of(urls::PROVIDER_NEW_KIND, typed.preset.as_str());
    let button = Button::new("provider-create", frame.t("console-add"), Look::Primary);
    let form = Form::new(format!("{}{action}", frame.base), fields, button);
    let parts = [redirect_part(&frame, typed.redirect_uri), Part::Form(form)];
    let (title, back) = (typed.title.to_owned(), frame.t("console-new-provider"));
    let page = ConsolePage::new(frame, shell, title).below(back, urls::PROVIDER_NEW);
    page.refusing(problem).with(parts)
}

/// What is about to happen to a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProviderEnding {
    /// It is turned off.
    Disable,
    /// It is deleted.
    Delete,
}

/// Asks whether to turn a provider off or to delete it, and says what ends.
#[must_use]
pub fn confirm<'a>(
    frame: Frame<'a>,
    shell: ConsoleShell<'a>,
    one: &ProviderLine,
    (people, is_more): (u64, bool),
    ending: ProviderEnding,
) -> ConsolePage<'a> {
    let (title, id, label, template) = match ending {
        ProviderEnding::Disable => (
            frame.t1("console-disable-title", "name", &one.name),
            "provider-disable-confirm",
            frame.t("console-disable"),
            urls::PROVIDER_DISABLE,
        ),
        ProviderEnding::Delete => (
            frame.t1("console-delete-title", "name", &one.name),
            "provider-delete-confirm",
            frame.t("console-delete"),
            urls::PROVIDER_DELETE,
        ),
    };
    let lead = frame.t("console-provider-ending-lead");
    let mut rows =
        vec![Row { title: frame.tn("console-n-connected", "number", people), ..Row::default() }];
    if is_more {
        rows.push(Row { title: frame.t("console-and-more"), ..Row::default() });
    }
    let action = format!("{}{}", frame.base, path(one, template));
    let parts = vec![
        Part::Heading(frame.t("console-who-is-concerned")),
        Part::Rows(rows),
        Part::Form(Form::new(action, Vec::new(), Button::new(id, label, Look::Danger))),
    ];
    let (name, back) = (one.name.clone(), path(one, urls::PROVIDER));
    ConsolePage::new(frame, shell, title).below(name, &back).saying(lead).with(parts)
}
