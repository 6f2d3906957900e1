//! `session`: the people who are signed in, and in which browser. A session that ended has no row.

use chrono::{DateTime, Duration, Utc};
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{OnConflict, Query, SelectStatement, SimpleExpr};
use sea_orm::{ExprTrait, QueryOrder, QuerySelect, Select};

use super::cause::while_doing;
use super::column::{corrupt, millis};
use super::endings::{self, entity as ending};
use super::entity::entity;
use super::housekeeping::housekeep;
use super::reader::Reader;
use super::some_rows::is_one_of;
use super::tx::Tx;
use crate::domain::authentication::Authentication;
use crate::domain::clock;
use crate::domain::ending::EndingScope;
use crate::domain::session::{BrowserId, Session, SessionId};
use crate::domain::user::UserId;
use crate::domain::verdict::Fault;

entity! {
    pub(super) mod entity {
        #[sea_orm(table_name = "session")]
        pub struct Model {
            #[sea_orm(primary_key, auto_increment = false)]
            pub id: String,
            pub browser_id: String,
            pub user_id: String,
            pub auth_time: i64,
            pub proofs: String,
            pub provider_issuer: Option<String>,
            pub kept: bool,
            pub user_agent: Option<String>,
            pub address: Option<String>,
            pub idle_ms: i64,
            pub idle_ends_at: i64,
            pub expires_at: i64,
        }
    }
}

use entity::{ActiveModel, Column, Entity, Model};

const TABLE: &str = "reading the table session";
const WRITING: &str = "writing the table session";

impl TryFrom<Model> for Session {
    type Error = Fault;

    fn try_from(row: Model) -> Result<Self, Fault> {
        Ok(Self {
            id: SessionId::from_stored(row.id),
            browser: BrowserId::from_stored(row.browser_id),
            user: UserId::from_stored(row.user_id),
            authentication: serde_json::from_str(&row.proofs)
                .map_err(|error| corrupt(TABLE, error.to_string()))?,
            kept: row.kept,
            user_agent: row.user_agent,
            address: row.address,
            idle: Duration::milliseconds(row.idle_ms),
            idle_ends_at: clock::from_millis(row.idle_ends_at),
            expires_at: clock::from_millis(row.expires_at),
        })
    }
}

/// The live sessions of a browser, the one with the latest sign-in first.
pub async fn of_browser(
    reader: &impl Reader,
    browser: &BrowserId,
    now: DateTime<Utc>,
) -> Result<Vec<Session>, Fault> {
    let select = Entity::find().filter(Column::BrowserId.eq(browser.as_str()));
    live(reader, select, now).await
}

/// A page of the live sessions of a person, the one with the latest sign-in first, beginning after
/// `behind`. One session that the caller already knows is left out.
pub async fn some_of_user(
    reader: &impl Reader,
    user: &UserId,
    but: &SessionId,
    behind: Option<&(DateTime<Utc>, SessionId)>,
    at_most: u64,
    now: DateTime<Utc>,
) -> Result<Vec<Session>, Fault> {
    let mut select = Entity::find()
        .filter(Column::UserId.eq(user.as_str()))
        .filter(Column::Id.ne(but.as_str()))
        .limit(at_most);
    if let Some((proven_at, id)) = behind {
        let at = millis(*proven_at);
        let same = Column::AuthTime.eq(at).and(ColumnTrait::gt(&Column::Id, id.as_str()));
        select = select
            .filter(ColumnTrait::lte(&Column::AuthTime, at))
            .filter(ColumnTrait::lt(&Column::AuthTime, at).or(same));
    }
    live(reader, select, now).await
}

async fn live(
    reader: &impl Reader,
    select: Select<Entity>,
    now: DateTime<Utc>,
) -> Result<Vec<Session>, Fault> {
    let rows = select
        .filter(is_ending().not())
        .filter(Column::ExpiresAt.gt(millis(now)))
        .filter(Column::IdleEndsAt.gt(millis(now)))
        .order_by_desc(Column::AuthTime)
        .order_by_asc(Column::Id)
        .all(reader.connection())
        .await;
    rows.map_err(while_doing(TABLE))?.into_iter().map(Session::try_from).collect()
}

/// The session with this id, whether its time is over or not, protected from changes until the
/// transaction ends.
pub async fn hold(tx: &Tx, id: &SessionId) -> Result<Option<Session>, Fault> {
    let select = Entity::find_by_id(id.as_str()).filter(is_ending().not()).lock_shared();
    let row = select.one(tx.connection()).await;
    row.map_err(while_doing(TABLE))?.map(Session::try_from).transpose()
}

