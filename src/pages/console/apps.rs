//! Apps: the list, one app, and the wizard that registers one.

use super::app_settings::{self, RefusedInput};
use super::page::{ConsolePage, ConsoleShell};
use super::parts::{
    Action, Button, Choice, Code, CopyText, Fact, Field, Form, Link, Look, Part, Row, RowButton,
    Tone, Value,
};
use super::snippets;
use crate::domain::admin_right::AdminRight;
use crate::domain::app_kind::AppKind;
use crate::domain::claim_rule::ClaimRule;
use crate::domain::client::{
    Client, ClientProfile, RegisteredBy, RequestObjectAlg, SubjectType, TokenAlg,
};
use crate::domain::client_secret::HeldSecret;
use crate::domain::console_urls as urls;
use crate::domain::grant_type::GrantType;
use crate::pages::frame::Frame;

fn kind_title(frame: &Frame<'_>, kind: AppKind) -> String {
    match kind {
        AppKind::Web => frame.t("console-kind-web"),
        AppKind::SinglePage => frame.t("console-kind-single-page"),
        AppKind::Native => frame.t("console-kind-native"),
        AppKind::Service => frame.t("console-kind-service"),
        AppKind::Resource => frame.t("console-kind-resource"),
        AppKind::Mcp => frame.t("console-kind-mcp"),
    }
}

fn kind_words(frame: &Frame<'_>, kind: AppKind) -> String {
    match kind {
        AppKind::Web => frame.t("console-kind-web-words"),
        AppKind::SinglePage => frame.t("console-kind-single-page-words"),
        AppKind::Native => frame.t("console-kind-native-words"),
        AppKind::Service => frame.t("console-kind-service-words"),
        AppKind::Resource => frame.t("console-kind-resource-words"),
        AppKind::Mcp => frame.t("console-kind-mcp-words"),
    }
}

fn path(client: &Client, template: &str) -> String {
    urls::of(template, client.id.as_str())
}

fn tags(frame: &Frame<'_>, client: &Client) -> Vec<(Tone, String)> {
    let disabled = client.disabled_at.map(|_| (Tone::Bad, frame.t("console-disabled")));
    let unvouched = match client.registered_by {
        RegisteredBy::Operator => None,
        RegisteredBy::Itself => Some(frame.t("console-registered-itself")),
        RegisteredBy::Document => Some(frame.t("console-registered-document")),
    };
    let unvouched = unvouched.map(|text| (Tone::Plain, text));
    disabled.into_iter().chain(unvouched).collect()
}

/// Apps, page by page.
#[must_use]
pub fn list<'a>(
    frame: Frame<'a>,
    shell: ConsoleShell<'a>,
    search: &str,
    apps: &[&Client],
    next: Option<&str>,
) -> ConsolePage<'a> {
    let field = Field::typed("search", "search", frame.t("console-search-apps"), search);
    let button = Button::new("apps-search-submit", frame.t("console-search"), Look::Secondary);
    let form =
        Form::new(format!("{}{}", frame.base, urls::APPS), vec![field.id("apps-search")], button);
    let mut actions = Vec::new();
    if shell.may(AdminRight::ChangeClients) {
        let href = shell.href(&frame, urls::APP_NEW);
        actions.push(Action::to("app-new", frame.t("console-new-app"), Look::Primary, href));
    }
    let (resources, href) = (frame.t("console-resources"), shell.href(&frame, urls::RESOURCES));
    actions.push(Action::to("resources", resources, Look::Secondary, href));
    let (tokens, href) =
        (frame.t("console-registration-tokens"), shell.href(&frame, urls::REGISTRATION_TOKENS));
    actions.push(Action::to("registration-tokens", tokens, Look::Secondary, href));
    let mut parts = vec![Part::Actions(actions), Part::Form(form.in_line().search())];
    let row = |client: &&Client| Row {
        title: client.metadata.client_name.clone(),
        href: Some(shell.href(&frame, &path(client, urls::APP))),
        tags: tags(&frame, client),
        lines: vec![Value::Code(client.id.as_str().to_owned())],
        ..Row::default()
    };
    if apps.is_empty() {
        parts.push(Part::Text(frame.t("console-apps-none")));
    } else {
        parts.push(Part::Rows(apps.iter().map(row).collect()));
    }
    if let Some(next) = next {
        let mut link = shell.link(&frame, "apps-next", frame.t("console-next"), urls::APPS);
        link.href = shell.href_with(&frame, urls::APPS, &[("search", search), ("after", next)]);
        parts.push(Part::More(link));
    }
    let title = frame.t("console-apps");
    ConsolePage::new(frame, shell, title).with(parts)
}

