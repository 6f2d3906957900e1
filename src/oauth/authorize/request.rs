//! The authorization endpoint: reads and checks a request, RFC 6749 §4.1.1 and OpenID Connect Core
//! §3.1.2.1. Before it is known that the redirect URI belongs to the client, nothing is redirected.

use std::borrow::Cow;
use std::sync::Arc;

use crate::clients::registry::Registered;
use crate::domain::authentication::Acr;
use crate::domain::authorization::{
    AuthorizationRequest, LONGEST_HINT, LONGEST_NONCE, LONGEST_STATE, LONGEST_TOKEN_HINT, Prompt,
    ResponseMode,
};
use crate::domain::claim_names::is_claim;
use crate::domain::client::{Client, ClientId, ClientKind, RequirePkce};
use crate::domain::dpop::Thumbprint;
use crate::domain::error_code::ErrorCode;
use crate::domain::form::Form;
use crate::domain::pkce::{self, Challenge};
use crate::domain::provider::Slug;
use crate::domain::reason::Reason;
use crate::domain::requested_claims::RequestedClaims;
use crate::domain::scope::{OFFLINE_ACCESS, OPENID, Scope};
use crate::domain::sign_up_mode::SignUpMode;
use crate::domain::verdict::Fault;
use crate::keys::jwt::Typ;
use crate::oauth::authorize::context::RequestContext;
use crate::oauth::authorize::response::{AuthorizationAnswer, ReturnAddress};
use crate::oauth::authorize::{object, pushed};
use crate::oauth::claims::IdTokenHint;
use crate::oauth::error::{Error, Refusal, Result};
use crate::oauth::refused::{self, RefusedRequest};
use crate::oauth::token::grant::{Grant, registered_resources, registered_scope, resources};
use crate::oauth::token::grants::authorization_code::AuthorizationCode;
use crate::oauth::token::grants::refresh_token::RefreshToken;

/// A request that passed all checks.
#[derive(Clone, Debug)]
pub struct CheckedRequest {
    /// The request.
    pub request: AuthorizationRequest,
    /// The client that sent it.
    pub client: Arc<Registered>,
}

/// Why a request is not accepted.
#[derive(Debug)]
pub enum RequestError {
    /// There is no redirect URI that can be trusted, so the browser gets an error page.
    Page(Untrusted),
    /// The client gets this error answer.
    Answer(AuthorizationAnswer),
    /// A failure of this server.
    Fault(Fault),
}

/// How old a sign-in may be: as the request says, and at most as the client was registered.
fn shorter(max_age: Option<u32>, client: &Client) -> Option<u32> {
    let own = client.metadata.session_lifetime.and_then(|seconds| u32::try_from(seconds).ok());
    match (max_age, own) {
        (Some(asked), Some(own)) => Some(asked.min(own)),
        (asked, own) => asked.or(own),
    }
}

/// Why the browser is not redirected to the client, RFC 6749 §4.1.2.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Untrusted {
    /// The client is unknown or disabled.
    Client,
    /// The redirect URI is not registered for the client.
    RedirectUri,
    /// The request cannot be read.
    Request,
    /// There is no such pushed request, or not any more.
    RequestUri,
    /// The request object is wrong, and no redirect URI stands beside it.
    RequestObject,
}

impl From<Fault> for RequestError {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// Reads and checks a request: the query of a GET, or the form of a POST.
pub async fn read(context: &RequestContext, text: &[u8]) -> Result<CheckedRequest, RequestError> {
    let (form, repeated) = Form::parse_marking(text)
        .map_err(|_| distrust(Untrusted::Request, None, Reason::QueryMalformed, None))?;
    let is_repeated = |name: &str| repeated.iter().any(|one| one == name);
    let named = form.get("client_id").filter(|_| !is_repeated("client_id"));
    let no_client = |why| distrust(Untrusted::Client, named, why, None);
    let id = named.and_then(ClientId::parse);
    let id = id.ok_or_else(|| no_client(Reason::ClientIdUnreadable))?;
    let registered = context.clients.find(&id).await?;
    let registered = registered.ok_or_else(|| no_client(Reason::ClientUnknown))?;
    if !registered.client.is_enabled() {
        return Err(no_client(Reason::ClientDisabled));
    }
    let request_uri = form.get("request_uri").filter(|_| !is_repeated("request_uri"));
    if let Some(request_uri) = request_uri.filter(|uri| pushed::is_ours(uri)) {
        // RFC 9126 §4: everything was pushed, and what stands beside it is ignored.
        return match pushed::pushed_for(context, &registered.client, request_uri).await {
            Ok(request) => {
                let address = ReturnAddress::of(&context.url, &registered.client, &request);
                context.keyring.ensure(address.and_then(|address| address.signed_by())).await?;
                Ok(CheckedRequest { request, client: registered })
            }
            Err(Error::Fault(fault)) => Err(fault.into()),
            Err(Error::Refused(refusal)) => {
                Err(distrust(Untrusted::RequestUri, named, refusal.reason, None))
            }
        };
    }
    let asked = Asked { registered, form: &form, repeated: &repeated, request_uri };
    asked.checked(context).await
}

/// A request whose parameters the browser brings.
struct Asked<'a> {
    registered: Arc<Registered>,
    form: &'a Form,
    repeated: &'a [String],
    request_uri: Option<&'a str>,
}

