//! What tokens would say before they are issued, what one says, why one is refused, and their end.

use std::sync::Arc;

use axum::extract::State;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::caller::Caller;
use super::problem::{ApiResult, Failed, Problem};
use super::received::{Named, Sent};
use super::shown::Shown;
use crate::admin::authority::{ChangeKeys, ChangePeople, ReadClients, ReadPeople};
use crate::admin::token_preview::{self, Lengths, Preview, PreviewRequest};
use crate::admin::tokens::{self, Inspected, RevokedBefore};
use crate::admin::users::{self, Who};
use crate::admin::{clients, token_facts};
use crate::domain::reason::Reason;
use crate::domain::scope::Scope;
use crate::domain::token_explanation::explain;
use crate::domain::token_explanation::presented::Presented;
use crate::web::shared::Shared;

/// Whose tokens are shown.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    /// The `sub` of the person.
    user: String,
    /// The scope that the app would ask for. Without it: everything that it is registered for.
    #[serde(default)]
    scope: Option<String>,
    /// The resource that the app would name, RFC 8707.
    #[serde(default)]
    audience: Option<String>,
}

/// What the tokens would say. None is issued.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TokenPreview {
    /// The claims of the access token.
    #[schema(value_type = Object)]
    access_token: Map<String, Value>,
    /// The claims of the id token; `null` without the scope `openid`.
    #[schema(value_type = Option<Object>)]
    id_token: Option<Map<String, Value>>,
    /// The answer of userinfo; `null` without the scope `openid`.
    #[schema(value_type = Option<Object>)]
    userinfo: Option<Map<String, Value>>,
    /// How long the signed tokens would be.
    bytes: TokenLengths,
    /// What an operator may have overlooked.
    warnings: Vec<String>,
}

/// The bytes of signed tokens.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TokenLengths {
    /// Those of the access token.
    access_token: usize,
    /// Those of the id token.
    id_token: Option<usize>,
}

impl From<Preview> for TokenPreview {
    fn from(preview: Preview) -> Self {
        let Preview { access_token, id_token, userinfo, bytes, warnings } = preview;
        let Lengths { access_token: of_access, id_token: of_id } = bytes;
        let bytes = TokenLengths { access_token: of_access, id_token: of_id };
        Self { access_token, id_token, userinfo, bytes, warnings }
    }
}

/// A token that a resource server refused.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RefusedToken {
    /// The token, or its claims as JSON.
    #[schema(format = Password)]
    token: String,
    /// The resource server: its audience, or the id of its client. Without it the audience is shown
    /// and not judged.
    #[serde(default)]
    resource: Option<String>,
}

/// Why a strict verifier refuses a token.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TokenExplanation {
    /// Whether it takes it.
    good: bool,
    /// The stable name of the reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    /// The checks, one after the other.
    steps: Vec<Step>,
    /// What to do about it.
    mend: String,
}

/// One check.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Step {
    /// What is checked.
    check: &'static str,
    /// Whether it holds.
    good: bool,
    /// What was found.
    says: String,
}

/// A token.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct GivenToken {
    /// An access token or a refresh token.
    #[schema(format = Password)]
    token: String,
}

impl GivenToken {
    fn text(&self) -> ApiResult<&str> {
        match self.token.trim() {
            "" => Err(Failed::because(Reason::AdminInvalid, "there is no token")),
            token => Ok(token),
        }
    }
}

/// Whether a token ended.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TokenEnd {
    /// Whether there was one to end.
    revoked: bool,
}

/// An instant before which everything ends.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct IssuedBefore {
    /// What was issued before this instant ends.
    issued_before: DateTime<Utc>,
}

/// What ended for everybody.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct EndedForAll {
    /// The instant, in whole seconds.
    issued_before: DateTime<Utc>,
    /// Sessions at apps: each had a refresh token.
    families: u64,
    /// Sessions in browsers.
    sessions: u64,
    /// Permissions for devices that no device had used.
    devices: u64,
    /// Authorization codes, and codes of devices that somebody had allowed.
    codes: u64,
    /// Clients that lost what they got for themselves.
    clients: u64,
}

impl From<RevokedBefore> for EndedForAll {
    fn from(revoked: RevokedBefore) -> Self {
        let RevokedBefore { issued_before, ended, codes, clients } = revoked;
        let (families, sessions, devices) = (ended.families, ended.sessions, ended.devices);
        Self { issued_before, families, sessions, devices, codes, clients }
    }
}

/// What the tokens of a person at a client would say. Nothing is issued
#[utoipa::path(post, path = "/clients/{id}/token-preview", tag = "tokens",
    params(("id" = String, Path)), request_body = Asked, responses(
        (status = 200, body = TokenPreview), (status = 404, body = Problem),
        (status = 422, body = Problem),
    ))]
