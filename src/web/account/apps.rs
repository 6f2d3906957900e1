//! `/account/apps`: the apps that have access to an account.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;

use crate::domain::account_page::AccountPage;
use crate::domain::client::{Client, ClientId};
use crate::flows::my_account::{self, Access, MyApps};
use crate::flows::my_actors::{self, Actor};
use crate::flows::outcome::FlashMessage;
use crate::flows::scope_texts::{self, ScopeTexts};
use crate::flows::submitted::AccountForm;
use crate::pages::{ActsForYou, AppAccess, AppsPage, StoppedActor};
use crate::web::account_session::{account, shell, submitted, visited};
use crate::web::edge::Context;
use crate::web::flash_messages;
use crate::web::page::{self, Answered, Shown};
use crate::web::respond::respond;
use crate::web::shared::Shared;
use crate::web::shown::permissions;

const PAGE: AccountPage = AccountPage::Apps;

pub(in crate::web) async fn get(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let (page_request, signed_in_user) = visited(&shared, context, request, PAGE).await?;
    let behind = page_request.form.get("apps").and_then(ClientId::parse);
    let message = flash_messages::at_account(&shared, &page_request, &signed_in_user.session.id);
    // Whoever has just removed an app does not see it in an older list.
    let fresh = message.is_some();
    let some = my_account::apps(&shared.flows, &signed_in_user, behind.as_ref(), fresh).await;
    let MyApps { apps, more } = match some {
        Ok(some) => some,
        Err(fault) => return Ok(respond(&shared, &page_request, fault)),
    };
    let actors = match my_actors::list(&shared.flows, &signed_in_user).await {
        Ok(actors) => actors,
        Err(fault) => return Ok(respond(&shared, &page_request, fault)),
    };
    let scopes = apps.iter().map(|access| &access.scope);
    let scopes = scopes.chain(actors.acting.iter().map(|actor| &actor.scope));
    let texts = match scope_texts::of(&shared.flows, scopes, page_request.language).await {
        Ok(texts) => texts,
        Err(fault) => return Ok(respond(&shared, &page_request, fault)),
    };
    let csrf = AccountForm::token(&shared.flows, &signed_in_user);
    let names: Vec<Shown> =
        apps.iter().map(|access| Shown::of(&shared, &access.client, None)).collect();
    let acting: Vec<Shown> =
        actors.acting.iter().map(|actor| Shown::of(&shared, &actor.client, None)).collect();
    let shown = AppsPage {
        frame: page_request.frame(&shared),
        shell: shell(PAGE, &signed_in_user, &csrf, message.as_ref()),
        apps: apps.iter().zip(&names).map(|(access, name)| app(access, name, &texts)).collect(),
        more: more.as_ref().map(ClientId::as_str),
        actors: actors
            .acting
            .iter()
            .zip(&acting)
            .map(|(one, name)| acts(one, name, &texts))
            .collect(),
        stopped: actors.stopped.iter().map(|one| stopped(&one.client)).collect(),
    };
    Ok(page::show(&shared, StatusCode::OK, &shown, &page_request))
}

fn app<'a>(access: &'a Access, name: &'a Shown, texts: &'a ScopeTexts) -> AppAccess<'a> {
    let claims = access.claims.iter().map(String::as_str);
    AppAccess {
        client: access.client.client.id.as_str(),
        app: name.app(),
        permissions: permissions(&access.scope, claims, &access.resources, texts),
        since: access.since,
    }
}

fn acts<'a>(actor: &'a Actor, name: &'a Shown, texts: &'a ScopeTexts) -> ActsForYou<'a> {
    ActsForYou {
        access: AppAccess {
            client: actor.client.client.id.as_str(),
            app: name.app(),
            permissions: permissions(&actor.scope, [], &actor.resources, texts),
            since: actor.since,
        },
        by_way_of: &actor.by_way_of,
    }
}

fn stopped(client: &Client) -> StoppedActor<'_> {
    StoppedActor { client: client.id.as_str(), name: &client.metadata.client_name }
}

pub(in crate::web) async fn remove(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let (page_request, form) = submitted(&shared, context, request, PAGE).await?;
    let Some(client) = page_request.form.get("client").and_then(ClientId::parse) else {
        return Ok(respond(&shared, &page_request, account(&form, None)));
    };
    let caller = page_request.caller();
    let removed = my_account::remove_app(&shared.flows, caller, &form, &client).await;
    let message = |had_access: bool| had_access.then_some(FlashMessage::AppRemoved);
    let back = removed.map(|had_access| account(&form, message(had_access)));
    Ok(respond(&shared, &page_request, back))
}

pub(in crate::web) async fn stop(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let (page_request, form) = submitted(&shared, context, request, PAGE).await?;
    let Some(client) = page_request.form.get("client").and_then(ClientId::parse) else {
        return Ok(respond(&shared, &page_request, account(&form, None)));
    };
    let stopped = my_actors::stop(&shared.flows, page_request.caller(), &form, &client).await;
    let message = |acted: bool| acted.then_some(FlashMessage::ActorStopped);
    Ok(respond(&shared, &page_request, stopped.map(|acted| account(&form, message(acted)))))
}

pub(in crate::web) async fn allow(
    State(shared): State<Arc<Shared>>,
    context: Context,
    request: Request,
) -> Answered {
    let (page_request, form) = submitted(&shared, context, request, PAGE).await?;
    let Some(client) = page_request.form.get("client").and_then(ClientId::parse) else {
        return Ok(respond(&shared, &page_request, account(&form, None)));
    };
    let allowed = my_actors::allow(&shared.flows, page_request.caller(), &form, &client).await;
    let message = |was: bool| was.then_some(FlashMessage::ActorAllowed);
    Ok(respond(&shared, &page_request, allowed.map(|was| account(&form, message(was)))))
}
