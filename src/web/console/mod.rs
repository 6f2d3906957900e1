//! The console of the administration, `/admin/`: pages for people with a role. Each handler takes
//! a `visit::Visit` of the right that it needs, calls use cases of [`admin`](crate::admin), and
//! shows a page. So no page runs for somebody who may not see it.

mod app_settings;
mod apps;
mod attribute_definitions;
mod audit;
mod groups;
mod keys;
mod new_app;
mod overview;
mod people;
mod person;
mod person_attributes;
mod providers;
mod registration_tokens;
mod resources;
mod scim_tokens;
mod scope_words;
mod settings;
mod token;
mod visit;
mod webhooks;
mod words;

use std::sync::Arc;

use axum::middleware::map_response;
use axum::routing::{get, post};
use axum::{Extension, Router};

use crate::domain::console_urls;
use crate::web::page;
use crate::web::shared::Shared;

macro_rules! operations {
    ($($method:ident $path:ident => $handler:path),+ $(,)?) => {
        /// Every page and every form: its method and its path.
        pub const OPERATIONS: &[(&str, &str)] =
            &[$((stringify!($method), console_urls::$path)),+];

        /// The routes of the console.
        pub(super) fn routes() -> Router<Arc<Shared>> {
            Router::new()
                $(.route(console_urls::$path, $method($handler)))+
                .route_layer(Extension(visit::Operations(OPERATIONS)))
                .route_layer(map_response(page::without_opener))
        }
    };
}

operations! {
    get ROOT => overview::root,
    get OVERVIEW => overview::show,
    get PEOPLE => people::list,
    post PEOPLE => people::create,
    get PEOPLE_NEW => people::new,
    post PEOPLE_INVITE => people::invite,
    get PERSON => person::show,
    get PERSON_DISABLE => person::ask_disable,
    post PERSON_DISABLE => person::disable,
    post PERSON_ENABLE => person::enable,
    post PERSON_LOGOUT => person::logout,
    post PERSON_END => person::end,
    post PERSON_FACTORS => person::reset_factors,
    post PERSON_RECOVER => person::recover,
    post PERSON_ROLES => person::roles,
    post PERSON_GROUPS => person::groups,
    post PERSON_ATTRIBUTES => person_attributes::change,
    get PERSON_DELETE => person::ask_delete,
    post PERSON_DELETE => person::delete,
    get GROUPS => groups::list,
    post GROUPS => groups::create,
    get GROUP => groups::members,
    get GROUP_DELETE => groups::ask_delete,
    post GROUP_DELETE => groups::delete,
    get APPS => apps::list,
    get APP_NEW => new_app::choose,
    get APP_NEW_KIND => new_app::form,
    post APP_NEW_KIND => new_app::create,
    get APP => apps::show,
    post APP => app_settings::change,
    get APP_SNIPPETS => apps::snippets,
    get APP_PREVIEW => apps::preview,
    post APP_SECRET => apps::rotate_secret,
    post APP_SECRET_DROP => apps::drop_secret,
    post APP_ROLES => apps::roles,
    get APP_DISABLE => apps::ask_disable,
    post APP_DISABLE => apps::disable,
    post APP_ENABLE => apps::enable,
    get APP_DELETE => apps::ask_delete,
    post APP_DELETE => apps::delete,
    get RESOURCES => resources::list,
    get RESOURCE_NEW => resources::form,
    post RESOURCE_NEW => resources::create,
    get RESOURCE => resources::show,
    post RESOURCE => resources::change,
    get RESOURCE_DELETE => resources::ask_delete,
    post RESOURCE_DELETE => resources::delete,
    get REGISTRATION_TOKENS => registration_tokens::list,
    post REGISTRATION_TOKENS => registration_tokens::create,
    post REGISTRATION_TOKEN_REVOKE => registration_tokens::revoke,
    get PROVIDERS => providers::list,
    get PROVIDER_NEW => providers::choose,
    get PROVIDER_NEW_KIND => providers::form,
    post PROVIDER_NEW_KIND => providers::create,
    get PROVIDER => providers::show,
    post PROVIDER => providers::change,
    post PROVIDER_CHECK => providers::check,
    get PROVIDER_DISABLE => providers::ask_disable,
    post PROVIDER_DISABLE => providers::disable,
    post PROVIDER_ENABLE => providers::enable,
    get PROVIDER_DELETE => providers::ask_delete,
    post PROVIDER_DELETE => providers::delete,
    get KEYS => keys::show,
    get KEYS_ROTATE => keys::ask_rotate,
    post KEYS_ROTATE => keys::rotate,
    get KEY_DROP => keys::ask_drop,
    post KEY_DROP => keys::drop,
    get AUDIT => audit::list,
    get AUDIT_EXPORT => audit::export,
    get SETTINGS => settings::show,
    get DEBUG_TOKEN => token::form,
    post DEBUG_TOKEN => token::show,
    get WEBHOOKS => webhooks::list,
    get WEBHOOK_NEW => webhooks::form,
    post WEBHOOK_NEW => webhooks::create,
    get WEBHOOK => webhooks::show,
    post WEBHOOK_SECRET => webhooks::rotate_secret,
    post WEBHOOK_REPLAY => webhooks::replay,
    get WEBHOOK_DELETE => webhooks::ask_delete,
    post WEBHOOK_DELETE => webhooks::delete,
    get SCIM_TOKENS => scim_tokens::list,
    post SCIM_TOKENS => scim_tokens::create,
    get SCIM_TOKEN_REVOKE => scim_tokens::ask_revoke,
    post SCIM_TOKEN_REVOKE => scim_tokens::revoke,
    get SCOPES => scope_words::list,
    get SCOPE_NEW => scope_words::form,
    post SCOPE_NEW => scope_words::create,
    get SCOPE => scope_words::show,
    post SCOPE => scope_words::change,
    get SCOPE_DELETE => scope_words::ask_delete,
    post SCOPE_DELETE => scope_words::delete,
    get ATTRIBUTES => attribute_definitions::list,
    get ATTRIBUTE_NEW => attribute_definitions::form,
    post ATTRIBUTE_NEW => attribute_definitions::create,
    get ATTRIBUTE => attribute_definitions::show,
    post ATTRIBUTE => attribute_definitions::change,
    get ATTRIBUTE_DELETE => attribute_definitions::ask_delete,
    post ATTRIBUTE_DELETE => attribute_definitions::delete,
}
