//! `client`: the registered clients.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Func, LockBehavior, LockType, OnConflict, Order};
use sea_orm::{ConnectionTrait, DbBackend, ExprTrait, QueryOrder, QuerySelect};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

use super::cause::while_doing;
use super::column::{corrupt, instant, millis};
use super::entity::entity;
use super::reader::Reader;
use super::revocation_log::Noted;
use super::revocations::everywhere;
use super::statement::ROWS;
use super::tx::Tx;
use super::{audit_events, client_changes, consents, families};
use crate::domain::audit::{Event, EventKind};
use crate::domain::client::{Client, ClientId, ClientMetadata, RegisteredBy};
use crate::domain::client_secret::HeldSecret;
use crate::domain::clock;
use crate::domain::hex;
use crate::domain::revocation::{Audiences, Revocation, RevokedKind};
use crate::domain::secret::{ClientSecret, Hashed};
use crate::domain::user::UserId;
use crate::domain::verdict::Fault;

entity! {
    pub(super) mod entity {
        #[sea_orm(table_name = "client")]
        pub struct Model {
            #[sea_orm(primary_key, auto_increment = false)]
            pub id: String,
            pub kind: String,
            pub secret_hash: Option<Vec<u8>>,
            /// Copied from the metadata: endings search for clients that have one.
            pub backchannel_logout_uri: Option<String>,
            pub metadata: String,
            pub disabled_at: Option<i64>,
            pub created_at: i64,
            /// Tokens that it got for itself before this instant do not count any more.
            pub tokens_from: Option<i64>,
            /// The secrets in JSON, the newest first. `secret_hash` is the newest one again, because
            /// servers of earlier versions know that column alone.
            pub secrets: Option<String>,
            /// `None`: an operator.
            pub registered_by: Option<String>,
            /// The registration access tokens in JSON, the newest first.
            pub registration_tokens: Option<String>,
            /// When a client that no operator registered last got tokens, to within a day.
            pub used_at: Option<i64>,
        }
    }
}

use entity::{ActiveModel, Column, Entity, Model};

const TABLE: &str = "reading the table client";

impl TryFrom<Model> for Client {
    type Error = Fault;

    fn try_from(row: Model) -> Result<Self, Fault> {
        let bad = |why: String| corrupt(TABLE, why);
        let newest = row.secret_hash.as_deref().map(hash_of).transpose()?;
        let mut secrets = held(row.secrets.as_deref())?;
        // A server of an earlier version wrote another secret, which ended all others.
        if secrets.first().map(|first| first.hash) != newest {
            let only = |hash| HeldSecret { hash, created_at: None, expires_at: None };
            secrets = newest.map(only).into_iter().collect();
        }
        Ok(Self {
            id: ClientId::parse(&row.id).ok_or_else(|| bad("a bad client id".to_owned()))?,
            kind: row.kind.parse().map_err(bad)?,
            secrets,
            registered_by: match row.registered_by {
                Some(by) => by.parse().map_err(bad)?,
                None => RegisteredBy::Operator,
            },
            registration_tokens: held(row.registration_tokens.as_deref())?,
            came_by: came_by(row.registration_tokens.as_deref())?,
            metadata: serde_json::from_str(&row.metadata)
                .map_err(|error| error.to_string())
                .and_then(ClientMetadata::from_json)
                .map_err(bad)?,
            disabled_at: instant(row.disabled_at),
            created_at: clock::from_millis(row.created_at),
            tokens_from: instant(row.tokens_from),
            is_used: row.used_at.is_some_and(|used| used > row.created_at),
        })
    }
}

/// A secret in the column `secrets`, or a token in `registration_tokens`.
#[derive(Serialize, Deserialize)]
struct StoredSecret {
    hash: String,
    created_at: Option<i64>,
    expires_at: Option<i64>,
    /// Of the newest registration access token: the id of the token with which the client came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    came_by: Option<String>,
}

impl StoredSecret {
    fn new(held: &HeldSecret) -> Self {
        Self {
            hash: hex::lower(&held.hash.to_stored()),
            created_at: held.created_at.map(millis),
            expires_at: held.expires_at.map(millis),
            came_by: None,
        }
    }

    fn read(&self) -> Result<HeldSecret, Fault> {
        Ok(HeldSecret {
            hash: hash_of(&hex::read(&self.hash).unwrap_or_default())?,
            created_at: instant(self.created_at),
            expires_at: instant(self.expires_at),
        })
    }
}

