//! Providers of social login: where a person goes to sign in, and who they are when they come back.
//!
//! A provider is a [`Provider`]: OpenID providers differ by a row of [`presets`], others have a file
//! of their own. What any of them says is believed after it was proven, and nothing of it is kept
//! here: identities become accounts in [`accounts`](crate::accounts).

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use url::Url;

use crate::domain::clock::Clock;
use crate::domain::identity::Identity;
use crate::domain::provider::{Credential, Registration};
use crate::outbound::Outbound;

mod apple;
mod breaker;
mod cached;
mod claims;
mod code_flow;
mod facebook;
mod github;
mod google;
mod id_tokens;
mod kakao;
mod line;
mod line_me;
mod microsoft;
mod naver;
mod openid;
pub mod presets;
mod site;
mod trouble;

use line::Line;
use presets::{Kind, Row};
use site::Site;
pub use trouble::Trouble;

/// What a provider answers, in its own time.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, Trouble>> + Send + 'a>>;

/// A provider of social login.
pub trait Provider: fmt::Debug + Send + Sync {
    /// The URL at which a person signs in there.
    fn start<'a>(&'a self, leaving: Leaving<'a>) -> Answer<'a, String>;

    /// Who it is that comes back with a code.
    fn finish<'a>(&'a self, returned: Returned<'a>) -> Answer<'a, Identity>;

    /// Who it is that a token speaks of, which somebody else got there for one of `accepted`.
    fn prove<'a>(&'a self, presented: Presented<'a>) -> Answer<'a, Proven>;

    /// Whether tokens of this issuer are its own.
    fn issues(&self, issuer: &str) -> bool;

    /// Whether an authorization response with this `iss` is its own, one of an error too (RFC 9207
    /// §2.4). Without one it is, unless the provider promises one.
    fn answers_as<'a>(&'a self, iss: Option<&'a str>) -> Answer<'a, bool> {
        Box::pin(std::future::ready(Ok(iss.is_none_or(|iss| self.issues(iss)))))
    }

    /// Where it sends browsers, as far as is known.
    fn origins(&self) -> Vec<String>;

    /// Whether it can be reached, and knows us: words for the operator.
    fn check<'a>(&'a self, redirect_uri: &'a str) -> Answer<'a, Vec<String>>;
}

/// What a person leaves with.
#[derive(Clone, Copy)]
pub struct Leaving<'a> {
    /// Where they come back to.
    pub redirect_uri: &'a str,
    /// `state`.
    pub state: &'a str,
    /// `nonce`.
    pub nonce: &'a str,
    /// The verifier of PKCE.
    pub verifier: &'a str,
    /// What is known of their name.
    pub login_hint: Option<&'a str>,
    /// The language that they read.
    pub language: &'a str,
    /// Whether they are to prove anew who they are.
    pub again: bool,
}

/// What a person comes back with.
#[derive(Clone, Copy)]
pub struct Returned<'a> {
    /// `code`.
    pub code: &'a str,
    /// Apple's `user`.
    pub user: Option<&'a str>,
    /// Where they came back to.
    pub redirect_uri: &'a str,
    /// `state`.
    pub state: &'a str,
    /// The nonce that they left with.
    pub nonce: &'a str,
    /// The verifier that they left with.
    pub verifier: &'a str,
    /// Since when they must have proven who they are, if they were to do so anew.
    pub since: Option<DateTime<Utc>>,
}

/// What an app presents that it got at a provider.
#[derive(Clone, Copy, Debug)]
pub struct Presented<'a> {
    /// What it is.
    pub token: Token<'a>,
    /// The client ids there for which it may have been issued.
    pub accepted: &'a [&'a str],
    /// The nonce that the app gave there.
    pub nonce: Option<&'a str>,
}

/// A token of a provider.
#[derive(Clone, Copy)]
pub enum Token<'a> {
    /// An id token.
    Id(&'a str),
    /// An access token.
    Access(&'a str),
    /// An authorization code.
    Code {
        /// The code.
        code: &'a str,
        /// Where it was sent.
        redirect_uri: Option<&'a str>,
        /// The verifier of PKCE.
        verifier: Option<&'a str>,
        /// The `state` that it came with, for whom that matters.
        state: Option<&'a str>,
    },
}

/// What is longer is none: it is sent on in an address or a header, and whoever is asked of it would
/// hang up.
const LONGEST: usize = 4096;

impl Token<'_> {
    /// Whether nobody need be asked of it.
    #[must_use]
    pub fn is_too_long(&self) -> bool {
        match self {
            // It is not sent anywhere.
            Self::Id(_) => false,
            Self::Access(token) => token.len() > LONGEST,
            Self::Code { code, redirect_uri, verifier, state } => {
                let every = [Some(*code), *redirect_uri, *verifier, *state];
                every.into_iter().flatten().any(|text| text.len() > LONGEST)
            }
        }
    }
}

impl fmt::Debug for Leaving<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Leaving").field("again", &self.again).finish_non_exhaustive()
    }
}

impl fmt::Debug for Returned<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Returned").field("since", &self.since).finish_non_exhaustive()
    }
}

impl fmt::Debug for Token<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Id(_) => "Id",
            Self::Access(_) => "Access",
            Self::Code { .. } => "Code",
        })
    }
}

/// Who it is, and what must not be accepted again.
#[derive(Clone, Debug)]
pub struct Proven {
    /// Who.
    pub identity: Identity,
    /// What names the token, and until when it could be presented again.
    pub once: Option<([u8; 32], DateTime<Utc>)>,
}

