//! `/users`: people.

#![expect(unused_qualifications, reason = "the macro of utoipa writes them")]

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

use super::caller::Caller;
use super::creation::{Made, once};
use super::paging::{Page, limit};
use super::problem::{ApiResult, Failed, Problem};
use super::received::{Named, Parameters, Seen, Sent};
use super::shown::{Shown, done, location};
use crate::admin::authority::{ChangePeople, May, ReadPeople, SeesPeople};
use crate::admin::recovery::{self, RecoveryLink};
use crate::admin::users::{
    self, Belongings, ClaimsChange, NewEmail, NewUser, SetPassword, Target, UserSearch, Who,
};
use crate::domain::reason::Reason;
use crate::domain::secret::Secret;
use crate::domain::user::{Profile, User};
use crate::web::shared::Shared;

/// A person.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Person {
    /// The subject identifier, `sub`.
    id: String,
    /// The user name.
    username: String,
    /// The e-mail address.
    email: Option<String>,
    /// Whether the address was verified to belong to the person.
    email_verified: bool,
    /// Whether there is a password.
    has_password: bool,
    /// Whether it has to be changed at the first sign-in.
    password_temporary: bool,
    /// The other standard claims, OpenID Connect Core §5.1.
    #[schema(value_type = Object)]
    claims: Profile,
    /// When the account was disabled.
    disabled_at: Option<DateTime<Utc>>,
    /// When the account ends because its person deletes it.
    deletion_at: Option<DateTime<Utc>>,
    /// When it was made.
    created_at: DateTime<Utc>,
    /// When a claim last changed.
    updated_at: DateTime<Utc>,
    /// The names of the groups.
    groups: Vec<String>,
    /// The roles at clients, as `CLIENT:ROLE`.
    client_roles: Vec<String>,
    /// The values of declared attributes.
    #[schema(value_type = Object)]
    attributes: BTreeMap<String, Value>,
}

impl Person {
    fn new(user: &User, belongings: Belongings) -> Self {
        let Belongings { groups, client_roles, attributes } = belongings;
        Self {
            id: user.id.as_str().to_owned(),
            username: user.username.clone(),
            email: user.email.clone(),
            email_verified: user.email_verified,
            has_password: user.password_hash.is_some(),
            password_temporary: user.password_temporary,
            claims: user.profile.clone(),
            disabled_at: user.disabled_at,
            deletion_at: user.deletion_at,
            created_at: user.created_at,
            updated_at: user.updated_at,
            groups,
            client_roles,
            attributes,
        }
    }
}

/// These people with what belongs to them.
pub(super) async fn people(
    may: &May<ReadPeople>,
    shared: &Shared,
    found: &[User],
) -> ApiResult<Vec<Person>> {
    let belongings = users::belongings(may, shared.flows.store.lists(), found).await?;
    Ok(found.iter().zip(belongings).map(|(user, belong)| Person::new(user, belong)).collect())
}

/// Which people.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Search {
    /// The beginning of the user name or of the e-mail address, in any spelling.
    search: Option<String>,
    /// Only people with this e-mail address, verified or not.
    email: Option<String>,
    /// Only people in the group of this name.
    group: Option<String>,
    /// Only people with this role: `owner`, `admin`, `support`, `auditor`, or `CLIENT:ROLE`.
    role: Option<String>,
    /// Only people who are disabled, or only those who are not.
    disabled: Option<bool>,
    /// So many at most: 1 to 200, 50 by default.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u64>,
    /// `next` of an earlier page.
    after: Option<String>,
}

/// A new person.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewPerson {
    /// The user name.
    username: String,
    /// The e-mail address.
    #[serde(default)]
    email: Option<String>,
    /// Whether the address is known to belong to the person.
    #[serde(default)]
    email_verified: bool,
    /// The other standard claims, OpenID Connect Core §5.1.
    #[serde(default)]
    #[schema(value_type = Object)]
    claims: Profile,
    /// The password. Without one the person cannot sign in with a password.
    #[serde(default)]
    #[schema(format = Password)]
    password: Option<String>,
}