fn listed(stored: Option<&str>) -> Result<Vec<StoredSecret>, Fault> {
    let Some(text) = stored else { return Ok(Vec::new()) };
    serde_json::from_str(text).map_err(|error| corrupt(TABLE, error.to_string()))
}

fn held(stored: Option<&str>) -> Result<Vec<HeldSecret>, Fault> {
    listed(stored)?.iter().map(StoredSecret::read).collect()
}

fn came_by(stored: Option<&str>) -> Result<Option<String>, Fault> {
    Ok(listed(stored)?.into_iter().find_map(|one| one.came_by))
}

fn stored(held: &[HeldSecret]) -> String {
    serde_json::json!(held.iter().map(StoredSecret::new).collect::<Vec<_>>()).to_string()
}

fn stored_tokens(client: &Client) -> String {
    let mut tokens: Vec<_> = client.registration_tokens.iter().map(StoredSecret::new).collect();
    if let Some(newest) = tokens.first_mut() {
        newest.came_by.clone_from(&client.came_by);
    }
    serde_json::json!(tokens).to_string()
}

fn hash_of(bytes: &[u8]) -> Result<Hashed<ClientSecret>, Fault> {
    Hashed::from_stored(bytes).ok_or_else(|| corrupt(TABLE, "a hash is not 32 bytes"))
}

fn row(client: &Client) -> ActiveModel {
    let is_by_operator = client.registered_by == RegisteredBy::Operator;
    ActiveModel {
        id: Set(client.id.as_str().to_owned()),
        kind: Set(client.kind.as_str().to_owned()),
        secret_hash: Set(client.secrets.first().map(|newest| newest.hash.to_stored())),
        secrets: Set(Some(stored(&client.secrets))),
        registered_by: Set((!is_by_operator).then(|| client.registered_by.as_str().to_owned())),
        registration_tokens: Set((!is_by_operator).then(|| stored_tokens(client))),
        used_at: NotSet,
        backchannel_logout_uri: Set(client.metadata.backchannel_logout_uri.clone()),
        metadata: Set(Value::from(client.metadata.to_json()).to_string()),
        disabled_at: Set(client.disabled_at.map(millis)),
        created_at: Set(millis(client.created_at)),
        tokens_from: Set(client.tokens_from.map(millis)),
    }
}

/// The client with this id.
pub async fn find(reader: &impl Reader, id: &ClientId) -> Result<Option<Client>, Fault> {
    let row = Entity::find_by_id(id.as_str()).one(reader.connection()).await;
    row.map_err(while_doing(TABLE))?.map(Client::try_from).transpose()
}

/// The client with this id, locked until the transaction ends.
pub async fn lock(tx: &Tx, id: &ClientId) -> Result<Option<Client>, Fault> {
    let row = Entity::find_by_id(id.as_str()).lock_exclusive().one(tx.connection()).await;
    row.map_err(while_doing(TABLE))?.map(Client::try_from).transpose()
}

/// The client with this id, protected from changes until the transaction ends.
pub async fn hold(tx: &Tx, id: &ClientId) -> Result<Option<Client>, Fault> {
    let row = Entity::find_by_id(id.as_str()).lock_shared().one(tx.connection()).await;
    row.map_err(while_doing(TABLE))?.map(Client::try_from).transpose()
}

/// Every client, in the order of their ids.
pub async fn list_all(reader: &impl Reader) -> Result<Vec<Client>, Fault> {
    let rows = Entity::find().order_by_asc(Column::Id).all(reader.connection()).await;
    rows.map_err(while_doing(TABLE))?.into_iter().map(Client::try_from).collect()
}

/// Every client that an operator registered, in the order of their ids.
pub async fn list_of_operators(reader: &impl Reader) -> Result<Vec<Client>, Fault> {
    let rows = Entity::find().filter(Column::RegisteredBy.is_null()).order_by_asc(Column::Id);
    let rows = rows.all(reader.connection()).await;
    rows.map_err(while_doing(TABLE))?.into_iter().map(Client::try_from).collect()
}

