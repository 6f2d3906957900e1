//! The token endpoint, RFC 6749 §3.2: runs the steps of a token request in order.

use std::net::IpAddr;
use std::sync::Arc;

use chrono::Duration;
use metrics::Counter;

use super::context::GrantContext;
use super::grant::{Cx, Grant};
use super::grants::AnyGrant;
use super::grants::authorization_code::AuthorizationCode;
use super::grants::device_code::DeviceCode;
use super::grants::password::Password;
use super::grants::refresh_token::RefreshToken;
use super::id_jag::issuing;
use super::mint::{self, Mint, TokenResponse};
use super::person_claims::PersonClaims;
use crate::domain::audit::LazyOrigin;
use crate::domain::client::{Client, ClientId, RefreshDelivery};
use crate::domain::dpop::{Confirmation, Thumbprint};
use crate::domain::form::Form;
use crate::domain::grant_type::GrantType;
use crate::domain::reason::Reason;
use crate::domain::secret::Secret;
use crate::oauth::client_auth::{ClientAuthentication, Credentials};
use crate::oauth::cross_origin::check_origin;
use crate::oauth::error::{Refusal, Result};
use crate::oauth::possession::{Possession, Presented};
use crate::runtime::handles::Handles;

/// A token request.
#[derive(Debug)]
pub struct TokenRequest<'a> {
    /// The client's credentials, or why they cannot be read.
    pub credentials: std::result::Result<Credentials, Refusal>,
    /// The body.
    pub form: Form,
    /// The `Origin` header.
    pub script: Option<&'a str>,
    /// The refresh token in the client's cookie.
    pub cookie: Option<&'a str>,
    /// The proof of possession, RFC 9449 §5.
    pub proof: Presented<'a>,
    /// The thumbprint of the certificate that the client showed, RFC 8705 §3.1.
    pub certificate: Option<Thumbprint>,
    /// The client address.
    pub address: IpAddr,
    /// What audit events say about where the request came from.
    pub origin: &'a LazyOrigin,
}

/// The answer to a token request.
#[derive(Debug)]
pub struct Issued {
    /// The body.
    pub response: TokenResponse,
    /// The refresh token, for a client that gets it as a cookie instead.
    pub cookie: Option<RefreshCookie>,
}

/// A refresh token that a browser keeps for a client.
#[derive(Debug)]
pub struct RefreshCookie {
    /// The client.
    pub client: ClientId,
    /// The token.
    pub token: Secret,
    /// How long the browser keeps it.
    pub lifetime: Duration,
}

/// The token endpoint.
#[derive(Debug)]
pub struct TokenEndpoint {
    /// Authenticates the client of a request.
    pub clients: ClientAuthentication,
    /// The parts that the grants work with.
    pub grants: GrantContext,
    /// Issues tokens.
    pub mint: Mint,
    /// Makes the claims about people.
    pub person_claims: PersonClaims,
    /// Checks proofs of possession.
    pub possession: Arc<Possession>,
}

static ISSUED: Handles<&str, Counter> = Handles::new(
    |grant_type| metrics::counter!("mapae_tokens_issued_total", "grant_type" => grant_type),
);

/// Whether a client that gets bound tokens alone has shown what they are bound to: RFC 9449 §5.2, RFC
/// 8705 §3.4.
fn check_bound(client: &Client, has_proof: bool, has_certificate: bool) -> Result<()> {
    if client.metadata.dpop_bound_access_tokens && !has_proof {
        return Err(Reason::DpopProofMissing.into());
    }
    if client.metadata.tls_client_certificate_bound_access_tokens && !has_certificate {
        return Err(Reason::CertificateNeeded.into());
    }
    Ok(())
}

