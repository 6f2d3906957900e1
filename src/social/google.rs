//! Google: checks whose access token it is, and which domain a person belongs to.

use serde_json::Value;

use super::error::UpstreamError;
use super::profiles::EmailTrust;
use super::upstream::Upstream;
use super::{channel, claims};
use crate::domain::failure_reason::FailureReason;
use crate::domain::identity::Identity;

/// Whether a person belongs to a domain that the operator allows. An address at the domain is no
/// proof: a person who once read its mail may have a Google account of their own with that address.
/// Google's claim `hd` names the domain that an account belongs to. For gmail.com Google itself
/// runs the mail, so there the address is a proof.
pub(super) fn is_of_allowed_domain(upstream: &Upstream, claims: &Value) -> bool {
    let domains = &upstream.registration.metadata.allowed_domains;
    let is_allowed = |name: &str| domains.iter().any(|domain| domain.as_str() == name);
    match claims.get("hd") {
        _ if domains.is_empty() => true,
        Some(hosted) => hosted.as_str().is_some_and(|name| is_allowed(&name.to_lowercase())),
        None => {
            let email = claims::email(claims, "email").unwrap_or_default().to_lowercase();
            email.ends_with("@gmail.com") && is_allowed("gmail.com")
        }
    }
}

/// Finds the person of an access token, if it was issued for one of these client ids.
pub(super) async fn check_access_token(
    upstream: &Upstream,
    token: &str,
    accepted: &[&str],
) -> Result<Identity, UpstreamError> {
    if !upstream.registration.metadata.allowed_domains.is_empty() {
        let detail = "an access token does not say of which domain a person is";
        return Err(UpstreamError::refused(FailureReason::DomainNotAllowed, detail));
    }
    let url = format!("{}/tokeninfo", upstream.api());
    let url = channel::with_query(&url, &[("access_token", token)]);
    let (status, info) = upstream.channel.get(&url, None).await?;
    if status != 200 {
        return Err(UpstreamError::refused(
            FailureReason::TokenRefused,
            format!("status {status}"),
        ));
    }
    let is_ours = |member: &str| {
        info.get(member).and_then(Value::as_str).is_some_and(|id| accepted.contains(&id))
    };
    if !is_ours("aud") || info.get("azp").is_some() && !is_ours("azp") {
        return Err(UpstreamError::another_app());
    }
    let nobody =
        || UpstreamError::refused(FailureReason::MalformedAnswer, "the token names no person");
    let subject = claims::name(&info, "sub").ok_or_else(nobody)?;
    let mut identity = Identity::new(upstream.issuer(), subject);
    // In this answer every value is a text.
    claims::fill(&mut identity, &info, EmailTrust::ClaimOrText);
    Ok(identity)
}
