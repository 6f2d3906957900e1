//! Resources: the APIs that access tokens are for, RFC 8707. An audience that nobody registered as a
//! resource is allowed as well; a registered one says what its tokens look like.

use std::collections::HashMap;

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use url::Url;

use super::claim_names::is_scope_of_ours;
use super::client_metadata::TokenAlg;
use super::scope::{self, Scope};
use super::urls::is_loopback;
use super::{admin_urls, scim_urls};

/// A registered resource.
#[derive(Clone, Debug, PartialEq)]
pub struct Resource {
    /// Its identifier: what requests name as `resource`, and tokens as `aud`.
    pub id: String,
    /// What is registered.
    pub metadata: ResourceMetadata,
    /// When it was registered.
    pub created_at: DateTime<Utc>,
    /// When it was changed last.
    pub updated_at: DateTime<Utc>,
}

/// What is registered of a resource. The names are those of a client's metadata.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ResourceMetadata {
    /// The name that people see.
    pub resource_name: String,
    /// The scopes that mean something at this resource. A token for it has no other ones, RFC 8707
    /// §2.2. If there are none, its tokens have whatever scope the client was granted.
    #[serde(with = "scope::text")]
    pub scope: Scope,
    /// The algorithm that signs access tokens for it; `None`: that of the client.
    pub token_alg: Option<TokenAlg>,
    /// How many seconds access tokens for it are good, at most as the client's; `None`: as the
    /// client's.
    pub access_lifetime: Option<i64>,
    /// Whether access tokens whose first resource it is name their place in a status list.
    pub status_list: bool,
    /// Whether it is an MCP server: its metadata is hosted here (RFC 9728), and a token is for it only if
    /// the request names it.
    pub mcp: bool,
}

/// The audiences of this server, below the issuer: its own one, and those of its APIs.
const OWN_AUDIENCES: &[&str] = &["", admin_urls::API, scim_urls::BASE];

/// The longest identifier and the longest name.
const LONGEST: usize = 255;

impl ResourceMetadata {
    /// The metadata as a JSON object.
    #[must_use]
    pub fn to_json(&self) -> Map<String, Value> {
        match serde_json::to_value(self) {
            Ok(Value::Object(members)) => members,
            // Not reachable: every member has a name that is text.
            _ => Map::new(),
        }
    }

    /// The same metadata with some members replaced. `null` brings back the default of a member.
    pub fn changed(&self, change: &Map<String, Value>) -> Result<Self, String> {
        let (mut members, defaults) = (self.to_json(), Self::default().to_json());
        for (name, value) in change {
            let default = defaults.get(name).filter(|_| value.is_null());
            members.insert(name.clone(), default.unwrap_or(value).clone());
        }
        let changed: Self =
            serde_json::from_value(Value::Object(members)).map_err(|error| error.to_string())?;
        changed.check()?;
        Ok(changed)
    }

    fn check(&self) -> Result<(), String> {
        if self.resource_name.chars().count() > LONGEST
            || self.resource_name.chars().any(char::is_control)
        {
            return Err(format!(
                "resource_name has at most {LONGEST} characters, none of them a control character"
            ));
        }
        if self.access_lifetime.is_some_and(|lifetime| lifetime < 1) {
            return Err("access_lifetime is at least one second".to_owned());
        }
        Ok(())
    }
}

/// Checks an identifier: an absolute URI without a fragment, RFC 8707 §2.
pub fn check_id(id: &str) -> Result<(), String> {
    let is_good = (1..=LONGEST).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_graphic())
        && !id.contains('#')
        && Url::parse(id).is_ok();
    if is_good {
        return Ok(());
    }
    Err(format!(
        "the identifier of a resource is an absolute URI without a fragment (RFC 8707 §2), with at \
         most {LONGEST} characters: {id:?}"
    ))
}

