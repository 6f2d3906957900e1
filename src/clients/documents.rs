//! Client ID metadata documents (draft-ietf-oauth-client-id-metadata-document): a client that nobody
//! registered is named by the https URL of a document that describes it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Duration, Utc};
use serde_json::Value;
use url::Url;

use super::fetches::{Fetches, NotFetched};
use super::kept::Kept;
use super::registered::Registered;
use crate::domain::client::{AuthMethod, Client, ClientId, ClientKind, RegisteredBy};
use crate::domain::client_document::{self, UnknownGrants};
use crate::domain::client_metadata::ClientMetadata;
use crate::domain::clock::Clock;
use crate::domain::document_trust::DocumentTrust;
use crate::domain::grant_type::GrantType;
use crate::domain::host_list::HostList;
use crate::domain::redirect_uri;
use crate::domain::scope::Scope;
use crate::domain::verdict::Fault;
use crate::keys::client_keys::ClientKeys;
use crate::outbound::document_cache::{Cached, FetchError, Fetching, Keeping};
use crate::outbound::{HttpResponse, Outbound, may_call};

/// How long a document is kept at least, whatever its headers say, and at most.
const LEAST: Duration = Duration::minutes(5);
const LONGEST: Duration = Duration::days(3);
/// How long one without such headers is kept.
const USUAL: Duration = Duration::hours(1);

/// While its host does not answer, the last one is used for as long as any is kept.
const KEEPING: Keeping = Keeping {
    fresh: LONGEST,
    stale: LONGEST,
    cool_down: Duration::seconds(30),
    first_cool_down: Duration::seconds(30),
};

/// The largest document in bytes.
const LIMIT: usize = 64 * 1024;

/// How many documents are kept of each kind.
const MOST: usize = 1024;

/// How many documents are fetched at once of apps that people use, and how many of others.
const AT_ONCE: usize = 32;

/// What an operator decided about documents.
#[derive(Clone, Debug, Default)]
pub struct DocumentRules {
    /// Whose documents are taken.
    pub trust: DocumentTrust,
    /// The hosts, if only those that are listed are.
    pub hosts: HostList,
    /// The hosts whose documents are never taken.
    pub denied_hosts: HostList,
    /// Whether documents may be at private addresses.
    pub allows_private: bool,
}

/// The documents in memory.
#[derive(Debug)]
pub struct Documents {
    rules: DocumentRules,
    /// Of apps that people use.
    of_allowed: Arc<Fetches>,
    /// Of all others. Anybody can name as many of these as they like.
    of_strangers: Arc<Fetches>,
    clock: Clock,
    known: Mutex<Known>,
}

#[derive(Debug)]
struct Known {
    /// Of apps that people use.
    allowed: Kept<Cached<Document>>,
    /// Of others, which were good once.
    good: Kept<Cached<Document>>,
    /// Of URLs that brought nothing good yet. They take no place of a good one.
    tried: Kept<Cached<Document>>,
}

impl Known {
    fn of_url(&mut self, url: &str, is_allowed: bool) -> Arc<Cached<Document>> {
        let new = || Cached::with_life(KEEPING, |document: &Document| document.life);
        if !is_allowed {
            let good = self.good.get(url);
            return good.unwrap_or_else(|| self.tried.of_url(url, new));
        }
        if let Some(cached) = self.allowed.get(url) {
            return cached;
        }
        let cached = self.good.get(url).unwrap_or_else(|| Arc::new(new()));
        self.allowed.put(url, &cached);
        cached
    }

    /// The document of this URL, wherever it is kept.
    fn in_memory(&mut self, url: &str, now: DateTime<Utc>) -> Option<Arc<Document>> {
        let places = [&mut self.allowed, &mut self.good, &mut self.tried];
        places.into_iter().find_map(|kept| kept.get(url)?.in_memory(now))
    }

    fn note_good(&mut self, url: &str, cached: &Arc<Cached<Document>>) {
        if self.good.get(url).is_none() {
            self.good.put(url, cached);
            self.tried.remove(url);
        }
    }
}

/// What was found at the URL.
#[derive(Debug)]
struct Document {
    /// The metadata and the keys, or why they are not good.
    read: Result<(ClientMetadata, Arc<ClientKeys>), String>,
    /// How long this is believed.
    life: Duration,
}