impl Asked<'_> {
    async fn checked(self, context: &RequestContext) -> Result<CheckedRequest, RequestError> {
        let Self { registered, form: outside, repeated, request_uri } = self;
        let client = &registered.client;
        let named = Some(client.id.as_str());
        // Nothing in a bad request object can be believed, so the parameters beside it say where the
        // refusal goes.
        let (form, refusal) = match Self::opened(context, &registered, outside, repeated).await {
            Ok(form) => (form, None),
            Err(refusal) => (Cow::Borrowed(outside), Some(refusal)),
        };
        // RFC 9101 §6.3: what stands beside a request object does not count.
        let repeated: &[String] = if matches!(form, Cow::Owned(_)) { &[] } else { repeated };
        let once =
            |name: &'static str| form.get(name).filter(|_| !repeated.iter().any(|one| one == name));
        let uri = once("redirect_uri");
        let Target { uri, address } =
            target(context, client, uri).map_err(|why| match &refusal {
                Some(refusal) if uri.is_none() => untrusted_object(refusal, named),
                _ => {
                    let value = uri.map(refused::without_query);
                    distrust(Untrusted::RedirectUri, named, why, value)
                }
            })?;
        let state = once("state");
        if state.is_some_and(|state| state.len() > LONGEST_STATE) {
            return Err(distrust(Untrusted::Request, named, Reason::StateTooLong, None));
        }
        let mode = match form.get("response_mode") {
            None => Some(default_mode(&form)),
            Some(ResponseMode::JWT) => Some(default_mode(&form).signed()),
            Some(named) => ResponseMode::parse(named),
        };
        let address = address.with_state(state).by(mode.unwrap_or_default());
        // The answer is written where nothing can be waited for.
        context.keyring.ensure(address.signed_by()).await?;
        let must_push =
            context.settings.pushed_alone || client.metadata.require_pushed_authorization_requests;
        let checked: Result<AuthorizationRequest> = if must_push && request_uri.is_none() {
            // RFC 9126 §5 and §6
            Err(Reason::PushRequired.into())
        } else if let Some(refusal) = refusal {
            Err(refusal.into())
        } else if repeated.is_empty() {
            check(context, client, &form, uri).await
        } else {
            // RFC 6749 §3.1: no parameter may be sent more than once.
            Err(Refusal::new(Reason::ParameterRepeated).naming(&repeated.join(" ")).into())
        };
        match checked {
            Ok(request) => Ok(CheckedRequest { request, client: registered }),
            Err(Error::Fault(fault)) => Err(fault.into()),
            Err(Error::Refused(refusal)) => {
                refused::log_redirected(&refusal, &client.id, uri);
                Err(RequestError::Answer(address.error(&refusal)))
            }
        }
    }

    /// The parameters that count: those in the request object, if there is one.
    async fn opened<'a>(
        context: &RequestContext,
        registered: &Registered,
        form: &'a Form,
        repeated: &[String],
    ) -> Result<Cow<'a, Form>, Refusal> {
        if repeated.iter().any(|one| one == "request") {
            return Ok(Cow::Borrowed(form));
        }
        object::opened(context, registered, form).await
    }
}

/// A page, where a request object or the address of one was refused, and no redirect URI beside it can
/// be trusted.
fn untrusted_object(refusal: &Refusal, client: Option<&str>) -> RequestError {
    let untrusted = match refusal.code() {
        Some(ErrorCode::InvalidRequestObject) => Untrusted::RequestObject,
        Some(ErrorCode::RequestUriNotSupported) => Untrusted::RequestUri,
        _ => Untrusted::Request,
    };
    distrust(untrusted, client, refusal.reason, None)
}

/// The redirect URI of a request, which is registered for its client.
#[derive(Debug)]
pub(super) struct Target<'a> {
    uri: &'a str,
    address: ReturnAddress,
}

impl Target<'_> {
    /// The redirect URI as the request has it.
    pub(super) fn uri(&self) -> &str {
        self.uri
    }
}

