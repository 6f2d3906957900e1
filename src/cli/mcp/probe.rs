//! `mapae mcp probe`: walks the way of an MCP client, step by step, and stops where it ends.

use std::path::PathBuf;

use clap::Args;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use url::{Origin, Url};

use crate::cli::installation::Installation;
use crate::cli::output::{secret_from_file, secret_from_stdin};
use crate::domain::clock::Clock;
use crate::domain::excerpt::excerpt;
use crate::domain::resource::is_same;
use crate::domain::secret::Secret;
use crate::domain::verdict::{OrRejected, reject};
use crate::keys::jwt;
use crate::oauth::claims::AudienceClaim;
use crate::outbound::{OperatorClient, Outbound, OutboundError};

/// How long one step may take.
const TIMEOUT: std::time::Duration = std::time::Duration::from_secs(10);
/// The most characters that are shown of what the other side says.
const LONGEST: usize = 2000;
/// The redirect URI of the request that is tried. Nothing is ever sent there.
const CALLBACK: &str = "http://127.0.0.1/callback";
/// The code challenge of RFC 7636 Appendix B.
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

#[derive(Debug, Args)]
pub(in crate::cli) struct Probe {
    /// The URL of the MCP server, as clients call it
    url: String,
    /// An access token for it: the last two steps are walked, too. `-`: standard input has it
    #[arg(long, value_name = "TOKEN")]
    token: Option<String>,
    /// The file that has the access token
    #[arg(long, value_name = "FILE", conflicts_with = "token")]
    token_file: Option<PathBuf>,
    /// A client that is registered by hand, where clients cannot register themselves
    #[arg(long, value_name = "ID")]
    client_id: Option<String>,
}

/// A step that was walked, and what was found.
struct Walked {
    step: &'static str,
    found: String,
}

/// Where the way ends, and why.
struct Broken {
    step: &'static str,
    why: String,
}

type Step<T> = Result<T, String>;

/// What a client reads of the metadata of a resource, RFC 9728 §2.
#[derive(Deserialize)]
struct ResourceDocument {
    resource: String,
    #[serde(default)]
    authorization_servers: Vec<String>,
    #[serde(default)]
    scopes_supported: Vec<String>,
}

/// What a client reads of the metadata of a server, RFC 8414 §2.
#[derive(Deserialize)]
struct ServerDocument {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    registration_endpoint: Option<String>,
    #[serde(default)]
    client_id_metadata_document_supported: bool,
    #[serde(default)]
    code_challenge_methods_supported: Vec<String>,
    #[serde(default)]
    response_types_supported: Vec<String>,
}

/// What is read of a token that is a JWT.
#[derive(Deserialize)]
struct Claims {
    iss: Option<String>,
    aud: Option<AudienceClaim>,
    exp: Option<i64>,
}

impl Probe {
    pub(super) async fn run(self, at: &Installation) -> OrRejected {
        let settings = at.quiet_settings()?;
        let token = self.given_token()?;
        let client = OperatorClient::new(settings.outbound.ca_file.as_deref(), TIMEOUT);
        let client = client.or_else(|error| reject(error.to_string()))?;
        let outbound = Outbound::new(settings.outbound.clone());
        let outbound = outbound.or_else(|error| reject(error.to_string()))?;
        let own = [self.url.as_str(), settings.issuer.as_str()];
        let own = own.into_iter().filter_map(|url| Url::parse(url).ok());
        let calls = Calls { client, outbound, own: own.map(|url| url.origin()).collect() };
        let token = token.as_ref().map(|token| token.expose().as_str());
        let mut walked = Vec::new();
        let way = Way { probe: &self, token, calls: &calls, clock: &at.clock };
        let broken = way.walk(&mut walked).await.err();
        // What the other side says is shown on a terminal.
        for Walked { found, .. } in &mut walked {
            *found = excerpt(&*found).up_to(LONGEST).to_string();
        }
        let steps: Vec<Value> = walked
            .iter()
            .map(|Walked { step, found }| json!({ "step": step, "found": found }))
            .collect();
        if let Some(Broken { step, why }) = broken {
            return reject(format!("{step}: {}", excerpt(why).up_to(LONGEST)));
        }
        let words: Vec<String> =
            walked.iter().map(|Walked { step, found }| format!("{step}: {found}")).collect();
        at.print(&json!({ "resource": self.url, "steps": steps }), &words.join("\n"));
        Ok(())
    }

