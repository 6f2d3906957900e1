//! What comes of a step of an interaction.

use std::sync::Arc;

use crate::accounts::browsers::Cookie;
use crate::clients::registry::Registered;
use crate::domain::interaction::Handle;
use crate::domain::provider::Slug;
use crate::domain::session::SessionId;
use crate::domain::upstream_outcome::UpstreamOutcome;
use crate::domain::verdict::Error;
use crate::oauth::authorize::request::Untrusted;
use crate::oauth::authorize::response::AuthorizationAnswer;

/// Where the person goes next, and the cookie that their browser gets.
#[derive(Clone, Debug)]
pub struct Advanced {
    /// Where to.
    pub next: NextStep,
    /// What the browser proves itself by from now on.
    pub cookie: Option<Cookie>,
}

/// Where a person goes next.
#[derive(Clone, Debug)]
pub enum NextStep {
    /// To sign in.
    SignIn(Handle),
    /// To sign in as somebody who is not signed in yet.
    SignInAsAnother(Handle),
    /// To choose an account.
    Choose(Handle),
    /// To be asked.
    Consent(Handle),
    /// To come back as themselves: a posted request has no cookies.
    Continue(Handle),
    /// Back to the app.
    Answer(AuthorizationAnswer),
    /// To their account, which says what happened.
    Account(SessionId, Option<FlashMessage>),
}

/// What an account page says to somebody who comes to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FlashMessage {
    /// They proved again who they are.
    Confirmed,
    /// Their password is another one now.
    PasswordChanged,
    /// A device is signed out.
    DeviceSignedOut,
    /// An app has no access any more.
    AppRemoved,
    /// A provider is connected.
    Linked,
    /// A provider is disconnected.
    Unlinked,
    /// What happened on the way by this provider.
    UpstreamNotice(Slug, UpstreamOutcome),
}

/// Why an interaction cannot go on.
#[derive(Clone, Debug)]
pub enum InteractionError {
    /// It never was, or is long gone.
    Unknown,
    /// It belongs to another browser, or this one has no cookies.
    WrongBrowser,
    /// The form did not come from our page.
    Forged,
    /// It took too long.
    Expired(Option<Arc<Registered>>),
    /// It is done.
    Finished(Option<Arc<Registered>>),
    /// Its client or its redirect URI is not registered any more.
    Untrusted(Untrusted),
}

impl From<InteractionError> for Error<InteractionError> {
    fn from(lost: InteractionError) -> Self {
        Self::Refused(lost)
    }
}

/// The result of a step of an interaction.
pub type Outcome<T> = Result<T, Error<InteractionError>>;
