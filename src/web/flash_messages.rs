//! What pages say to whoever is sent to them, as it stands in their addresses.

use crate::domain::interaction::Handle;
use crate::domain::provider::Slug;
use crate::domain::session::{BrowserId, SessionId};
use crate::domain::upstream_outcome::UpstreamOutcome;
use crate::domain::urls;
use crate::flows::outcome::FlashMessage;
use crate::web::page_request::PageRequest;
use crate::web::shared::Shared;

/// What happened, and at which provider.
pub(super) type UpstreamNotice = (Option<Slug>, UpstreamOutcome);

/// What the address of a page says.
pub(super) fn of_query(page_request: &PageRequest) -> Option<UpstreamNotice> {
    let note = page_request.form.get("note").and_then(UpstreamOutcome::parse)?;
    Some((page_request.form.get("provider").and_then(Slug::parse), note))
}

/// The same as a part of an address.
pub(super) fn in_query((slug, note): &UpstreamNotice) -> String {
    let provider = slug.as_ref().map(|slug| format!("&provider={slug}")).unwrap_or_default();
    format!("{provider}&note={}", note.as_str())
}

/// The sign-in page with word of what happened: no code stands in its address.
pub(super) fn sign_in(shared: &Shared, id: &Handle, noted: &UpstreamNotice) -> String {
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
    page_request: &'a PageRequest,
    session: &SessionId,
) -> (Option<&'a str>, Option<UpstreamNotice>) {
    let (what, noted) = (page_request.form.get("done"), of_query(page_request));
    let said = what.map(done).or(noted.as_ref().map(in_query)).unwrap_or_default();
    let proof = page_request.form.get("said").unwrap_or_default();
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
pub(super) fn said(said: &FlashMessage) -> String {
    match said {
        FlashMessage::Confirmed => done("confirmed"),
        FlashMessage::Linked => done("linked"),
        FlashMessage::UpstreamNotice(slug, note) => in_query(&(Some(slug.clone()), *note)),
    }
}
