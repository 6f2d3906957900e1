//! `account`: the accounts of people. Names are looked up only by their canonical keys, so both
//! databases compare the same bytes.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Alias, CaseStatement, Order, Query, SimpleExpr};
use sea_orm::{
    Condition, ExprTrait, FromQueryResult, JoinType, PaginatorTrait, QueryOrder, QueryResult,
    QuerySelect, QueryTrait, SqlErr,
};
use serde::{Deserialize, Serialize};

use super::account_keys;
use super::cause::while_doing;
use super::column::{corrupt, instant, millis};
use super::entity::entity;
use super::reader::Reader;
use super::revocation_log::Noted;
use super::revocations::everywhere;
use super::tx::Tx;
use crate::domain::foreign_hash::ForeignHash;
use crate::domain::revocation::{Audiences, Revocation, RevokedKind};
use crate::domain::user::{AccountSource, Profile, User, UserId};
use crate::domain::verdict::Fault;
use crate::domain::{clock, person};

entity! {
    pub(super) mod entity {
        #[sea_orm(table_name = "account")]
        pub struct Model {
            #[sea_orm(primary_key, auto_increment = false)]
            pub id: String,
            pub username: String,
            pub username_key: String,
            pub email: Option<String>,
            pub email_key: Option<String>,
            pub email_verified: bool,
            pub password_hash: Option<String>,
            pub password_temporary: bool,
            pub foreign_work: Option<i64>,
            pub totp_since: Option<i64>,
            pub profile: String,
            pub disabled_at: Option<i64>,
            pub created_at: i64,
            pub updated_at: i64,
            pub made_by: String,
            pub email_by: String,
            pub secrets_version: i64,
            pub deletion_at: Option<i64>,
        }
    }
}

use entity::{ActiveModel, Column, Entity, Model};

const TABLE: &str = "reading the table account";
const WRITING: &str = "writing the table account";

impl TryFrom<Model> for User {
    type Error = Fault;

    fn try_from(row: Model) -> Result<Self, Fault> {
        let profile: Profile = serde_json::from_str(&row.profile)
            .map_err(|error| corrupt(TABLE, error.to_string()))?;
        Ok(Self {
            id: UserId::from_stored(row.id),
            username: row.username,
            email: row.email,
            email_verified: row.email_verified,
            password_hash: row.password_hash,
            password_temporary: row.password_temporary,
            totp_since: instant(row.totp_since),
            profile,
            disabled_at: instant(row.disabled_at),
            deletion_at: instant(row.deletion_at),
            created_at: clock::from_millis(row.created_at),
            updated_at: clock::from_millis(row.updated_at),
            made_by: source(&row.made_by)?,
            email_by: source(&row.email_by)?,
        })
    }
}

fn row(user: &User) -> Result<ActiveModel, Fault> {
    let profile = serde_json::to_string(&user.profile)
        .map_err(|error| Fault::internal("writing a profile", error))?;
    let key = person::username_key(&user.username)
        .ok_or_else(|| Fault::internal("writing a user name", "it has no canonical form"))?;
    Ok(ActiveModel {
        id: Set(user.id.as_str().to_owned()),
        username: Set(user.username.clone()),
        username_key: Set(key),
        email: Set(user.email.clone()),
        email_key: Set(user.email.as_deref().and_then(person::email_key)),
        email_verified: Set(user.email_verified),
        password_hash: Set(user.password_hash.clone()),
        password_temporary: Set(user.password_temporary),
        foreign_work: Set(user.password_hash.as_deref().and_then(work)),
        totp_since: Set(user.totp_since.map(millis)),
        profile: Set(profile),
        disabled_at: Set(user.disabled_at.map(millis)),
        created_at: Set(millis(user.created_at)),
        updated_at: Set(millis(user.updated_at)),
        made_by: Set(user.made_by.as_str().to_owned()),
        email_by: Set(user.email_by.as_str().to_owned()),
        secrets_version: NotSet,
        deletion_at: Set(user.deletion_at.map(millis)),
    })
}

/// About how long a check of this hash takes, if another program made it.
fn work(hash: &str) -> Option<i64> {
    let work = ForeignHash::work_of_stored(hash)?;
    Some(i64::try_from(work).unwrap_or(i64::MAX))
}

