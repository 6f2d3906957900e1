//! RP-Initiated Logout §2: reads and checks a request.

use std::sync::Arc;

use crate::clients::registry::Registered;
use crate::domain::authorization::{LONGEST_HINT, LONGEST_STATE, LONGEST_TOKEN_HINT};
use crate::domain::client::{ClientId, SubjectType};
use crate::domain::family::FamilyId;
use crate::domain::form::Form;
use crate::domain::interaction::LogoutRequest;
use crate::domain::reason::Reason;
use crate::domain::user::UserId;
use crate::domain::verdict::{Error, Fault};
use crate::oauth::authorize::context::RequestContext;
use crate::oauth::authorize::request::hinted;
use crate::oauth::claims::IdTokenHint;
use crate::store::families;

/// Why a logout request is refused. The browser gets an error page and is not redirected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadLogout(pub Reason);

impl From<BadLogout> for Error<BadLogout> {
    fn from(bad: BadLogout) -> Self {
        Self::Refused(bad)
    }
}

/// The person whom a hint names as its client knows them.
async fn person(context: &RequestContext, hint: &IdTokenHint) -> Result<Option<UserId>, Fault> {
    let client = match ClientId::parse(&hint.aud) {
        Some(client) => context.clients.stored(&client).await?,
        None => None,
    };
    match client {
        Some(client) if client.client.metadata.subject_type == SubjectType::Pairwise => {
            let family = FamilyId::from_stored(hint.sid.clone());
            let family = families::find(&*context.store, &family).await?;
            let user = family.map(|family| family.user);
            let is_named = |user: &UserId| context.subjects.of(&client.client, user) == hint.sub;
            Ok(user.filter(is_named))
        }
        _ => Ok(Some(UserId::from_stored(hint.sub.clone()))),
    }
}

/// Reads and checks a request, RP-Initiated Logout §2.
pub async fn read(
    context: &RequestContext,
    text: &[u8],
) -> Result<LogoutRequest, Error<BadLogout>> {
    let form = Form::parse(text).map_err(|_| BadLogout(Reason::LogoutRequestMalformed))?;
    let short = |name, longest| form.get(name).filter(|text: &&str| text.len() <= longest);
    let state = form.get("state");
    if state.is_some_and(|state| state.len() > LONGEST_STATE) {
        return Err(BadLogout(Reason::StateTooLong).into());
    }
    let hint = match short("id_token_hint", LONGEST_TOKEN_HINT) {
        Some(hint) => Some(hinted(context, hint).ok_or(BadLogout(Reason::IdTokenHintInvalid))?),
        None => None,
    };
    let named = form.get("client_id");
    if let (Some(named), Some(hint)) = (named, &hint)
        && named != hint.aud
    {
        return Err(BadLogout(Reason::IdTokenHintClientMismatch).into());
    }
    let client = named.or(hint.as_ref().map(|hint| hint.aud.as_str())).and_then(ClientId::parse);
    let registered = match &client {
        Some(client) => context.clients.stored(client).await?,
        None => None,
    };
    if named.is_some() && registered.is_none() {
        return Err(BadLogout(Reason::ClientUnknown).into());
    }
    let uri = form.get("post_logout_redirect_uri");
    if let Some(uri) = uri {
        // §3.1: the URI must equal a registered one of the client that the request names.
        let known = |client: &Arc<Registered>| {
            client.client.metadata.post_logout_redirect_uris.iter().any(|known| known == uri)
        };
        if !registered.as_ref().is_some_and(known) {
            return Err(BadLogout(Reason::PostLogoutRedirectUriUnregistered).into());
        }
    }
    let user = match &hint {
        Some(hint) => person(context, hint).await?,
        None => None,
    };
    Ok(LogoutRequest {
        client: registered.map(|registered| registered.client.id.clone()),
        redirect_uri: uri.map(str::to_owned),
        state: state.map(str::to_owned),
        user,
        family: hint.map(|hint| FamilyId::from_stored(hint.sid)),
        ui_locales: short("ui_locales", LONGEST_HINT).map(str::to_owned),
    })
}
