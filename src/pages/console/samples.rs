//! The samples of the console.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::app_settings::RefusedInput;
use super::apps::{self, AppEnding, AppFacts, AppUse, NewAppInput, PreviewResult};
use super::attribute_definitions::{self as definitions, DefinitionInput};
use super::audit::{self, AuditFilter, EventLine};
use super::groups;
use super::overview::{self, Attention, DayLine, OverviewFacts};
use super::page::{ConsolePage, ConsoleShell};
use super::people::{self, NewPersonInput};
use super::person::{self, MadeLink, OpenThings, PersonEnding, PersonFacts};
use super::person_attributes::{PersonAttributes, RefusedAttribute};
use super::providers::{
    self, CheckResult, GroupsOfProvider, NewProviderInput, ProviderEnding, ProviderLine,
};
use super::registration_tokens::{self as app_tokens, TokenFacts};
use super::resources::{self, ResourceFacts};
use super::scope_words::{self, ScopeFacts};
use super::signing_keys::{self as keys, FetcherLine, KeyFacts, KeyLine, KeyPhase, NextKeyLine};
use super::webhook_pages::{self as webhooks, NewWebhookInput, WebhookLine};
use super::{scim_tokens, settings, token};
use crate::domain::admin_right::Rights;
use crate::domain::admin_role::AdminRole;
use crate::domain::app_kind::AppKind;
use crate::domain::attribute::{Attribute, AttributeType};
use crate::domain::client::{Client, ClientId, ClientKind, TokenAlg};
use crate::domain::console_notice::ConsoleNotice;
use crate::domain::console_section::ConsoleSection;
use crate::domain::grant_type::GrantType;
use crate::domain::outbound_error::OutboundError;
use crate::domain::provider::Preset;
use crate::domain::registration_token::RegistrationTokenRecord;
use crate::domain::resource::{Resource, ResourceMetadata};
use crate::domain::scim_token::ScimTokenRecord;
use crate::domain::scope::Scope;
use crate::domain::scope_words::ScopeWords;
use crate::domain::user::{AccountSource, Profile, User, UserId};
use crate::domain::webhook::{
    AttemptOutcome, EventPattern, LastAttempt, ReplacedSecret, Webhook, WebhookId,
};
use crate::pages::frame::Frame;
use crate::pages::sample::Sample;
use crate::pages::samples::names::{HOSTILE, LONG};
use crate::pages::samples::people as sample_people;
use crate::pages::samples::values::instant;
use crate::settings::InForce;

impl<'a> Sample<'a> for ConsolePage<'a> {
    const NAME: &'static str = "console";

    fn samples(frame: Frame<'a>) -> Vec<(&'static str, Self)> {
        [
            of_overview(frame),
            of_people(frame),
            of_person_attributes(frame),
            of_groups(frame),
            of_apps(frame),
            of_new_apps(frame),
            of_resources(frame),
            of_registration_tokens(frame),
            of_providers(frame),
            of_keys(frame),
            of_audit(frame),
            of_settings(frame),
            of_webhooks(frame),
            of_scim_tokens(frame),
            of_scopes(frame),
            of_attributes(frame),
        ]
        .concat()
    }
}

/// What somebody sees who may do everything.
fn shell(section: ConsoleSection) -> ConsoleShell<'static> {
    ConsoleShell {
        csrf: "csrf",
        session: "session",
        person: sample_people::HANA,
        rights: Rights::all(),
        section,
        notice: None,
    }
}

/// The same on a page on which every text was written by somebody hostile.
fn hostile(section: ConsoleSection) -> ConsoleShell<'static> {
    let (csrf, session) = (HOSTILE, HOSTILE);
    ConsoleShell { csrf, session, person: sample_people::HOSTILE, ..shell(section) }
}

fn user(username: &str, email: Option<&str>, name: Option<&str>) -> User {
    User {
        id: UserId::from_stored("0193b5a0-6f3e-7cc1-8d2e-4b1f0a6c9d21".to_owned()),
        username: username.to_owned(),
        email: email.map(str::to_owned),
        email_verified: true,
        password_hash: Some(String::new()),
        password_temporary: false,
        totp_since: Some(instant(-900_000)),
        profile: Profile { name: name.map(str::to_owned), ..Profile::default() },
        disabled_at: None,
        deletion_at: None,
        created_at: instant(-9_000_000),
        updated_at: instant(-90_000),
        made_by: AccountSource::Operator,
        email_by: AccountSource::Operator,
    }
}

