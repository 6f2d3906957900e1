//! The authorization endpoint: reading and checking a request, RFC 6749 §4.1.1 and OpenID Connect
//! Core §3.1.2.1. Until client and redirect URI are known to belong together nothing is redirected.

use std::sync::Arc;

use super::Issuer;
use super::claims::IdTokenHint;
use super::clients::Registered;
use super::error::{ErrorCode, Refusal, invalid_request, invalid_scope};
use super::grants::authorization_code::AuthorizationCode;
use super::grants::refresh_token::RefreshToken;
use super::grants::{Grant, registered_resources, registered_scope, resources};
use super::respond::{Answer, ReturnAddress};
use super::userinfo::is_claim;
use crate::domain::authorization::{
    AuthorizationRequest, LONGEST_HINT, LONGEST_NONCE, LONGEST_STATE, LONGEST_TOKEN_HINT, Prompt,
    ResponseMode,
};
use crate::domain::client::{Client, ClientId};
use crate::domain::form::Form;
use crate::domain::pkce::{self, Challenge};
use crate::domain::provider::Slug;
use crate::domain::requested_claims::RequestedClaims;
use crate::domain::scope::{OFFLINE_ACCESS, Scope};
use crate::domain::verdict::Fault;
use crate::keys::jwt::Typ;

/// A request that can be answered.
#[derive(Clone, Debug)]
pub struct Asked {
    /// What is asked for.
    pub request: AuthorizationRequest,
    /// By whom.
    pub client: Arc<Registered>,
}

/// Why a request goes no further.
#[derive(Debug)]
pub enum Unasked {
    /// Nobody is to be trusted with an answer: a page says so.
    Page(Untrusted),
    /// The client is answered.
    Answer(Answer),
    /// Our failure.
    Fault(Fault),
}

/// Why nobody is redirected, RFC 6749 §4.1.2.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Untrusted {
    /// The client is unknown or disabled.
    Client,
    /// The redirect URI is not the client's.
    RedirectUri,
    /// The request cannot be read.
    Request,
}

