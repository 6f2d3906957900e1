//! Interactions: what somebody came for, kept on the server while they are led through the pages.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::authorization::AuthorizationRequest;
use super::client::ClientId;
use super::family::FamilyId;
use super::identity::Identity;
use super::ids::identifier;
use super::provider::Slug;
use super::random;
use super::session::{BrowserId, SessionId};
use super::user::UserId;

identifier! {
    /// The identifier of an interaction. It names and proves nothing: an interaction is bound to a
    /// browser.
    #[derive(Clone, Debug, PartialEq, Eq)]
    InteractionId, random::identifier()
}

identifier! {
    /// How a browser names an interaction: by its identifier, or by all that it is, sealed, as long as
    /// nobody has proven anything and the database does not have it.
    #[derive(Clone, Debug, PartialEq, Eq)]
    Handle
}

impl InteractionId {
    /// The handle of an interaction that the database has.
    #[must_use]
    pub fn handle(&self) -> Handle {
        Handle::from_stored(self.0.clone())
    }
}

/// What somebody came for.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// An app sent them to sign in.
    Authorize(Box<AuthorizationRequest>),
    /// They look at their account.
    Account {
        /// The language that was chosen.
        ui_locales: Option<String>,
    },
    /// They sign out.
    Logout(LogoutRequest),
    /// They connect a provider to their account, from the account page.
    Link {
        /// Whose account it is.
        user: UserId,
    },
    /// They prove again who they are, for what the account page asks that of.
    Confirm {
        /// Whose account it is.
        user: UserId,
        /// The language that was chosen.
        ui_locales: Option<String>,
    },
}

/// Somebody whom a provider vouches for, and who has yet to prove that an account of the same
/// address is theirs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Pending {
    /// The account.
    pub user: UserId,
    /// The provider.
    pub provider: Slug,
    /// Whom it vouches for.
    pub identity: Identity,
    /// Until when the proof counts.
    pub expires_at: DateTime<Utc>,
}

/// A logout request that was checked, RP-Initiated Logout §2.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct LogoutRequest {
    /// The app that sent them.
    pub client: Option<ClientId>,
    /// Where they go afterwards: a registered one.
    pub redirect_uri: Option<String>,
    /// `state`.
    pub state: Option<String>,
    /// Whom the hint names.
    pub user: Option<UserId>,
    /// The family that the hint names: its `sid`.
    pub family: Option<FamilyId>,
    /// `ui_locales`.
    pub ui_locales: Option<String>,
}

impl Purpose {
    /// `ui_locales`, or the language that was chosen on a page since.
    #[must_use]
    pub fn ui_locales(&self) -> Option<&str> {
        match self {
            Self::Authorize(request) => request.ui_locales.as_deref(),
            Self::Account { ui_locales } | Self::Confirm { ui_locales, .. } => {
                ui_locales.as_deref()
            }
            Self::Link { .. } => None,
            Self::Logout(request) => request.ui_locales.as_deref(),
        }
    }

    /// The client that it is for; none where somebody comes for their own account.
    #[must_use]
    pub fn client(&self) -> Option<&ClientId> {
        match self {
            Self::Authorize(request) => Some(&request.client),
            Self::Logout(request) => request.client.as_ref(),
            Self::Account { .. } | Self::Link { .. } | Self::Confirm { .. } => None,
        }
    }

    /// Sets the language that was chosen on a page.
    pub fn set_language(&mut self, language: &str) {
        let chosen = Some(language.to_owned());
        match self {
            Self::Authorize(request) => request.ui_locales = chosen,
            Self::Account { ui_locales } | Self::Confirm { ui_locales, .. } => *ui_locales = chosen,
            Self::Link { .. } => {}
            Self::Logout(request) => request.ui_locales = chosen,
        }
    }
}

/// What somebody came for, on its way through the pages.
#[derive(Clone, Debug)]
pub struct Interaction {
    /// Its name.
    pub id: InteractionId,
    /// The browser that it is bound to; none while a posted request waits for its browser.
    pub browser: Option<BrowserId>,
    /// What they came for.
    pub purpose: Purpose,
    /// The session that was chosen or opened on the way.
    pub session: Option<SessionId>,
    /// Whom a provider vouched for on the way.
    pub pending: Option<Box<Pending>>,
    /// When the request came.
    pub received_at: DateTime<Utc>,
    /// When it is too late to go on.
    pub expires_at: DateTime<Utc>,
    /// When it was done.
    pub ended_at: Option<DateTime<Utc>>,
    /// Whether the database has it. Until somebody proves something the browser has it instead.
    pub is_stored: bool,
}

/// How long somebody may take on the pages.
const LIFE: chrono::Duration = chrono::Duration::minutes(30);

impl Interaction {
    /// A new one that came at this instant.
    #[must_use]
    pub fn new(purpose: Purpose, browser: Option<BrowserId>, now: DateTime<Utc>) -> Self {
        Self {
            id: InteractionId::generate(),
            browser,
            purpose,
            session: None,
            pending: None,
            received_at: now,
            expires_at: now + LIFE,
            ended_at: None,
            is_stored: false,
        }
    }
}
