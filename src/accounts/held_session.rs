//! The session of a person who changes how they sign in, held until the change is written.

use chrono::{DateTime, Utc};

use super::browsers::SignedInUser;
use super::second_factor::SecondFactorRules;
use crate::domain::session::SessionId;
use crate::domain::user::{User, UserId};
use crate::domain::verdict::Fault;
use crate::store::{Tx, sessions, users};

/// Locks the account of a person, and protects their session from changes until the transaction
/// ends. `None`: the account is disabled, or the session has ended. Whoever waits here for another
/// change of the account sees what that change left.
pub async fn hold(
    tx: &Tx,
    user: &UserId,
    session: &SessionId,
) -> Result<Option<SignedInUser>, Fault> {
    // The account is locked first, as everywhere, so that no two requests wait for each other.
    let Some(user) = users::lock(tx, user).await?.filter(User::is_enabled) else {
        return Ok(None);
    };
    let session = sessions::lock(tx, session).await?;
    let session = session.filter(|session| session.user == user.id && session.is_live(tx.now()));
    Ok(session.map(|session| SignedInUser { session, user }))
}

impl SignedInUser {
    /// Whether this person proved recently who they are, with the strength that their account has.
    #[must_use]
    pub fn is_fresh(&self, rules: SecondFactorRules, now: DateTime<Utc>) -> bool {
        self.session.authentication.is_fresh(now, rules.needed(&self.user))
    }
}
