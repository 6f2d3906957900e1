//! The apps to which a person gave access: by a consent or by families that are still live. Every
//! statement reads a bounded number of rows, however many consents and families the person has.

use chrono::{DateTime, Utc};
use sea_orm::ConnectionTrait;
use sea_orm::sea_query::{Expr, ExprTrait, Query, UnionType};

use super::cause::while_doing;
use super::column::{corrupt, read_list};
use super::families;
use super::reader::Reader;
use crate::domain::client::ClientId;
use crate::domain::clock;
use crate::domain::family::FamilyFilter;
use crate::domain::scope::Scope;
use crate::domain::user::UserId;
use crate::domain::verdict::Fault;

const READING: &str = "reading the apps of a person";

/// The apps to which a person gave consent or at which they have families, in the order of their
/// ids, beginning after `behind`, at most this many. Each app costs one step in two indexes.
pub async fn of_user(
    reader: &impl Reader,
    user: &UserId,
    behind: Option<&ClientId>,
    at_most: usize,
) -> Result<Vec<ClientId>, Fault> {
    let mut apps: Vec<ClientId> = Vec::new();
    while apps.len() < at_most {
        match next(reader, user, apps.last().or(behind)).await? {
            Some(app) => apps.push(app),
            None => break,
        }
    }
    Ok(apps)
}

async fn next(
    reader: &impl Reader,
    user: &UserId,
    behind: Option<&ClientId>,
) -> Result<Option<ClientId>, Fault> {
    let behind = behind.map(ClientId::as_str).unwrap_or_default();
    let first = |table: &'static str| {
        Query::select()
            .expr_as(Expr::col("client_id").min(), "client_id")
            .from(table)
            .and_where(Expr::col("user_id").eq(user.as_str()))
            .and_where(Expr::col("client_id").gt(behind))
            .to_owned()
    };
    // Who acts for a person has a list of its own.
    let open = first("family")
        .and_where(Expr::col("revoked_at").is_null())
        .and_where(Expr::col("parent_id").is_null())
        .to_owned();
    let both = open.clone().union(UnionType::All, first("consent")).to_owned();
    let select = Query::select()
        .expr_as(Expr::col("client_id").min(), "client_id")
        .from_subquery(both, "app")
        .to_owned();
    let fault = while_doing(READING);
    let row = reader.connection().query_one(&select).await.map_err(&fault)?;
    let id: Option<String> = match row {
        Some(row) => row.try_get("", "client_id").map_err(&fault)?,
        None => None,
    };
    let parsed = id.map(|id| ClientId::parse(&id).ok_or_else(|| corrupt(READING, "a client id")));
    parsed.transpose()
}

/// The access that live families give to an app, for one scope and the same resources.
#[derive(Clone, Debug)]
pub struct OpenAccess {
    /// The scope.
    pub scope: Scope,
    /// Single claims.
    pub claims: Vec<String>,
    /// The resources, RFC 8707.
    pub resources: Vec<String>,
    /// The earliest sign-in of these families.
    pub since: DateTime<Utc>,
}

/// The access that live families of a person give to an app: one item for each scope and its
/// resources. It reads at most this many families.
pub async fn open_at(
    reader: &impl Reader,
    user: &UserId,
    client: &ClientId,
    at_most: u64,
    now: DateTime<Utc>,
) -> Result<Vec<OpenAccess>, Fault> {
    let some = FamilyFilter::UserAt(user, client)
        .live(now)
        .and_where(Expr::col("parent_id").is_null())
        .columns([
            families::entity::Column::Scope,
            families::entity::Column::Claims,
            families::entity::Column::Resources,
            families::entity::Column::AuthTime,
        ])
        .limit(at_most)
        .to_owned();
    let select = Query::select()
        .columns(["scope", "claims", "resources"])
        .expr_as(Expr::col("auth_time").min(), "since")
        .from_subquery(some, "open")
        .group_by_columns(["scope", "claims", "resources"])
        .to_owned();
    let fault = while_doing(READING);
    let rows = reader.connection().query_all(&select).await.map_err(&fault)?;
    rows.iter()
        .map(|row| {
            let scope: String = row.try_get("", "scope").map_err(&fault)?;
            let claims: String = row.try_get("", "claims").map_err(&fault)?;
            let resources: String = row.try_get("", "resources").map_err(&fault)?;
            Ok(OpenAccess {
                scope: Scope::parse(&scope).map_err(|error| corrupt(READING, error.to_string()))?,
                claims: read_list(READING, &claims)?,
                resources: read_list(READING, &resources)?,
                since: clock::from_millis(row.try_get("", "since").map_err(&fault)?),
            })
        })
        .collect()
}