fn facts(user: &User) -> PersonFacts<'_> {
    PersonFacts {
        user,
        providers: vec!["Google".to_owned(), "Kakao".to_owned()],
        passkeys: 2,
        recovery_codes: Some(8),
        browsers: &[],
        sessions: Vec::new(),
        open: OpenThings { browsers: 2, sessions: 3, apps: 2, is_more: false },
        groups: vec!["staff".to_owned(), "편집부".to_owned()],
        attributes: PersonAttributes { held: &[], version: String::new(), refused: None },
        roles: &[AdminRole::Support],
        may_give: AdminRole::ALL.to_vec(),
        client_roles: vec![("books".to_owned(), "editor".to_owned())],
        last_sign_in: Some(instant(-3600)),
        events: Some(events("hana")),
    }
}

pub(super) fn events(user: &str) -> Vec<EventLine> {
    let event = |at: DateTime<Utc>, kind: &str, times| EventLine {
        at,
        kind: kind.to_owned(),
        times,
        user: Some(user.to_owned()),
        client: Some("books".to_owned()),
        detail: None,
        actor: None,
        address: Some("203.0.113.7".to_owned()),
        change: None,
    };
    vec![
        event(instant(-60), "sign_in.succeeded", 1),
        event(instant(-600), "sign_in.failed", 3),
        EventLine {
            actor: Some("operator".to_owned()),
            detail: Some("support".to_owned()),
            change: Some(r#"{"before":{"name":"Hana"},"after":{"name":"Hana Seo"}}"#.to_owned()),
            ..event(instant(-7200), "role.granted", 1)
        },
    ]
}

fn key_facts() -> KeyFacts {
    let day = 86_400;
    let key = |kid: &str, phase, days: i64, until: Option<i64>| KeyLine {
        kid: kid.to_owned(),
        alg: "ES256".to_owned(),
        phase,
        created_at: instant(days * day),
        signs_from: instant(days * day + 7200),
        signs_until: until.map(|days| instant(days * day)),
        published_until: until.map(|days| instant((days + 1) * day)),
    };
    let fetcher = |agent: &str, ago| FetcherLine { agent: agent.to_owned(), last_at: instant(ago) };
    KeyFacts {
        keys: vec![
            key("s0Bq-mPVJ0hC5gJ5m0Rk9uYw1iZr0w7w1n3sQvFZ1hI", KeyPhase::Retiring, -95, Some(-5)),
            key("wPz2mW4bq1Ue7mF8s1Gx0dKc9oQhT5uV3jY6nA2rL8E", KeyPhase::Signing, -5, None),
        ],
        fetchers: vec![fetcher("openid-client/6.1", -300), fetcher("Spring Boot", -90_000)],
        next: vec![NextKeyLine {
            alg: "ES256".to_owned(),
            have: 1,
            of: 2,
            missing: vec!["Spring Boot".to_owned()],
        }],
        now: instant(0),
    }
}

fn of_overview(frame: Frame<'_>) -> Vec<(&'static str, ConsolePage<'_>)> {
    let section = ConsoleSection::Overview;
    let support = ConsoleShell { rights: AdminRole::Support.rights(), ..shell(section) };
    let day = |ago: i64| DayLine {
        begins_at: instant(-86_400 * ago),
        by_way: [40 + 7 * (ago % 5).unsigned_abs(), 18 + ago.unsigned_abs(), 25],
        refused: 3 + 5 * (ago % 3).unsigned_abs(),
        refreshes: 1200 + 130 * (ago % 4).unsigned_abs(),
    };
    let facts = OverviewFacts {
        attention: Some(Vec::new()),
        days: (0..14).rev().map(day).collect(),
        counted: 5000,
        keys: Some(key_facts()),
        events: Some(events("hana")),
    };
    let attention = vec![
        Attention::Mails(3),
        Attention::Notices(1),
        Attention::Messages(2),
        Attention::Hashing(12),
        Attention::KeyNotFetched("ES256".to_owned(), HOSTILE.to_owned()),
        Attention::Provider(HOSTILE.to_owned()),
        Attention::Localhost,
    ];
    let days = vec![DayLine { by_way: [0; 3], refused: 5000, ..day(0) }];
    let bad = OverviewFacts { attention: Some(attention), days, ..facts.clone() };
    vec![
        ("overview", overview::show(frame, shell(section), &facts)),
        ("overview-hostile", overview::show(frame, shell(section), &bad)),
        ("overview-support", overview::show(frame, support, &OverviewFacts::default())),
    ]
}

fn of_groups(frame: Frame<'_>) -> Vec<(&'static str, ConsolePage<'_>)> {
    let section = ConsoleSection::Groups;
    let auditor = ConsoleShell { rights: AdminRole::Auditor.rights(), ..shell(section) };
    let names = ["editors".to_owned(), "편집부".to_owned()];
    let hana = user("hana", Some("hana@example.com"), Some("Hana Seo"));
    let bad = [HOSTILE.to_owned()];
    vec![
        ("groups", groups::list(frame, shell(section), &names, Some("next"))),
        ("groups-none", groups::list(frame, auditor, &[], None)),
        ("groups-hostile", groups::list(frame, hostile(section), &bad, None)),
        ("group", groups::members(frame, shell(section), "editors", &[hana], Some("next"))),
        ("group-hostile", groups::members(frame, hostile(section), HOSTILE, &[], None)),
        ("group-delete", groups::confirm(frame, shell(section), "editors", 200, true)),
    ]
}

fn client(id: &str, name: &str, kind: ClientKind, grants: &[GrantType]) -> Option<Client> {
    let mut client = Client::new(ClientId::parse(id)?, kind, instant(-9_000_000));
    let metadata = &mut client.metadata;
    name.clone_into(&mut metadata.client_name);
    metadata.grant_types = grants.to_vec();
    metadata.scope = Scope::parse("email openid profile").unwrap_or_default();
    metadata.redirect_uris = vec!["https://books.example.com/callback".to_owned()];
    Some(client)
}

fn of_apps(frame: Frame<'_>) -> Vec<(&'static str, ConsolePage<'_>)> {
    let section = ConsoleSection::Apps;
    let grants = [GrantType::AuthorizationCode, GrantType::RefreshToken];
    let books = client("books", "Dalbit Books", ClientKind::Confidential, &grants);
    let bad = client("<img", HOSTILE, ClientKind::Public, &grants);
    let (Some(mut books), Some(mut bad)) = (books, bad) else { return Vec::new() };
    let rules = |texts: &[&str]| texts.iter().filter_map(|rule| rule.parse().ok()).collect();
    books.metadata.claims = rules(&["groups", "tenant=acme"]);
    bad.metadata.claims = rules(&[HOSTILE]);
    bad.disabled_at = Some(instant(-60));
    bad.metadata.redirect_uris = vec![HOSTILE.to_owned()];
    let auditor = ConsoleShell { rights: AdminRole::Auditor.rights(), ..shell(section) };
    let facts = |client| AppFacts {
        client,
        version: "\"version\"".to_owned(),
        secrets: &[],
        roles: &[],
        test_sign_in: Some("https://id.example.com/authorize?client_id=books".to_owned()),
        refused: None,
    };
    let refused = RefusedInput {
        typed: [("jwks_uri".to_owned(), HOSTILE.to_owned())].into(),
        why: format!("{HOSTILE} must be https"),
        field: Some("jwks_uri"),
    };
    let unplaced = RefusedInput { field: None, ..refused.clone() };
    let tick = RefusedInput { field: Some("dpop_bound_access_tokens"), ..refused.clone() };
    let bad_roles = [HOSTILE.to_owned()];
    let issuer = "https://id.example.com";
    let open = AppUse { sessions: 10_000, is_more: true };
    let result = PreviewResult {
        tokens: vec![("access token", Some(812), "{ \"sub\": \"0193b5a0\" }".to_owned())],
        warnings: vec![HOSTILE.to_owned()],
    };
    let show_refused = |client, refused| {
        let facts = AppFacts { refused: Some(refused), ..facts(client) };
        apps::show(frame, shell(section), &facts)
    };
    let secret = "Zt3m-an-example-of-a-secret-that-is-shown-once";
    vec![
        ("apps", apps::list(frame, shell(section), "", &[&books], Some("books"))),
        ("apps-none", apps::list(frame, auditor, "zzz", &[], None)),
        ("apps-hostile", apps::list(frame, hostile(section), HOSTILE, &[&bad], None)),
        ("app", apps::show(frame, shell(section), &facts(&books))),
        ("app-read", apps::show(frame, auditor, &facts(&books))),
        ("app-refused-hostile", show_refused(&books, &refused)),
        ("app-refused-tick-hostile", show_refused(&books, &tick)),
        ("app-refused-unplaced-hostile", show_refused(&bad, &unplaced)),
        (
            "app-hostile",
            apps::show(
                frame,
                hostile(section),
                &AppFacts { roles: &bad_roles, test_sign_in: None, ..facts(&bad) },
            ),
        ),
        ("app-made", apps::made(frame, shell(section), &books, Some(secret), issuer)),
        ("app-made-hostile", apps::made(frame, hostile(section), &bad, None, issuer)),
        ("app-secret", apps::new_secret(frame, shell(section), "books", secret)),
        ("app-snippets", apps::snippets_page(frame, shell(section), &books, "go", issuer)),
        ("app-disable", apps::confirm(frame, shell(section), &books, open, AppEnding::Disable)),
        (
            "app-delete-hostile",
            apps::confirm(frame, hostile(section), &bad, open, AppEnding::Delete),
        ),
        (
            "app-preview-hostile",
            apps::preview(frame, shell(section), &books, ("hana", "openid"), Some(&result)),
        ),
    ]
}

fn of_new_apps(frame: Frame<'_>) -> Vec<(&'static str, ConsolePage<'_>)> {
    let section = ConsoleSection::Apps;
    let typed = |kind| NewAppInput {
        kind,
        name: "",
        id: "",
        redirect_uris: "",
        scope: "openid profile",
        audience: "",
        first_party: true,
    };
    let bad_input = NewAppInput { name: HOSTILE, audience: HOSTILE, ..typed(AppKind::Mcp) };
    vec![
        ("app-choose", apps::choose(frame, shell(section))),
        ("app-new", apps::new(frame, shell(section), typed(AppKind::Web), None)),
        ("app-new-service", apps::new(frame, shell(section), typed(AppKind::Service), None)),
        (
            "app-new-hostile",
            apps::new(frame, hostile(section), bad_input, Some(HOSTILE.to_owned())),
        ),
    ]
}

fn of_resources(frame: Frame<'_>) -> Vec<(&'static str, ConsolePage<'_>)> {
    let section = ConsoleSection::Apps;
    let auditor = ConsoleShell { rights: AdminRole::Auditor.rights(), ..shell(section) };
    let resource = |id: &str, name: &str, scope: &str| {
        let (resource_name, scope) = (name.to_owned(), Scope::parse(scope).unwrap_or_default());
        let metadata = ResourceMetadata { resource_name, scope, ..ResourceMetadata::default() };
        let (id, at) = (id.to_owned(), instant(-90_000));
        Resource { id, metadata, created_at: at, updated_at: at }
    };
    let mut orders = resource("https://api.example.com", "Orders", "orders:read orders:write");
    orders.metadata.access_lifetime = Some(300);
    orders.metadata.token_alg = Some(TokenAlg::Es256);
    orders.metadata.status_list = true;
    let mut bad = resource(HOSTILE, HOSTILE, "<b>");
    bad.metadata.mcp = true;
    let both = [orders.clone(), resource("https://stock.example.com", "", "")];
    let words = |name: &str, text: &str| {
        let texts = [("en".to_owned(), text.to_owned())].into();
        [ScopeWords { name: name.to_owned(), texts, created_at: instant(0) }]
    };
    let (read, bad_words) = (words("orders:read", "See your orders"), words("<b>", HOSTILE));
    let wrong = |name: &'static str| RefusedInput {
        typed: [(name.to_owned(), HOSTILE.to_owned())].into(),
        why: format!("{HOSTILE} is wrong"),
        field: Some(name),
    };
    let (wrong_id, wrong_lifetime) = (wrong("id"), wrong("access_lifetime"));
    let facts = |resource, words, refused| {
        let version = "\"version\"".to_owned();
        ResourceFacts { resource, version, words, refused }
    };
    let refused = facts(&orders, &read, Some(&wrong_lifetime));
    let one = std::slice::from_ref(&bad);
    vec![
        ("resources", resources::list(frame, shell(section), &both, Some("next"))),
        ("resources-hostile", resources::list(frame, hostile(section), one, None)),
        ("resource", resources::show(frame, shell(section), &facts(&orders, &read, None))),
        ("resource-read", resources::show(frame, auditor, &facts(&orders, &[], None))),
        (
            "resource-hostile",
            resources::show(frame, hostile(section), &facts(&bad, &bad_words, None)),
        ),
        ("resource-refused-hostile", resources::show(frame, shell(section), &refused)),
        ("resource-new", resources::new(frame, shell(section), None)),
        ("resource-new-hostile", resources::new(frame, shell(section), Some(&wrong_id))),
        ("resource-delete-hostile", resources::confirm(frame, hostile(section), &bad, HOSTILE)),
    ]
}