/// Every client that has an origin, and some others, in no order. Of the clients that no operator
/// registered only those are read to which an operator gave an origin.
pub async fn list_with_origins(reader: &impl Reader) -> Result<Vec<Client>, Fault> {
    let mut listed = list_of_operators(reader).await?;
    // Written exactly as in the index. In JSON a quote within a text has a backslash before it.
    let has_some = if reader.connection().get_database_backend() == DbBackend::Postgres {
        r#"strpos(metadata, '"allowed_origins":[]') = 0"#
    } else {
        r#"instr(metadata, '"allowed_origins":[]') = 0"#
    };
    let rows = Entity::find().filter(Column::RegisteredBy.is_not_null());
    let rows = rows.filter(Expr::cust(has_some)).all(reader.connection()).await;
    for row in rows.map_err(while_doing(TABLE))? {
        listed.push(Client::try_from(row)?);
    }
    Ok(listed)
}

/// Where a client stands in a list of clients. A page of the list begins after such a place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientPlace {
    /// Among the clients that were found by their id: the id.
    Id(String),
    /// Among the clients that were found by their name alone: the name, and the id.
    Name(String, String),
}

/// A page of a list of clients.
#[derive(Debug)]
pub struct ClientPage {
    /// The clients.
    pub clients: Vec<Client>,
    /// Where the next page begins, if there may be more.
    pub next: Option<ClientPlace>,
}

/// How many clients that are found by their name one page looks at.
const LOOKED_AT: usize = 1000;

/// A page of clients: first those whose id begins so, in the order of the ids, and then those of which
/// only the name begins so, in the order of the names. Each client comes once. An index finds the
/// beginning of a page, and it reads a limited number of rows: so it may have fewer clients than it
/// has room for, although there are more.
pub async fn page(
    reader: &impl Reader,
    search: &str,
    behind: Option<&ClientPlace>,
    at_most: usize,
) -> Result<ClientPage, Fault> {
    let keys = SearchKeys::of(reader);
    let (mut clients, mut last) = (Vec::new(), behind.cloned());
    if !matches!(behind, Some(ClientPlace::Name(..))) {
        let after = match behind {
            Some(ClientPlace::Id(id)) => Some((id.as_str(), id.as_str())),
            _ => None,
        };
        let rows = keys.read(reader, keys.id, search, after, at_most.saturating_add(1)).await?;
        for row in rows {
            if clients.len() == at_most {
                return Ok(ClientPage { clients, next: last });
            }
            last = Some(ClientPlace::Id(row.id.clone()));
            clients.push(Client::try_from(row)?);
        }
    }
    // Without a search every client was found by its id.
    if search.is_empty() {
        return Ok(ClientPage { clients, next: None });
    }
    let after = match behind {
        Some(ClientPlace::Name(name, id)) => Some((name.as_str(), id.as_str())),
        _ => None,
    };
    let rows = keys.read(reader, keys.name, search, after, LOOKED_AT + 1).await?;
    let folded = search.to_ascii_lowercase();
    for (number, row) in rows.into_iter().enumerate() {
        let has_id = row.id.to_ascii_lowercase().starts_with(&folded);
        if number == LOOKED_AT || clients.len() == at_most && !has_id {
            return Ok(ClientPage { clients, next: last });
        }
        let client = Client::try_from(row)?;
        let (name, id) = (client.metadata.client_name.clone(), client.id.as_str().to_owned());
        last = Some(ClientPlace::Name(name, id));
        if !has_id {
            clients.push(client);
        }
    }
    Ok(ClientPage { clients, next: None })
}

/// What clients are searched by: the expressions of the indexes, which are folded by the database.
#[derive(Clone, Copy)]
struct SearchKeys {
    id: &'static str,
    name: &'static str,
    /// The id as it is compared.
    plain: &'static str,
    /// Whether the name is escaped as in JSON. Ids have no character that would be.
    is_escaped: bool,
}

/// The most characters of an id or a name that the indexes have.
const NAME: usize = 200;

impl SearchKeys {
    fn of(reader: &impl Reader) -> Self {
        if reader.connection().get_database_backend() == DbBackend::Postgres {
            return Self {
                id: "(left(lower(id), 200) COLLATE \"C\")",
                name: r#"(left(lower(substring(metadata from '"client_name":"((?:[^"\\]|\\.)*)"')), 200) COLLATE "C")"#,
                is_escaped: true,
                plain: "(id COLLATE \"C\")",
            };
        }
        Self {
            id: "substr(lower(id), 1, 200)",
            name: "CASE WHEN json_valid(metadata) THEN substr(lower(json_extract(metadata, '$.client_name')), 1, 200) END",
            is_escaped: false,
            plain: "id",
        }
    }

