//! The results of the steps of an interaction.

use std::sync::Arc;

use crate::accounts::browsers::Cookie;
use crate::clients::registry::Registered;
use crate::domain::interaction::Handle;
use crate::domain::provider::Slug;
use crate::domain::return_page::ReturnPage;
use crate::domain::session::SessionId;
use crate::domain::upstream_outcome::UpstreamOutcome;
use crate::domain::verdict::Error;
use crate::oauth::authorize::request::Untrusted;
use crate::oauth::authorize::response::AuthorizationAnswer;

/// The next step for the browser, and the cookie that is set with it.
#[derive(Clone, Debug)]
pub struct Advanced {
    /// The next step.
    pub next: NextStep,
    /// The new cookie of the browser, if it gets one.
    pub cookie: Option<Cookie>,
}

/// The next step for the browser.
#[derive(Clone, Debug)]
pub enum NextStep {
    /// Show the sign-in page.
    SignIn(Handle),
    /// Show the sign-in page for a person who is not signed in yet.
    SignInAsAnother(Handle),
    /// Show the page that asks for a second factor.
    SecondFactor(Handle),
    /// Show the page on which a person sets up a second factor.
    SetUpFactor(Handle),
    /// Show the form for the address of a new account, or for the account where there is no mail.
    SignUp(Handle),
    /// Show the page that takes the code that was mailed to that address.
    SignUpCode(Handle),
    /// Show the form for a new account.
    NewAccount(Handle),
    /// Show the page on which the person chooses an account.
    Choose(Handle),
    /// Ask a person who deletes their account whether to keep it.
    KeepAccount(Handle),
    /// Show the documents that the person is asked to accept.
    Terms(Handle),
    /// Show the consent page.
    Consent(Handle),
    /// Show the page on which the person chooses a new password.
    NewPassword(Handle),
    /// Redirect the browser, so that it sends the request again by GET: a cross-site POST brings no
    /// cookies.
    Continue(Handle),
    /// Send the answer to the app.
    Answer(AuthorizationAnswer),
    /// Show a page of my account or of the console, with a message about what happened.
    Account(SessionId, ReturnPage, Option<FlashMessage>),
    /// Send the browser to the front page of the app to which the person was invited.
    FrontPage(String),
}

/// A message that a page of my account shows about what happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FlashMessage {
    /// The person proved again who they are.
    Confirmed,
    /// There are no one-time codes any more.
    OneTimeCodesRemoved,
    /// The profile was changed.
    ProfileChanged,
    /// The account has another address.
    AddressChanged,
    /// The password was changed.
    PasswordChanged,
    /// The first password is set.
    PasswordSet,
    /// A passkey was added.
    PasskeyAdded,
    /// A passkey has another name.
    PasskeyRenamed,
    /// A passkey was removed.
    PasskeyRemoved,
    /// A device is signed out.
    DeviceSignedOut,
    /// An app has no access any more.
    AppRemoved,
    /// A client does not act for the person any more.
    ActorStopped,
    /// It may act again.
    ActorAllowed,
    /// The account is kept.
    AccountKept,
    /// A provider is connected.
    Linked,
    /// A provider is disconnected.
    Unlinked,
    /// The outcome of the login at this provider.
    UpstreamNotice(Slug, UpstreamOutcome),
}

/// Why an interaction cannot continue.
#[derive(Clone, Debug)]
pub enum InteractionError {
    /// It does not exist, or was deleted long ago.
    Unknown,
    /// It belongs to another browser, or this browser sends no cookies.
    WrongBrowser,
    /// The form was not sent by a page of this server.
    Forged,
    /// It has expired.
    Expired(Option<Arc<Registered>>),
    /// It has ended.
    Finished(Option<Arc<Registered>>),
    /// Its client or its redirect URI is not registered any more.
    Untrusted(Untrusted),
    /// The person allowed as many apps of this kind as one person may, which is this number.
    TooManyApps(u64),
}

impl From<InteractionError> for Error<InteractionError> {
    fn from(lost: InteractionError) -> Self {
        Self::Refused(lost)
    }
}

/// The result of a step of an interaction.
pub type Outcome<T> = Result<T, Error<InteractionError>>;
