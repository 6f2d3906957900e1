//! Google: says for whom an access token was issued.

use serde_json::Value;

use super::error::UpstreamError;
use super::profiles::EmailTrust;
use super::upstream::Upstream;
use super::{channel, claims};
use crate::domain::failure_reason::FailureReason;
use crate::domain::identity::Identity;

/// Whether a person belongs to a domain that the operator names. An address at a domain is no proof:
/// whoever once read its mail may have an account of their own with it. Google says by `hd` whose
/// accounts are the domain's, and is the mail of its own domain itself.
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

/// Whose access token it is, if it was issued for one of these.
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
    // Here every value is a text.
    claims::fill(&mut identity, &info, EmailTrust::ClaimOrText);
    Ok(identity)
}