    /// The rows whose key begins so, after one with this key and this id, in the order of the keys.
    async fn read(
        self,
        reader: &impl Reader,
        key: &'static str,
        beginning: &str,
        after: Option<(&str, &str)>,
        at_most: usize,
    ) -> Result<Vec<Model>, Fault> {
        let short = |text: &str| {
            let text = if self.is_escaped { escaped(text) } else { text.to_owned() };
            text.chars().take(NAME).collect::<String>()
        };
        let folded = |text: String| Expr::expr(Func::lower(Expr::val(text)));
        let (key, id) = (Expr::cust(key), Expr::cust(self.plain));
        let mut select = Entity::find();
        if !beginning.is_empty() {
            let (first, end) = (short(beginning), format!("{}\u{10ffff}", short(beginning)));
            select = select.filter(key.clone().gte(folded(first)));
            select = select.filter(key.clone().lt(folded(end)));
        }
        if let Some((last, last_id)) = after {
            let later = key.clone().gt(folded(short(last))).or(id.clone().gt(last_id));
            select = select.filter(key.clone().gte(folded(short(last)))).filter(later);
        }
        let limit = u64::try_from(at_most).unwrap_or(u64::MAX);
        let select = select.order_by(key, Order::Asc).order_by(id, Order::Asc).limit(limit);
        select.all(reader.connection()).await.map_err(while_doing(TABLE))
    }
}

/// A text as it stands between the quotes in JSON.
fn escaped(text: &str) -> String {
    let json = Value::from(text).to_string();
    json.get(1..json.len().saturating_sub(1)).unwrap_or_default().to_owned()
}

/// Which of these clients want notices of sign-outs, each with the text of by which `sub` it knows people.
pub async fn that_listen(
    reader: &impl Reader,
    among: &BTreeSet<&ClientId>,
) -> Result<HashMap<ClientId, String>, Fault> {
    let among: Vec<_> = among.iter().map(|id| id.as_str()).collect();
    let mut listening = HashMap::new();
    for some in among.chunks(ROWS) {
        let rows = Entity::find()
            .filter(Column::Id.is_in(some.iter().copied()))
            .filter(Column::BackchannelLogoutUri.is_not_null())
            .all(reader.connection())
            .await
            .map_err(while_doing(TABLE))?;
        for row in rows {
            let client = Client::try_from(row)?;
            listening.insert(client.id, client.metadata.known_by_text());
        }
    }
    Ok(listening)
}

/// Whether a client has a part in what all clients say together: what operators registered, and the
/// origins that they gave to other apps.
fn has_part(client: &Client) -> bool {
    client.registered_by == RegisteredBy::Operator || !client.metadata.allowed_origins.is_empty()
}

/// The same of a client as it is stored. It is locked, so it stays like that.
async fn has_part_now(tx: &Tx, id: &ClientId) -> Result<bool, Fault> {
    Ok(lock(tx, id).await?.is_none_or(|client| has_part(&client)))
}

/// Registers a client; `false` when its id is taken.
pub async fn insert(tx: &Tx, client: &Client) -> Result<bool, Fault> {
    let mut row = row(client);
    if client.registered_by != RegisteredBy::Operator {
        row.used_at = Set(Some(millis(client.created_at)));
    }
    let inserted = Entity::insert(row)
        .on_conflict(OnConflict::column(Column::Id).do_nothing().to_owned())
        .exec_without_returning(tx.connection())
        .await
        .map_err(while_doing("writing the table client"))?;
    client_changes::write(tx, &client.id, has_part(client)).await?;
    Ok(inserted == 1)
}

/// Writes a changed client.
pub async fn update(tx: &Tx, client: &Client) -> Result<(), Fault> {
    let had_part = has_part_now(tx, &client.id).await?;
    let fault = while_doing("writing the table client");
    let mut changed = row(client);
    changed.id = sea_orm::ActiveValue::Unchanged(client.id.as_str().to_owned());
    Entity::update(changed).exec(tx.connection()).await.map_err(fault)?;
    client_changes::write(tx, &client.id, had_part || has_part(client)).await
}

