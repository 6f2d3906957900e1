//! Interactions: why a person came to this server, kept while they are led through its pages.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::account_page::AccountPage;
use super::authentication::Authentication;
use super::authorization::AuthorizationRequest;
use super::client::ClientId;
use super::family::FamilyId;
use super::identity::Identity;
use super::ids::identifier;
use super::newcomer::Newcomer;
use super::passkey::Passkey;
use super::provider::Slug;
use super::random;
use super::return_page::ReturnPage;
use super::session::{BrowserId, SessionId};
use super::user::UserId;

identifier! {
    /// The identifier of an interaction. To know it proves nothing: an interaction is bound to a
    /// browser.
    #[derive(Clone, Debug, PartialEq, Eq)]
    InteractionId, random::identifier()
}

identifier! {
    /// How a browser names an interaction: by its identifier, or, before the person has proven
    /// anything and the interaction is stored in the database, by its whole content, sealed.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
    Handle
}

impl InteractionId {
    /// The handle of an interaction that is stored in the database.
    #[must_use]
    pub fn handle(&self) -> Handle {
        Handle::from_stored(self.0.clone())
    }

    /// The user whose account is made in this interaction. A passkey names its user before the
    /// account exists. After a mistake in the form it names the same one again, so the
    /// authenticator replaces the passkey of the first try and keeps none that opens nothing.
    #[must_use]
    pub fn newcomer(&self) -> UserId {
        let hash = Sha256::digest([b"newcomer of ", self.0.as_bytes()].concat());
        let mut bytes = [0; 16];
        bytes.iter_mut().zip(hash).for_each(|(to, from)| *to = from);
        UserId::from_stored(Uuid::new_v8(bytes).to_string())
    }
}

/// The reason why a person came to this server.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// An app redirected them to sign in.
    Authorize(Box<AuthorizationRequest>),
    /// They want to see a page of their account, or of the console.
    Account {
        /// The page that they want to see.
        #[serde(default)]
        page: ReturnPage,
        /// The language that was chosen on a page.
        ui_locales: Option<String>,
    },
    /// They want to sign out.
    Logout(LogoutRequest),
    /// They connect a provider to their account, from the account page.
    Link {
        /// The user whose account it is.
        user: UserId,
    },
    /// They proved their address, and choose a new password.
    Recover {
        /// The user whose account it is.
        user: UserId,
        /// The version of the account's secrets at that time. If the account changed since, they
        /// have to begin again.
        version: i64,
        /// The interaction of the app in which they asked for it.
        then: Option<Handle>,
        /// The language that was chosen on a page.
        ui_locales: Option<String>,
    },
    /// They authenticate again, because an action on the account page or in the console requires
    /// it.
    Confirm {
        /// The user whose account it is.
        user: UserId,
        /// The page of the action.
        #[serde(default)]
        page: ReturnPage,
        /// The language that was chosen on a page.
        ui_locales: Option<String>,
    },
}

/// A person who has signed in with a provider, and who has yet to prove that an existing account
/// with the same address is theirs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Pending {
    /// The account.
    pub user: UserId,
    /// The provider.
    pub provider: Slug,
    /// The identity that the provider reported.
    pub identity: Identity,
    /// When this offer to connect the identity expires.
    pub expires_at: DateTime<Utc>,
}

/// A sign-in whose first factor was proven, and that is complete only with a second one. Until then
/// there is no session, so nobody can do anything with it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct UnfinishedSignIn {
    /// The person.
    pub user: UserId,
    /// What they proved so far. In the end it is what their session was opened with.
    pub authentication: Authentication,
    /// Whether they want to stay signed in.
    pub keep: bool,
    /// The version of the account whose first factor was proven: another password, address or factor
    /// ends this sign-in. `None` when it is finished.
    pub version: Option<i64>,
    /// The hash of what they finished it with: a second factor, or the passkey of a new account. A
    /// second click sends it again.
    pub finished_by: Option<String>,
    /// Whether the browser was known to the account when the sign-in began, or counts as known
    /// because the person has just recovered the account.
    #[serde(default)]
    pub is_known: bool,
    /// A passkey that they made instead of a forgotten password. It is added to their account with
    /// the second factor, because it could stand in for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passkey: Option<Box<Passkey>>,
}

/// How long a person has for the second factor.
const UNFINISHED: chrono::Duration = chrono::Duration::minutes(10);

