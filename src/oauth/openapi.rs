//! The protocol endpoints as an `OpenAPI` document, for tools. It is made from the same lists as the
//! router, the errors and the metadata; `docs/openapi.json` is a copy of it.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::domain::error_code::ErrorCode;
use crate::domain::grant_type::GrantType;
use crate::domain::revocation::RevokedKind;
use crate::domain::urls;

/// The form of an endpoint that takes a POST: its path, what it does, and its parameters.
struct FormEndpoint {
    path: &'static str,
    summary: &'static str,
    parameters: &'static [&'static str],
    required: &'static [&'static str],
    /// The status of its success.
    done: u16,
    answer: Value,
}

/// A page to which apps send people: its path, what it does, its parameters, and where its redirects lead.
struct PageEndpoint {
    path: &'static str,
    summary: &'static str,
    /// Those of a GET.
    query: [&'static [&'static str]; 2],
    /// Those of a POST.
    form: [&'static [&'static str]; 2],
    redirects: &'static str,
}

/// How a client says who it is in the body, RFC 6749 §2.3.1 and RFC 7523 §2.2.
const CLIENT: &[&str] =
    &["client_id", "client_secret", "client_assertion_type", "client_assertion"];

const TOKEN: &[&str] = &[
    "grant_type",
    "code",
    "redirect_uri",
    "code_verifier",
    "username",
    "password",
    "user_ip",
    "refresh_token",
    "access_token",
    "scope",
    "resource",
    "subject_token",
    "subject_token_type",
    "subject_issuer",
    "requested_token_type",
    "actor_token",
    "actor_token_type",
    "audience",
    "assertion",
    "device_code",
    "nonce",
    "state",
];

/// An authorization request, RFC 6749 §4.1.1 and OpenID Connect Core §3.1.2.1.
const AUTHORIZATION: &[&str] = &[
    "request",
    "response_type",
    "response_mode",
    "redirect_uri",
    "scope",
    "state",
    "nonce",
    "prompt",
    "max_age",
    "login_hint",
    "id_token_hint",
    "ui_locales",
    "acr_values",
    "idp_hint",
    "claims",
    "resource",
    "code_challenge",
    "code_challenge_method",
    "dpop_jkt",
];

/// What a browser brings besides: who asks, and what was pushed, RFC 9126 §4.
const IN_BROWSER: &[&str] = &["client_id", "request_uri"];

/// RP-Initiated Logout §2.
const LOGOUT: &[&str] =
    &["id_token_hint", "client_id", "post_logout_redirect_uri", "state", "ui_locales"];

const CHALLENGE: &[&str] = &[
    "response_type",
    "username",
    "password",
    "otp",
    "auth_session",
    "user_ip",
    "scope",
    "resource",
    "code_challenge",
    "code_challenge_method",
    "dpop_jkt",
];

/// The document.
#[must_use]
pub fn document() -> Value {
    let mut paths = Map::new();
    for endpoint in forms() {
        paths.insert(endpoint.path.to_owned(), json!({ "post": operation(&endpoint) }));
    }
    for endpoint in pages() {
        paths.insert(endpoint.path.to_owned(), page(&endpoint));
    }
    let person = json!({ "type": "object", "required": ["sub"], "properties": { "sub": { "type": "string" } } });
    let of_person = responses(urls::USERINFO, (200, &person));
    let by_token = json!([{ "bearer": [] }]);
    let proof = json!([proof_header()]);
    let get = json!({ "summary": "The claims of the person of an access token", "security": by_token, "parameters": proof, "responses": of_person });
    let post = json!({ "summary": "The same", "security": by_token, "parameters": proof, "responses": of_person });
    paths.insert(urls::USERINFO.to_owned(), json!({ "get": get, "post": post }));
    for (path, summary) in [
        (urls::JWKS, "The keys that verify tokens"),
        (urls::OPENID_CONFIGURATION, "The metadata, OpenID Connect Discovery"),
        (urls::OAUTH_AUTHORIZATION_SERVER, "The metadata, RFC 8414"),
    ] {
        let responses = responses(path, (200, &json!({ "type": "object" })));
        paths.insert(
            path.to_owned(),
            json!({ "get": { "summary": summary, "responses": responses } }),
        );
    }
    paths.insert(urls::REGISTER.to_owned(), json!({ "post": registration() }));
    paths.insert(urls::REGISTER_CLIENT.to_owned(), registered());
    paths.insert(urls::STATUS_LISTS.to_owned(), json!({ "get": status_lists() }));
    paths.insert(urls::STATUS_LIST.to_owned(), json!({ "get": status_list() }));
    paths.insert(urls::REVOCATIONS.to_owned(), json!({ "get": revocations() }));
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "mapae",
            "description": "The endpoints for apps and resource servers, and the pages to which apps and devices send people. Other pages are left out.",
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "paths": paths,
        "components": {
            "securitySchemes": {
                "basic": { "type": "http", "scheme": "basic" },
                "bearer": { "type": "http", "scheme": "bearer" },
            },
            "schemas": {
                "Error": {
                    "type": "object",
                    "required": ["error"],
                    "properties": {
                        "error": { "type": "string" },
                        "error_description": { "type": "string" },
                    },
                },
            },
        },
    })
}