fn source(text: &str) -> Result<AccountSource, Fault> {
    AccountSource::parse(text)
        .ok_or_else(|| corrupt(TABLE, "who made an account or said an address"))
}

/// The user with this subject identifier.
pub async fn find(reader: &impl Reader, id: &UserId) -> Result<Option<User>, Fault> {
    let row = Entity::find_by_id(id.as_str()).one(reader.connection()).await;
    row.map_err(while_doing(TABLE))?.map(User::try_from).transpose()
}

/// Those of these users that exist. The caller limits the number of ids. A row that cannot be read
/// is a fault of its own user only.
pub async fn find_each(
    reader: &impl Reader,
    ids: &[UserId],
) -> Result<Vec<(UserId, Result<User, Fault>)>, Fault> {
    let ids = ids.iter().map(UserId::as_str);
    let select = Entity::find().filter(Column::Id.is_in(ids)).into_query();
    let fault = while_doing(TABLE);
    let rows = reader.connection().query_all(&select).await.map_err(&fault)?;
    let read = |row: &QueryResult| {
        let id = row.try_get("", "id").map_err(&fault)?;
        let user = Model::from_query_result(row, "").map_err(&fault).and_then(User::try_from);
        Ok((UserId::from_stored(id), user))
    };
    rows.iter().map(read).collect()
}

/// The user with this subject identifier, protected from changes until the transaction ends.
pub async fn hold(tx: &Tx, id: &UserId) -> Result<Option<User>, Fault> {
    let row = Entity::find_by_id(id.as_str()).lock_shared().one(tx.connection()).await;
    row.map_err(while_doing(TABLE))?.map(User::try_from).transpose()
}

/// The user with this subject identifier, locked until the transaction ends.
pub async fn lock(tx: &Tx, id: &UserId) -> Result<Option<User>, Fault> {
    let row = Entity::find_by_id(id.as_str()).lock_exclusive().one(tx.connection()).await;
    row.map_err(while_doing(TABLE))?.map(User::try_from).transpose()
}

/// The user with this canonical user name, or else the one with this verified e-mail address. It is
/// always one statement, so the response time does not reveal what was found.
pub async fn find_by_name(
    reader: &impl Reader,
    username_key: &str,
    email_key: Option<&str>,
) -> Result<Option<User>, Fault> {
    let rows = of_name(username_key, email_key).all(reader.connection()).await;
    let rows = rows.map_err(while_doing(TABLE))?;
    let named = rows.iter().position(|row| row.username_key == username_key);
    rows.into_iter().nth(named.unwrap_or_default()).map(User::try_from).transpose()
}

/// How many accounts there are that are not over.
pub async fn count(reader: &impl Reader, now: DateTime<Utc>) -> Result<u64, Fault> {
    let some = Entity::find().filter(is_not_over(now));
    some.count(reader.connection()).await.map_err(while_doing(TABLE))
}

/// Accounts that are not over, in the order of their names: so many, after so many others.
pub async fn window(
    reader: &impl Reader,
    (skip, at_most): (u64, u64),
    is_descending: bool,
    now: DateTime<Utc>,
) -> Result<Vec<User>, Fault> {
    let order = if is_descending { Order::Desc } else { Order::Asc };
    let some = Entity::find().filter(is_not_over(now));
    let select = some.order_by(Column::UsernameKey, order).offset(skip).limit(at_most);
    let rows = select.all(reader.connection()).await.map_err(while_doing(TABLE))?;
    rows.into_iter().map(User::try_from).collect()
}

/// The users with this canonical user name or with this verified e-mail address.
pub(super) fn of_name(username_key: &str, email_key: Option<&str>) -> Select<Entity> {
    let owner = Condition::all()
        .add(Column::EmailVerified.eq(true))
        .add(Column::EmailKey.eq(email_key.unwrap_or_default()));
    Entity::find().filter(Condition::any().add(Column::UsernameKey.eq(username_key)).add(owner))
}

