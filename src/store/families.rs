//! `family`: the grants that sign-ins gave to clients.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{IntoColumnRef, Query, SelectStatement, SimpleExpr};
use sea_orm::{ExprTrait, Iterable, Order, QueryOrder, QuerySelect};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use super::cause::while_doing;
use super::column::{corrupt, instant, list, millis, read_list};
use super::counting::count;
use super::entity::entity;
use super::housekeeping::housekeep;
use super::reader::Reader;
use super::revocation_log::{Noted, place};
use super::some_rows::is_one_of;
use super::tx::Tx;
use crate::domain::client::ClientId;
use crate::domain::clock;
use crate::domain::dpop::{Confirmation, Thumbprint};
use crate::domain::family::{EndedFamily, Family, FamilyFilter, FamilyId, FamilyOwner};
use crate::domain::provider::FEDERATED;
use crate::domain::revocation::{Audiences, Revocation, RevokedKind};
use crate::domain::scope::Scope;
use crate::domain::session::SessionId;
use crate::domain::status_list::StatusIndex;
use crate::domain::succession::{Salt, Succession, TokenPosition};
use crate::domain::user::UserId;
use crate::domain::verdict::Fault;

entity! {
    pub(super) mod entity {
        #[derive(serde::Deserialize)]
        #[sea_orm(table_name = "family")]
        pub struct Model {
            #[sea_orm(primary_key, auto_increment = false)]
            pub id: String,
            pub user_id: String,
            pub client_id: String,
            pub scope: String,
            pub resources: String,
            pub auth_time: i64,
            pub acr: String,
            pub amr: String,
            pub provider_issuer: Option<String>,
            pub session_id: Option<String>,
            pub claims: String,
            pub expires_at: i64,
            pub revoked_at: Option<i64>,
            #[serde(deserialize_with = "super::from_hex")]
            pub salt: Option<Vec<u8>>,
            pub generation: i64,
            pub attempt: i64,
            pub spent_attempt: i64,
            pub handed_out_at: i64,
            pub handed_out_to: Option<String>,
            pub idle_ends_at: i64,
            pub status_list: Option<i64>,
            pub status_index: Option<i64>,
            pub jkt: Option<String>,
            pub parent_id: Option<String>,
            pub x5t: Option<String>,
            /// What opened it, if that matters for when it ends.
            pub opened_by: Option<String>,
            pub bound_after_generation: Option<i64>,
            pub bound_after_attempt: Option<i64>,
        }
    }
}

use entity::{ActiveModel, Column, Entity, Model};

/// Reads the salt of a row that the database returned as JSON, where bytes are hexadecimal text.
fn from_hex<'de, D: Deserializer<'de>>(source: D) -> Result<Option<Vec<u8>>, D::Error> {
    let Some(hex) = Option::<Cow<'de, str>>::deserialize(source)? else { return Ok(None) };
    let wrong = || D::Error::custom("the salt is not 16 bytes in hexadecimal digits");
    let value = u128::from_str_radix(&hex, 16).map_err(|_| wrong())?;
    if hex.len() == 32 { Ok(Some(value.to_be_bytes().to_vec())) } else { Err(wrong()) }
}

/// Every column in the order of the fields of the row, for statements that read a family together
/// with other values.
pub(super) fn columns() -> impl Iterator<Item = Column> {
    Column::iter()
}

/// In the column `opened_by`: a grant of another issuer.
const ID_JAG: &str = "id_jag";

const TABLE: &str = "reading the table family";
const WRITING: &str = "writing the table family";

impl TryFrom<Model> for Family {
    type Error = Fault;

