//! The mint: the one place that issues tokens. It never refuses, because everything was checked
//! before.

use std::sync::Arc;

use metrics::Counter;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::domain::client::{AccessTokenTyp, Client, TokenAlg};
use crate::domain::clock::Clock;
use crate::domain::dpop::{Confirmation, token_type};
use crate::domain::family::Family;
use crate::domain::provider::came_by;
use crate::domain::random;
use crate::domain::resource::TokenTerms;
use crate::domain::scope::{OPENID, Scope};
use crate::domain::secret::{Plain, RefreshToken};
use crate::domain::status_list::StatusIndex;
use crate::domain::urls::Issuer;
use crate::domain::user::UserId;
use crate::domain::verdict::Fault;
use crate::keys::jwt::Typ;
use crate::keys::keyring::Keyring;
use crate::keys::make::at_hash;
use crate::keys::subjects::Subjects;
use crate::oauth::claims::{
    AccessToken, Act, AudienceClaim, IdJag, IdToken, StatusClaim, TellingAccessToken,
};
use crate::oauth::lifetimes::Lifetimes;

/// What a grant decided: the tokens that a client gets.
#[derive(Debug)]
pub struct Entitlement {
    /// The family that the tokens belong to; none if a client gets a token for itself.
    pub family: Option<Arc<Family>>,
    /// The scope of the access token.
    pub scope: Scope,
    /// The resources that were named, RFC 8707.
    pub resources: Vec<String>,
    /// The refresh token to hand out.
    pub refresh_token: Option<Plain<RefreshToken>>,
    /// The nonce of the authentication request, OpenID Connect Core §3.1.2.1.
    pub nonce: Option<String>,
    /// Single claims of the person that were asked for in the id token, Core §5.5.
    pub claims: Map<String, Value>,
    /// The place that the access token names in a status list.
    pub status: Option<StatusIndex>,
    /// The type of the issued token in a token exchange, RFC 8693 §2.2.1.
    pub issued_token_type: Option<&'static str>,
    /// Who acts with the token, RFC 8693.
    pub delegation: Option<Delegation>,
    /// The grant for another authorization server that is issued in place of all tokens.
    pub id_jag: Option<Box<IdJag>>,
}

/// A token with which a client acts for a person, RFC 8693.
#[derive(Clone, Debug)]
pub struct Delegation {
    /// `act`, §4.1.
    pub act: Act,
    /// The end of the token that was exchanged, in seconds: the new one lives no longer.
    pub not_after: i64,
}

/// What is read about the tokens before they are made: more claims about the person, as the client is
/// registered for them, and what the resources of the access token say about it.
#[derive(Debug, Default)]
pub struct AboutTokens {
    /// The claims for the id token.
    pub id_token: Map<String, Value>,
    /// The claims for the access token.
    pub access_token: Map<String, Value>,
    /// What its resources say about the access token.
    pub terms: TokenTerms,
    /// The key to which the access token is bound.
    pub confirmation: Option<Confirmation>,
}

/// The successful answer, RFC 6749 §5.1 and OpenID Connect Core §3.1.3.3.
#[derive(Serialize)]
#[expect(missing_docs, reason = "every field is the parameter of that name")]
pub struct TokenResponse {
    pub access_token: String,
    pub token_type: &'static str,
    pub expires_in: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<String>,
    pub scope: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_token: Option<String>,
    /// The type of the issued token, RFC 8693 §2.2.1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issued_token_type: Option<&'static str>,
}

impl std::fmt::Debug for TokenResponse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenResponse").field("scope", &self.scope).finish_non_exhaustive()
    }
}

/// The parts that are used to issue tokens.
#[derive(Clone, Debug)]
pub struct Mint {
    /// The issuer URL of this server.
    pub url: Issuer,
    /// The clock.
    pub clock: Clock,
    /// The signing keys.
    pub keyring: Arc<Keyring>,
    /// How long tokens live.
    pub lifetimes: Lifetimes,
    /// Says by which `sub` clients know people.
    pub subjects: Subjects,
}

