//! Kakao: whether an address is good stands at another place, in two halves.

use serde_json::Value;

use super::channel::{self, Channel};
use super::claims;
use super::trouble::Trouble;
use crate::domain::identity::Identity;
use crate::domain::person;
use crate::domain::reason::Reason;

/// Where people and tokens are asked about.
const API: &str = "https://kapi.kakao.com";

/// The interface beside an issuer: its own where the issuer is not Kakao's usual one.
pub(super) fn api(issuer: Option<&str>) -> &str {
    issuer.unwrap_or(API)
}

/// Asks about the person of an access token, who must be this one.
pub(super) async fn fill(
    channel: &Channel,
    api: &str,
    access_token: &str,
    identity: &mut Identity,
) -> Result<(), Trouble> {
    // Without this its pictures are linked by plain http.
    let url = channel::with_query(&format!("{api}/v2/user/me"), &[("secure_resource", "true")]);
    let (status, person) = channel.get(&url, Some(access_token)).await?;
    if status != 200 {
        return Err(Trouble::refused(
            Reason::PersonRefused,
            format!("status {status}, {}", code(&person)),
        ));
    }
    if claims::name(&person, "id").as_deref() != Some(&identity.subject) {
        return Err(Trouble::refused(Reason::WrongSubject, "the person is another one"));
    }
    let nothing = Value::Null;
    let account = person.get("kakao_account").unwrap_or(&nothing);
    let profile = account.get("profile").unwrap_or(&nothing);
    let is = |member: &str| account.get(member) == Some(&Value::Bool(true));
    let email = claims::text(account, "email").filter(|email| person::email_key(email).is_some());
    // Either half alone says little: an address can be verified and gone to somebody else since.
    identity.email_verified = email.is_some() && is("is_email_valid") && is("is_email_verified");
    identity.email = email;
    let theirs = &mut identity.profile;
    theirs.nickname = theirs.nickname.take().or_else(|| claims::text(profile, "nickname"));
    theirs.name = theirs.name.take().or_else(|| claims::text(account, "name"));
    theirs.name = theirs.name.take().or_else(|| theirs.nickname.clone());
    theirs.picture = theirs.picture.take().or_else(|| claims::link(profile, "profile_image_url"));
    Ok(())
}

/// For whom an access token was issued, and to whom.
pub(super) async fn issued(
    channel: &Channel,
    api: &str,
    token: &str,
) -> Result<(String, String), Trouble> {
    let url = format!("{api}/v1/user/access_token_info");
    let (status, info) = channel.get(&url, Some(token)).await?;
    match (status, claims::name(&info, "app_id"), claims::name(&info, "id")) {
        (200, Some(app), Some(person)) => Ok((app, person)),
        _ => {
            Err(Trouble::refused(Reason::TokenRefused, format!("status {status}, {}", code(&info))))
        }
    }
}

/// Kakao's number of an error.
fn code(answer: &Value) -> String {
    answer
        .get("code")
        .and_then(Value::as_i64)
        .map(|code| format!("code {code}"))
        .unwrap_or_default()
}