    fn try_from(row: Model) -> Result<Self, Fault> {
        let client =
            ClientId::parse(&row.client_id).ok_or_else(|| corrupt(TABLE, "a client id"))?;
        let scope = Scope::parse(&row.scope).map_err(|error| corrupt(TABLE, error.to_string()))?;
        Ok(Self {
            id: FamilyId::from_stored(row.id),
            user: UserId::from_stored(row.user_id),
            client,
            scope,
            resources: read_list(TABLE, &row.resources)?,
            auth_time: clock::from_millis(row.auth_time),
            acr: row.acr.parse().map_err(|error: String| corrupt(TABLE, error))?,
            amr: read_list(TABLE, &row.amr)?,
            provider_issuer: row.provider_issuer,
            session: row.session_id.map(SessionId::from_stored),
            claims: read_list(TABLE, &row.claims)?,
            expires_at: clock::from_millis(row.expires_at),
            revoked_at: instant(row.revoked_at),
            status: place(row.status_list, row.status_index)?,
            parent: row.parent_id.map(FamilyId::from_stored),
            by_id_jag: row.opened_by.as_deref() == Some(ID_JAG),
            binding: Confirmation {
                jkt: row.jkt.map(Thumbprint::from_stored),
                x5t: row.x5t.map(Thumbprint::from_stored),
            },
        })
    }
}

/// The succession of the refresh tokens of a family; `None` if it has no refresh tokens.
pub(super) fn succession(row: &Model) -> Result<Option<Succession>, Fault> {
    let Some(salt) = &row.salt else { return Ok(None) };
    let salt = salt.as_slice().try_into().map_err(|_| corrupt(TABLE, "a salt"))?;
    let count = |value: i64| u32::try_from(value).map_err(|error| Fault::internal(TABLE, error));
    Ok(Some(Succession {
        salt: Salt(salt),
        leaf: TokenPosition { generation: count(row.generation)?, attempt: count(row.attempt)? },
        spent_attempt: count(row.spent_attempt)?,
        handed_out_at: clock::from_millis(row.handed_out_at),
        handed_out_to: row.handed_out_to.clone(),
        idle_ends_at: clock::from_millis(row.idle_ends_at),
        bound_after: match (row.bound_after_generation, row.bound_after_attempt) {
            (Some(generation), Some(attempt)) => {
                Some(TokenPosition { generation: count(generation)?, attempt: count(attempt)? })
            }
            _ => None,
        },
    }))
}

/// The family with this id.
pub async fn find(reader: &impl Reader, id: &FamilyId) -> Result<Option<Family>, Fault> {
    let row = Entity::find_by_id(id.as_str()).one(reader.connection()).await;
    row.map_err(while_doing(TABLE))?.map(Family::try_from).transpose()
}

/// Live families of a person, in the order of their ids, beginning after this one, at most this
/// many.
pub async fn some_of_user(
    reader: &impl Reader,
    user: &UserId,
    behind: Option<&FamilyId>,
    at_most: u64,
    now: DateTime<Utc>,
) -> Result<Vec<Family>, Fault> {
    let rows = Entity::find()
        .filter(Column::UserId.eq(user.as_str()))
        .filter(ColumnTrait::gt(&Column::Id, behind.map(FamilyId::as_str).unwrap_or_default()))
        .filter(Column::RevokedAt.is_null())
        .filter(ColumnTrait::gt(&Column::ExpiresAt, millis(now)))
        .order_by_asc(Column::Id)
        .limit(at_most)
        .all(reader.connection())
        .await;
    rows.map_err(while_doing(TABLE))?.into_iter().map(Family::try_from).collect()
}

/// The number of live families of a client, counted up to this limit.
pub async fn count_of_client(
    reader: &impl Reader,
    client: &ClientId,
    at_most: u64,
    now: DateTime<Utc>,
) -> Result<u64, Fault> {
    let some = Query::select()
        .expr_as(Expr::val(1), "one")
        .from(Entity)
        .and_where(Column::ClientId.eq(client.as_str()))
        .and_where(Column::RevokedAt.is_null())
        .and_where(ColumnTrait::gt(&Column::ExpiresAt, millis(now)))
        .limit(at_most)
        .to_owned();
    count(reader, some, TABLE).await
}

/// The family with this id, locked until the transaction ends.
pub async fn lock(tx: &Tx, id: &FamilyId) -> Result<Option<Family>, Fault> {
    let row = Entity::find_by_id(id.as_str()).lock_exclusive().one(tx.connection()).await;
    row.map_err(while_doing(TABLE))?.map(Family::try_from).transpose()
}