/// What is known about an app.
#[derive(Clone, Debug)]
pub struct AppFacts<'a> {
    /// The client.
    pub client: &'a Client,
    /// Its version: a form that saw another one changes nothing.
    pub version: String,
    /// The secrets that still count.
    pub secrets: &'a [HeldSecret],
    /// The names of the roles at it.
    pub roles: &'a [String],
    /// Where a test sign-in begins.
    pub test_sign_in: Option<String>,
    /// What was typed into its form, if that was refused.
    pub refused: Option<&'a RefusedInput>,
}

/// One app.
#[must_use]
pub fn show<'a>(
    frame: Frame<'a>,
    shell: ConsoleShell<'a>,
    facts: &AppFacts<'_>,
) -> ConsolePage<'a> {
    let client = facts.client;
    let mut parts = vec![Part::Facts(about(&frame, client))];
    let mut is_said = false;
    parts.push(Part::Actions(actions(&frame, &shell, facts)));
    if shell.may(AdminRight::ChangeClients) {
        parts.push(Part::Heading(frame.t("console-app-settings")));
        let form = app_settings::form(&frame, client, &facts.version, facts.refused);
        is_said = form.has_problem();
        parts.push(Part::Form(form));
    }
    if client.metadata.token_endpoint_auth_method.has_secret() {
        parts.extend(secrets(&frame, &shell, facts));
    }
    parts.extend(roles(&frame, &shell, facts));
    if shell.may(AdminRight::ChangeClients) {
        let href = shell.href(&frame, &path(client, urls::APP_DELETE));
        let delete = frame.t("console-delete");
        parts.push(Part::Heading(frame.t("console-delete-app")));
        parts.push(Part::Text(frame.t("console-delete-app-lead")));
        parts.push(Part::Actions(vec![Action::to("client-delete", delete, Look::Danger, href)]));
    }
    let (title, back) = (client.metadata.client_name.clone(), frame.t("console-apps"));
    let words = |refused: &RefusedInput| {
        if is_said { frame.t("console-field-wrong") } else { refused.why.clone() }
    };
    let problem = facts.refused.map(words);
    let page = ConsolePage::new(frame, shell, title).below(back, urls::APPS);
    page.refusing(problem).with(parts)
}

fn about(frame: &Frame<'_>, client: &Client) -> Vec<Fact> {
    let metadata = &client.metadata;
    let mut state = tags(frame, client);
    if client.is_enabled() {
        state.insert(0, (Tone::Good, frame.t("console-active")));
    }
    let grants: Vec<_> = metadata.grant_types.iter().map(|grant| grant.as_str()).collect();
    let mut facts = vec![
        Fact { name: frame.t("console-state"), value: Value::Tags(state) },
        Fact::code("client_id".to_owned(), client.id.as_str()),
        Fact::code(frame.t("console-client-kind"), client.kind.as_str()),
        Fact::code(frame.t("console-authentication"), metadata.token_endpoint_auth_method.as_str()),
    ];
    if !grants.is_empty() {
        facts.push(Fact::code(frame.t("console-grants"), grants.join(" ")));
    }
    if !metadata.resource_servers.is_empty() {
        let audiences = metadata.resource_servers.join(" ");
        facts.push(Fact::code(frame.t("console-takes-tokens-for"), audiences));
    }
    facts.extend(set_attributes(client));
    if let Some(token) = &client.came_by {
        facts.push(Fact::code(frame.t("console-registered-with"), token.as_str()));
    }
    if !metadata.claims.is_empty() {
        let rules: Vec<String> = metadata.claims.iter().map(ClaimRule::line).collect();
        facts.push(Fact::code("claims".to_owned(), rules.join("; ")));
    }
    facts.push(Fact::time(frame.t("console-made"), client.created_at));
    facts
}

