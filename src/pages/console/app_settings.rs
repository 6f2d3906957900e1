//! The form of an app: what everybody sets, and in groups that open what a profile or an operator asks
//! for.

use std::collections::BTreeMap;

use serde_json::Value;

use super::parts::{Button, Choice, Field, FieldGroup, FieldKind, Form, Look};
use crate::domain::claim_rule::ClaimRule;
use crate::domain::client::{
    AuthMethod, Client, ClientKind, ClientProfile, RequestObjectAlg, SubjectType, TokenAlg,
};
use crate::domain::console_urls as urls;
use crate::domain::grant_type::GrantType;
use crate::domain::status_list::StatusListMode;
use crate::pages::frame::Frame;
use crate::settings::time;

/// What was typed into the form, and why it was refused.
#[derive(Clone, Debug, Default)]
pub struct RefusedInput {
    /// What was typed, by the names of the fields.
    pub typed: BTreeMap<String, String>,
    /// Why it was refused.
    pub why: String,
    /// The field that is said to be wrong, if one is.
    pub field: Option<&'static str>,
}

/// The form of an app, as it is registered or as it was refused.
pub(super) fn form(
    frame: &Frame<'_>,
    client: &Client,
    version: &str,
    refused: Option<&RefusedInput>,
) -> Form {
    let groups = [
        FieldGroup::new(
            "app-lifetimes",
            frame.t("console-group-lifetimes"),
            lifetimes(frame, client),
        ),
        FieldGroup::new("app-proof", frame.t("console-group-proof"), proof(frame, client)),
        FieldGroup::new("app-requests", frame.t("console-group-requests"), requests(frame, client)),
        FieldGroup::new("app-tokens", frame.t("console-group-tokens"), tokens(frame, client)),
        FieldGroup::new("app-profile", frame.t("console-group-profile"), profile(frame, client)),
    ];
    let action = format!("{}{}", frame.base, urls::of(urls::APP, client.id.as_str()));
    let button = Button::new("client-save", frame.t("console-save"), Look::Primary);
    let form = Form::new(action, usual(frame, client), button).hiding("version", version);
    let form = form.with_groups(groups.into_iter().filter(|group| !group.fields.is_empty()));
    match refused {
        Some(refused) => shown_again(form, refused),
        None => form,
    }
}

/// The form with what was typed, and with what is wrong beside its field.
pub(super) fn shown_again(mut form: Form, refused: &RefusedInput) -> Form {
    let again = |field: &mut Field| {
        let typed = refused.typed.get(&*field.name);
        match (&mut field.kind, typed) {
            (FieldKind::Tick(ticked), typed) => *ticked = typed.is_some(),
            (FieldKind::Line(_, value) | FieldKind::Lines(value), Some(typed)) => {
                value.clone_from(typed);
            }
            (FieldKind::Choice(choices), Some(typed)) => {
                for one in choices {
                    one.is_chosen = one.value == *typed;
                }
            }
            (FieldKind::Line(..) | FieldKind::Lines(_) | FieldKind::Choice(_), None) => {}
        }
        field.problem = (refused.field == Some(&*field.name)).then(|| refused.why.clone());
    };
    form.fields.iter_mut().for_each(again);
    for group in &mut form.groups {
        group.fields.iter_mut().for_each(again);
        group.is_open = group.fields.iter().any(|field| field.problem.is_some());
    }
    form
}

fn usual(frame: &Frame<'_>, client: &Client) -> Vec<Field> {
    let metadata = &client.metadata;
    let one_a_line = frame.t("console-one-a-line");
    let lines = |name, label: String, values: &[String]| {
        Field::lines(name, label, &values.join("\n")).hint(one_a_line.clone())
    };
    let backchannel = metadata.backchannel_logout_uri.as_deref().unwrap_or_default();
    vec![
        Field::line("client_name", frame.t("console-name"), &metadata.client_name).required(),
        lines("redirect_uris", frame.t("console-redirect-uris"), &metadata.redirect_uris),
        lines(
            "post_logout_redirect_uris",
            frame.t("console-post-logout-uris"),
            &metadata.post_logout_redirect_uris,
        ),
        lines("allowed_origins", frame.t("console-origins"), &metadata.allowed_origins),
        Field::line("scope", frame.t("console-scope"), &metadata.scope.to_string()),
        lines("audiences", frame.t("console-audiences"), &metadata.audiences),
        Field::line("backchannel_logout_uri", frame.t("console-back-channel"), backchannel),
        Field::tick("first_party", frame.t("console-first-party"), metadata.first_party),
    ]
}

/// A duration, or nothing.
pub(super) fn duration(name: &'static str, label: String, seconds: Option<i64>) -> Field {
    let shown = seconds.map(|seconds| time::show(chrono::Duration::seconds(seconds)));
    Field::line(name, label, &shown.unwrap_or_default())
}

