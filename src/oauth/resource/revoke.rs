//! Revocation, RFC 7009. A refresh token, even a used one, ends its family; an access token ends
//! alone. The answer does not reveal whether a token of another client exists.

use crate::domain::audit::{Event, EventKind, Origin};
use crate::domain::client::{ClientId, RefreshDelivery};
use crate::domain::clock::from_millis;
use crate::domain::family::{Family, FamilyId};
use crate::domain::form::Form;
use crate::domain::reason::Reason;
use crate::domain::secret::{Plain, RefreshToken};
use crate::domain::verdict::Fault;
use crate::oauth::client_auth::Credentials;
use crate::oauth::cross_origin::check_origin;
use crate::oauth::error::Result;
use crate::oauth::resource::context::ResourceContext;
use crate::store::revoked_access_tokens::RevokedToken;
use crate::store::{Repeats, audit_events, families, revoked_access_tokens};

/// Answers a revocation request. RFC 7009 §2.2: for an unknown token the answer is success, too.
pub async fn revoke(
    context: &ResourceContext,
    credentials: &Credentials,
    form: &Form,
    browser: Browser<'_>,
    origin: &Origin,
) -> Result<Revoked> {
    let client = context.clients.authenticate(credentials).await?;
    let client = client.client();
    let by_cookie = match client.metadata.refresh_delivery {
        RefreshDelivery::Body => None,
        RefreshDelivery::Cookie => {
            check_origin(client, browser.script)?;
            browser.cookie
        }
    };
    let token = form.get("token").or(by_cookie);
    let token = token.ok_or(Reason::TokenMissing)?;
    end(context, token, Some(&client.id), origin).await?;
    Ok(Revoked { cookie_of: browser.cookie.map(|_| client.id.clone()) })
}

/// The result of a revocation request.
#[derive(Debug)]
pub struct Revoked {
    /// The client whose cookie with the refresh token the browser has to delete, if there is one.
    pub cookie_of: Option<ClientId>,
}

/// The headers and cookies that a browser sends with the request of a script.
#[derive(Clone, Copy, Debug, Default)]
pub struct Browser<'a> {
    /// The `Origin` header.
    pub script: Option<&'a str>,
    /// The refresh token in the client's cookie.
    pub cookie: Option<&'a str>,
}

/// Ends a token and says whether there was one to end. With `only_of`, only a token of that client
/// is ended.
pub async fn end(
    context: &ResourceContext,
    token: &str,
    only_of: Option<&ClientId>,
    origin: &Origin,
) -> Result<bool, Fault> {
    if Plain::<RefreshToken>::is_meant(token) {
        end_family(context, &Plain::presented(token), only_of, origin).await
    } else {
        end_access_token(context, token, only_of, origin).await
    }
}

async fn end_family(
    context: &ResourceContext,
    token: &Plain<RefreshToken>,
    only_of: Option<&ClientId>,
    origin: &Origin,
) -> Result<bool, Fault> {
    let Some((_, found)) = context.refresh_tokens.find(token).await? else { return Ok(false) };
    let family = found.family;
    if only_of.is_some_and(|client| family.client != *client) {
        return Ok(false);
    }
    let mut repeats = Repeats::default();
    loop {
        match revoke_family(context, &family, origin).await {
            Err(fault) if repeats.wants_after(&fault) => {}
            ended => return ended,
        }
    }
}

async fn revoke_family(
    context: &ResourceContext,
    family: &Family,
    origin: &Origin,
) -> Result<bool, Fault> {
    let tx = context.store.begin(context.clock.now()).await?;
    let ended = families::revoke(&tx, &family.id).await?;
    if ended {
        let event = Event::new(EventKind::FamilyRevoked).user(&family.user).client(&family.client);
        audit_events::insert(&tx, &[event.family(&family.id).from(origin)]).await?;
    }
    tx.commit().await?;
    Ok(ended)
}

async fn end_access_token(
    context: &ResourceContext,
    token: &str,
    only_of: Option<&ClientId>,
    origin: &Origin,
) -> Result<bool, Fault> {
    let now = context.clock.now();
    let Some(claims) = context.access_tokens.read(token).await? else { return Ok(false) };
    let theirs = only_of.is_none_or(|client| claims.client_id == client.as_str());
    if !theirs || claims.exp <= now.timestamp() {
        return Ok(false);
    }
    let tx = context.store.begin(now).await?;
    let until = from_millis(claims.exp * 1000);
    let status = claims.status.as_ref().and_then(|status| status.place(&context.url));
    let audiences = claims.aud.iter().map(str::to_owned).collect();
    let token = RevokedToken { jti: &claims.jti, expires_at: until, audiences, status };
    let ended = revoked_access_tokens::insert(&tx, token).await?;
    if ended {
        // The other tokens of the family name the same place; its next one gets a fresh one.
        if let (Some(sid), Some(place)) = (&claims.sid, status) {
            families::leave_status(&tx, &FamilyId::from_stored(sid.clone()), place).await?;
        }
        let mut event = Event::new(EventKind::AccessTokenRevoked).from(origin).detail(claims.jti);
        event.client = ClientId::parse(&claims.client_id);
        audit_events::insert(&tx, &[event]).await?;
    }
    tx.commit().await?;
    Ok(ended)
}