/// Finds out where the answer to a request goes.
pub(super) fn target<'a>(
    context: &RequestContext,
    client: &Client,
    uri: Option<&'a str>,
) -> Result<Target<'a>, Reason> {
    let uri = uri.ok_or(Reason::RedirectUriUnreadable)?;
    let address = ReturnAddress::registered(&context.url, client, uri);
    Ok(Target { uri, address: address.ok_or(Reason::RedirectUriUnregistered)? })
}

/// The response mode when the request does not name one: OAuth 2.0 Multiple Response Types §2.1 and
/// §5. Response types that contain a token are not supported here, but a client that sends one
/// expects the refusal in the fragment.
fn default_mode(form: &Form) -> ResponseMode {
    let mut types = form.get("response_type").unwrap_or_default().split(' ');
    if types.any(|one| matches!(one, "token" | "id_token")) {
        ResponseMode::Fragment
    } else {
        ResponseMode::Query
    }
}

/// Reads a hint. One that is longer than `longest` bytes is ignored.
fn hint<'a>(form: &'a Form, name: &'a str, longest: usize) -> Option<&'a str> {
    form.get(name).filter(|hint| hint.len() <= longest)
}

/// Writes the log line of a refused request, and makes the error for its page.
fn distrust(
    untrusted: Untrusted,
    client: Option<&str>,
    reason: Reason,
    value: Option<&str>,
) -> RequestError {
    let code = match untrusted {
        Untrusted::Client => ErrorCode::UnknownClient,
        Untrusted::RedirectUri => ErrorCode::InvalidRedirectUri,
        Untrusted::Request => ErrorCode::InvalidRequest,
        Untrusted::RequestUri => ErrorCode::InvalidRequestUri,
        Untrusted::RequestObject => ErrorCode::InvalidRequestObject,
    };
    let redirect_uri = value.filter(|_| untrusted == Untrusted::RedirectUri);
    RefusedRequest { client, code: Some(code), reason, value, redirect_uri }.log();
    RequestError::Page(untrusted)
}

/// Checks a request whose client and redirect URI are known, whatever way it came.
pub(super) async fn check(
    context: &RequestContext,
    client: &Client,
    form: &Form,
    redirect_uri: &str,
) -> Result<AuthorizationRequest> {
    // RFC 6749 §4.1.1: `state` is echoed, so it has an end.
    if form.get("state").is_some_and(|state| state.len() > LONGEST_STATE) {
        return Err(Reason::StateTooLong.into());
    }
    match form.get("response_type") {
        Some("code") => {}
        Some(other) => {
            let refusal = Refusal::new(Reason::ResponseTypeUnsupported);
            return Err(refusal.with_value(other).into());
        }
        None => return Err(Reason::ResponseTypeMissing.into()),
    }
    if !client.may_use(AuthorizationCode::TYPE) {
        return Err(Reason::AuthorizationCodeUnregistered.into());
    }
    let response_mode = match form.get("response_mode").map(ResponseMode::parse) {
        None => ResponseMode::Query,
        Some(Some(mode)) => mode,
        Some(None) => {
            let refusal = Refusal::new(Reason::ResponseModeUnknown);
            return Err(refusal.with_value(form.get("response_mode").unwrap_or_default()).into());
        }
    };
    let prompt = form.get("prompt").unwrap_or_default();
    let prompt = Prompt::parse(prompt).map_err(|why| Refusal::new(why).with_value(prompt))?;
    if prompt.create && client.sign_up_mode(context.sign_up) != SignUpMode::Open {
        return Err(Reason::SignUpClosed.into());
    }
    let claims = match form.get("claims") {
        Some(text) => RequestedClaims::parse(text, is_claim)?,
        None => RequestedClaims::default(),
    };
    let nonce = form.get("nonce");
    if nonce.is_some_and(|nonce| nonce.len() > LONGEST_NONCE) {
        return Err(Reason::NonceTooLong.into());
    }
    let resources = registered_resources(&context.clients, resources(form), client).await?;
    let max_age = form.get("max_age").map(str::parse).transpose();
    let max_age = shorter(max_age.map_err(|_| Reason::MaxAgeMalformed)?, client);
    let scope = scope(context, client, form, prompt).await?;
    Ok(AuthorizationRequest {
        client: client.id.clone(),
        redirect_uri: redirect_uri.to_owned(),
        response_mode,
        state: form.get("state").map(str::to_owned),
        resources,
        nonce: nonce.map(str::to_owned),
        prompt,
        max_age,
        user: named_user(context, form, &claims)?,
        login_hint: hint(form, "login_hint", LONGEST_HINT).map(str::to_owned),
        ui_locales: hint(form, "ui_locales", LONGEST_HINT).map(str::to_owned),
        idp_hint: idp_hint(form),
        acr_values: acr_values(form),
        acr_skipped_in: None,
        pushed: None,
        claims,
        challenge: challenge(client, form, &scope)?,
        dpop_jkt: dpop_jkt(form)?,
        scope,
    })
}