/// The live family with which this client acts with the tokens of another family.
pub async fn find_grown(
    tx: &Tx,
    parent: &FamilyId,
    client: &ClientId,
) -> Result<Option<Family>, Fault> {
    let row = Entity::find()
        .filter(Column::ParentId.eq(parent.as_str()))
        .filter(Column::ClientId.eq(client.as_str()))
        .filter(Column::RevokedAt.is_null())
        .one(tx.connection())
        .await;
    row.map_err(while_doing(TABLE))?.map(Family::try_from).transpose()
}

/// Widens what the tokens of a family that grew out of another one may say.
pub async fn widen(
    tx: &Tx,
    id: &FamilyId,
    scope: &Scope,
    resources: &[String],
) -> Result<(), Fault> {
    Entity::update_many()
        .col_expr(Column::Scope, Expr::value(scope.to_string()))
        .col_expr(Column::Resources, Expr::value(list(resources)))
        .filter(Column::Id.eq(id.as_str()))
        .exec(tx.connection())
        .await
        .map(drop)
        .map_err(while_doing(WRITING))
}

/// A client that acts for a person, as their account page shows it.
#[derive(Clone, Debug)]
pub struct Acting {
    /// The client that acts.
    pub client: ClientId,
    /// The client with whose tokens it acts.
    pub by_way_of: ClientId,
    /// What it may do.
    pub scope: Scope,
    /// Where it may do it.
    pub resources: Vec<String>,
    /// Since when.
    pub since: DateTime<Utc>,
}

/// Who acts for a person now, the longest first, at most this many.
pub async fn acting_for(
    reader: &impl Reader,
    user: &UserId,
    now: DateTime<Utc>,
    at_most: u64,
) -> Result<Vec<Acting>, Fault> {
    let rows = Entity::find()
        .filter(FamilyFilter::User(user).filter())
        .filter(Column::ParentId.is_not_null())
        .filter(Column::RevokedAt.is_null())
        .filter(ColumnTrait::gt(&Column::ExpiresAt, millis(now)))
        .order_by_asc(Column::HandedOutAt)
        .order_by_asc(Column::Id)
        .limit(at_most)
        .all(reader.connection())
        .await
        .map_err(while_doing(TABLE))?;
    let parents: Vec<String> = rows.iter().filter_map(|row| row.parent_id.clone()).collect();
    let parents: Vec<(String, String)> = Entity::find()
        .select_only()
        .columns([Column::Id, Column::ClientId])
        .filter(Column::Id.is_in(parents))
        .into_tuple()
        .all(reader.connection())
        .await
        .map_err(while_doing(TABLE))?;
    let mut acting = Vec::with_capacity(rows.len());
    for row in rows {
        let since = clock::from_millis(row.handed_out_at);
        let parent = parents.iter().find(|(id, _)| row.parent_id.as_ref() == Some(id));
        let by_way_of = parent.and_then(|(_, client)| ClientId::parse(client));
        let Family { client, scope, resources, .. } = Family::try_from(row)?;
        let by_way_of = by_way_of.unwrap_or_else(|| client.clone());
        acting.push(Acting { client, by_way_of, scope, resources, since });
    }
    Ok(acting)
}

/// Whether this client acts for the person or ever did, as far as that is known.
pub async fn has_acted(
    reader: &impl Reader,
    user: &UserId,
    client: &ClientId,
) -> Result<bool, Fault> {
    let some = Entity::find().filter(FamilyFilter::ActingFor(user, client).filter());
    let some = some.limit(1).one(reader.connection()).await;
    Ok(some.map_err(while_doing(TABLE))?.is_some())
}

