//! Lists of accounts by what they belong to: an e-mail address, a group, a role.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Order, Query, SelectStatement};
use sea_orm::{Condition, ConnectionTrait, ExprTrait, QueryOrder, QueryResult, QuerySelect};

use super::cause::while_doing;
use super::reader::Reader;
use super::users::entity::{Column, Entity};
use super::users::{self, Beginnings, LOOKED_AT, UserPage, UserPlace, begins};
use super::{admin_roles, client_role_holders, group_members};
use crate::domain::admin_role::AdminRole;
use crate::domain::client_role::ClientRoleId;
use crate::domain::group::GroupId;
use crate::domain::user::User;
use crate::domain::verdict::Fault;

const TABLE: &str = "reading the table account";

/// A role that accounts are listed by.
#[derive(Clone, Debug)]
pub enum RoleFilter {
    /// A role in the administration.
    Administration(AdminRole),
    /// A role at a client.
    OfClient(ClientRoleId),
}

/// Which accounts are listed: those that meet everything that is given.
#[derive(Clone, Debug, Default)]
pub struct UserFilter {
    /// The beginning of the name or of the address.
    pub search: Option<Beginnings>,
    /// The key of the e-mail address.
    pub email: Option<String>,
    /// A group that they are in.
    pub group: Option<GroupId>,
    /// A role that they have.
    pub role: Option<RoleFilter>,
    /// Whether they are disabled.
    pub disabled: Option<bool>,
}

/// A page of accounts. One of the conditions names an index that has the accounts in order; a page
/// looks at a limited number of its entries and leaves out those that do not meet the other
/// conditions. So it may have fewer accounts than it has room for, although there are more. `None`:
/// the place is of another list.
pub async fn page(
    reader: &impl Reader,
    filter: &UserFilter,
    behind: Option<&UserPlace>,
    at_most: usize,
) -> Result<Option<UserPage>, Fault> {
    let UserFilter { search, disabled, .. } = filter;
    let id = match behind {
        Some(UserPlace::Id(id)) => Some(id.as_str()),
        _ => None,
    };
    let Some((ids, others)) = ids(filter, id) else {
        let is_other = matches!(behind, Some(UserPlace::Id(_)));
        let page = users::page(reader, search.as_ref(), *disabled, behind, at_most);
        return if is_other { Ok(None) } else { page.await.map(Some) };
    };
    if behind.is_some() && id.is_none() {
        return Ok(None);
    }
    of_ids(reader, ids, others, at_most).await.map(Some)
}

/// The ids of the accounts that meet one of the conditions, and the conditions that are left.
fn ids(filter: &UserFilter, behind: Option<&str>) -> Option<(SelectStatement, UserFilter)> {
    let mut others = filter.clone();
    let ids = if let Some(email) = others.email.take() {
        of_email(&email, behind)
    } else if let Some(group) = others.group.take() {
        group_members::ids(&group, behind)
    } else {
        of_role(&others.role.take()?, behind)
    };
    Some((ids, others))
}

fn of_email(key: &str, behind: Option<&str>) -> SelectStatement {
    Query::select()
        .expr_as(Expr::col(Column::Id), "user_id")
        .from(Entity)
        .and_where(Column::EmailKey.eq(key))
        .and_where_option(behind.map(|id| ColumnTrait::gt(&Column::Id, id)))
        .order_by(Column::Id, Order::Asc)
        .to_owned()
}

fn of_role(role: &RoleFilter, behind: Option<&str>) -> SelectStatement {
    match role {
        RoleFilter::Administration(role) => admin_roles::ids(*role, behind),
        RoleFilter::OfClient(role) => client_role_holders::ids(role, behind),
    }
}

impl UserFilter {
    fn is_empty(&self) -> bool {
        let Self { search, email, group, role, disabled } = self;
        let belongs = email.is_some() || group.is_some() || role.is_some();
        search.is_none() && disabled.is_none() && !belongs
    }
}

/// The condition that one of these accounts meets everything in the filter except its address.
fn meets(filter: &UserFilter, ids: &[String]) -> Condition {
    let mut all = Condition::all();
    if let Some(search) = &filter.search {
        let name = begins(Column::UsernameKey, &search.name);
        all = all.add(name.or(begins(Column::EmailKey, &search.address)));
    }
    all = all.add_option(filter.disabled.map(|disabled| {
        if disabled { Column::DisabledAt.is_not_null() } else { Column::DisabledAt.is_null() }
    }));
    let members = filter.group.as_ref().map(|group| group_members::ids(group, None));
    let holders = filter.role.as_ref().map(|role| of_role(role, None));
    for mut some in members.into_iter().chain(holders) {
        // So the database never reads every member of a large group.
        some.and_where(Expr::col("user_id").is_in(ids));
        all = all.add(Column::Id.in_subquery(some));
    }
    all
}

async fn of_ids(
    reader: &impl Reader,
    ids: SelectStatement,
    others: UserFilter,
    at_most: usize,
) -> Result<UserPage, Fault> {
    // Without another condition every account that is looked at is on the page.
    let looked_at = if others.is_empty() { at_most } else { LOOKED_AT };
    let limit = |number: usize| u64::try_from(number).unwrap_or(u64::MAX).saturating_add(1);
    let ids = ids.clone().limit(limit(looked_at)).to_owned();
    let fault = while_doing(TABLE);
    let found = reader.connection().query_all(&ids).await.map_err(&fault)?;
    let text = |row: &QueryResult| row.try_get::<String>("", "user_id").map_err(&fault);
    let mut found = found.iter().map(text).collect::<Result<Vec<_>, _>>()?;
    let is_more = found.len() > looked_at;
    found.truncate(looked_at);
    let rows = Entity::find()
        .filter(Column::Id.is_in(&found))
        .filter(meets(&others, &found))
        .order_by_asc(Column::Id)
        .limit(limit(at_most))
        .all(reader.connection())
        .await
        .map_err(&fault)?;
    let is_full = rows.len() > at_most;
    let users = rows.into_iter().take(at_most).map(User::try_from);
    let users = users.collect::<Result<Vec<_>, _>>()?;
    let last = if is_full {
        users.last().map(|last| last.id.as_str().to_owned())
    } else {
        found.pop().filter(|_| is_more)
    };
    Ok(UserPage { users, next: last.map(UserPlace::Id) })
}
