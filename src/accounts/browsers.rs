//! Browsers and the people who are signed in in them.
//!
//! A browser proves which one it is with one opaque cookie of 256 bits. From the first sign-in on,
//! its hash is stored here. The cookie changes with every sign-in and sign-out, but the id of the
//! browser stays the same, so interactions in its other tabs can continue. Before anybody signs in,
//! the id is derived from the cookie itself, and nothing is written.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Duration, Utc};
use sha2::{Digest, Sha256};

use crate::domain::audit::{Event, EventKind, Origin};
use crate::domain::authentication::{Authentication, Method};
use crate::domain::secret::{BrowserToken, Plain};
use crate::domain::session::{BrowserId, Session, SessionId, SessionLife, moved_idle_end};
use crate::domain::user::{User, UserId};
use crate::domain::verdict::Fault;
use crate::keys::device_cookies;
use crate::settings::kinds::duration;
use crate::settings::{Collector, group, settings};
use crate::store::browsers::{self, BrowserLookup};
use crate::store::{Reader, Store, Tx, sessions, users};

settings! {
    /// How long sessions live.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct SessionLifetimes in "Browser sessions", checked by SessionLifetimes::check {
        /// One that ends with the browser.
        pub usual: SessionLife = group(|from| SessionLife {
            idle: from.take(duration("session.idle_lifetime", Duration::hours(2)).words(
                "A session ends when it was not used for so long. A page and a refresh of an app are a use.",
            )),
            absolute: from.take(duration("session.absolute_lifetime", Duration::hours(12)).words(
                "A session ends after so long, however much it is used.",
            )),
        }),
        /// One of somebody who asked to stay signed in.
        pub kept: SessionLife = group(|from| SessionLife {
            idle: from.take(duration("session.kept.idle_lifetime", Duration::days(30)).words(
                "The same as `session.idle_lifetime`, for people who asked to stay signed in.",
            )),
            absolute: from.take(duration("session.kept.absolute_lifetime", Duration::days(90)).words(
                "The same as `session.absolute_lifetime`, for people who asked to stay signed in.",
            )),
        }),
    }
}

impl SessionLifetimes {
    fn check(&self, from: &mut Collector) {
        for (life, idle, absolute) in [
            (self.usual, "session.idle_lifetime", "session.absolute_lifetime"),
            (self.kept, "session.kept.idle_lifetime", "session.kept.absolute_lifetime"),
        ] {
            if life.idle > life.absolute {
                from.problem(idle, format!("must not be longer than {absolute}"));
            }
        }
    }
}

/// What is known about the browser that a request comes from.
#[derive(Clone, Debug, Default)]
pub struct BrowserState {
    /// The browser, if it is known.
    pub browser: Option<BrowserId>,
    /// The people who are signed in in it, the most recently proven first.
    pub people: Vec<SignedInUser>,
    /// The cookie that says which people do not want to be asked for a second factor in it.
    pub remembered: Option<String>,
}

/// A person who is signed in.
#[derive(Clone, Debug)]
pub struct SignedInUser {
    /// The person's session.
    pub session: Session,
    /// The person's account.
    pub user: User,
}

impl SignedInUser {
    /// Whether this person deletes their account. All that they can do is to keep it.
    #[must_use]
    pub fn is_leaving(&self) -> bool {
        self.user.deletion_at.is_some()
    }
}

/// The new cookie of a browser.
#[derive(Clone, Debug)]
pub struct Cookie {
    /// The value.
    pub token: Plain<BrowserToken>,
    /// How long the browser keeps it. `None` means until the browser is closed.
    pub kept_for: Option<Duration>,
    /// The cookie that makes the browser known, if a person proved an account in it.
    pub known: Option<String>,
    /// The cookie with which a person is not asked for a second factor in it, if they wish so.
    pub remembered: Option<String>,
}

/// How long a browser stays known to an account after the account was proven in it.
pub const KNOWN_FOR: Duration = device_cookies::LIFE;