/// Checks the identifier of an MCP server: the URL that clients call.
pub fn check_mcp(id: &str) -> Result<(), String> {
    if mcp_place(id).is_some() {
        return Ok(());
    }
    Err(format!(
        "the identifier of an MCP server is the URL that clients call, with https and without a query: \
         {id:?}"
    ))
}

/// Where the metadata of an MCP server is hosted, below the well-known path: its host and its path.
#[must_use]
pub fn mcp_place(id: &str) -> Option<String> {
    let url = Url::parse(id).ok()?;
    let is_web = url.scheme() == "https" || url.scheme() == "http" && is_loopback(&url);
    let is_plain = url.query().is_none() && url.username().is_empty() && url.password().is_none();
    if !is_web || !is_plain || url.fragment().is_some() {
        return None;
    }
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let path = url.path().trim_end_matches('/');
    Some(format!("{}{port}{path}", url.host_str()?))
}

/// Whether two identifiers name the same resource: they are equal, or one has a slash more at the end of
/// its path. Nothing else is the same.
#[must_use]
pub fn is_same(one: &str, other: &str) -> bool {
    one == other || with_slash(one) == other || with_slash(other) == one
}

/// The registered resource of which this is one spelling. A registered identifier is never a spelling of
/// another one.
pub(crate) fn registered_as<'a>(
    registered: &'a HashMap<String, ResourceMetadata>,
    asked: &str,
) -> Option<(&'a String, &'a ResourceMetadata)> {
    let exactly = registered.get_key_value(asked);
    exactly.or_else(|| registered.iter().find(|(id, _)| is_same(id, asked)))
}

/// The spelling in which a resource is registered: by itself, or else for a client with these audiences.
pub(crate) fn spelling<'a>(
    registered: &'a HashMap<String, ResourceMetadata>,
    audiences: &'a [String],
    asked: &'a str,
) -> &'a str {
    let known = registered_as(registered, asked).map(|(id, _)| id);
    let of_client = || audiences.iter().find(|one| is_same(one, asked));
    known.or_else(of_client).map_or(asked, String::as_str)
}

/// The audience of a token whose request names none: the first audience of the client, but no MCP
/// server, for which a token is only if that is asked for. `None`: this server.
pub(crate) fn default_audience<'a>(
    registered: &HashMap<String, ResourceMetadata>,
    audiences: &'a [String],
) -> Option<&'a String> {
    let is_mcp = |audience: &String| {
        registered.iter().any(|(id, resource)| resource.mcp && is_same(id, audience))
    };
    audiences.iter().find(|audience| !is_mcp(audience))
}

/// The other identifiers that name the same resource: [`is_same`].
#[must_use]
pub fn other_spellings(id: &str) -> Vec<String> {
    let without = match id.split_once('?') {
        Some((path, query)) => path.strip_suffix('/').map(|path| format!("{path}?{query}")),
        None => id.strip_suffix('/').map(str::to_owned),
    };
    std::iter::once(with_slash(id)).chain(without).collect()
}

/// The same identifier with a slash more at the end of its path.
fn with_slash(id: &str) -> String {
    match id.split_once('?') {
        Some((path, query)) => format!("{path}/?{query}"),
        None => format!("{id}/"),
    }
}

/// What the resources of an access token say about it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TokenTerms {
    /// The scopes that it may have; `None`: every one.
    pub scope: Option<Scope>,
    /// The algorithm that signs it; `None`: that of the client.
    pub token_alg: Option<TokenAlg>,
    /// How long it is good at most; `None`: as long as the client's.
    pub access_token: Option<Duration>,
}

