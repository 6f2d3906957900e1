//! Writes what a transaction revokes, as its last statements: the events of the feed, and the bits
//! of the status lists. The number of the transaction is the value of `revocations` in the table
//! `revision`. That row stays locked until the commit, so whoever sees a number has seen every
//! smaller one, or never will: it belongs to a transaction that was rolled back.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Alias, Expr, ExprTrait, OnConflict, Query};
use sea_orm::{ConnectionTrait, DbBackend, Statement};

use super::cause::while_doing;
use super::column::{corrupt, list, millis};
use super::connection::Connection;
use super::statement::ROWS;
use crate::domain::client::{ClientId, TokenAlg};
use crate::domain::revocation::{Audiences, Revocation};
use crate::domain::status_list::{Seed, StatusIndex, index_at};
use crate::domain::verdict::Fault;

/// What a transaction revokes.
#[derive(Clone, Debug)]
pub(super) enum Noted {
    /// This, for the feed.
    Event(Revocation),
    /// The token at this place.
    Bit(StatusIndex),
    /// Every token that a client got for itself and that has a place of its own.
    OwnTokens(ClientId),
    /// Every token that may be signed by a key of this algorithm: those of the families of these
    /// clients, and those that clients got for themselves.
    SignedBy(TokenAlg, Vec<ClientId>),
}

const WRITING: &str = "writing the revocations";

pub(super) async fn write(
    connection: &Connection,
    noted: &[Noted],
    now: DateTime<Utc>,
) -> Result<(), Fault> {
    let position = next(connection).await?;
    let mut events = Vec::new();
    let mut bits = Vec::new();
    for one in noted {
        match one {
            Noted::Event(event) => events.push(event),
            Noted::Bit(bit) => bits.push(*bit),
            Noted::OwnTokens(client) => {
                let of = Expr::col(Alias::new("client_id")).eq(client.as_str());
                bits.extend(own_tokens(connection, of, now).await?);
            }
            Noted::SignedBy(alg, clients) => {
                let of = Expr::col(Alias::new("alg")).eq(alg.as_str());
                bits.extend(own_tokens(connection, of, now).await?);
                for some in clients.chunks(ROWS) {
                    // For a resource their own tokens may be signed by another algorithm than theirs.
                    let ids = some.iter().map(ClientId::as_str);
                    let others = Expr::col(Alias::new("client_id"))
                        .is_in(ids)
                        .and(Expr::col(Alias::new("alg")).ne(alg.as_str()));
                    bits.extend(own_tokens(connection, others, now).await?);
                    set_families(connection, some, position, now).await?;
                }
            }
        }
    }
    write_events(connection, position, &events).await?;
    write_bits(connection, position, &bits, now).await
}

async fn next(connection: &Connection) -> Result<i64, Fault> {
    let value = Alias::new("value");
    let update = Query::update()
        .table(Alias::new("revision"))
        .value(value.clone(), Expr::col(value.clone()).add(1))
        .and_where(Expr::col(Alias::new("name")).eq("revocations"))
        .returning_col(value)
        .to_owned();
    let row = connection.query_one(&update).await.map_err(while_doing(WRITING))?;
    let row = row.ok_or_else(|| Fault::internal(WRITING, "there is no such revision"))?;
    row.try_get("", "value").map_err(while_doing(WRITING))
}

async fn write_events(
    connection: &Connection,
    position: i64,
    events: &[&Revocation],
) -> Result<(), Fault> {
    let mut part = 0_i64;
    for some in events.chunks(ROWS) {
        let mut insert = Query::insert();
        insert.into_table(Alias::new("revocation")).columns(
            [
                "position",
                "part",
                "kind",
                "value",
                "revoked_at",
                "expires_at",
                "client_id",
                "audiences",
            ]
            .map(Alias::new),
        );
        for event in some {
            let (client, audiences) = match &event.audiences {
                Audiences::Every => (Some(EVERY), None),
                Audiences::These(these) => (None, Some(list(these))),
                Audiences::OfClient(client) => (Some(client.as_str()), None),
                Audiences::Nobody => (None, None),
            };
            let values: [Expr; 8] = [
                Expr::val(position),
                Expr::val(part),
                Expr::val(event.kind.as_str()),
                Expr::val(event.value.as_str()),
                Expr::val(millis(event.revoked_at)),
                Expr::val(millis(event.expires_at)),
                Expr::val(client.map(str::to_owned)),
                Expr::val(audiences),
            ];
            insert.values(values).map_err(|error| Fault::internal(WRITING, error.to_string()))?;
            part += 1;
        }
        connection.execute(&insert).await.map_err(while_doing(WRITING))?;
    }
    Ok(())
}