fn of_registration_tokens(frame: Frame<'_>) -> Vec<(&'static str, ConsolePage<'_>)> {
    let section = ConsoleSection::Apps;
    let auditor = ConsoleShell { rights: AdminRole::Auditor.rights(), ..shell(section) };
    let token = |name: Option<&str>, uses_left| RegistrationTokenRecord {
        id: "7f3a9c".to_owned(),
        name: name.map(str::to_owned),
        uses_left,
        created_at: instant(0),
        expires_at: instant(86_400),
    };
    let tokens = [token(Some("Partner"), 3), token(None, 0)];
    let bad = [token(Some(HOSTILE), 1)];
    let of = |tokens, is_on| TokenFacts { tokens, now: instant(3600), is_on };
    let secret = "mapae_it_an-example-of-a-token-that-is-shown-once";
    vec![
        ("registration-tokens", app_tokens::list(frame, shell(section), &of(&tokens, true))),
        ("registration-tokens-none", app_tokens::list(frame, auditor, &of(&[], false))),
        ("registration-tokens-hostile", app_tokens::list(frame, hostile(section), &of(&bad, true))),
        ("registration-token-made", app_tokens::made(frame, shell(section), secret)),
    ]
}

fn of_providers(frame: Frame<'_>) -> Vec<(&'static str, ConsolePage<'_>)> {
    let section = ConsoleSection::Providers;
    let line = |slug: &str, name: &str| ProviderLine {
        slug: slug.to_owned(),
        name: name.to_owned(),
        preset: Preset::Kakao,
        client_id: "0a1b2c3d4e5f".to_owned(),
        redirect_uri: "https://id.example.com/login/callback/kakao".to_owned(),
        disabled: false,
        is_of_file: false,
        groups: None,
        version: "version".to_owned(),
    };
    let kakao = line("kakao", "Kakao");
    let file = ProviderLine { is_of_file: true, ..line("google", "Google") };
    let hostile_groups =
        GroupsOfProvider { claim: HOSTILE.to_owned(), map: format!("{HOSTILE}={HOSTILE}") };
    let bad = ProviderLine {
        disabled: true,
        client_id: HOSTILE.to_owned(),
        groups: Some(hostile_groups),
        ..line("x", HOSTILE)
    };
    let groups = GroupsOfProvider {
        claim: "groups".to_owned(),
        map: "cn=staff,ou=people=Staff\nadmins=Administrators".to_owned(),
    };
    let with_groups =
        ProviderLine { preset: Preset::Oidc, groups: Some(groups), ..line("work", "Work") };
    let checked = CheckResult {
        good: vec!["the provider accepts this client".to_owned()],
        problem: Some(HOSTILE.to_owned()),
        notes: vec![HOSTILE.to_owned()],
    };
    let typed = NewProviderInput {
        preset: Preset::Kakao,
        title: "Kakao",
        redirect_uri: "https://id.example.com/login/callback/kakao",
        slug: "kakao",
        client_id: "",
        issuer: "",
        team_id: "",
        key_id: "",
    };
    let apple = NewProviderInput { preset: Preset::Apple, title: "Apple", ..typed };
    let bad_input =
        NewProviderInput { preset: Preset::Oidc, client_id: HOSTILE, issuer: HOSTILE, ..typed };
    let people = (12, false);
    vec![
        ("providers", providers::list(frame, shell(section), &[kakao.clone(), file.clone()])),
        ("providers-none", providers::list(frame, shell(section), &[])),
        ("provider", providers::show(frame, shell(section), &kakao, None)),
        ("provider-with-groups", providers::show(frame, shell(section), &with_groups, None)),
        ("provider-of-file", providers::show(frame, shell(section), &file, None)),
        ("provider-hostile", providers::show(frame, hostile(section), &bad, Some(&checked))),
        (
            "provider-choose",
            providers::choose(
                frame,
                shell(section),
                &[(Preset::Google, "Google"), (Preset::Kakao, "Kakao"), (Preset::Apple, "Apple")],
            ),
        ),
        ("provider-new", providers::new(frame, shell(section), &typed, None)),
        ("provider-new-apple", providers::new(frame, shell(section), &apple, None)),
        (
            "provider-new-hostile",
            providers::new(frame, hostile(section), &bad_input, Some(HOSTILE.to_owned())),
        ),
        (
            "provider-disable",
            providers::confirm(frame, shell(section), &kakao, people, ProviderEnding::Disable),
        ),
        (
            "provider-delete-hostile",
            providers::confirm(frame, hostile(section), &bad, people, ProviderEnding::Delete),
        ),
    ]
}