/// The hash of another program whose check takes longest, with an estimate of how long.
pub async fn slowest_foreign_hash(reader: &impl Reader) -> Result<Option<(String, i64)>, Fault> {
    let slowest = Entity::find()
        .select_only()
        .column(Column::PasswordHash)
        .column(Column::ForeignWork)
        .filter(Column::ForeignWork.is_not_null())
        .order_by_desc(Column::ForeignWork)
        .into_tuple::<(Option<String>, Option<i64>)>()
        .one(reader.connection())
        .await;
    let slowest = slowest.map_err(while_doing(TABLE))?;
    Ok(slowest.and_then(|(hash, work)| hash.zip(work)))
}

/// Every user with this e-mail address whose account is not over; the one whose address is verified
/// comes first. They are locked until the transaction ends.
pub async fn lock_by_email(tx: &Tx, email_key: &str) -> Result<Vec<User>, Fault> {
    let rows = Entity::find()
        .filter(Column::EmailKey.eq(email_key))
        .filter(is_over(tx.now()).not().or(Column::DeletionAt.is_null()))
        .order_by_desc(Column::EmailVerified)
        .order_by_asc(Column::Id)
        .lock_exclusive()
        .all(tx.connection())
        .await;
    rows.map_err(while_doing(TABLE))?.into_iter().map(User::try_from).collect()
}

/// Every user with this e-mail address, whether it is verified or only claimed, whose account is not
/// over.
pub async fn of_email(
    reader: &impl Reader,
    email_key: &str,
    now: DateTime<Utc>,
) -> Result<Vec<User>, Fault> {
    let rows = Entity::find()
        .filter(Column::EmailKey.eq(email_key))
        .filter(is_not_over(now))
        .order_by_desc(Column::EmailVerified)
        .order_by_asc(Column::Id)
        .all(reader.connection())
        .await;
    rows.map_err(while_doing(TABLE))?.into_iter().map(User::try_from).collect()
}

/// The user who can sign in with this address: because it is their verified address, or their user
/// name. An account that is over owns nothing.
pub async fn find_owner(
    reader: &impl Reader,
    email_key: &str,
    now: DateTime<Utc>,
) -> Result<Option<UserId>, Fault> {
    // The account is always read, so that the time does not tell whether there is an owner.
    let owner = account_keys::owner(reader, email_key).await?;
    let user = find(reader, &owner.unwrap_or_else(|| UserId::from_stored(String::new()))).await?;
    Ok(user.filter(|user| !user.is_over(now)).map(|user| user.id))
}

/// Whether an account is over at this instant.
fn is_not_over(now: DateTime<Utc>) -> Expr {
    is_over(now).not().or(Column::DeletionAt.is_null())
}

fn is_over(now: DateTime<Utc>) -> Expr {
    ColumnTrait::lte(&Column::DeletionAt, millis(now))
}

/// Takes these names away from accounts that are over, so that they are free at that very instant
/// and not only when the rows are deleted. A space in a key makes it the key of no name.
async fn free_names(tx: &Tx, keys: &[String]) -> Result<(), Fault> {
    let over = Entity::find().filter(is_over(tx.now())).one(tx.connection()).await;
    if over.map_err(while_doing(TABLE))?.is_none() {
        return Ok(());
    }
    let none = Option::<String>::None;
    Entity::update_many()
        .col_expr(Column::UsernameKey, Expr::cust("'over ' || id"))
        .col_expr(Column::EmailKey, Expr::value(none))
        .col_expr(Column::EmailVerified, Expr::value(false))
        .filter(is_over(tx.now()))
        .filter(
            Condition::any().add(Column::UsernameKey.is_in(keys)).add(Column::EmailKey.is_in(keys)),
        )
        .exec(tx.connection())
        .await
        .map_err(while_doing(WRITING))?;
    let over = Query::select().column(Column::Id).from(Entity).and_where(is_over(tx.now())).take();
    account_keys::free(tx, keys, over).await
}