/// The proof of possession of a request, RFC 9449 §4.1.
fn proof_header() -> Value {
    json!({
        "name": "DPoP",
        "in": "header",
        "description": "A proof of possession, RFC 9449: the tokens, or the code, are bound to its key",
        "schema": { "type": "string" },
    })
}

/// Token Status List §9.3.
fn status_lists() -> Value {
    let urls = json!({ "type": "array", "items": { "type": "string", "format": "uri" } });
    let lists = json!({
        "type": "object",
        "required": ["status_lists"],
        "properties": { "status_lists": urls },
    });
    json!({
        "summary": "The URLs of all status lists, Token Status List",
        "parameters": [if_none_match()],
        "responses": unless_known(responses(urls::STATUS_LISTS, (200, &lists))),
    })
}

/// Token Status List §8.1.
fn status_list() -> Value {
    let mut responses = responses(urls::STATUS_LIST, (200, &Value::Null));
    let list = json!({
        "description": "The list, a signed JWT",
        "content": { "application/statuslist+jwt": { "schema": { "type": "string" } } },
    });
    set(&mut responses, "200", list);
    json!({
        "summary": "A status list: which tokens were revoked, Token Status List",
        "description": "Only the list of now is there: a request with `time` is refused.",
        "parameters": [
            {
                "name": "number",
                "in": "path",
                "required": true,
                "description": "It stands at the end of `uri` in the claim `status` of an access token",
                "schema": { "type": "integer", "minimum": 1 },
            },
            if_none_match(),
        ],
        "responses": unless_known(responses),
    })
}

fn revocations() -> Value {
    let text = json!({ "type": "string" });
    let kinds: Vec<_> = RevokedKind::ALL.iter().map(|kind| kind.as_str()).collect();
    let event = json!({
        "type": "object",
        "required": ["kind", "value", "exp"],
        "properties": {
            "kind": { "type": "string", "enum": kinds },
            "value": text,
            "before": {
                "type": "integer",
                "description": "With `sub`, `client_id` and `kid`: tokens that were issued before this second are revoked",
            },
            "exp": { "type": "integer", "description": "No token that it concerns lives longer" },
        },
    });
    let page = json!({
        "type": "object",
        "required": ["events", "next"],
        "properties": { "events": { "type": "array", "items": event }, "next": text },
    });
    let mut responses = responses(urls::REVOCATIONS, (200, &page));
    let told = json!({
        "description": "What was revoked since, and where to go on. Server-sent events have one object in `data` each, and the last `id` is where to go on",
        "content": {
            "application/json": { "schema": page },
            "text/event-stream": { "schema": text },
        },
    });
    set(&mut responses, "200", told);
    json!({
        "summary": "The feed of revocations, for resource servers",
        "description": "It takes an access token with the scope `revocations:read` or `revocations:read:all`. With `Accept: text/event-stream` it streams.",
        "security": [{ "bearer": [] }],
        "parameters": revocation_parameters(),
        "responses": responses,
    })
}