    fn given_token(&self) -> OrRejected<Option<Secret<String>>> {
        match (self.token.as_deref(), self.token_file.as_deref()) {
            (Some("-"), _) => secret_from_stdin().map(Some),
            (Some(token), _) => Ok(Some(Secret::new(token.to_owned()))),
            (None, Some(file)) => secret_from_file(file).map(Some),
            (None, None) => Ok(None),
        }
    }
}

/// How URLs are called. The operator names the MCP server and this server; every other URL is named by
/// the MCP server, and must not reach what only the operator's machine can reach.
struct Calls {
    client: OperatorClient,
    outbound: Outbound,
    own: Vec<Origin>,
}

impl Calls {
    async fn send(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, OutboundError> {
        let url = Url::parse(&request.uri().to_string()).ok();
        if url.is_some_and(|url| self.own.contains(&url.origin())) {
            self.client.send(request).await
        } else {
            self.outbound.send(request).await
        }
    }
}

struct Way<'a> {
    probe: &'a Probe,
    token: Option<&'a str>,
    calls: &'a Calls,
    clock: &'a Clock,
}

impl Way<'_> {
    async fn walk(&self, walked: &mut Vec<Walked>) -> Result<(), Broken> {
        let at = |step| move |why: String| Broken { step, why };
        let told = self.unauthorized().await.map_err(at("401"))?;
        let found = told.clone().unwrap_or_else(|| "without resource_metadata".to_owned());
        walked.push(Walked { step: "401", found });
        let (url, resource) =
            self.resource(told.as_deref()).await.map_err(at("resource metadata"))?;
        walked.push(Walked { step: "resource metadata", found: url });
        let issuer = resource.authorization_servers.first().cloned().unwrap_or_default();
        let (url, server) = self.server(&issuer).await.map_err(at("server metadata"))?;
        walked.push(Walked { step: "server metadata", found: url });
        let found = self.registration(&server).map_err(at("registration"))?;
        walked.push(Walked { step: "registration", found });
        let found = self.authorize(&server, &resource).await.map_err(at("authorize"))?;
        walked.push(Walked { step: "authorize", found });
        let found = self.token(&server, &resource).await.map_err(at("token"))?;
        walked.push(Walked { step: "token", found });
        let found = self.call().await.map_err(at("call"))?;
        walked.push(Walked { step: "call", found });
        Ok(())
    }

    async fn send(
        &self,
        method: Method,
        url: &str,
        headers: HeaderMap,
        body: String,
    ) -> Step<Response<Vec<u8>>> {
        let mut request = Request::builder()
            .method(method)
            .uri(url)
            .body(body.into_bytes())
            .map_err(|error| format!("{url}: {error}"))?;
        *request.headers_mut() = headers;
        self.calls.send(request).await.map_err(|error| format!("{url}: {error}"))
    }

    /// The first request of a client: `initialize`.
    async fn initialize(&self, token: Option<&str>) -> Step<Response<Vec<u8>>> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let both = "application/json, text/event-stream";
        headers.insert(ACCEPT, HeaderValue::from_static(both));
        if let Some(token) = token {
            let value = HeaderValue::try_from(format!("Bearer {token}"));
            headers.insert(AUTHORIZATION, value.map_err(|_| "the token is no text".to_owned())?);
        }
        let body = json!({
            "jsonrpc": "2.0", "id": 1, "method": "initialize",
            "params": {
                "protocolVersion": "2025-06-18", "capabilities": {},
                "clientInfo": { "name": "mapae mcp probe", "version": env!("CARGO_PKG_VERSION") },
            },
        });
        self.send(Method::POST, &self.probe.url, headers, body.to_string()).await
    }

    /// RFC 9728 §5.1: without a token the answer is 401, and says where the metadata is.
    async fn unauthorized(&self) -> Step<Option<String>> {
        let url = Url::parse(&self.probe.url)
            .map_err(|error| format!("{:?} is no URL: {error}", self.probe.url))?;
        if url.fragment().is_some() {
            return Err("the URL of an MCP server has no fragment".to_owned());
        }
        let answer = self.initialize(None).await?;
        if answer.status() != StatusCode::UNAUTHORIZED {
            return Err(format!("without a token it answers {}, not 401", answer.status()));
        }
        let challenges = answer.headers().get_all(WWW_AUTHENTICATE).iter();
        let mut challenges = challenges.filter_map(|value| value.to_str().ok()).peekable();
        if challenges.peek().is_none() {
            return Err("it answers 401 without WWW-Authenticate".to_owned());
        }
        Ok(challenges.find_map(|value| parameter(value, "resource_metadata")))
    }

    /// RFC 9728 §3: the document that the challenge names, else that at the well-known places.
    async fn resource(&self, told: Option<&str>) -> Step<(String, ResourceDocument)> {
        let places = match told {
            Some(told) => vec![told.to_owned()],
            None => well_known(&self.probe.url, "oauth-protected-resource")?,
        };
        let (url, document) = self.document(&places).await?;
        let read: ResourceDocument = serde_json::from_value(document)
            .map_err(|error| format!("{url}: it is no metadata of a resource: {error}"))?;
        // §3.3: otherwise one server could speak for another.
        if !is_same(&read.resource, &self.probe.url) {
            return Err(format!(
                "{url} speaks for {:?}, not for {:?}",
                read.resource, self.probe.url
            ));
        }
        if read.authorization_servers.is_empty() {
            return Err(format!("{url} names no authorization server"));
        }
        Ok((url, read))
    }

    /// RFC 8414 §3 and OpenID Connect Discovery §4: the three places where clients look.
    async fn server(&self, issuer: &str) -> Step<(String, ServerDocument)> {
        let mut places = well_known(issuer, "oauth-authorization-server")?;
        places.truncate(1);
        let inserted = well_known(issuer, "openid-configuration")?;
        places.extend(inserted.into_iter().take(1));
        let appended = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
        if !places.contains(&appended) {
            places.push(appended);
        }
        let (url, document) = self.document(&places).await?;
        let read: ServerDocument = serde_json::from_value(document)
            .map_err(|error| format!("{url}: it is no metadata of a server: {error}"))?;
        // RFC 8414 §3.3
        if read.issuer != issuer {
            return Err(format!("{url} is the metadata of {:?}, not of {issuer:?}", read.issuer));
        }
        if !read.code_challenge_methods_supported.iter().any(|method| method == "S256") {
            return Err(format!("{url} does not promise PKCE with S256"));
        }
        if !read.response_types_supported.iter().any(|kind| kind == "code") {
            return Err(format!("{url} does not promise the response type code"));
        }
        Ok((url, read))
    }

    /// The first document that is there.
    async fn document(&self, places: &[String]) -> Step<(String, Value)> {
        let mut why = String::new();
        for url in places {
            let answer = self.send(Method::GET, url, HeaderMap::new(), String::new()).await?;
            if answer.status() == StatusCode::OK {
                let read = serde_json::from_slice(answer.body());
                let read = read.map_err(|_| format!("{url} is not JSON"))?;
                return Ok((url.clone(), read));
            }
            why = format!("{url} answers {}", answer.status());
        }
        Err(why)
    }

    fn registration(&self, server: &ServerDocument) -> Step<String> {
        if let Some(id) = &self.probe.client_id {
            return Ok(format!("by hand: {id}"));
        }
        if server.client_id_metadata_document_supported {
            return Ok("client ID metadata documents".to_owned());
        }
        match &server.registration_endpoint {
            Some(endpoint) => Ok(endpoint.clone()),
            None => {
                Err("the server takes neither client ID metadata documents nor registrations: \
                         name a client that is registered by hand (--client-id)"
                    .to_owned())
            }
        }
    }

    async fn authorize(
        &self,
        server: &ServerDocument,
        resource: &ResourceDocument,
    ) -> Step<String> {
        let mut url =
            Url::parse(&server.authorization_endpoint).map_err(|error| error.to_string())?;
        let scope = resource.scopes_supported.join(" ");
        let id = self.probe.client_id.as_deref().unwrap_or("https://client.invalid/client.json");
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", id)
            .append_pair("redirect_uri", CALLBACK)
            .append_pair("code_challenge", CHALLENGE)
            .append_pair("code_challenge_method", "S256")
            .append_pair("state", "probe")
            .append_pair("scope", &scope)
            .append_pair("resource", &resource.resource);
        let answer = self.send(Method::GET, url.as_str(), HeaderMap::new(), String::new()).await?;
        let status = answer.status();
        // A client that does not exist is refused on a page; one that is named has to be taken.
        let is_refused = status.is_client_error() && self.probe.client_id.is_some();
        if status.is_server_error() || is_refused || matches!(status.as_u16(), 404 | 405) {
            return Err(format!("{} answers {status}", server.authorization_endpoint));
        }
        let back = answer.headers().get(http::header::LOCATION).and_then(|to| to.to_str().ok());
        let error = back.filter(|to| to.starts_with(CALLBACK)).and_then(|to| Url::parse(to).ok());
        let error = error.and_then(|to| {
            to.query_pairs().find(|(name, _)| name == "error").map(|(_, value)| value.into_owned())
        });
        if let Some(error) = error.filter(|error| error != "login_required") {
            return Err(format!("the server refuses a request for this resource: {error}"));
        }
        Ok(format!("{} is there: it answers {status}", server.authorization_endpoint))
    }

    async fn token(&self, server: &ServerDocument, resource: &ResourceDocument) -> Step<String> {
        let Some(token) = self.token else {
            let mut headers = HeaderMap::new();
            let form = HeaderValue::from_static("application/x-www-form-urlencoded");
            headers.insert(CONTENT_TYPE, form);
            // An empty request is refused in words that clients read, RFC 6749 §5.2.
            let sent = self.send(Method::POST, &server.token_endpoint, headers, String::new());
            let answer = sent.await?;
            let read: Option<Value> = serde_json::from_slice(answer.body()).ok();
            return match read.as_ref().and_then(|read| read.get("error")?.as_str()) {
                Some(_) => {
                    Ok(format!("{} is there; not tried without --token", server.token_endpoint))
                }
                None => Err(format!(
                    "{} answers {}, not an error as JSON",
                    server.token_endpoint,
                    answer.status()
                )),
            };
        };
        let Ok(claims) = jwt::unverified::<Claims>(token) else {
            return Ok("it is no JWT, so nothing can be read in it".to_owned());
        };
        if claims.iss.as_deref() != Some(&server.issuer) {
            return Err(format!("the token is of {:?}, not of {:?}", claims.iss, server.issuer));
        }
        if claims.exp.is_some_and(|exp| exp <= self.clock.now().timestamp()) {
            return Err("the token has expired".to_owned());
        }
        let aud = claims.aud.map(|aud| aud.to_string()).unwrap_or_default();
        if !aud.split(' ').any(|one| one == resource.resource) {
            return Err(format!("the token is for {aud:?}, not for {:?}", resource.resource));
        }
        Ok(format!("for {}", resource.resource))
    }

    async fn call(&self) -> Step<String> {
        let Some(token) = self.token else {
            return Ok("not tried without --token".to_owned());
        };
        let answer = self.initialize(Some(token)).await?;
        if !answer.status().is_success() {
            return Err(format!("with the token it answers {}", answer.status()));
        }
        Ok(format!("{}", answer.status()))
    }
}

/// The well-known places of a URL: with its path behind them, and without it.
fn well_known(url: &str, name: &str) -> Step<Vec<String>> {
    let parsed = Url::parse(url).map_err(|error| format!("{url:?}: {error}"))?;
    let (origin, path) = (parsed.origin().ascii_serialization(), parsed.path());
    let path = path.trim_end_matches('/');
    let mut places = vec![format!("{origin}/.well-known/{name}{path}")];
    if !path.is_empty() {
        places.push(format!("{origin}/.well-known/{name}"));
    }
    Ok(places)
}

/// A parameter of a challenge.
fn parameter(challenge: &str, name: &str) -> Option<String> {
    let (_, rest) = challenge.split_once(&format!("{name}="))?;
    match rest.strip_prefix('"') {
        Some(quoted) => quoted.split_once('"').map(|(value, _)| value.to_owned()),
        None => rest.split([',', ' ']).next().map(str::to_owned),
    }
}