/// The tokens of an entitlement.
pub struct Minted {
    /// The claims of the access token without those about the person.
    claims: AccessToken,
    /// The access token.
    pub access_token: String,
    /// The id token.
    pub id_token: Option<String>,
}

impl std::fmt::Debug for Minted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Minted").field("scope", &self.claims.scope).finish_non_exhaustive()
    }
}

/// A token with more bytes is called large: some servers and proxies refuse such a header.
pub const LARGE: usize = 4096;

/// The two kinds of tokens that may be large.
pub const KINDS: [&str; 2] = ["access_token", "id_token"];

/// Counts the large tokens of a kind.
pub fn large(kind: &'static str) -> Counter {
    metrics::counter!("mapae_large_tokens_total", "token" => kind)
}

/// Issues the tokens of an entitlement. Signing only uses the processor, and no transaction is
/// open.
pub fn issue(
    mint: &Mint,
    client: &Client,
    entitlement: &Entitlement,
    about: AboutTokens,
) -> Result<TokenResponse, Fault> {
    let Minted { claims, access_token, id_token } = make(mint, client, entitlement, about)?;
    let lengths = [access_token.len(), id_token.as_ref().map_or(0, String::len)];
    for (kind, bytes) in KINDS.into_iter().zip(lengths).filter(|(_, bytes)| *bytes > LARGE) {
        large(kind).increment(1);
        let (client_id, sub) = (&client.id, person(&claims));
        tracing::warn!(
            target: "mapae::token",
            event = "token.large",
            %client_id,
            sub,
            token = kind,
            bytes,
            "token.large: some servers and proxies refuse a token of this size"
        );
    }
    // A single access token is only counted and logged; the start of a family is an audit event.
    tracing::info!(
        target: "mapae::token",
        client_id = %client.id,
        jti = claims.jti,
        sub = person(&claims),
        sid = claims.sid.as_deref(),
        scope = claims.scope,
        "token issued"
    );
    Ok(TokenResponse {
        access_token,
        token_type: token_type(claims.cnf.as_ref()),
        expires_in: claims.exp - claims.iat,
        refresh_token: entitlement.refresh_token.as_ref().map(|token| token.expose().to_owned()),
        scope: claims.scope,
        id_token,
        issued_token_type: entitlement.issued_token_type,
    })
}

/// Who the log says that the token is for: the operator knows people by one name.
fn person(claims: &AccessToken) -> &str {
    claims.user.as_ref().map_or(&claims.sub, UserId::as_str)
}

/// The algorithm that signs an access token: that of its resources or of the client. A client of a
/// security profile gets nothing that is signed by RS256, whatever an API is registered for (FAPI 2.0
/// §5.4.1).
fn access_alg(client: &Client, terms: &TokenTerms) -> TokenAlg {
    let is_held = client.metadata.profile.is_some();
    let of_resource = terms.token_alg.filter(|alg| !(is_held && *alg == TokenAlg::Rs256));
    of_resource.unwrap_or(client.metadata.token_alg)
}

/// Sees to it that there are keys for the tokens of this client: the first key of an algorithm may
/// not be made yet when its first token is asked for.
pub async fn prepare(mint: &Mint, client: &Client, terms: &TokenTerms) -> Result<(), Fault> {
    let own = [client.metadata.token_alg, client.metadata.id_token_alg()];
    mint.keyring.ensure(own.into_iter().chain([access_alg(client, terms)])).await
}

