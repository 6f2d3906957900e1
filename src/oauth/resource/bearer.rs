//! Checks access tokens that this server issued: signature, type, issuer, time, and whether the
//! database says that they are still valid.

use std::sync::Arc;

use super::liveness::Liveness;
use super::verified::VerifiedTokens;
use crate::clients::registry::Registry;
use crate::domain::client::ClientId;
use crate::domain::clock::{Clock, SKEW};
use crate::domain::dpop::{Confirmation, Thumbprint};
use crate::domain::family::FamilyId;
use crate::domain::urls::Issuer;
use crate::domain::verdict::Fault;
use crate::keys::jwt;
use crate::keys::keyring::Keyring;
use crate::oauth::claims::AccessToken;
use crate::social::registry::Providers;
use crate::store::live::{LivenessQuestion, TokenStanding};

/// Verifies the access tokens that this server issued.
#[derive(Debug)]
pub struct AccessTokens {
    /// The issuer URL of this server.
    pub url: Issuer,
    /// The clock.
    pub clock: Clock,
    /// The signing keys.
    pub keyring: Arc<Keyring>,
    /// The registered clients.
    pub clients: Arc<Registry>,
    /// The providers of social login.
    pub providers: Arc<Providers>,
    /// Asks the database whether tokens are still valid.
    pub liveness: Liveness,
    /// Remembers the tokens whose signature was verified before.
    pub verified: VerifiedTokens,
}

impl AccessTokens {
    /// The claims of an access token that is valid now; `None` for any other text.
    pub async fn verify(&self, token: &str) -> Result<Option<AccessToken>, Fault> {
        let Some(mut claims) = self.read(token).await? else { return Ok(None) };
        let now = self.clock.now().timestamp();
        // RFC 7519 §4.1.5: a token that this issuer has signed is no less genuine because the clock of
        // the replica that signed it is ahead.
        if claims.exp <= now || now + SKEW.num_seconds() < claims.nbf {
            return Ok(None);
        }
        let Some(standing) = self.standing(&claims).await? else { return Ok(None) };
        claims.user = standing.user;
        Ok(Some(claims))
    }

    /// The same for an endpoint that asks for no proof of possession: a token that is bound to a key is
    /// refused there (RFC 9449 §7.2), and one that is bound to a certificate without it (RFC 8705 §3).
    pub async fn verify_bearer(
        &self,
        token: &str,
        certificate: Option<&Thumbprint>,
    ) -> Result<Option<AccessToken>, Fault> {
        let is_proven = |cnf: &Confirmation| {
            cnf.jkt.is_none() && (cnf.x5t.is_none() || cnf.x5t.as_ref() == certificate)
        };
        let claims = self.verify(token).await?;
        Ok(claims.filter(|claims| claims.cnf.as_ref().is_none_or(is_proven)))
    }

    /// The claims of an access token that this server issued, expired or not.
    pub async fn read(&self, token: &str) -> Result<Option<AccessToken>, Fault> {
        let mut claims = self.verified.read(&*self.keyring.snapshot()?, token);
        if claims.is_none() && self.keyring.meet(token).await? {
            claims = self.verified.read(&*self.keyring.snapshot()?, token);
        }
        Ok(claims.filter(|claims| claims.iss == self.url.as_str()))
    }

    /// What the database says of a token, if it counts.
    async fn standing(&self, claims: &AccessToken) -> Result<Option<TokenStanding>, Fault> {
        let Some(client) = ClientId::parse(&claims.client_id) else { return Ok(None) };
        let registered = self.clients.stored(&client).await?;
        let Some(registered) = registered.filter(|registered| registered.client.is_enabled())
        else {
            return Ok(None);
        };
        let from = registered.client.tokens_from.filter(|_| claims.sid.is_none());
        if from.is_some_and(|from| claims.iat < from.timestamp()) {
            return Ok(None);
        }
        let family = claims.sid.clone().map(FamilyId::from_stored);
        let question = LivenessQuestion { jti: claims.jti.clone(), family };
        let Some(standing) = self.liveness.ask(question).await?? else { return Ok(None) };
        // A person's token is valid only as long as the sign-in method that they used is still
        // allowed.
        let by = standing.provider_issuer.as_deref();
        // The sign-in was at another client than the one that acts. When its provider is turned off, the
        // family ends; when it is taken away from that client alone, the token lives to its end.
        let admits = |by| self.providers.admit(&client, &claims.amr, by);
        let counts = claims.sid.is_none() || claims.act.is_some() || admits(by);
        Ok(counts.then_some(standing))
    }
}

/// The client that a token names. The token is not verified.
#[must_use]
pub fn claimed_client(token: &str) -> Option<ClientId> {
    let claims: AccessToken = jwt::unverified(token).ok()?;
    ClientId::parse(&claims.client_id)
}