pub(super) async fn preview(
    Caller(people): Caller<ReadPeople>,
    Caller(may): Caller<ReadClients>,
    State(shared): State<Arc<Shared>>,
    Named(id): Named<String>,
    Sent(sent): Sent<Asked>,
) -> ApiResult<Shown<TokenPreview>> {
    let (store, token) = (&shared.flows.store, &shared.token);
    clients::find(&may, &**store, &id).await?;
    let user = users::find(&people, &**store, Who::Id(&sent.user)).await?;
    let scope = sent.scope.as_deref().map(Scope::parse).transpose();
    let scope = scope.map_err(|why| Failed::because(Reason::AdminInvalid, why.to_string()))?;
    let (client, username) = (id.as_str(), user.username.as_str());
    let asked = PreviewRequest { client, username, scope, audience: sent.audience };
    let rights = (&people, &may);
    let made = token_preview::preview(rights, store, &token.mint, &token.person_claims, asked);
    Ok(Shown::of(Box::pin(made).await?.into()))
}

/// Why a resource server refuses a token: what a strict verifier says, check by check
#[utoipa::path(post, path = "/tokens/explain", tag = "tokens", request_body = RefusedToken,
    responses((status = 200, body = TokenExplanation), (status = 422, body = Problem)))]
pub(super) async fn explained(
    _: Caller<ReadPeople>,
    _: Caller<ReadClients>,
    State(shared): State<Arc<Shared>>,
    Sent(sent): Sent<RefusedToken>,
) -> ApiResult<Shown<TokenExplanation>> {
    if sent.token.trim().is_empty() {
        return Err(Failed::because(Reason::AdminInvalid, "there is no token"));
    }
    let presented = Presented::read(&sent.token);
    let facts = token_facts::from_database(&shared.resources, &presented, sent.resource);
    let explanation = explain(&presented, &Box::pin(facts).await?);
    let steps = explanation.steps.iter().map(|step| Step {
        check: step.check.as_str(),
        good: step.reason.is_none(),
        says: step.says.clone(),
    });
    Ok(Shown::of(TokenExplanation {
        good: explanation.is_good(),
        reason: explanation.reason().map(Reason::as_str),
        steps: steps.collect(),
        mend: explanation.mend(),
    }))
}

/// What a token says, what is known of it, and whether it counts
#[utoipa::path(post, path = "/tokens/inspect", tag = "tokens", request_body = GivenToken,
    responses((status = 200, body = Object), (status = 422, body = Problem)))]
pub(super) async fn inspected(
    Caller(may): Caller<ReadPeople>,
    _: Caller<ReadClients>,
    State(shared): State<Arc<Shared>>,
    Sent(sent): Sent<GivenToken>,
) -> ApiResult<Shown<Inspected>> {
    Ok(Shown::of(tokens::inspect(&may, &shared.resources, sent.text()?).await?))
}

/// End a token of any client. A refresh token ends with everything of the same sign-in at the app
#[utoipa::path(post, path = "/tokens/revoke", tag = "tokens", request_body = GivenToken,
    responses((status = 200, body = TokenEnd), (status = 422, body = Problem)))]
pub(super) async fn revoked(
    Caller(may): Caller<ChangePeople>,
    State(shared): State<Arc<Shared>>,
    Sent(sent): Sent<GivenToken>,
) -> ApiResult<Shown<TokenEnd>> {
    let revoked = tokens::revoke(&may, &shared.resources, sent.text()?).await?;
    shared.flows.notices.nudge();
    Ok(Shown::of(TokenEnd { revoked }))
}

/// End every session, every token and every code that was issued before an instant, for everybody.
/// It works in steps: an answer 503 says that some are left, and the same request ends them
#[utoipa::path(post, path = "/tokens/revoke-issued-before", tag = "tokens",
    request_body = IssuedBefore,
    responses((status = 200, body = EndedForAll), (status = 422, body = Problem)))]
pub(super) async fn revoked_before(
    Caller(may): Caller<ChangeKeys>,
    State(shared): State<Arc<Shared>>,
    Sent(sent): Sent<IssuedBefore>,
) -> ApiResult<Shown<EndedForAll>> {
    let (flows, lifetime) = (&shared.flows, shared.token.mint.lifetimes.access_token);
    let (store, clock) = (&flows.store, &flows.clock);
    let ended = tokens::revoke_issued_before(&may, store, clock, sent.issued_before, lifetime);
    let ended = Box::pin(ended).await?;
    flows.notices.nudge();
    Ok(Shown::of(ended.into()))
}
