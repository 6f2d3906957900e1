//! Google: says for whom an access token was issued.

use serde_json::Value;

use super::channel::{self, Channel};
use super::claims::{self, Believed};
use super::trouble::Trouble;
use crate::domain::identity::Identity;
use crate::domain::reason::Reason;

const TOKEN_INFO: &str = "https://oauth2.googleapis.com/tokeninfo";

/// Where tokens are asked about: beside the issuer where that is not Google's usual one.
pub(super) fn token_info(issuer: Option<&str>) -> String {
    issuer.map_or_else(|| TOKEN_INFO.to_owned(), |issuer| format!("{issuer}/tokeninfo"))
}

/// Whose access token it is, if it was issued for one of these.
pub(super) async fn prove(
    channel: &Channel,
    url: &str,
    issuer: &str,
    token: &str,
    accepted: &[&str],
) -> Result<Identity, Trouble> {
    let url = channel::with_query(url, &[("access_token", token)]);
    let (status, info) = channel.get(&url, None).await?;
    if status != 200 {
        return Err(Trouble::refused(Reason::TokenRefused, format!("status {status}")));
    }
    let is_ours = |member: &str| {
        info.get(member).and_then(Value::as_str).is_some_and(|id| accepted.contains(&id))
    };
    if !is_ours("aud") || info.get("azp").is_some() && !is_ours("azp") {
        return Err(Trouble::refused(Reason::WrongAudience, "it was issued for another app"));
    }
    let subject = claims::name(&info, "sub")
        .ok_or_else(|| Trouble::refused(Reason::MalformedAnswer, "the token speaks of nobody"))?;
    let mut identity = Identity::new(issuer, subject);
    // Here every value is a text.
    claims::fill(&mut identity, &info, Believed::ClaimOrText);
    Ok(identity)
}