/// Plans the end of an account, and ends the secrets that were mailed to the person before; `false`
/// when it is disabled or its end is planned already.
pub async fn plan_deletion(tx: &Tx, id: &UserId, at: DateTime<Utc>) -> Result<bool, Fault> {
    let planned = ending_secrets(id)
        .col_expr(Column::DeletionAt, Expr::value(millis(at)))
        .filter(Column::DeletionAt.is_null())
        .filter(Column::DisabledAt.is_null())
        .exec(tx.connection())
        .await;
    Ok(planned.map_err(while_doing(WRITING))?.rows_affected == 1)
}

/// Takes the planned end of an account back; `false` when none is planned or it has come.
pub async fn take_deletion_back(tx: &Tx, id: &UserId) -> Result<bool, Fault> {
    let kept = ending_secrets(id)
        .col_expr(Column::DeletionAt, Expr::value(Option::<i64>::None))
        .filter(ColumnTrait::gt(&Column::DeletionAt, millis(tx.now())))
        .exec(tx.connection())
        .await;
    Ok(kept.map_err(while_doing(WRITING))?.rows_affected == 1)
}

/// Pairs of users where the user name of the first is the verified address of the second. At
/// sign-in the first one is found and the second one is refused. Such pairs exist only from the
/// time before they were forbidden.
pub async fn clashes(reader: &impl Reader, at_most: u64) -> Result<Vec<(String, String)>, Fault> {
    let (named, owning) = (Alias::new("named"), Alias::new("owning"));
    let select = Query::select()
        .expr_as(Expr::col((named.clone(), Column::Username)), "username")
        .expr_as(Expr::col((owning.clone(), Column::Username)), "owner")
        .from_as(Entity, named.clone())
        .join_as(
            JoinType::InnerJoin,
            Entity,
            owning.clone(),
            Expr::col((named.clone(), Column::UsernameKey))
                .equals((owning.clone(), Column::EmailKey)),
        )
        .and_where(Expr::col((owning.clone(), Column::EmailVerified)).eq(true))
        .and_where(Expr::col((named, Column::Id)).ne(Expr::col((owning, Column::Id))))
        .limit(at_most)
        .to_owned();
    let fault = while_doing(TABLE);
    let rows = reader.connection().query_all(&select).await.map_err(&fault)?;
    let text = |row: &QueryResult, name| row.try_get("", name).map_err(&fault);
    rows.iter().map(|row| Ok((text(row, "username")?, text(row, "owner")?))).collect()
}

/// The beginnings of the keys that a search looks for.
#[derive(Clone, Debug)]
pub struct Beginnings {
    /// The beginning of the user name.
    pub name: String,
    /// The beginning of the e-mail address, verified or not.
    pub address: String,
}

/// Where an account stands in a list of accounts. A page of the list begins after such a place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UserPlace {
    /// Among the accounts that were found by their name: the key of the name.
    Name(String),
    /// Among the accounts that were found by their address alone: its key, and the id.
    Address(String, String),
    /// Among the accounts that were found by what they belong to: the id.
    Id(String),
}

/// A page of a list of accounts.
#[derive(Debug)]
pub struct UserPage {
    /// The accounts.
    pub users: Vec<User>,
    /// Where the next page begins, if there may be more.
    pub next: Option<UserPlace>,
}

/// How many accounts that are found by their address one page looks at. Most of them may be such as
/// an earlier page found by their name already.
pub(super) const LOOKED_AT: usize = 1000;