fn of_keys(frame: Frame<'_>) -> Vec<(&'static str, ConsolePage<'_>)> {
    let section = ConsoleSection::Keys;
    let auditor = ConsoleShell { rights: AdminRole::Auditor.rights(), ..shell(section) };
    let facts = key_facts();
    let fetchers = vec![FetcherLine { agent: HOSTILE.to_owned(), last_at: instant(0) }];
    let bad = KeyFacts { fetchers, next: Vec::new(), ..facts.clone() };
    let none = KeyFacts { fetchers: Vec::new(), ..bad.clone() };
    let algs = ["RS256", "ES256"];
    let mut pages = vec![
        ("keys", keys::show(frame, shell(section), &facts)),
        ("keys-none", keys::show(frame, auditor, &none)),
        ("keys-hostile", keys::show(frame, hostile(section), &bad)),
        ("keys-rotate", keys::confirm_rotation(frame, shell(section), 2, 2, &algs)),
    ];
    let first = facts.keys.first();
    pages.extend(first.map(|key| ("key-drop", keys::confirm_drop(frame, shell(section), key))));
    pages
}

fn of_settings(frame: Frame<'_>) -> Vec<(&'static str, ConsolePage<'_>)> {
    let one = |key: &str, value: &str, source, line| InForce {
        key: key.to_owned(),
        env: String::new(),
        value: value.to_owned(),
        source,
        line,
        default: None,
    };
    let every = [
        one("issuer", "https://id.example.com", "environment", None),
        one("mail.url", "smtp://mail.example.com", "file", Some(12)),
        one("token.access_lifetime", "10m", "default", None),
    ];
    let bad = [one(HOSTILE, HOSTILE, "flag", None), one(HOSTILE, HOSTILE, "file", None)];
    let (section, overview) = (ConsoleSection::Settings, ConsoleSection::Overview);
    vec![
        ("settings", settings::show(frame, shell(section), &every)),
        ("settings-hostile", settings::show(frame, hostile(section), &bad)),
        ("token", token::explain(frame, shell(overview), "", None)),
    ]
}

