//! Makes a grant for another authorization server out of what a client got when a person signed in: its
//! id token or its refresh token (ID-JAG §4.3).

use crate::domain::audit::{Event, EventKind};
use crate::domain::client::{Client, ClientId, ClientKind};
use crate::domain::dpop::Confirmation;
use crate::domain::family::{Family, FamilyId};
use crate::domain::id_jag::{IdJagAudience, TOKEN_TYPE};
use crate::domain::random;
use crate::domain::reason::Reason;
use crate::domain::resource::is_same;
use crate::domain::scope::Scope;
use crate::domain::secret::{Plain, RefreshToken, Secret};
use crate::domain::user::User;
use crate::domain::verdict::Fault;
use crate::keys::jwt::Typ;
use crate::oauth::claims::{AudienceClaim, IdJag, IdTokenHint};
use crate::oauth::error::{Refusal, Result};
use crate::oauth::token::grant::Cx;
use crate::oauth::token::mint::{Mint, TokenResponse};
use crate::store::{Tx, audit_events, clients, families, sessions, users};

/// How many seconds a grant is good: for one way to the other server.
const LIFE: i64 = 300;

/// The scope that shows the address of a person.
const EMAIL: &str = "email";

/// What the client presents.
#[derive(Debug)]
pub enum Subject {
    /// The id token of the person.
    IdToken(Secret),
    /// The refresh token of the person's sign-in. It is not used up.
    RefreshToken(Secret),
}

/// The request of a client, ID-JAG §4.3.
#[derive(Debug)]
pub struct Asked {
    /// `subject_token`.
    pub subject: Subject,
    /// `audience`.
    pub audiences: Vec<String>,
    /// `resource`.
    pub resources: Vec<String>,
    /// `scope`.
    pub scope: Option<Scope>,
}

/// Checks what was presented and the entry of the client, and returns the claims of the grant.
pub async fn claims(cx: &Cx<'_>, asked: Asked) -> Result<IdJag> {
    // §8.1
    if cx.client.client().kind != ClientKind::Confidential {
        return Err(Reason::IdJagPublicClient.into());
    }
    let [audience] = asked.audiences.as_slice() else {
        return Err(Reason::IdJagAudienceMissing.into());
    };
    let named = match &asked.subject {
        Subject::IdToken(token) => {
            let IdTokenHint { sid, sub, .. } = id_token(cx, token.expose()).await?;
            Named { family: FamilyId::from_stored(sid), sub: Some(sub) }
        }
        Subject::RefreshToken(token) => {
            Named { family: refresh_token(cx, token.expose()).await?, sub: None }
        }
    };
    let Asked { resources, scope, .. } = asked;
    let tx = cx.server.store.begin(cx.server.clock.now()).await?;
    let made = made(&tx, cx, &named, (audience, scope, &resources)).await;
    tx.settle(made).await
}

/// The sign-in that a subject token names.
struct Named {
    family: FamilyId,
    /// The `sub` of the id token.
    sub: Option<String>,
}

async fn made(
    tx: &Tx,
    cx: &Cx<'_>,
    named: &Named,
    (audience, asked, asked_resources): (&str, Option<Scope>, &[String]),
) -> Result<IdJag> {
    // The client as it is now: its entry may have been taken away a moment ago.
    let client = clients::find(tx, &cx.client.client().id).await?;
    let client = client.filter(Client::is_enabled).ok_or(Reason::ClientDisabled)?;
    let entry = client.metadata.id_jag_audiences.iter().find(|one| one.audience == audience);
    let entry =
        entry.ok_or_else(|| Refusal::new(Reason::IdJagAudienceUnregistered).naming(audience))?;
    let granted = (scope(entry, asked)?, resources(entry, asked_resources)?);
    let (family, user) = signed_in(tx, cx, &client, &named.family).await?;
    let subjects = &cx.server.subjects;
    if named.sub.as_ref().is_some_and(|sub| *sub != subjects.of(&client, &user.id)) {
        return Err(Reason::SubjectTokenInvalid.into());
    }
    // §3.1: the subject is the one that the other server knows from signing people in here.
    let sub = match &entry.sub_of {
        None => subjects.of(&client, &user.id).into_owned(),
        Some(id) => {
            let known = match ClientId::parse(id) {
                Some(id) => clients::find(tx, &id).await?,
                None => None,
            };
            let known = known.filter(Client::is_enabled).ok_or(Reason::IdJagSubjectOfNobody)?;
            subjects.of(&known, &user.id).into_owned()
        }
    };
    let jag = described(cx, entry, (&family, &user), sub, granted);
    let event = Event::new(EventKind::AssertionGrantIssued).user(&user.id).client(&client.id);
    let event = event.family(&family.id).from(cx.origin);
    let detail = format!("for {} at {}: {}", jag.client_id, jag.aud, jag.scope);
    audit_events::insert(tx, &[event.detail(detail)]).await?;
    Ok(jag)
}

/// The claims of an id token of this server that was issued to the client that presents it and is still
/// good.
async fn id_token(cx: &Cx<'_>, token: &str) -> Result<IdTokenHint> {
    let keyring = &cx.server.keyring;
    let mut read = keyring.snapshot()?.verify(Typ::IdToken, token);
    if read.is_err() && keyring.meet(token).await? {
        read = keyring.snapshot()?.verify(Typ::IdToken, token);
    }
    let claims: IdTokenHint = read.map_err(|_| Reason::SubjectTokenInvalid)?;
    if claims.iss != cx.server.url.as_str() || claims.client_id.is_some() {
        return Err(Reason::SubjectTokenInvalid.into());
    }
    // §4.3.3: the audience of the assertion is the client.
    if claims.aud != cx.client.client().id.as_str() {
        return Err(Reason::IdJagSubjectOfAnother.into());
    }
    if claims.exp <= cx.server.clock.now().timestamp() {
        return Err(Reason::SubjectTokenExpired.into());
    }
    Ok(claims)
}