impl From<Identity> for Proven {
    fn from(identity: Identity) -> Self {
        Self { identity, once: None }
    }
}

/// Who says that they issued a token, and to whom: nobody verified it.
#[derive(Clone, Debug)]
pub struct Stated {
    /// `iss`.
    pub issuer: String,
    /// `aud`.
    pub audiences: Vec<String>,
}

/// What an id token says before anybody verified it: only good for finding who should.
#[must_use]
pub fn stated(token: &str) -> Option<Stated> {
    let claims = id_tokens::unverified(token)?;
    let issuer = claims.get("iss")?.as_str()?.to_owned();
    let audiences = id_tokens::audiences(&claims)?.into_iter().map(str::to_owned).collect();
    Some(Stated { issuer, audiences })
}

/// The longest that a visit may take, however many calls it needs.
const PATIENCE: Duration = Duration::from_secs(10);

/// Bounds a visit in time.
pub async fn in_time<T>(answer: Answer<'_, T>) -> Result<T, Trouble> {
    let late = || Trouble::Unavailable("it took too long".to_owned());
    tokio::time::timeout(PATIENCE, answer).await.unwrap_or_else(|_| Err(late()))
}

/// Makes the provider of a registration; says every problem of it by its key.
pub fn provider(
    registration: &Registration,
    outbound: &Outbound,
    clock: &Clock,
) -> Result<Arc<dyn Provider>, Vec<(&'static str, String)>> {
    let preset = check(registration, outbound)?;
    let line = Line::new(outbound.clone(), clock.clone());
    let site = Site::new(registration.clone(), preset, line);
    Ok(match preset.kind {
        Kind::OpenId(manner) => Arc::new(openid::OpenId::new(site, manner)),
        Kind::GitHub => Arc::new(github::GitHub::new(site)),
        Kind::Naver => Arc::new(naver::Naver::new(site)),
        Kind::Facebook => Arc::new(facebook::Facebook::new(site)),
    })
}

/// What is wrong with a registration, by its key; its preset if nothing is.
pub fn check(
    registration: &Registration,
    outbound: &Outbound,
) -> Result<&'static Row, Vec<(&'static str, String)>> {
    let terms = &registration.terms;
    let preset = presets::of(terms.preset);
    let mut problems = Vec::new();
    let mut wrong = |key, problem: &str| problems.push((key, problem.to_owned()));
    match &terms.issuer {
        None if preset.issuer.is_empty() => wrong("issuer", "is missing: the preset oidc needs it"),
        Some(issuer) => {
            if let Err(problem) = check_issuer(issuer, outbound) {
                wrong("issuer", problem);
            }
        }
        None => {}
    }
    if terms.client_id.trim().is_empty() {
        wrong("client_id", "is missing");
    }
    if terms.origins.iter().any(|origin| !is_source(origin)) {
        wrong("origins", "holds what is no origin, like https://login.example.com");
    }
    let is_apple = preset.kind == Kind::OpenId(presets::Manner::Apple);
    match &registration.credential {
        Credential::Key { private, .. } if is_apple => {
            if !apple::is_key(private) {
                wrong(
                    "private_key_file",
                    "holds no P-256 key in PKCS#8 PEM, as Apple hands it out",
                );
            }
        }
        Credential::Key { .. } => wrong("team_id", "is for the preset apple alone"),
        _ if is_apple => {
            wrong("team_id", "is missing: Apple needs team_id, key_id and private_key_file");
        }
        Credential::None if preset.kind != Kind::OpenId(presets::Manner::Plain) => {
            wrong("client_secret", "is missing: this provider needs one");
        }
        Credential::None | Credential::Secret(_) => {}
    }
    if is_apple && let Some(client) = apple::has_two_bundles(registration) {
        let problem = format!(
            "names two bundle ids for the client {:?}: Apple's native codes belong to one, so give \
             each a client of its own",
            client.as_str()
        );
        problems.push(("audience", problem));
    }
    let mut wrong = |key, problem: &str| problems.push((key, problem.to_owned()));
    let has_tenants = preset.kind == Kind::OpenId(presets::Manner::Microsoft);
    if terms.tenant.is_some() && !has_tenants {
        wrong("tenant", "is for the preset microsoft alone");
    }
    if terms.tenant.as_deref().is_some_and(|tenant| !microsoft::is_tenant(tenant)) {
        wrong("tenant", "is none of common, organizations, consumers, a tenant id");
    }
    if problems.is_empty() { Ok(preset) } else { Err(problems) }
}

/// Whether an origin can stand in a policy; its host may begin with a wildcard.
fn is_source(origin: &str) -> bool {
    let host = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
    let legal =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':' | b'*');
    host.is_some_and(|host| !host.is_empty() && host.bytes().all(legal))
}

fn check_issuer(issuer: &str, outbound: &Outbound) -> Result<(), &'static str> {
    let url = Url::parse(issuer).map_err(|_| "is not a URL")?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err("must have no query and no fragment");
    }
    match url.scheme() {
        "https" | "http" if outbound.may_call(issuer) => Ok(()),
        "http" => Err("must be https (plain http is for loopback, with outbound.allow_private)"),
        _ => Err(
            "leads to nowhere that may be called (outbound.allow_private opens the own network)",
        ),
    }
}

/// The origin of a URL, as policies write it.
fn origin(url: &str) -> Option<String> {
    Url::parse(url).ok().map(|url| url.origin().ascii_serialization())
}