/// What else the client is registered for. These have no words of their own here: they are named as
/// they are registered.
fn set_attributes(client: &Client) -> Vec<Fact> {
    let own = &client.metadata;
    let is_pairwise = own.subject_type == SubjectType::Pairwise;
    let age = own.device_max_age.map(|seconds| seconds.to_string());
    let yes = |is_set: bool| is_set.then_some("true");
    let attributes = [
        ("subject_type", is_pairwise.then(|| own.subject_type.as_str())),
        ("sector_identifier_uri", own.sector_identifier_uri.as_deref()),
        ("profile", own.profile.map(ClientProfile::as_str)),
        ("jwks_uri", own.jwks_uri.as_deref()),
        ("tls_client_auth_subject_dn", own.tls_client_auth_subject_dn.as_deref()),
        ("tls_client_auth_san_dns", own.tls_client_auth_san_dns.as_deref()),
        ("tls_client_auth_san_uri", own.tls_client_auth_san_uri.as_deref()),
        ("tls_client_auth_san_ip", own.tls_client_auth_san_ip.as_deref()),
        ("tls_client_auth_san_email", own.tls_client_auth_san_email.as_deref()),
        ("require_pushed_authorization_requests", yes(own.require_pushed_authorization_requests)),
        (
            "request_object_signing_alg",
            own.request_object_signing_alg.map(RequestObjectAlg::as_str),
        ),
        ("require_signed_request_object", yes(own.require_signed_request_object)),
        (
            "authorization_signed_response_alg",
            own.authorization_signed_response_alg.map(TokenAlg::as_str),
        ),
        ("userinfo_signed_response_alg", own.userinfo_signed_response_alg.map(TokenAlg::as_str)),
        (
            "introspection_signed_response_alg",
            own.introspection_signed_response_alg.map(TokenAlg::as_str),
        ),
        ("dpop_bound_access_tokens", yes(own.dpop_bound_access_tokens)),
        (
            "tls_client_certificate_bound_access_tokens",
            yes(own.tls_client_certificate_bound_access_tokens),
        ),
        ("device_max_age", age.as_deref()),
        ("status_list", own.status_list.is_on().then(|| own.status_list.as_str())),
    ];
    let fact = |(name, value): (&str, Option<&str>)| Some(Fact::code(name.to_owned(), value?));
    attributes.into_iter().filter_map(fact).collect()
}

fn actions(frame: &Frame<'_>, shell: &ConsoleShell<'_>, facts: &AppFacts<'_>) -> Vec<Action> {
    let client = facts.client;
    let to = |id, label, template| {
        let href = shell.href(frame, &path(client, template));
        Action::to(id, label, Look::Secondary, href)
    };
    let mut actions = vec![to("app-snippets", frame.t("console-snippets"), urls::APP_SNIPPETS)];
    if let Some(test) = &facts.test_sign_in {
        let label = frame.t("console-test-sign-in");
        actions.push(Action::to("app-test", label, Look::Secondary, test.clone()));
    }
    if client.may_use(GrantType::AuthorizationCode) || client.may_use(GrantType::Password) {
        actions.push(to("app-preview", frame.t("console-preview"), urls::APP_PREVIEW));
    }
    if shell.may(AdminRight::ChangeClients) {
        if client.disabled_at.is_some() {
            let action = format!("{}{}", frame.base, path(client, urls::APP_ENABLE));
            let label = frame.t("console-enable");
            actions.push(Action::post("client-enable", label, Look::Secondary, action));
        } else {
            let href = shell.href(frame, &path(client, urls::APP_DISABLE));
            let label = frame.t("console-disable");
            actions.push(Action::to("client-disable", label, Look::Danger, href));
        }
    }
    actions
}

