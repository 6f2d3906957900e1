//! `ending`: what is to end, until all of it ended.

use chrono::{DateTime, Duration, Utc};
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{LockBehavior, LockType, Query};
use sea_orm::{ExprTrait, Order};

use super::column::{corrupt, millis};
use super::{Reader, Tx, while_doing};
use crate::domain::audit::Origin;
use crate::domain::client::ClientId;
use crate::domain::clock;
use crate::domain::ending::{Ending, What};
use crate::domain::session::SessionId;
use crate::domain::user::UserId;
use crate::domain::verdict::Fault;

mod entity {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, DeriveEntityModel)]
    #[sea_orm(table_name = "ending")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub user_id: String,
        pub what: String,
        pub name: Option<String>,
        pub but_session: Option<String>,
        pub asked_at: i64,
        pub address: Option<String>,
        pub request_id: Option<String>,
        pub due_at: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

use entity::{ActiveModel, Column, Entity, Model};

const TABLE: &str = "reading the table ending";
const WRITING: &str = "writing the table ending";

impl TryFrom<Model> for Ending {
    type Error = Fault;

    fn try_from(row: Model) -> Result<Self, Fault> {
        let bad = || corrupt(TABLE, "what is to end cannot be read");
        let what = match (row.what.as_str(), row.name) {
            ("everything", None) => What::Everything,
            ("account", None) => What::Account,
            ("issuer", Some(issuer)) => What::ByIssuer(issuer),
            ("client", Some(client)) => What::AtClient(ClientId::parse(&client).ok_or_else(bad)?),
            ("session", Some(session)) => What::InSession(SessionId::from_stored(session)),
            _ => return Err(bad()),
        };
        Ok(Self {
            id: row.id,
            user: UserId::from_stored(row.user_id),
            what,
            but: row.but_session.map(SessionId::from_stored),
            asked_at: clock::from_millis(row.asked_at),
            origin: Origin { address: row.address, request_id: row.request_id },
        })
    }
}

fn written(what: &What) -> (&'static str, Option<String>) {
    match what {
        What::Everything => ("everything", None),
        What::Account => ("account", None),
        What::ByIssuer(issuer) => ("issuer", Some(issuer.clone())),
        What::AtClient(client) => ("client", Some(client.as_str().to_owned())),
        What::InSession(session) => ("session", Some(session.as_str().to_owned())),
    }
}

/// Writes down what is to end. From that instant on any server carries it out.
pub async fn insert(tx: &Tx, ending: &Ending, due_at: DateTime<Utc>) -> Result<(), Fault> {
    let (what, name) = written(&ending.what);
    let row = ActiveModel {
        id: Set(ending.id.clone()),
        user_id: Set(ending.user.as_str().to_owned()),
        what: Set(what.to_owned()),
        name: Set(name),
        but_session: Set(ending.but.as_ref().map(|session| session.as_str().to_owned())),
        asked_at: Set(millis(ending.asked_at)),
        address: Set(ending.origin.address.clone()),
        request_id: Set(ending.origin.request_id.clone()),
        due_at: Set(millis(due_at)),
    };
    let inserted = Entity::insert(row).exec_without_returning(tx.connection()).await;
    inserted.map(drop).map_err(while_doing(WRITING))
}

/// Takes one that is due. Nobody else takes it before the lease ends.
pub async fn take_due(tx: &Tx, lease: Duration) -> Result<Option<Ending>, Fault> {
    let due = Query::select()
        .column(Column::Id)
        .from(Entity)
        .and_where(Expr::col(Column::DueAt).lte(millis(tx.now())))
        .order_by(Column::DueAt, Order::Asc)
        .limit(1)
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
        .to_owned();
    let taken: Option<String> = {
        let row = tx.connection().query_one(&due).await.map_err(while_doing(TABLE))?;
        row.map(|row| row.try_get("", "id")).transpose().map_err(while_doing(TABLE))?
    };
    let Some(id) = taken else { return Ok(None) };
    put_off(tx, &id, tx.now() + lease).await?;
    let row = Entity::find_by_id(id).one(tx.connection()).await.map_err(while_doing(TABLE))?;
    row.map(Ending::try_from).transpose()
}

/// Whoever carries it out has time until this instant.
pub async fn put_off(tx: &Tx, id: &str, until: DateTime<Utc>) -> Result<(), Fault> {
    Entity::update_many()
        .col_expr(Column::DueAt, Expr::value(millis(until)))
        .filter(Column::Id.eq(id))
        .exec(tx.connection())
        .await
        .map_err(while_doing(WRITING))?;
    Ok(())
}

/// All of it ended.
pub async fn delete(tx: &Tx, id: &str) -> Result<(), Fault> {
    let deleted = Entity::delete_by_id(id).exec(tx.connection()).await;
    deleted.map(drop).map_err(while_doing(WRITING))
}