/// How long no second factor is asked for in a browser in which the person wished so.
pub const REMEMBERED_FOR: Duration = device_cookies::REMEMBERED;

/// How long a browser in which nobody is signed in is remembered.
const ANONYMOUS: Duration = Duration::hours(1);

impl BrowserState {
    /// Finds the browser of a cookie, and the people who are signed in in it.
    pub async fn of(
        reader: &impl Reader,
        token: Option<&Plain<BrowserToken>>,
        now: DateTime<Utc>,
    ) -> Result<Self, Fault> {
        let Some(token) = token else { return Ok(Self::default()) };
        let first = named_by(token);
        match browsers::find(reader, token.hashed(), &first, now).await? {
            BrowserLookup::Known(browser) => Self::in_browser(reader, browser, now).await,
            BrowserLookup::Replaced => Ok(Self::default()),
            BrowserLookup::Nothing => Ok(Self { browser: Some(first), ..Self::default() }),
        }
    }

    /// Finds the people who are signed in in this browser.
    pub async fn in_browser(
        reader: &impl Reader,
        browser: BrowserId,
        now: DateTime<Utc>,
    ) -> Result<Self, Fault> {
        let people = people(reader, &browser, now).await?;
        Ok(Self { browser: Some(browser), people, remembered: None })
    }

    /// The person of this session.
    #[must_use]
    pub fn signed_in(&self, session: &SessionId) -> Option<&SignedInUser> {
        self.people.iter().find(|user| user.session.id == *session)
    }
}

async fn people(
    reader: &impl Reader,
    browser: &BrowserId,
    now: DateTime<Utc>,
) -> Result<Vec<SignedInUser>, Fault> {
    let mut people = Vec::new();
    for session in sessions::of_browser(reader, browser, now).await? {
        let user = users::find(reader, &session.user).await?;
        people.extend(
            user.filter(|user| user.may_sign_in(now)).map(|user| SignedInUser { session, user }),
        );
    }
    Ok(people)
}

/// Gives a browser its first token. Nothing is written until a person signs in in it.
#[must_use]
pub fn new_browser_session() -> (BrowserId, Cookie) {
    let token = Plain::generate();
    (named_by(&token), Cookie { token, kept_for: None, known: None, remembered: None })
}

/// The id of a browser with this token, before anything was written about it.
fn named_by(token: &Plain<BrowserToken>) -> BrowserId {
    let message = [b"browser of ", token.expose().as_bytes()].concat();
    let hash = Sha256::digest(message);
    BrowserId::from_stored(URL_SAFE_NO_PAD.encode(hash.get(..16).unwrap_or_default()))
}

/// What a session is opened with.
#[derive(Clone, Copy, Debug)]
pub struct NewSession<'a> {
    /// The person.
    pub user: &'a UserId,
    /// What the person proved.
    pub authentication: &'a Authentication,
    /// Whether they asked to stay signed in.
    pub kept: bool,
    /// The `User-Agent` header.
    pub user_agent: Option<&'a str>,
    /// Where the request came from.
    pub origin: &'a Origin,
}

/// How many characters of a `User-Agent` are kept.
const USER_AGENT: usize = 256;

