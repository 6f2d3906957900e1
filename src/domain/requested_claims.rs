//! The `claims` parameter, OpenID Connect Core §5.5.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::reason::Reason;

/// Single claims that a client requests. Names of unknown claims are left out when the request is
/// read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RequestedClaims {
    /// The claims to show at userinfo.
    pub userinfo: Vec<String>,
    /// The claims to put into the id token.
    pub id_token: Vec<String>,
    /// The only `sub` that is accepted.
    pub sub: Option<String>,
    /// The accepted `acr` values.
    pub acr: Vec<String>,
    /// Whether one of these `acr` values is required.
    pub acr_is_essential: bool,
}

/// The longest value of the parameter, in bytes.
const LIMIT: usize = 8 * 1024;

impl RequestedClaims {
    /// Reads the parameter. `known` says whether a claim can be served.
    pub fn parse(text: &str, known: impl Fn(&str) -> bool) -> Result<Self, Reason> {
        if text.len() > LIMIT {
            return Err(Reason::ClaimsTooLong);
        }
        let malformed = Reason::ClaimsMalformed;
        let Ok(Value::Object(members)) = serde_json::from_str(text) else { return Err(malformed) };
        let userinfo = section(&members, "userinfo").ok_or(malformed)?;
        let id_token = section(&members, "id_token").ok_or(malformed)?;
        let named = |section: &Map<String, Value>| {
            section.keys().filter(|name| known(name)).cloned().collect::<Vec<_>>()
        };
        let wanted = |name: &str| id_token.get(name).map(values).unwrap_or_default();
        let of_userinfo = userinfo.get("sub").map(values).unwrap_or_default();
        Ok(Self {
            userinfo: named(&userinfo),
            id_token: named(&id_token),
            sub: wanted("sub").into_iter().chain(of_userinfo).next(),
            acr: wanted("acr"),
            acr_is_essential: id_token.get("acr").is_some_and(is_essential),
        })
    }

    /// Every requested claim for which the person is asked for consent, without repetition.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let more = self.id_token.iter().filter(|name| !self.userinfo.contains(name));
        self.userinfo.iter().chain(more).map(String::as_str)
    }
}

/// A section that is missing or null requests nothing.
fn section(members: &Map<String, Value>, name: &str) -> Option<Map<String, Value>> {
    match members.get(name) {
        None | Some(Value::Null) => Some(Map::new()),
        Some(Value::Object(section)) => {
            section.values().all(|one| one.is_null() || one.is_object()).then(|| section.clone())
        }
        Some(_) => None,
    }
}

/// `value` or `values`, Core §5.5.1.
fn values(request: &Value) -> Vec<String> {
    let one = request.get("value").and_then(Value::as_str);
    let several = request.get("values").and_then(Value::as_array);
    let several = several.into_iter().flatten().filter_map(Value::as_str);
    one.into_iter().chain(several).map(str::to_owned).collect()
}

fn is_essential(request: &Value) -> bool {
    request.get("essential") == Some(&Value::Bool(true))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<RequestedClaims, Reason> {
        RequestedClaims::parse(text, |name| ["name", "email"].contains(&name))
    }

    #[test]
    fn core_5_5_what_is_asked_for_by_name() {
        let claims = parse(
            r#"{"userinfo":{"name":{"essential":true},"unheard_of":null},
                "id_token":{"email":null,"sub":{"value":"u"},"acr":{"essential":true,"values":["2","1"]}}}"#,
        )
        .unwrap();
        assert_eq!(claims.userinfo, ["name"]);
        assert_eq!(claims.id_token, ["email"]);
        assert_eq!(claims.sub.as_deref(), Some("u"));
        assert_eq!((claims.acr, claims.acr_is_essential), (vec!["2".into(), "1".into()], true));
        assert_eq!(parse("{}"), Ok(RequestedClaims::default()));
        assert_eq!(parse(r#"{"userinfo":null,"other":1}"#), Ok(RequestedClaims::default()));
    }

    #[test]
    fn core_5_5_what_is_malformed_is_refused() {
        let deep = format!("{{\"userinfo\":{}1{}}}", "[".repeat(10_000), "]".repeat(10_000));
        for bad in
            ["", "x", "[]", "null", r#"{"userinfo":[]}"#, r#"{"id_token":{"name":1}}"#, &deep]
        {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
