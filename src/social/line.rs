//! LINE: says for whom an access token was issued.

use super::channel::{self, Channel};
use super::claims;
use super::trouble::Trouble;
use crate::domain::identity::Identity;
use crate::domain::reason::Reason;

const API: &str = "https://api.line.me";

/// The interface beside an issuer: its own where the issuer is not LINE's usual one.
pub(super) fn api(issuer: Option<&str>) -> &str {
    issuer.unwrap_or(API)
}

/// Whose access token it is, if it was issued for one of these.
pub(super) async fn prove(
    channel: &Channel,
    api: &str,
    issuer: &str,
    token: &str,
    accepted: &[&str],
) -> Result<Identity, Trouble> {
    let url = channel::with_query(&format!("{api}/oauth2/v2.1/verify"), &[("access_token", token)]);
    let (status, info) = channel.get(&url, None).await?;
    let app = claims::name(&info, "client_id").filter(|_| status == 200);
    let app =
        app.ok_or_else(|| Trouble::refused(Reason::TokenRefused, format!("status {status}")))?;
    if !accepted.contains(&app.as_str()) {
        return Err(Trouble::refused(Reason::WrongAudience, "it was issued for another app"));
    }
    let url = format!("{api}/v2/profile");
    let (status, person) = channel.get(&url, Some(token)).await?;
    let subject = claims::name(&person, "userId").filter(|_| status == 200);
    let subject = subject
        .ok_or_else(|| Trouble::refused(Reason::PersonRefused, format!("status {status}")))?;
    let mut identity = Identity::new(issuer, subject);
    identity.profile.name = claims::text(&person, "displayName");
    identity.profile.picture = claims::link(&person, "pictureUrl");
    Ok(identity)
}
