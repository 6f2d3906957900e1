//! `status_list`, `status_bit` and `status_block`: the status lists, the bits that are set in them,
//! and the indices that clients have for their own tokens.

use chrono::{DateTime, Utc};
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::Query;
use sea_orm::{Condition, ExprTrait, QueryOrder, QuerySelect};

use super::cause::while_doing;
use super::column::millis;
use super::families;
use super::housekeeping::{housekeep, housekeep_by};
use super::reader::Reader;
use super::revisions::{self, Epoch, WatchedTable};
use super::revocation_log::{seed, small};
use super::tx::Tx;
use crate::domain::client::{ClientId, TokenAlg};
use crate::domain::clock;
use crate::domain::random;
use crate::domain::status_list::Seed;
use crate::domain::verdict::Fault;

mod list {
    use super::super::entity::entity;

    entity! {
        #[expect(unreachable_pub, reason = "the entity macros write `pub`")]
        mod entity {
            #[sea_orm(table_name = "status_list")]
            pub struct Model {
                #[sea_orm(primary_key, auto_increment = false)]
                pub number: i64,
                pub entries: i64,
                pub seed: Vec<u8>,
                pub used: i64,
                pub opened_at: i64,
                pub sealed_at: Option<i64>,
                pub is_closed: bool,
                pub is_gone: bool,
            }
        }
    }

    pub(super) use entity::{ActiveModel, Column, Entity, Model};
}

mod bit {
    use super::super::entity::entity;

    entity! {
        #[expect(unreachable_pub, reason = "the entity macros write `pub`")]
        mod entity {
            #[sea_orm(table_name = "status_bit")]
            pub struct Model {
                #[sea_orm(primary_key, auto_increment = false)]
                pub list: i64,
                #[sea_orm(primary_key, auto_increment = false)]
                pub idx: i64,
                pub position: i64,
                pub revoked_at: i64,
            }
        }
    }

    pub(super) use entity::{Column, Entity};
}

mod block {
    use super::super::entity::entity;

    entity! {
        #[expect(unreachable_pub, reason = "the entity macros write `pub`")]
        mod entity {
            #[sea_orm(table_name = "status_block")]
            pub struct Model {
                #[sea_orm(primary_key, auto_increment = false)]
                pub list: i64,
                #[sea_orm(primary_key, auto_increment = false)]
                pub first: i64,
                pub size: i64,
                pub client_id: String,
                pub alg: String,
                pub expires_at: i64,
            }
        }
    }

    pub(super) use entity::{ActiveModel, Column, Entity};
}

const READING: &str = "reading the status lists";
const WRITING: &str = "writing the status lists";

/// A list.
#[derive(Clone, Copy, Debug)]
pub struct StoredList {
    /// Its number.
    pub number: i64,
    /// How many tokens it has room for.
    pub entries: u32,
    /// Whether all its tokens are revoked: the database was restored from an older copy.
    pub is_closed: bool,
}

/// Turns of a list that were reserved and that nobody else gets.
#[derive(Clone, Copy, Debug)]
pub struct Block {
    /// The number of the list.
    pub list: i64,
    /// How many tokens the list has room for.
    pub entries: u32,
    /// The order of its indices.
    pub seed: Seed,
    /// The first turn that is left.
    pub next: u32,
    /// The turn after the last one.
    pub end: u32,
}

/// Every list that still counts, oldest first.
pub async fn list_all(reader: &impl Reader) -> Result<Vec<StoredList>, Fault> {
    let rows = list::Entity::find()
        .filter(list::Column::IsGone.eq(false))
        .order_by_asc(list::Column::Number)
        .all(reader.connection())
        .await
        .map_err(while_doing(READING))?;
    let read = |row: list::Model| {
        let list::Model { number, is_closed, .. } = row;
        Ok(StoredList { number, entries: small(row.entries)?, is_closed })
    };
    rows.into_iter().map(read).collect()
}

/// What is stored of a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredPlace {
    /// When its bit was set.
    pub revoked_at: Option<DateTime<Utc>>,
    /// Whether every bit of its list is set.
    pub is_closed: bool,
}

/// What is stored of this place; `None` if there is no such list, or not any more, or if it is
/// shorter.
pub async fn look(
    reader: &impl Reader,
    number: i64,
    index: u64,
) -> Result<Option<StoredPlace>, Fault> {
    let fault = while_doing(READING);
    let found = list::Entity::find_by_id(number).one(reader.connection()).await.map_err(&fault)?;
    let Ok(index) = i64::try_from(index) else { return Ok(None) };
    let Some(found) = found.filter(|list| !list.is_gone && index < list.entries) else {
        return Ok(None);
    };
    let bit = bit::Entity::find_by_id((number, index)).one(reader.connection()).await;
    let revoked_at = bit.map_err(&fault)?.map(|bit| clock::from_millis(bit.revoked_at));
    Ok(Some(StoredPlace { revoked_at, is_closed: found.is_closed }))
}