/// Disables or enables a client; `false` when there is no such client. What a client got for itself
/// before it was disabled does not count any more, even after it is enabled again.
pub async fn set_disabled(
    tx: &Tx,
    id: &ClientId,
    disabled_at: Option<DateTime<Utc>>,
) -> Result<bool, Fault> {
    let has_part = has_part_now(tx, id).await?;
    let mut update = Entity::update_many()
        .col_expr(Column::DisabledAt, Expr::value(disabled_at.map(millis)))
        .filter(Column::Id.eq(id.as_str()));
    if let Some(disabled_at) = disabled_at {
        // Tokens say in seconds when they were issued.
        let from = (disabled_at.timestamp() + 1) * 1000;
        update = update.col_expr(Column::TokensFrom, Expr::value(from));
        tx.revokes([
            Noted::Event(Revocation {
                audiences: Audiences::OfClient(id.clone()),
                ..everywhere(tx, RevokedKind::Client, id.as_str())
            }),
            Noted::OwnTokens(id.clone()),
        ]);
    }
    let updated =
        update.exec(tx.connection()).await.map_err(while_doing("writing the table client"))?;
    client_changes::write(tx, id, has_part).await?;
    Ok(updated.rows_affected == 1)
}

/// Ends what a client got for itself before this instant. `is_told` says whether such a token may
/// still be alive, so that resource servers must be told. They are told of everything that the client
/// got until now: neither the feed nor a block of a status list knows when a token was issued.
/// `false` when a later instant was set before.
pub async fn end_own_tokens(
    tx: &Tx,
    client: &Client,
    before: DateTime<Utc>,
    is_told: bool,
) -> Result<bool, Fault> {
    if client.tokens_from.is_some_and(|from| from >= before) {
        return Ok(false);
    }
    Entity::update_many()
        .col_expr(Column::TokensFrom, Expr::value(millis(before)))
        .filter(Column::Id.eq(client.id.as_str()))
        .exec(tx.connection())
        .await
        .map_err(while_doing("writing the table client"))?;
    if is_told {
        tx.revokes([
            Noted::Event(Revocation {
                audiences: Audiences::OfClient(client.id.clone()),
                ..everywhere(tx, RevokedKind::Client, client.id.as_str())
            }),
            Noted::OwnTokens(client.id.clone()),
        ]);
    }
    client_changes::write(tx, &client.id, has_part(client)).await?;
    Ok(true)
}

/// How many clients there may be that documents describe, and how many of them that nobody used yet, of
/// one host, and of those that one person allowed.
const MOST_DOCUMENTS: u64 = 10_000;
const MOST_UNUSED_OF_HOST: u64 = 100;
const MOST_UNUSED_OF_PERSON: u64 = 20;
/// How many one person may allow and use.
const MOST_OF_PERSON: u64 = 100;

/// How many clients of documents give way at once to another one.
const GIVE_WAY: u64 = 10;

/// Why no client of another document is kept.
#[derive(Debug, thiserror::Error)]
#[error("there are as many such clients as there may be, and people use all of them")]
struct TooMany;

/// What the table had of a client that its document describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeptDocument {
    /// Nothing.
    New,
    /// What the document said before.
    Changed,
    /// The same.
    Known,
    /// The person allowed as many as one person may, which is this number. What was written before is
    /// to be undone.
    TooManyOfPerson(u64),
}

/// Keeps a client that its document describes, because a person allows it: what it is given needs a
/// row. Any other client is in the table already.
pub async fn keep_document(tx: &Tx, user: &UserId, client: &Client) -> Result<KeptDocument, Fault> {
    if client.registered_by != RegisteredBy::Document {
        return Ok(KeptDocument::Known);
    }
    match lock(tx, &client.id).await? {
        None if insert(tx, client).await? => make_room(tx, user, &client.id).await,
        None => Ok(KeptDocument::Known),
        // An operator registered a client of this id meanwhile: what that may do is theirs to say.
        Some(stored) if stored.registered_by != RegisteredBy::Document => Ok(KeptDocument::Known),
        Some(stored) if stored.metadata == client.metadata && stored.kind == client.kind => {
            Ok(KeptDocument::Known)
        }
        Some(stored) => {
            let metadata = client.metadata.clone();
            update(tx, &Client { kind: client.kind, metadata, ..stored }).await?;
            Ok(KeptDocument::Changed)
        }
    }
}

