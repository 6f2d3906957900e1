//! `/settings`: the settings that are in force, without secrets.

use std::sync::Arc;

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::caller::Caller;
use super::paging::Page;
use super::shown::Shown;
use crate::admin::authority::ReadSettings;
use crate::settings::InForce;
use crate::web::shared::Shared;

/// A setting as it is in force.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Setting {
    /// Its path in the settings file.
    key: String,
    /// Its name in the environment; empty if it is not read from there.
    env: String,
    /// Its value. A secret is never shown.
    value: String,
    /// Where the value comes from: `default`, `file`, `environment` or `flag`.
    source: &'static str,
    /// The line of the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    /// The value where none is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    default: Option<String>,
}

impl From<&InForce> for Setting {
    fn from(one: &InForce) -> Self {
        let InForce { key, env, value, source, line, default } = one.clone();
        Self { key, env, value, source, line, default }
    }
}

/// Every setting as it is in force on the server that answers, and where it comes from
#[utoipa::path(get, path = "/settings", tag = "settings",
    responses((status = 200, body = Page<Setting>)))]
pub(super) async fn list(
    _: Caller<ReadSettings>,
    State(shared): State<Arc<Shared>>,
) -> Shown<Page<Setting>> {
    let items = shared.settings_in_force.iter().map(Setting::from).collect();
    Shown::of(Page { items, next: None })
}
