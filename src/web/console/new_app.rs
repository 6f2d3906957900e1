//! The wizard that registers an app.

#![expect(clippy::result_large_err, reason = "a page is the answer of a handler either way")]

use axum::body::Body;
use axum::http::Response;
use serde_json::{Map, json};

use super::apps::lines;
use super::visit::Visit;
use crate::admin::authority::{ChangeClients, ChangeSecrets, Right};
use crate::admin::clients::{self, NewClient};
use crate::admin::refused::Refused;
use crate::domain::app_kind::AppKind;
use crate::domain::client::ClientKind;
use crate::domain::client_metadata::ClientChange;
use crate::domain::console_section::ConsoleSection;
use crate::domain::console_urls as urls;
use crate::domain::grant_type::GrantType;
use crate::domain::random;
use crate::domain::secret::Plain;
use crate::domain::verdict::Error;
use crate::pages::console::apps::{self as pages, NewAppInput};
use crate::web::page::Answered;

const SECTION: ConsoleSection = ConsoleSection::Apps;

/// `GET /admin/new-app`
pub(super) async fn choose(visit: Visit<ChangeClients>) -> Answered {
    visit.show(&pages::choose(visit.frame(), visit.shell(SECTION)))
}

impl<R: Right> Visit<R> {
    fn kind(&self) -> Result<AppKind, Response<Body>> {
        self.name()
            .parse()
            .map_err(|why: String| self.refused(SECTION, urls::APP_NEW, Refused::NotFound(why)))
    }
}

/// `GET /admin/new-app/{kind}`
pub(super) async fn form(visit: Visit<ChangeSecrets>) -> Answered {
    let kind = visit.kind()?;
    let scope = match kind {
        AppKind::Service => "",
        _ => "openid profile email offline_access",
    };
    let typed = NewAppInput {
        kind,
        name: "",
        id: "",
        redirect_uris: "",
        scope,
        audience: "",
        first_party: true,
    };
    visit.show(&pages::new(visit.frame(), visit.shell(SECTION), typed, None))
}

/// The origins of these URIs, for scripts of a single-page app.
fn origins(uris: &[&str]) -> Vec<String> {
    let parsed = uris.iter().filter_map(|uri| url::Url::parse(uri).ok());
    let mut origins: Vec<_> = parsed.map(|url| url.origin().ascii_serialization()).collect();
    origins.sort();
    origins.dedup();
    origins
}

/// What is registered for an app of this kind.
fn registration(typed: NewAppInput<'_>) -> NewClient {
    let uris = lines(typed.redirect_uris);
    let kind = match typed.kind {
        AppKind::SinglePage | AppKind::Native => ClientKind::Public,
        AppKind::Web | AppKind::Service | AppKind::Resource | AppKind::Mcp => {
            ClientKind::Confidential
        }
    };
    let mut members = Map::new();
    members.insert("client_name".to_owned(), json!(typed.name));
    if typed.kind.signs_people_in() {
        let grants = [GrantType::AuthorizationCode, GrantType::RefreshToken];
        members.insert("grant_types".to_owned(), json!(grants.map(GrantType::as_str)));
        members.insert("redirect_uris".to_owned(), json!(uris));
        members.insert("scope".to_owned(), json!(typed.scope));
        members.insert("first_party".to_owned(), json!(typed.first_party));
        if typed.kind == AppKind::SinglePage {
            members.insert("allowed_origins".to_owned(), json!(origins(&uris)));
        }
    } else if typed.kind == AppKind::Service {
        let grants = [GrantType::ClientCredentials.as_str()];
        members.insert("grant_types".to_owned(), json!(grants));
        members.insert("scope".to_owned(), json!(typed.scope));
        let audiences: Vec<&str> =
            Some(typed.audience).filter(|it| !it.is_empty()).into_iter().collect();
        members.insert("audiences".to_owned(), json!(audiences));
    } else {
        members.insert("resource_servers".to_owned(), json!([typed.audience]));
    }
    let id = if typed.id.is_empty() { made_id(typed.name) } else { typed.id.to_owned() };
    NewClient { id, kind, attributes: ClientChange(members) }
}

/// An id that begins with the name, as far as that is plain.
fn made_id(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let name: String = name.chars().map(plain).take(30).collect();
    let name = name.trim_matches('-');
    let random: String =
        random::identifier().chars().filter(char::is_ascii_alphanumeric).take(8).collect();
    if name.is_empty() { format!("app-{random}") } else { format!("{name}-{random}") }
}

/// `POST /admin/new-app/{kind}`
pub(super) async fn create(visit: Visit<ChangeSecrets>) -> Answered {
    let Some(may) = visit.may_also::<ChangeClients>() else {
        let why = Refused::Forbidden("you may not change clients".to_owned());
        return Err(visit.refused(SECTION, urls::APPS, why));
    };
    let typed = NewAppInput {
        kind: visit.kind()?,
        name: visit.field("client_name"),
        id: visit.field("client_id"),
        redirect_uris: visit.field("redirect_uris"),
        scope: visit.field("scope"),
        audience: visit.field("audience"),
        first_party: visit.given("first_party").is_some(),
    };
    let flows = &visit.shared.flows;
    let (store, clock, issuer) = (&flows.store, &flows.clock, &flows.url);
    let lifetimes = &visit.shared.token.mint.lifetimes;
    let made = match registration(typed).checked(issuer, lifetimes, clock.now()) {
        Ok(client) => {
            let made = clients::create(&may, store, clock, issuer, client.clone()).await;
            made.map(|secret| (client, secret))
        }
        Err(rejected) => Err(Error::Refused(rejected)),
    };
    match made {
        Ok((client, secret)) => {
            let secret = secret.as_ref().map(Plain::expose);
            let (shell, issuer) = (visit.shell(SECTION), issuer.as_str());
            visit.show(&pages::made(visit.frame(), shell, &client, secret, issuer))
        }
        Err(error) => {
            let (status, problem) = visit.problem(error)?;
            let shell = visit.shell(SECTION);
            visit.show_as(status, &pages::new(visit.frame(), shell, typed, Some(problem)))
        }
    }
}