/// A page of accounts: first those whose name begins so, in the order of the names, and then those
/// of which only the address begins so, in the order of the addresses. Each account comes once. Two
/// indexes find the beginning of a page, and it reads a limited number of rows, however many accounts
/// there are: so it may have fewer accounts than it has room for, although there are more.
///
/// With `disabled` only those that are disabled are on it, or only those that are not. An index has
/// the few that are; the others are nearly all, so the page leaves the disabled ones out.
pub async fn page(
    reader: &impl Reader,
    search: Option<&Beginnings>,
    disabled: Option<bool>,
    behind: Option<&UserPlace>,
    at_most: usize,
) -> Result<UserPage, Fault> {
    let is_asked = |row: &Model| disabled.is_none_or(|asked| asked == row.disabled_at.is_some());
    let (mut users, mut last) = (Vec::new(), behind.cloned());
    if !matches!(behind, Some(UserPlace::Address(..))) {
        let select = named(search, disabled == Some(true), behind);
        let rows = read(reader, select, at_most.saturating_add(1)).await?;
        for (number, row) in rows.into_iter().enumerate() {
            if number == at_most {
                return Ok(UserPage { users, next: last });
            }
            last = Some(UserPlace::Name(row.username_key.clone()));
            if is_asked(&row) {
                users.push(User::try_from(row)?);
            }
        }
    }
    let Some(search) = search else { return Ok(UserPage { users, next: None }) };
    let rows = read(reader, addressed(search, behind), LOOKED_AT + 1).await?;
    for (number, row) in rows.into_iter().enumerate() {
        let is_named = row.username_key.starts_with(&search.name) || !is_asked(&row);
        if number == LOOKED_AT || users.len() == at_most && !is_named {
            return Ok(UserPage { users, next: last });
        }
        let key = row.email_key.clone().unwrap_or_default();
        last = Some(UserPlace::Address(key, row.id.clone()));
        if !is_named {
            users.push(User::try_from(row)?);
        }
    }
    Ok(UserPage { users, next: None })
}

async fn read(
    reader: &impl Reader,
    some: Select<Entity>,
    at_most: usize,
) -> Result<Vec<Model>, Fault> {
    let some = some.limit(u64::try_from(at_most).unwrap_or(u64::MAX));
    some.all(reader.connection()).await.map_err(while_doing(TABLE))
}

/// The accounts whose name begins so, after this place.
fn named(
    search: Option<&Beginnings>,
    only_disabled: bool,
    behind: Option<&UserPlace>,
) -> Select<Entity> {
    let mut select = Entity::find().order_by_asc(Column::UsernameKey);
    if only_disabled {
        select = select.filter(Column::DisabledAt.is_not_null());
    }
    if let Some(search) = search {
        select = select.filter(begins(Column::UsernameKey, &search.name));
    }
    if let Some(UserPlace::Name(key)) = behind {
        select = select.filter(ColumnTrait::gt(&Column::UsernameKey, key.as_str()));
    }
    select
}

/// The accounts whose address begins so, after this place.
fn addressed(search: &Beginnings, behind: Option<&UserPlace>) -> Select<Entity> {
    let mut select = Entity::find()
        .filter(begins(Column::EmailKey, &search.address))
        .order_by_asc(Column::EmailKey)
        .order_by_asc(Column::Id);
    if let Some(UserPlace::Address(key, id)) = behind {
        let later = ColumnTrait::gt(&Column::EmailKey, key.as_str());
        select = select
            .filter(ColumnTrait::gte(&Column::EmailKey, key.as_str()))
            .filter(later.or(ColumnTrait::gt(&Column::Id, id.as_str())));
    }
    select
}

/// Whether a key begins so: a range of keys, which both databases find in an index because they
/// compare the bytes of the keys.
pub(super) fn begins(key: Column, beginning: &str) -> Expr {
    let end = format!("{beginning}\u{10ffff}");
    ColumnTrait::gte(&key, beginning).and(ColumnTrait::lt(&key, end))
}

/// Writes a new user; `false` when the name or the verified address is taken. The transaction must
/// then be ended, since it cannot be used any more.
pub async fn insert(tx: &Tx, user: &User) -> Result<bool, Fault> {
    free_names(tx, &keys(user)).await?;
    let inserted = Entity::insert(row(user)?).exec_without_returning(tx.connection()).await;
    Ok(unless_taken(inserted.map(drop))? && put_keys(tx, user).await?)
}

/// Writes new users, whose names the caller freed ([`free`]); `false` when one of the names or ids is
/// taken. The transaction must then be ended.
pub async fn insert_many(tx: &Tx, users: &[User]) -> Result<bool, Fault> {
    let rows = users.iter().map(row).collect::<Result<Vec<_>, _>>()?;
    let inserted = Entity::insert_many(rows).exec_without_returning(tx.connection()).await;
    let named = users.iter().flat_map(|user| keys(user).into_iter().map(|key| (key, &user.id)));
    Ok(unless_taken(inserted.map(drop))? && account_keys::insert_many(tx, named.collect()).await?)
}

