//! What pages say to whoever is sent to them, as it stands in their addresses.

use crate::domain::interaction::Handle;
use crate::domain::provider::Slug;
use crate::domain::session::{BrowserId, SessionId};
use crate::domain::upstream_outcome::UpstreamOutcome;
use crate::domain::urls;
use crate::flows::outcome::Said;
use crate::web::page_request::Guest;
use crate::web::shared::Shared;

/// What happened, and at which provider.
pub(super) type Noted = (Option<Slug>, UpstreamOutcome);

/// What the address of a page says.
pub(super) fn of_query(guest: &Guest) -> Option<Noted> {
    let note = guest.form.get("note").and_then(UpstreamOutcome::parse)?;
    Some((guest.form.get("provider").and_then(Slug::parse), note))
}

/// The same as a part of an address.
pub(super) fn in_query((slug, note): &Noted) -> String {
    let provider = slug.as_ref().map(|slug| format!("&provider={slug}")).unwrap_or_default();
    format!("{provider}&note={}", note.as_str())
}

/// The sign-in page with word of what happened: no code stands in its address.
pub(super) fn sign_in(shared: &Shared, id: &Handle, noted: &Noted) -> String {
    format!("{}{}?interaction={}{}", shared.base, urls::LOGIN, id.as_str(), in_query(noted))
}

/// That something was done, as a part of an address; nothing where nothing was.
pub(super) fn done(what: &str) -> String {
    if what.is_empty() { String::new() } else { format!("&done={what}") }
}

/// The account page with word of what happened, and with the proof that we say so: a link that
/// somebody else made says nothing there.
pub(super) fn to_account(shared: &Shared, session: &SessionId, said: &str) -> String {
    let proof = match said {
        "" => String::new(),
        said => format!("&said={}", shared.flows.forms.token(&NOBODY, &purpose(session, said))),
    };
    format!("{}{}?session={}{proof}{said}", shared.base, urls::ACCOUNT, session.as_str())
}

/// What the account page says to somebody who comes to it with word of ours.
pub(super) fn at_account<'a>(
    shared: &Shared,
    guest: &'a Guest,
    session: &SessionId,
) -> (Option<&'a str>, Option<Noted>) {
    let (what, noted) = (guest.form.get("done"), of_query(guest));
    let said = what.map(done).or(noted.as_ref().map(in_query)).unwrap_or_default();
    let proof = guest.form.get("said").unwrap_or_default();
    if shared.flows.forms.verifies(proof, &NOBODY, &purpose(session, &said)) {
        (what, noted)
    } else {
        (None, None)
    }
}

/// It is bound to the session, which is in one browser alone.
const NOBODY: BrowserId = BrowserId::from_stored(String::new());

fn purpose(session: &SessionId, said: &str) -> String {
    format!("said {} {said}", session.as_str())
}

/// What the account page says to somebody who comes to it.
pub(super) fn said(said: &Said) -> String {
    match said {
        Said::Confirmed => done("confirmed"),
        Said::Linked => done("linked"),
        Said::Noted(slug, note) => in_query(&(Some(slug.clone()), *note)),
    }
}