/// What an app says of itself, RFC 7591 §3.1.
fn client_metadata() -> Value {
    json!({
        "required": true,
        "content": { "application/json": { "schema": {
            "type": "object",
            "properties": {
                "client_name": { "type": "string" },
                "redirect_uris": { "type": "array", "items": { "type": "string" } },
                "token_endpoint_auth_method": { "type": "string" },
                "grant_types": { "type": "array", "items": { "type": "string" } },
                "response_types": { "type": "array", "items": { "type": "string" } },
                "scope": { "type": "string" },
                "jwks_uri": { "type": "string" },
            },
        } } },
    })
}

/// RFC 7591 §3.
fn registration() -> Value {
    let answer = json!({ "type": "object", "required": ["client_id"], "properties": { "client_id": { "type": "string" } } });
    json!({
        "summary": "Registers an app, where the operator allows it, RFC 7591",
        "security": [{ "bearer": [] }, {}],
        "requestBody": client_metadata(),
        "responses": responses(urls::REGISTER, (201, &answer)),
    })
}

/// RFC 7592 §2.
fn registered() -> Value {
    let by_token = json!([{ "bearer": [] }]);
    let answer = json!({ "type": "object" });
    let done = responses(urls::REGISTER_CLIENT, (200, &answer));
    let gone = responses(urls::REGISTER_CLIENT, (204, &Value::Null));
    let id = json!([{ "name": "client_id", "in": "path", "required": true, "schema": { "type": "string" } }]);
    json!({
        "get": {
            "summary": "What is registered of an app, RFC 7592",
            "security": by_token,
            "parameters": id,
            "responses": done,
        },
        "put": {
            "summary": "Replaces what is registered of an app",
            "security": by_token,
            "parameters": id,
            "requestBody": client_metadata(),
            "responses": done,
        },
        "delete": {
            "summary": "Deletes a registration",
            "security": by_token,
            "parameters": id,
            "responses": gone,
        },
    })
}

fn revocation_parameters() -> Value {
    json!([
        {
            "name": "after",
            "in": "query",
            "description": "The `next` of an earlier answer; without it: from now on",
            "schema": { "type": "string", "pattern": "^r(0|[1-9][0-9]{0,17})$" },
        },
        {
            "name": "wait",
            "in": "query",
            "description": "For how many seconds to wait for something new",
            "schema": { "type": "integer", "minimum": 0, "maximum": 30 },
        },
        {
            "name": "Last-Event-ID",
            "in": "header",
            "description": "In place of `after`, when a stream goes on",
            "schema": { "type": "string" },
        },
    ])
}

/// RFC 9110 §13.1.2.
fn if_none_match() -> Value {
    json!({
        "name": "If-None-Match",
        "in": "header",
        "description": "The `ETag` of an earlier answer, of whichever replica",
        "schema": { "type": "string" },
    })
}

/// The answers of a document that may be known already.
fn unless_known(mut responses: Value) -> Value {
    set(&mut responses, "304", json!({ "description": "It has not changed" }));
    responses
}

fn set(responses: &mut Value, status: &str, answer: Value) {
    if let Some(all) = responses.as_object_mut() {
        all.insert(status.to_owned(), answer);
    }
}

