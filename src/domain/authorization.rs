//! An authorization request that was checked, RFC 6749 §4.1.1 and OpenID Connect Core §3.1.2.1.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::authentication::Acr;
use super::client::{ClientId, ClientMetadata};
use super::dpop::Thumbprint;
use super::family::FamilyId;
use super::pkce::Challenge;
use super::provider::Slug;
use super::reason::Reason;
use super::requested_claims::RequestedClaims;
use super::scope::Scope;
use super::secret::{AuthorizationCode, Hashed, PushedRequest};
use super::session::SessionId;
use super::user::UserId;

/// The request of a client. Everything in it was checked against the client's registration.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AuthorizationRequest {
    /// The client that sent the request.
    pub client: ClientId,
    /// The redirect URI that gets the response: a registered one, as it was written in the request.
    pub redirect_uri: String,
    /// How the response is sent to the redirect URI.
    pub response_mode: ResponseMode,
    /// `state`, echoed as it is.
    pub state: Option<String>,
    /// The requested scope.
    pub scope: Scope,
    /// The requested resources, RFC 8707.
    pub resources: Vec<String>,
    /// `nonce`.
    pub nonce: Option<String>,
    /// `prompt`.
    pub prompt: Prompt,
    /// `max_age`, in seconds.
    pub max_age: Option<u32>,
    /// The `sub` that a hint or a requested claim names. Only this person may answer the request.
    pub user: Option<String>,
    /// `login_hint`.
    pub login_hint: Option<String>,
    /// `ui_locales`.
    pub ui_locales: Option<String>,
    /// The provider to which the browser is redirected at once: `idp_hint`, or `idp:` among the
    /// `acr_values`.
    #[serde(default)]
    pub idp_hint: Option<Slug>,
    /// `acr_values`: those that this server knows.
    #[serde(default)]
    pub acr_values: Vec<Acr>,
    /// The session in which the person goes on without the strength that the client would like.
    #[serde(default)]
    pub acr_skipped_in: Option<SessionId>,
    /// `claims`.
    pub claims: RequestedClaims,
    /// `code_challenge`.
    pub challenge: Option<Challenge>,
    /// The hash of the `request_uri`, if the client pushed the request (RFC 9126).
    #[serde(default)]
    pub pushed: Option<Hashed<PushedRequest>>,
    /// `dpop_jkt`: the key to which the code is bound, RFC 9449 §10.
    #[serde(default)]
    pub dpop_jkt: Option<Thumbprint>,
}

impl AuthorizationRequest {
    /// The `acr` values that the request asks for, in the order of preference; else those that are
    /// registered for the client. Those of the claims parameter count before `acr_values`, because
    /// they may be essential (OpenID Connect Core §5.5.1.1). Values that this server does not know
    /// are left out.
    #[must_use]
    pub fn wanted_acr(&self, client: &ClientMetadata) -> Vec<Acr> {
        if !self.claims.acr.is_empty() {
            return self.claims.acr.iter().filter_map(|value| value.parse().ok()).collect();
        }
        if !self.acr_values.is_empty() {
            return self.acr_values.clone();
        }
        client.default_acr_values.clone().unwrap_or_default()
    }

    /// Whether one of these values must be met, OpenID Connect Core §5.5.1.1.
    #[must_use]
    pub fn acr_is_essential(&self) -> bool {
        self.claims.acr_is_essential && !self.claims.acr.is_empty()
    }
}

/// The longest `state` that is echoed.
pub const LONGEST_STATE: usize = 4096;
/// The longest `nonce` that an id token carries.
pub const LONGEST_NONCE: usize = 512;
/// The longest hint in words (`login_hint`, `ui_locales`). A longer one is ignored.
pub const LONGEST_HINT: usize = 512;
/// The longest `id_token_hint`. A longer one is ignored.
pub const LONGEST_TOKEN_HINT: usize = 8192;

/// The grant that an authorization code represents.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Granted {
    /// The person who granted it.
    pub user: UserId,
    /// The session in which they granted it; `None` if they signed in at the challenge endpoint.
    pub session: Option<SessionId>,
    /// The granted scope.
    pub scope: Scope,
    /// The granted resources, RFC 8707.
    pub resources: Vec<String>,
    /// `nonce`.
    pub nonce: Option<String>,
    /// `claims`.
    pub claims: RequestedClaims,
    /// `auth_time`.
    pub auth_time: DateTime<Utc>,
    /// `acr`. Codes that were issued before there were several have none.
    #[serde(default)]
    pub acr: Acr,
    /// `amr`.
    pub amr: Vec<String>,
    /// The issuer of the provider with which the person signed in.
    pub provider_issuer: Option<String>,
    /// The version of the account's secrets, if no session stands behind the code: a changed password
    /// or factor ends it.
    #[serde(default)]
    pub version: Option<i64>,
    /// The key to which the code is bound, RFC 9449 §10.
    #[serde(default)]
    pub dpop_jkt: Option<Thumbprint>,
}

