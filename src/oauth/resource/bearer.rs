//! Our own access tokens, presented to us: signature, type, issuer, time, and whether they still
//! stand in the database.

use std::sync::Arc;

use super::liveness::Liveness;
use super::verified::VerifiedTokens;
use crate::clients::registry::Registry;
use crate::domain::client::ClientId;
use crate::domain::clock::Clock;
use crate::domain::family::FamilyId;
use crate::domain::urls::Issuer;
use crate::domain::verdict::Fault;
use crate::keys::jwt;
use crate::keys::keyring::Keyring;
use crate::oauth::claims::AccessToken;
use crate::social::registry::Providers;
use crate::store::live::LivenessQuestion;

/// Seconds by which the clocks of replicas may differ.
const LEEWAY: i64 = 60;

/// The access tokens that we issued.
#[derive(Debug)]
pub struct AccessTokens {
    /// Who we are.
    pub url: Issuer,
    /// The clock.
    pub clock: Clock,
    /// The signing keys.
    pub keyring: Arc<Keyring>,
    /// The registered clients.
    pub clients: Arc<Registry>,
    /// The providers of social login.
    pub providers: Arc<Providers>,
    /// Asks whether tokens still stand.
    pub liveness: Liveness,
    /// Those whose signature was verified before.
    pub verified: VerifiedTokens,
}

impl AccessTokens {
    /// The claims of an access token that is good at this moment; `None` for any other text.
    pub async fn verify(&self, token: &str) -> Result<Option<AccessToken>, Fault> {
        let Some(claims) = self.read(token)? else { return Ok(None) };
        let now = self.clock.now().timestamp();
        // RFC 7519 §4.1.5: the clock of the replica that issued it may be a little ahead.
        if claims.exp <= now || now + LEEWAY < claims.nbf {
            return Ok(None);
        }
        Ok(self.stands(&claims).await?.then_some(claims))
    }

    /// The claims of an access token that we issued, expired or not.
    pub fn read(&self, token: &str) -> Result<Option<AccessToken>, Fault> {
        let keys = self.keyring.snapshot()?;
        let claims = self.verified.read(&keys, token);
        Ok(claims.filter(|claims| claims.iss == self.url.as_str()))
    }

    async fn stands(&self, claims: &AccessToken) -> Result<bool, Fault> {
        let Some(client) = ClientId::parse(&claims.client_id) else { return Ok(false) };
        let registered = self.clients.find(&client).await?;
        if !registered.is_some_and(|registered| registered.client.is_enabled()) {
            return Ok(false);
        }
        let family = claims.sid.clone().map(FamilyId::from_stored);
        let question = LivenessQuestion { jti: claims.jti.clone(), family };
        let Some(standing) = self.liveness.ask(question).await?? else { return Ok(false) };
        // A person's token stands as long as the way stands by which they came.
        let by = standing.provider_issuer.as_deref();
        Ok(claims.sid.is_none() || self.providers.admit(&client, &claims.amr, by))
    }
}

/// The client that a token names, proven or not.
#[must_use]
pub fn claimed_client(token: &str) -> Option<ClientId> {
    let claims: AccessToken = jwt::unverified(token).ok()?;
    ClientId::parse(&claims.client_id)
}