fn forms() -> [FormEndpoint; 6] {
    let text = json!({ "type": "string" });
    let tokens = json!({
        "type": "object",
        "required": ["access_token", "token_type", "expires_in"],
        "properties": {
            "access_token": text,
            "token_type": text,
            "expires_in": { "type": "integer" },
            "refresh_token": text,
            "id_token": text,
            "scope": text,
            "issued_token_type": text,
        },
    });
    let found = json!({ "type": "object", "required": ["active"], "properties": { "active": { "type": "boolean" } } });
    let pushed = json!({
        "type": "object",
        "required": ["request_uri", "expires_in"],
        "properties": { "request_uri": text, "expires_in": { "type": "integer" } },
    });
    let code = json!({ "type": "object", "required": ["authorization_code"], "properties": { "authorization_code": text } });
    [
        FormEndpoint {
            path: urls::TOKEN,
            summary: "Issues tokens, RFC 6749 §3.2",
            parameters: TOKEN,
            required: &["grant_type"],
            done: 200,
            answer: tokens,
        },
        FormEndpoint {
            path: urls::PAR,
            summary: "Takes an authorization request from the client itself, RFC 9126",
            parameters: AUTHORIZATION,
            required: &[],
            done: 201,
            answer: pushed,
        },
        FormEndpoint {
            path: urls::DEVICE_AUTHORIZATION,
            summary: "Gives a device a code that its person types elsewhere, RFC 8628",
            parameters: &["scope", "resource"],
            required: &[],
            done: 200,
            answer: device_codes(),
        },
        FormEndpoint {
            path: urls::AUTHORIZE_CHALLENGE,
            summary: "Signs a person in without a browser, for apps of the operator",
            parameters: CHALLENGE,
            required: &[],
            done: 200,
            answer: code,
        },
        FormEndpoint {
            path: urls::INTROSPECT,
            summary: "Whether a token is good, RFC 7662",
            parameters: &["token", "token_type_hint"],
            required: &["token"],
            done: 200,
            answer: found,
        },
        FormEndpoint {
            path: urls::REVOKE,
            summary: "Ends a token, RFC 7009",
            parameters: &["token", "token_type_hint"],
            required: &["token"],
            done: 200,
            answer: Value::Null,
        },
    ]
}

fn pages() -> [PageEndpoint; 3] {
    [
        PageEndpoint {
            path: urls::AUTHORIZE,
            summary: "Signs a person in for an app, RFC 6749 §3.1",
            query: [IN_BROWSER, AUTHORIZATION],
            form: [IN_BROWSER, AUTHORIZATION],
            redirects: "To the next page, or back to the app with a code or an error",
        },
        PageEndpoint {
            path: urls::LOGOUT,
            summary: "Signs a person out, OpenID Connect RP-Initiated Logout",
            query: [LOGOUT, &[]],
            form: [LOGOUT, &[]],
            redirects: "To the page that asks, or back to the app",
        },
        PageEndpoint {
            path: urls::DEVICE,
            summary: "Takes the code that a device shows, RFC 8628 §3.3",
            query: [&["user_code"], &[]],
            form: [&["user_code"], &["answer", "session", "csrf"]],
            redirects: "To the sign-in page",
        },
    ]
}

fn page(endpoint: &PageEndpoint) -> Value {
    let text = json!({ "type": "string" });
    let in_query = |name: &&str| json!({ "name": name, "in": "query", "schema": text });
    let parameters: Vec<_> = endpoint.query.iter().copied().flatten().map(in_query).collect();
    let fields = endpoint.form.iter().copied().flatten();
    let fields: Map<_, _> = fields.map(|name| ((*name).to_owned(), text.clone())).collect();
    let schema = json!({ "type": "object", "properties": fields });
    let responses = page_responses(endpoint);
    json!({
        "get": {
            "summary": endpoint.summary,
            "parameters": parameters,
            "responses": responses,
        },
        "post": {
            "summary": "The same by a form",
            "requestBody": {
                "required": true,
                "content": { "application/x-www-form-urlencoded": { "schema": schema } },
            },
            "responses": responses,
        },
    })
}

/// The answers of a page: itself, a redirect, and every error that is shown on it.
fn page_responses(endpoint: &PageEndpoint) -> Value {
    let named = format!("`{}`", endpoint.path);
    let is_shown = |place: &str| {
        let here = !place.contains("in the redirect") || place.contains("on a page");
        place.starts_with("everywhere")
            || place.contains("a page, in small print")
            || here && place.contains(&named)
    };
    let shown = ErrorCode::ALL.iter().filter(|code| is_shown(code.place()));
    let html = |description: &str| {
        let content = json!({ "text/html": { "schema": { "type": "string" } } });
        json!({ "description": description, "content": content })
    };
    let mut responses = Map::new();
    responses.insert("200".to_owned(), html("The page"));
    let location = json!({ "Location": { "schema": { "type": "string" } } });
    let redirect = json!({ "description": endpoint.redirects, "headers": location });
    responses.insert("303".to_owned(), redirect);
    for (status, codes) in with_those_of_bodies(shown.map(|code| (code.status(), code.as_str()))) {
        responses.insert(status.to_string(), html(&codes.join(", ")));
    }
    Value::Object(responses)
}