/// What changes. What is absent stays as it is.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct PersonChange {
    /// The new e-mail address.
    email: Option<String>,
    /// Whether it is known to belong to the person.
    email_verified: bool,
    /// All other standard claims: they replace those that are there.
    #[schema(value_type = Option<Object>)]
    claims: Option<Profile>,
    /// The name to show.
    name: Option<String>,
    /// Values of declared attributes; `null` removes one.
    #[schema(value_type = Option<Object>)]
    attributes: Map<String, Value>,
}

impl PersonChange {
    /// The values as texts, which the attribute reads.
    fn attributes(&self) -> ApiResult<BTreeMap<String, String>> {
        let read = |(name, value): (&String, &Value)| {
            let text = match value {
                Value::Null => String::new(),
                Value::String(text) if !text.is_empty() => text.clone(),
                Value::Bool(_) | Value::Number(_) => value.to_string(),
                _ => {
                    let why = format!("the value of {name:?} is not a text, a number or a boolean");
                    return Err(Failed::because(Reason::AdminInvalid, why));
                }
            };
            Ok((name.clone(), text))
        };
        self.attributes.iter().map(read).collect()
    }
}

/// A new password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewPassword {
    /// The password.
    #[schema(format = Password)]
    password: String,
    /// The person has to change it when they sign in.
    #[serde(default)]
    temporary: bool,
}

/// How a link to a new password is handed over.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Handover {
    /// Return the link, and mail nothing.
    print: bool,
}

/// How many sessions of apps ended.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Ended {
    /// Sessions at apps: each had a refresh token.
    families_ended: u64,
}

/// What became of the link to a new password.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(super) struct Recovery {
    /// The address to which it was mailed.
    #[serde(skip_serializing_if = "Option::is_none")]
    mailed_to: Option<String>,
    /// The link, where there is no mail. It works once, for 30 minutes.
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<String>,
}

/// A person with what belongs to them.
pub(super) async fn shown<R: SeesPeople>(
    may: &May<R>,
    shared: &Shared,
    user: &User,
) -> ApiResult<Shown<Person>> {
    let store = &*shared.flows.store;
    let belongings = users::belongings(may, store, std::slice::from_ref(user)).await?;
    let belongings = belongings.into_iter().next().unwrap_or_default();
    let version = users::version_with(user, &belongings);
    Ok(Shown::of(Person::new(user, belongings)).version(version))
}

fn target<'a>(id: &'a str, seen: &'a Seen) -> Target<'a> {
    Target { who: Who::Id(id), version: seen.0.as_ref() }
}

/// People, page by page
#[utoipa::path(get, path = "/users", tag = "users", params(Search), responses(
    (status = 200, body = Page<Person>), (status = 400, body = Problem),
))]
pub(super) async fn list(
    Caller(may): Caller<ReadPeople>,
    State(shared): State<Arc<Shared>>,
    Parameters(asked): Parameters<Search>,
) -> ApiResult<Shown<Page<Person>>> {
    let limit = limit(asked.limit)?;
    let Search { search, email, group, role, disabled, .. } = asked;
    let (asked_for, lists) =
        (UserSearch { search, email, group, role, disabled }, shared.flows.store.lists());
    let page = users::filtered(&may, lists, &asked_for, asked.after.as_deref(), limit).await;
    let page = page.map_err(Failed::of_query)?;
    let items = people(&may, &shared, &page.users).await?;
    Ok(Shown::of(Page { items, next: page.next }))
}

/// Make a person
#[utoipa::path(post, path = "/users", tag = "users",
    params(("Idempotency-Key" = Option<String>, Header)), request_body = NewPerson, responses(
        (status = 201, body = Person, headers(("Location" = String), ("ETag" = String))),
        (status = 409, body = Problem), (status = 422, body = Problem),
    ))]
