//! Issuers of others whose assertions authenticate a client, RFC 7523 §2.2: a Kubernetes cluster for its
//! service accounts, GitHub Actions for its workflows.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

/// An issuer, and what its assertions say who the client is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrustedIssuer {
    /// `iss`, byte for byte.
    pub issuer: String,
    /// `sub`, byte for byte.
    pub subject: String,
    /// The keys of the issuer (a JWK Set); `None`: it publishes them, OpenID Connect Discovery §4.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks: Option<Value>,
}

/// The most of one client.
const MOST: usize = 20;

/// The longest issuer and the longest subject.
const LONGEST: usize = 1000;

/// Checks the trusted issuers of a client. `ours` is the issuer of this server, whose tokens are no
/// assertions.
pub fn check(trusted: &[TrustedIssuer], ours: &str) -> Result<(), String> {
    if trusted.len() > MOST {
        return Err(format!("a client trusts at most {MOST} subjects of other issuers"));
    }
    for (number, TrustedIssuer { issuer, subject, .. }) in trusted.iter().enumerate() {
        check_issuer(issuer, ours)?;
        if subject.is_empty() || subject.len() > LONGEST || subject.chars().any(char::is_control) {
            return Err(format!("the subject is a text of at most {LONGEST} bytes: {subject:?}"));
        }
        let before = trusted.iter().take(number);
        if before.into_iter().any(|one| one.issuer == *issuer && one.subject == *subject) {
            return Err(format!("{subject:?} of {issuer:?} is trusted twice"));
        }
    }
    Ok(())
}

/// Checks the issuer of another server. `ours` is the issuer of this one.
pub fn check_issuer(issuer: &str, ours: &str) -> Result<(), String> {
    let url = Url::parse(issuer).ok().filter(|url| {
        matches!(url.scheme(), "https" | "http")
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none()
    });
    let is_good = url.is_some()
        && issuer.len() <= LONGEST
        && issuer.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_good {
        return Err(format!(
            "the issuer is a URL without a query and a fragment, as its assertions name it: {issuer:?}"
        ));
    }
    if issuer == ours {
        return Err("this server is no issuer of others".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_is_a_url_and_a_subject_a_text() {
        let one = |issuer: &str, subject: &str| TrustedIssuer {
            issuer: issuer.to_owned(),
            subject: subject.to_owned(),
            jwks: None,
        };
        let ours = "https://id.example.com";
        let good =
            one("https://token.actions.githubusercontent.com", "repo:o/r:ref:refs/heads/main");
        assert_eq!(
            check(&[good.clone(), one(&good.issuer, "repo:o/r:pull_request")], ours),
            Ok(())
        );
        for wrong in [
            one("", "s"),
            one("kubernetes", "s"),
            one("ftp://a", "s"),
            one("https://a?b", "s"),
            one("https://a#b", "s"),
            one("https://a@b", "s"),
            one("https://한글", "s"),
            one(ours, "s"),
            one("https://a", ""),
            one("https://a", "s\n"),
            good.clone(),
        ] {
            assert!(check(&[good.clone(), wrong.clone()], ours).is_err(), "{wrong:?}");
        }
    }
}