/// Deletes clients of documents that give way to a new one: of those that nobody used yet the oldest of
/// its host and those that this person alone allowed, if there are too many, and of all the longest
/// unused one, if there is no place. Nobody keeps an app away by allowing many others, whether they use
/// them or not.
async fn make_room(tx: &Tx, user: &UserId, new: &ClientId) -> Result<KeptDocument, Fault> {
    let documents = || {
        let of_documents = Column::RegisteredBy.eq(RegisteredBy::Document.as_str());
        of_documents.and(Column::Id.ne(new.as_str()))
    };
    let is_live = || families::is_live_at((Entity, Column::Id), tx);
    let unused = || documents().and(never_used()).and(is_live().not());
    let of_others = consents::is_of_others((Entity, Column::Id), user);
    let place = Url::parse(new.as_str()).map(|url| url.origin().ascii_serialization());
    let (of_host, of_person) =
        (of_host(tx, &place.unwrap_or_default()), allowed_by(user).and(of_others.not()));
    give_way(tx, unused().and(of_host), MOST_UNUSED_OF_HOST, Order::Desc).await?;
    give_way(tx, unused().and(of_person), MOST_UNUSED_OF_PERSON, Order::Desc).await?;
    let theirs = documents().and(allowed_by(user));
    if there_are(tx, theirs, MOST_OF_PERSON).await? {
        return Ok(KeptDocument::TooManyOfPerson(MOST_OF_PERSON));
    }
    if !are_many(tx, RegisteredBy::Document, MOST_DOCUMENTS + 1).await? {
        return Ok(KeptDocument::New);
    }
    let without_tokens = documents().and(Column::UsedAt.is_not_null());
    let without_tokens = without_tokens.and(is_live().not());
    match give_way(tx, without_tokens, 1, Order::Asc).await? {
        0 => Err(Fault::unavailable("keeping the client of a document", TooMany)),
        _ => Ok(KeptDocument::New),
    }
}

/// Whether there are so many of these clients.
async fn there_are(tx: &Tx, of: Expr, many: u64) -> Result<bool, Fault> {
    let last = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(of)
        .offset(many.saturating_sub(1))
        .limit(1)
        .into_tuple::<String>()
        .one(tx.connection())
        .await;
    Ok(last.map_err(while_doing(TABLE))?.is_some())
}

/// Those that nobody ever got tokens by.
fn never_used() -> Expr {
    ExprTrait::eq(Expr::col(Column::UsedAt), Expr::col(Column::CreatedAt))
}

/// Those whose URL begins with this scheme, host and port. An index finds them.
fn of_host(reader: &impl Reader, place: &str) -> Expr {
    let beginning: String = format!("{place}/").to_lowercase().chars().take(NAME).collect();
    let key = Expr::cust(SearchKeys::of(reader).id);
    key.clone().gte(beginning.clone()).and(key.lt(format!("{beginning}\u{10ffff}")))
}

/// Those that this person allowed.
fn allowed_by(user: &UserId) -> Expr {
    Column::Id.in_subquery(consents::clients_of(user))
}

/// Deletes some of these clients in the order of their last use: the ones after so many, from the newest
/// (`Desc`), or so many of the oldest (`Asc`). One that is locked stays. Returns how many there were.
async fn give_way(tx: &Tx, of: Expr, many: u64, order: Order) -> Result<usize, Fault> {
    let (offset, limit) = match order {
        Order::Asc => (0, many),
        _ => (many.saturating_sub(1), GIVE_WAY),
    };
    let ids: Vec<String> = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(of.clone())
        .order_by(Column::UsedAt, order)
        .offset(offset)
        .limit(limit)
        .into_tuple()
        .all(tx.connection())
        .await
        .map_err(while_doing(TABLE))?;
    let mut gone = 0;
    for id in ids.iter().filter_map(|id| ClientId::parse(id)) {
        let still = Entity::find_by_id(id.as_str())
            .filter(of.clone())
            .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
            .one(tx.connection())
            .await;
        if still.map_err(while_doing(TABLE))?.is_some() {
            delete(tx, &id).await?;
            audit_events::insert(tx, &[Event::new(EventKind::ClientDeleted).client(&id)]).await?;
            gone += 1;
        }
    }
    Ok(gone)
}