/// How many tokens the lists that still count have room for, and how many places of them were handed
/// out.
pub async fn filled(reader: &impl Reader) -> Result<(u64, u64), Fault> {
    let rows: Vec<(i64, i64)> = list::Entity::find()
        .select_only()
        .columns([list::Column::Entries, list::Column::Used])
        .filter(list::Column::IsGone.eq(false))
        .into_tuple()
        .all(reader.connection())
        .await
        .map_err(while_doing(READING))?;
    let sum = |of: fn(&(i64, i64)) -> i64| rows.iter().map(of).sum::<i64>().unsigned_abs();
    Ok((sum(|row| row.0), sum(|row| row.1)))
}

/// A bit that is set, and the number of the transaction that set it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct SetBit {
    /// The number of the transaction.
    pub position: i64,
    /// The number of the list.
    pub list: i64,
    /// The index in the list.
    pub index: u32,
}

/// The bits that were set after this one, in their order, at most this many.
pub async fn set_after(
    reader: &impl Reader,
    last: SetBit,
    at_most: u64,
) -> Result<Vec<SetBit>, Fault> {
    use bit::Column;
    let later = |column: Column, value: i64| ColumnTrait::gt(&column, value);
    let same = Column::Position.eq(last.position);
    let in_list = same.clone().and(Column::List.eq(last.list));
    let after = Condition::any()
        .add(later(Column::Position, last.position))
        .add(same.and(later(Column::List, last.list)))
        .add(in_list.and(later(Column::Idx, last.index.into())));
    let rows: Vec<(i64, i64, i64)> = bit::Entity::find()
        .select_only()
        .columns([Column::Position, Column::List, Column::Idx])
        // Says the same as the rest, in words that an index answers.
        .filter(ColumnTrait::gte(&Column::Position, last.position))
        .filter(after)
        .order_by_asc(Column::Position)
        .order_by_asc(Column::List)
        .order_by_asc(Column::Idx)
        .limit(at_most)
        .into_tuple()
        .all(reader.connection())
        .await
        .map_err(while_doing(READING))?;
    rows.into_iter()
        .map(|(position, list, index)| Ok(SetBit { position, list, index: small(index)? }))
        .collect()
}

/// Reserves turns of the open list, at most this many; opens a list with this many entries if the
/// open one is full. Nobody gets them back when they are not used.
pub async fn reserve(tx: &Tx, entries: u32, size: u32) -> Result<Block, Fault> {
    // It also locks out every other server until the transaction ends.
    revisions::take(tx, WatchedTable::StatusIndices).await?;
    let open = list::Entity::find()
        .filter(list::Column::SealedAt.is_null())
        .order_by_desc(list::Column::Number)
        .one(tx.connection())
        .await
        .map_err(while_doing(READING))?;
    let has_room = |open: &list::Model| open.used < open.entries;
    if let Some(open) = open.as_ref().filter(|open| has_room(open)) {
        return take(tx, open, size).await;
    }
    if open.is_some() {
        seal(tx, tx.now()).await?;
    }
    let number = revisions::take(tx, WatchedTable::StatusLists).await?;
    let opened = list::Model {
        number,
        entries: entries.into(),
        seed: random::bytes::<16>().to_vec(),
        used: 0,
        opened_at: millis(tx.now()),
        sealed_at: None,
        is_closed: false,
        is_gone: false,
    };
    let inserted = list::Entity::insert(list::ActiveModel {
        number: Set(opened.number),
        entries: Set(opened.entries),
        seed: Set(opened.seed.clone()),
        used: Set(opened.used),
        opened_at: Set(opened.opened_at),
        sealed_at: Set(None),
        is_closed: Set(false),
        is_gone: Set(false),
    });
    inserted.exec_without_returning(tx.connection()).await.map_err(while_doing(WRITING))?;
    take(tx, &opened, size).await
}

async fn take(tx: &Tx, open: &list::Model, size: u32) -> Result<Block, Fault> {
    let end = Ord::min(open.entries, open.used + i64::from(size));
    list::Entity::update_many()
        .col_expr(list::Column::Used, Expr::value(end))
        .filter(list::Column::Number.eq(open.number))
        .exec(tx.connection())
        .await
        .map_err(while_doing(WRITING))?;
    Ok(Block {
        list: open.number,
        entries: small(open.entries)?,
        seed: seed(open.seed.clone())?,
        next: small(open.used)?,
        end: small(end)?,
    })
}

/// Seals every list: no more indices are taken from it.
async fn seal(tx: &impl Reader, now: DateTime<Utc>) -> Result<(), Fault> {
    list::Entity::update_many()
        .col_expr(list::Column::SealedAt, Expr::value(millis(now)))
        .filter(list::Column::SealedAt.is_null())
        .exec(tx.connection())
        .await
        .map(drop)
        .map_err(while_doing(WRITING))
}

