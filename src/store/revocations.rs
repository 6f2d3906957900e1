//! `revocation`: what was revoked, for those who follow the feed. `revocation_log` writes it.

use chrono::{DateTime, Duration, Utc};
use sea_orm::entity::prelude::*;
use sea_orm::{Condition, ExprTrait, QueryOrder, QuerySelect};

use super::cause::while_doing;
use super::column::{corrupt, read_list};
use super::entity::entity;
use super::housekeeping::housekeep_by;
use super::reader::Reader;
use super::revisions;
use super::revocation_log::{EVERY, Noted};
use super::tx::Tx;
use crate::domain::client::{ClientId, TokenAlg};
use crate::domain::clock;
use crate::domain::revocation::{Audiences, Revocation, RevokedKind};
use crate::domain::verdict::Fault;

entity! {
    mod entity {
        #[sea_orm(table_name = "revocation")]
        pub struct Model {
            #[sea_orm(primary_key, auto_increment = false)]
            pub position: i64,
            #[sea_orm(primary_key, auto_increment = false)]
            pub part: i64,
            pub kind: String,
            pub value: String,
            pub revoked_at: i64,
            pub expires_at: i64,
            pub client_id: Option<String>,
            pub audiences: Option<String>,
        }
    }
}

use entity::{Column, Entity, Model};

const TABLE: &str = "reading the table revocation";

/// A revocation and its place in the feed.
#[derive(Clone, Debug)]
pub struct PlacedRevocation {
    /// The number of its transaction.
    pub position: i64,
    /// Its number in the transaction.
    pub part: i64,
    /// What was revoked.
    pub revocation: Revocation,
}

impl TryFrom<Model> for PlacedRevocation {
    type Error = Fault;

    fn try_from(row: Model) -> Result<Self, Fault> {
        let audiences = match (row.client_id.as_deref(), row.audiences) {
            (Some(EVERY), _) => Audiences::Every,
            (Some(client), _) => Audiences::OfClient(
                ClientId::parse(client).ok_or_else(|| corrupt(TABLE, "a client id"))?,
            ),
            (None, Some(these)) => Audiences::These(read_list(TABLE, &these)?),
            (None, None) => Audiences::Nobody,
        };
        let revocation = Revocation {
            kind: row.kind.parse().map_err(|why: String| corrupt(TABLE, why))?,
            value: row.value,
            revoked_at: clock::from_millis(row.revoked_at),
            expires_at: clock::from_millis(row.expires_at),
            audiences,
        };
        Ok(Self { position: row.position, part: row.part, revocation })
    }
}

/// The revocations after this place, in their order, at most this many.
pub async fn after(
    reader: &impl Reader,
    (position, part): (i64, i64),
    at_most: u64,
) -> Result<Vec<PlacedRevocation>, Fault> {
    let same = Column::Position.eq(position).and(ColumnTrait::gt(&Column::Part, part));
    let later = Condition::any().add(ColumnTrait::gt(&Column::Position, position)).add(same);
    let rows = Entity::find()
        .filter(later)
        .order_by_asc(Column::Position)
        .order_by_asc(Column::Part)
        .limit(at_most)
        .all(reader.connection())
        .await
        .map_err(while_doing(TABLE))?;
    rows.into_iter().map(PlacedRevocation::try_from).collect()
}

/// The revocations that are kept and that name one of these, the latest first, at most this many.
pub async fn naming(
    reader: &impl Reader,
    these: &[(RevokedKind, &str)],
    at_most: u64,
) -> Result<Vec<Revocation>, Fault> {
    if these.is_empty() {
        return Ok(Vec::new());
    }
    let named = these.iter().fold(Condition::any(), |any, (kind, value)| {
        any.add(Column::Kind.eq(kind.as_str()).and(Column::Value.eq(*value)))
    });
    let rows = Entity::find()
        .filter(named)
        .order_by_desc(Column::Position)
        .limit(at_most)
        .all(reader.connection())
        .await
        .map_err(while_doing(TABLE))?;
    rows.into_iter().map(|row| Ok(PlacedRevocation::try_from(row)?.revocation)).collect()
}

/// Deletes revocations that were made before this instant, at most this many; returns how many.
pub async fn forget(tx: &Tx, before: DateTime<Utc>, at_most: u64) -> Result<u64, Fault> {
    let last: Option<Option<i64>> = Entity::find()
        .select_only()
        .expr(Expr::col(Column::Position).max())
        .filter(Column::RevokedAt.lt(before.timestamp_millis()))
        .into_tuple()
        .one(tx.connection())
        .await
        .map_err(while_doing(TABLE))?;
    let Some(last) = last.flatten() else { return Ok(0) };
    // Whoever asks for one of these is told that they are gone, before the first one goes.
    revisions::forget_until(tx, last).await?;
    let old = ColumnTrait::lte(&Column::Position, last);
    housekeep_by(tx, Entity, &[Column::Position, Column::Part], old, at_most).await
}

/// No token lives this long, whatever the settings are.
fn far(from: DateTime<Utc>) -> DateTime<Utc> {
    from + Duration::days(36_500)
}

/// Notes that a signing key was dropped. Families of these clients, and tokens that clients got for
/// themselves, may have live tokens that it signed; nobody has if it did not sign lately.
pub fn key_dropped(tx: &Tx, kid: &str, signed: Option<(TokenAlg, Vec<ClientId>)>) {
    let event = everywhere(tx, RevokedKind::Key, kid);
    tx.revokes([Noted::Event(event)]);
    tx.revokes(signed.map(|(alg, clients)| Noted::SignedBy(alg, clients)));
}

/// A revocation that every resource server may see.
pub(super) fn everywhere(tx: &Tx, kind: RevokedKind, value: &str) -> Revocation {
    let (value, now) = (value.to_owned(), tx.now());
    let audiences = Audiences::Every;
    Revocation { kind, value, revoked_at: now, expires_at: far(now), audiences }
}
