//! Who calls SCIM: the bearer of a token of `mapae scim token create`, or a client with an access
//! token of its own for this audience and with the scope `scim`.

use axum::http::request::Parts;

use super::answer::Failed;
use crate::admin::authority::Authority;
use crate::admin::scim_tokens;
use crate::domain::actor::Actor;
use crate::domain::client::ClientId;
use crate::domain::form::Form;
use crate::domain::reason::Reason;
use crate::domain::scim_token::SCOPE;
use crate::domain::scim_urls::BASE;
use crate::domain::secret::{Plain, ScimToken};
use crate::web::body::Head;
use crate::web::edge::Context;
use crate::web::shared::Shared;
use crate::web::userinfo::presented;

pub(super) async fn authority(parts: &mut Parts, shared: &Shared) -> Result<Authority, Failed> {
    let head = Head::from(parts.clone());
    let no_form = Form::default();
    let token = presented(&head, &no_form).map_err(|refusal| Failed::because(refusal.reason))?;
    let invalid = || Failed::because(Reason::AccessTokenInvalid);
    let flows = &shared.flows;
    let actor = if Plain::<ScimToken>::is_meant(token) {
        let found = scim_tokens::find(&flows.store, &flows.clock, token).await;
        let found = found.map_err(Failed::of_admin)?.ok_or_else(invalid)?;
        Actor::Connector(found.id)
    } else {
        let claims = shared.resources.access_tokens.verify_bearer(token, head.thumbprint()).await?;
        let claims = claims.ok_or_else(invalid)?;
        // RFC 9068 §4: a token whose audience does not name this service is refused.
        if !claims.aud.contains(&flows.url.url(BASE)) {
            return Err(invalid());
        }
        let has_scope = claims.scope.split(' ').any(|word| word == SCOPE);
        // People provision nobody: they have the administration.
        if !has_scope || claims.sid.is_some() {
            return Err(Failed::because(Reason::AdminScopeMissing));
        }
        Actor::Client(ClientId::parse(&claims.client_id).ok_or_else(invalid)?)
    };
    let context = parts.extensions.get::<Context>().copied();
    let origin = context.map(|context| context.origin()).unwrap_or_default();
    Ok(Authority::connector(actor).from(origin))
}
