//! GitHub: no OpenID; errors come with the status 200, and forms unless JSON is asked for.

use std::sync::Mutex;

use axum::http::Method;
use serde_json::{Value, json};

use super::callback::Callback;
use super::grant::{CLIENT_ID, CLIENT_SECRET, Grant, Refused};
use super::messages::{Answer, Fields, RecordedRequest, has_word, words};
use super::records::ProviderRecords;
use super::{PersonAnswer, ProviderStub, Vendor};

pub(crate) type GitHub = ProviderStub<GitHubVendor>;

pub(crate) struct GitHubVendor {
    /// The list of e-mail addresses in place of the person's only one.
    emails: Mutex<Option<Value>>,
}

const DOCUMENTATION: &str = "https://docs.example/rest";

impl GitHub {
    pub(crate) async fn start() -> Self {
        Self::open(GitHubVendor { emails: Mutex::default() }).await
    }

    /// Makes `/user/emails` answer this list: `[{email, primary, verified, visibility}]`.
    pub(crate) fn has_emails(&self, emails: Value) {
        *self.vendor().emails.lock().unwrap() = Some(emails);
    }

    /// The login of the person.
    pub(crate) fn login(&self) -> String {
        login(&self.person().id)
    }
}

fn login(id: &str) -> String {
    format!("octo-{id}")
}

impl Vendor for GitHubVendor {
    fn authorizes(&self, path: &str) -> bool {
        path == "/login/oauth/authorize"
    }

    fn check(&self, _: &RecordedRequest) -> Result<(), String> {
        Ok(())
    }

    fn cancelled(&self) -> Fields {
        Fields::of(&[
            ("error", "access_denied"),
            ("error_description", "The user has denied your application access."),
            ("error_uri", "https://docs.example/apps/troubleshooting#access-denied"),
        ])
    }

    /// Adds `iss` (RFC 9207), also to an error.
    fn back(
        &self,
        records: &ProviderRecords,
        _: &Fields,
        _: PersonAnswer,
        callback: Callback,
    ) -> Callback {
        callback.with("iss", &records.url("/login/oauth"))
    }

    fn answer(&self, records: &ProviderRecords, asked: &RecordedRequest) -> Answer {
        let path = asked.path.as_str();
        if path == "/login/oauth/access_token" {
            return spoken(asked, &token(records, asked));
        }
        let Some(path) = path.strip_prefix("/api/v3") else { return Answer::not_found() };
        if asked.header("user-agent").is_empty() {
            let why = "Request forbidden by administrative rules. \
                       Please make sure your request has a User-Agent header";
            return Answer::new(403, "text/plain", why);
        }
        let checked = path.strip_prefix("/applications/");
        if let Some(client_id) = checked.and_then(|rest| rest.strip_suffix("/token")) {
            return check_token(records, asked, client_id);
        }
        let token = asked.header("authorization").strip_prefix("token ");
        let grant = records.granted(token.unwrap_or_else(|| asked.bearer()));
        match (path, grant) {
            ("/user" | "/user/emails", None) => message(401, "Bad credentials"),
            ("/user", Some(grant)) => Answer::json(200, &user(&grant)),
            ("/user/emails", Some(grant)) if has_word(&grant.scope, "user:email") => {
                Answer::json(200, &page(asked, &self.emails(&grant)))
            }
            _ => message(404, "Not Found"),
        }
    }
}

impl GitHubVendor {
    fn emails(&self, grant: &Grant) -> Value {
        let one = grant.person.email.iter().map(|email| {
            let verified = grant.person.email_verified;
            json!({ "email": email, "primary": true, "verified": verified, "visibility": null })
        });
        self.emails.lock().unwrap().clone().unwrap_or_else(|| one.collect())
    }
}

/// One page of a list: 30 entries, unless more are asked for; 100 at most.
fn page(asked: &RecordedRequest, list: &Value) -> Value {
    let number = |name: &str, usual: usize| asked.query.get(name).parse().unwrap_or(usual);
    let (size, page) = (number("per_page", 30).min(100), number("page", 1).max(1));
    list.as_array().map_or_else(
        || list.clone(),
        |all| all.iter().skip((page - 1) * size).take(size).cloned().collect(),
    )
}

fn token(records: &ProviderRecords, asked: &RecordedRequest) -> Fields {
    let redeemed = asked.authenticated(true).and_then(|()| {
        let grant = records.spend(asked.get("code")).ok_or(Refused::Code)?;
        let uri = asked.get("redirect_uri");
        if !uri.is_empty() && uri != grant.redirect_uri {
            return Err(Refused::RedirectUri);
        }
        grant.is_proven_by(asked.get("code_verifier")).then_some(grant).ok_or(Refused::Code)
    });
    let (error, description) = match redeemed {
        Ok(grant) => {
            let scope = words(&grant.scope).collect::<Vec<_>>().join(",");
            let token = records.token(grant);
            return Fields::of(&[
                ("access_token", &token),
                ("scope", &scope),
                ("token_type", "bearer"),
            ]);
        }
        Err(Refused::Client | Refused::Secret) => (
            "incorrect_client_credentials",
            "The client_id and/or client_secret passed are incorrect.",
        ),
        Err(Refused::RedirectUri) => (
            "redirect_uri_mismatch",
            "The redirect_uri MUST match the registered callback URL for this application.",
        ),
        Err(_) => ("bad_verification_code", "The code passed is incorrect or expired."),
    };
    let uri = format!("{DOCUMENTATION}#{error}");
    Fields::of(&[("error", error), ("error_description", description), ("error_uri", &uri)])
}

/// Answers in the form that the `Accept` header asks for. The status is always 200.
fn spoken(asked: &RecordedRequest, fields: &Fields) -> Answer {
    if !asked.header("accept").contains("application/json") {
        return Answer::form(200, fields);
    }
    let members = fields.names().into_iter().map(|name| (name, json!(fields.get(name))));
    Answer::json(200, &members.collect())
}

fn user(grant: &Grant) -> Value {
    let login = login(&grant.person.id);
    json!({
        "login": login,
        "id": grant.person.number(),
        "node_id": "MDQ6VXNlcjE=",
        "avatar_url": format!("https://img.example/{login}"),
        "type": "User",
        "name": grant.person.name,
        // This is only the public e-mail address, which the person does not show.
        "email": null,
    })
}

/// Whether a token was given to this app.
fn check_token(records: &ProviderRecords, asked: &RecordedRequest, client_id: &str) -> Answer {
    let own = (CLIENT_ID.to_owned(), CLIENT_SECRET.to_owned());
    if asked.method != Method::POST || asked.basic() != Some(own) || client_id != CLIENT_ID {
        return message(404, "Not Found");
    }
    let body = asked.json();
    let token = body["access_token"].as_str().unwrap_or_default();
    let grant = records.granted(token).filter(|grant| grant.client_id == client_id);
    let Some(grant) = grant else { return message(404, "Not Found") };
    let answer = json!({
        "id": 1,
        "token": token,
        "app": { "client_id": client_id, "name": "mapae", "url": "https://app.example" },
        "user": { "login": login(&grant.person.id), "id": grant.person.number() },
        "scopes": words(&grant.scope).collect::<Vec<_>>(),
    });
    Answer::json(200, &answer)
}

fn message(status: u16, message: &str) -> Answer {
    let status_text = status.to_string();
    let answer = json!({
        "message": message, "documentation_url": DOCUMENTATION, "status": status_text,
    });
    Answer::json(status, &answer)
}