/// Writes a new family, with a succession if it has refresh tokens.
pub async fn insert(
    tx: &Tx,
    family: &Family,
    succession: Option<&Succession>,
) -> Result<(), Fault> {
    let place = succession.map(|succession| succession.leaf).unwrap_or_default();
    let row = ActiveModel {
        id: Set(family.id.as_str().to_owned()),
        user_id: Set(family.user.as_str().to_owned()),
        client_id: Set(family.client.as_str().to_owned()),
        scope: Set(family.scope.to_string()),
        resources: Set(list(&family.resources)),
        auth_time: Set(millis(family.auth_time)),
        acr: Set(family.acr.as_str().to_owned()),
        amr: Set(list(&family.amr)),
        provider_issuer: Set(family.provider_issuer.clone()),
        session_id: Set(family.session.as_ref().map(|session| session.as_str().to_owned())),
        claims: Set(list(&family.claims)),
        expires_at: Set(millis(family.expires_at)),
        revoked_at: Set(family.revoked_at.map(millis)),
        salt: Set(succession.map(|succession| succession.salt.0.to_vec())),
        generation: Set(place.generation.into()),
        attempt: Set(place.attempt.into()),
        spent_attempt: Set(succession.map_or(0, |succession| succession.spent_attempt.into())),
        handed_out_at: Set(millis(succession.map_or(tx.now(), |one| one.handed_out_at))),
        handed_out_to: Set(succession.and_then(|succession| succession.handed_out_to.clone())),
        idle_ends_at: Set(millis(succession.map_or(family.expires_at, |one| one.idle_ends_at))),
        status_list: Set(family.status.map(|place| place.list)),
        status_index: Set(family.status.map(|place| place.index.into())),
        parent_id: Set(family.parent.as_ref().map(|parent| parent.as_str().to_owned())),
        jkt: Set(family.binding.jkt.as_ref().map(ToString::to_string)),
        x5t: Set(family.binding.x5t.as_ref().map(ToString::to_string)),
        opened_by: Set(family.by_id_jag.then(|| ID_JAG.to_owned())),
        bound_after_generation: Set(None),
        bound_after_attempt: Set(None),
    };
    let inserted = Entity::insert(row).exec_without_returning(tx.connection()).await;
    inserted.map(drop).map_err(while_doing(WRITING))
}

/// Revokes a family; `false` when it is already revoked or unknown.
pub async fn revoke(tx: &Tx, id: &FamilyId) -> Result<bool, Fault> {
    let this = Query::select()
        .column(Column::Id)
        .from(Entity)
        .and_where(Column::Id.eq(id.as_str()))
        .and_where(Column::RevokedAt.is_null())
        .to_owned();
    revoke_all_of(tx, this).await.map(|revoked| !revoked.is_empty())
}

impl FamilyFilter<'_> {
    fn filter(self) -> SimpleExpr {
        match self {
            Self::User(user) => Column::UserId.eq(user.as_str()),
            Self::UserAt(user, client) => {
                Column::UserId.eq(user.as_str()).and(Column::ClientId.eq(client.as_str()))
            }
            Self::ActingFor(user, client) => Column::UserId
                .eq(user.as_str())
                .and(Column::ClientId.eq(client.as_str()))
                .and(Column::ParentId.is_not_null()),
            Self::UserBy(user, issuer) => {
                Column::UserId.eq(user.as_str()).and(Column::ProviderIssuer.eq(issuer))
            }
            Self::UserByPasskey(user) => {
                // Both names of a passkey are those of a list in JSON.
                let named = |name| ColumnTrait::contains(&Column::Amr, name);
                Column::UserId.eq(user.as_str()).and(named("\"hwk\"").or(named("\"swk\"")))
            }
            Self::UserByOneTimeCode(user) => {
                // A code from the mailbox is `otp`, too, but it is one factor alone.
                let named = |name| ColumnTrait::contains(&Column::Amr, name);
                Column::UserId.eq(user.as_str()).and(named("\"otp\"")).and(named("\"mfa\""))
            }
            Self::Session(session) => Column::SessionId.eq(session.as_str()),
            Self::Client(client) => Column::ClientId.eq(client.as_str()),
            Self::ByIdJagOf(client, issuer) => Column::ClientId
                .eq(client.as_str())
                .and(Column::ProviderIssuer.eq(issuer))
                .and(Column::OpenedBy.eq(ID_JAG)),
            Self::Provider(slug) => {
                // The methods are a list in JSON that begins with these two.
                let came_by = list(&[FEDERATED.to_owned(), slug.as_str().to_owned()]);
                let beginning = came_by.trim_end_matches(']');
                Column::ProviderIssuer
                    .is_not_null()
                    .and(ColumnTrait::starts_with(&Column::Amr, beginning))
            }
        }
    }

    pub(super) fn live(self, now: DateTime<Utc>) -> SelectStatement {
        Query::select()
            .column(Column::Id)
            .from(Entity)
            .and_where(self.filter())
            .and_where(Column::RevokedAt.is_null())
            .and_where(ColumnTrait::gt(&Column::ExpiresAt, millis(now)))
            .to_owned()
    }
}

