//! Takes a grant of another issuer (ID-JAG §4.4): the person whom it names gets an access token at this
//! server for the client, without signing in. It names a person by the identity that they linked
//! themselves, and makes no account and no link.

use chrono::{DateTime, Duration, Utc};
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::domain::audit::{Event, EventKind};
use crate::domain::authentication::{Authentication, Method};
use crate::domain::client::{Client, ClientKind};
use crate::domain::clock::SKEW;
use crate::domain::dpop::Thumbprint;
use crate::domain::id_jag::{IdJagIssuer, TYP};
use crate::domain::identity::LinkedIdentity;
use crate::domain::person;
use crate::domain::reason::Reason;
use crate::domain::scope::{OFFLINE_ACCESS, OPENID, Scope};
use crate::domain::secret::Secret;
use crate::domain::user::User;
use crate::domain::verdict::{Error, Fault};
use crate::keys::provider_keys::Signed;
use crate::oauth::challenge::onward::is_factor_due;
use crate::oauth::claims::AudienceClaim;
use crate::oauth::error::{Refusal, Result};
use crate::oauth::token::families::{self, SignInGrant};
use crate::oauth::token::grant::{Cx, registered_resources};
use crate::oauth::token::mint::Entitlement;
use crate::social::UpstreamError;
use crate::social::outside_issuers::is_signed_by;
use crate::store::{Tx, audit_events, clients, identities, stopped_actors, used_assertions, users};

/// How many seconds the clock of an issuer may be ahead of this server's clock.
const AHEAD: i64 = 60;
/// How many seconds ahead `exp` may be.
const LONGEST: i64 = 3600;

/// Claims that say more than this server understands. With `tenant` the issuer and the subject alone name
/// nobody (§6.3); the others would be lost on the way to the access token.
const UNSUPPORTED: &[&str] = &["act", "aud_tenant", "authorization_details", "tenant"];

/// The claims of a grant, ID-JAG §3.1.
#[derive(Debug, Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: AudienceClaim,
    client_id: String,
    jti: String,
    exp: i64,
    iat: i64,
    nbf: Option<i64>,
    resource: Option<AudienceClaim>,
    scope: Option<String>,
    auth_time: Option<i64>,
    cnf: Option<Value>,
}

/// What a client asks for with a grant.
#[derive(Debug)]
pub struct Presented<'a> {
    /// `assertion`.
    pub assertion: &'a Secret,
    /// `scope`.
    pub scope: Option<Scope>,
    /// `resource`.
    pub resources: Vec<String>,
}

/// Whether an assertion says that it is such a grant: nothing else has this `typ`, and nothing without it
/// is one. It is not verified yet.
#[must_use]
pub fn is_id_jag(assertion: &str) -> bool {
    Signed::parse(assertion).is_some_and(|signed| signed.is(TYP))
}

/// Checks a grant, and returns the entitlement.
pub async fn redeem(cx: &Cx<'_>, presented: Presented<'_>) -> Result<Entitlement> {
    let client = cx.client.client();
    if !cx.server.id_jag.enabled {
        return Err(Reason::IdJagOff.into());
    }
    // §8.1
    if client.kind != ClientKind::Confidential {
        return Err(Reason::IdJagPublicClient.into());
    }
    let signed = Signed::parse(presented.assertion.expose()).ok_or(Reason::IdJagMalformed)?;
    let claims: Claims =
        serde_json::from_value(signed.claims().clone()).map_err(|_| Reason::IdJagMalformed)?;
    let trusted = client.metadata.id_jag_issuers.iter().find(|one| one.issuer == claims.iss);
    let Some(trusted) = trusted else {
        return Err(Refusal::new(Reason::IdJagIssuerUntrusted).with_value(&claims.iss).into());
    };
    let redeemed = Box::pin(of_trusted(cx, trusted, (&signed, claims), presented)).await;
    if let Err(Error::Refused(refusal)) = &redeemed {
        refused(cx, trusted, refusal.reason).await?;
    }
    redeemed
}