/// Takes these names away from accounts that are over.
pub async fn free(tx: &Tx, keys: &[String]) -> Result<(), Fault> {
    free_names(tx, keys).await
}

/// Who has these names. An account that is over owns nothing.
pub async fn owners(
    reader: &impl Reader,
    keys: &[String],
    now: DateTime<Utc>,
) -> Result<HashMap<String, UserId>, Fault> {
    let mut owners = account_keys::owners(reader, keys).await?;
    let ids: Vec<&str> = owners.values().map(UserId::as_str).collect();
    let over = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::Id.is_in(ids))
        .filter(is_over(now))
        .into_tuple::<String>()
        .all(reader.connection())
        .await
        .map_err(while_doing(TABLE))?;
    owners.retain(|_, owner| !over.iter().any(|id| id == owner.as_str()));
    Ok(owners)
}

async fn put_keys(tx: &Tx, user: &User) -> Result<bool, Fault> {
    account_keys::put(tx, &user.id, &keys(user)).await
}

/// The keys of all names by which this person can sign in.
fn keys(user: &User) -> Vec<String> {
    let verified = user.email.as_deref().filter(|_| user.email_verified);
    person::keys(&user.username, verified)
}

/// Writes a changed user; `false` when the verified address is taken. A changed password or address
/// ends the secrets that were mailed before.
pub async fn update(tx: &Tx, user: &User) -> Result<bool, Fault> {
    free_names(tx, &keys(user)).await?;
    let mut changed = row(user)?;
    changed.id = NotSet;
    let updated = Entity::update_many()
        .set(changed)
        .col_expr(Column::SecretsVersion, next_version(user))
        .filter(Column::Id.eq(user.id.as_str()))
        .exec(tx.connection())
        .await;
    if updated.as_ref().is_ok_and(|updated| updated.rows_affected == 0) {
        return Err(Fault::unavailable(WRITING, "the account is gone"));
    }
    Ok(unless_taken(updated.map(drop))? && put_keys(tx, user).await?)
}

/// The version of the account's secrets after it is written like this: the next one, if its
/// password or its address changes.
fn next_version(user: &User) -> SimpleExpr {
    let same = |column: Column, value: Option<String>| {
        // `=` is unknown where a value is missing.
        let both_missing = value.is_none().then(|| Expr::col(column).is_null());
        both_missing.unwrap_or_else(|| {
            Expr::col(column).is_not_null().and(Expr::col(column).eq(value.unwrap_or_default()))
        })
    };
    let email_key = user.email.as_deref().and_then(person::email_key);
    let is_same = same(Column::PasswordHash, user.password_hash.clone())
        .and(same(Column::EmailKey, email_key))
        .and(Expr::col(Column::EmailVerified).eq(user.email_verified));
    CaseStatement::new()
        .case(is_same, Expr::col(Column::SecretsVersion))
        .finally(Expr::col(Column::SecretsVersion).add(1))
        .into()
}

/// The version of the account's secrets. `None`: there is no such account.
pub async fn version(reader: &impl Reader, id: &UserId) -> Result<Option<i64>, Fault> {
    let version = Entity::find_by_id(id.as_str())
        .select_only()
        .column(Column::SecretsVersion)
        .into_tuple::<i64>()
        .one(reader.connection())
        .await;
    version.map_err(while_doing(TABLE))
}

/// The version of the account's secrets, with the account locked until the transaction ends. A
/// secret that was mailed for another version does not count. `None`: there is no such account.
pub async fn lock_secrets_version(tx: &Tx, id: &UserId) -> Result<Option<i64>, Fault> {
    let version = Entity::find_by_id(id.as_str())
        .select_only()
        .column(Column::SecretsVersion)
        .lock_exclusive()
        .into_tuple::<i64>()
        .one(tx.connection())
        .await;
    version.map_err(while_doing(TABLE))
}

/// Ends the secrets that were mailed to the person before. Call it when a factor of the account
/// changes or everything that was opened ends; [`update`] and [`set_disabled`] do the same for what
/// they change.
pub async fn bump_version(tx: &Tx, id: &UserId) -> Result<(), Fault> {
    write(tx, ending_secrets(id)).await
}

