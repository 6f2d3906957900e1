//! Kakao: whether an address is verified is not in the id token but in another answer, in two
//! members.

use serde_json::Value;

use super::error::UpstreamError;
use super::upstream::Upstream;
use super::{channel, claims};
use crate::domain::excerpt::excerpt;
use crate::domain::failure_reason::FailureReason;
use crate::domain::identity::Identity;

/// The most scopes that a person is asked for at once.
const MOST_SCOPES: usize = 20;

/// Asks Kakao about the person of an access token, who must be the person of this identity.
pub(super) async fn userinfo(
    upstream: &Upstream,
    access_token: &str,
    identity: &mut Identity,
) -> Result<(), UpstreamError> {
    // Without this parameter Kakao links pictures with plain http.
    let url = format!("{}/v2/user/me", upstream.api());
    let url = channel::with_query(&url, &[("secure_resource", "true")]);
    let (status, person) = upstream.channel.get(&url, Some(access_token)).await?;
    if status != 200 {
        return Err(not_told(status, &person));
    }
    if claims::name(&person, "id").as_deref() != Some(&identity.subject) {
        return Err(UpstreamError::refused(
            FailureReason::WrongSubject,
            "the person is another one",
        ));
    }
    fill(identity, &person);
    Ok(())
}

fn fill(identity: &mut Identity, person: &Value) {
    let nothing = Value::Null;
    let account = person.get("kakao_account").unwrap_or(&nothing);
    let profile = account.get("profile").unwrap_or(&nothing);
    let is = |member: &str| account.get(member) == Some(&Value::Bool(true));
    identity.email = claims::email(account, "email");
    // Both are needed: an address may have been verified once and belong to another person now.
    identity.email_verified =
        identity.email.is_some() && is("is_email_valid") && is("is_email_verified");
    let theirs = &mut identity.profile;
    theirs.nickname = theirs.nickname.take().or_else(|| claims::text(profile, "nickname"));
    theirs.name = theirs.name.take().or_else(|| claims::text(account, "name"));
    theirs.name = theirs.name.take().or_else(|| theirs.nickname.clone());
    theirs.picture = theirs.picture.take().or_else(|| claims::link(profile, "profile_image_url"));
}

/// Finds the person of an access token, if it was issued for one of these apps.
pub(super) async fn check_access_token(
    upstream: &Upstream,
    token: &str,
    accepted: &[&str],
) -> Result<Identity, UpstreamError> {
    let url = format!("{}/v1/user/access_token_info", upstream.api());
    let (status, info) = upstream.channel.get(&url, Some(token)).await?;
    let found = (status, claims::name(&info, "app_id"), claims::name(&info, "id"));
    let (200, Some(app), Some(person)) = found else {
        let detail = format!("status {status}, {}", code(&info));
        return Err(UpstreamError::refused(FailureReason::TokenRefused, detail));
    };
    if !accepted.contains(&app.as_str()) {
        let detail = format!("it was issued for the app {}", excerpt(&app));
        return Err(UpstreamError::refused(FailureReason::WrongAudience, detail));
    }
    let mut identity = Identity::new(upstream.issuer(), person);
    userinfo(upstream, token, &mut identity).await?;
    Ok(identity)
}

/// Why Kakao refuses to tell about a person.
fn not_told(status: u16, answer: &Value) -> UpstreamError {
    let detail = format!("status {status}, {}", code(answer));
    match (answer.get("code").and_then(Value::as_i64), required_scopes(answer)) {
        (Some(-402), Some(scopes)) => UpstreamError::Unagreed(scopes),
        (Some(-406), _) => UpstreamError::refused(FailureReason::UnderAge, detail),
        _ => UpstreamError::refused(FailureReason::PersonRefused, detail),
    }
}

/// The scopes that the person has not consented to, in the form in which they are requested.
/// `openid` is added, because without it there would be no id token.
fn required_scopes(answer: &Value) -> Option<String> {
    let required = answer.get("required_scopes")?.as_array()?;
    let required: Vec<&str> = required.iter().map(Value::as_str).collect::<Option<_>>()?;
    let is_scope = |scope: &&str| {
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.';
        (1..=100).contains(&scope.len()) && scope.bytes().all(legal)
    };
    let is_good = (1..=MOST_SCOPES).contains(&required.len()) && required.iter().all(is_scope);
    is_good.then(|| format!("openid {}", required.join(" ")))
}

/// The number of Kakao's error.
fn code(answer: &Value) -> String {
    answer
        .get("code")
        .and_then(Value::as_i64)
        .map(|code| format!("code {code}"))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_not_agreed_to_is_asked_for_and_nothing_else_is() {
        let wants = |scopes: Value| json!({ "code": -402, "required_scopes": scopes });
        let asked = UpstreamError::Unagreed("openid account_email name".to_owned());
        assert_eq!(not_told(403, &wants(json!(["account_email", "name"]))), asked);
        for (answer, reason) in [
            (wants(json!([])), FailureReason::PersonRefused),
            (wants(json!(["a b"])), FailureReason::PersonRefused),
            (wants(json!([1])), FailureReason::PersonRefused),
            (wants(json!("account_email")), FailureReason::PersonRefused),
            (wants(json!(["a".repeat(101)])), FailureReason::PersonRefused),
            (wants(json!(vec!["a"; 21])), FailureReason::PersonRefused),
            (json!({ "code": -406 }), FailureReason::UnderAge),
            (json!({ "code": -401, "required_scopes": ["name"] }), FailureReason::PersonRefused),
            (json!(null), FailureReason::PersonRefused),
        ] {
            let error = not_told(403, &answer);
            assert!(matches!(error, UpstreamError::Refused { .. }), "{answer}");
            assert_eq!(error.reason(), reason, "{answer}");
        }
    }
}