/// Whether there is a live family at the client with the id in this column of another table.
pub(super) fn is_live_at(client: impl IntoColumnRef, tx: &Tx) -> SimpleExpr {
    let here = Expr::col((Entity, Column::ClientId)).equals(client);
    let live = Query::select()
        .expr(Expr::value(1))
        .from(Entity)
        .and_where(here)
        .and_where(Column::RevokedAt.is_null())
        .and_where(ColumnTrait::gt(&Column::ExpiresAt, millis(tx.now())))
        .to_owned();
    Expr::exists(live)
}

/// Whether `offline_access` was granted, so that the family does not end with its session (Core
/// §11).
fn is_offline() -> SimpleExpr {
    Expr::cust("replace(' ' || scope || ' ', ' offline_access ', '') <> ' ' || scope || ' '")
}

/// Revokes live families that were opened by a sign-in until this instant, at most this many,
/// except those that are bound to one session.
pub async fn revoke_some(
    tx: &Tx,
    of: FamilyFilter<'_>,
    but: Option<&SessionId>,
    until: Option<DateTime<Utc>>,
    at_most: u64,
) -> Result<Vec<EndedFamily>, Fault> {
    let mut some = of.live(tx.now()).limit(at_most).to_owned();
    some.and_where_option(but.map(|but| {
        let elsewhere = Column::SessionId.is_null().or(Column::SessionId.ne(but.as_str()));
        elsewhere.or(is_offline())
    }));
    some.and_where_option(until.map(|until| ColumnTrait::lte(&Column::AuthTime, millis(until))));
    if let FamilyFilter::Session(_) = of {
        some.and_where(is_offline().not());
    }
    revoke_all_of(tx, some).await
}

/// Revokes live families that were opened by a sign-in until this instant, whoever has them, at most
/// this many. They are taken in the order of their ids, beginning after `behind`.
pub async fn revoke_until(
    tx: &Tx,
    until: DateTime<Utc>,
    behind: Option<&FamilyId>,
    at_most: u64,
) -> Result<Vec<EndedFamily>, Fault> {
    let some = Query::select()
        .column(Column::Id)
        .from(Entity)
        .and_where(Column::RevokedAt.is_null())
        .and_where(ColumnTrait::gt(&Column::ExpiresAt, millis(tx.now())))
        .and_where(ColumnTrait::lte(&Column::AuthTime, millis(until)))
        .and_where_option(behind.map(|id| ColumnTrait::gt(&Column::Id, id.as_str())))
        .order_by(Column::Id, Order::Asc)
        .limit(at_most)
        .to_owned();
    revoke_all_of(tx, some).await
}

/// Detaches families with `offline_access` from a session that has ended, at most this many: they
/// do not end with it.
pub async fn detach_some(
    tx: &Tx,
    session: &SessionId,
    at_most: u64,
) -> Result<Vec<EndedFamily>, Fault> {
    let some = FamilyFilter::Session(session)
        .live(tx.now())
        .and_where(is_offline())
        .limit(at_most)
        .to_owned();
    let detached = change(tx, some, Column::SessionId, Option::<String>::None.into()).await?;
    Ok(detached.into_iter().map(|changed| changed.family).collect())
}

