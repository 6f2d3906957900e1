//! The accounts whose people can be reached by mail.

use chrono::{DateTime, Utc};

use crate::domain::person;
use crate::domain::user::User;
use crate::domain::verdict::Fault;
use crate::settings::kinds::flag;
use crate::settings::settings;
use crate::store::{Reader, users};

settings! {
    /// Which sign-in methods people have beside passwords and providers.
    #[derive(Clone, Copy, Debug)]
    pub struct SignInMethods in "Signing in" {
        /// Whether people can sign in with a code that is mailed to the verified address of their
        /// account. It is one factor. It needs `mail.url`.
        pub mail_code: bool = flag("signin.mail_code", false),
    }
}

/// The account of a user name or a verified address, if a mail may go to it with which its person
/// comes back to it. It is always one statement.
pub async fn find(
    reader: &impl Reader,
    typed: &str,
    now: DateTime<Utc>,
) -> Result<Option<User>, Fault> {
    let email_key = person::email_key(typed);
    let username_key = person::username_key(typed).unwrap_or_default();
    let user = users::find_by_name(reader, &username_key, email_key.as_deref()).await?;
    Ok(user.filter(|user| is_reachable(user, now)))
}

/// Whether such a mail may go to this account: its person may sign in, and its address is verified.
/// An account whose deletion is planned is no exception. Otherwise a thief who plans the deletion
/// would keep the owner out until the account is gone.
#[must_use]
pub fn is_reachable(user: &User, now: DateTime<Utc>) -> bool {
    user.may_sign_in(now) && user.verified_email().is_some()
}
