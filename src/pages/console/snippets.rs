//! Code for one registered client. What is shown works as it is: it names the issuer, the client
//! and what the client is registered for. A secret is read from the environment.

use crate::domain::client::{Client, ClientKind};
use crate::domain::grant_type::GrantType;

/// What a client is, as far as its code is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use {
    /// It sends people here to sign in.
    SignsPeopleIn,
    /// It acts for itself.
    ActsForItself,
    /// It takes tokens.
    TakesTokens,
}

fn use_of(client: &Client) -> Use {
    if client.may_use(GrantType::AuthorizationCode) {
        Use::SignsPeopleIn
    } else if client.may_use(GrantType::ClientCredentials) {
        Use::ActsForItself
    } else {
        Use::TakesTokens
    }
}

/// The languages of snippets, each with its name in the query and for people.
pub(super) const LANGUAGES: [(&str, &str); 5] =
    [("curl", "curl"), ("node", "Node"), ("python", "Python"), ("spring", "Spring"), ("go", "Go")];

/// The code for this client in this language.
pub(super) fn code(language: &str, client: &Client, issuer: &str) -> String {
    let template = match (use_of(client), language) {
        (Use::SignsPeopleIn, "node") => SIGN_IN_NODE,
        (Use::SignsPeopleIn, "python") => SIGN_IN_PYTHON,
        (Use::SignsPeopleIn, "spring") => SIGN_IN_SPRING,
        (Use::SignsPeopleIn, "go") => SIGN_IN_GO,
        (Use::SignsPeopleIn, _) => SIGN_IN_CURL,
        (Use::ActsForItself, "node") => SERVICE_NODE,
        (Use::ActsForItself, "python") => SERVICE_PYTHON,
        (Use::ActsForItself, "spring") => SERVICE_SPRING,
        (Use::ActsForItself, "go") => SERVICE_GO,
        (Use::ActsForItself, _) => SERVICE_CURL,
        (Use::TakesTokens, "node") => API_NODE,
        (Use::TakesTokens, "python") => API_PYTHON,
        (Use::TakesTokens, "spring") => API_SPRING,
        (Use::TakesTokens, "go") => API_GO,
        (Use::TakesTokens, _) => API_CURL,
    };
    let metadata = &client.metadata;
    let public = client.kind == ClientKind::Public;
    let first = |some: &[String]| some.first().cloned().unwrap_or_default();
    let authentication = |confidential: &'static str, public_one: &'static str| {
        if public { public_one } else { confidential }
    };
    let user = authentication("-u \"CLIENT:$CLIENT_SECRET\"", "-d \"client_id=CLIENT\"");
    let node = authentication("process.env.CLIENT_SECRET", "undefined, client.None()");
    let python = authentication("client_secret=os.environ[\"CLIENT_SECRET\"],\n  ", "");
    let spring =
        authentication("client-secret: ${CLIENT_SECRET}", "client-authentication-method: none");
    let go = authentication("ClientSecret: os.Getenv(\"CLIENT_SECRET\"), ", "");
    let words: Vec<_> = metadata.scope.iter().map(|word| plain(word, "YOUR_SCOPE")).collect();
    let scope = words.join(" ");
    let redirect = plain(&first(&metadata.redirect_uris), "YOUR_REDIRECT_URI");
    let id = &plain(client.id.as_str(), "YOUR_CLIENT_ID");
    let audience = match use_of(client) {
        Use::TakesTokens => first(&metadata.resource_servers),
        _ => first(&metadata.audiences),
    };
    let audience = plain(&audience, "YOUR_AUDIENCE");
    let resource = if audience.is_empty() { "" } else { " -d \"resource=AUDIENCE\"" };
    let quoted: Vec<_> = words.iter().map(|word| format!("\"{word}\"")).collect();
    template
        .replace("AUTH_CURL", user)
        .replace("AUTH_NODE", node)
        .replace("AUTH_PYTHON", python)
        .replace("AUTH_SPRING", spring)
        .replace("AUTH_GO", go)
        .replace(" RESOURCE", resource)
        .replace("SCOPE_LIST", &quoted.join(", "))
        .replace("SCOPE_QUERY", &in_query(&scope))
        .replace("SCOPE", &scope)
        .replace("REDIRECT_QUERY", &in_query(&first(&metadata.redirect_uris)))
        .replace("REDIRECT", &redirect)
        .replace("AUDIENCE", &audience)
        .replace("ISSUER", issuer)
        .replace("CLIENT_ID_QUERY", &in_query(client.id.as_str()))
        .replace("\"CLIENT:", &format!("\"{id}:"))
        .replace("=CLIENT", &format!("={id}"))
        .replace("'CLIENT'", &format!("'{id}'"))
        .replace("\"CLIENT\"", &format!("\"{id}\""))
        .replace(": CLIENT\n", &format!(": {id}\n"))
}

/// A value as it may stand between quotes in a shell, in a program and in YAML. People copy this
/// code: what could end its quotes or be read as a command is not written.
fn plain(value: &str, placeholder: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._~:/?#[]@&()*+,;=%".contains(c);
    if value.chars().all(is_plain) { value.to_owned() } else { placeholder.to_owned() }
}

