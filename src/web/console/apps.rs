//! Apps: the list, one app, and what is changed about it.

#![expect(clippy::result_large_err, reason = "a page is the answer of a handler either way")]

use axum::body::Body;
use axum::http::{Response, StatusCode};
use serde_json::{Map, Value};

use super::visit::Visit;
use crate::admin::authority::{ChangeClients, ChangeSecrets, May, ReadClients, ReadPeople, Right};
use crate::admin::client_roles::{self, RoleTarget};
use crate::admin::client_use;
use crate::admin::clients::{self, Target};
use crate::admin::refused::Refused;
use crate::admin::token_preview::{self, PreviewRequest};
use crate::domain::client::Client;
use crate::domain::console_notice::ConsoleNotice;
use crate::domain::console_section::ConsoleSection;
use crate::domain::console_urls as urls;
use crate::domain::grant_type::GrantType;
use crate::domain::scope::Scope;
use crate::domain::verdict::Error;
use crate::domain::{random, urls as paths};
use crate::pages::console::app_settings::RefusedInput;
use crate::pages::console::apps::{self as pages, AppEnding, AppFacts, AppUse, PreviewResult};
use crate::web::page::Answered;

pub(super) const SECTION: ConsoleSection = ConsoleSection::Apps;
/// How many apps one page has.
const PAGE: u64 = 25;
/// How many roles the page of an app has.
const ROLES: u64 = 200;

impl<R: Right> Visit<R> {
    pub(super) fn app_page(&self) -> String {
        urls::of(urls::APP, self.name())
    }

    fn no_app(&self, error: impl Into<Error<Refused>>) -> Response<Body> {
        self.refused(SECTION, urls::APPS, error)
    }

    fn app_target(&self) -> Target<'_> {
        Target::of(self.name())
    }

    /// Back to the page of the app, which says what was done; or why nothing was.
    pub(super) fn app_changed(
        &self,
        made: Result<ConsoleNotice, impl Into<Error<Refused>>>,
    ) -> Answered {
        match made {
            Ok(notice) => self.done(&self.app_page(), notice),
            Err(error) => Err(self.refused(SECTION, &self.app_page(), error)),
        }
    }
}

/// `GET /admin/apps`
pub(super) async fn list(visit: Visit<ReadClients>) -> Answered {
    let lists = visit.shared.flows.store.lists();
    let (search, after) = (visit.given("search"), visit.given("after"));
    let page = clients::page(&visit.may, lists, search, after, PAGE).await;
    let page = page.map_err(|error| visit.no_app(error))?;
    let some: Vec<&Client> = page.clients.iter().collect();
    let (search, next) = (search.unwrap_or_default(), page.next.as_deref());
    visit.show(&pages::list(visit.frame(), visit.shell(SECTION), search, &some, next))
}

/// The address of a sign-in at the first redirect URI of a client.
fn test_sign_in<R: Right>(visit: &Visit<R>, client: &Client) -> Option<String> {
    let uri = client.metadata.redirect_uris.first()?;
    if !client.may_use(GrantType::AuthorizationCode) || !client.is_enabled() {
        return None;
    }
    // A link can neither push a request nor sign one.
    if visit.shared.requests.settings.pushed_alone
        || client.metadata.require_pushed_authorization_requests
        || client.metadata.require_signed_request_object
    {
        return None;
    }
    let scope = client.metadata.scope.to_string();
    let (state, nonce, challenge) =
        (random::identifier(), random::identifier(), random::identifier());
    // A challenge has 43 characters. Nobody knows its verifier: the app cannot redeem the code.
    let challenge: String = challenge.chars().cycle().take(43).collect();
    let query = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs([
            ("client_id", client.id.as_str()),
            ("response_type", "code"),
            ("redirect_uri", uri),
            ("scope", &scope),
            ("state", &state),
            ("nonce", &nonce),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ])
        .finish();
    Some(format!("{}{}?{query}", visit.shared.base, paths::AUTHORIZE))
}

/// `GET /admin/apps/{id}`
pub(super) async fn show(visit: Visit<ReadClients>) -> Answered {
    page(&visit, &visit.may, None).await
}

