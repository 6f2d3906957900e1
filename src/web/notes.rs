//! What pages say to whoever is sent to them, as it stands in their addresses.

use super::Shared;
use super::guest::Guest;
use crate::domain::interaction::InteractionId;
use crate::domain::note::Note;
use crate::domain::provider::Slug;
use crate::domain::urls;
use crate::oauth::interactions::Said;

/// What happened, and at which provider.
pub(super) type Noted = (Option<Slug>, Note);

/// What the address of a page says.
pub(super) fn of_query(guest: &Guest) -> Option<Noted> {
    let note = guest.form.get("note").and_then(Note::parse)?;
    Some((guest.form.get("provider").and_then(Slug::parse), note))
}

/// The same as a part of an address.
pub(super) fn in_query((slug, note): &Noted) -> String {
    let provider = slug.as_ref().map(|slug| format!("&provider={slug}")).unwrap_or_default();
    format!("{provider}&note={}", note.as_str())
}

/// The sign-in page with word of what happened: no code stands in its address.
pub(super) fn sign_in(shared: &Shared, id: &InteractionId, noted: &Noted) -> String {
    format!("{}{}?interaction={}{}", shared.base, urls::LOGIN, id.0, in_query(noted))
}

/// What the account page says to somebody who comes to it.
pub(super) fn said(said: &Said) -> String {
    match said {
        Said::Confirmed => "&done=confirmed".to_owned(),
        Said::Linked => "&done=linked".to_owned(),
        Said::Noted(slug, note) => in_query(&(Some(slug.clone()), *note)),
    }
}
