//! Client assertions of issuers that the operator trusts (RFC 7523 §2.2), so that a workload needs no
//! secret: what a Kubernetes service account or a GitHub Actions workflow gets from its platform.

use std::sync::Arc;

use serde::Deserialize;

use super::claims::AudienceClaim;
use super::error::{Refusal, Result};
use crate::domain::client::{Client, ClientId};
use crate::domain::reason::Reason;
use crate::domain::trusted_issuer::TrustedIssuer;
use crate::domain::urls::Issuer;
use crate::keys::jwt;
use crate::keys::provider_keys::Signed;
use crate::social::UpstreamError;
use crate::social::outside_issuers::{OutsideIssuers, is_signed_by};

/// How many seconds the clock of an issuer may be ahead of this server's clock.
const SKEW: f64 = 60.0;
/// How many seconds ahead `exp` may be: a platform chooses the life of its tokens itself.
const LONGEST: f64 = 24.0 * 3600.0;

/// The claims of such an assertion. It has no `jti` that counts: a platform hands out one token for
/// many requests.
#[derive(Deserialize)]
struct OutsideAssertion {
    iss: String,
    sub: String,
    aud: AudienceClaim,
    exp: f64,
    nbf: Option<f64>,
    iat: Option<f64>,
}

/// Whether an assertion says that another issuer than the client made it, for a client that trusts
/// one. It is not verified yet.
#[must_use]
pub fn is_outside(client: &Client, assertion: &str) -> bool {
    #[derive(Deserialize)]
    struct Issued {
        iss: String,
    }
    !client.metadata.trusted_issuers.is_empty()
        && jwt::unverified::<Issued>(assertion).is_ok_and(|it| it.iss != client.id.as_str())
}

/// Checks an assertion of a trusted issuer. The issuer is asked for its keys only after everything else
/// was found to be right.
pub async fn check(
    issuers: &Arc<OutsideIssuers>,
    url: &Issuer,
    client: &Client,
    assertion: &str,
    now: i64,
) -> Result<()> {
    let claims: OutsideAssertion =
        jwt::unverified(assertion).map_err(|_| Reason::OutsideAssertionMalformed)?;
    let signed = Signed::parse(assertion).ok_or(Reason::OutsideAssertionMalformed)?;
    let trusted = trusted(client, &claims)?;
    check_claims(url, &claims, now)?;
    if let Some(jwks) = &trusted.jwks {
        let is_good = is_signed_by(jwks, &signed);
        return is_good.then_some(()).ok_or_else(|| Reason::OutsideSignatureInvalid.into());
    }
    issuers.verify(&trusted.issuer, &signed).await.map_err(|error| {
        let id: &ClientId = &client.id;
        tracing::warn!(client_id = %id, issuer = trusted.issuer, %error, "refused an assertion");
        match error {
            UpstreamError::Unavailable(_) => {
                Refusal::new(Reason::OutsideIssuerUnavailable).retry_after(5).into()
            }
            UpstreamError::Misconfigured(_) => Reason::OutsideIssuerWrong.into(),
            _ => Reason::OutsideSignatureInvalid.into(),
        }
    })
}

/// RFC 7523 §3 (1) and (2): issuer and subject, both byte for byte.
fn trusted<'a>(
    client: &'a Client,
    claims: &OutsideAssertion,
) -> Result<&'a TrustedIssuer, Refusal> {
    let mut of_issuer =
        client.metadata.trusted_issuers.iter().filter(|one| one.issuer == claims.iss).peekable();
    if of_issuer.peek().is_none() {
        return Err(Refusal::new(Reason::OutsideIssuerUntrusted).with_value(&claims.iss));
    }
    let mut of_subject = of_issuer.filter(|one| one.subject == claims.sub);
    let refused = || Refusal::new(Reason::OutsideSubjectUntrusted).with_value(&claims.sub);
    of_subject.next().ok_or_else(refused)
}

#[expect(clippy::cast_precision_loss, reason = "seconds of this era fit")]
fn check_claims(url: &Issuer, claims: &OutsideAssertion, now: i64) -> Result<(), Refusal> {
    // RFC 7523 §3 (3): this server alone. Another one in the audience could send the assertion here.
    let mut audiences = claims.aud.iter();
    if audiences.next() != Some(url.as_str()) || audiences.next().is_some() {
        let refused = Refusal::new(Reason::OutsideAudienceMismatch);
        return Err(refused.with_value(&claims.aud.to_string()));
    }
    let now = now as f64;
    let ahead = |instant: f64| instant > now + SKEW;
    if claims.exp.is_nan() || claims.exp <= now {
        return Err(Reason::OutsideAssertionExpired.into());
    }
    if claims.exp > now + LONGEST {
        return Err(Reason::OutsideLifetimeTooLong.into());
    }
    if claims.nbf.is_some_and(ahead) || claims.iat.is_some_and(ahead) {
        return Err(Reason::OutsideAssertionNotYetValid.into());
    }
    Ok(())
}
