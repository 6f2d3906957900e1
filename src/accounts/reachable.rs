//! The accounts whose people can be reached by mail.

use chrono::{DateTime, Utc};

use crate::domain::mail_secret::MailPurpose;
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

/// The account of a user name or a verified address, if a mail for this purpose may go to it: the
/// account is enabled and its address is verified. It is always one statement.
pub async fn find(
    reader: &impl Reader,
    typed: &str,
    purpose: MailPurpose,
    now: DateTime<Utc>,
) -> Result<Option<User>, Fault> {
    let email_key = person::email_key(typed);
    let username_key = person::username_key(typed).unwrap_or_default();
    let user = users::find_by_name(reader, &username_key, email_key.as_deref()).await?;
    Ok(user.filter(|user| is_reachable(user, purpose, now)))
}

/// Whether a mail for this purpose may go to this account. Whoever deletes their account gets a code
/// to sign in, since they can keep it then.
#[must_use]
pub fn is_reachable(user: &User, purpose: MailPurpose, now: DateTime<Utc>) -> bool {
    let may_come = match purpose {
        MailPurpose::SignInCode => user.may_sign_in(now),
        _ => user.is_enabled(),
    };
    may_come && user.verified_email().is_some()
}
