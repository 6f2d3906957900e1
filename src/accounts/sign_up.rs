//! Makes the account of a person who signs up.

use crate::accounts::address_claims::{displace, has_a_right};
use crate::domain::audit::{Event, EventKind, Origin};
use crate::domain::person;
use crate::domain::sign_up_mode::{SignUpMode, UsernameMode};
use crate::domain::user::{AccountSource, Profile, User, UserId};
use crate::domain::verdict::Fault;
use crate::settings::kinds::one_of_words;
use crate::settings::settings;
use crate::store::{Tx, audit_events, users};

settings! {
    /// How people make accounts themselves.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct SignUpSettings in "Sign-up" {
        /// Who may make an account. `open`: everybody; the sign-in page has a link. `invite`: those
        /// whom the operator invites, and the sign-in page says so. `closed`: the same without a
        /// word. `mapae client update --signup` says otherwise for one client.
        pub mode: SignUpMode =
            one_of_words("signup.mode", SignUpMode::ALL, SignUpMode::Closed, SignUpMode::as_str),
        /// What the user name of such a person is. `address`: the address that they proved. `ask`: a
        /// name that they choose. Without `mail.url` they always choose one, since an address that
        /// nobody proved must not be a name.
        pub username: UsernameMode = one_of_words(
            "signup.username",
            UsernameMode::ALL,
            UsernameMode::Address,
            UsernameMode::as_str,
        ),
    }
}

/// The most characters of a name that people see.
pub const LONGEST_NAME: usize = 200;

/// The account that a person wants to make.
#[derive(Clone, Debug)]
pub struct NewAccount {
    /// The user.
    pub id: UserId,
    /// The address, as it was typed.
    pub email: String,
    /// Whether the person has proven the address. If not, the account only claims it.
    pub is_proven: bool,
    /// The user name.
    pub username: String,
    /// The name that people see.
    pub name: String,
    /// The language of the person.
    pub language: String,
    /// The hash of the password, if they chose one.
    pub password_hash: Option<String>,
}

/// What became of a new account.
#[derive(Debug)]
pub enum MadeAccount {
    /// It was made.
    New(Box<User>),
    /// Another account has a right to the address. The transaction must be abandoned.
    AddressTaken,
    /// Another account has the user name. The transaction must be abandoned.
    UsernameTaken,
}

/// Makes an account. Accounts that only claim the address that the person has proven lose it.
pub async fn make(tx: &Tx, new: NewAccount, origin: &Origin) -> Result<MadeAccount, Fault> {
    let key = person::email_key(&new.email).filter(|_| new.is_proven);
    if let Some(key) = &key {
        let claimants = users::lock_by_email(tx, key).await?;
        let is_held = claimants.iter().any(has_a_right);
        if is_held || users::find_owner(tx, key, tx.now()).await?.is_some() {
            return Ok(MadeAccount::AddressTaken);
        }
        for claimant in &claimants {
            displace(tx, claimant, origin).await?;
        }
    }
    let is_address = new.username == new.email;
    let user = User {
        id: new.id,
        username: new.username,
        email: Some(new.email),
        email_verified: new.is_proven,
        password_hash: new.password_hash,
        password_temporary: false,
        totp_since: None,
        deletion_at: None,
        profile: Profile { name: Some(new.name), locale: Some(new.language), ..Profile::default() },
        disabled_at: None,
        created_at: tx.now(),
        updated_at: tx.now(),
        made_by: AccountSource::Person,
        email_by: AccountSource::Person,
    };
    if !users::insert(tx, &user).await? {
        let taken = if is_address { MadeAccount::AddressTaken } else { MadeAccount::UsernameTaken };
        return Ok(taken);
    }
    let created = Event::new(EventKind::UserCreated).user(&user.id).from(origin);
    audit_events::insert(tx, &[created.detail("sign-up")]).await?;
    Ok(MadeAccount::New(Box::new(user)))
}

/// The user name that a person chose, if it may be one. It contains no `@`, so that it cannot block
/// the owner of an address.
#[must_use]
pub fn chosen_username(typed: &str) -> Option<String> {
    // The full-width @ counts as an @ as well.
    let key = person::username_key(typed).filter(|key| !key.contains('@'));
    key.filter(|_| typed.len() <= LONGEST_NAME).map(|_| typed.trim().to_owned())
}

/// The name that a person gave, if people can be shown it.
#[must_use]
pub fn shown_name(typed: &str) -> Option<String> {
    let name = typed.trim();
    let is_good = !name.is_empty()
        && name.chars().count() <= LONGEST_NAME
        && !name.chars().any(char::is_control);
    is_good.then(|| name.to_owned())
}

/// The address that a person typed, without the spaces around it, and its canonical key. `None` for
/// a text that no mail can be sent to.
#[must_use]
pub fn mail_address(typed: &str) -> Option<(String, String)> {
    let email = typed.trim();
    let key = person::email_key(email)?;
    // RFC 5321 §4.5.3.1.3: a path has at most 256 octets, with its two brackets.
    let is_good =
        email.len() <= 254 && email.chars().all(|c| c.is_ascii_graphic() || !c.is_ascii());
    is_good.then(|| (email.to_owned(), key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chosen_user_name_is_never_an_address() {
        assert_eq!(chosen_username(" 서연 ").as_deref(), Some("서연"));
        for bad in ["", "a b", "me@example.com", "me＠example.com", "@", "a\u{202e}b"] {
            assert_eq!(chosen_username(bad), None, "{bad}");
        }
        assert_eq!(chosen_username(&"x".repeat(201)), None);
    }

    #[test]
    fn a_name_is_a_line_of_text() {
        assert_eq!(shown_name(" Hana Seo ").as_deref(), Some("Hana Seo"));
        for bad in ["", "  ", "a\nb", "a\0", &"x".repeat(201)] {
            assert_eq!(shown_name(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn rfc5321_4_5_3_1_3_an_address_is_short_and_has_no_spaces() {
        let key = |typed| mail_address(typed).map(|(_, key)| key);
        assert_eq!(key(" Hana@Example.com ").as_deref(), Some("hana@example.com"));
        for bad in ["", "hana", "ha na@example.com", "a\r\nBcc: b@example.com", "@example.com"] {
            assert_eq!(key(bad), None, "{bad:?}");
        }
        assert_eq!(mail_address(&format!("{}@example.com", "x".repeat(250))), None);
    }
}