/// Answers a token request.
pub async fn token(endpoint: &Arc<TokenEndpoint>, request: TokenRequest<'_>) -> Result<Issued> {
    // A proof that is refused uses nothing up, not even the assertion of the client.
    let proof = endpoint.possession.check_at_token(request.proof)?;
    let client = endpoint.clients.verify(&request.credentials?).await?;
    let certificate = request.certificate;
    check_bound(client.client(), proof.is_some(), certificate.is_some())?;
    let is_bound = client.client().metadata.tls_client_certificate_bound_access_tokens;
    let client = endpoint.clients.use_up(client, proof.as_ref()).await?;
    let delivery = client.client().metadata.refresh_delivery;
    let form = match delivery {
        RefreshDelivery::Body => request.form,
        RefreshDelivery::Cookie => {
            by_cookie(client.client(), request.form, request.script, request.cookie)?
        }
    };
    let named = form.get("grant_type").ok_or(Reason::GrantTypeMissing)?;
    let Ok(grant_type) = named.parse::<GrantType>() else {
        // RFC 6749 §5.2: the grant type is not supported.
        let refusal = Refusal::new(Reason::GrantTypeUnsupported);
        return Err(refusal.naming(named).into());
    };
    // The codes of the challenge endpoint are redeemed here.
    let by_challenge =
        grant_type == AuthorizationCode::TYPE && client.client().metadata.first_party_challenge;
    if !client.client().may_use(grant_type) && !by_challenge {
        let refusal = Refusal::new(Reason::GrantTypeUnregistered);
        return Err(refusal.naming(named).into());
    }
    let grant = AnyGrant::parse(grant_type, &form)?;
    let (server, address, origin) = (&endpoint.grants, request.address, request.origin);
    let (proven, shown) = (proof.as_ref(), certificate.as_ref());
    let cx = Cx { server, client: &client, address, origin, proof: proven, certificate: shown };
    if endpoint.clients.limiter.counts_accounts()
        && let Some(account) = grant.account(&cx).await?
    {
        endpoint.clients.count_account(&account).await?;
    }
    let indices = &server.families.indices;
    if indices.may_be_asked(None, client.client()).await? {
        indices.top_up().await?;
    }
    if let Some(proof) = proof.as_ref().filter(|_| !uses_proof_itself(grant_type)) {
        endpoint.possession.use_up(proof).await?;
    }
    let mut entitlement = grant.redeem(&cx).await?;
    if let Some(jag) = entitlement.id_jag.take() {
        let response = issuing::sign(&endpoint.mint, client.client(), *jag).await?;
        counted(endpoint, client.client(), grant_type, true).await?;
        return Ok(Issued { response, cookie: None });
    }
    if entitlement.resources.is_empty() {
        let instead = server.clients.instead_of_mcp(client.client(), server.url.as_str()).await?;
        entitlement.resources.extend(instead);
    }
    // A place that the client itself asked for is named in any case.
    let is_named = entitlement.status.is_some()
        && (entitlement.family.is_none()
            || indices.asked(None, client.client(), &entitlement.resources).await?);
    entitlement.status = entitlement.status.filter(|_| is_named);
    let mut person = endpoint.person_claims.about(client.client(), &entitlement).await?;
    mint::prepare(&endpoint.mint, client.client(), &person.terms).await?;
    // What comes of a bound refresh token is bound, too, whatever the client is registered for now.
    let is_bound =
        is_bound || entitlement.family.as_ref().is_some_and(|family| family.binding.x5t.is_some());
    let has_person = entitlement.family.is_some();
    let (jkt, x5t) = (proof.map(|proof| proof.key), certificate.filter(|_| is_bound));
    person.confirmation = Confirmation { jkt, x5t }.claim();
    let mut response = if grant_type == Password::TYPE {
        // The threads that hash passwords also sign these tokens, so many sign-ins at once do not
        // slow down other requests.
        let (minting, of) = (Arc::clone(endpoint), client.clone());
        let mint = move || mint::issue(&minting.mint, of.client(), &entitlement, person);
        server.password.hasher.run(mint).await??
    } else {
        mint::issue(&endpoint.mint, client.client(), &entitlement, person)?
    };
    counted(endpoint, client.client(), grant_type, has_person).await?;
    let cookie = match delivery {
        RefreshDelivery::Body => None,
        RefreshDelivery::Cookie => response.refresh_token.take().map(|token| RefreshCookie {
            client: client.client().id.clone(),
            token: token.into(),
            lifetime: endpoint.mint.lifetimes.of(&client.client().metadata).refresh_idle,
        }),
    };
    Ok(Issued { response, cookie })
}

/// Counts a successful request, and notes that the client is used.
async fn counted(
    endpoint: &TokenEndpoint,
    client: &Client,
    grant_type: GrantType,
    has_person: bool,
) -> Result<()> {
    ISSUED.of(grant_type.as_str()).increment(1);
    let clients = &endpoint.clients.clients;
    // What an app gets for itself alone says nothing about whether anybody uses it.
    if clients.notes_use(client, has_person) {
        clients.note_use(client, endpoint.clients.clock.now()).await?;
    }
    Ok(())
}

/// Whether a grant writes the use of the proof together with what it spends. The others do slow work
/// before they write, or write nothing.
fn uses_proof_itself(grant_type: GrantType) -> bool {
    [AuthorizationCode::TYPE, RefreshToken::TYPE, DeviceCode::TYPE].contains(&grant_type)
}

/// Adds the cookie to the form of a client whose refresh token is a cookie. A browser sends the
/// cookie with requests of any script, so it counts only for scripts of registered origins.
fn by_cookie(
    client: &Client,
    form: Form,
    script: Option<&str>,
    cookie: Option<&str>,
) -> Result<Form, Refusal> {
    check_origin(client, script)?;
    let refreshes = form.get("grant_type") == Some(RefreshToken::TYPE.as_str());
    Ok(match cookie {
        Some(cookie) if refreshes => form.with("refresh_token", cookie),
        _ => form,
    })
}
