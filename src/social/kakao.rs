//! Kakao: whether an address is good stands at another place, in two halves.

use serde_json::Value;

use super::channel;
use super::claims;
use super::provider::Answer;
use super::site::Site;
use super::trouble::Trouble;
use crate::domain::identity::Identity;
use crate::domain::reason::Reason;

/// Where people and tokens are asked about.
pub(super) const API: &str = "https://kapi.kakao.com";

/// The interface beside an issuer: its own where the issuer is not Kakao's usual one.
fn api(site: &Site) -> &str {
    site.elsewhere().unwrap_or(API)
}

/// Asks about the person of an access token, who must be this one.
pub(super) fn ask<'a>(
    site: &'a Site,
    access_token: &'a str,
    identity: &'a mut Identity,
) -> Answer<'a, ()> {
    Box::pin(async move {
        // Without this its pictures are linked by plain http.
        let url = format!("{}/v2/user/me", api(site));
        let url = channel::with_query(&url, &[("secure_resource", "true")]);
        let (status, person) = site.channel.get(&url, Some(access_token)).await?;
        if status != 200 {
            let detail = format!("status {status}, {}", code(&person));
            return Err(Trouble::refused(Reason::PersonRefused, detail));
        }
        if claims::name(&person, "id").as_deref() != Some(&identity.subject) {
            return Err(Trouble::refused(Reason::WrongSubject, "the person is another one"));
        }
        fill(identity, &person);
        Ok(())
    })
}

fn fill(identity: &mut Identity, person: &Value) {
    let nothing = Value::Null;
    let account = person.get("kakao_account").unwrap_or(&nothing);
    let profile = account.get("profile").unwrap_or(&nothing);
    let is = |member: &str| account.get(member) == Some(&Value::Bool(true));
    identity.email = claims::email(account, "email");
    // Either half alone says little: an address can be verified and gone to somebody else since.
    identity.email_verified =
        identity.email.is_some() && is("is_email_valid") && is("is_email_verified");
    let theirs = &mut identity.profile;
    theirs.nickname = theirs.nickname.take().or_else(|| claims::text(profile, "nickname"));
    theirs.name = theirs.name.take().or_else(|| claims::text(account, "name"));
    theirs.name = theirs.name.take().or_else(|| theirs.nickname.clone());
    theirs.picture = theirs.picture.take().or_else(|| claims::link(profile, "profile_image_url"));
}

/// Whose access token it is, if it was issued for one of these.
pub(super) fn prove<'a>(
    site: &'a Site,
    token: &'a str,
    accepted: &'a [&'a str],
) -> Answer<'a, Identity> {
    Box::pin(async move {
        let url = format!("{}/v1/user/access_token_info", api(site));
        let (status, info) = site.channel.get(&url, Some(token)).await?;
        let found = (status, claims::name(&info, "app_id"), claims::name(&info, "id"));
        let (200, Some(app), Some(person)) = found else {
            let detail = format!("status {status}, {}", code(&info));
            return Err(Trouble::refused(Reason::TokenRefused, detail));
        };
        if !accepted.contains(&app.as_str()) {
            let detail = format!("it was issued for the app {app}");
            return Err(Trouble::refused(Reason::WrongAudience, detail));
        }
        let mut identity = Identity::new(site.base(), person);
        ask(site, token, &mut identity).await?;
        Ok(identity)
    })
}

/// Kakao's number of an error.
fn code(answer: &Value) -> String {
    answer
        .get("code")
        .and_then(Value::as_i64)
        .map(|code| format!("code {code}"))
        .unwrap_or_default()
}
