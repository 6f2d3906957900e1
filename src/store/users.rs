//! `account`: the accounts of people. Names are looked up only by their canonical keys, so both
//! databases compare the same bytes.

use chrono::{DateTime, Utc};
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Alias, CaseStatement, Query, SimpleExpr};
use sea_orm::{
    Condition, ExprTrait, FromQueryResult, JoinType, QueryOrder, QueryResult, QuerySelect,
    QueryTrait, SqlErr,
};

use super::account_keys;
use super::cause::while_doing;
use super::column::{corrupt, instant, millis};
use super::entity::entity;
use super::reader::Reader;
use super::tx::Tx;
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
            pub totp_since: Option<i64>,
            pub profile: String,
            pub disabled_at: Option<i64>,
            pub created_at: i64,
            pub updated_at: i64,
            pub made_by: String,
            pub email_by: String,
            pub secrets_version: i64,
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
            totp_since: instant(row.totp_since),
            profile,
            disabled_at: instant(row.disabled_at),
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
        totp_since: Set(user.totp_since.map(millis)),
        profile: Set(profile),
        disabled_at: Set(user.disabled_at.map(millis)),
        created_at: Set(millis(user.created_at)),
        updated_at: Set(millis(user.updated_at)),
        made_by: Set(user.made_by.as_str().to_owned()),
        email_by: Set(user.email_by.as_str().to_owned()),
        secrets_version: NotSet,
    })
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

/// The users with this canonical user name or with this verified e-mail address.
pub(super) fn of_name(username_key: &str, email_key: Option<&str>) -> Select<Entity> {
    let owner = Condition::all()
        .add(Column::EmailVerified.eq(true))
        .add(Column::EmailKey.eq(email_key.unwrap_or_default()));
    Entity::find().filter(Condition::any().add(Column::UsernameKey.eq(username_key)).add(owner))
}

/// Every user with this e-mail address; the one whose address is verified comes first. They are
/// locked until the transaction ends.
pub async fn lock_by_email(tx: &Tx, email_key: &str) -> Result<Vec<User>, Fault> {
    let rows = Entity::find()
        .filter(Column::EmailKey.eq(email_key))
        .order_by_desc(Column::EmailVerified)
        .order_by_asc(Column::Id)
        .lock_exclusive()
        .all(tx.connection())
        .await;
    rows.map_err(while_doing(TABLE))?.into_iter().map(User::try_from).collect()
}

/// Every user with this e-mail address, whether it is verified or only claimed.
pub async fn of_email(reader: &impl Reader, email_key: &str) -> Result<Vec<User>, Fault> {
    let rows = Entity::find()
        .filter(Column::EmailKey.eq(email_key))
        .order_by_desc(Column::EmailVerified)
        .order_by_asc(Column::Id)
        .all(reader.connection())
        .await;
    rows.map_err(while_doing(TABLE))?.into_iter().map(User::try_from).collect()
}

/// The user who can sign in with this address: because it is their verified address, or their user
/// name.
pub async fn find_owner(reader: &impl Reader, email_key: &str) -> Result<Option<UserId>, Fault> {
    account_keys::owner(reader, email_key).await
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

/// Every user, in the order of their names.
pub async fn list_all(reader: &impl Reader) -> Result<Vec<User>, Fault> {
    let rows = Entity::find().order_by_asc(Column::UsernameKey).all(reader.connection()).await;
    rows.map_err(while_doing(TABLE))?.into_iter().map(User::try_from).collect()
}

/// Writes a new user; `false` when the name or the verified address is taken. The transaction must
/// then be ended, since it cannot be used any more.
pub async fn insert(tx: &Tx, user: &User) -> Result<bool, Fault> {
    let inserted = Entity::insert(row(user)?).exec_without_returning(tx.connection()).await;
    Ok(unless_taken(inserted.map(drop))? && put_keys(tx, user).await?)
}

async fn put_keys(tx: &Tx, user: &User) -> Result<bool, Fault> {
    let verified = user.email.as_deref().filter(|_| user.email_verified);
    account_keys::put(tx, &user.id, &person::keys(&user.username, verified)).await
}

/// Writes a changed user; `false` when the verified address is taken. A changed password or address
/// ends the secrets that were mailed before.
pub async fn update(tx: &Tx, user: &User) -> Result<bool, Fault> {
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
/// changes; [`update`] and [`set_disabled`] do the same for what they change.
pub async fn bump_version(tx: &Tx, id: &UserId) -> Result<(), Fault> {
    Entity::update_many()
        .col_expr(Column::SecretsVersion, Expr::col(Column::SecretsVersion).add(1))
        .filter(Column::Id.eq(id.as_str()))
        .exec(tx.connection())
        .await
        .map_err(while_doing(WRITING))?;
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
    Entity::update_many()
        .col_expr(Column::TotpSince, Expr::value(since.map(millis)))
        .col_expr(Column::SecretsVersion, Expr::col(Column::SecretsVersion).add(1))
        .filter(Column::Id.eq(id.as_str()))
        .exec(tx.connection())
        .await
        .map_err(while_doing(WRITING))?;
    Ok(())
}

/// Disables or enables a user. The secrets that were mailed to them before have ended.
pub async fn set_disabled(
    tx: &Tx,
    id: &UserId,
    disabled_at: Option<DateTime<Utc>>,
) -> Result<(), Fault> {
    Entity::update_many()
        .col_expr(Column::DisabledAt, Expr::value(disabled_at.map(millis)))
        .col_expr(Column::SecretsVersion, Expr::col(Column::SecretsVersion).add(1))
        .filter(Column::Id.eq(id.as_str()))
        .exec(tx.connection())
        .await
        .map_err(while_doing(WRITING))?;
    Ok(())
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
