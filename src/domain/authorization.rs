//! An authorization request that was checked, RFC 6749 §4.1.1 and OpenID Connect Core §3.1.2.1.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::client::ClientId;
use super::family::FamilyId;
use super::pkce::Challenge;
use super::provider::Slug;
use super::reason::Reason;
use super::requested_claims::RequestedClaims;
use super::scope::Scope;
use super::secret::{AuthorizationCode, Hashed};
use super::session::SessionId;
use super::user::UserId;

/// What a client asks for. Everything in it was checked against its registration.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AuthorizationRequest {
    /// Who asks.
    pub client: ClientId,
    /// Where the answer goes: a registered one, as it was written in the request.
    pub redirect_uri: String,
    /// How it goes there.
    pub response_mode: ResponseMode,
    /// `state`, echoed as it is.
    pub state: Option<String>,
    /// What is asked for.
    pub scope: Scope,
    /// For which resources, RFC 8707.
    pub resources: Vec<String>,
    /// `nonce`.
    pub nonce: Option<String>,
    /// `prompt`.
    pub prompt: Prompt,
    /// `max_age`, in seconds.
    pub max_age: Option<u32>,
    /// The `sub` that a hint or a requested claim names: nobody else will do.
    pub user: Option<String>,
    /// `login_hint`.
    pub login_hint: Option<String>,
    /// `ui_locales`.
    pub ui_locales: Option<String>,
    /// The provider to go straight to: `idp_hint`, or `idp:` among the `acr_values`.
    #[serde(default)]
    pub idp_hint: Option<Slug>,
    /// `claims`.
    pub claims: RequestedClaims,
    /// `code_challenge`.
    pub challenge: Option<Challenge>,
}

/// The longest `state` that is echoed.
pub const LONGEST_STATE: usize = 4096;
/// The longest `nonce` that an id token carries.
pub const LONGEST_NONCE: usize = 512;
/// A longer hint in words (`login_hint`, `ui_locales`) is none.
pub const LONGEST_HINT: usize = 512;
/// A longer `id_token_hint` is none.
pub const LONGEST_TOKEN_HINT: usize = 8192;

/// What an authorization code stands for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Granted {
    /// Who granted it.
    pub user: UserId,
    /// In which session.
    pub session: SessionId,
    /// What.
    pub scope: Scope,
    /// For which resources, RFC 8707.
    pub resources: Vec<String>,
    /// `nonce`.
    pub nonce: Option<String>,
    /// `claims`.
    pub claims: RequestedClaims,
    /// `auth_time`.
    pub auth_time: DateTime<Utc>,
    /// `amr`.
    pub amr: Vec<String>,
    /// The issuer of the provider that they came by.
    pub provider_issuer: Option<String>,
}

/// How an authorization response travels: OAuth 2.0 Multiple Response Types §2.1, Form Post §2.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResponseMode {
    /// In the query of the redirect URI.
    #[default]
    Query,
    /// In its fragment.
    Fragment,
    /// As a form that the browser posts.
    FormPost,
}

impl ResponseMode {
    /// Every mode.
    pub const ALL: &'static [Self] = &[Self::Query, Self::Fragment, Self::FormPost];

    /// The value of `response_mode`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::Fragment => "fragment",
            Self::FormPost => "form_post",
        }
    }

    /// The mode of this name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|mode| mode.as_str() == text)
    }
}

/// What the client wants the person to be asked, Core §3.1.2.1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "a set of four words")]
pub struct Prompt {
    /// Nothing at all.
    pub none: bool,
    /// To prove again who they are.
    pub login: bool,
    /// To allow it again.
    pub consent: bool,
    /// Which account to use.
    pub select_account: bool,
}

impl Prompt {
    /// Every value.
    pub const VALUES: &'static [&'static str] = &["none", "login", "consent", "select_account"];

    /// Reads a list of prompts.
    pub fn parse(text: &str) -> Result<Self, Reason> {
        let mut prompt = Self::default();
        for word in text.split(' ').filter(|word| !word.is_empty()) {
            match word {
                "none" => prompt.none = true,
                "login" => prompt.login = true,
                "consent" => prompt.consent = true,
                "select_account" => prompt.select_account = true,
                _ => return Err(Reason::PromptUnknown),
            }
        }
        if prompt.none && (prompt.login || prompt.consent || prompt.select_account) {
            return Err(Reason::PromptNoneCombined);
        }
        Ok(prompt)
    }
}

/// A code with everything that it is bound to.
#[derive(Clone, Debug)]
pub struct IssuedCode {
    /// Its hash.
    pub hash: Hashed<AuthorizationCode>,
    /// The client that it was issued to.
    pub client: ClientId,
    /// The redirect URI that it was sent to.
    pub redirect_uri: String,
    /// The challenge of the request.
    pub challenge: Option<Challenge>,
    /// What it stands for.
    pub granted: Granted,
    /// When it is too late.
    pub expires_at: DateTime<Utc>,
    /// When it was spent.
    pub spent_at: Option<DateTime<Utc>>,
    /// The family that came of it.
    pub family: Option<FamilyId>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn core_3_1_2_1_prompts() {
        assert_eq!(Prompt::parse("none").map(|prompt| prompt.none), Ok(true));
        let both = Prompt { login: true, consent: true, ..Prompt::default() };
        assert_eq!(Prompt::parse("login consent"), Ok(both));
        for bad in ["none login", "consent none", "foo", "NONE", "login,consent"] {
            assert!(Prompt::parse(bad).is_err(), "{bad}");
        }
    }
}