pub(super) async fn create(
    Caller(may): Caller<ChangePeople>,
    State(shared): State<Arc<Shared>>,
    request: Request,
) -> ApiResult<Response<Body>> {
    once(&shared, &may, request, async |new: NewPerson| {
        let NewPerson { username, email, email_verified, claims, password } = new;
        let password = password.map(Secret::from);
        let new = NewUser { username, email, email_verified, profile: claims, password };
        let (flows, hasher) = (&shared.flows, &shared.flows.password.hasher);
        let user = users::create(&may, &flows.store, &flows.clock, hasher, new).await?;
        let location = location(&shared, &["users", user.id.as_str()]);
        let belongings = Belongings::default();
        let version = users::version_with(&user, &belongings);
        Ok(Made::of(Person::new(&user, belongings), location, version).person(&user.id))
    })
    .await
}

/// One person
#[utoipa::path(get, path = "/users/{id}", tag = "users", params(("id" = String, Path)), responses(
    (status = 200, body = Person, headers(("ETag" = String))), (status = 404, body = Problem),
))]
pub(super) async fn show(
    Caller(may): Caller<ReadPeople>,
    State(shared): State<Arc<Shared>>,
    Named(id): Named<String>,
) -> ApiResult<Shown<Person>> {
    let found = users::find(&may, &*shared.flows.store, Who::Id(&id)).await?;
    shown(&may, &shared, &found).await
}

/// Change the claims of a person
#[utoipa::path(patch, path = "/users/{id}", tag = "users",
    params(("id" = String, Path), ("If-Match" = String, Header)), request_body = PersonChange,
    responses(
        (status = 200, body = Person, headers(("ETag" = String))), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 412, body = Problem),
        (status = 422, body = Problem), (status = 428, body = Problem),
    ))]
pub(super) async fn change(
    Caller(may): Caller<ChangePeople>,
    State(shared): State<Arc<Shared>>,
    Named(id): Named<String>,
    seen: Seen,
    Sent(sent): Sent<PersonChange>,
) -> ApiResult<Shown<Person>> {
    let (verified, attributes) = (sent.email_verified, sent.attributes()?);
    let email = sent.email.map(|address| NewEmail { address, verified });
    if email.is_none() && verified {
        let why = "email_verified stands beside a new email";
        return Err(Failed::because(Reason::AdminInvalid, why));
    }
    let change = ClaimsChange { email, profile: sent.claims, name: sent.name, attributes };
    let (flows, mailer) = (&shared.flows, shared.flows.mailer.as_ref());
    let (store, clock, target) = (&flows.store, &flows.clock, target(&id, &seen));
    let changed = users::update(&may, store, clock, mailer, target, change).await?;
    shown(&may, &shared, &changed).await
}

/// Delete a person with everything that they opened
#[utoipa::path(delete, path = "/users/{id}", tag = "users",
    params(("id" = String, Path), ("If-Match" = String, Header)), responses(
        (status = 204), (status = 404, body = Problem), (status = 412, body = Problem),
        (status = 428, body = Problem),
    ))]
pub(super) async fn delete(
    Caller(may): Caller<ChangePeople>,
    State(shared): State<Arc<Shared>>,
    Named(id): Named<String>,
    seen: Seen,
) -> ApiResult<StatusCode> {
    let flows = &shared.flows;
    users::delete(&may, &flows.store, &flows.clock, target(&id, &seen)).await?;
    Ok(done())
}

/// Turn a person away, and end every session
#[utoipa::path(post, path = "/users/{id}/disable", tag = "users",
    params(("id" = String, Path), ("If-Match" = String, Header)), responses(
        (status = 200, body = Ended), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 412, body = Problem),
        (status = 428, body = Problem),
    ))]
pub(super) async fn disable(
    Caller(may): Caller<ChangePeople>,
    State(shared): State<Arc<Shared>>,
    Named(id): Named<String>,
    seen: Seen,
) -> ApiResult<Shown<Ended>> {
    let flows = &shared.flows;
    let ended = users::disable(&may, &flows.store, &flows.clock, target(&id, &seen)).await?;
    Ok(Shown::of(Ended { families_ended: ended }))
}

/// Let a person in again
#[utoipa::path(post, path = "/users/{id}/enable", tag = "users",
    params(("id" = String, Path), ("If-Match" = String, Header)), responses(
        (status = 204), (status = 404, body = Problem), (status = 412, body = Problem),
        (status = 428, body = Problem),
    ))]
