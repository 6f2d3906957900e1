//! Claim rules: what the tokens of a client, and userinfo, say besides the standard claims. A rule is
//! data and not a program: it names a claim and where its value comes from.

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::claim_names::{GROUPS, RESERVED, ROLES, is_claim};
use super::scope::Scope;

/// A rule of a client.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Members")]
pub struct ClaimRule {
    /// The name of the claim.
    pub claim: String,
    /// Where its value comes from.
    pub source: ClaimSource,
    /// The one audience that sees it. `None`: all of them.
    pub audience: Option<String>,
}

/// Where the value of a claim comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum ClaimSource {
    /// The groups of the person. Only those count that one of the patterns fits; all of them if there
    /// is no pattern. The scope `groups` asks for them.
    Groups(Vec<String>),
    /// The value that the person has of a declared attribute of this name. The scope of the attribute
    /// asks for it.
    Attribute(String),
    /// The same value for everybody.
    Constant(Value),
}

/// The form in which rules are stored and shown.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Members {
    claim: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    attribute: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    only: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    value: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    audience: Option<String>,
}

/// A rule is read from its members, or from its short form.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Short(String),
    Members(Members),
}

impl TryFrom<Written> for ClaimRule {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        match written {
            Written::Short(text) => text.parse(),
            Written::Members(members) => Self::try_from(members),
        }
    }
}

impl TryFrom<Members> for ClaimRule {
    type Error = String;

    fn try_from(members: Members) -> Result<Self, String> {
        let Members { claim, from, attribute, only, value, audience } = members;
        let source = match (from.as_deref(), attribute, value) {
            (Some(GROUPS), None, None) => ClaimSource::Groups(only),
            (None, ..) if !only.is_empty() => {
                return Err(format!("the claim rule {claim:?}: \"only\" goes with groups"));
            }
            (None, None, Some(value)) => ClaimSource::Constant(value),
            (None, Some(attribute), None) => ClaimSource::Attribute(attribute),
            _ => {
                return Err(format!(
                    "the claim rule {claim:?} has one of \"from\": \"groups\", \"attribute\" and \"value\""
                ));
            }
        };
        Ok(Self { claim, source, audience })
    }
}

impl From<ClaimRule> for Members {
    fn from(rule: ClaimRule) -> Self {
        let ClaimRule { claim, source, audience } = rule;
        let none =
            Self { claim, from: None, attribute: None, only: Vec::new(), value: None, audience };
        match source {
            ClaimSource::Groups(only) => Self { from: Some(GROUPS.to_owned()), only, ..none },
            ClaimSource::Attribute(name) => Self { attribute: Some(name), ..none },
            ClaimSource::Constant(value) => Self { value: Some(value), ..none },
        }
    }
}

impl FromStr for ClaimRule {
    type Err = String;

    /// Reads the short form (`groups`, `NAME` for an attribute, `NAME=TEXT` for a constant), or the members as JSON.
    fn from_str(text: &str) -> Result<Self, String> {
        if text.starts_with('{') {
            let members: Members = serde_json::from_str(text)
                .map_err(|error| format!("this claim rule cannot be read: {error}"))?;
            return Self::try_from(members);
        }
        let (claim, source) = match text.split_once('=') {
            Some((claim, value)) => (claim, ClaimSource::Constant(json!(value))),
            None if text == GROUPS => (text, ClaimSource::Groups(Vec::new())),
            None => (text, ClaimSource::Attribute(text.to_owned())),
        };
        Ok(Self { claim: claim.to_owned(), source, audience: None })
    }
}

/// The most rules of a client.
const RULES: usize = 20;

/// The most bytes that the rules of a client have together, as they are stored. Tokens have to stay
/// small.
const BYTES: usize = 2048;

impl ClaimRule {
    /// The rule as one line, which is read as the same rule: in its short form if it has one, or as JSON.
    #[must_use]
    pub fn line(&self) -> String {
        let short = match &self.source {
            ClaimSource::Constant(Value::String(text)) => format!("{}={text}", self.claim),
            _ => self.claim.clone(),
        };
        let is_one_line = short.trim() == short && !short.contains(char::is_control);
        let is_same = short.parse().is_ok_and(|read: Self| read == *self);
        if is_one_line && is_same {
            return short;
        }
        // Every member has a name that is text, so it can be written.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Whether the rule needs the groups of the person, for a token with this scope.
    #[must_use]
    pub fn needs_groups(&self, scope: &Scope) -> bool {
        matches!(self.source, ClaimSource::Groups(_)) && scope.contains(GROUPS)
    }

    /// The claim and its value in a token with this scope.
    fn told(&self, scope: &Scope, facts: Facts<'_>) -> Option<(String, Value)> {
        let value = match &self.source {
            ClaimSource::Constant(value) => value.clone(),
            ClaimSource::Groups(only) if scope.contains(GROUPS) => {
                let fits = |group: &&String| {
                    only.is_empty() || only.iter().any(|pattern| is_fit(pattern, group))
                };
                facts.groups.iter().filter(fits).cloned().collect()
            }
            ClaimSource::Groups(_) => return None,
            ClaimSource::Attribute(name) => facts.attributes.get(name)?.clone(),
        };
        Some((self.claim.clone(), value))
    }
}

/// What rules say about a person.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The groups.
    pub groups: &'a [String],
    /// The values of the attributes that the scope shows.
    pub attributes: &'a Map<String, Value>,
}

