//! Lists, page by page.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::problem::{ApiResult, Failed};
use crate::domain::reason::Reason;

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Page<T> {
    /// The things on this page.
    pub(super) items: Vec<T>,
    /// What the request for the next page has as `after`; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next: Option<String>,
}

/// Which page of a list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Paging {
    /// So many at most: 1 to 200, 50 by default.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u64>,
    /// `next` of an earlier page.
    after: Option<String>,
}

/// Which page of a list, of those whose name begins so.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Searching {
    /// The beginning of the name.
    pub(super) search: Option<String>,
    /// So many at most: 1 to 200, 50 by default.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u64>,
    /// `next` of an earlier page.
    pub(super) after: Option<String>,
}

impl Searching {
    /// How many there are on a page.
    pub(super) fn limit(&self) -> ApiResult<u64> {
        limit(self.limit)
    }
}

/// How many there are on a page.
pub(super) fn limit(asked: Option<u64>) -> ApiResult<u64> {
    match asked {
        None => Ok(50),
        Some(limit @ 1..=200) => Ok(limit),
        Some(_) => Err(Failed::because(Reason::AdminQueryMalformed, "limit is from 1 to 200")),
    }
}

impl Paging {
    /// How many there are on a page.
    pub(super) fn limit(&self) -> ApiResult<u64> {
        limit(self.limit)
    }

    /// What the page begins after.
    pub(super) fn after(&self) -> Option<&str> {
        self.after.as_deref()
    }

    /// The page of a list that is in memory, in the order of these names.
    pub(super) fn page<T>(
        &self,
        mut all: Vec<T>,
        name: impl Fn(&T) -> String,
    ) -> ApiResult<Page<T>> {
        let limit = usize::try_from(limit(self.limit)?).unwrap_or(usize::MAX);
        all.sort_by_key(&name);
        if let Some(after) = &self.after {
            all.retain(|one| name(one) > *after);
        }
        let is_more = all.len() > limit;
        all.truncate(limit);
        let next = if is_more { all.last().map(name) } else { None };
        Ok(Page { items: all, next })
    }
}