pub(super) async fn enable(
    Caller(may): Caller<ChangePeople>,
    State(shared): State<Arc<Shared>>,
    Named(id): Named<String>,
    seen: Seen,
) -> ApiResult<StatusCode> {
    let flows = &shared.flows;
    users::enable(&may, &flows.store, &flows.clock, target(&id, &seen)).await?;
    Ok(done())
}

/// End every session of a person
#[utoipa::path(post, path = "/users/{id}/logout", tag = "users", params(("id" = String, Path)),
    responses((status = 200, body = Ended), (status = 404, body = Problem)))]
pub(super) async fn logout(
    Caller(may): Caller<ChangePeople>,
    State(shared): State<Arc<Shared>>,
    Named(id): Named<String>,
) -> ApiResult<Shown<Ended>> {
    let flows = &shared.flows;
    let ended = users::logout(&may, &flows.store, &flows.clock, Target::of_id(&id)).await?;
    Ok(Shown::of(Ended { families_ended: ended }))
}

/// Remove the one-time codes and recovery codes of a person who has lost them
#[utoipa::path(post, path = "/users/{id}/reset-mfa", tag = "users", params(("id" = String, Path)),
    responses((status = 200, body = Object), (status = 404, body = Problem)))]
pub(super) async fn reset_mfa(
    Caller(may): Caller<ChangePeople>,
    State(shared): State<Arc<Shared>>,
    Named(id): Named<String>,
) -> ApiResult<Shown<Value>> {
    let (flows, mailer) = (&shared.flows, shared.flows.mailer.as_ref());
    let removed =
        users::reset_mfa(&may, &flows.store, &flows.clock, mailer, Target::of_id(&id)).await?;
    Ok(Shown::of(serde_json::json!({ "removed": removed })))
}

/// Mail a person a link to a new password, or return it where there is no mail
#[utoipa::path(post, path = "/users/{id}/recover", tag = "users",
    params(("id" = String, Path), Handover), responses(
        (status = 200, body = Recovery), (status = 404, body = Problem),
        (status = 409, body = Problem),
    ))]
pub(super) async fn recover(
    Caller(may): Caller<ChangePeople>,
    State(shared): State<Arc<Shared>>,
    Named(id): Named<String>,
    Parameters(asked): Parameters<Handover>,
) -> ApiResult<Shown<Recovery>> {
    let flows = &shared.flows;
    let mailer = flows.mailer.as_ref().filter(|_| !asked.print);
    let (store, clock) = (&flows.store, &flows.clock);
    let made = recovery::make(&may, store, clock, &flows.url, mailer, Target::of_id(&id)).await?;
    Ok(Shown::of(match made {
        RecoveryLink::Mailed(address) => {
            Recovery { mailed_to: Some(address), ..Recovery::default() }
        }
        RecoveryLink::Shown(link) => {
            Recovery { link: Some(link.expose().clone()), ..Recovery::default() }
        }
    }))
}

/// Set a password, and end every session
#[utoipa::path(put, path = "/users/{id}/password", tag = "users", params(("id" = String, Path)),
    request_body = NewPassword, responses(
        (status = 200, body = Ended), (status = 404, body = Problem),
        (status = 422, body = Problem),
    ))]
pub(super) async fn set_password(
    Caller(may): Caller<ChangePeople>,
    State(shared): State<Arc<Shared>>,
    Named(id): Named<String>,
    Sent(new): Sent<NewPassword>,
) -> ApiResult<Shown<Ended>> {
    let (flows, mailer) = (&shared.flows, shared.flows.mailer.as_ref());
    let (store, clock, hasher) = (&flows.store, &flows.clock, &flows.password.hasher);
    let (target, password) = (Target::of_id(&id), Secret::from(new.password));
    let set = SetPassword { password: &password, temporary: new.temporary };
    let ended = users::set_password(&may, store, clock, mailer, hasher, target, set).await?;
    Ok(Shown::of(Ended { families_ended: ended }))
}