/// The page of an app, with what was refused of its form.
pub(super) async fn page<R: Right>(
    visit: &Visit<R>,
    may: &May<ReadClients>,
    refused: Option<&RefusedInput>,
) -> Answered {
    let flows = &visit.shared.flows;
    let (store, id) = (&*flows.store, visit.name());
    let client = clients::find(may, store, id).await.map_err(|error| visit.no_app(error))?;
    let secrets = clients::secrets(may, store, &flows.clock, id).await;
    let secrets = secrets.map_err(|error| visit.no_app(error))?;
    let roles = client_roles::list(may, store, id, None, ROLES).await;
    let roles = roles.map_err(|error| visit.no_app(error))?.roles;
    let roles: Vec<String> = roles.iter().map(|role| role.name.as_str().to_owned()).collect();
    // Whoever corrects a form has still seen what was there before.
    let seen = refused.and_then(|_| visit.given("version")).map(str::to_owned);
    let facts = AppFacts {
        client: &client,
        version: seen.unwrap_or_else(|| clients::version(&client).etag()),
        secrets: &secrets,
        roles: &roles,
        test_sign_in: test_sign_in(visit, &client),
        refused,
    };
    let status = refused.map_or(StatusCode::OK, |_| StatusCode::UNPROCESSABLE_ENTITY);
    visit.show_as(status, &pages::show(visit.frame(), visit.shell(SECTION), &facts))
}

/// The lines of a text, without those that are empty.
pub(super) fn lines(text: &str) -> Vec<&str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect()
}

/// `GET /admin/apps/{id}/snippets`
pub(super) async fn snippets(visit: Visit<ReadClients>) -> Answered {
    let flows = &visit.shared.flows;
    let client = clients::find(&visit.may, &*flows.store, visit.name()).await;
    let client = client.map_err(|error| visit.no_app(error))?;
    let (language, issuer) = (visit.field("language"), flows.url.as_str());
    let shell = visit.shell(SECTION);
    visit.show(&pages::snippets_page(visit.frame(), shell, &client, language, issuer))
}

/// `POST /admin/apps/{id}/secret`
pub(super) async fn rotate_secret(visit: Visit<ChangeSecrets>) -> Answered {
    let hours: Result<i64, _> = visit.field("overlap").parse();
    let overlap = match hours {
        Ok(0) => None,
        Ok(hours @ 1..=168) => Some(chrono::Duration::hours(hours)),
        _ => Some(chrono::Duration::hours(24)),
    };
    let (flows, target) = (&visit.shared.flows, visit.app_target());
    let made = clients::rotate_secret(&visit.may, &flows.store, &flows.clock, target, overlap);
    let secret = made.await.map_err(|error| visit.refused(SECTION, &visit.app_page(), error))?;
    let shell = visit.shell(SECTION);
    visit.show(&pages::new_secret(visit.frame(), shell, visit.name(), secret.expose()))
}

/// `POST /admin/apps/{id}/secret/drop`
pub(super) async fn drop_secret(visit: Visit<ChangeSecrets>) -> Answered {
    let (flows, target) = (&visit.shared.flows, visit.app_target());
    let secret = visit.field("secret");
    let dropped = clients::drop_secret(&visit.may, &flows.store, &flows.clock, target, secret);
    visit.app_changed(dropped.await.map(|()| ConsoleNotice::SecretDropped))
}

/// `POST /admin/apps/{id}/roles`
pub(super) async fn roles(visit: Visit<ChangeClients>) -> Answered {
    let flows = &visit.shared.flows;
    let (may, store, clock, client) = (&visit.may, &flows.store, &flows.clock, visit.name());
    let form = &visit.page_request.form;
    let changed = if let Some(role) = form.get("delete") {
        let deleted = client_roles::delete(may, store, clock, RoleTarget::of(client, role)).await;
        deleted.map(|()| ConsoleNotice::Deleted)
    } else {
        let role = form.get("role").unwrap_or_default();
        let made = client_roles::create(may, store, clock, client, role).await;
        made.map(|_| ConsoleNotice::Created)
    };
    visit.app_changed(changed)
}

