//! Who calls the API: the access token of a request, and the proof of what its bearer may do.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use chrono::{DateTime, Utc};

use super::problem::{ApiResult, Failed};
use crate::admin::authority::{self, Authority, May, Proven, Right};
use crate::domain::admin_right::AdminScope;
use crate::domain::admin_urls;
use crate::domain::client::ClientId;
use crate::domain::form::Form;
use crate::domain::reason::Reason;
use crate::oauth::claims::AccessToken;
use crate::web::body::Head;
use crate::web::edge::Context;
use crate::web::shared::Shared;
use crate::web::userinfo::presented;

/// The bearer of the access token, who may do this.
pub(super) struct Caller<R>(pub(super) May<R>);

impl<R: Right> FromRequestParts<Arc<Shared>> for Caller<R> {
    type Rejection = Failed;

    async fn from_request_parts(parts: &mut Parts, shared: &Arc<Shared>) -> ApiResult<Self> {
        let authority = authority(parts, shared).await?;
        let now = shared.flows.clock.now();
        Ok(Self(authority.may(now, shared.admin.proof_age)?))
    }
}

async fn authority(parts: &mut Parts, shared: &Arc<Shared>) -> ApiResult<Authority> {
    let head = Head::from(parts.clone());
    let no_form = Form::default();
    let token = presented(&head, &no_form).map_err(|refusal| Failed::from(refusal.reason))?;
    let claims = shared.resources.access_tokens.verify_bearer(token, head.thumbprint()).await?;
    let claims = claims.ok_or(Reason::AccessTokenInvalid)?;
    let audience = shared.flows.url.url(admin_urls::API);
    // RFC 9068 §4: a token whose audience does not name this API is refused.
    if !claims.aud.contains(&audience) {
        return Err(Reason::AccessTokenInvalid.into());
    }
    let context = parts.extensions.get::<Context>().copied();
    let origin = context.map(|context| context.origin()).unwrap_or_default();
    Ok(of(shared, &claims).await?.from(origin))
}

async fn of(shared: &Shared, claims: &AccessToken) -> ApiResult<Authority> {
    let scope = AdminScope::rights_of(&claims.scope);
    let client = ClientId::parse(&claims.client_id).ok_or(Reason::AccessTokenInvalid)?;
    if claims.sid.is_none() {
        return Ok(Authority::client(&client, scope));
    }
    let user = claims.user.as_ref().ok_or(Reason::AccessTokenInvalid)?;
    let store = &*shared.flows.store;
    let standing = authority::standing(store, user).await?;
    let (roles, has_second_factor) = standing.ok_or(Reason::AccessTokenInvalid)?;
    let at = claims.auth_time.and_then(|at| DateTime::<Utc>::from_timestamp(at, 0));
    let proven = Proven {
        acr: claims.acr.unwrap_or_default(),
        at: at.unwrap_or_default(),
        has_second_factor,
    };
    Ok(Authority::person(user, &roles, Some(scope), proven))
}