/// Whether a client that no operator registered may be swept when nobody uses it. One that an operator
/// turned away stays, so that it stays away.
pub async fn set_swept(tx: &Tx, id: &ClientId, is_swept: bool) -> Result<(), Fault> {
    Entity::update_many()
        .col_expr(Column::UsedAt, Expr::value(is_swept.then(|| millis(tx.now()))))
        .filter(Column::Id.eq(id.as_str()))
        .filter(Column::RegisteredBy.is_not_null())
        .exec(tx.connection())
        .await
        .map(drop)
        .map_err(while_doing("writing the table client"))
}

/// Notes that a client that no operator registered got tokens now.
pub async fn note_use(tx: &Tx, id: &ClientId) -> Result<(), Fault> {
    // Later than its creation in any case: by that it is known that it got some.
    let now = millis(tx.now()) + 1;
    let used = |which: Expr| {
        let update = Entity::update_many().col_expr(Column::UsedAt, Expr::value(now));
        let update = update.filter(Column::Id.eq(id.as_str()));
        update.filter(Column::RegisteredBy.is_not_null()).filter(which)
    };
    let fault = while_doing("writing the table client");
    let first = used(never_used()).exec(tx.connection()).await.map_err(&fault)?;
    if first.rows_affected == 1 {
        // The servers treat it as one that people use from now on. Nothing else says whether it is.
        return client_changes::write(tx, id, false).await;
    }
    let later = used(Column::UsedAt.lt(now)).exec(tx.connection()).await;
    later.map(drop).map_err(&fault)
}

/// Which clients count as unused.
#[derive(Clone, Copy, Debug)]
pub struct Unused {
    /// Those that got no tokens since this instant.
    pub since: DateTime<Utc>,
    /// Those that never got any, and came before this instant.
    pub never_since: DateTime<Utc>,
}

impl Unused {
    fn condition(self) -> Expr {
        let never = never_used().and(Column::UsedAt.lt(millis(self.never_since)));
        Column::UsedAt.lt(millis(self.since)).or(never)
    }
}

/// The clients registered in this way that are unused, the oldest first, at most this many.
pub async fn unused(
    reader: &impl Reader,
    by: RegisteredBy,
    unused: Unused,
    at_most: u64,
) -> Result<Vec<ClientId>, Fault> {
    let ids: Vec<String> = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::RegisteredBy.eq(by.as_str()))
        .filter(unused.condition())
        .order_by_asc(Column::UsedAt)
        .limit(at_most)
        .into_tuple()
        .all(reader.connection())
        .await
        .map_err(while_doing(TABLE))?;
    Ok(ids.iter().filter_map(|id| ClientId::parse(id)).collect())
}

/// Locks a client until the transaction ends, if it is unused.
pub async fn lock_unused(tx: &Tx, id: &ClientId, unused: Unused) -> Result<bool, Fault> {
    let row = Entity::find_by_id(id.as_str())
        .filter(unused.condition())
        .lock_exclusive()
        .one(tx.connection())
        .await;
    Ok(row.map_err(while_doing(TABLE))?.is_some())
}

/// Whether a client goes when nobody uses it. One that an operator turned away does not.
pub async fn is_swept(reader: &impl Reader, id: &ClientId) -> Result<bool, Fault> {
    let row = Entity::find_by_id(id.as_str())
        .filter(Column::UsedAt.is_not_null())
        .one(reader.connection())
        .await;
    Ok(row.map_err(while_doing(TABLE))?.is_some())
}

/// Whether there are at least so many clients that were registered in this way.
pub async fn are_many(reader: &impl Reader, by: RegisteredBy, many: u64) -> Result<bool, Fault> {
    let last: Option<String> = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::RegisteredBy.eq(by.as_str()))
        .order_by_asc(Column::UsedAt)
        .offset(many.saturating_sub(1))
        .limit(1)
        .into_tuple()
        .one(reader.connection())
        .await
        .map_err(while_doing(TABLE))?;
    Ok(last.is_some())
}

/// Deletes a client and its families; `false` when there is no such client.
pub async fn delete(tx: &Tx, id: &ClientId) -> Result<bool, Fault> {
    let had_part = has_part_now(tx, id).await?;
    let deleted = Entity::delete_many()
        .filter(Column::Id.eq(id.as_str()))
        .exec(tx.connection())
        .await
        .map_err(while_doing("writing the table client"))?;
    client_changes::write(tx, id, had_part).await?;
    Ok(deleted.rows_affected == 1)
}