/// Revokes the live families of a person at a client that were unused for longest, so that at most
/// this many stay. It reads a bounded number of rows, however many families there are.
pub async fn revoke_above(
    tx: &Tx,
    user: &UserId,
    client: &ClientId,
    at_most: u64,
) -> Result<Vec<EndedFamily>, Fault> {
    let seen = FamilyFilter::UserAt(user, client)
        .live(tx.now())
        .and_where(Column::ParentId.is_null())
        .column(Column::IdleEndsAt)
        .limit(at_most.saturating_add(ABOVE))
        .to_owned();
    let some = Query::select()
        .column(Column::Id)
        .from_subquery(seen, "seen")
        // Every use moves this instant by the same time, so its order is the order of the last use.
        .order_by(Column::IdleEndsAt, Order::Desc)
        .order_by(Column::Id, Order::Desc)
        .limit(ABOVE)
        .offset(at_most)
        .to_owned();
    revoke_all_of(tx, some).await
}

/// The most families that are revoked at once. If a limit was lowered, the others are revoked
/// later.
const ABOVE: u64 = 100;

/// Revokes these families, and notes it for the status lists and the feed. Nothing else revokes a
/// family.
async fn revoke_all_of(tx: &Tx, some: SelectStatement) -> Result<Vec<EndedFamily>, Fault> {
    let at = || Value::from(Some(millis(tx.now())));
    let mut revoked = change(tx, some, Column::RevokedAt, at()).await?;
    // What grew out of a family ends with it (RFC 8693), and so does what grew out of that.
    let mut parents: Vec<String> = revoked.iter().map(Changed::id).collect();
    while !parents.is_empty() {
        let grown = Query::select()
            .column(Column::Id)
            .from(Entity)
            .and_where(Column::ParentId.is_in(std::mem::take(&mut parents)))
            .and_where(Column::RevokedAt.is_null())
            .to_owned();
        let grown = change(tx, grown, Column::RevokedAt, at()).await?;
        parents.extend(grown.iter().map(Changed::id));
        revoked.extend(grown);
    }
    let mut ended = Vec::with_capacity(revoked.len());
    for Changed { family, resources, expires_at, status } in revoked {
        let audiences = if resources.is_empty() {
            Audiences::OfClient(family.client.clone())
        } else {
            Audiences::These(resources)
        };
        tx.revokes([Noted::Event(Revocation {
            kind: RevokedKind::Family,
            value: family.id.as_str().to_owned(),
            revoked_at: tx.now(),
            expires_at,
            audiences,
        })]);
        tx.revokes(status.map(Noted::Bit));
        ended.push(family);
    }
    Ok(ended)
}

/// A family that was changed.
struct Changed {
    family: EndedFamily,
    resources: Vec<String>,
    expires_at: DateTime<Utc>,
    status: Option<StatusIndex>,
}

impl Changed {
    fn id(&self) -> String {
        self.family.id.as_str().to_owned()
    }
}

async fn change(
    tx: &Tx,
    some: SelectStatement,
    column: Column,
    value: Value,
) -> Result<Vec<Changed>, Fault> {
    let returned = [
        Column::Id,
        Column::UserId,
        Column::ClientId,
        Column::Resources,
        Column::ExpiresAt,
        Column::StatusList,
        Column::StatusIndex,
    ];
    let update = Query::update()
        .table(Entity)
        .value(column, value)
        .and_where(is_one_of(tx, Column::Id, some))
        // Another transaction may have revoked a row for which this one waited.
        .and_where(Column::RevokedAt.is_null())
        .returning(Query::returning().columns(returned))
        .to_owned();
    let fault = while_doing(WRITING);
    let rows = tx.connection().query_all(&update).await.map_err(&fault)?;
    rows.iter()
        .map(|row| {
            let client: String = row.try_get("", "client_id").map_err(&fault)?;
            let resources: String = row.try_get("", "resources").map_err(&fault)?;
            let expires_at = row.try_get("", "expires_at").map_err(&fault)?;
            let (list, index) = (row.try_get("", "status_list"), row.try_get("", "status_index"));
            Ok(Changed {
                family: EndedFamily {
                    id: FamilyId::from_stored(row.try_get("", "id").map_err(&fault)?),
                    user: UserId::from_stored(row.try_get("", "user_id").map_err(&fault)?),
                    client: ClientId::parse(&client)
                        .ok_or_else(|| corrupt(TABLE, "a client id"))?,
                },
                resources: read_list(TABLE, &resources)?,
                expires_at: clock::from_millis(expires_at),
                status: place(list.map_err(&fault)?, index.map_err(&fault)?)?,
            })
        })
        .collect()
}

