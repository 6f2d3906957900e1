//! `interaction`: the stored interactions.

use chrono::{DateTime, Utc};
use sea_orm::ActiveValue::Set;
use sea_orm::QuerySelect;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{OnConflict, SimpleExpr};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::cause::while_doing;
use super::column::{corrupt, instant, millis};
use super::entity::entity;
use super::housekeeping::housekeep;
use super::reader::Reader;
use super::tx::Tx;
use crate::domain::clock;
use crate::domain::interaction::{Interaction, InteractionId, Pending, Purpose, UnfinishedSignIn};
use crate::domain::newcomer::Newcomer;
use crate::domain::session::{BrowserId, SessionId};
use crate::domain::verdict::Fault;

entity! {
    mod entity {
        #[sea_orm(table_name = "interaction")]
        pub struct Model {
            #[sea_orm(primary_key, auto_increment = false)]
            pub id: String,
            pub browser_id: Option<String>,
            pub request: String,
            pub session_id: Option<String>,
            pub pending: Option<String>,
            pub unfinished: Option<String>,
            pub newcomer: Option<String>,
            pub received_at: i64,
            pub expires_at: i64,
            pub ended_at: Option<i64>,
        }
    }
}

use entity::{ActiveModel, Column, Entity, Model};

const TABLE: &str = "reading the table interaction";
const WRITING: &str = "writing the table interaction";

impl TryFrom<Model> for Interaction {
    type Error = Fault;

    fn try_from(row: Model) -> Result<Self, Fault> {
        Ok(Self {
            id: InteractionId::from_stored(row.id),
            browser: row.browser_id.map(BrowserId::from_stored),
            purpose: serde_json::from_str(&row.request)
                .map_err(|error| corrupt(TABLE, error.to_string()))?,
            session: row.session_id.map(SessionId::from_stored),
            pending: read(row.pending)?,
            unfinished: read(row.unfinished)?,
            newcomer: read(row.newcomer)?,
            received_at: clock::from_millis(row.received_at),
            expires_at: clock::from_millis(row.expires_at),
            ended_at: instant(row.ended_at),
            is_stored: true,
        })
    }
}

fn text(purpose: &Purpose) -> Result<String, Fault> {
    serde_json::to_string(purpose).map_err(|error| Fault::internal("writing a purpose", error))
}

fn read<T: DeserializeOwned>(text: Option<String>) -> Result<Option<Box<T>>, Fault> {
    let value = text.map(|text| serde_json::from_str(&text)).transpose();
    value.map_err(|error| corrupt(TABLE, error.to_string()))
}

fn written(value: Option<&impl Serialize>) -> Result<Option<String>, Fault> {
    let text = value.map(serde_json::to_string).transpose();
    text.map_err(|error| Fault::internal(WRITING, error))
}

/// Stores an interaction, unless it is already stored: by another tab, or by a first click.
pub async fn keep(tx: &Tx, interaction: &Interaction) -> Result<(), Fault> {
    let row = ActiveModel {
        id: Set(interaction.id.as_str().to_owned()),
        browser_id: Set(interaction.browser.as_ref().map(|browser| browser.as_str().to_owned())),
        request: Set(text(&interaction.purpose)?),
        session_id: Set(interaction.session.as_ref().map(|session| session.as_str().to_owned())),
        pending: Set(written(interaction.pending.as_deref())?),
        unfinished: Set(written(interaction.unfinished.as_deref())?),
        newcomer: Set(written(interaction.newcomer.as_deref())?),
        received_at: Set(millis(interaction.received_at)),
        expires_at: Set(millis(interaction.expires_at)),
        ended_at: Set(interaction.ended_at.map(millis)),
    };
    let once = OnConflict::column(Column::Id).do_nothing().to_owned();
    let kept = Entity::insert(row).on_conflict(once).exec_without_returning(tx.connection()).await;
    kept.map(drop).map_err(while_doing(WRITING))
}

