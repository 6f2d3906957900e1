//! `identity`: the identities at providers that belong to accounts. The key is issuer and subject
//! (OpenID Connect Core §5.7).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{OnConflict, Query};
use sea_orm::{QueryOrder, QuerySelect};
use sha2::{Digest, Sha256};

use super::cause::while_doing;
use super::column::{corrupt, millis};
use super::counting::count;
use super::entity::entity;
use super::reader::Reader;
use super::tx::Tx;
use crate::domain::clock;
use crate::domain::identity::{Identity, LinkedIdentity};
use crate::domain::provider::Slug;
use crate::domain::user::UserId;
use crate::domain::verdict::Fault;

entity! {
    mod entity {
        #[sea_orm(table_name = "identity")]
        pub struct Model {
            #[sea_orm(primary_key, auto_increment = false)]
            pub issuer: String,
            #[sea_orm(primary_key, auto_increment = false)]
            pub subject: String,
            pub user_id: String,
            pub provider: String,
            pub email: Option<String>,
            pub linked_at: i64,
            pub used_at: i64,
        }
    }
}

use entity::{ActiveModel, Column, Entity, Model};

const TABLE: &str = "reading the table identity";
const WRITING: &str = "writing the table identity";

impl LinkedIdentity {
    /// The name of the identity in forms. It is a hash, so it reveals nothing.
    #[must_use]
    pub fn name(&self) -> String {
        let key = Sha256::digest(format!("{}\n{}", self.issuer, self.subject));
        URL_SAFE_NO_PAD.encode(key.get(..12).unwrap_or_default())
    }
}

impl TryFrom<Model> for LinkedIdentity {
    type Error = Fault;

    fn try_from(row: Model) -> Result<Self, Fault> {
        Ok(Self {
            issuer: row.issuer,
            subject: row.subject,
            user: UserId::from_stored(row.user_id),
            provider: Slug::parse(&row.provider).ok_or_else(|| corrupt(TABLE, "a bad slug"))?,
            email: row.email,
            linked_at: clock::from_millis(row.linked_at),
            used_at: clock::from_millis(row.used_at),
        })
    }
}

/// The identity with this issuer and subject, if it belongs to an account.
pub async fn find(
    reader: &impl Reader,
    issuer: &str,
    subject: &str,
) -> Result<Option<LinkedIdentity>, Fault> {
    let key = (issuer.to_owned(), subject.to_owned());
    let row = Entity::find_by_id(key).one(reader.connection()).await;
    row.map_err(while_doing(TABLE))?.map(LinkedIdentity::try_from).transpose()
}

/// Every identity of a person, oldest first.
pub async fn of_user(reader: &impl Reader, user: &UserId) -> Result<Vec<LinkedIdentity>, Fault> {
    let rows = Entity::find()
        .filter(Column::UserId.eq(user.as_str()))
        .order_by_asc(Column::LinkedAt)
        .order_by_asc(Column::Issuer)
        .order_by_asc(Column::Subject)
        .all(reader.connection())
        .await;
    rows.map_err(while_doing(TABLE))?.into_iter().map(LinkedIdentity::try_from).collect()
}

/// Every identity of these people, read by one statement, oldest first. The caller limits the number
/// of people.
pub async fn of_each(
    reader: &impl Reader,
    users: &[&UserId],
) -> Result<Vec<LinkedIdentity>, Fault> {
    let rows = Entity::find()
        .filter(Column::UserId.is_in(users.iter().map(|user| user.as_str())))
        .order_by_asc(Column::LinkedAt)
        .all(reader.connection())
        .await;
    rows.map_err(while_doing(TABLE))?.into_iter().map(LinkedIdentity::try_from).collect()
}

/// The identities with this subject that a provider vouched for. There are several if the provider
/// got another issuer in between.
pub async fn of_subject(
    reader: &impl Reader,
    provider: &Slug,
    subject: &str,
) -> Result<Vec<LinkedIdentity>, Fault> {
    let select = Entity::find()
        .filter(Column::Provider.eq(provider.as_str()))
        .filter(Column::Subject.eq(subject));
    let rows = select.limit(2).all(reader.connection()).await;
    rows.map_err(while_doing(TABLE))?.into_iter().map(LinkedIdentity::try_from).collect()
}

/// The number of identities at a provider, counted up to this limit.
pub async fn count_of_provider(
    reader: &impl Reader,
    provider: &Slug,
    at_most: u64,
) -> Result<u64, Fault> {
    let some = Query::select()
        .expr_as(Expr::val(1), "one")
        .from(Entity)
        .and_where(Column::Provider.eq(provider.as_str()))
        .limit(at_most)
        .to_owned();
    count(reader, some, TABLE).await
}

/// Links an identity to an account; `false` when it already belongs to an account.
pub async fn insert(
    tx: &Tx,
    identity: &Identity,
    user: &UserId,
    provider: &Slug,
) -> Result<bool, Fault> {
    let row = ActiveModel {
        issuer: Set(identity.issuer.clone()),
        subject: Set(identity.subject.clone()),
        user_id: Set(user.as_str().to_owned()),
        provider: Set(provider.as_str().to_owned()),
        email: Set(identity.email.clone()),
        linked_at: Set(millis(tx.now())),
        used_at: Set(millis(tx.now())),
    };
    let inserted = Entity::insert(row)
        .on_conflict(OnConflict::columns([Column::Issuer, Column::Subject]).do_nothing().to_owned())
        .exec_without_returning(tx.connection())
        .await
        .map_err(while_doing(WRITING))?;
    Ok(inserted == 1)
}

/// Records that an identity was used, with its current data from the provider; `false` when it does
/// not belong to this person any more.
pub async fn used(
    tx: &Tx,
    identity: &Identity,
    user: &UserId,
    provider: &Slug,
) -> Result<bool, Fault> {
    let used = Entity::update_many()
        .col_expr(Column::UsedAt, Expr::value(millis(tx.now())))
        .col_expr(Column::Email, Expr::value(identity.email.clone()))
        .col_expr(Column::Provider, Expr::value(provider.as_str()))
        .filter(Column::Issuer.eq(identity.issuer.as_str()))
        .filter(Column::Subject.eq(identity.subject.as_str()))
        .filter(Column::UserId.eq(user.as_str()))
        .exec(tx.connection())
        .await
        .map_err(while_doing(WRITING))?;
    Ok(used.rows_affected == 1)
}

/// Unlinks an identity from a person; `false` when it does not belong to them.
pub async fn delete(tx: &Tx, linked: &LinkedIdentity) -> Result<bool, Fault> {
    let deleted = Entity::delete_many()
        .filter(Column::Issuer.eq(linked.issuer.as_str()))
        .filter(Column::Subject.eq(linked.subject.as_str()))
        .filter(Column::UserId.eq(linked.user.as_str()))
        .exec(tx.connection())
        .await
        .map_err(while_doing(WRITING))?;
    Ok(deleted.rows_affected == 1)
}
