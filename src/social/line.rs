//! LINE: says for whom an access token was issued.

use super::provider::Answer;
use super::{channel, claims};
use crate::domain::identity::Identity;
use crate::domain::reason::Reason;
use crate::social::error::UpstreamError;
use crate::social::upstream::Upstream;

pub(super) const API: &str = "https://api.line.me";

/// Whose access token it is, if it was issued for one of these.
pub(super) fn prove<'a>(
    upstream: &'a Upstream,
    token: &'a str,
    accepted: &'a [&'a str],
) -> Answer<'a, Identity> {
    Box::pin(async move {
        // Beside the issuer where that is not LINE's usual one.
        let api = upstream.custom_issuer().unwrap_or(API);
        let url = format!("{api}/oauth2/v2.1/verify");
        let url = channel::with_query(&url, &[("access_token", token)]);
        let (status, info) = upstream.channel.get(&url, None).await?;
        let app = claims::name_of(status, &info, "client_id", Reason::TokenRefused)?;
        if !accepted.contains(&app.as_str()) {
            return Err(UpstreamError::another_app());
        }
        let url = format!("{api}/v2/profile");
        let (status, person) = upstream.channel.get(&url, Some(token)).await?;
        let subject = claims::name_of(status, &person, "userId", Reason::PersonRefused)?;
        let mut identity = Identity::new(upstream.base(), subject);
        identity.profile.name = claims::text(&person, "displayName");
        identity.profile.picture = claims::link(&person, "pictureUrl");
        Ok(identity)
    })
}