async fn ask(visit: Visit<ChangeClients>, ending: AppEnding) -> Answered {
    let flows = &visit.shared.flows;
    let client = clients::of_id(&visit.may, &*flows.store, visit.name()).await;
    let client = client.map_err(|error| visit.no_app(error))?;
    let (sessions, is_more) =
        client_use::sessions(&visit.may, &*flows.store, &client.id, flows.clock.now())
            .await
            .map_err(|fault| visit.fault(fault))?;
    let open = AppUse { sessions, is_more };
    visit.show(&pages::confirm(visit.frame(), visit.shell(SECTION), &client, open, ending))
}

/// `GET /admin/apps/{id}/disable`
pub(super) async fn ask_disable(visit: Visit<ChangeClients>) -> Answered {
    ask(visit, AppEnding::Disable).await
}

/// `GET /admin/apps/{id}/delete`
pub(super) async fn ask_delete(visit: Visit<ChangeClients>) -> Answered {
    ask(visit, AppEnding::Delete).await
}

/// `POST /admin/apps/{id}/disable`
pub(super) async fn disable(visit: Visit<ChangeClients>) -> Answered {
    let (flows, target) = (&visit.shared.flows, visit.app_target());
    let done = clients::set_enabled(&visit.may, &flows.store, &flows.clock, target, false).await;
    visit.app_changed(done.map(|()| ConsoleNotice::Disabled))
}

/// `POST /admin/apps/{id}/enable`
pub(super) async fn enable(visit: Visit<ChangeClients>) -> Answered {
    let (flows, target) = (&visit.shared.flows, visit.app_target());
    let done = clients::set_enabled(&visit.may, &flows.store, &flows.clock, target, true).await;
    visit.app_changed(done.map(|()| ConsoleNotice::Enabled))
}

/// `POST /admin/apps/{id}/delete`
pub(super) async fn delete(visit: Visit<ChangeClients>) -> Answered {
    let (flows, target) = (&visit.shared.flows, visit.app_target());
    match clients::delete(&visit.may, &flows.store, &flows.clock, target).await {
        Ok(()) => visit.done(urls::APPS, ConsoleNotice::Deleted),
        Err(error) => Err(visit.refused(SECTION, &visit.app_page(), error)),
    }
}

/// `GET /admin/apps/{id}/preview`
pub(super) async fn preview(visit: Visit<ReadClients>) -> Answered {
    let flows = &visit.shared.flows;
    let client = clients::find(&visit.may, &*flows.store, visit.name()).await;
    let client = client.map_err(|error| visit.no_app(error))?;
    let (user, scope) = (visit.field("user"), visit.field("scope"));
    let (status, result, problem) = match previewed(&visit, user, scope).await {
        Ok(result) => (StatusCode::OK, result, None),
        Err(error) => {
            let (status, problem) = visit.problem(error)?;
            (status, None, Some(problem))
        }
    };
    let shell = visit.shell(SECTION);
    let page = pages::preview(visit.frame(), shell, &client, (user, scope), result.as_ref());
    visit.show_as(status, &page.refusing(problem))
}

async fn previewed(
    visit: &Visit<ReadClients>,
    user: &str,
    scope: &str,
) -> Result<Option<PreviewResult>, Error<Refused>> {
    let (Some(people), false) = (visit.may_also::<ReadPeople>(), user.is_empty()) else {
        return Ok(None);
    };
    let scope = if scope.is_empty() {
        None
    } else {
        let read = Scope::parse(scope).map_err(|why| Refused::Invalid(why.to_string()))?;
        Some(read)
    };
    let asked = PreviewRequest { client: visit.name(), username: user, scope, audience: None };
    let (store, token) = (&visit.shared.flows.store, &visit.shared.token);
    let may = (&people, &visit.may);
    let made = token_preview::preview(may, store, &token.mint, &token.person_claims, asked).await?;
    let json =
        |claims: &Map<String, Value>| serde_json::to_string_pretty(claims).unwrap_or_default();
    let mut tokens =
        vec![("access token", Some(made.bytes.access_token), json(&made.access_token))];
    tokens.extend(made.id_token.as_ref().map(|it| ("id token", made.bytes.id_token, json(it))));
    tokens.extend(made.userinfo.as_ref().map(|it| ("userinfo", None, json(it))));
    Ok(Some(PreviewResult { tokens, warnings: made.warnings }))
}
