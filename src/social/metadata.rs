//! The metadata of an OpenID provider, OpenID Connect Discovery §3.

use serde_json::Value;
use url::Url;

use super::error::UpstreamError;
use super::id_tokens::metadata_url;
use super::microsoft::Tenants;
use super::upstream::Upstream;
use crate::domain::excerpt::excerpt;

/// A longer URL is treated as missing.
const LONGEST: usize = 2048;

/// The members of the metadata that are used.
#[derive(Debug)]
pub(super) struct Metadata {
    pub(super) issuer: String,
    pub(super) authorization_endpoint: String,
    pub(super) token_endpoint: String,
    pub(super) jwks_uri: String,
    pub(super) userinfo_endpoint: Option<String>,
    /// Whether a client may authenticate with HTTP Basic.
    pub(super) takes_basic: bool,
    /// Whether authorization responses contain `iss`, RFC 9207 §3.
    pub(super) authorization_response_iss_parameter_supported: bool,
}

impl Metadata {
    /// Fetches the metadata.
    pub(super) async fn fetch(
        upstream: &Upstream,
        tenants: Option<&Tenants<'_>>,
    ) -> Result<Self, UpstreamError> {
        let bad = |why: String| UpstreamError::Misconfigured(why);
        let issuer = tenants.map_or_else(|| upstream.issuer().to_owned(), Tenants::issuer);
        let url = metadata_url(&issuer);
        let (status, document) = upstream.channel.get(&url, None).await?;
        if status != 200 {
            return Err(bad(format!("the metadata is answered with status {status}")));
        }
        let metadata = Self::read(&document).map_err(bad)?;
        // Discovery §4.3: the metadata must name the issuer that was asked for it.
        let stated = &metadata.issuer;
        if !tenants.map_or(*stated == issuer, |some| some.may_be_called(stated)) {
            return Err(bad(format!("the metadata names another issuer, {}", excerpt(stated))));
        }
        let page = &metadata.authorization_endpoint;
        if !upstream.channel.leads_somewhere(page) || !has_plain_host(page) {
            return Err(bad("the authorization_endpoint is not a web address".to_owned()));
        }
        Ok(metadata)
    }

    /// Reads the metadata. A member that is not needed and has the wrong type is treated as
    /// missing, and so are an empty list and `null`.
    fn read(document: &Value) -> Result<Self, String> {
        let text = |member: &str| {
            let text = document.get(member).and_then(Value::as_str);
            text.filter(|text| !text.is_empty() && text.len() <= LONGEST).map(str::to_owned)
        };
        let needed =
            |member: &str| text(member).ok_or_else(|| format!("the metadata has no {member}"));
        let promises_iss = document.get("authorization_response_iss_parameter_supported");
        Ok(Self {
            issuer: needed("issuer")?,
            authorization_endpoint: needed("authorization_endpoint")?,
            token_endpoint: needed("token_endpoint")?,
            jwks_uri: needed("jwks_uri")?,
            userinfo_endpoint: text("userinfo_endpoint"),
            takes_basic: takes_basic(document.get("token_endpoint_auth_methods_supported")),
            authorization_response_iss_parameter_supported: promises_iss
                .is_some_and(|promised| *promised == true || *promised == "true"),
        })
    }
}

/// Whether this can be read as the metadata of a provider, and if not, why.
pub fn check_metadata(document: &Value) -> Result<(), String> {
    Metadata::read(document).map(drop)
}

/// Whether HTTP Basic is supported. It is the default if the metadata names no method (OpenID
/// Connect Core §9).
fn takes_basic(methods: Option<&Value>) -> bool {
    let mut methods: Vec<_> = match methods {
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        Some(Value::String(one)) => vec![one.as_str()],
        _ => Vec::new(),
    };
    methods.retain(|method| !method.is_empty());
    methods.is_empty() || methods.contains(&"client_secret_basic")
}

/// Whether the host of a URL has only letters, digits, dots and hyphens. The URL standard allows
/// more.
fn has_plain_host(url: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
    let url = Url::parse(url).ok();
    url.as_ref().and_then(Url::host_str).is_some_and(|host| host.bytes().all(plain))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn with(more: &Value) -> Result<Metadata, String> {
        let mut document = json!({
            "issuer": "https://idp", "authorization_endpoint": "https://idp/a",
            "token_endpoint": "https://idp/t", "jwks_uri": "https://idp/k",
        });
        document.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        Metadata::read(&document)
    }

    #[test]
    fn discovery_3_members_that_are_null_or_empty_or_of_another_type_say_nothing() {
        for nothing in [json!(null), json!([]), json!({}), json!(7), json!("")] {
            let metadata = with(&json!({
                "userinfo_endpoint": nothing, "scopes_supported": nothing,
                "token_endpoint_auth_methods_supported": nothing, "claims_supported": nothing,
                "authorization_response_iss_parameter_supported": nothing,
                "code_challenge_methods_supported": nothing,
            }));
            let metadata = metadata.unwrap();
            assert_eq!(metadata.userinfo_endpoint, None);
            assert!(metadata.takes_basic, "{nothing}");
            assert!(!metadata.authorization_response_iss_parameter_supported, "{nothing}");
        }
        for (methods, basic) in [
            (json!(["client_secret_post"]), false),
            (json!(["client_secret_post", null]), false),
            (json!("client_secret_post"), false),
            (json!([null]), true),
            (json!(["client_secret_post", "client_secret_basic"]), true),
        ] {
            let metadata = with(&json!({ "token_endpoint_auth_methods_supported": methods }));
            assert_eq!(metadata.unwrap().takes_basic, basic, "{methods}");
        }
    }

    #[test]
    fn discovery_3_what_is_needed_is_there_and_of_bounded_length() {
        for member in ["issuer", "authorization_endpoint", "token_endpoint", "jwks_uri"] {
            for none in [json!(null), json!(["https://idp"]), json!("x".repeat(LONGEST + 1))] {
                let problem = with(&json!({ member: none })).unwrap_err();
                assert_eq!(problem, format!("the metadata has no {member}"));
            }
        }
    }
}
