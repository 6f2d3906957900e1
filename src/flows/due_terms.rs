//! Which of the operator's documents a person has not accepted yet.

use crate::domain::terms::{Acceptance, Document};
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
    Ok(flows.terms.are_due(&accepted(reader, user).await?))
}

/// The documents that a person has not accepted in their current version.
pub async fn open_documents<'a>(
    flows: &'a Flows,
    user: &UserId,
) -> Result<Vec<&'a Document>, Fault> {
    Ok(flows.terms.without(&accepted(&*flows.store, user).await?))
}

async fn accepted(reader: &impl Reader, user: &UserId) -> Result<Vec<Acceptance>, Fault> {
    let every = terms_acceptances::of_user(reader, user).await?;
    Ok(every.into_iter().map(|one| one.acceptance).collect())
}