/// The interaction with this id.
pub async fn find(reader: &impl Reader, id: &InteractionId) -> Result<Option<Interaction>, Fault> {
    let row = Entity::find_by_id(id.as_str()).one(reader.connection()).await;
    row.map_err(while_doing(TABLE))?.map(Interaction::try_from).transpose()
}

/// The interaction with this id, locked until the transaction ends.
pub async fn lock(tx: &Tx, id: &InteractionId) -> Result<Option<Interaction>, Fault> {
    let row = Entity::find_by_id(id.as_str()).lock_exclusive().one(tx.connection()).await;
    row.map_err(while_doing(TABLE))?.map(Interaction::try_from).transpose()
}

/// Changes an interaction that has not ended. Each step writes only the columns that it changed,
/// because the person may take another step in another tab.
async fn change<const N: usize>(
    tx: &Tx,
    id: &InteractionId,
    columns: [(Column, SimpleExpr); N],
) -> Result<(), Fault> {
    let mut update = Entity::update_many();
    for (column, value) in columns {
        update = update.col_expr(column, value);
    }
    update
        .filter(Column::Id.eq(id.as_str()))
        .filter(Column::EndedAt.is_null())
        .exec(tx.connection())
        .await
        .map_err(while_doing(WRITING))?;
    Ok(())
}

/// Writes the purpose, after a hint was used or a language was chosen.
pub async fn set_purpose(tx: &Tx, id: &InteractionId, purpose: &Purpose) -> Result<(), Fault> {
    change(tx, id, [(Column::Request, Expr::value(text(purpose)?))]).await
}

/// Writes the identity that waits for a proof of its account, or removes it.
pub async fn set_pending(tx: &Tx, id: &InteractionId, whom: Option<&Pending>) -> Result<(), Fault> {
    change(tx, id, [(Column::Pending, Expr::value(written(whom)?))]).await
}

/// Writes who is making an account, and until when the interaction stays open for them.
pub async fn set_newcomer(
    tx: &Tx,
    id: &InteractionId,
    whom: &Newcomer,
    expires_at: DateTime<Utc>,
) -> Result<(), Fault> {
    let whom = (Column::Newcomer, Expr::value(written(Some(whom))?));
    change(tx, id, [whom, (Column::ExpiresAt, Expr::value(millis(expires_at)))]).await
}

/// Sets the session of the interaction, and removes the identity that waited for a proof.
pub async fn set_session(tx: &Tx, id: &InteractionId, session: &SessionId) -> Result<(), Fault> {
    let session = (Column::SessionId, Expr::value(session.as_str()));
    let pending = (Column::Pending, Expr::value(None::<String>));
    change(tx, id, [session, pending]).await
}

/// Writes a sign-in that needs a second factor. It takes the place of a session that was chosen
/// before.
pub async fn set_unfinished(
    tx: &Tx,
    id: &InteractionId,
    begun: &UnfinishedSignIn,
) -> Result<(), Fault> {
    let unfinished = (Column::Unfinished, Expr::value(written(Some(begun))?));
    let session = (Column::SessionId, Expr::value(None::<String>));
    change(tx, id, [unfinished, session]).await
}

/// Writes with which second factor the session of an interaction was opened.
pub async fn set_finished(
    tx: &Tx,
    id: &InteractionId,
    finished: &UnfinishedSignIn,
) -> Result<(), Fault> {
    change(tx, id, [(Column::Unfinished, Expr::value(written(Some(finished))?))]).await
}

/// Ends an interaction with this session. An interaction that has already ended stays unchanged.
pub async fn end(tx: &Tx, id: &InteractionId, session: Option<&SessionId>) -> Result<(), Fault> {
    let session = Expr::value(session.map(|session| session.as_str().to_owned()));
    let ended_at = Expr::value(millis(tx.now()));
    change(tx, id, [(Column::SessionId, session), (Column::EndedAt, ended_at)]).await
}

/// Deletes interactions that expired before this instant, at most this many; returns how many.
pub async fn forget(tx: &Tx, before: DateTime<Utc>, at_most: u64) -> Result<u64, Fault> {
    housekeep(tx, Entity, Column::Id, Column::ExpiresAt.lt(millis(before)), at_most).await
}