/// Makes the tokens of an entitlement.
pub fn make(
    mint: &Mint,
    client: &Client,
    entitlement: &Entitlement,
    mut about: AboutTokens,
) -> Result<Minted, Fault> {
    let keys = mint.keyring.snapshot()?;
    let access_key = keys.signing(access_alg(client, &about.terms))?;
    let mut claims = access_token(mint, client, entitlement, &about.terms);
    claims.cnf = about.confirmation.take();
    let typ = match client.metadata.access_token_typ {
        AccessTokenTyp::AtJwt => Typ::AccessToken,
        AccessTokenTyp::Jwt => Typ::PlainAccessToken,
    };
    let access_token = if about.access_token.is_empty() {
        access_key.sign(typ, &claims)?
    } else {
        let telling = TellingAccessToken { token: &claims, person: &about.access_token };
        access_key.sign(typ, &telling)?
    };
    let id_token = match &entitlement.family {
        Some(family) if entitlement.scope.contains(OPENID) => {
            about.id_token.extend(entitlement.claims.clone());
            let id_token_alg = client.metadata.id_token_alg();
            let claims = IdToken {
                iss: &claims.iss,
                sub: &claims.sub,
                aud: client.id.as_str(),
                exp: claims.iat + mint.lifetimes.of(&client.metadata).id_token.num_seconds(),
                iat: claims.iat,
                auth_time: family.auth_time.timestamp(),
                nonce: entitlement.nonce.as_deref(),
                acr: family.acr,
                amr: &family.amr,
                idp: came_by(&family.amr),
                sid: family.id.as_str(),
                at_hash: at_hash(id_token_alg, &access_token),
                asked_for: &about.id_token,
            };
            Some(keys.signing(id_token_alg)?.sign(Typ::IdToken, &claims)?)
        }
        _ => None,
    };
    Ok(Minted { claims, access_token, id_token })
}

fn access_token(
    mint: &Mint,
    client: &Client,
    entitlement: &Entitlement,
    terms: &TokenTerms,
) -> AccessToken {
    let family = entitlement.family.as_deref();
    // What a client got for itself before it was disabled does not come back, not even in the same
    // second.
    let from = client.tokens_from.filter(|_| family.is_none());
    let now = mint.clock.now();
    let now = from.map_or(now, |from| now.max(from));
    let iat = now.timestamp();
    let of_client = mint.lifetimes.of(&client.metadata).access_token;
    let life = terms.access_token.map_or(of_client, |own| own.min(of_client));
    let life = (now + life).timestamp();
    let delegation = entitlement.delegation.as_ref();
    let life = delegation.map_or(life, |delegation| life.min(delegation.not_after));
    AccessToken {
        iss: mint.url.as_str().to_owned(),
        // RFC 9068 §2.2: without a resource owner the subject is the client itself. Registration
        // makes sure that no client has the id of a person.
        sub: family.map_or_else(
            || client.id.as_str().to_owned(),
            |family| mint.subjects.of(client, &family.user).into_owned(),
        ),
        aud: AudienceClaim::new(audiences(&mint.url, client, entitlement)),
        // No access token outlives its family.
        exp: family.map_or(life, |family| life.min(family.expires_at.timestamp())),
        nbf: iat,
        iat,
        jti: random::identifier(),
        client_id: client.id.as_str().to_owned(),
        // RFC 8707 §2.2: a token for a resource has the scopes that mean something there.
        scope: terms.narrowed(&entitlement.scope).to_string(),
        sid: family.map(|family| family.id.as_str().to_owned()),
        auth_time: family.map(|family| family.auth_time.timestamp()),
        acr: family.map(|family| family.acr),
        amr: family.map(|family| family.amr.clone()).unwrap_or_default(),
        status: entitlement.status.map(|place| StatusClaim::new(&mint.url, place)),
        cnf: None,
        user: family.map(|family| family.user.clone()),
        act: delegation.map(|delegation| delegation.act.clone()),
    }
}

/// RFC 8707 §2: the resources that were named; else the client's first audience; else this server.
/// With `openid` this server is always an audience, so that userinfo accepts the token.
#[must_use]
pub fn audiences(url: &Issuer, client: &Client, entitlement: &Entitlement) -> Vec<String> {
    let mut audiences = entitlement.resources.clone();
    if audiences.is_empty() {
        audiences.extend(client.metadata.audiences.first().cloned());
    }
    let ours = url.as_str();
    let needs_us = audiences.is_empty() || entitlement.scope.contains(OPENID);
    if needs_us && !audiences.iter().any(|audience| audience == ours) {
        audiences.push(ours.to_owned());
    }
    audiences
}