/// What stands in the place of a client when everybody may see the event. No client id begins with
/// a line feed.
pub(super) const EVERY: &str = "\n";

async fn write_bits(
    connection: &Connection,
    position: i64,
    bits: &[StatusIndex],
    now: DateTime<Utc>,
) -> Result<(), Fault> {
    for some in bits.chunks(ROWS) {
        let mut insert = Query::insert();
        insert
            .into_table(Alias::new("status_bit"))
            .columns(["list", "idx", "position", "revoked_at"].map(Alias::new));
        for bit in some {
            let values: [Expr; 4] = [
                Expr::val(bit.list),
                Expr::val(i64::from(bit.index)),
                Expr::val(position),
                Expr::val(millis(now)),
            ];
            insert.values(values).map_err(|error| Fault::internal(WRITING, error.to_string()))?;
        }
        insert.on_conflict(OnConflict::new().do_nothing().to_owned());
        connection.execute(&insert).await.map_err(while_doing(WRITING))?;
    }
    Ok(())
}

/// The places of the tokens that clients got for themselves and that may be alive.
async fn own_tokens(
    connection: &Connection,
    of: Expr,
    now: DateTime<Utc>,
) -> Result<Vec<StatusIndex>, Fault> {
    let (block, lists) = (Alias::new("status_block"), Alias::new("status_list"));
    let select = Query::select()
        .columns(["list", "first", "size", "entries", "seed"].map(Alias::new))
        .from(block)
        .inner_join(lists, Expr::col(Alias::new("list")).equals(Alias::new("number")))
        .and_where(of)
        .and_where(Expr::col(Alias::new("expires_at")).gt(millis(now)))
        .to_owned();
    let fault = while_doing(WRITING);
    let rows = connection.query_all(&select).await.map_err(&fault)?;
    let mut places = Vec::new();
    for row in rows {
        let whole = |name: &str| row.try_get::<i64>("", name).map_err(&fault);
        let (list, first, size) = (whole("list")?, whole("first")?, whole("size")?);
        let entries = small(whole("entries")?)?;
        let seed = seed(row.try_get("", "seed").map_err(&fault)?)?;
        for turn in first..first + size {
            let index = index_at(seed, entries, small(turn)?);
            places.extend(index.map(|index| StatusIndex { list, index }));
        }
    }
    Ok(places)
}

pub(super) fn small(value: i64) -> Result<u32, Fault> {
    u32::try_from(value).map_err(|_| corrupt("reading a status list", "a number is too large"))
}

pub(super) fn seed(bytes: Vec<u8>) -> Result<Seed, Fault> {
    let bytes: [u8; 16] =
        bytes.try_into().map_err(|_| corrupt("reading a status list", "a bad seed"))?;
    Ok(Seed(bytes))
}

/// Sets the bits of the live families of these clients by one statement, however many there are.
async fn set_families(
    connection: &Connection,
    clients: &[ClientId],
    position: i64,
    now: DateTime<Utc>,
) -> Result<(), Fault> {
    let backend = connection.get_database_backend();
    let clients: Vec<_> = clients.iter().map(ClientId::as_str).collect();
    let clients =
        serde_json::to_string(&clients).map_err(|error| Fault::internal(WRITING, error))?;
    let sql = match backend {
        DbBackend::Postgres => {
            "INSERT INTO status_bit (list, idx, position, revoked_at) \
             SELECT status_list, status_index, $1::bigint, $2::bigint FROM family \
             WHERE status_list IS NOT NULL AND revoked_at IS NULL AND expires_at > $2::bigint \
             AND client_id = ANY (ARRAY(SELECT jsonb_array_elements_text($3::jsonb))) \
             ON CONFLICT DO NOTHING"
        }
        _ => {
            "INSERT INTO status_bit (list, idx, position, revoked_at) \
             SELECT status_list, status_index, ?1, ?2 FROM family \
             WHERE status_list IS NOT NULL AND revoked_at IS NULL AND expires_at > ?2 \
             AND client_id IN (SELECT value FROM json_each(?3)) \
             ON CONFLICT DO NOTHING"
        }
    };
    let values = [position.into(), millis(now).into(), clients.into()];
    let statement = Statement::from_sql_and_values(backend, sql, values);
    connection.execute_raw(statement).await.map(drop).map_err(while_doing(WRITING))
}

/// A place as the two columns in which families keep it.
pub(super) fn place(list: Option<i64>, index: Option<i64>) -> Result<Option<StatusIndex>, Fault> {
    let (Some(list), Some(index)) = (list, index) else { return Ok(None) };
    Ok(Some(StatusIndex { list, index: small(index)? }))
}
