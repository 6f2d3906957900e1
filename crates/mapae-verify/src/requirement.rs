//! What a call asks for besides a good token.

use std::time::Duration;

use crate::claims::Claims;
use crate::refusal::Refusal;

/// What a call asks for: a scope, and how or when the person signed in (RFC 9470).
///
/// ```
/// # use std::time::Duration;
/// # use mapae_verify::Requirement;
/// let pay = Requirement::scope("payments").acr(["2", "phr"]).max_age(Duration::from_mins(5));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Requirement {
    scopes: Vec<String>,
    acr: Vec<String>,
    max_age: Option<Duration>,
}

impl Requirement {
    /// All of these scopes, with spaces between them.
    #[must_use]
    pub fn scope(scopes: &str) -> Self {
        let scopes = scopes.split_ascii_whitespace().map(str::to_owned).collect();
        Self { scopes, ..Self::default() }
    }

    /// A sign-in of one of these classes. Say all that are enough: for mapae, a second factor is
    /// `["2", "phr"]`, since a passkey is stronger.
    #[must_use]
    pub fn acr<T: Into<String>>(mut self, values: impl IntoIterator<Item = T>) -> Self {
        self.acr = values.into_iter().map(Into::into).collect();
        self
    }

    /// A sign-in that is no older than this.
    #[must_use]
    pub fn max_age(mut self, max_age: Duration) -> Self {
        self.max_age = Some(max_age);
        self
    }

    pub(crate) fn check(&self, claims: &Claims, now: i64, skew: i64) -> Result<(), Refusal> {
        let needed = || Refusal::Scope { needed: self.scopes.join(" ") };
        if !self.scopes.iter().all(|scope| claims.has_scope(scope)) {
            return Err(needed());
        }
        let is_strong =
            self.acr.is_empty() || claims.acr.as_ref().is_some_and(|acr| self.acr.contains(acr));
        let is_recent = self.max_age.is_none_or(|age| {
            let age = i64::try_from(age.as_secs()).unwrap_or(i64::MAX).saturating_add(skew);
            claims.auth_time.is_some_and(|at| now.saturating_sub(at) <= age)
        });
        if is_strong && is_recent {
            return Ok(());
        }
        // No sign-in would help a client that acts for itself.
        if claims.is_of_a_client() {
            return Err(needed());
        }
        // RFC 9470 §3.
        Err(Refusal::Authentication {
            acr_values: (!self.acr.is_empty()).then(|| self.acr.join(" ")),
            max_age: self.max_age.map(|age| age.as_secs()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc9470_3_what_is_enough_and_what_to_ask_for() {
        let claims = |json: &str| {
            let all = format!(r#"{{"iss":"i","aud":"a","exp":9,"sub":"p",{json}}}"#);
            Claims::parse(all.into_bytes()).ok().unwrap()
        };
        let pay = Requirement::scope("pay").acr(["2", "phr"]).max_age(Duration::from_mins(5));
        let ask = |json: &str| pay.check(&claims(json), 1000, 10);
        let more = || {
            Err(Refusal::Authentication {
                acr_values: Some("2 phr".to_owned()),
                max_age: Some(300),
            })
        };
        let scope = || Err(Refusal::Scope { needed: "pay".to_owned() });
        assert_eq!(ask(r#""scope":"pay","acr":"2","auth_time":690"#), Ok(()));
        assert_eq!(ask(r#""scope":"a pay","acr":"phr","auth_time":1000"#), Ok(()));
        assert_eq!(ask(r#""scope":"pay","acr":"1","auth_time":1000"#), more());
        assert_eq!(ask(r#""scope":"pay","acr":"2","auth_time":689"#), more());
        assert_eq!(ask(r#""scope":"pay","acr":"2""#), more());
        assert_eq!(ask(r#""scope":"pay","sid":"s","client_id":"p""#), more());
        assert_eq!(ask(r#""scope":"pay","client_id":"p""#), scope());
        assert_eq!(ask(r#""scope":"payments","acr":"2","auth_time":1000"#), scope());
        let nothing = Requirement::default();
        assert_eq!(nothing.check(&claims(r#""jti":"1""#), 1000, 10), Ok(()));
    }
}