/// The provider that the browser is redirected to at once: the slug in `idp_hint`, or a slug after
/// `idp:` in `acr_values`. A value that is not a slug is ignored.
fn idp_hint(form: &Form) -> Option<Slug> {
    let values = form.get("acr_values").unwrap_or_default().split(' ');
    let named = values.filter_map(|value| value.strip_prefix("idp:"));
    form.get("idp_hint").into_iter().chain(named).find_map(Slug::parse)
}

/// `acr_values`, OpenID Connect Core §3.1.2.1. They are a wish, so unknown ones are left out.
fn acr_values(form: &Form) -> Vec<Acr> {
    let mut values = Vec::new();
    for value in form.get("acr_values").unwrap_or_default().split(' ') {
        values.extend(value.parse().ok().filter(|acr| !values.contains(acr)));
    }
    values
}

async fn scope(
    context: &RequestContext,
    client: &Client,
    form: &Form,
    prompt: Prompt,
) -> Result<Scope> {
    let asked = form.get("scope").map(Scope::parse).transpose();
    let asked = asked.map_err(|_| Reason::ScopeMalformed)?;
    let scope = registered_scope(&context.clients, asked, client).await?;
    // OpenID Connect Core §11: `offline_access` is ignored unless the person is asked for consent.
    // For the operator's own clients the operator has consented.
    let is_offline =
        client.may_use(RefreshToken::TYPE) && (prompt.consent || client.metadata.first_party);
    Ok(if is_offline { scope } else { scope.without(&[OFFLINE_ACCESS]) })
}

/// `dpop_jkt`, RFC 9449 §10.
pub(in crate::oauth) fn dpop_jkt(form: &Form) -> Result<Option<Thumbprint>, Refusal> {
    let Some(text) = form.get("dpop_jkt") else { return Ok(None) };
    Thumbprint::parse(text).map(Some).ok_or_else(|| Reason::DpopJktMalformed.into())
}

/// Reads the PKCE challenge, RFC 7636 §4.3 and §4.4.1, RFC 9700 §2.1.1.
fn challenge(client: &Client, form: &Form, scope: &Scope) -> Result<Option<Challenge>, Refusal> {
    let has_openid_nonce = scope.contains(OPENID) && form.get("nonce").is_some();
    let method = form.get("code_challenge_method");
    match form.get("code_challenge") {
        Some(_) if method != Some(pkce::METHOD) => {
            Err(Reason::CodeChallengeMethodUnsupported.into())
        }
        Some(text) => match Challenge::parse(text) {
            Some(challenge) => Ok(Some(challenge)),
            None => Err(Reason::CodeChallengeMalformed.into()),
        },
        None if method.is_some() => Err(Reason::CodeChallengeMissing.into()),
        None if client.needs_pkce(has_openid_nonce) => Err(without_pkce(client).into()),
        None => Ok(None),
    }
}

/// Says what the client has to add to a request that has neither a challenge nor a nonce.
fn without_pkce(client: &Client) -> Reason {
    match (client.kind, client.metadata.require_pkce) {
        (ClientKind::Public, _) => Reason::PkceRequired,
        (ClientKind::Confidential, RequirePkce::Always) => Reason::PkceRequiredByRegistration,
        (ClientKind::Confidential, _) => Reason::PkceOrNonceRequired,
    }
}

/// The person whom `id_token_hint` or a requested `sub` names.
fn named_user(
    context: &RequestContext,
    form: &Form,
    claims: &RequestedClaims,
) -> Result<Option<String>, Refusal> {
    let Some(hint) = hint(form, "id_token_hint", LONGEST_TOKEN_HINT) else {
        return Ok(claims.sub.clone());
    };
    let hint = hinted(context, hint).ok_or(Reason::IdTokenHintInvalid)?;
    if claims.sub.as_ref().is_some_and(|sub| *sub != hint.sub) {
        return Err(Reason::IdTokenHintSubMismatch.into());
    }
    Ok(Some(hint.sub))
}

/// The claims of an id token that this server issued, expired or not. They are only a hint and do
/// not prove that the person is signed in now.
#[must_use]
pub fn hinted(context: &RequestContext, hint: &str) -> Option<IdTokenHint> {
    let keys = context.keyring.snapshot().ok()?;
    let claims: IdTokenHint = keys.verify(Typ::IdToken, hint).ok()?;
    (claims.iss == context.url.as_str() && claims.client_id.is_none()).then_some(claims)
}