/// RFC 8628 §3.2.
fn device_codes() -> Value {
    let text = json!({ "type": "string" });
    json!({
        "type": "object",
        "required": ["device_code", "user_code", "verification_uri", "expires_in"],
        "properties": {
            "device_code": text,
            "user_code": text,
            "verification_uri": text,
            "verification_uri_complete": text,
            "expires_in": { "type": "integer" },
            "interval": { "type": "integer" },
        },
    })
}

fn operation(endpoint: &FormEndpoint) -> Value {
    let all = endpoint.parameters.iter().chain(CLIENT);
    let properties: Map<String, Value> = all
        .map(|name| {
            let schema = match *name {
                "grant_type" => json!({ "type": "string", "enum": GrantType::ALL }),
                _ => json!({ "type": "string" }),
            };
            ((*name).to_owned(), schema)
        })
        .collect();
    let mut schema = json!({ "type": "object", "properties": properties });
    if let (false, Some(schema)) = (endpoint.required.is_empty(), schema.as_object_mut()) {
        schema.insert("required".to_owned(), json!(endpoint.required));
    }
    let takes_proofs = [urls::TOKEN, urls::PAR, urls::AUTHORIZE_CHALLENGE];
    let parameters =
        if takes_proofs.contains(&endpoint.path) { json!([proof_header()]) } else { json!([]) };
    json!({
        "summary": endpoint.summary,
        "parameters": parameters,
        // A public client names itself in the body alone.
        "security": [{ "basic": [] }, {}],
        "requestBody": {
            "required": true,
            "content": { "application/x-www-form-urlencoded": { "schema": schema } },
        },
        "responses": responses(endpoint.path, (endpoint.done, &endpoint.answer)),
    })
}

/// The status of an error at an endpoint. RFC 9449 §7.1: a resource answers to a wrong proof with 401.
fn error_status(code: ErrorCode, path: &str) -> u16 {
    match code {
        ErrorCode::InvalidDpopProof | ErrorCode::UseDpopNonce if path == urls::USERINFO => 401,
        _ => code.status(),
    }
}

/// Errors by their status, with those of a body: it came too slowly, is too large, or is of another
/// type.
fn with_those_of_bodies(
    errors: impl Iterator<Item = (u16, &'static str)>,
) -> BTreeMap<u16, Vec<&'static str>> {
    let of_bodies = [408, 413, 415].map(|status| (status, ErrorCode::InvalidRequest.as_str()));
    let mut by_status: BTreeMap<u16, Vec<&str>> = BTreeMap::new();
    for (status, code) in errors.chain(of_bodies) {
        by_status.entry(status).or_default().push(code);
    }
    by_status
}

/// The answers of an endpoint: its success, and every error whose declaration names the endpoint.
fn responses(path: &str, (status, success): (u16, &Value)) -> Value {
    let named = format!("`{path}`");
    let is_here = |place: &str| place.contains(&named) || place.starts_with("everywhere");
    let here = ErrorCode::ALL.iter().filter(|code| is_here(code.place()));
    let errors = with_those_of_bodies(here.map(|code| (error_status(*code, path), code.as_str())));
    let mut responses = Map::new();
    let mut done = json!({ "description": "Done" });
    if let (false, Some(done)) = (success.is_null(), done.as_object_mut()) {
        done.insert("content".to_owned(), json!({ "application/json": { "schema": success } }));
    }
    responses.insert(status.to_string(), done);
    for (status, codes) in errors {
        let content =
            json!({ "application/json": { "schema": { "$ref": "#/components/schemas/Error" } } });
        let description = codes.join(", ");
        responses
            .insert(status.to_string(), json!({ "description": description, "content": content }));
    }
    Value::Object(responses)
}
