//! Which of the operator's documents a person has not answered yet.

use crate::domain::terms::{Document, TermsAnswer};
use crate::domain::user::UserId;
use crate::domain::verdict::Fault;
use crate::flows::context::Flows;
use crate::store::{Reader, terms_acceptances};

/// Whether a person has to accept a document before anything else.
pub(super) async fn are_due(
    flows: &Flows,
    reader: &impl Reader,
    user: &UserId,
) -> Result<bool, Fault> {
    if flows.terms.0.is_empty() {
        return Ok(false);
    }
    Ok(flows.terms.are_due(&answers(reader, user).await?))
}

/// Whether a person is asked about a document, required or not.
pub(super) async fn are_open(
    flows: &Flows,
    reader: &impl Reader,
    user: &UserId,
) -> Result<bool, Fault> {
    if flows.terms.0.is_empty() {
        return Ok(false);
    }
    Ok(!open_documents(flows, reader, user).await?.is_empty())
}

/// The documents whose current version a person has not answered.
pub async fn open_documents<'a>(
    flows: &'a Flows,
    reader: &impl Reader,
    user: &UserId,
) -> Result<Vec<&'a Document>, Fault> {
    Ok(flows.terms.open(&answers(reader, user).await?))
}

async fn answers(reader: &impl Reader, user: &UserId) -> Result<Vec<TermsAnswer>, Fault> {
    let every = terms_acceptances::of_user(reader, user).await?;
    Ok(every.into_iter().map(|one| one.answer).collect())
}