fn of_people(frame: Frame<'_>) -> Vec<(&'static str, ConsolePage<'_>)> {
    let section = ConsoleSection::People;
    let hana = user("hana", Some("hana@example.com"), Some("Hana Seo"));
    let mut gone = user(LONG, Some(LONG), None);
    gone.disabled_at = Some(instant(-60));
    gone.totp_since = None;
    let seoyeon = user("seoyeon.kim", None, Some("김서연"));
    let bad = user(HOSTILE, Some(HOSTILE), Some(HOSTILE));
    let everybody = [hana.clone(), seoyeon, gone.clone()];
    let support = ConsoleShell { rights: AdminRole::Support.rights(), ..shell(section) };
    let auditor = ConsoleShell { rights: AdminRole::Auditor.rights(), ..shell(section) };
    let done = ConsoleShell { notice: Some(ConsoleNotice::RoleGranted), ..shell(section) };
    let hostile_facts = PersonFacts {
        groups: vec![HOSTILE.to_owned()],
        providers: vec![HOSTILE.to_owned()],
        client_roles: vec![(HOSTILE.to_owned(), HOSTILE.to_owned())],
        events: Some(events(HOSTILE)),
        ..facts(&bad)
    };
    let disabled = PersonFacts {
        recovery_codes: None,
        groups: Vec::new(),
        client_roles: Vec::new(),
        roles: &[],
        events: Some(Vec::new()),
        last_sign_in: None,
        ..facts(&gone)
    };
    let open = OpenThings { browsers: 2, sessions: 3, apps: 2, is_more: false };
    let many = OpenThings { browsers: 1, sessions: 101, apps: 12, is_more: true };
    let link = "https://id.example.com/recover?secret=s";
    vec![
        ("people", people::list(frame, shell(section), "", &everybody, Some("next"))),
        ("people-none", people::list(frame, support, "zzz", &[], None)),
        (
            "people-hostile",
            people::list(frame, hostile(section), HOSTILE, std::slice::from_ref(&bad), None),
        ),
        ("person", person::show(frame, done, &facts(&hana))),
        ("person-disabled", person::show(frame, shell(section), &disabled)),
        ("person-read", person::show(frame, auditor, &facts(&hana))),
        ("person-hostile", person::show(frame, hostile(section), &hostile_facts)),
        (
            "person-disable",
            person::confirm(frame, shell(section), &hana, open, PersonEnding::Disable),
        ),
        (
            "person-delete-hostile",
            person::confirm(frame, hostile(section), &bad, many, PersonEnding::Delete),
        ),
        ("person-new", people::new(frame, shell(section), NewPersonInput::default(), None)),
        (
            "person-new-hostile",
            people::new(
                frame,
                hostile(section),
                NewPersonInput {
                    username: HOSTILE,
                    email: HOSTILE,
                    email_verified: true,
                    name: HOSTILE,
                },
                Some(HOSTILE.to_owned()),
            ),
        ),
        ("person-link", person::link(frame, shell(section), Some(&hana), MadeLink::Shown(link))),
        (
            "person-invited",
            person::link(frame, shell(section), None, MadeLink::Mailed("guest@example.com")),
        ),
        (
            "refused-hostile",
            ConsolePage::refused(frame, hostile(section), HOSTILE, "/admin/people"),
        ),
    ]
}

