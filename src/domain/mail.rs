//! A mail to one person: to whom it goes, in which language, and what it says.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::client::ClientId;
use super::language::Language;
use super::message::Message;
use super::secret::Secret;
use super::user::UserId;
use super::verdict::Fault;

/// A mail to one person. Its JSON contains the plain secrets, so it is only written to be sealed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Mail {
    /// The address.
    pub to: String,
    /// The language of the person.
    pub language: Language,
    /// The account that the mail is about.
    pub user: Option<UserId>,
    /// The client at which it was caused.
    pub client: Option<ClientId>,
    /// What it says.
    pub content: MailContent,
    /// When its link and its code end. The mail names this instant, and is not sent later.
    pub expires_at: Option<DateTime<Utc>>,
}

/// What a mail says. A link is a full URL of the issuer, and the only one in the mail.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum MailContent {
    /// A mail that an operator sends to see whether mails arrive.
    Test,
    /// Confirms the address of a new account.
    SignUp {
        /// Confirms the address in any browser.
        #[serde(with = "exposed")]
        link: Secret,
        /// Confirms the address in the browser that asked.
        #[serde(with = "exposed")]
        code: Secret,
    },
    /// Somebody wanted to make an account with an address that already has one.
    SignUpExisting {},
    /// Invites somebody to make an account.
    Invitation {
        /// Leads to the form for the new account.
        #[serde(with = "exposed")]
        link: Secret,
    },
    /// Lets a person choose a new password or a new passkey.
    Recovery {
        /// Leads to the form.
        #[serde(with = "exposed")]
        link: Secret,
    },
    /// Signs a person in.
    SignInCode {
        /// Signs in the browser that asked.
        #[serde(with = "exposed")]
        code: Secret,
    },
    /// Confirms a new address, which this mail goes to.
    NewAddress {
        /// Confirms the address in any browser.
        #[serde(with = "exposed")]
        link: Secret,
        /// Confirms the address in the browser that asked.
        #[serde(with = "exposed")]
        code: Secret,
    },
    /// Tells the old address that it was replaced.
    AddressChanged {
        /// The address that the account has now.
        new_address: String,
        /// Takes the change back.
        #[serde(with = "exposed")]
        undo_link: Secret,
    },
    /// Tells the address that an account got back what was removed with the change.
    AddressGivenBack {
        /// The sign-in methods that were removed, except the password.
        removed: Vec<MethodChange>,
        /// The device on which the change was taken back.
        device: Option<String>,
        /// The place from which it was taken back.
        place: Option<String>,
    },
    /// Tells the address that an account lost when its change was taken back.
    AddressLost {},
    /// Tells the old address that an operator replaced it.
    AddressSetByOperator {
        /// The address that the account has now.
        new_address: String,
    },
    /// A sign-in method changed.
    SignInMethodChanged {
        /// What changed.
        change: MethodChange,
        /// The device on which it was changed.
        device: Option<String>,
        /// The place from which it was changed.
        place: Option<String>,
    },
    /// Few recovery codes are left.
    RecoveryCodesLow {
        /// How many can still be used.
        left: u32,
    },
    /// Somebody signed in on a device that is new for the account.
    NewDevice {
        /// The device.
        device: Option<String>,
        /// The place.
        place: Option<String>,
    },
    /// The account will be deleted, unless the person signs in before that and takes it back.
    DeletionPlanned {
        /// When it is deleted.
        at: DateTime<Utc>,
    },
    /// The account was deleted.
    Deleted,
}

/// A change of the sign-in methods of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum MethodChange {
    PasswordAdded,
    PasswordChanged,
    PasswordSetByOperator,
    PasskeyAdded,
    PasskeyRemoved,
    OneTimeCodesAdded,
    OneTimeCodesRemoved,
    SecondFactorReset,
    RecoveryCodesRenewed,
    RecoveryCodesRemoved,
    ProviderConnected,
    ProviderDisconnected,
    PasswordRecovered,
    PasskeyRecovered,
}

