//! Messages that a redirect carries to a page in the query of its address.

use crate::domain::console_notice::ConsoleNotice;
use crate::domain::interaction::Handle;
use crate::domain::provider::Slug;
use crate::domain::return_page::ReturnPage;
use crate::domain::session::{BrowserId, SessionId};
use crate::domain::upstream_outcome::UpstreamOutcome;
use crate::domain::urls;
use crate::flows::outcome::FlashMessage;
use crate::web::page_request::PageRequest;
use crate::web::shared::Shared;

/// The outcome of a login at a provider, and the provider.
pub(super) type UpstreamNotice = (Option<Slug>, UpstreamOutcome);

/// Reads the outcome of a provider from the query of the page.
pub(super) fn of_query(page_request: &PageRequest) -> Option<UpstreamNotice> {
    let note = page_request.form.get("note").and_then(UpstreamOutcome::parse)?;
    Some((page_request.form.get("provider").and_then(Slug::parse), note))
}

/// Writes the outcome as a part of a query.
pub(super) fn in_query((slug, note): &UpstreamNotice) -> String {
    let provider = slug.as_ref().map(|slug| format!("&provider={slug}")).unwrap_or_default();
    format!("{provider}&note={}", note.as_str())
}

/// The address of the sign-in page with the outcome of a provider. It contains no code.
pub(super) fn sign_in(shared: &Shared, id: &Handle, noted: &UpstreamNotice) -> String {
    format!("{}{}?interaction={}{}", shared.base, urls::LOGIN, id.as_str(), in_query(noted))
}

/// A message as a part of a query.
fn text(message: &FlashMessage) -> String {
    match message {
        FlashMessage::Confirmed => "&done=confirmed".to_owned(),
        FlashMessage::OneTimeCodesRemoved => "&done=codes-removed".to_owned(),
        FlashMessage::ProfileChanged => "&done=profile".to_owned(),
        FlashMessage::AddressChanged => "&done=address".to_owned(),
        FlashMessage::PasswordChanged => "&done=password".to_owned(),
        FlashMessage::PasswordSet => "&done=password-set".to_owned(),
        FlashMessage::PasskeyAdded => "&done=passkey-added".to_owned(),
        FlashMessage::PasskeyRenamed => "&done=passkey-renamed".to_owned(),
        FlashMessage::PasskeyRemoved => "&done=passkey-removed".to_owned(),
        FlashMessage::DeviceSignedOut => "&done=device".to_owned(),
        FlashMessage::AppRemoved => "&done=app".to_owned(),
        FlashMessage::ActorStopped => "&done=actor-stopped".to_owned(),
        FlashMessage::ActorAllowed => "&done=actor-allowed".to_owned(),
        FlashMessage::AccountKept => "&done=kept".to_owned(),
        FlashMessage::Linked => "&done=linked".to_owned(),
        FlashMessage::Unlinked => "&done=unlinked".to_owned(),
        FlashMessage::UpstreamNotice(slug, outcome) => in_query(&(Some(slug.clone()), *outcome)),
    }
}

/// Reads a message from the query, before its proof is checked.
fn read(page_request: &PageRequest) -> Option<FlashMessage> {
    Some(match page_request.form.get("done") {
        Some("confirmed") => FlashMessage::Confirmed,
        Some("codes-removed") => FlashMessage::OneTimeCodesRemoved,
        Some("profile") => FlashMessage::ProfileChanged,
        Some("address") => FlashMessage::AddressChanged,
        Some("password") => FlashMessage::PasswordChanged,
        Some("password-set") => FlashMessage::PasswordSet,
        Some("passkey-added") => FlashMessage::PasskeyAdded,
        Some("passkey-renamed") => FlashMessage::PasskeyRenamed,
        Some("passkey-removed") => FlashMessage::PasskeyRemoved,
        Some("device") => FlashMessage::DeviceSignedOut,
        Some("app") => FlashMessage::AppRemoved,
        Some("actor-stopped") => FlashMessage::ActorStopped,
        Some("actor-allowed") => FlashMessage::ActorAllowed,
        Some("kept") => FlashMessage::AccountKept,
        Some("linked") => FlashMessage::Linked,
        Some("unlinked") => FlashMessage::Unlinked,
        Some(_) => return None,
        None => {
            let (slug, outcome) = of_query(page_request)?;
            FlashMessage::UpstreamNotice(slug?, outcome)
        }
    })
}

/// The address of a page of my account or of the console with a message, and with a proof that we made the message:
/// links that others make show no message.
pub(super) fn to_account(
    shared: &Shared,
    session: &SessionId,
    page: &ReturnPage,
    message: Option<&FlashMessage>,
) -> String {
    let said = message.map(|message| {
        let text = text(message);
        let proof = shared.flows.forms.token(&NOBODY, &purpose(session, &text));
        format!("&said={proof}{text}")
    });
    // Whoever signs in for a device comes back with the code that it shows.
    let code = match page {
        ReturnPage::Device { user_code: Some(code) } => format!("&user_code={}", code.shown()),
        _ => String::new(),
    };
    let (base, path, session) = (&shared.base, page.path(), session.as_str());
    format!("{base}{path}?session={session}{code}{}", said.unwrap_or_default())
}

/// The message in the query of a page of my account, if its proof is ours.
pub(super) fn at_account(
    shared: &Shared,
    page_request: &PageRequest,
    session: &SessionId,
) -> Option<FlashMessage> {
    let message = read(page_request)?;
    let proof = page_request.form.get("said").unwrap_or_default();
    let purpose = purpose(session, &text(&message));
    shared.flows.forms.verifies(proof, &NOBODY, &purpose).then_some(message)
}

/// The address of a page of the console with a message. The path may have a query.
pub(super) fn to_console(
    shared: &Shared,
    session: &SessionId,
    path: &str,
    notice: ConsoleNotice,
) -> String {
    let text = format!("&done={}", notice.as_str());
    let proof = shared.flows.forms.token(&NOBODY, &purpose(session, &text));
    let begin = if path.contains('?') { '&' } else { '?' };
    let (base, session) = (&shared.base, session.as_str());
    format!("{base}{path}{begin}session={session}&said={proof}{text}")
}

/// The message in the query of a page of the console, if its proof is ours.
pub(super) fn at_console(
    shared: &Shared,
    page_request: &PageRequest,
    session: &SessionId,
) -> Option<ConsoleNotice> {
    let notice: ConsoleNotice = page_request.form.get("done")?.parse().ok()?;
    let proof = page_request.form.get("said").unwrap_or_default();
    let purpose = purpose(session, &format!("&done={}", notice.as_str()));
    shared.flows.forms.verifies(proof, &NOBODY, &purpose).then_some(notice)
}

/// The proof is not bound to a browser id. It is bound to the session, which exists in one browser
/// only.
const NOBODY: BrowserId = BrowserId::from_stored(String::new());

fn purpose(session: &SessionId, said: &str) -> String {
    format!("said {} {said}", session.as_str())
}