impl TokenTerms {
    /// The terms for these audiences. `ours` is the audience of this server, which is no resource.
    #[must_use]
    pub fn of(
        registered: &HashMap<String, ResourceMetadata>,
        audiences: &[String],
        ours: &str,
    ) -> Self {
        // What this server offers itself has scopes of its own.
        let is_ours = |audience: &str| {
            audience.strip_prefix(ours).is_some_and(|path| OWN_AUDIENCES.contains(&path))
        };
        let named = || audiences.iter().filter(|audience| !is_ours(audience));
        let known = || named().filter_map(|audience| registered.get(audience));
        // A scope that one of several APIs may know stays: nobody can say that it is useless.
        let is_bounded = named().next().is_some()
            && named().all(|audience| {
                registered.get(audience).is_some_and(|resource| !resource.scope.is_empty())
            });
        let joined = |scope: Scope, resource: &ResourceMetadata| scope.joined_with(&resource.scope);
        let seconds = known().filter_map(|resource| resource.access_lifetime).min();
        Self {
            scope: is_bounded.then(|| known().fold(Scope::default(), joined)),
            token_alg: known().find_map(|resource| resource.token_alg),
            access_token: seconds.and_then(Duration::try_seconds),
        }
    }

    /// The scope of the token, of what was granted. The scopes of this server stay: they are for
    /// userinfo and for the refresh token.
    #[must_use]
    pub fn narrowed(&self, granted: &Scope) -> Scope {
        match &self.scope {
            None => granted.clone(),
            Some(known) => {
                let useless: Vec<&str> = granted
                    .iter()
                    .filter(|token| !known.contains(token) && !is_scope_of_ours(token))
                    .collect();
                granted.without(&useless)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn scope(text: &str) -> Scope {
        Scope::parse(text).unwrap()
    }

    fn registered() -> HashMap<String, ResourceMetadata> {
        let of = |scope_text: &str, token_alg, access_lifetime| ResourceMetadata {
            scope: scope(scope_text),
            token_alg,
            access_lifetime,
            ..ResourceMetadata::default()
        };
        HashMap::from([
            ("https://a".to_owned(), of("a:read a:write", Some(TokenAlg::Es256), Some(60))),
            ("https://b".to_owned(), of("b:read", None, Some(30))),
            ("https://open".to_owned(), ResourceMetadata::default()),
            ("us/admin/api".to_owned(), of("x", None, Some(1))),
        ])
    }

    #[test]
    fn an_identifier_is_an_absolute_uri_without_a_fragment() {
        let long = format!("https://{}", "a".repeat(LONGEST));
        for good in ["https://api.example.com", "https://api.example.com/v1?x=1", "urn:example:api"]
        {
            assert_eq!(check_id(good), Ok(()), "{good}");
        }
        for bad in ["", "api", "/v1", "https://a/#b", "https://a b", "https://한글", long.as_str()]
        {
            assert!(check_id(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn one_slash_at_the_end_of_the_path_is_no_other_resource_and_nothing_else_is_the_same() {
        for (one, other, same) in [
            ("https://a", "https://a", true),
            ("https://a", "https://a/", true),
            ("https://a/b", "https://a/b/", true),
            ("https://a/b?x=1", "https://a/b/?x=1", true),
            ("https://a/b", "https://a/b//", false),
            ("https://a/b", "https://A/b", false),
            ("https://a/b", "https://a/B", false),
            ("https://a/b", "http://a/b", false),
            ("https://a/b", "https://a:443/b", false),
            ("https://a/b", "https://a/./b", false),
            ("https://a/b?x=1", "https://a/b?x=1/", false),
            ("https://a/b", "https://a", false),
            ("https://a", "https://a.evil", false),
        ] {
            assert_eq!(is_same(one, other), same, "{one} {other}");
            assert_eq!(is_same(other, one), same, "{other} {one}");
            let is_spelling = |id: &str, of: &str| other_spellings(of).iter().any(|one| one == id);
            assert_eq!(one == other || is_spelling(one, other), same, "{one} {other}");
            assert_eq!(one == other || is_spelling(other, one), same, "{other} {one}");
        }
    }

    #[test]
    fn a_registered_identifier_is_no_spelling_of_another_one() {
        let registered = HashMap::from_iter(
            ["https://a", "https://a/", "https://b/"]
                .map(|id| (id.to_owned(), ResourceMetadata::default())),
        );
        let found = |asked: &str| registered_as(&registered, asked).map(|(id, _)| id.as_str());
        assert_eq!(found("https://a"), Some("https://a"));
        assert_eq!(found("https://a/"), Some("https://a/"));
        assert_eq!(found("https://b"), Some("https://b/"));
        assert_eq!(found("https://c"), None);
    }

    #[test]
    fn an_mcp_server_is_a_url_and_has_a_place() {
        let place = |id: &str| mcp_place(id);
        assert_eq!(place("https://mcp.example.com").as_deref(), Some("mcp.example.com"));
        assert_eq!(
            place("https://mcp.example.com/a/mcp/").as_deref(),
            Some("mcp.example.com/a/mcp")
        );
        assert_eq!(place("http://127.0.0.1:9000/mcp").as_deref(), Some("127.0.0.1:9000/mcp"));
        for bad in
            ["urn:mcp", "http://mcp.example.com", "https://a/?x", "https://u@a", "mcp", "ftp://a"]
        {
            assert_eq!(place(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_token_has_the_scopes_that_its_resources_know_and_those_of_this_server() {
        let granted = scope("openid email a:read b:read other");
        for (audiences, text) in [
            (vec!["https://a", "us"], "openid email a:read"),
            (vec!["https://a", "https://b"], "openid email a:read b:read"),
            (vec!["https://b"], "openid email b:read"),
            (vec!["https://open"], "openid email a:read b:read other"),
            (vec!["https://a", "https://open"], "openid email a:read b:read other"),
            (vec!["https://a", "https://unknown"], "openid email a:read b:read other"),
            (vec!["https://unknown"], "openid email a:read b:read other"),
            (vec!["us"], "openid email a:read b:read other"),
            (vec!["us/admin/api"], "openid email a:read b:read other"),
            (vec![], "openid email a:read b:read other"),
        ] {
            let audiences: Vec<String> = audiences.into_iter().map(str::to_owned).collect();
            let terms = TokenTerms::of(&registered(), &audiences, "us");
            assert_eq!(terms.narrowed(&granted), scope(text), "{audiences:?}");
        }
    }

    #[test]
    fn the_first_algorithm_and_the_shortest_life_count() {
        let of = |audiences: &[&str]| {
            let audiences: Vec<String> = audiences.iter().map(|one| (*one).to_owned()).collect();
            let terms = TokenTerms::of(&registered(), &audiences, "us");
            (terms.token_alg, terms.access_token.map(|life| life.num_seconds()))
        };
        assert_eq!(of(&["https://a"]), (Some(TokenAlg::Es256), Some(60)));
        assert_eq!(of(&["https://b", "https://a"]), (Some(TokenAlg::Es256), Some(30)));
        assert_eq!(of(&["https://open"]), (None, None));
    }

    #[test]
    fn a_change_replaces_what_it_names_and_null_brings_the_default_back() {
        let change = |value: Value| value.as_object().cloned().unwrap();
        let new = ResourceMetadata::default();
        let made = new.changed(&change(json!({ "scope": "a b", "token_alg": "ES256" }))).unwrap();
        assert_eq!(
            (made.scope.to_string().as_str(), made.token_alg),
            ("a b", Some(TokenAlg::Es256))
        );
        let back = made.changed(&change(json!({ "token_alg": null, "scope": null }))).unwrap();
        assert_eq!(back, new);
        for bad in [
            json!({ "unknown": 1 }),
            json!({ "access_lifetime": 0 }),
            json!({ "scope": "a\"" }),
            json!({ "resource_name": "a\nb" }),
            json!({ "token_alg": "none" }),
        ] {
            assert!(new.changed(&change(bad.clone())).is_err(), "{bad}");
        }
    }
}
