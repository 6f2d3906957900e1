//! Our own access tokens, presented to us: signature, type, issuer, time, and whether they still
//! stand in the database.

use crate::domain::client::ClientId;
use crate::domain::family::FamilyId;
use crate::domain::verdict::Fault;
use crate::keys::foreign;
use crate::oauth::Issuer;
use crate::oauth::claims::AccessToken;
use crate::store::live::Question;

/// Seconds by which the clocks of replicas may differ.
const LEEWAY: i64 = 60;

/// The claims of an access token that is good at this moment; `None` for any other text.
pub async fn verify(issuer: &Issuer, token: &str) -> Result<Option<AccessToken>, Fault> {
    let Some(claims) = read(issuer, token)? else { return Ok(None) };
    let now = issuer.clock.now().timestamp();
    // RFC 7519 §4.1.5: the clock of the replica that issued it may be a little ahead.
    if claims.exp <= now || now + LEEWAY < claims.nbf {
        return Ok(None);
    }
    Ok(stands(issuer, &claims).await?.then_some(claims))
}

/// The claims of an access token that we issued, expired or not.
pub fn read(issuer: &Issuer, token: &str) -> Result<Option<AccessToken>, Fault> {
    let keys = issuer.keyring.snapshot()?;
    let claims = issuer.verified.read(&keys, token);
    Ok(claims.filter(|claims| claims.iss == issuer.url.as_str()))
}

async fn stands(issuer: &Issuer, claims: &AccessToken) -> Result<bool, Fault> {
    let Some(client) = ClientId::parse(&claims.client_id) else { return Ok(false) };
    let registered = issuer.clients.find(&client).await?;
    if !registered.is_some_and(|registered| registered.client.is_enabled()) {
        return Ok(false);
    }
    let question = Question { jti: claims.jti.clone(), family: claims.sid.clone().map(FamilyId) };
    let Some(standing) = issuer.liveness.ask(question).await?? else { return Ok(false) };
    // A person's token stands as long as the way stands by which they came.
    let by = standing.provider_issuer.as_deref();
    Ok(claims.sid.is_none() || issuer.providers.admit(&client, &claims.amr, by))
}

/// The client that a token names, proven or not.
#[must_use]
pub fn claimed_client(token: &str) -> Option<ClientId> {
    let claims: AccessToken = foreign::unverified(token).ok()?;
    ClientId::parse(&claims.client_id)
}