fn secrets(frame: &Frame<'_>, shell: &ConsoleShell<'_>, facts: &AppFacts<'_>) -> Vec<Part> {
    let client = facts.client;
    let may = shell.may(AdminRight::ChangeSecrets);
    let several = facts.secrets.len() > 1;
    let row = |(number, secret): (usize, &HeldSecret)| {
        let mut lines = Vec::new();
        lines.extend(secret.created_at.map(|at| Value::Since(frame.t("console-made"), at)));
        lines.extend(secret.expires_at.map(|at| Value::Since(frame.t("console-ends"), at)));
        Row {
            title: secret.id(),
            lines,
            button: (may && several).then(|| RowButton {
                id: format!("client-secret-drop-{number}"),
                label: frame.t("console-end"),
                action: format!("{}{}", frame.base, path(client, urls::APP_SECRET_DROP)),
                hidden: vec![("secret", secret.id())],
            }),
            ..Row::default()
        }
    };
    let mut parts = vec![
        Part::Heading(frame.t("console-secrets")),
        Part::Rows((1..).zip(facts.secrets).map(row).collect()),
    ];
    if may {
        let hour = |hours: u64| frame.tn("console-hours", "number", hours);
        let choices = vec![
            Choice::new("24", hour(24), "24"),
            Choice::new("1", hour(1), "24"),
            Choice::new("168", hour(168), "24"),
            Choice::new("0", frame.t("console-at-once"), "24"),
        ];
        let field = Field::choice("overlap", frame.t("console-overlap"), choices);
        let rotate = frame.t("console-new-secret");
        let button = Button::new("client-secret-rotate", rotate, Look::Danger);
        let action = format!("{}{}", frame.base, path(client, urls::APP_SECRET));
        parts.push(Part::Text(frame.t("console-new-secret-lead")));
        parts.push(Part::Form(Form::new(action, vec![field], button).in_line()));
    }
    parts
}

fn roles(frame: &Frame<'_>, shell: &ConsoleShell<'_>, facts: &AppFacts<'_>) -> Vec<Part> {
    let action = format!("{}{}", frame.base, path(facts.client, urls::APP_ROLES));
    let may = shell.may(AdminRight::ChangeClients);
    let row = |(number, role): (usize, &String)| Row {
        title: role.clone(),
        button: may.then(|| RowButton {
            id: format!("client-role-delete-{number}"),
            label: frame.t("console-delete"),
            action: action.clone(),
            hidden: vec![("delete", role.clone())],
        }),
        ..Row::default()
    };
    let mut parts = vec![Part::Heading(frame.t("console-app-roles"))];
    if facts.roles.is_empty() {
        parts.push(Part::Text(frame.t("console-no-app-roles")));
    } else {
        parts.push(Part::Rows((1..).zip(facts.roles).map(row).collect()));
    }
    if may {
        let field = Field::line("role", frame.t("console-role"), "").required();
        let button = Button::new("client-role-create", frame.t("console-create"), Look::Secondary);
        parts.push(Part::Form(Form::new(action.clone(), vec![field], button).in_line()));
    }
    parts
}

/// The choice of what a new app is.
#[must_use]
pub fn choose<'a>(frame: Frame<'a>, shell: ConsoleShell<'a>) -> ConsolePage<'a> {
    let row = |kind: &AppKind| Row {
        title: kind_title(&frame, *kind),
        href: Some(shell.href(&frame, &urls::of(urls::APP_NEW_KIND, kind.as_str()))),
        lines: vec![Value::Text(kind_words(&frame, *kind))],
        ..Row::default()
    };
    let rows = AppKind::ALL.iter().map(row).collect();
    let (title, back) = (frame.t("console-new-app"), frame.t("console-apps"));
    let lead = frame.t("console-new-app-lead");
    let page = ConsolePage::new(frame, shell, title).below(back, urls::APPS).saying(lead);
    page.with([Part::Rows(rows)])
}

/// What was typed into the form for a new app.
#[derive(Clone, Copy, Debug)]
pub struct NewAppInput<'a> {
    /// What it is.
    pub kind: AppKind,
    /// Its name.
    pub name: &'a str,
    /// Its `client_id`; empty: one is made.
    pub id: &'a str,
    /// Redirect URIs, one a line.
    pub redirect_uris: &'a str,
    /// The scope.
    pub scope: &'a str,
    /// The audience: of its tokens, or the one that it is.
    pub audience: &'a str,
    /// Whether it is the operator's own.
    pub first_party: bool,
}