/// Opens a session now. If the person has an open session in this browser, it is updated instead.
/// The browser gets a new cookie, so a person who knows the old one has no access.
pub async fn sign_in(
    tx: &Tx,
    lives: &SessionLifetimes,
    browser: &BrowserId,
    new: NewSession<'_>,
    token: impl FnOnce(&Session) -> Plain<BrowserToken>,
) -> Result<(Session, Cookie, Event), Fault> {
    let now = tx.now();
    let known = sessions::find_in(tx, browser, new.user).await?;
    if let Some(over) = known.as_ref().filter(|session| !session.is_live(now)) {
        // The old session ended because its time was over, so no app is told, as in the regular
        // cleanup.
        sessions::delete(tx, &over.id).await?;
    }
    let life = if new.kept { lives.kept } else { lives.usual };
    let session = Session {
        id: known
            .filter(|session| session.is_live(now))
            .map_or_else(SessionId::generate, |session| session.id),
        browser: browser.clone(),
        user: new.user.clone(),
        authentication: new.authentication.clone(),
        kept: new.kept,
        user_agent: new.user_agent.map(|name| name.chars().take(USER_AGENT).collect()),
        address: new.origin.address.clone(),
        idle: life.idle,
        idle_ends_at: now + life.idle,
        expires_at: now + life.absolute,
    };
    sessions::put(tx, &session).await?;
    let event = Event::new(EventKind::SessionStarted).user(new.user).from(new.origin);
    let event = event.detail(session.id.as_str());
    let cookie = put_cookie(tx, browser, token(&session)).await?;
    Ok((session, cookie, event))
}

/// Adds a proof to an open session. The browser gets a new cookie, as after a sign-in; the session
/// ends when it would have ended without it. `None`: it has ended.
pub async fn strengthen(
    tx: &Tx,
    session: Session,
    method: Method,
    token: impl FnOnce(&Session) -> Plain<BrowserToken>,
) -> Result<Option<(Session, Cookie)>, Fault> {
    let authentication = session.authentication.clone().with(method, tx.now());
    let session = Session { authentication, ..session };
    if !sessions::set_authentication(tx, &session.id, &session.authentication).await? {
        return Ok(None);
    }
    let cookie = put_cookie(tx, &session.browser, token(&session)).await?;
    Ok(Some((session, cookie)))
}

/// Ends sessions of a browser and gives it another cookie.
pub async fn sign_out(
    tx: &Tx,
    browser: &BrowserId,
    ending: &[&Session],
    origin: &Origin,
) -> Result<Cookie, Fault> {
    for session in ending {
        crate::accounts::session_endings::end_session(tx, session, origin).await?;
    }
    change_cookie(tx, browser).await
}

/// Gives a browser a new cookie. It is kept after the browser is closed only if all people who are
/// signed in in it asked to stay signed in.
pub async fn change_cookie(tx: &Tx, browser: &BrowserId) -> Result<Cookie, Fault> {
    put_cookie(tx, browser, Plain::generate()).await
}

/// Sends the cookie with this token again, if it is still the current cookie of the browser.
pub async fn same_cookie(
    tx: &Tx,
    browser: &BrowserId,
    token: Plain<BrowserToken>,
) -> Result<Option<Cookie>, Fault> {
    match browsers::find(tx, token.hashed(), browser, tx.now()).await? {
        BrowserLookup::Known(known) if known == *browser => {
            put_cookie(tx, browser, token).await.map(Some)
        }
        _ => Ok(None),
    }
}

async fn put_cookie(
    tx: &Tx,
    browser: &BrowserId,
    token: Plain<BrowserToken>,
) -> Result<Cookie, Fault> {
    let now = tx.now();
    let open = sessions::of_browser(tx, browser, now).await?;
    let last = open.iter().map(|session| session.expires_at).max();
    let kept = !open.is_empty() && open.iter().all(|session| session.kept);
    let expires_at = last.unwrap_or(now).max(now + ANONYMOUS);
    browsers::put(tx, browser, token.hashed(), expires_at).await?;
    let kept_for = last.filter(|_| kept).map(|last| last - now);
    Ok(Cookie { token, kept_for, known: None, remembered: None })
}

/// Moves the idle end of a session that is used, if it moves far enough to be worth a write.
pub async fn touch(store: &Store, session: &Session, now: DateTime<Utc>) -> Result<(), Fault> {
    if let Some(end) = moved_idle_end(session.idle_ends_at, session.idle, now) {
        let tx = store.begin(now).await?;
        sessions::move_idle_end(&tx, &session.id, end).await?;
        tx.commit().await?;
    }
    Ok(())
}
