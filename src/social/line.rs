//! LINE: checks for which app an access token was issued.

use super::error::UpstreamError;
use super::upstream::Upstream;
use super::{channel, claims};
use crate::domain::failure_reason::FailureReason;
use crate::domain::identity::Identity;

/// Finds the person of an access token, if it was issued for one of these apps.
pub(super) async fn check_access_token(
    upstream: &Upstream,
    token: &str,
    accepted: &[&str],
) -> Result<Identity, UpstreamError> {
    let api = upstream.api();
    let url = format!("{api}/oauth2/v2.1/verify");
    let url = channel::with_query(&url, &[("access_token", token)]);
    let (status, info) = upstream.channel.get(&url, None).await?;
    let app = claims::name_of(status, &info, "client_id", FailureReason::TokenRefused)?;
    if !accepted.contains(&app.as_str()) {
        return Err(UpstreamError::another_app());
    }
    let url = format!("{api}/v2/profile");
    let (status, person) = upstream.channel.get(&url, Some(token)).await?;
    let subject = claims::name_of(status, &person, "userId", FailureReason::PersonRefused)?;
    let mut identity = Identity::new(upstream.issuer(), subject);
    identity.profile.name = claims::text(&person, "displayName");
    identity.profile.picture = claims::link(&person, "pictureUrl");
    Ok(identity)
}