fn in_query(value: &str) -> String {
    url::form_urlencoded::byte_serialize(value.as_bytes()).collect()
}

const SIGN_IN_CURL: &str = r#"# 1. A secret of this sign-in, and its hash
verifier=$(openssl rand -hex 32)
challenge=$(printf %s "$verifier" | openssl dgst -sha256 -binary | basenc --base64url | tr -d '=')

# 2. Open this address in a browser
echo "ISSUER/authorize?response_type=code&client_id=CLIENT_ID_QUERY&redirect_uri=REDIRECT_QUERY&scope=SCOPE_QUERY&state=$(openssl rand -hex 16)&code_challenge=$challenge&code_challenge_method=S256"

# 3. Exchange the code that the redirect brings
curl ISSUER/token AUTH_CURL \
  -d grant_type=authorization_code -d code="$code" \
  --data-urlencode "redirect_uri=REDIRECT" -d code_verifier="$verifier"
"#;

const SIGN_IN_NODE: &str = r"// npm install openid-client
import * as client from 'openid-client'

const config = await client.discovery(new URL('ISSUER'), 'CLIENT', AUTH_NODE)
const verifier = client.randomPKCECodeVerifier()
const state = client.randomState()
const redirectTo = client.buildAuthorizationUrl(config, {
  redirect_uri: 'REDIRECT',
  scope: 'SCOPE',
  state,
  code_challenge: await client.calculatePKCECodeChallenge(verifier),
  code_challenge_method: 'S256',
})
// Send the browser to redirectTo. When it is back at `currentUrl`:
const tokens = await client.authorizationCodeGrant(config, currentUrl, {
  pkceCodeVerifier: verifier,
  expectedState: state,
})
console.log(tokens.claims())
";

const SIGN_IN_PYTHON: &str = r#"# pip install authlib requests flask
import os
from authlib.integrations.flask_client import OAuth
from flask import Flask, redirect, session, url_for

app = Flask(__name__)
app.secret_key = os.urandom(32)
oauth = OAuth(app)
oauth.register(
  "mapae",
  client_id="CLIENT",
  AUTH_PYTHONserver_metadata_url="ISSUER/.well-known/openid-configuration",
  client_kwargs={"scope": "SCOPE", "code_challenge_method": "S256"},
)

@app.get("/login")
def login():
  return oauth.mapae.authorize_redirect("REDIRECT")

# The path of REDIRECT
@app.get("/callback")
def callback():
  return oauth.mapae.authorize_access_token()["userinfo"]
"#;

const SIGN_IN_SPRING: &str = r"# org.springframework.boot:spring-boot-starter-oauth2-client
# application.yml; the redirect URI of Spring is {baseUrl}/login/oauth2/code/mapae
spring:
  security:
    oauth2:
      client:
        registration:
          mapae:
            client-id: CLIENT
            AUTH_SPRING
            authorization-grant-type: authorization_code
            redirect-uri: REDIRECT
            scope: SCOPE_LIST
        provider:
          mapae:
            issuer-uri: ISSUER
";

const SIGN_IN_GO: &str = r#"// go get github.com/coreos/go-oidc/v3/oidc golang.org/x/oauth2
provider, err := oidc.NewProvider(ctx, "ISSUER")
if err != nil {
	log.Fatal(err)
}
config := oauth2.Config{
	ClientID: "CLIENT", AUTH_GOEndpoint: provider.Endpoint(),
	RedirectURL: "REDIRECT",
	Scopes: []string{SCOPE_LIST},
}
verifier, state := oauth2.GenerateVerifier(), rand.Text()
redirectTo := config.AuthCodeURL(state, oauth2.S256ChallengeOption(verifier))
// Send the browser to redirectTo. When it is back with code, and with the same state:
token, err := config.Exchange(ctx, code, oauth2.VerifierOption(verifier))
if err != nil {
	log.Fatal(err)
}
idToken, err := provider.Verifier(&oidc.Config{ClientID: "CLIENT"}).
	Verify(ctx, token.Extra("id_token").(string))
"#;

const SERVICE_CURL: &str = r#"curl ISSUER/token AUTH_CURL \
  -d grant_type=client_credentials --data-urlencode "scope=SCOPE" RESOURCE
"#;

const SERVICE_NODE: &str = r"// npm install openid-client
import * as client from 'openid-client'

const config = await client.discovery(new URL('ISSUER'), 'CLIENT', AUTH_NODE)
const tokens = await client.clientCredentialsGrant(config, { scope: 'SCOPE' })
await fetch(api, { headers: { authorization: `Bearer ${tokens.access_token}` } })
";

const SERVICE_PYTHON: &str = r#"# pip install requests
import os, requests

answer = requests.post(
  "ISSUER/token",
  auth=("CLIENT", os.environ["CLIENT_SECRET"]),
  data={"grant_type": "client_credentials", "scope": "SCOPE"},
)
answer.raise_for_status()
token = answer.json()["access_token"]
"#;