/// The same, protected from readers that protect it, too: for a session that may be written.
pub async fn lock(tx: &Tx, id: &SessionId) -> Result<Option<Session>, Fault> {
    let select = Entity::find_by_id(id.as_str()).filter(is_ending().not()).lock_exclusive();
    let row = select.one(tx.connection()).await;
    row.map_err(while_doing(TABLE))?.map(Session::try_from).transpose()
}

/// Whether an ending that is not carried out completely ends the session of a row. No step may have
/// come to the row yet, but the session does not count from the commit of the ending on.
fn is_ending() -> SimpleExpr {
    let of = |column| Expr::col((ending::Entity, column));
    let is = |scope: &EndingScope| of(ending::Column::What).eq(endings::written(scope).0);
    let of_session = |column| Expr::col((Entity, column));
    let by_issuer = is(&EndingScope::ByIssuer(String::new()))
        .and(of(ending::Column::Name).equals((Entity, Column::ProviderIssuer)));
    let by_passkey = is(&EndingScope::ByPasskey).and(SessionFilter::ByPasskey.filter());
    let by_code = is(&EndingScope::ByOneTimeCode).and(SessionFilter::ByOneTimeCode.filter());
    let elsewhere = of(ending::Column::ButSession)
        .is_null()
        .or(of(ending::Column::ButSession).not_equals((Entity, Column::Id)));
    let ending = Query::select()
        .expr(Expr::val(1))
        .from(ending::Entity)
        .and_where(of(ending::Column::UserId).equals((Entity, Column::UserId)))
        .and_where(is(&EndingScope::Everything).or(by_issuer).or(by_passkey).or(by_code))
        .and_where(elsewhere)
        // What the person opens by a later sign-in stays.
        .and_where(of(ending::Column::AskedAt).gte(of_session(Column::AuthTime)))
        .take();
    Expr::exists(ending)
}

/// The session of a person in a browser, live or not.
pub async fn find_in(
    reader: &impl Reader,
    browser: &BrowserId,
    user: &UserId,
) -> Result<Option<Session>, Fault> {
    let row = Entity::find()
        .filter(Column::BrowserId.eq(browser.as_str()))
        .filter(Column::UserId.eq(user.as_str()))
        .one(reader.connection())
        .await;
    row.map_err(while_doing(TABLE))?.map(Session::try_from).transpose()
}

/// Writes a session. It replaces the one with the same id. When the sign-in began and the issuer of
/// the provider have columns of their own, because sessions are found by them.
pub async fn put(tx: &Tx, session: &Session) -> Result<(), Fault> {
    let authentication = &session.authentication;
    let row = ActiveModel {
        id: Set(session.id.as_str().to_owned()),
        browser_id: Set(session.browser.as_str().to_owned()),
        user_id: Set(session.user.as_str().to_owned()),
        auth_time: Set(millis(authentication.signed_in_at())),
        proofs: Set(written(authentication)?),
        provider_issuer: Set(authentication.provider_issuer().map(str::to_owned)),
        kept: Set(session.kept),
        user_agent: Set(session.user_agent.clone()),
        address: Set(session.address.clone()),
        idle_ms: Set(session.idle.num_milliseconds()),
        idle_ends_at: Set(millis(session.idle_ends_at)),
        expires_at: Set(millis(session.expires_at)),
    };
    let over = OnConflict::column(Column::Id)
        .update_columns([
            Column::AuthTime,
            Column::Proofs,
            Column::ProviderIssuer,
            Column::Kept,
            Column::UserAgent,
            Column::Address,
            Column::IdleMs,
            Column::IdleEndsAt,
            Column::ExpiresAt,
        ])
        .to_owned();
    let put = Entity::insert(row).on_conflict(over).exec_without_returning(tx.connection()).await;
    put.map(drop).map_err(while_doing(WRITING))
}

/// Writes what the person of a session proved; `false` when the session has ended.
pub async fn set_authentication(
    tx: &Tx,
    id: &SessionId,
    authentication: &Authentication,
) -> Result<bool, Fault> {
    let updated = Entity::update_many()
        .col_expr(Column::AuthTime, Expr::value(millis(authentication.signed_in_at())))
        .col_expr(Column::Proofs, Expr::value(written(authentication)?))
        .col_expr(Column::ProviderIssuer, Expr::value(authentication.provider_issuer()))
        .filter(Column::Id.eq(id.as_str()))
        .exec(tx.connection())
        .await;
    Ok(updated.map_err(while_doing(WRITING))?.rows_affected == 1)
}

fn written(authentication: &Authentication) -> Result<String, Fault> {
    serde_json::to_string(authentication)
        .map_err(|error| Fault::internal("writing what was proven", error))
}

