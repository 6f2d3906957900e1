//! `webhook`: who is told of audit events.

use chrono::{DateTime, Utc};
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::{ExprTrait, QueryOrder, QuerySelect};

use super::cause::while_doing;
use super::column::{corrupt, instant, millis};
use super::entity::entity;
use super::reader::Reader;
use super::revisions::{self, WatchedTable};
use super::tx::Tx;
use crate::domain::clock;
use crate::domain::verdict::Fault;
use crate::domain::webhook::{
    AttemptOutcome, EventPattern, LastAttempt, ReplacedSecret, Subscription, Webhook, WebhookId,
};

entity! {
    mod entity {
        #[sea_orm(table_name = "webhook")]
        pub struct Model {
            #[sea_orm(primary_key, auto_increment = false)]
            pub id: String,
            pub url: String,
            pub events: String,
            pub sealed_secret: Vec<u8>,
            pub replaced_secret: Option<Vec<u8>>,
            pub replaced_until: Option<i64>,
            pub created_at: i64,
            pub last_attempt_at: Option<i64>,
            pub last_outcome: Option<String>,
            pub failures: i64,
            pub failing_since: Option<i64>,
        }
    }
}

use entity::{ActiveModel, Column, Entity, Model};

const TABLE: &str = "reading the table webhook";
const WRITING: &str = "writing the table webhook";

impl TryFrom<Model> for Webhook {
    type Error = Fault;

    fn try_from(row: Model) -> Result<Self, Fault> {
        let last_attempt = last_attempt(&row);
        let replaced = row.replaced_secret.zip(instant(row.replaced_until));
        Ok(Self {
            id: WebhookId::from_stored(row.id),
            url: row.url,
            events: patterns(&row.events)?,
            sealed_secret: row.sealed_secret,
            replaced: replaced.map(|(sealed, until)| ReplacedSecret { sealed, until }),
            created_at: clock::from_millis(row.created_at),
            last_attempt,
        })
    }
}

fn last_attempt(row: &Model) -> Option<LastAttempt> {
    Some(LastAttempt {
        at: instant(row.last_attempt_at)?,
        outcome: AttemptOutcome::parse(row.last_outcome.as_deref()?)?,
        failures: row.failures.unsigned_abs(),
        failing_since: instant(row.failing_since),
    })
}

fn patterns(text: &str) -> Result<Vec<EventPattern>, Fault> {
    serde_json::from_str(text).map_err(|error| corrupt(TABLE, error.to_string()))
}

/// Writes a new webhook.
pub async fn insert(tx: &Tx, new: &Webhook) -> Result<(), Fault> {
    let events = serde_json::to_string(&new.events);
    let row = ActiveModel {
        id: Set(new.id.as_str().to_owned()),
        url: Set(new.url.clone()),
        events: Set(events.map_err(|error| Fault::internal(WRITING, error))?),
        sealed_secret: Set(new.sealed_secret.clone()),
        replaced_secret: Set(None),
        replaced_until: Set(None),
        created_at: Set(millis(new.created_at)),
        last_attempt_at: Set(None),
        last_outcome: Set(None),
        failures: Set(0),
        failing_since: Set(None),
    };
    let inserted = Entity::insert(row).exec_without_returning(tx.connection()).await;
    inserted.map_err(while_doing(WRITING))?;
    revisions::bump(tx, WatchedTable::Webhooks).await
}

/// The webhook of this id.
pub async fn find(reader: &impl Reader, id: &WebhookId) -> Result<Option<Webhook>, Fault> {
    let row = Entity::find_by_id(id.as_str()).one(reader.connection()).await;
    row.map_err(while_doing(TABLE))?.map(Webhook::try_from).transpose()
}

/// The same, locked until the transaction ends.
pub async fn lock(tx: &Tx, id: &WebhookId) -> Result<Option<Webhook>, Fault> {
    let row = Entity::find_by_id(id.as_str()).lock_exclusive().one(tx.connection()).await;
    row.map_err(while_doing(TABLE))?.map(Webhook::try_from).transpose()
}

/// Every webhook, the oldest first.
pub async fn list_all(reader: &impl Reader) -> Result<Vec<Webhook>, Fault> {
    let rows = Entity::find().order_by_asc(Column::Id).all(reader.connection()).await;
    rows.map_err(while_doing(TABLE))?.into_iter().map(Webhook::try_from).collect()
}

/// Which webhooks are told of which events.
pub async fn subscriptions(reader: &impl Reader) -> Result<Vec<Subscription>, Fault> {
    let rows = Entity::find()
        .select_only()
        .columns([Column::Id, Column::Events])
        .order_by_asc(Column::Id)
        .into_tuple::<(String, String)>()
        .all(reader.connection())
        .await;
    let read = |(id, events): (String, String)| {
        Ok(Subscription { webhook: WebhookId::from_stored(id), events: patterns(&events)? })
    };
    rows.map_err(while_doing(TABLE))?.into_iter().map(read).collect()
}

/// Writes the secrets of a webhook: the one that signs, and the replaced one with its end.
pub async fn set_secrets(
    tx: &Tx,
    id: &WebhookId,
    sealed: Vec<u8>,
    replaced: Option<(Vec<u8>, DateTime<Utc>)>,
) -> Result<(), Fault> {
    let (replaced, until) = replaced.unzip();
    let changed = Entity::update_many()
        .col_expr(Column::SealedSecret, Expr::value(sealed))
        .col_expr(Column::ReplacedSecret, Expr::value(replaced))
        .col_expr(Column::ReplacedUntil, Expr::value(until.map(millis)))
        .filter(Column::Id.eq(id.as_str()))
        .exec(tx.connection())
        .await;
    changed.map(drop).map_err(while_doing(WRITING))
}

/// Writes how an attempt to send a message to a webhook ended. If it was deleted meanwhile, nothing is
/// written.
pub async fn note_attempt(tx: &Tx, id: &WebhookId, outcome: AttemptOutcome) -> Result<(), Fault> {
    let now = millis(tx.now());
    let (failures, since) = if outcome.is_taken() {
        (Expr::value(0_i64), Expr::value(None::<i64>))
    } else {
        let since = Expr::col(Column::FailingSince).if_null(now);
        (Expr::col(Column::Failures).add(1_i64), since)
    };
    let changed = Entity::update_many()
        .col_expr(Column::LastAttemptAt, Expr::value(now))
        .col_expr(Column::LastOutcome, Expr::value(outcome.to_string()))
        .col_expr(Column::Failures, failures)
        .col_expr(Column::FailingSince, since)
        .filter(Column::Id.eq(id.as_str()))
        .exec(tx.connection())
        .await;
    changed.map(drop).map_err(while_doing(WRITING))
}

/// Deletes a webhook; `false` when there is none of this id.
pub async fn delete(tx: &Tx, id: &WebhookId) -> Result<bool, Fault> {
    let deleted = Entity::delete_by_id(id.as_str()).exec(tx.connection()).await;
    revisions::bump(tx, WatchedTable::Webhooks).await?;
    Ok(deleted.map_err(while_doing(WRITING))?.rows_affected == 1)
}