/// Reserves turns for the tokens that a client gets for itself. None of these tokens lives longer
/// than until this instant.
pub async fn reserve_for_client(
    tx: &Tx,
    (entries, size): (u32, u32),
    (client, alg): (&ClientId, TokenAlg),
    expires_at: DateTime<Utc>,
) -> Result<Block, Fault> {
    let reserved = reserve(tx, entries, size).await?;
    let row = block::ActiveModel {
        list: Set(reserved.list),
        first: Set(reserved.next.into()),
        size: Set((reserved.end - reserved.next).into()),
        client_id: Set(client.as_str().to_owned()),
        alg: Set(alg.as_str().to_owned()),
        expires_at: Set(millis(expires_at)),
    };
    let inserted = block::Entity::insert(row).exec_without_returning(tx.connection()).await;
    inserted.map_err(while_doing(WRITING))?;
    Ok(reserved)
}

/// Closes every list with all its bits set, because the database is older than one of which tokens
/// are alive. Returns how many lists were closed.
pub async fn close_all(tx: &Tx, above: Epoch) -> Result<u64, Fault> {
    tx.changes_watched_table();
    close_all_in(tx, above, tx.now()).await
}

/// The same in the transaction of a restore.
pub(super) async fn close_all_in(
    tx: &impl Reader,
    above: Epoch,
    now: DateTime<Utc>,
) -> Result<u64, Fault> {
    seal(tx, now).await?;
    let closed = list::Entity::update_many()
        .col_expr(list::Column::IsClosed, Expr::value(true))
        .filter(list::Column::IsClosed.eq(false))
        .exec(tx.connection())
        .await
        .map_err(while_doing(WRITING))?;
    revisions::raise(tx, above).await?;
    Ok(closed.rows_affected)
}

/// Gives up a list to which no living token can point, and deletes what belongs to it, at most this
/// many rows; returns whether there may be more to do. `before` is the instant before which it must
/// have been sealed, and everything in it revoked.
pub async fn recycle(tx: &Tx, before: DateTime<Utc>, at_most: u64) -> Result<bool, Fault> {
    let sealed = list::Entity::find()
        .filter(list::Column::SealedAt.lt(millis(before)))
        .order_by_asc(list::Column::Number)
        .all(tx.connection())
        .await
        .map_err(while_doing(READING))?;
    for list in sealed {
        if list.is_gone {
            return delete(tx, list.number, at_most).await.map(|()| true);
        }
        if !is_in_use(tx, list.number, before).await? {
            list::Entity::update_many()
                .col_expr(list::Column::IsGone, Expr::value(true))
                .filter(list::Column::Number.eq(list.number))
                .exec(tx.connection())
                .await
                .map_err(while_doing(WRITING))?;
            revisions::bump(tx, WatchedTable::Revocations).await?;
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether a token may be alive that points to this list.
async fn is_in_use(tx: &Tx, number: i64, before: DateTime<Utc>) -> Result<bool, Fault> {
    let late =
        bit::Column::List.eq(number).and(ColumnTrait::gte(&bit::Column::RevokedAt, millis(before)));
    let own = block::Column::List
        .eq(number)
        .and(ColumnTrait::gte(&block::Column::ExpiresAt, millis(before)));
    let mut questions = vec![families::with_status_list(number)];
    questions.push(Query::select().expr(Expr::val(1)).from(bit::Entity).and_where(late).to_owned());
    questions
        .push(Query::select().expr(Expr::val(1)).from(block::Entity).and_where(own).to_owned());
    for mut question in questions {
        let found = tx.connection().query_one(&*question.limit(1)).await;
        if found.map_err(while_doing(READING))?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

async fn delete(tx: &Tx, number: i64, at_most: u64) -> Result<(), Fault> {
    let of_list = block::Column::List.eq(number);
    let key = [block::Column::List, block::Column::First];
    let blocks = housekeep_by(tx, block::Entity, &key, of_list, at_most).await?;
    let of_list = bit::Column::List.eq(number);
    let key = [bit::Column::List, bit::Column::Idx];
    let bits = housekeep_by(tx, bit::Entity, &key, of_list, at_most).await?;
    if blocks < at_most && bits < at_most {
        let this = list::Column::Number.eq(number);
        housekeep(tx, list::Entity, list::Column::Number, this, 1).await?;
    }
    Ok(())
}

/// Deletes blocks all of whose tokens expired before this instant, at most this many; returns how
/// many.
pub async fn forget_blocks(tx: &Tx, before: DateTime<Utc>, at_most: u64) -> Result<u64, Fault> {
    let over = block::Column::ExpiresAt.lt(millis(before));
    let key = [block::Column::List, block::Column::First];
    housekeep_by(tx, block::Entity, &key, over, at_most).await
}