/// The lifetimes of its own. One that is empty is as the settings of the server say.
fn lifetimes(frame: &Frame<'_>, client: &Client) -> Vec<Field> {
    let metadata = &client.metadata;
    let hint = frame.t("console-lifetime-hint");
    let field = |name, label, seconds| duration(name, label, seconds).hint(hint.clone());
    let access = frame.t("console-access-lifetime");
    let mut fields = vec![field("access_lifetime", access, metadata.access_lifetime)];
    if client.may_use(GrantType::RefreshToken) {
        let (idle, absolute) =
            (frame.t("console-refresh-idle"), frame.t("console-refresh-absolute"));
        fields.push(field("refresh_idle", idle, metadata.refresh_idle));
        fields.push(field("refresh_absolute", absolute, metadata.refresh_absolute));
    }
    if client.may_use(GrantType::AuthorizationCode) {
        let (id, session) = (frame.t("console-id-lifetime"), frame.t("console-session-lifetime"));
        fields.push(field("id_lifetime", id, metadata.id_lifetime));
        fields.push(field("session_lifetime", session, metadata.session_lifetime));
    }
    fields
}

/// A line with the name of the attribute below it: the command line, the API and what is said of a
/// wrong value call it so.
fn named(name: &'static str, label: String, value: Option<&str>) -> Field {
    Field::line(name, label, value.unwrap_or_default()).hint(name.to_owned())
}

/// A choice between these values. The empty one stands for none, which has words of its own.
pub(super) fn choice<'v>(
    name: &'static str,
    label: String,
    none: Option<String>,
    values: impl IntoIterator<Item = &'v str>,
    chosen: Option<&str>,
) -> Field {
    let chosen = chosen.unwrap_or_default();
    let none = none.map(|text| Choice::new("", text, chosen));
    let values = values.into_iter().map(|value| Choice::new(value, value, chosen));
    Field::choice(name, label, none.into_iter().chain(values).collect()).hint(name.to_owned())
}

fn proof(frame: &Frame<'_>, client: &Client) -> Vec<Field> {
    let metadata = &client.metadata;
    let is_confidential = client.kind == ClientKind::Confidential;
    if !is_confidential && !client.may_use(GrantType::AuthorizationCode) {
        return Vec::new();
    }
    let mut fields = Vec::new();
    if is_confidential {
        let methods = AuthMethod::ALL.iter().filter(|method| **method != AuthMethod::None);
        let chosen = metadata.token_endpoint_auth_method.as_str();
        fields.push(choice(
            "token_endpoint_auth_method",
            frame.t("console-authentication"),
            None,
            methods.map(|method| method.as_str()),
            Some(chosen),
        ));
    }
    let jwks = metadata.jwks.as_ref().map(pretty).unwrap_or_default();
    fields.extend([
        named("jwks_uri", frame.t("console-jwks-uri"), metadata.jwks_uri.as_deref()),
        Field::lines("jwks", frame.t("console-jwks"), &jwks).hint("jwks".to_owned()),
    ]);
    if is_confidential {
        let of = |name, label, value: &Option<String>| named(name, label, value.as_deref());
        let own = metadata;
        fields.extend([
            of(
                "tls_client_auth_subject_dn",
                frame.t("console-tls-subject"),
                &own.tls_client_auth_subject_dn,
            ),
            of("tls_client_auth_san_dns", frame.t("console-tls-dns"), &own.tls_client_auth_san_dns),
            of("tls_client_auth_san_uri", frame.t("console-tls-uri"), &own.tls_client_auth_san_uri),
            of("tls_client_auth_san_ip", frame.t("console-tls-ip"), &own.tls_client_auth_san_ip),
            of(
                "tls_client_auth_san_email",
                frame.t("console-tls-email"),
                &own.tls_client_auth_san_email,
            ),
        ]);
    }
    fields
}

fn pretty(value: &Value) -> String {
    format!("{value:#}")
}

fn requests(frame: &Frame<'_>, client: &Client) -> Vec<Field> {
    let metadata = &client.metadata;
    let mut fields = Vec::new();
    let by_browser = client.may_use(GrantType::AuthorizationCode);
    // A tick that is not shown counts as taken away: what is registered is shown.
    for (name, label, is_set) in [
        (
            "require_pushed_authorization_requests",
            frame.t("console-require-par"),
            metadata.require_pushed_authorization_requests,
        ),
        (
            "require_signed_request_object",
            frame.t("console-require-jar"),
            metadata.require_signed_request_object,
        ),
    ] {
        if by_browser || is_set {
            fields.push(Field::tick(name, label, is_set));
        }
    }
    if by_browser {
        fields.push(choice(
            "request_object_signing_alg",
            frame.t("console-request-alg"),
            Some(frame.t("console-alg-of-keys")),
            RequestObjectAlg::ALL.iter().map(|alg| alg.as_str()),
            metadata.request_object_signing_alg.map(RequestObjectAlg::as_str),
        ));
    }
    if client.may_use(GrantType::DeviceCode) {
        let age =
            duration("device_max_age", frame.t("console-device-age"), metadata.device_max_age);
        fields.push(age.hint(frame.t("console-device-age-hint")));
    }
    fields
}

