//! `ending`: endings that are not carried out completely yet.

use chrono::{DateTime, Duration, Utc};
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;

use super::cause::while_doing;
use super::column::{corrupt, instant, millis};
use super::entity::entity;
use super::lease::{Waiting, unreadable};
use super::reader::Reader;
use super::tx::Tx;
use crate::domain::audit::Origin;
use crate::domain::client::ClientId;
use crate::domain::clock;
use crate::domain::ending::{Ending, EndingScope};
use crate::domain::session::SessionId;
use crate::domain::user::UserId;
use crate::domain::verdict::Fault;

entity! {
    pub(super) mod entity {
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
            pub bared_until: Option<i64>,
        }
    }
}

use entity::{ActiveModel, Column, Entity, Model};

const TABLE: &str = "reading the table ending";
const WRITING: &str = "writing the table ending";

impl TryFrom<Model> for Ending {
    type Error = Fault;

    fn try_from(row: Model) -> Result<Self, Fault> {
        let bad = || corrupt(TABLE, "what is to end cannot be read");
        let what = match (row.what.as_str(), row.name) {
            ("everything", None) => EndingScope::Everything,
            ("account", None) => EndingScope::Account,
            ("planned account", None) => EndingScope::PlannedAccount,
            ("issuer", Some(issuer)) => EndingScope::ByIssuer(issuer),
            ("passkey", None) => EndingScope::ByPasskey,
            ("one-time code", None) => EndingScope::ByOneTimeCode,
            ("client", Some(client)) => {
                EndingScope::AtClient(ClientId::parse(&client).ok_or_else(bad)?)
            }
            ("session", Some(session)) => EndingScope::InSession(SessionId::from_stored(session)),
            _ => return Err(bad()),
        };
        Ok(Self {
            id: row.id,
            user: UserId::from_stored(row.user_id),
            what,
            but: row.but_session.map(SessionId::from_stored),
            asked_at: clock::from_millis(row.asked_at),
            origin: Origin { address: row.address, request_id: row.request_id },
            bared_until: instant(row.bared_until),
        })
    }
}

/// How a scope is stored: its kind, and the name that belongs to it.
pub(super) fn written(what: &EndingScope) -> (&'static str, Option<String>) {
    match what {
        EndingScope::Everything => ("everything", None),
        EndingScope::Account => ("account", None),
        EndingScope::PlannedAccount => ("planned account", None),
        EndingScope::ByIssuer(issuer) => ("issuer", Some(issuer.clone())),
        EndingScope::ByPasskey => ("passkey", None),
        EndingScope::ByOneTimeCode => ("one-time code", None),
        EndingScope::AtClient(client) => ("client", Some(client.as_str().to_owned())),
        EndingScope::InSession(session) => ("session", Some(session.as_str().to_owned())),
    }
}

/// Stores an ending. After the commit, any server carries it out.
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
        bared_until: Set(ending.bared_until.map(millis)),
    };
    let inserted = Entity::insert(row).exec_without_returning(tx.connection()).await;
    inserted.map(drop).map_err(while_doing(WRITING))
}

/// The columns by which endings wait for a server.
const WAITING: Waiting<Entity> = Waiting {
    table: Entity,
    name: "ending",
    id: Column::Id,
    due_at: Column::DueAt,
    attempts: None,
    reading: TABLE,
    writing: WRITING,
};
/// How long to wait before an ending that cannot be read is tried again. It is not deleted, because
/// what it names must end.
const UNREADABLE: Duration = Duration::hours(1);

/// Takes an ending that is due. No other server takes it before the lease ends. An ending that
/// cannot be read is postponed, so that it does not block the others.
pub async fn take_due(tx: &Tx, lease: Duration) -> Result<Option<Ending>, Fault> {
    while let Some(taken) = WAITING.take(tx, None, lease, 1).await?.pop() {
        match taken.row.and_then(Ending::try_from) {
            Ok(ending) => return Ok(Some(ending)),
            Err(fault) => {
                unreadable(WAITING.name, &taken.id, &fault);
                put_off(tx, &taken.id, tx.now() + UNREADABLE).await?;
            }
        }
    }
    Ok(None)
}

/// Extends the time of the server that carries out an ending until this instant.
pub async fn put_off(tx: &Tx, id: &str, until: DateTime<Utc>) -> Result<(), Fault> {
    WAITING.put_off(tx, id, until).await
}

/// Records until when the audit events of the account have been bared.
pub async fn set_bared_until(tx: &Tx, id: &str, until: DateTime<Utc>) -> Result<(), Fault> {
    Entity::update_many()
        .col_expr(Column::BaredUntil, Expr::value(millis(until)))
        .filter(Column::Id.eq(id))
        .exec(tx.connection())
        .await
        .map_err(while_doing(WRITING))?;
    Ok(())
}

/// Deletes the planned end of an account, which its person keeps.
pub async fn delete_planned(tx: &Tx, user: &UserId) -> Result<(), Fault> {
    let (what, _) = written(&EndingScope::PlannedAccount);
    Entity::delete_many()
        .filter(Column::UserId.eq(user.as_str()))
        .filter(Column::What.eq(what))
        .exec(tx.connection())
        .await
        .map_err(while_doing(WRITING))?;
    Ok(())
}

/// Deletes an ending that was carried out completely.
pub async fn delete(tx: &Tx, id: &str) -> Result<(), Fault> {
    WAITING.delete(tx, id).await
}