fn attribute(name: &str, kind: AttributeType, label: &str) -> Attribute {
    let texts = [("en".to_owned(), label.to_owned())].into_iter().collect();
    let (name, scope, created_at) = (name.to_owned(), "hr".to_owned(), instant(0));
    Attribute { name, kind, scope, editable: kind == AttributeType::Date, texts, created_at }
}

fn of_person_attributes(frame: Frame<'_>) -> Vec<(&'static str, ConsolePage<'_>)> {
    let section = ConsoleSection::People;
    let auditor = ConsoleShell { rights: AdminRole::Auditor.rights(), ..shell(section) };
    let hana = user("hana", Some("hana@example.com"), Some("Hana Seo"));
    let held: [(Attribute, Option<Value>); 4] = [
        (attribute("department", AttributeType::String, "Department"), Some(json!("디자인"))),
        (attribute("level", AttributeType::Integer, "level"), Some(json!(3))),
        (attribute("on_call", AttributeType::Boolean, "On call"), Some(json!(true))),
        (attribute("since", AttributeType::Date, "Here since"), None),
    ];
    let bad = [(attribute("department", AttributeType::String, HOSTILE), Some(json!(HOSTILE)))];
    let refused = RefusedAttribute {
        typed: BTreeMap::from([("level".to_owned(), HOSTILE.to_owned())]),
        name: "level".to_owned(),
        why: format!("the attribute is a whole number: {HOSTILE}"),
    };
    let with = |held, refused| PersonFacts {
        attributes: PersonAttributes { held, version: "\"version\"".to_owned(), refused },
        ..facts(&hana)
    };
    vec![
        ("person-attributes", person::show(frame, shell(section), &with(&held, None))),
        ("person-attributes-read", person::show(frame, auditor, &with(&held, None))),
        (
            "person-attributes-refused-hostile",
            person::show(frame, shell(section), &with(&held, Some(&refused))),
        ),
        ("person-attributes-hostile", person::show(frame, hostile(section), &with(&bad, None))),
    ]
}