const SERVICE_SPRING: &str = r"# org.springframework.boot:spring-boot-starter-oauth2-client
spring:
  security:
    oauth2:
      client:
        registration:
          mapae:
            client-id: CLIENT
            AUTH_SPRING
            authorization-grant-type: client_credentials
            scope: SCOPE_LIST
        provider:
          mapae:
            issuer-uri: ISSUER
";

const SERVICE_GO: &str = r#"// go get golang.org/x/oauth2
config := clientcredentials.Config{
	ClientID: "CLIENT", AUTH_GOTokenURL: "ISSUER/token",
	Scopes: []string{SCOPE_LIST},
}
answer, err := config.Client(ctx).Get(api)
"#;

const API_CURL: &str = r#"# Is this token good? (Most APIs verify tokens alone, with the keys below.)
curl ISSUER/introspect AUTH_CURL -d token="$token"

# The keys
curl ISSUER/.well-known/jwks.json

# An MCP server or another API that names its authorization server (RFC 9728) answers
# GET /.well-known/oauth-protected-resource with
# {"resource": "AUDIENCE", "authorization_servers": ["ISSUER"]}
"#;

const API_NODE: &str = r"// npm install jose
import { createRemoteJWKSet, jwtVerify } from 'jose'

const keys = createRemoteJWKSet(new URL('ISSUER/.well-known/jwks.json'))
const { payload } = await jwtVerify(token, keys, {
  issuer: 'ISSUER',
  audience: 'AUDIENCE',
  typ: 'at+jwt',
})
console.log(payload.sub, payload.scope)
";

const API_PYTHON: &str = r#"# pip install "pyjwt[crypto]"
import jwt

keys = jwt.PyJWKClient("ISSUER/.well-known/jwks.json")
claims = jwt.decode(
  token,
  keys.get_signing_key_from_jwt(token),
  algorithms=["RS256", "ES256"],
  issuer="ISSUER",
  audience="AUDIENCE",
)
assert jwt.get_unverified_header(token)["typ"] == "at+jwt"
print(claims["sub"], claims["scope"])
"#;

const API_SPRING: &str = r"# org.springframework.boot:spring-boot-starter-oauth2-resource-server
spring:
  security:
    oauth2:
      resourceserver:
        jwt:
          issuer-uri: ISSUER
          audiences: AUDIENCE
";

const API_GO: &str = r#"// go get github.com/coreos/go-oidc/v3/oidc
provider, err := oidc.NewProvider(ctx, "ISSUER")
if err != nil {
	log.Fatal(err)
}
// ClientID is the audience that the token must have.
verified, err := provider.Verifier(&oidc.Config{ClientID: "AUDIENCE"}).Verify(ctx, token)
"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_end_the_quotes_is_not_written() {
        for good in ["https://a.example/cb?x=1&y=[2]", "orders:read", "a%20b", ""] {
            assert_eq!(plain(good, "X"), good);
        }
        for bad in [
            "a'b", "a\"b", "a`b", "$(id)", "${X}", "a\\b", "a b", "a\nb", "a|b", "한", "<b>", "a!b",
        ] {
            assert_eq!(plain(bad, "X"), "X", "{bad}");
        }
    }

    use crate::domain::client::ClientId;
    use crate::domain::clock;
    use crate::domain::scope::Scope;

    fn client(kind: ClientKind, grants: &[GrantType]) -> Client {
        let id = ClientId::parse("books").expect("a client id");
        let mut client = Client::new(id, kind, clock::from_millis(0));
        client.metadata.grant_types = grants.to_vec();
        client.metadata.redirect_uris = vec!["https://books.example/cb".to_owned()];
        client.metadata.resource_servers = vec!["https://api.example".to_owned()];
        client.metadata.scope = Scope::parse("email openid").expect("a scope");
        client
    }

    #[test]
    fn every_snippet_names_the_issuer_and_leaves_no_place_open() {
        for (kind, grants) in [
            (ClientKind::Confidential, vec![GrantType::AuthorizationCode]),
            (ClientKind::Public, vec![GrantType::AuthorizationCode]),
            (ClientKind::Confidential, vec![GrantType::ClientCredentials]),
            (ClientKind::Confidential, Vec::new()),
        ] {
            let client = client(kind, &grants);
            for (language, _) in LANGUAGES {
                let text = code(language, &client, "https://id.example");
                assert!(text.contains("https://id.example"), "{text}");
                let open =
                    ["ISSUER", "REDIRECT", "SCOPE", "AUDIENCE", "AUTH_", "RESOURCE", "_QUERY"];
                let rest = open.iter().find(|place| text.contains(*place));
                assert_eq!(rest, None, "{language}: {text}");
                let names_secret = text.contains("CLIENT_SECRET");
                assert!(kind == ClientKind::Confidential || !names_secret, "{language}: {text}");
                let without = text.replace("CLIENT_SECRET", "");
                assert!(!without.contains("CLIENT"), "{language}: {text}");
            }
        }
    }
}