/// Whether a name fits a pattern: it is the same, or it begins with what stands before a final `*`.
fn is_fit(pattern: &str, name: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == name, |beginning| name.starts_with(beginning))
}

/// The claims of the rules in what one of these audiences gets.
#[must_use]
pub fn told(
    rules: &[ClaimRule],
    scope: &Scope,
    facts: Facts<'_>,
    audiences: &[&str],
) -> Map<String, Value> {
    let sees = |rule: &&ClaimRule| match &rule.audience {
        Some(only) => audiences.contains(&only.as_str()),
        None => true,
    };
    rules.iter().filter(sees).filter_map(|rule| rule.told(scope, facts)).collect()
}

/// Checks the rules of a client, which may ask for these audiences.
pub fn check(rules: &[ClaimRule], id: &str, audiences: &[String]) -> Result<(), String> {
    if rules.len() > RULES {
        return Err(format!("a client has at most {RULES} claim rules"));
    }
    if json!(rules).to_string().len() > BYTES {
        return Err(format!("the claim rules of a client have at most {BYTES} bytes together"));
    }
    for (place, rule) in rules.iter().enumerate() {
        let name = rule.claim.as_str();
        let is_named = (1..=100).contains(&name.len()) && !name.chars().any(char::is_control);
        if !is_named {
            return Err(
                "the name of a claim has 1 to 100 bytes and no control character".to_owned()
            );
        }
        if RESERVED.contains(&name) {
            return Err(format!("{name:?} is a claim of the token itself"));
        }
        if is_claim(name) {
            return Err(format!("{name:?} is a claim about the person, which its scope shows"));
        }
        let is_groups = matches!(rule.source, ClaimSource::Groups(_));
        if name == ROLES || name == GROUPS && !is_groups {
            return Err(format!("the claim {name:?} has a meaning here"));
        }
        if rules.iter().take(place).any(|other| other.claim == name) {
            return Err(format!("there are two rules for the claim {name:?}"));
        }
        let knows = |audience: &String| audience == id || audiences.contains(audience);
        if let Some(audience) = rule.audience.as_ref().filter(|audience| !knows(audience)) {
            return Err(format!(
                "the claim rule {name:?}: {audience:?} is neither the client itself nor one of its \
                 audiences"
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(text: &str) -> ClaimRule {
        text.parse().unwrap()
    }

    fn scope(text: &str) -> Scope {
        Scope::parse(text).unwrap()
    }

    #[test]
    fn a_rule_is_read_in_both_forms_and_written_in_one() {
        for (written, members) in [
            (json!("groups"), json!({ "claim": "groups", "from": "groups" })),
            (json!("tenant=acme"), json!({ "claim": "tenant", "value": "acme" })),
            (json!("a=b=c"), json!({ "claim": "a", "value": "b=c" })),
            (json!("dept"), json!({ "claim": "dept", "attribute": "dept" })),
            (json!({ "claim": "d", "attribute": "a" }), json!({ "claim": "d", "attribute": "a" })),
            (json!("a="), json!({ "claim": "a", "value": "" })),
            (
                json!({ "claim": "teams", "from": "groups", "only": ["team-*"], "audience": "api" }),
                json!({ "claim": "teams", "from": "groups", "only": ["team-*"], "audience": "api" }),
            ),
            (json!("{\"claim\":\"n\",\"value\":[1]}"), json!({ "claim": "n", "value": [1] })),
        ] {
            let read: ClaimRule = serde_json::from_value(written.clone()).unwrap();
            assert_eq!(json!(read), members, "{written}");
            assert_eq!(serde_json::from_value::<ClaimRule>(members).unwrap(), read);
        }
    }

    #[test]
    fn a_rule_is_one_line_that_is_read_as_the_same_rule() {
        for (members, line) in [
            (json!("groups"), "groups"),
            (json!("dept"), "dept"),
            (json!("tenant=acme"), "tenant=acme"),
            (json!("a=b=c"), "a=b=c"),
            (json!("a="), "a="),
            (json!({ "claim": "n", "value": 7 }), r#"{"claim":"n","value":7}"#),
            (json!({ "claim": "a", "value": " b" }), "a= b"),
            (json!({ "claim": "a", "value": "b " }), r#"{"claim":"a","value":"b "}"#),
            (json!({ "claim": "a", "value": "b\nc" }), r#"{"claim":"a","value":"b\nc"}"#),
            (json!({ "claim": "a=b", "value": "c" }), r#"{"claim":"a=b","value":"c"}"#),
            (json!({ "claim": "{a", "value": "c" }), r#"{"claim":"{a","value":"c"}"#),
            (json!({ "claim": "d", "attribute": "a" }), r#"{"claim":"d","attribute":"a"}"#),
            (
                json!({ "claim": "groups", "from": "groups", "only": ["a*"] }),
                r#"{"claim":"groups","from":"groups","only":["a*"]}"#,
            ),
            (
                json!({ "claim": "a", "value": "b", "audience": "api" }),
                r#"{"claim":"a","value":"b","audience":"api"}"#,
            ),
        ] {
            let read: ClaimRule = serde_json::from_value(members).unwrap();
            assert_eq!(read.line(), line);
            assert_eq!(rule(line), read, "{line}");
        }
    }

    #[test]
    fn what_is_no_rule_is_not_read() {
        for bad in [
            json!({ "claim": "a", "attribute": "b", "value": 1 }),
            json!({ "claim": "a", "attribute": "b", "only": ["x"] }),
            json!({ "claim": "a" }),
            json!({ "claim": "a", "from": "groups", "value": 1 }),
            json!({ "claim": "a", "from": "script" }),
            json!({ "claim": "a", "value": 1, "only": ["x"] }),
            json!({ "claim": "a", "value": 1, "code": "x" }),
            json!("{\"claim\":"),
            json!(7),
        ] {
            assert!(serde_json::from_value::<ClaimRule>(bad.clone()).is_err(), "{bad}");
        }
    }

    #[test]
    fn rules_are_checked_together() {
        let audiences = ["https://api".to_owned()];
        let checked = |rules: &[&str]| {
            let rules: Vec<_> = rules.iter().map(|text| rule(text)).collect();
            check(&rules, "app", &audiences)
        };
        assert_eq!(checked(&["groups", "tenant=acme", "teams=x"]), Ok(()));
        for audience in ["app", "https://api"] {
            let text = json!({ "claim": "a", "value": 1, "audience": audience }).to_string();
            assert_eq!(checked(&[&text]), Ok(()), "{audience}");
        }
        let elsewhere = json!({ "claim": "a", "value": 1, "audience": "https://b" }).to_string();
        let twenty_one: Vec<_> = (0..21).map(|number| format!("a{number}=x")).collect();
        let twenty_one: Vec<_> = twenty_one.iter().map(String::as_str).collect();
        let long = format!("a={}", "x".repeat(BYTES));
        for bad in [
            vec!["sub=x"],
            vec!["email=x"],
            vec!["status=x"],
            vec!["roles=owner"],
            vec!["groups=admins"],
            vec!["a=x", "a=y"],
            vec!["=x"],
            vec![""],
            vec![elsewhere.as_str()],
            vec![long.as_str()],
            twenty_one,
        ] {
            assert!(checked(&bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn groups_are_told_when_the_scope_asks_and_as_far_as_they_fit() {
        let groups = ["dev", "team-a", "team-b"].map(str::to_owned);
        let filtered = r#"{"claim":"teams","from":"groups","only":["team-*","devs"]}"#;
        let rules = [rule("groups"), rule(filtered), rule("tenant=acme")];
        let attributes = Map::new();
        let facts = Facts { groups: &groups, attributes: &attributes };
        let told = |asked| told(&rules, &scope(asked), facts, &[]);
        assert_eq!(Value::Object(told("openid")), json!({ "tenant": "acme" }));
        assert_eq!(
            Value::Object(told("groups")),
            json!({ "groups": groups, "teams": ["team-a", "team-b"], "tenant": "acme" })
        );
    }

    #[test]
    fn a_rule_for_one_audience_is_told_to_it_alone() {
        let rules = [rule(r#"{"claim":"a","value":1,"audience":"https://api"}"#)];
        let attributes = Map::new();
        let facts = Facts { groups: &[], attributes: &attributes };
        let told = |audiences: &[&str]| told(&rules, &scope(""), facts, audiences).len();
        assert_eq!((told(&["https://api", "x"]), told(&["x"]), told(&[])), (1, 0, 0));
    }
}