impl Document {
    fn client(&self, id: &ClientId, stored: Option<&Client>, now: DateTime<Utc>) -> Found {
        match &self.read {
            Ok((metadata, keys)) => {
                let client = client_of(id, metadata, stored, now);
                Found::Client(Arc::new(Registered { client, keys: Arc::clone(keys) }))
            }
            Err(_) => Found::Nobody,
        }
    }
}

/// What was found out about a client.
#[derive(Debug)]
pub(super) enum Found {
    /// The client.
    Client(Arc<Registered>),
    /// There is no such client.
    Nobody,
    /// Nobody answers at the URL.
    Unknown(NotFetched),
}

impl Documents {
    /// No documents yet.
    #[must_use]
    pub fn new(rules: DocumentRules, outbound: &Outbound, clock: Clock) -> Self {
        let fetches = || Arc::new(Fetches::new(outbound.clone(), AT_ONCE));
        let known = Known { allowed: Kept::of(MOST), good: Kept::of(MOST), tried: Kept::of(MOST) };
        let (of_allowed, of_strangers) = (fetches(), fetches());
        Self { rules, of_allowed, of_strangers, clock, known: Mutex::new(known) }
    }

    /// The URL of the document, if this names a client by one and the operator trusts its host.
    pub(super) fn url(&self, id: &ClientId) -> Option<Url> {
        let url = document_url(id, self.rules.allows_private)?;
        let is_trusted = match self.rules.trust {
            DocumentTrust::None => false,
            DocumentTrust::Listed => self.rules.hosts.has(&url),
            DocumentTrust::Any => true,
        };
        (is_trusted && !self.rules.denied_hosts.has(&url)).then_some(url)
    }

    /// The client that the document describes. `stored` is what a person allowed earlier. Before anybody
    /// used it, it is one of those that anybody may name: pressing a button costs nothing.
    pub(super) async fn find(&self, id: &ClientId, stored: Option<&Client>) -> Found {
        let now = self.clock.now();
        let is_allowed = stored.is_some_and(|stored| stored.is_used);
        let cached = self.known().of_url(id.as_str(), is_allowed);
        let fetches = if is_allowed { &self.of_allowed } else { &self.of_strangers };
        let document = match cached.get(now, self.fetch(id, fetches)).await {
            Ok(document) => document,
            Err(failure) => return Found::Unknown(failure),
        };
        if document.read.is_ok() && !is_allowed {
            self.known().note_good(id.as_str(), &cached);
        }
        document.client(id, stored, now)
    }