fn of_audit(frame: Frame<'_>) -> Vec<(&'static str, ConsolePage<'_>)> {
    let section = ConsoleSection::Audit;
    let filter = AuditFilter { kind: "sign_in.failed".to_owned(), ..AuditFilter::default() };
    let bad = AuditFilter {
        kind: HOSTILE.to_owned(),
        user: HOSTILE.to_owned(),
        client: HOSTILE.to_owned(),
        since: HOSTILE.to_owned(),
        until: HOSTILE.to_owned(),
        follows: true,
    };
    let hostile_event = EventLine {
        kind: HOSTILE.to_owned(),
        client: Some(HOSTILE.to_owned()),
        detail: Some(HOSTILE.to_owned()),
        actor: Some(HOSTILE.to_owned()),
        address: Some(HOSTILE.to_owned()),
        change: Some(HOSTILE.to_owned()),
        ..events(HOSTILE).remove(0)
    };
    let none = AuditFilter::default();
    let following = AuditFilter { follows: true, ..AuditFilter::default() };
    vec![
        ("audit", audit::list(frame, shell(section), &none, &events("hana"), Some("next"))),
        ("audit-none", audit::list(frame, shell(section), &filter, &[], None)),
        ("audit-follow", audit::list(frame, shell(section), &following, &events("hana"), None)),
        (
            "audit-hostile",
            audit::list(frame, hostile(section), &bad, &[hostile_event], Some(HOSTILE)),
        ),
    ]
}

fn of_webhooks(frame: Frame<'_>) -> Vec<(&'static str, ConsolePage<'_>)> {
    let section = ConsoleSection::Settings;
    let webhook = |url: &str, events: &[&str]| Webhook {
        id: WebhookId::from_stored("019abf3e-5a0c-7c1e-9d2b-0a3f4c5d6e7f".to_owned()),
        url: url.to_owned(),
        events: events.iter().map(|event| EventPattern::from((*event).to_owned())).collect(),
        sealed_secret: Vec::new(),
        replaced: Some(ReplacedSecret { sealed: Vec::new(), until: instant(3600) }),
        created_at: instant(-9_000_000),
        last_attempt: None,
    };
    let attempt = |outcome, failures| LastAttempt {
        at: instant(-60),
        outcome,
        failures,
        failing_since: (failures > 0).then(|| instant(-7200)),
    };
    let mut siem = webhook("https://siem.example.com/mapae", &["user.*", "sign_in.failed"]);
    siem.last_attempt = Some(attempt(AttemptOutcome::Answered(204), 0));
    let mut bad = webhook(HOSTILE, &[HOSTILE]);
    bad.last_attempt = Some(attempt(AttemptOutcome::Failed(OutboundError::TimedOut), 3));
    let line = |webhook| WebhookLine { webhook, waiting: 0, is_more: false, attempts: 0 };
    let fails = WebhookLine { waiting: 1000, is_more: true, attempts: 3, ..line(&bad) };
    let typed = NewWebhookInput { url: HOSTILE, events: HOSTILE };
    let problem = Some(HOSTILE.to_owned());
    let secret = "whsec_an-example-of-a-secret-that-is-shown-once";
    let (show, now) = (webhooks::show, instant(0));
    vec![
        ("webhooks", webhooks::list(frame, shell(section), &[line(&siem)])),
        ("webhooks-hostile", webhooks::list(frame, hostile(section), &[fails])),
        ("webhook", show(frame, shell(section), &line(&siem), now)),
        ("webhook-hostile", show(frame, hostile(section), &fails, now)),
        ("webhook-new-hostile", webhooks::new(frame, hostile(section), typed, problem)),
        ("webhook-secret", webhooks::secret(frame, shell(section), siem.id.as_str(), secret)),
        ("webhook-delete-hostile", webhooks::confirm(frame, hostile(section), &fails)),
    ]
}