/// Gives a live family a fresh place in the status lists instead of a place that it had. Returns
/// the place that it has now: another request may have been faster. `None` if it has ended.
pub async fn take_status(
    tx: &Tx,
    id: &FamilyId,
    instead_of: Option<StatusIndex>,
    fresh: StatusIndex,
) -> Result<Option<StatusIndex>, Fault> {
    let had = instead_of.map_or_else(
        || Column::StatusList.is_null(),
        |had| {
            let same =
                Column::StatusList.eq(had.list).and(Column::StatusIndex.eq(i64::from(had.index)));
            same.or(Column::StatusList.is_null())
        },
    );
    let taken = Entity::update_many()
        .col_expr(Column::StatusList, Expr::value(fresh.list))
        .col_expr(Column::StatusIndex, Expr::value(i64::from(fresh.index)))
        .filter(Column::Id.eq(id.as_str()))
        .filter(Column::RevokedAt.is_null())
        .filter(had)
        .exec(tx.connection())
        .await
        .map_err(while_doing(WRITING))?;
    if taken.rows_affected == 1 {
        return Ok(Some(fresh));
    }
    let found = find(tx, id).await?.filter(|found| found.revoked_at.is_none());
    Ok(found.and_then(|found| found.status))
}

/// Takes a place in the status lists from a family, because one of its tokens was revoked: its next
/// token gets a fresh one.
pub async fn leave_status(tx: &Tx, id: &FamilyId, place: StatusIndex) -> Result<(), Fault> {
    Entity::update_many()
        .col_expr(Column::StatusList, Expr::value(Option::<i64>::None))
        .col_expr(Column::StatusIndex, Expr::value(Option::<i64>::None))
        .filter(Column::Id.eq(id.as_str()))
        .filter(Column::StatusList.eq(place.list))
        .filter(Column::StatusIndex.eq(i64::from(place.index)))
        .exec(tx.connection())
        .await
        .map(drop)
        .map_err(while_doing(WRITING))
}

/// Selects the families that have a place in this status list.
pub(super) fn with_status_list(number: i64) -> SelectStatement {
    Query::select()
        .column(Column::Id)
        .from(Entity)
        .and_where(Column::StatusList.eq(number))
        .to_owned()
}

/// Deletes families of a user or of a client that have ended, at most this many; returns how many. A
/// live one is revoked first, so that whoever follows revocations is told.
pub async fn delete_some(tx: &Tx, of: FamilyOwner<'_>, at_most: u64) -> Result<u64, Fault> {
    let of = match of {
        FamilyOwner::User(user) => Column::UserId.eq(user.as_str()),
        FamilyOwner::Client(client) => Column::ClientId.eq(client.as_str()),
    };
    let has_ended = Column::RevokedAt.is_not_null();
    let has_ended = has_ended.or(ColumnTrait::lte(&Column::ExpiresAt, millis(tx.now())));
    housekeep(tx, Entity, Column::Id, of.and(has_ended), at_most).await
}

/// Deletes families that ended before this instant, at most this many; returns how many.
pub async fn forget(tx: &Tx, before: DateTime<Utc>, at_most: u64) -> Result<u64, Fault> {
    let over = Column::ExpiresAt.lt(millis(before));
    let revoked = Column::RevokedAt.lt(millis(before));
    Ok(housekeep(tx, Entity, Column::Id, over, at_most).await?
        + housekeep(tx, Entity, Column::Id, revoked, at_most).await?)
}