/// A change of this user that ends the secrets that were mailed to them before.
fn ending_secrets(id: &UserId) -> sea_orm::UpdateMany<Entity> {
    Entity::update_many()
        .col_expr(Column::SecretsVersion, Expr::col(Column::SecretsVersion).add(1))
        .filter(Column::Id.eq(id.as_str()))
}

async fn write(tx: &Tx, change: sea_orm::UpdateMany<Entity>) -> Result<(), Fault> {
    change.exec(tx.connection()).await.map_err(while_doing(WRITING))?;
    Ok(())
}

fn unless_taken(written: Result<(), DbErr>) -> Result<bool, Fault> {
    match written {
        Ok(()) => Ok(true),
        Err(error) if matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_))) => {
            Ok(false)
        }
        Err(error) => Err(while_doing(WRITING)(error)),
    }
}

/// Replaces a password hash by a new hash of the same password, unless the password changed
/// meanwhile.
pub async fn replace_hash(tx: &Tx, id: &UserId, old: &str, new: &str) -> Result<(), Fault> {
    Entity::update_many()
        .col_expr(Column::PasswordHash, Expr::value(new))
        .col_expr(Column::ForeignWork, Expr::value(work(new)))
        .filter(Column::Id.eq(id.as_str()))
        .filter(Column::PasswordHash.eq(old))
        .exec(tx.connection())
        .await
        .map_err(while_doing(WRITING))?;
    Ok(())
}

/// Records since when a user has one-time codes, or that they have none. The secrets that were mailed
/// to them before have ended.
pub async fn set_totp_since(
    tx: &Tx,
    id: &UserId,
    since: Option<DateTime<Utc>>,
) -> Result<(), Fault> {
    let since = Expr::value(since.map(millis));
    write(tx, ending_secrets(id).col_expr(Column::TotpSince, since)).await
}

/// Disables or enables a user. The secrets that were mailed to them before have ended.
pub async fn set_disabled(
    tx: &Tx,
    id: &UserId,
    disabled_at: Option<DateTime<Utc>>,
) -> Result<(), Fault> {
    if disabled_at.is_some() {
        // Only those who may see everything are told of the person; their families are told of one
        // by one.
        tx.revokes([Noted::Event(Revocation {
            audiences: Audiences::Nobody,
            ..everywhere(tx, RevokedKind::Person, id.as_str())
        })]);
    }
    let disabled_at = Expr::value(disabled_at.map(millis));
    write(tx, ending_secrets(id).col_expr(Column::DisabledAt, disabled_at)).await
}

/// Deletes a user and all of the user's families.
pub async fn delete(tx: &Tx, id: &UserId) -> Result<(), Fault> {
    Entity::delete_many()
        .filter(Column::Id.eq(id.as_str()))
        .exec(tx.connection())
        .await
        .map_err(while_doing(WRITING))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use sea_orm::{DbBackend, QueryTrait};

    use super::*;

    /// A statement as it is sent, from its conditions on.
    fn words(select: &Select<Entity>) -> String {
        let whole = select.build(DbBackend::Postgres).to_string();
        let whole = whole.replace("\"account\".", "").replace('"', "");
        whole.split_once(" WHERE ").expect("conditions").1.to_owned()
    }

    #[test]
    fn a_page_is_a_part_of_an_index() {
        let (name, address) = ("user19".to_owned(), "mail".to_owned());
        let search = Beginnings { name, address };
        let behind = UserPlace::Name("user191".to_owned());
        assert_eq!(
            words(&named(Some(&search), false, Some(&behind))),
            "username_key >= 'user19' AND username_key < 'user19\u{10ffff}' \
             AND username_key > 'user191' ORDER BY username_key ASC"
        );
        let behind = UserPlace::Address("mail191@a".to_owned(), "id191".to_owned());
        assert_eq!(
            words(&addressed(&search, Some(&behind))),
            "email_key >= 'mail' AND email_key < 'mail\u{10ffff}' AND email_key >= 'mail191@a' \
             AND (email_key > 'mail191@a' OR id > 'id191') ORDER BY email_key ASC, id ASC"
        );
    }
}
