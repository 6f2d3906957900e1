//! Issues authorization codes, RFC 6749 §4.1.2.

use chrono::Duration;

use crate::domain::authentication::Acr;
use crate::domain::authorization::{AuthorizationRequest, Granted, IssuedCode};
use crate::domain::secret::{AuthorizationCode, Plain};
use crate::domain::session::Session;
use crate::domain::verdict::Fault;
use crate::store::{Tx, authorization_codes};

/// How long a code is valid. FAPI 2.0 §5.3.2.1 allows no more.
pub const LIFE: Duration = Duration::seconds(60);

/// Issues a code for what the person of this session granted to the client.
pub async fn issue(
    tx: &Tx,
    request: &AuthorizationRequest,
    wanted: &[Acr],
    session: &Session,
) -> Result<Plain<AuthorizationCode>, Fault> {
    let authentication = &session.authentication;
    let acr = authentication.acr_among(wanted);
    let code = Plain::generate();
    let issued = IssuedCode {
        hash: code.hashed(),
        client: request.client.clone(),
        redirect_uri: request.redirect_uri.clone(),
        challenge: request.challenge.clone(),
        granted: Granted {
            user: session.user.clone(),
            session: Some(session.id.clone()),
            scope: request.scope.clone(),
            resources: request.resources.clone(),
            nonce: request.nonce.clone(),
            claims: request.claims.clone(),
            auth_time: authentication.auth_time(acr),
            acr,
            amr: authentication.amr(),
            provider_issuer: authentication.provider_issuer().map(str::to_owned),
            version: None,
            dpop_jkt: request.dpop_jkt.clone(),
        },
        expires_at: tx.now() + LIFE,
        spent_at: None,
        family: None,
    };
    authorization_codes::insert(tx, &issued).await?;
    Ok(code)
}