impl MethodChange {
    /// Whether an operator made the change.
    #[must_use]
    pub fn is_by_operator(self) -> bool {
        matches!(self, Self::PasswordSetByOperator | Self::SecondFactorReset)
    }
}

impl MailContent {
    /// The name of what it says, for the audit log.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Test => "test",
            Self::SignUp { .. } => "sign_up",
            Self::SignUpExisting {} => "sign_up_existing",
            Self::Invitation { .. } => "invitation",
            Self::Recovery { .. } => "recovery",
            Self::SignInCode { .. } => "sign_in_code",
            Self::NewAddress { .. } => "new_address",
            Self::AddressChanged { .. } => "address_changed",
            Self::AddressGivenBack { .. } => "address_given_back",
            Self::AddressLost {} => "address_lost",
            Self::AddressSetByOperator { .. } => "address_set_by_operator",
            Self::SignInMethodChanged { .. } => "sign_in_method_changed",
            Self::RecoveryCodesLow { .. } => "recovery_codes_low",
            Self::NewDevice { .. } => "new_device",
            Self::DeletionPlanned { .. } => "deletion_planned",
            Self::Deleted => "deleted",
        }
    }
}

/// Secrets as text, inside of what is sealed.
mod exposed {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::domain::secret::Secret;

    pub(super) fn serialize<S: Serializer>(secret: &Secret, to: S) -> Result<S::Ok, S::Error> {
        secret.expose().serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Secret, D::Error> {
        String::deserialize(from).map(Secret::new)
    }
}

/// A mail as it waits to be sent: what the audit log may say, and the sealed rest.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SealedMail {
    /// The name of what it says.
    pub content: String,
    /// The account that the mail is about.
    pub user: Option<UserId>,
    /// The client at which it was caused.
    pub client: Option<ClientId>,
    /// The sealed [`Mail`].
    pub sealed: String,
    /// When it is of no use any more.
    pub expires_at: Option<DateTime<Utc>>,
}

impl Message for SealedMail {
    const KIND: &'static str = "mail";

    /// All mails go to one mail server, so they share a lane.
    fn target(&self) -> &'static str {
        "mail server"
    }

    fn expires_at(&self) -> Option<DateTime<Utc>> {
        self.expires_at
    }
}

/// A mail in words.
#[derive(Clone, Debug)]
pub struct RenderedMail {
    /// The subject: one line.
    pub subject: String,
    /// The plain text.
    pub text: Secret,
    /// The same in HTML.
    pub html: Secret,
    /// The name of the service, for the sender.
    pub service: String,
}

/// Puts mails into words.
pub trait MailRenderer: std::fmt::Debug + Send + Sync {
    /// The mail in the language of its reader.
    fn render(&self, mail: &Mail) -> Result<RenderedMail, Fault>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_of_a_mail_has_no_secret_and_what_is_sealed_has_all_of_it() {
        let mail = Mail {
            to: "hana@example.com".to_owned(),
            language: Language::of_tag("ko").expect("Korean"),
            user: None,
            client: None,
            content: MailContent::SignUp {
                link: Secret::text("https://id.example/hush"),
                code: Secret::text("ABCD-EFGH"),
            },
            expires_at: None,
        };
        let shown = format!("{mail:?}");
        assert!(!shown.contains("hush") && !shown.contains("ABCD"), "{shown}");
        let json = serde_json::to_string(&mail).expect("JSON");
        let read: Mail = serde_json::from_str(&json).expect("a mail");
        let MailContent::SignUp { link, code } = read.content else { panic!("{json}") };
        assert_eq!(link.expose(), "https://id.example/hush");
        assert_eq!(code.expose(), "ABCD-EFGH");
        assert_eq!((read.to, read.language), (mail.to, mail.language));
    }
}