/// The family of a refresh token that the token endpoint would accept from this client. It stays as it
/// is: whoever presents it gets no other one.
async fn refresh_token(cx: &Cx<'_>, token: &str) -> Result<FamilyId> {
    let client = cx.client.client();
    // Such a client proves with each use that it has the last access token as well.
    if client.metadata.require_access_token_proof {
        return Err(Reason::AccessTokenProofMissing.into());
    }
    let tokens = &cx.server.refresh_tokens;
    let found = tokens.find(&Plain::<RefreshToken>::presented(token)).await?;
    let found = found.filter(|(_, found)| found.family.client == client.id);
    let (token, found) = found.ok_or(Reason::SubjectTokenInvalid)?;
    if !tokens.is_active(&token, &found) {
        return Err(Reason::SubjectTokenInvalid.into());
    }
    // RFC 9449 §5, RFC 8705 §4
    let (bound, proven) = (&found.family.binding, cx.binding());
    let is_kept = |bound: bool, same: bool| !bound || same;
    if !is_kept(bound.jkt.is_some(), bound.jkt == proven.jkt)
        || !is_kept(bound.x5t.is_some(), bound.x5t.as_ref() == cx.certificate)
    {
        return Err(Reason::ExchangeKeyMismatch.into());
    }
    Ok(found.family.id.clone())
}

/// The sign-in and its person, if both still count.
async fn signed_in(
    tx: &Tx,
    cx: &Cx<'_>,
    client: &Client,
    named: &FamilyId,
) -> Result<(Family, User)> {
    let ended = || Reason::IdJagSignInEnded;
    let family = families::find(tx, named).await?;
    let is_good = |family: &Family| {
        family.client == client.id
            && family.is_live(tx.now())
            && cx.server.providers.admit_family(family)
    };
    let family = family.filter(is_good).ok_or_else(ended)?;
    let user = users::find(tx, &family.user).await?.filter(User::is_enabled);
    let user = user.ok_or_else(ended)?;
    // OpenID Connect Core §11: without `offline_access` it ends with its browser session.
    if let Some(session) = family.bound_to() {
        let session = sessions::lock(tx, session).await?;
        session.filter(|session| session.is_live(tx.now())).ok_or_else(ended)?;
    }
    Ok((family, user))
}

/// The resources of the grant: those that are asked for, or all of the entry.
fn resources(entry: &IdJagAudience, asked: &[String]) -> Result<Vec<String>, Refusal> {
    if asked.is_empty() {
        return Ok(entry.resources.clone());
    }
    let mut granted: Vec<String> = Vec::with_capacity(asked.len());
    for one in asked {
        let known = entry.resources.iter().find(|known| is_same(known, one));
        let known =
            known.ok_or_else(|| Refusal::new(Reason::IdJagResourceUnregistered).naming(one))?;
        if !granted.contains(known) {
            granted.push(known.clone());
        }
    }
    Ok(granted)
}

/// The scope of the grant: what is asked for, or all of the entry.
fn scope(entry: &IdJagAudience, asked: Option<Scope>) -> Result<Scope, Refusal> {
    let Some(asked) = asked.filter(|asked| !asked.is_empty()) else {
        return Ok(entry.scope.clone());
    };
    if let Some(culprit) = asked.beyond(&entry.scope).next() {
        return Err(Refusal::new(Reason::IdJagScopeTooWide).naming(culprit));
    }
    Ok(asked)
}

/// The claims, ID-JAG §3.1.
fn described(
    cx: &Cx<'_>,
    entry: &IdJagAudience,
    (family, user): (&Family, &User),
    sub: String,
    (scope, resources): (Scope, Vec<String>),
) -> IdJag {
    let iat = cx.server.clock.now().timestamp();
    let email = user.email.clone().filter(|_| family.scope.contains(EMAIL));
    IdJag {
        iss: cx.server.url.as_str().to_owned(),
        sub,
        aud: entry.audience.clone(),
        client_id: entry.client_id.clone(),
        jti: random::identifier(),
        iat,
        // Nothing outlives its family.
        exp: (iat + LIFE).min(family.expires_at.timestamp()),
        resource: (!resources.is_empty()).then(|| AudienceClaim::new(resources)),
        scope: scope.to_string(),
        auth_time: family.auth_time.timestamp(),
        acr: family.acr,
        amr: family.amr.clone(),
        email_verified: email.is_some().then_some(user.email_verified),
        email,
        // §8.6.1.1
        cnf: Confirmation { jkt: cx.key().cloned(), x5t: None }.claim(),
    }
}

/// Signs a grant. The answer says that it is no token for an API, ID-JAG §4.3.4.
pub async fn sign(mint: &Mint, client: &Client, jag: IdJag) -> Result<TokenResponse, Fault> {
    let alg = client.metadata.id_token_alg();
    mint.keyring.ensure([alg]).await?;
    let signed = mint.keyring.snapshot()?.signing(alg)?.sign(Typ::IdJag, &jag)?;
    tracing::info!(
        target: "mapae::token",
        client_id = %client.id,
        jti = jag.jti,
        audience = jag.aud,
        scope = jag.scope,
        "identity assertion grant issued"
    );
    Ok(TokenResponse {
        access_token: signed,
        token_type: "N_A",
        expires_in: jag.exp - jag.iat,
        refresh_token: None,
        scope: jag.scope,
        id_token: None,
        issued_token_type: Some(TOKEN_TYPE),
    })
}