async fn of_trusted(
    cx: &Cx<'_>,
    trusted: &IdJagIssuer,
    (signed, claims): (&Signed<'_>, Claims),
    presented: Presented<'_>,
) -> Result<Entitlement> {
    check_claims(cx, signed, &claims)?;
    let key = bound_to(&claims)?;
    check_key(cx, key.as_ref())?;
    let scope = granted_scope(cx.client.client(), &claims, presented.scope)?;
    let resources = granted_resources(cx, &claims, presented.resources).await?;
    // The issuer is asked for its keys only after everything else was found to be right.
    check_signature(cx, trusted, signed).await?;
    let tx = cx.server.store.begin(cx.server.clock.now()).await?;
    let opened = open(&tx, cx, trusted, &claims, (scope, resources)).await;
    tx.settle(opened).await
}

fn check_claims(cx: &Cx<'_>, signed: &Signed<'_>, claims: &Claims) -> Result<(), Refusal> {
    let is_there = |name: &&&str| signed.claims().get(**name).is_some_and(|it| !it.is_null());
    if let Some(name) = UNSUPPORTED.iter().find(is_there) {
        return Err(Refusal::new(Reason::IdJagClaimUnsupported).naming(name));
    }
    // §4.4.1: this server alone.
    let mut audiences = claims.aud.iter();
    if audiences.next() != Some(cx.server.url.as_str()) || audiences.next().is_some() {
        let refused = Refusal::new(Reason::IdJagAudienceMismatch);
        return Err(refused.with_value(&claims.aud.to_string()));
    }
    // §4.4.1: the client that authenticated.
    if claims.client_id != cx.client.client().id.as_str() {
        return Err(Refusal::new(Reason::IdJagClientMismatch).with_value(&claims.client_id));
    }
    let is_text = |text: &str| !text.is_empty() && !text.chars().any(char::is_control);
    if !is_text(&claims.jti) || !is_text(&claims.sub) {
        return Err(Reason::IdJagMalformed.into());
    }
    let now = cx.server.clock.now().timestamp();
    let ahead = |instant: i64| instant > now.saturating_add(AHEAD);
    if claims.exp <= now {
        return Err(Reason::IdJagExpired.into());
    }
    if claims.exp > now.saturating_add(LONGEST) {
        return Err(Reason::IdJagLifetimeTooLong.into());
    }
    if ahead(claims.iat) || claims.nbf.is_some_and(ahead) {
        return Err(Reason::IdJagNotYetValid.into());
    }
    Ok(())
}

/// The key to which a grant is bound. One that is bound to anything else is refused: nobody could tell
/// that it was proven.
fn bound_to(claims: &Claims) -> Result<Option<Thumbprint>, Refusal> {
    let Some(cnf) = &claims.cnf else { return Ok(None) };
    let members = cnf.as_object().filter(|members| members.len() == 1);
    let key = members.and_then(|members| members.get("jkt")).and_then(Value::as_str);
    let key = key.and_then(Thumbprint::parse);
    key.map(Some).ok_or_else(|| Reason::IdJagBindingUnsupported.into())
}

/// §8.6.1.2: a grant that is bound to a key comes with a proof of that key.
fn check_key(cx: &Cx<'_>, bound_to: Option<&Thumbprint>) -> Result<(), Refusal> {
    match (bound_to, cx.key()) {
        (Some(_), None) => Err(Reason::IdJagKeyUnproven.into()),
        (Some(key), Some(proven)) if key != proven => Err(Reason::IdJagKeyMismatch.into()),
        _ => Ok(()),
    }
}

/// The scope: what the grant and the registration of the client have in common, and no more than is
/// asked for. A grant without a scope gives none.
fn granted_scope(client: &Client, claims: &Claims, asked: Option<Scope>) -> Result<Scope, Refusal> {
    let granted = Scope::parse(claims.scope.as_deref().unwrap_or_default());
    let granted = granted.map_err(|_| Reason::IdJagMalformed)?;
    // Nobody signs in by it, and it is not renewed.
    let most = granted.shared_with(&client.metadata.scope).without(&[OPENID, OFFLINE_ACCESS]);
    let nothing = most.is_empty() && !granted.is_empty();
    let asked = match asked {
        Some(asked) if !asked.is_empty() => asked,
        _ if nothing => return Err(Reason::IdJagScopeNotGranted.into()),
        _ => return Ok(most),
    };
    if let Some(culprit) = asked.beyond(&most).next() {
        return Err(Refusal::new(Reason::IdJagScopeNotGranted).naming(culprit));
    }
    Ok(asked)
}

/// The resources: those that are asked for, or those of the grant. All of them are registered for the
/// client, and none is this server: what a grant of others opens is not an account here.
async fn granted_resources(
    cx: &Cx<'_>,
    claims: &Claims,
    asked: Vec<String>,
) -> Result<Vec<String>> {
    let (client, clients) = (cx.client.client(), &cx.server.clients);
    let of_grant: Vec<String> =
        claims.resource.iter().flat_map(AudienceClaim::iter).map(str::to_owned).collect();
    let resources = if asked.is_empty() {
        registered_resources(clients, of_grant, client).await?
    } else {
        let asked = registered_resources(clients, asked, client).await?;
        let of_grant = clients.spelled(of_grant, client).await?;
        let is_beyond = |one: &&String| !of_grant.is_empty() && !of_grant.contains(one);
        if let Some(culprit) = asked.iter().find(is_beyond) {
            return Err(Refusal::new(Reason::IdJagResourceNotGranted).naming(culprit).into());
        }
        asked
    };
    let ours = cx.server.url.as_str();
    let resources = if resources.is_empty() {
        // A token is for an MCP server only if somebody names it.
        let instead = clients.instead_of_mcp(client, ours).await?;
        instead.or_else(|| client.metadata.audiences.first().cloned()).into_iter().collect()
    } else {
        resources
    };
    let is_ours = |one: &String| {
        one.strip_prefix(ours).is_some_and(|path| path.is_empty() || path.starts_with('/'))
    };
    if resources.is_empty() || resources.iter().any(is_ours) {
        return Err(Reason::IdJagResourceMissing.into());
    }
    Ok(resources)
}

async fn check_signature(cx: &Cx<'_>, trusted: &IdJagIssuer, signed: &Signed<'_>) -> Result<()> {
    if let Some(jwks) = &trusted.jwks {
        let is_good = is_signed_by(jwks, signed);
        return is_good.then_some(()).ok_or_else(|| Reason::IdJagSignatureInvalid.into());
    }
    cx.server.outside_issuers.verify(&trusted.issuer, signed).await.map_err(|error| {
        let client_id = &cx.client.client().id;
        tracing::warn!(%client_id, issuer = trusted.issuer, %error, "refused a grant");
        match error {
            UpstreamError::Unavailable(_) => {
                Refusal::new(Reason::IdJagIssuerUnavailable).retry_after(5).into()
            }
            UpstreamError::Misconfigured(_) => Reason::IdJagIssuerWrong.into(),
            _ => Reason::IdJagSignatureInvalid.into(),
        }
    })
}

/// Uses the grant up and opens a family without refresh tokens: the client comes back with another grant,
/// as long as the issuer gives it one (§4.4.3).
async fn open(
    tx: &Tx,
    cx: &Cx<'_>,
    trusted: &IdJagIssuer,
    claims: &Claims,
    (scope, resources): (Scope, Vec<String>),
) -> Result<Entitlement> {
    let client = cx.client.client();
    let (linked, user) = person(tx, cx, claims).await?;
    // The operator may have changed their mind while the issuer was asked for its keys.
    let now = clients::hold(tx, &client.id).await?.filter(Client::is_enabled);
    let now = now.ok_or(Reason::ClientDisabled)?;
    if !now.metadata.id_jag_issuers.contains(trusted) {
        return Err(Refusal::new(Reason::IdJagIssuerUntrusted).with_value(&claims.iss).into());
    }
    // The account is locked, so who removes the app meanwhile waits, and ends what this opens.
    if stopped_actors::has(tx, &user.id, &client.id).await? {
        return Err(Reason::ActorStopped.into());
    }
    let vouched = Method::Provider { slug: linked.provider.clone(), issuer: linked.issuer.clone() };
    let authentication = Authentication::by(vouched, tx.now());
    // Nobody is there who could prove a second factor.
    if is_factor_due(&cx.server.factors, &user, client, authentication.acr()) {
        return Err(Reason::FactorDue.into());
    }
    if !is_first_use(tx, claims).await? {
        return Err(Reason::IdJagReused.into());
    }
    let event = Event::new(EventKind::AssertionGrantRedeemed).user(&user.id).client(&client.id);
    audit_events::insert(tx, &[event.from(cx.origin).detail(linked.issuer.as_str())]).await?;
    let granted = SignInGrant {
        family: families::new_id(),
        user: &user.id,
        auth_time: auth_time(claims, tx.now()),
        acr: authentication.acr(),
        amr: authentication.amr(),
        provider_issuer: Some(linked.issuer.clone()),
        scope,
        resources,
        session: None,
        claims: Vec::new(),
        binding: cx.binding(),
        by_id_jag: true,
    };
    Ok(families::start(tx, &cx.server.families, client, granted, cx.origin).await?)
}

/// The account to which the person linked their identity at the issuer. An address in the grant, and
/// what it says of the account here (`aud_sub`), count for nothing.
async fn person(tx: &Tx, cx: &Cx<'_>, claims: &Claims) -> Result<(LinkedIdentity, User)> {
    let unknown = || Refusal::new(Reason::IdJagPersonUnknown).with_value(&claims.sub);
    let linked = identities::find(tx, &claims.iss, &claims.sub).await?.ok_or_else(unknown)?;
    let user = users::lock(tx, &linked.user).await?.ok_or_else(unknown)?;
    // It may have been disconnected while this transaction waited for the account.
    let again = identities::find(tx, &claims.iss, &claims.sub).await?;
    if again.is_none_or(|again| again.user != user.id) {
        return Err(unknown().into());
    }
    // S129: a disabled person gets the same refusal as a person who is not admitted. The provider by
    // which they linked it still lets them in at this client.
    let provider = cx.server.providers.find(&linked.provider, Some(&cx.client.client().id));
    // Whether the provider verified the address is known no more, but that of the account is.
    let key = |email: &Option<String>| email.as_deref().and_then(person::email_key);
    let is_verified = user.email_verified && key(&user.email) == key(&linked.email);
    let lets_in = provider.is_some_and(|provider| {
        provider.provider.issues(&linked.issuer)
            && provider.registration.lets_in(linked.email.as_deref(), is_verified)
    });
    if !lets_in || !user.is_enabled() {
        return Err(Reason::PersonNotAdmitted.into());
    }
    Ok((linked, user))
}

/// RFC 7523 §3 (7): a grant is good once, at every replica, as long as it does not expire.
async fn is_first_use(tx: &Tx, claims: &Claims) -> Result<bool, Fault> {
    let mut hash = Sha256::new();
    for part in ["id-jag", &claims.iss, &claims.jti] {
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    let once: [u8; 32] = hash.finalize().into();
    let until = DateTime::from_timestamp(claims.exp, 0).unwrap_or(tx.now());
    used_assertions::remember(tx, once, until + SKEW).await
}

/// When the person proved who they are at the issuer, as it says.
fn auth_time(claims: &Claims, now: DateTime<Utc>) -> DateTime<Utc> {
    let said = DateTime::from_timestamp(claims.auth_time.unwrap_or(claims.iat), 0);
    said.filter(|said| *said > now - Duration::days(36_500)).unwrap_or(now).min(now)
}

/// Writes that a grant of a trusted issuer was refused: at most once a minute for each client, issuer and
/// reason.
async fn refused(cx: &Cx<'_>, trusted: &IdJagIssuer, reason: Reason) -> Result<(), Fault> {
    let now = cx.server.clock.now();
    let client = &cx.client.client().id;
    let detail = format!("{}: {reason}", trusted.issuer);
    let mut hash = Sha256::new();
    hash.update(format!("id-jag\n{client}\n{detail}\n{}", now.timestamp() / 60));
    let mut once = [0; 16];
    once.iter_mut().zip(hash.finalize()).for_each(|(to, from)| *to = from);
    let event =
        Event::new(EventKind::AssertionGrantRefused).client(client).from(cx.origin).detail(detail);
    let tx = cx.server.store.begin(now).await?;
    audit_events::insert_once(&tx, &event, Uuid::new_v8(once)).await?;
    tx.commit().await
}