impl From<Fault> for Unasked {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// Reads and checks a request: the query of a GET, or the form of a POST.
pub async fn read(issuer: &Issuer, text: &[u8]) -> Result<Asked, Unasked> {
    let page = |why| Unasked::Page(why);
    let (form, repeated) = Form::parse_marking(text).map_err(|_| page(Untrusted::Request))?;
    let is_repeated = |name: &str| repeated.iter().any(|one| one == name);
    let id = form.get("client_id").filter(|_| !is_repeated("client_id"));
    let id = id.and_then(ClientId::parse).ok_or_else(|| page(Untrusted::Client))?;
    let registered = issuer.clients.find(&id).await?.filter(|one| one.client.is_enabled());
    let registered = registered.ok_or_else(|| page(Untrusted::Client))?;
    let uri = form.get("redirect_uri").filter(|_| !is_repeated("redirect_uri"));
    let address =
        uri.and_then(|uri| ReturnAddress::registered(&issuer.url, &registered.client, uri));
    let (Some(uri), Some(address)) = (uri, address) else {
        return Err(page(Untrusted::RedirectUri));
    };
    let state = form.get("state").filter(|_| !is_repeated("state"));
    if state.is_some_and(|state| state.len() > LONGEST_STATE) {
        tracing::debug!(client_id = %id, "refused a state of more than 4096 bytes");
        return Err(page(Untrusted::Request));
    }
    let mode = form.get("response_mode").map_or_else(|| default_mode(&form), ResponseMode::parse);
    let address = address.with_state(state).by(mode.unwrap_or_default());
    let checked = if repeated.is_empty() {
        check(issuer, &registered.client, &form, uri)
    } else {
        // RFC 6749 §3.1
        Err(invalid_request("a parameter is repeated"))
    };
    match checked {
        Ok(request) => Ok(Asked { request, client: registered }),
        Err(refusal) => {
            tracing::debug!(client_id = %id, %refusal, "refused an authorization request");
            Err(Unasked::Answer(address.error(&refusal)))
        }
    }
}

/// How an answer travels where the request does not say: OAuth 2.0 Multiple Response Types §2.1 and
/// §5. A response type that has a token in it is unknown here, and its refusal is awaited in the
/// fragment.
fn default_mode(form: &Form) -> Option<ResponseMode> {
    let mut types = form.get("response_type").unwrap_or_default().split(' ');
    types.any(|one| matches!(one, "token" | "id_token")).then_some(ResponseMode::Fragment)
}

/// A hint of at most so many bytes: a longer one is none.
fn hint<'a>(form: &'a Form, name: &'a str, longest: usize) -> Option<&'a str> {
    form.get(name).filter(|hint| hint.len() <= longest)
}

fn check(
    issuer: &Issuer,
    client: &Client,
    form: &Form,
    redirect_uri: &str,
) -> Result<AuthorizationRequest, Refusal> {
    // OpenID Connect Core §6: nothing is read from them, and nothing is fetched.
    for (name, code) in [
        ("request", ErrorCode::RequestNotSupported),
        ("request_uri", ErrorCode::RequestUriNotSupported),
    ] {
        if form.get(name).is_some() {
            return Err(Refusal::new(code, "request objects are not supported"));
        }
    }
    match form.get("response_type") {
        Some("code") => {}
        Some(_) => {
            let description = "the one response type is code";
            return Err(Refusal::new(ErrorCode::UnsupportedResponseType, description));
        }
        None => return Err(invalid_request("response_type is missing")),
    }
    if !client.may_use(AuthorizationCode::TYPE) {
        let description = "the client is not registered for authorization_code";
        return Err(Refusal::new(ErrorCode::UnauthorizedClient, description));
    }
    let response_mode = match form.get("response_mode").map(ResponseMode::parse) {
        None => ResponseMode::Query,
        Some(Some(mode)) => mode,
        Some(None) => return Err(invalid_request("the response_mode is unknown")),
    };
    let prompt = Prompt::parse(form.get("prompt").unwrap_or_default()).map_err(invalid_request)?;
    let claims = match form.get("claims") {
        Some(text) => RequestedClaims::parse(text, is_claim).map_err(invalid_request)?,
        None => RequestedClaims::default(),
    };
    let nonce = form.get("nonce");
    if nonce.is_some_and(|nonce| nonce.len() > LONGEST_NONCE) {
        return Err(invalid_request("the nonce has more than 512 bytes"));
    }
    let resources = resources(form);
    registered_resources(&resources, client)?;
    let max_age = form.get("max_age").map(str::parse).transpose();
    Ok(AuthorizationRequest {
        client: client.id.clone(),
        redirect_uri: redirect_uri.to_owned(),
        response_mode,
        state: form.get("state").map(str::to_owned),
        scope: scope(client, form, prompt)?,
        resources,
        nonce: nonce.map(str::to_owned),
        prompt,
        max_age: max_age.map_err(|_| invalid_request("max_age is no number of seconds"))?,
        user: named_user(issuer, form, &claims)?,
        login_hint: hint(form, "login_hint", LONGEST_HINT).map(str::to_owned),
        ui_locales: hint(form, "ui_locales", LONGEST_HINT).map(str::to_owned),
        idp_hint: idp_hint(form),
        claims,
        challenge: challenge(client, form)?,
    })
}

/// The provider to go straight to: `idp_hint`, or `idp:` and its slug among the `acr_values`. What
/// names none is a hint that nobody follows.
fn idp_hint(form: &Form) -> Option<Slug> {
    let values = form.get("acr_values").unwrap_or_default().split(' ');
    let named = values.filter_map(|value| value.strip_prefix("idp:"));
    form.get("idp_hint").into_iter().chain(named).find_map(Slug::parse)
}

fn scope(client: &Client, form: &Form, prompt: Prompt) -> Result<Scope, Refusal> {
    let asked = form.get("scope").map(Scope::parse).transpose();
    let asked = asked.map_err(|_| invalid_scope("the scope is malformed"))?;
    let scope = registered_scope(asked, client)?;
    // OpenID Connect Core §11: offline_access is ignored unless the person is asked. For a client of
    // the operator's own the operator has answered.
    let is_offline = client.may_use(RefreshToken::TYPE) && (prompt.consent || client.first_party);
    Ok(if is_offline { scope } else { scope.without(&[OFFLINE_ACCESS]) })
}

/// RFC 7636 §4.3 and §4.4.1, RFC 9700 §2.1.1.
fn challenge(client: &Client, form: &Form) -> Result<Option<Challenge>, Refusal> {
    let method = form.get("code_challenge_method");
    match form.get("code_challenge") {
        Some(_) if method != Some(pkce::METHOD) => {
            Err(invalid_request("the one code_challenge_method is S256"))
        }
        Some(text) => match Challenge::parse(text) {
            Some(challenge) => Ok(Some(challenge)),
            None => Err(invalid_request("the code_challenge is no SHA-256")),
        },
        None if method.is_some() => Err(invalid_request("code_challenge is missing")),
        None if client.needs_pkce() => Err(invalid_request("code_challenge is required")),
        None => Ok(None),
    }
}

/// The person whom `id_token_hint` or a requested `sub` names.
fn named_user(
    issuer: &Issuer,
    form: &Form,
    claims: &RequestedClaims,
) -> Result<Option<String>, Refusal> {
    let Some(hint) = hint(form, "id_token_hint", LONGEST_TOKEN_HINT) else {
        return Ok(claims.sub.clone());
    };
    let hint =
        hinted(issuer, hint).ok_or_else(|| invalid_request("the id_token_hint is not ours"))?;
    if claims.sub.as_ref().is_some_and(|sub| *sub != hint.sub) {
        return Err(invalid_request("the id_token_hint and the requested sub differ"));
    }
    Ok(Some(hint.sub))
}

/// What an id token of ours says, expired or not: it is a hint, and proves nothing of now.
#[must_use]
pub fn hinted(issuer: &Issuer, hint: &str) -> Option<IdTokenHint> {
    let keys = issuer.keyring.snapshot().ok()?;
    let claims: IdTokenHint = keys.verify(Typ::IdToken, hint).ok()?;
    (claims.iss == issuer.url.as_str()).then_some(claims)
}