/// How an authorization response is sent: OAuth 2.0 Multiple Response Types §2.1, Form Post §2, and
/// signed by JARM §2.3.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResponseMode {
    /// In the query of the redirect URI.
    #[default]
    Query,
    /// In the fragment of the redirect URI.
    Fragment,
    /// As a form that the browser posts.
    FormPost,
    /// Signed, in the query of the redirect URI.
    QueryJwt,
    /// Signed, in the fragment of the redirect URI.
    FragmentJwt,
    /// Signed, as a form that the browser posts.
    FormPostJwt,
}

impl ResponseMode {
    /// Every mode.
    pub const ALL: &'static [Self] = &[
        Self::Query,
        Self::Fragment,
        Self::FormPost,
        Self::QueryJwt,
        Self::FragmentJwt,
        Self::FormPostJwt,
    ];
    /// The name that stands for the signed mode of the response type, JARM §2.3.4: for `code`, the one
    /// that is supported, it is `query.jwt`.
    pub const JWT: &'static str = "jwt";

    /// The value of `response_mode`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::Fragment => "fragment",
            Self::FormPost => "form_post",
            Self::QueryJwt => "query.jwt",
            Self::FragmentJwt => "fragment.jwt",
            Self::FormPostJwt => "form_post.jwt",
        }
    }

    /// The mode of this name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text == Self::JWT {
            return Some(Self::QueryJwt);
        }
        Self::ALL.iter().copied().find(|mode| mode.as_str() == text)
    }

    /// The mode that carries the response in the same place, signed.
    #[must_use]
    pub fn signed(self) -> Self {
        match self {
            Self::Query | Self::QueryJwt => Self::QueryJwt,
            Self::Fragment | Self::FragmentJwt => Self::FragmentJwt,
            Self::FormPost | Self::FormPostJwt => Self::FormPostJwt,
        }
    }

    /// Whether the response is a signed JWT.
    #[must_use]
    pub fn is_signed(self) -> bool {
        matches!(self, Self::QueryJwt | Self::FragmentJwt | Self::FormPostJwt)
    }
}

/// The pages that the client wants to be shown to the person, Core §3.1.2.1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "a set of five words")]
pub struct Prompt {
    /// No page may be shown.
    pub none: bool,
    /// The person has to authenticate again.
    pub login: bool,
    /// The person has to give consent again.
    pub consent: bool,
    /// The person chooses which account to use.
    pub select_account: bool,
    /// The person is shown the form for a new account first: Initiating User Registration via
    /// OpenID Connect 1.0 §4.1.
    #[serde(default)]
    pub create: bool,
}

impl Prompt {
    /// Every value, but `create`, which counts only where people may make accounts.
    pub const VALUES: &'static [&'static str] = &["none", "login", "consent", "select_account"];
    /// The value that asks for a new account.
    pub const CREATE: &'static str = "create";

    /// Reads a list of prompts.
    pub fn parse(text: &str) -> Result<Self, Reason> {
        let mut prompt = Self::default();
        for word in text.split(' ').filter(|word| !word.is_empty()) {
            match word {
                "none" => prompt.none = true,
                "login" => prompt.login = true,
                "consent" => prompt.consent = true,
                "select_account" => prompt.select_account = true,
                Self::CREATE => prompt.create = true,
                _ => return Err(Reason::PromptUnknown),
            }
        }
        if prompt.none && (prompt.login || prompt.consent || prompt.select_account || prompt.create)
        {
            return Err(Reason::PromptNoneCombined);
        }
        Ok(prompt)
    }
}

/// A request that a client pushed, RFC 9126.
#[derive(Clone, Debug)]
pub struct PushedAuthorization {
    /// The hash of the secret in its `request_uri`.
    pub hash: Hashed<PushedRequest>,
    /// The client that pushed it.
    pub client: ClientId,
    /// The request, which was checked when it was pushed.
    pub request: AuthorizationRequest,
    /// Until when a browser may begin with it.
    pub expires_at: DateTime<Utc>,
    /// When it was answered.
    pub used_at: Option<DateTime<Utc>>,
}

/// A code with everything to which it is bound.
#[derive(Clone, Debug)]
pub struct IssuedCode {
    /// The hash of the code.
    pub hash: Hashed<AuthorizationCode>,
    /// The client to which it was issued.
    pub client: ClientId,
    /// The redirect URI to which it was sent. It is empty for a code of the challenge endpoint.
    pub redirect_uri: String,
    /// The PKCE challenge of the authorization request.
    pub challenge: Option<Challenge>,
    /// The grant that it represents.
    pub granted: Granted,
    /// When it expires.
    pub expires_at: DateTime<Utc>,
    /// When it was exchanged for tokens.
    pub spent_at: Option<DateTime<Utc>>,
    /// The family that was opened when the code was exchanged.
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