fn of_scim_tokens(frame: Frame<'_>) -> Vec<(&'static str, ConsolePage<'_>)> {
    let section = ConsoleSection::Settings;
    let token = |name: &str, expires_at| ScimTokenRecord {
        id: "7f3a9c".to_owned(),
        name: name.to_owned(),
        created_at: instant(-9_000_000),
        expires_at,
    };
    let (entra, okta) = (token("Entra", None), token("Okta", Some(instant(-60))));
    let bad = token(HOSTILE, Some(instant(9_000_000)));
    let bad_end = scim_tokens::confirm(frame, hostile(section), &bad);
    let (list, now) = (scim_tokens::list, instant(0));
    let address = "https://id.example.com/scim/v2".to_owned();
    let secret = "an-example-of-a-token-that-is-shown-once";
    vec![
        ("scim-tokens", list(frame, shell(section), &[entra, okta], now)),
        ("scim-tokens-hostile", list(frame, hostile(section), &[bad], now)),
        ("scim-token-made", scim_tokens::made(frame, shell(section), address, secret)),
        ("scim-token-end-hostile", bad_end),
    ]
}

fn of_scopes(frame: Frame<'_>) -> Vec<(&'static str, ConsolePage<'_>)> {
    let section = ConsoleSection::Settings;
    let scope = |name: &str, en: &str, ko: &str| {
        let texts = [("en", en), ("ko", ko)];
        let texts = texts.map(|(tag, text)| (tag.to_owned(), text.to_owned())).into();
        ScopeWords { name: name.to_owned(), texts, created_at: instant(0) }
    };
    let orders = scope("orders:read", "See your orders", "주문 내역 보기");
    let bad = scope(HOSTILE, HOSTILE, HOSTILE);
    let of_orders = ScopeFacts { name: &orders.name, texts: &orders.texts, version: "version" };
    let of_bad = ScopeFacts { name: &bad.name, texts: &bad.texts, ..of_orders };
    let (show, new) = (scope_words::show, scope_words::new);
    let problem = || Some(HOSTILE.to_owned());
    let bad_end = scope_words::confirm(frame, hostile(section), &bad);
    let bad_new = new(frame, hostile(section), HOSTILE, &bad.texts, problem());
    let bad_page = show(frame, hostile(section), &of_bad, problem());
    vec![
        ("scope", show(frame, shell(section), &of_orders, None)),
        ("scope-hostile", bad_page),
        ("scope-new-hostile", bad_new),
        ("scope-delete-hostile", bad_end),
        (
            "scopes-hostile",
            scope_words::list(frame, hostile(section), &[orders, bad], Some("next")),
        ),
    ]
}

fn of_attributes(frame: Frame<'_>) -> Vec<(&'static str, ConsolePage<'_>)> {
    let section = ConsoleSection::Settings;
    let auditor = ConsoleShell { rights: AdminRole::Auditor.rights(), ..shell(section) };
    let attribute = |name: &str, editable, text: &str| Attribute {
        name: name.to_owned(),
        kind: AttributeType::String,
        scope: "hr".to_owned(),
        editable,
        texts: BTreeMap::from([("en".to_owned(), text.to_owned())]),
        created_at: instant(-9_000_000),
    };
    let department = attribute("department", true, "Department");
    let bad = attribute(HOSTILE, false, HOSTILE);
    let as_it_is = DefinitionInput { scope: "hr", editable: true, texts: &department.texts };
    let typed = DefinitionInput { scope: HOSTILE, editable: false, texts: &bad.texts };
    let (show, new) = (definitions::show, definitions::new);
    let (list, confirm) = (definitions::list, definitions::confirm);
    let (seen, named) = ((&as_it_is, "version"), (HOSTILE, "date"));
    let problem = || Some(HOSTILE.to_owned());
    let every = std::slice::from_ref(&department);
    vec![
        ("attributes", list(frame, shell(section), every)),
        ("attributes-hostile", list(frame, hostile(section), std::slice::from_ref(&bad))),
        ("attribute-read", show(frame, auditor, &department, seen, None)),
        ("attribute-hostile", show(frame, hostile(section), &bad, (&typed, "version"), problem())),
        ("attribute-new-hostile", new(frame, hostile(section), named, &typed, problem())),
        ("attribute-delete-hostile", confirm(frame, hostile(section), HOSTILE, (10_000, true))),
    ]
}