/// A logout request that was checked, RP-Initiated Logout §2.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct LogoutRequest {
    /// The app that redirected them to the logout endpoint.
    pub client: Option<ClientId>,
    /// The URI to which they are redirected afterwards: a registered one.
    pub redirect_uri: Option<String>,
    /// `state`.
    pub state: Option<String>,
    /// The user that the `id_token_hint` names.
    pub user: Option<UserId>,
    /// The family that the `id_token_hint` names: its `sid`.
    pub family: Option<FamilyId>,
    /// `ui_locales`.
    pub ui_locales: Option<String>,
}

impl Purpose {
    /// `ui_locales`, or the language that was chosen on a page afterwards.
    #[must_use]
    pub fn ui_locales(&self) -> Option<&str> {
        match self {
            Self::Authorize(request) => request.ui_locales.as_deref(),
            Self::Account { ui_locales, .. }
            | Self::Confirm { ui_locales, .. }
            | Self::Recover { ui_locales, .. } => ui_locales.as_deref(),
            Self::Link { .. } => None,
            Self::Logout(request) => request.ui_locales.as_deref(),
        }
    }

    /// The client for which the person came; `None` if they came for their own account.
    #[must_use]
    pub fn client(&self) -> Option<&ClientId> {
        match self {
            Self::Authorize(request) => Some(&request.client),
            Self::Logout(request) => request.client.as_ref(),
            Self::Account { .. }
            | Self::Link { .. }
            | Self::Confirm { .. }
            | Self::Recover { .. } => None,
        }
    }

    /// The page on which the interaction ends, unless it ends at an app.
    #[must_use]
    pub fn return_page(&self) -> ReturnPage {
        match self {
            Self::Account { page, .. } | Self::Confirm { page, .. } => page.clone(),
            Self::Link { .. } => AccountPage::Security.into(),
            Self::Authorize(_) | Self::Logout(_) | Self::Recover { .. } => ReturnPage::default(),
        }
    }

    /// Sets the language that was chosen on a page.
    pub fn set_language(&mut self, language: &str) {
        let chosen = Some(language.to_owned());
        match self {
            Self::Authorize(request) => request.ui_locales = chosen,
            Self::Account { ui_locales, .. }
            | Self::Confirm { ui_locales, .. }
            | Self::Recover { ui_locales, .. } => *ui_locales = chosen,
            Self::Link { .. } => {}
            Self::Logout(request) => request.ui_locales = chosen,
        }
    }
}

/// An interaction: the reason why a person came, and how far they have got on the pages.
#[derive(Clone, Debug)]
pub struct Interaction {
    /// Its identifier.
    pub id: InteractionId,
    /// The browser to which it is bound. `None` until a posted request is continued, since its
    /// browser is not known before that.
    pub browser: Option<BrowserId>,
    /// Why the person came.
    pub purpose: Purpose,
    /// The session that was chosen or opened during the interaction.
    pub session: Option<SessionId>,
    /// The person who signed in with a provider and still has to prove that the account is theirs.
    pub pending: Option<Box<Pending>>,
    /// The sign-in that needs a second factor, or that was finished with one.
    pub unfinished: Option<Box<UnfinishedSignIn>>,
    /// The person who is making an account.
    pub newcomer: Option<Box<Newcomer>>,
    /// When the request arrived.
    pub received_at: DateTime<Utc>,
    /// When the interaction expires.
    pub expires_at: DateTime<Utc>,
    /// When it was completed.
    pub ended_at: Option<DateTime<Utc>>,
    /// Whether it is stored in the database. Until the person proves something, the browser carries
    /// it instead.
    pub is_stored: bool,
}

/// The time that a person may take on the pages.
const LIFE: chrono::Duration = chrono::Duration::minutes(30);

impl Interaction {
    /// The sign-in that still needs a second factor at this instant.
    #[must_use]
    pub fn unfinished(&self, now: DateTime<Utc>) -> Option<&UnfinishedSignIn> {
        let begun = self.unfinished.as_deref().filter(|_| self.session.is_none());
        begun.filter(|begun| now - begun.authentication.signed_in_at() < UNFINISHED)
    }

    /// A new interaction that begins at this instant.
    #[must_use]
    pub fn new(purpose: Purpose, browser: Option<BrowserId>, now: DateTime<Utc>) -> Self {
        Self {
            id: InteractionId::generate(),
            browser,
            purpose,
            session: None,
            pending: None,
            unfinished: None,
            newcomer: None,
            received_at: now,
            expires_at: now + LIFE,
            ended_at: None,
            is_stored: false,
        }
    }
}