/// The form for a new app.
#[must_use]
pub fn new<'a>(
    frame: Frame<'a>,
    shell: ConsoleShell<'a>,
    typed: NewAppInput<'_>,
    problem: Option<String>,
) -> ConsolePage<'a> {
    let kind = typed.kind;
    let mut fields = vec![
        Field::line("client_name", frame.t("console-name"), typed.name).required(),
        Field::line("client_id", "client_id".to_owned(), typed.id)
            .hint(frame.t("console-client-id-hint")),
    ];
    if kind.signs_people_in() {
        let uris =
            Field::lines("redirect_uris", frame.t("console-redirect-uris"), typed.redirect_uris);
        fields.push(uris.hint(frame.t("console-one-a-line")));
        fields.push(Field::line("scope", frame.t("console-scope"), typed.scope));
        let own = frame.t("console-first-party");
        fields.push(Field::tick("first_party", own, typed.first_party));
    } else if kind == AppKind::Service {
        fields.push(Field::line("scope", frame.t("console-scope"), typed.scope));
        let audience = frame.t("console-audience-of-tokens");
        fields.push(Field::line("audience", audience, typed.audience));
    } else {
        let audience = Field::line("audience", frame.t("console-audience-it-is"), typed.audience);
        fields.push(audience.required().hint(frame.t("console-audience-hint")));
    }
    let action = urls::of(urls::APP_NEW_KIND, kind.as_str());
    let button = Button::new("client-create", frame.t("console-create"), Look::Primary);
    let form = Form::new(format!("{}{action}", frame.base), fields, button);
    let (title, back) = (kind_title(&frame, kind), frame.t("console-new-app"));
    let lead = kind_words(&frame, kind);
    let page = ConsolePage::new(frame, shell, title).below(back, urls::APP_NEW).saying(lead);
    page.refusing(problem).with([Part::Form(form)])
}

/// A secret, which is shown once.
fn secret_part(frame: &Frame<'_>, secret: &str) -> Part {
    Part::Copy(CopyText {
        id: "client-secret".to_owned(),
        label: "client_secret".to_owned(),
        text: secret.to_owned(),
        hint: Some(frame.t("console-secret-hint")),
    })
}

/// The app that was made, with its secret and code.
#[must_use]
pub fn made<'a>(
    frame: Frame<'a>,
    shell: ConsoleShell<'a>,
    client: &Client,
    secret: Option<&str>,
    issuer: &str,
) -> ConsolePage<'a> {
    let name = &client.metadata.client_name;
    let mut parts = vec![Part::Copy(CopyText {
        id: "client-id".to_owned(),
        label: "client_id".to_owned(),
        text: client.id.as_str().to_owned(),
        hint: None,
    })];
    parts.extend(secret.map(|secret| secret_part(&frame, secret)));
    parts.extend(code(&frame, &shell, client, "curl", issuer));
    let title = frame.t1("console-app-made", "name", name);
    ConsolePage::new(frame, shell, title).below(name.clone(), &path(client, urls::APP)).with(parts)
}

/// The secret that was made.
#[must_use]
pub fn new_secret<'a>(
    frame: Frame<'a>,
    shell: ConsoleShell<'a>,
    client: &str,
    secret: &str,
) -> ConsolePage<'a> {
    let part = secret_part(&frame, secret);
    let title = frame.t("console-secret-made");
    let back = urls::of(urls::APP, client);
    ConsolePage::new(frame, shell, title).below(client.to_owned(), &back).with([part])
}

fn code(
    frame: &Frame<'_>,
    shell: &ConsoleShell<'_>,
    client: &Client,
    language: &str,
    issuer: &str,
) -> [Part; 3] {
    let links = snippets::LANGUAGES.iter().map(|(word, name)| {
        let page = path(client, urls::APP_SNIPPETS);
        Link {
            id: format!("snippet-{word}"),
            text: (*name).to_owned(),
            href: shell.href_with(frame, &page, &[("language", word)]),
            is_current: *word == language,
        }
    });
    let label = frame.t("console-snippets");
    [
        Part::Heading(label.clone()),
        Part::Tabs(frame.t("console-programming-language"), links.collect()),
        Part::Code(Code {
            id: "snippet".to_owned(),
            label,
            text: snippets::code(language, client, issuer),
        }),
    ]
}

