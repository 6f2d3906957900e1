//! Reads the claims about a person, OpenID Connect Core §5.1.

use std::collections::BTreeSet;

use serde_json::Value;

use super::error::UpstreamError;
use super::profiles::EmailTrust;
use crate::domain::failure_reason::FailureReason;
use crate::domain::identity::Identity;
use crate::domain::person;
use crate::domain::provider::ProviderMetadata;
use crate::domain::user::Profile;

/// The longest text that is accepted, in bytes.
const LONGEST: usize = 1024;

/// A member that is a readable text: trimmed, not too long, and on one line.
pub(super) fn text(claims: &Value, member: &str) -> Option<String> {
    let text = claims.get(member)?.as_str()?.trim();
    let fits = !text.is_empty() && text.len() <= LONGEST && !text.chars().any(char::is_control);
    fits.then(|| text.to_owned())
}

/// A member that is an https link.
pub(super) fn link(claims: &Value, member: &str) -> Option<String> {
    text(claims, member).filter(|link| link.starts_with("https://"))
}

/// A member that is a number or a text, as text. Providers identify people with it.
pub(super) fn name(claims: &Value, member: &str) -> Option<String> {
    match claims.get(member)? {
        Value::String(name) => Some(name.clone()),
        Value::Number(number) if number.is_u64() => Some(number.to_string()),
        _ => None,
    }
    // Postgres cannot store NUL, and other control characters have no place in a name either.
    .filter(|name| !name.is_empty() && name.len() <= 255 && !name.contains(char::is_control))
}

/// The same member of an answer that must have it. Any status other than 200 is a refusal.
pub(super) fn name_of(
    status: u16,
    answer: &Value,
    member: &str,
    refused: FailureReason,
) -> Result<String, UpstreamError> {
    let name = name(answer, member).filter(|_| status == 200);
    name.ok_or_else(|| UpstreamError::refused(refused, format!("status {status}")))
}

/// A member that is an email address, if an account could have it.
pub(super) fn email(claims: &Value, member: &str) -> Option<String> {
    text(claims, member).filter(|email| person::email_key(email).is_some())
}

/// Those of a person's groups that are mapped to groups here. The claim is a list of texts, or one
/// text; what else is in it is passed over.
pub(super) fn groups(claims: &Value, metadata: &ProviderMetadata) -> BTreeSet<String> {
    let said = metadata.group_claim.as_deref().and_then(|claim| claims.get(claim));
    let said = match said {
        Some(Value::Array(said)) => said.as_slice(),
        Some(one) => std::slice::from_ref(one),
        None => &[],
    };
    let is_said = |theirs: &&String| said.iter().any(|one| one.as_str() == Some(theirs));
    metadata.group_map.iter().map(|one| &one.theirs).filter(is_said).cloned().collect()
}

/// Fills the empty fields of an identity from claims.
pub(super) fn fill(identity: &mut Identity, claims: &Value, email_trust: EmailTrust) {
    if identity.email.is_none()
        && let Some(email) = email(claims, "email")
    {
        identity.email = Some(email);
        identity.email_verified = match (email_trust, claims.get("email_verified")) {
            (EmailTrust::Claim | EmailTrust::ClaimOrText, Some(Value::Bool(verified))) => *verified,
            (EmailTrust::ClaimOrText, Some(Value::String(verified))) => verified == "true",
            _ => false,
        };
    }
    if identity.username.is_none() {
        identity.username = text(claims, "preferred_username");
    }
    let profile = Profile {
        name: text(claims, "name"),
        given_name: text(claims, "given_name"),
        family_name: text(claims, "family_name"),
        middle_name: text(claims, "middle_name"),
        nickname: text(claims, "nickname"),
        profile: link(claims, "profile"),
        picture: link(claims, "picture"),
        website: link(claims, "website"),
        gender: text(claims, "gender"),
        birthdate: text(claims, "birthdate"),
        zoneinfo: text(claims, "zoneinfo"),
        locale: text(claims, "locale"),
        ..Profile::default()
    };
    identity.profile.fill(profile);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn s120_an_address_is_verified_by_a_boolean_of_whoever_is_believed() {
        let email = "a@example.com";
        for (claims, claim, text) in [
            (json!({ "email": email, "email_verified": true }), true, true),
            (json!({ "email": email, "email_verified": false }), false, false),
            (json!({ "email": email, "email_verified": "true" }), false, true),
            (json!({ "email": email, "email_verified": "false" }), false, false),
            (json!({ "email": email, "email_verified": 1 }), false, false),
            (json!({ "email": email }), false, false),
        ] {
            for (email_trust, expected) in [
                (EmailTrust::Claim, claim),
                (EmailTrust::ClaimOrText, text),
                (EmailTrust::Never, false),
            ] {
                let mut identity = Identity::new("issuer", "subject");
                fill(&mut identity, &claims, email_trust);
                assert_eq!(identity.email.as_deref(), Some(email));
                assert_eq!(identity.email_verified, expected, "{claims} {email_trust:?}");
            }
        }
    }

    #[test]
    fn what_is_known_stays_and_what_is_no_text_is_left_out() {
        let mut identity = Identity::new("issuer", "subject");
        identity.profile.name = Some("Hana".to_owned());
        let claims = json!({
            "name": "Other", "nickname": ["x"], "picture": "javascript:alert(1)",
            "given_name": "a\nb", "family_name": " Seo ", "email": "no address",
            "locale": "x".repeat(2000),
        });
        fill(&mut identity, &claims, EmailTrust::Claim);
        let expected = Profile {
            name: Some("Hana".to_owned()),
            family_name: Some("Seo".to_owned()),
            ..Profile::default()
        };
        assert_eq!(identity.profile, expected);
        assert_eq!((identity.email, identity.email_verified), (None, false));
    }

    #[test]
    fn an_address_that_no_account_can_have_is_none() {
        let claims = json!({ "good": " a@example.com ", "bad": "a b@", "number": 1 });
        assert_eq!(email(&claims, "good").as_deref(), Some("a@example.com"));
        assert_eq!((email(&claims, "bad"), email(&claims, "number")), (None, None));
    }

    #[test]
    fn a_name_is_a_text_or_a_whole_number() {
        for (value, expected) in [
            (json!({ "id": 42 }), Some("42")),
            (json!({ "id": 3_000_000_000_u64 }), Some("3000000000")),
            (json!({ "id": "abc" }), Some("abc")),
            (json!({ "id": "" }), None),
            (json!({ "id": "a\u{0}b" }), None),
            (json!({ "id": "a\nb" }), None),
            (json!({ "id": 1.5 }), None),
            (json!({ "id": -1 }), None),
            (json!({ "id": null }), None),
            (json!({}), None),
        ] {
            assert_eq!(name(&value, "id").as_deref(), expected, "{value}");
        }
    }
}