fn tokens(frame: &Frame<'_>, client: &Client) -> Vec<Field> {
    let metadata = &client.metadata;
    let as_tokens = || Some(frame.t("console-alg-as-tokens"));
    let alg = |name, label: String, none: Option<String>, chosen: Option<TokenAlg>| {
        let all = TokenAlg::ALL.iter().map(|alg| alg.as_str());
        choice(name, label, none, all, chosen.map(TokenAlg::as_str))
    };
    let mut fields =
        vec![alg("token_alg", frame.t("console-token-alg"), None, Some(metadata.token_alg))];
    let (id, userinfo) =
        (metadata.id_token_signed_response_alg, metadata.userinfo_signed_response_alg);
    if metadata.scope.contains("openid") {
        fields.push(alg(
            "id_token_signed_response_alg",
            frame.t("console-id-alg"),
            as_tokens(),
            id,
        ));
        let plain = Some(frame.t("console-alg-none"));
        fields.push(alg(
            "userinfo_signed_response_alg",
            frame.t("console-userinfo-alg"),
            plain,
            userinfo,
        ));
    }
    if client.may_use(GrantType::AuthorizationCode) {
        let chosen = metadata.authorization_signed_response_alg;
        let name = "authorization_signed_response_alg";
        fields.push(alg(name, frame.t("console-authorization-alg"), as_tokens(), chosen));
    }
    if client.kind == ClientKind::Confidential {
        let (name, usual) = ("introspection_signed_response_alg", TokenAlg::Rs256.as_str());
        let chosen = metadata.introspection_signed_response_alg;
        let usual = Some(frame.t1("console-alg-usual", "alg", usual));
        fields.push(alg(name, frame.t("console-introspection-alg"), usual, chosen));
    }
    fields.extend([
        Field::tick(
            "dpop_bound_access_tokens",
            frame.t("console-dpop-bound"),
            metadata.dpop_bound_access_tokens,
        ),
        Field::tick(
            "tls_client_certificate_bound_access_tokens",
            frame.t("console-tls-bound"),
            metadata.tls_client_certificate_bound_access_tokens,
        ),
    ]);
    fields.extend(said(frame, client));
    fields
}

/// What its tokens say besides, and whether they name their place in a status list.
fn said(frame: &Frame<'_>, client: &Client) -> Vec<Field> {
    let metadata = &client.metadata;
    let mut fields = Vec::new();
    if !metadata.grant_types.is_empty() || !metadata.claims.is_empty() {
        let rules: Vec<String> = metadata.claims.iter().map(ClaimRule::line).collect();
        let field = Field::lines("claims", frame.t("console-claims"), &rules.join("\n"));
        let examples = "groups, department, tenant=acme";
        fields.push(field.hint(frame.t1("console-claims-hint", "examples", examples)));
    }
    let chosen = metadata.status_list.as_str();
    let mode = |mode: StatusListMode, text| Choice::new(mode.as_str(), text, chosen);
    let modes = vec![
        mode(StatusListMode::Off, frame.t("console-status-list-off")),
        mode(StatusListMode::Families, frame.t("console-status-list-people")),
        mode(StatusListMode::Each, frame.t("console-status-list-each")),
    ];
    let field = Field::choice("status_list", frame.t("console-status-list"), modes);
    fields.push(field.hint("status_list".to_owned()));
    fields
}

fn profile(frame: &Frame<'_>, client: &Client) -> Vec<Field> {
    let metadata = &client.metadata;
    let mut fields = Vec::new();
    let ends = frame.t("console-ends-what-was-given");
    if client.kind == ClientKind::Confidential {
        let field = choice(
            "profile",
            frame.t("console-profile"),
            Some(frame.t("console-profile-none")),
            ClientProfile::ALL.iter().map(|profile| profile.as_str()),
            metadata.profile.map(ClientProfile::as_str),
        );
        fields.push(field.hint(frame.t("console-profile-hint")));
    }
    if !metadata.redirect_uris.is_empty() {
        let chosen = metadata.subject_type.as_str();
        let kinds = [
            Choice::new(SubjectType::Public.as_str(), frame.t("console-sub-public"), chosen),
            Choice::new(SubjectType::Pairwise.as_str(), frame.t("console-sub-pairwise"), chosen),
        ];
        let kind = Field::choice("subject_type", frame.t("console-subject-type"), kinds.into());
        fields.push(kind.hint(ends.clone()));
        let uri = metadata.sector_identifier_uri.as_deref();
        fields.push(named("sector_identifier_uri", frame.t("console-sector"), uri));
    }
    fields
}