/// Code for an app.
#[must_use]
pub fn snippets_page<'a>(
    frame: Frame<'a>,
    shell: ConsoleShell<'a>,
    client: &Client,
    language: &str,
    issuer: &str,
) -> ConsolePage<'a> {
    let known = snippets::LANGUAGES.iter().find(|(word, _)| *word == language);
    let language = known.map_or("curl", |(word, _)| word);
    let [_, tabs, code] = code(&frame, &shell, client, language, issuer);
    let (title, name) = (frame.t("console-snippets"), client.metadata.client_name.clone());
    ConsolePage::new(frame, shell, title).below(name, &path(client, urls::APP)).with([tabs, code])
}

/// What is about to happen to an app.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppEnding {
    /// It is disabled.
    Disable,
    /// It is deleted.
    Delete,
}

/// What ends with an app.
#[derive(Clone, Copy, Debug)]
pub struct AppUse {
    /// How many sessions of people there are.
    pub sessions: u64,
    /// Whether there may be more.
    pub is_more: bool,
}

/// Asks whether to close an app, and says what ends.
#[must_use]
pub fn confirm<'a>(
    frame: Frame<'a>,
    shell: ConsoleShell<'a>,
    client: &Client,
    open: AppUse,
    ending: AppEnding,
) -> ConsolePage<'a> {
    let name = client.metadata.client_name.clone();
    let (title, lead, id, label, template) = match ending {
        AppEnding::Disable => (
            frame.t1("console-disable-app-title", "name", &name),
            frame.t("console-disable-app-lead"),
            "client-disable-confirm",
            frame.t("console-disable"),
            urls::APP_DISABLE,
        ),
        AppEnding::Delete => (
            frame.t1("console-delete-title", "name", &name),
            frame.t("console-delete-lead"),
            "client-delete-confirm",
            frame.t("console-delete"),
            urls::APP_DELETE,
        ),
    };
    let mut rows = vec![Row {
        title: frame.tn("console-n-people-sessions", "number", open.sessions),
        ..Row::default()
    }];
    if open.is_more {
        rows.push(Row { title: frame.t("console-and-more"), ..Row::default() });
    }
    let action = format!("{}{}", frame.base, path(client, template));
    let parts = vec![
        Part::Heading(frame.t("console-what-ends")),
        Part::Rows(rows),
        Part::Form(Form::new(action, Vec::new(), Button::new(id, label, Look::Danger))),
    ];
    let back = path(client, urls::APP);
    ConsolePage::new(frame, shell, title).below(name, &back).saying(lead).with(parts)
}

/// What tokens would say.
#[derive(Clone, Debug, Default)]
pub struct PreviewResult {
    /// The claims of each, as JSON, with its name and its length.
    pub tokens: Vec<(&'static str, Option<usize>, String)>,
    /// What somebody may have overlooked.
    pub warnings: Vec<String>,
}

/// What the tokens of a person at an app would say.
#[must_use]
pub fn preview<'a>(
    frame: Frame<'a>,
    shell: ConsoleShell<'a>,
    client: &Client,
    (user, scope): (&str, &str),
    result: Option<&PreviewResult>,
) -> ConsolePage<'a> {
    let fields = vec![
        Field::line("user", frame.t("console-user-name"), user).required(),
        Field::line("scope", frame.t("console-scope"), scope),
    ];
    let action = path(client, urls::APP_PREVIEW);
    let button = Button::new("preview-show", frame.t("console-show"), Look::Secondary);
    let form = Form::new(format!("{}{action}", frame.base), fields, button);
    let mut parts = vec![Part::Form(form.in_line().search())];
    if let Some(result) = result {
        let warnings = result.warnings.iter().cloned();
        parts.extend(warnings.map(|warning| Part::Note(Tone::Bad, warning)));
        for (name, bytes, text) in &result.tokens {
            parts.push(Part::Heading((*name).to_owned()));
            let length = bytes.map(|bytes| u64::try_from(bytes).unwrap_or(u64::MAX));
            parts.extend(length.map(|it| Part::Fine(frame.tn("console-bytes", "number", it))));
            let (id, label) = (format!("preview-{}", name.replace(' ', "-")), (*name).to_owned());
            parts.push(Part::Code(Code { id, label, text: text.clone() }));
        }
    }
    let (title, lead) = (frame.t("console-preview"), frame.t("console-preview-lead"));
    let name = client.metadata.client_name.clone();
    let page = ConsolePage::new(frame, shell, title).below(name, &path(client, urls::APP));
    page.saying(lead).with(parts)
}
