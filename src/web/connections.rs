//! `/account/providers/…`: connecting and disconnecting providers.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode};

use super::edge::Context;
use super::guest::Guest;
use super::page::{self, Answered};
use super::{Shared, account, visit};
use crate::accounts::browsers::Present;
use crate::domain::provider::Slug;
use crate::domain::verdict::Error;
use crate::oauth::connections::{self, Connection, Unchanged};
use crate::oauth::interactions::{Note, Said};
use crate::oauth::providers::Known;
use crate::pages::{Brand, LinkProblem, Linked, Notice};

/// What the account page says to somebody who comes to it, as it stands in its address.
pub(super) fn in_query(said: &Said) -> String {
    match said {
        Said::Confirmed => "&done=confirmed".to_owned(),
        Said::Linked => "&done=linked".to_owned(),
        Said::Taken(slug) => format!("&provider={slug}&note=taken"),
        Said::NotLinked(slug, note) => format!("&provider={slug}&note={}", note.as_str()),
    }
}

/// What was done, as the address of the account page says it.
pub(super) fn notice(done: &str) -> Option<Notice> {
    match done {
        "linked" => Some(Notice::ProviderLinked),
        "unlinked" => Some(Notice::ProviderUnlinked),
        "confirmed" => Some(Notice::Confirmed),
        _ => None,
    }
}

/// Why nothing was connected.
#[derive(Clone, Debug)]
pub(super) enum Wrong {
    LastWayIn,
    Taken(Arc<Known>),
    Noted(Arc<Known>, Note),
}

impl Wrong {
    /// As the address of the account page says it.
    pub(super) fn of_query(shared: &Shared, guest: &Guest) -> Option<Self> {
        let slug = guest.form.get("provider").and_then(Slug::parse)?;
        let known = shared.issuer.providers.find(&slug, None)?;
        let note = guest.form.get("note")?;
        if note == "taken" {
            return Some(Self::Taken(known));
        }
        let note = Note::ALL.into_iter().find(|one| one.as_str() == note)?;
        Some(Self::Noted(known, note))
    }

    /// What the page says.
    pub(super) fn shown(&self, language: &str) -> LinkProblem<'_> {
        match self {
            Self::LastWayIn => LinkProblem::LastWayIn,
            Self::Taken(known) => LinkProblem::Taken { provider: known.name(language) },
            Self::Noted(known, note) => {
                let provider = known.name(language);
                match note {
                    Note::Cancelled => LinkProblem::Cancelled { provider },
                    Note::Unavailable => LinkProblem::Unavailable { provider },
                    Note::Refused => LinkProblem::Refused { provider },
                    Note::Failed => LinkProblem::Failed { provider },
                }
            }
        }
    }
}

/// A connection as the page shows it.
pub(super) fn linked<'a>(connection: &'a Connection, name: &'a str, language: &str) -> Linked<'a> {
    let slug = connection.linked.provider.as_str();
    let known = connection.known.as_deref();
    Linked {
        id: name,
        name: known.map_or(slug, |known| known.name(language)),
        brand: known
            .map_or(Brand::Other, |known| Brand::of_preset(known.registration.terms.preset)),
        email: connection.linked.email.as_deref(),
        since: connection.linked.linked_at,
        removable: connection.removable,
    }
}

pub(super) async fn link(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let (guest, present) = account::submitted(&shared, context, request).await?;
    let Some(slug) = guest.form.get("provider").and_then(Slug::parse) else {
        return Ok(visit::unknown(&shared, &guest));
    };
    let language = guest.language.as_str();
    let left =
        connections::connect(&shared.issuer, guest.caller(), &present, &slug, language).await;
    Ok(match left {
        Ok(url) => page::see_other(&url),
        Err(error) => unchanged(&shared, &guest, &present, error).await,
    })
}

pub(super) async fn unlink(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let (guest, present) = account::submitted(&shared, context, request).await?;
    let name = guest.form.get("identity").unwrap_or_default();
    let language = guest.language.as_str();
    let gone =
        connections::disconnect(&shared.issuer, guest.caller(), &present, name, language).await;
    Ok(match gone {
        Ok(()) => account::done(&shared, &present, "unlinked", None),
        // Somebody was faster, in another tab.
        Err(Error::Refused(Unchanged::Unknown)) => account::done(&shared, &present, "", None),
        Err(error) => unchanged(&shared, &guest, &present, error).await,
    })
}

async fn unchanged(
    shared: &Shared,
    guest: &Guest,
    present: &Present,
    error: Error<Unchanged>,
) -> Response<Body> {
    let (status, wrong) = match error {
        Error::Fault(fault) => return page::fault(shared, guest, &fault),
        Error::Refused(Unchanged::Stale(led)) => return page::lead(shared, guest, led),
        Error::Refused(Unchanged::Lost(lost)) => {
            return page::lost(shared, guest, Error::Refused(lost));
        }
        Error::Refused(Unchanged::Unknown) => return visit::unknown(shared, guest),
        Error::Refused(Unchanged::LastWayIn) => (StatusCode::BAD_REQUEST, Wrong::LastWayIn),
        Error::Refused(Unchanged::NotLinked(slug, note)) => {
            match shared.issuer.providers.find(&slug, None) {
                Some(known) => (StatusCode::SERVICE_UNAVAILABLE, Wrong::Noted(known, note)),
                None => return visit::unknown(shared, guest),
            }
        }
    };
    let mut response = account::wrong(shared, guest, present, &wrong).await;
    *response.status_mut() = status;
    response
}