    /// The client that the document in memory describes. Nothing is fetched.
    pub(super) fn in_memory(&self, id: &ClientId, stored: Option<&Client>) -> Found {
        let now = self.clock.now();
        match self.known().in_memory(id.as_str(), now) {
            Some(document) => document.client(id, stored, now),
            None => Found::Unknown(NotFetched::because("it is not in memory")),
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fetch(&self, id: &ClientId, fetches: &Arc<Fetches>) -> Fetching<Document, NotFetched> {
        let (fetches, id, rules) = (Arc::clone(fetches), id.clone(), self.rules.clone());
        Box::pin(async move {
            let response = fetches.get(id.as_str(), LIMIT).await;
            let response = response.inspect_err(|why| {
                if why.was_asked() {
                    tracing::warn!(client_id = %id, %why, "a client document could not be fetched");
                }
            })?;
            // A server that is overloaded says nothing about the document.
            if response.status == 429 || response.status >= 500 {
                let why = format!("it is answered with status {}", response.status);
                return Err(NotFetched::because(why));
            }
            let read = read(&id, &response, rules.allows_private);
            if let Err(why) = &read {
                tracing::warn!(client_id = %id, %why, "a client document is not good");
            }
            let life = if read.is_ok() { life(response.cache_control.as_deref()) } else { LEAST };
            Ok(Document { read, life })
        })
    }
}

/// The URL of a document, if a client id is one: https with a path, and nothing in it that two programs
/// could read differently. Private addresses and plain http are for `outbound.allow_private` alone.
#[must_use]
pub fn document_url(id: &ClientId, allows_private: bool) -> Option<Url> {
    let text = id.as_str();
    let url = Url::parse(text).ok()?;
    // What the parser would write differently has dot segments, an empty port or other forms.
    let is_plain = url.as_str() == text && !text.to_ascii_lowercase().contains("%2e");
    let has_path = url.path().len() > 1;
    let is_complete = url.fragment().is_none() && url.query() != Some("");
    let has_credentials = !url.username().is_empty() || url.password().is_some();
    // The same host without the dot would be another client (RFC 1034 §3.1).
    let has_one_name = url.host_str().is_some_and(|host| !host.ends_with('.'));
    let is_document = is_plain && has_path && is_complete && !has_credentials && has_one_name;
    (is_document && may_call(text, allows_private)).then_some(url)
}

fn client_of(
    id: &ClientId,
    metadata: &ClientMetadata,
    stored: Option<&Client>,
    now: DateTime<Utc>,
) -> Client {
    let kind = match metadata.token_endpoint_auth_method {
        AuthMethod::None => ClientKind::Public,
        _ => ClientKind::Confidential,
    };
    let mut client = Client::new(id.clone(), kind, stored.map_or(now, |stored| stored.created_at));
    client.metadata = metadata.clone();
    client.registered_by = RegisteredBy::Document;
    client.disabled_at = stored.and_then(|stored| stored.disabled_at);
    client.tokens_from = stored.and_then(|stored| stored.tokens_from);
    client.is_used = stored.is_some_and(|stored| stored.is_used);
    client
}

/// What such a client may ask for.
const SCOPE: &str = "openid profile email offline_access";

/// The scope of such a client, without that of MCP servers.
pub(super) fn scope() -> Scope {
    Scope::parse(SCOPE).unwrap_or_default()
}

/// The grants of such a client.
const GRANTS: &[GrantType] = &[GrantType::AuthorizationCode, GrantType::RefreshToken];

fn read(
    id: &ClientId,
    response: &HttpResponse,
    allows_private: bool,
) -> Result<(ClientMetadata, Arc<ClientKeys>), String> {
    // Redirects are not followed: the document is what the URL itself says.
    if response.status != 200 {
        return Err(format!("it is answered with status {}", response.status));
    }
    if !is_json(response.content_type.as_deref().unwrap_or_default()) {
        return Err("it is not of a JSON type".to_owned());
    }
    parse(id.as_str(), &response.body, allows_private)
}

fn is_json(content_type: &str) -> bool {
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    let media_type = media_type.to_ascii_lowercase();
    media_type == "application/json"
        || media_type.starts_with("application/") && media_type.ends_with("+json")
}

/// Reads a document that was found at this URL.
pub fn parse(
    url: &str,
    body: &[u8],
    allows_private: bool,
) -> Result<(ClientMetadata, Arc<ClientKeys>), String> {
    let document: Value = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let Value::Object(mut document) = document else {
        return Err("it is not a JSON object".to_owned());
    };
    // The draft, §4: compared byte for byte.
    if document.get("client_id").and_then(Value::as_str) != Some(url) {
        return Err("its client_id is not its URL".to_owned());
    }
    // The draft, §4.1: nobody shares a secret with a client that nobody registered.
    if ["client_secret", "client_secret_expires_at"].iter().any(|name| document.contains_key(*name))
    {
        return Err("it has a client_secret".to_owned());
    }
    if document.get("token_endpoint_auth_method").is_none_or(Value::is_null) {
        let method = method_of(&document).as_str();
        document.insert("token_endpoint_auth_method".to_owned(), method.into());
    }
    let mut read = client_document::of_app(&document, UnknownGrants::LeftOut)
        .map_err(|bad| bad.to_string())?;
    if !matches!(read.token_endpoint_auth_method, AuthMethod::None | AuthMethod::PrivateKeyJwt) {
        return Err("its token_endpoint_auth_method is neither none nor private_key_jwt".to_owned());
    }
    // What one server does not know another one may, so a document is not refused for that.
    read.grant_types.retain(|grant| GRANTS.contains(grant));
    if !read.grant_types.contains(&GrantType::AuthorizationCode) {
        return Err("it does not use the grant authorization_code".to_owned());
    }
    let kind = match read.token_endpoint_auth_method {
        AuthMethod::None => ClientKind::Public,
        _ => ClientKind::Confidential,
    };
    read.redirect_uris.retain(|uri| redirect_uri::check(uri, kind).is_ok());
    if read.redirect_uris.is_empty() {
        return Err("it has no redirect URI that can be used".to_owned());
    }
    read.post_logout_redirect_uris.retain(|uri| redirect_uri::check(uri, kind).is_ok());
    read.scope = scope();
    read.backchannel_logout_uri = None;
    let is_callable = |uri: &String| may_call(uri, allows_private);
    for link in [&mut read.logo_uri, &mut read.policy_uri, &mut read.tos_uri, &mut read.client_uri]
    {
        *link = link.take().filter(is_callable);
    }
    let keys = keys_of(&mut read, allows_private)?;
    Ok((read, keys))
}

/// The keys of a client that authenticates by them.
fn keys_of(read: &mut ClientMetadata, allows_private: bool) -> Result<Arc<ClientKeys>, String> {
    let signs = read.token_endpoint_auth_method == AuthMethod::PrivateKeyJwt
        || read.require_signed_request_object
        || read.request_object_signing_alg.is_some();
    if !signs {
        (read.jwks, read.jwks_uri) = (None, None);
        return Ok(Arc::default());
    }
    match (&read.jwks, &read.jwks_uri) {
        (Some(_), Some(_)) => Err("it has jwks and jwks_uri".to_owned()),
        (Some(jwks), None) => Ok(Arc::new(ClientKeys::parse(&jwks.to_string())?)),
        (None, Some(uri)) if may_call(uri, allows_private) => Ok(Arc::default()),
        (None, Some(_)) => Err("its jwks_uri is not an address on the web".to_owned()),
        (None, None) => Err("it has no keys".to_owned()),
    }
}

/// How a client authenticates whose document does not say it in the words of RFC 7591: some list the
/// methods that they can (OpenID Connect RP Metadata Choices). The best of them that is possible here.
fn method_of(document: &serde_json::Map<String, Value>) -> AuthMethod {
    let listed = document.get("token_endpoint_auth_methods_supported").and_then(Value::as_array);
    let lists = |method: AuthMethod| {
        listed.is_some_and(|all| all.iter().any(|one| one.as_str() == Some(method.as_str())))
    };
    let has_keys = ["jwks", "jwks_uri"].iter().any(|name| document.get(*name).is_some());
    if has_keys && lists(AuthMethod::PrivateKeyJwt) {
        AuthMethod::PrivateKeyJwt
    } else {
        AuthMethod::None
    }
}

/// How long a document is believed, by its `Cache-Control` (RFC 9111 §5.2.2).
fn life(cache_control: Option<&str>) -> Duration {
    let Some(directives) = cache_control else { return USUAL };
    let mut given = None;
    for directive in directives.split(',').map(|one| one.trim().to_ascii_lowercase()) {
        match directive.split_once('=') {
            Some(("max-age", seconds)) => {
                let seconds: i64 = seconds.trim_matches('"').parse().unwrap_or_default();
                given = Some(given.unwrap_or(seconds).min(seconds));
            }
            None if matches!(directive.as_str(), "no-store" | "no-cache") => given = Some(0),
            _ => {}
        }
    }
    let seconds = given.map_or(USUAL.num_seconds(), |seconds| seconds);
    Duration::seconds(seconds.clamp(LEAST.num_seconds(), LONGEST.num_seconds()))
}

/// The fault of a request in the name of a client whose document cannot be fetched now.
pub(super) fn unavailable(failure: NotFetched) -> Fault {
    Fault::unavailable("fetching the document of a client", failure)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const URL: &str = "https://app.example/client.json";

    #[test]
    fn what_brought_nothing_good_takes_no_place_of_what_did() {
        let mut known = Known { allowed: Kept::of(2), good: Kept::of(2), tried: Kept::of(2) };
        let good = known.of_url("good", false);
        known.note_good("good", &good);
        let allowed = known.of_url("allowed", true);
        for number in 0..10 {
            known.of_url(&format!("{number}"), false);
        }
        assert!(Arc::ptr_eq(&good, &known.of_url("good", false)));
        assert!(Arc::ptr_eq(&allowed, &known.of_url("allowed", true)));
        // What a person allows now is not fetched again.
        assert!(Arc::ptr_eq(&good, &known.of_url("good", true)));
    }

    fn is_url(text: &str, allows_private: bool) -> bool {
        ClientId::parse(text).is_some_and(|id| document_url(&id, allows_private).is_some())
    }

    #[test]
    fn a_client_id_is_a_url_that_everybody_reads_alike() {
        for good in [
            URL.to_owned(),
            "https://app.example:8443/a/b?c=d".to_owned(),
            "https://app.example/a/".to_owned(),
            format!("https://app.example/{}", "x".repeat(2000 - 20)),
        ] {
            assert!(is_url(&good, false), "{good}");
        }
        for bad in [
            "http://app.example/client.json".to_owned(),
            "https://app.example".to_owned(),
            "https://app.example/".to_owned(),
            "https://app.example/a#b".to_owned(),
            "https://app.example/a#".to_owned(),
            "https://app.example/a?".to_owned(),
            "https://u@app.example/a".to_owned(),
            "https://u:p@app.example/a".to_owned(),
            "https://@app.example/a".to_owned(),
            "https://app.example/a/../b".to_owned(),
            "https://app.example/./a".to_owned(),
            "https://app.example/a/%2e%2E/b".to_owned(),
            "https://app.example/%2E/a".to_owned(),
            "https://app.example:443/a".to_owned(),
            "https://app.example:/a".to_owned(),
            "https://APP.example/a".to_owned(),
            "https://app.example./a".to_owned(),
            "HTTPS://app.example/a".to_owned(),
            "https:\\\\app.example\\a".to_owned(),
            "https://app.example/a b".to_owned(),
            "https://127.0.0.1/a".to_owned(),
            "https://10.0.0.1/a".to_owned(),
            "https://[::1]/a".to_owned(),
            "https://169.254.169.254/a".to_owned(),
            "ftp://app.example/a".to_owned(),
            "app".to_owned(),
            format!("https://app.example/{}", "x".repeat(2001 - 20)),
        ] {
            assert!(!is_url(&bad, false), "{bad}");
        }
        assert!(is_url("http://127.0.0.1:8080/a", true) && is_url("https://10.0.0.1/a", true));
        assert!(
            !is_url("https://169.254.169.254/a", true) && !is_url("http://app.example/a", true)
        );
    }

    #[test]
    fn each_document_is_refused_for_one_reason() {
        let good = json!({ "client_id": URL, "client_name": "App", "redirect_uris": ["https://app.example/cb"] });
        let read = |changes: &Value| {
            let mut document = good.clone();
            for (name, value) in changes.as_object().unwrap() {
                document[name] = value.clone();
            }
            parse(URL, document.to_string().as_bytes(), false).map(|(metadata, _)| metadata)
        };
        assert!(read(&json!({})).is_ok());
        for (changes, why) in [
            (json!({ "client_id": null }), "its client_id is not its URL"),
            (json!({ "client_id": format!("{URL}/") }), "its client_id is not its URL"),
            (
                json!({ "client_id": "https://APP.example/client.json" }),
                "its client_id is not its URL",
            ),
            (json!({ "client_secret": "x" }), "it has a client_secret"),
            (json!({ "client_secret_expires_at": 0 }), "it has a client_secret"),
            (
                json!({ "token_endpoint_auth_method": "client_secret_basic" }),
                "its token_endpoint_auth_method is neither none nor private_key_jwt",
            ),
            (
                json!({ "token_endpoint_auth_method": "client_secret_post" }),
                "its token_endpoint_auth_method is neither none nor private_key_jwt",
            ),
            (json!({ "token_endpoint_auth_method": "private_key_jwt" }), "it has no keys"),
            (
                json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks_uri": "https://10.0.0.1/x" }),
                "its jwks_uri is not an address on the web",
            ),
            (
                json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks_uri": "https://app.example/x", "jwks": {} }),
                "it has jwks and jwks_uri",
            ),
            (
                json!({ "grant_types": ["client_credentials"] }),
                "it does not use the grant authorization_code",
            ),
            (json!({ "redirect_uris": [] }), "it has no redirect URI that can be used"),
            (
                json!({ "redirect_uris": ["javascript:alert(1)", "http://app.example/cb"] }),
                "it has no redirect URI that can be used",
            ),
            (
                json!({ "response_types": ["token"] }),
                "the response type \"token\" is not supported: code is",
            ),
            (json!({ "software_statement": "x" }), "software statements are not taken"),
        ] {
            assert_eq!(read(&changes).unwrap_err(), why, "{changes}");
        }
        for bad in ["", "[]", "{", "\"x\"", "null"] {
            assert!(parse(URL, bad.as_bytes(), false).is_err(), "{bad}");
        }
    }

    #[test]
    fn quirks_of_real_clients_are_borne() {
        // The shapes of documents that clients published, with the redirect URIs that they use.
        let documents = [
            // Claude Code: a loopback name in place of an address.
            json!({
                "client_id": URL, "client_name": "Claude Code", "client_uri": "https://claude.ai",
                "redirect_uris": ["http://localhost/callback", "http://127.0.0.1/callback"],
                "grant_types": ["authorization_code", "refresh_token"], "response_types": ["code"],
                "token_endpoint_auth_method": "none",
            }),
            // Claude: a public client that lists a grant for confidential ones.
            json!({
                "client_id": URL, "client_name": "Claude",
                "redirect_uris": ["https://claude.ai/api/mcp/auth_callback"],
                "grant_types": ["authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:jwt-bearer"],
                "response_types": ["code"], "token_endpoint_auth_method": "none",
            }),
            // VS Code: a logo of another host.
            json!({
                "client_id": URL, "client_name": "Visual Studio Code",
                "logo_uri": "https://code.visualstudio.com/assets/branding/app-icon.png",
                "redirect_uris": ["http://127.0.0.1:33418/", "http://127.0.0.1/", "https://vscode.dev/redirect"],
                "grant_types": ["authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code"],
                "response_types": ["code"], "token_endpoint_auth_method": "none", "application_type": "native",
            }),
            // ChatGPT: a list of methods in place of one.
            json!({
                "client_id": URL, "client_name": "ChatGPT",
                "redirect_uris": ["https://chatgpt.com/connector_platform_oauth_redirect"],
                "token_endpoint_auth_methods_supported": ["none", "private_key_jwt"],
                "grant_types": ["authorization_code", "refresh_token"], "response_types": ["code"],
            }),
            // Cursor: a private-use scheme without a dot beside an address that can be used.
            json!({
                "client_id": URL, "client_name": "Cursor",
                "redirect_uris": ["cursor://anysphere.cursor-mcp/oauth/callback", "http://localhost:8787/callback"],
                "token_endpoint_auth_method": "none",
            }),
        ];
        for document in documents {
            let (read, _) = parse(URL, document.to_string().as_bytes(), false)
                .unwrap_or_else(|why| panic!("{why}: {document}"));
            assert_eq!(read.token_endpoint_auth_method, AuthMethod::None, "{document}");
            assert!(read.grant_types.iter().all(|grant| GRANTS.contains(grant)), "{document}");
            assert!(!read.redirect_uris.is_empty() && !read.first_party, "{document}");
        }
    }

    #[test]
    fn rfc9111_5_2_2_a_document_is_kept_within_bounds() {
        for (header, seconds) in [
            (None, 3600),
            (Some("public"), 3600),
            (Some("no-store"), 300),
            (Some("no-cache, max-age=86400"), 300),
            (Some("max-age=0"), 300),
            (Some("max-age=x"), 300),
            (Some("max-age=301"), 301),
            (Some("Public, Max-Age=86400, must-revalidate"), 86_400),
            (Some("max-age=99999999"), 259_200),
            (Some("max-age=\"600\""), 600),
        ] {
            assert_eq!(life(header).num_seconds(), seconds, "{header:?}");
        }
    }

    #[test]
    fn only_json_is_a_document() {
        for good in [
            "application/json",
            "Application/JSON; charset=utf-8",
            "application/oauth-client-id-document+json",
        ] {
            assert!(is_json(good), "{good}");
        }
        for bad in
            ["", "text/html", "text/json", "application/jsonx", "application/xml", "image/svg+json"]
        {
            assert!(!is_json(bad), "{bad}");
        }
    }
}