/// Moves the idle end of a session.
pub async fn move_idle_end(tx: &Tx, id: &SessionId, end: DateTime<Utc>) -> Result<(), Fault> {
    Entity::update_many()
        .col_expr(Column::IdleEndsAt, Expr::value(millis(end)))
        .filter(Column::Id.eq(id.as_str()))
        .exec(tx.connection())
        .await
        .map_err(while_doing(WRITING))?;
    Ok(())
}

/// Deletes a session; `false` when there is none with this id.
pub async fn delete(tx: &Tx, id: &SessionId) -> Result<bool, Fault> {
    let deleted = Entity::delete_many().filter(Column::Id.eq(id.as_str())).exec(tx.connection());
    Ok(deleted.await.map_err(while_doing(WRITING))?.rows_affected == 1)
}

/// Deletes sessions of a person that were opened by a sign-in until this instant, at most this
/// many, except for one.
pub async fn delete_some(
    tx: &Tx,
    user: &UserId,
    of: SessionFilter<'_>,
    but: Option<&SessionId>,
    until: Option<DateTime<Utc>>,
    at_most: u64,
) -> Result<DeletedSessions, Fault> {
    let mut some = Query::select()
        .column(Column::Id)
        .from(Entity)
        .and_where(Column::UserId.eq(user.as_str()))
        .limit(at_most)
        .to_owned();
    some.and_where(of.filter());
    some.and_where_option(but.map(|but| Column::Id.ne(but.as_str())));
    some.and_where_option(until.map(|until| ColumnTrait::lte(&Column::AuthTime, millis(until))));
    delete_found(tx, some).await
}

/// Deletes sessions that were opened by a sign-in until this instant, whoever has them, at most this
/// many.
pub async fn delete_until(
    tx: &Tx,
    until: DateTime<Utc>,
    at_most: u64,
) -> Result<DeletedSessions, Fault> {
    let some = Query::select()
        .column(Column::Id)
        .from(Entity)
        .and_where(ColumnTrait::lte(&Column::AuthTime, millis(until)))
        .limit(at_most)
        .to_owned();
    delete_found(tx, some).await
}

async fn delete_found(tx: &Tx, some: SelectStatement) -> Result<DeletedSessions, Fault> {
    let returned = [Column::Id, Column::UserId, Column::IdleEndsAt, Column::ExpiresAt];
    let delete = Query::delete()
        .from_table(Entity)
        .and_where(is_one_of(tx, Column::Id, some))
        .returning(Query::returning().columns(returned))
        .to_owned();
    let fault = while_doing(WRITING);
    let rows = tx.connection().query_all(&delete).await.map_err(&fault)?;
    let (now, mut live) = (millis(tx.now()), Vec::new());
    for row in &rows {
        let idle_ends_at: i64 = row.try_get("", "idle_ends_at").map_err(&fault)?;
        let expires_at: i64 = row.try_get("", "expires_at").map_err(&fault)?;
        if now < Ord::min(idle_ends_at, expires_at) {
            let id = SessionId::from_stored(row.try_get("", "id").map_err(&fault)?);
            live.push((id, UserId::from_stored(row.try_get("", "user_id").map_err(&fault)?)));
        }
    }
    Ok(DeletedSessions { live, all: rows.len() as u64 })
}

/// Which sessions of a person are meant.
#[derive(Clone, Copy, Debug)]
pub enum SessionFilter<'a> {
    /// All of them.
    Every,
    /// Those that were opened with a provider of this issuer.
    ByIssuer(&'a str),
    /// Those that were opened or strengthened with a passkey.
    ByPasskey,
    /// Those that were opened or strengthened with a one-time code or a recovery code.
    ByOneTimeCode,
}

impl SessionFilter<'_> {
    fn filter(self) -> SimpleExpr {
        // This is how the proof of a method begins in the column of proofs.
        let by =
            |method| ColumnTrait::contains(&Column::Proofs, format!(r#"{{"method":"{method}""#));
        match self {
            Self::Every => Expr::val(true),
            Self::ByIssuer(issuer) => Column::ProviderIssuer.eq(issuer),
            Self::ByPasskey => by("passkey"),
            Self::ByOneTimeCode => by("totp").or(by("recovery_code")),
        }
    }
}

/// The sessions that were deleted.
#[derive(Debug)]
pub struct DeletedSessions {
    /// The sessions that were live, and whose they were.
    pub live: Vec<(SessionId, UserId)>,
    /// The number of deleted sessions, including those that had already expired.
    pub all: u64,
}

/// Deletes sessions that ended before this instant, at most this many; returns how many.
pub async fn forget(tx: &Tx, before: DateTime<Utc>, at_most: u64) -> Result<u64, Fault> {
    let over = |column: Column| ColumnTrait::lt(&column, millis(before));
    let over = over(Column::ExpiresAt).or(over(Column::IdleEndsAt));
    housekeep(tx, Entity, Column::Id, over, at_most).await
}
