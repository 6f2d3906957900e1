//! `/invitations`: people who may make an account, whatever the settings say about others.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::caller::Caller;
use super::creation::{Made, once};
use super::problem::{ApiResult, Problem};
use crate::admin::authority::ChangePeople;
use crate::admin::invitations::{self, Guest};
use crate::web::shared::Shared;

/// A person to invite.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewInvitation {
    /// Their e-mail address.
    email: String,
    /// The `client_id` of the app to which they are invited.
    #[serde(default)]
    client: Option<String>,
    /// Return the link, and mail nothing.
    #[serde(default)]
    print: bool,
}

/// What became of the link to a new account. It works once, for 7 days.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(super) struct Invitation {
    /// The address to which it was mailed.
    #[serde(skip_serializing_if = "Option::is_none")]
    mailed_to: Option<String>,
    /// The link, where it is not mailed.
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<String>,
}

/// Let a person make an account: by mail, or by a link that is returned where there is no mail
#[utoipa::path(post, path = "/invitations", tag = "invitations",
    params(("Idempotency-Key" = Option<String>, Header)), request_body = NewInvitation,
    responses(
        (status = 201, body = Invitation), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 422, body = Problem),
    ))]
pub(super) async fn create(
    Caller(may): Caller<ChangePeople>,
    State(shared): State<Arc<Shared>>,
    request: Request,
) -> ApiResult<Response<Body>> {
    once(&shared, &may, request, async |new: NewInvitation| {
        let flows = &shared.flows;
        let mailer = flows.mailer.as_ref().filter(|_| !new.print);
        let (store, clock) = (&flows.store, &flows.clock);
        let guest = Guest { email: &new.email, client: new.client.as_deref() };
        let link = invitations::invite(&may, store, clock, &flows.url, mailer, guest).await?;
        flows.notices.nudge();
        let mailed_to = link.is_none().then_some(new.email);
        let again = Invitation { mailed_to: mailed_to.clone(), link: None };
        let link = link.map(|link| link.expose().clone());
        Ok(Made::answered(StatusCode::CREATED, Invitation { mailed_to, link }).again(&again))
    })
    .await
}
