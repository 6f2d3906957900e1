//! `client`: the registered clients.

use std::collections::{BTreeSet, HashSet};

use chrono::{DateTime, Duration, Utc};
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;
use sea_orm::{QueryOrder, QuerySelect};

use super::column::{corrupt, instant, list, millis, read_list};
use super::{Reader, Tx, client_changes, while_doing};
use crate::domain::client::{Client, ClientId, RefreshPolicy};
use crate::domain::clock;
use crate::domain::scope::Scope;
use crate::domain::secret::Hashed;
use crate::domain::verdict::Fault;

pub(super) mod entity {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, DeriveEntityModel)]
    #[sea_orm(table_name = "client")]
    #[expect(clippy::struct_excessive_bools, reason = "columns, and none follows from another")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub name: String,
        pub kind: String,
        pub auth_method: String,
        pub secret_hash: Option<Vec<u8>>,
        pub jwks: Option<String>,
        pub grants: String,
        pub scope: String,
        pub audiences: String,
        pub resource_servers: String,
        pub redirect_uris: String,
        pub post_logout_redirect_uris: String,
        pub backchannel_logout_uri: Option<String>,
        pub allowed_origins: String,
        pub refresh_delivery: String,
        pub pkce: String,
        pub first_party: bool,
        pub trust_user_ip: bool,
        pub logo_uri: Option<String>,
        pub policy_uri: Option<String>,
        pub tos_uri: Option<String>,
        pub token_alg: String,
        pub access_token_typ: String,
        pub id_token_claims: bool,
        pub access_token_claims: String,
        pub assertions: String,
        pub refresh_policy: String,
        pub refresh_grace_ms: Option<i64>,
        pub require_access_token_proof: bool,
        pub disabled_at: Option<i64>,
        pub created_at: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

use entity::{ActiveModel, Column, Entity, Model};

const TABLE: &str = "reading the table client";

impl TryFrom<Model> for Client {
    type Error = Fault;

    fn try_from(row: Model) -> Result<Self, Fault> {
        let bad = |why: String| corrupt(TABLE, why);
        let grace = row.refresh_grace_ms.map(Duration::milliseconds);
        let secret = row.secret_hash.map(|hash| {
            Hashed::from_stored(&hash).ok_or_else(|| bad("a hash is not 32 bytes".to_owned()))
        });
        Ok(Self {
            id: ClientId::parse(&row.id).ok_or_else(|| bad("a bad client id".to_owned()))?,
            name: row.name,
            kind: row.kind.parse().map_err(bad)?,
            auth_method: row.auth_method.parse().map_err(bad)?,
            secret: secret.transpose()?,
            jwks: row.jwks,
            grants: read_list(TABLE, &row.grants)?,
            scope: Scope::parse(&row.scope).map_err(|error| bad(error.to_string()))?,
            audiences: read_list(TABLE, &row.audiences)?,
            resource_servers: read_list(TABLE, &row.resource_servers)?,
            redirect_uris: read_list(TABLE, &row.redirect_uris)?,
            post_logout_redirect_uris: read_list(TABLE, &row.post_logout_redirect_uris)?,
            backchannel_logout_uri: row.backchannel_logout_uri,
            allowed_origins: read_list(TABLE, &row.allowed_origins)?,
            refresh_delivery: row.refresh_delivery.parse().map_err(bad)?,
            require_pkce: row.pkce.parse().map_err(bad)?,
            first_party: row.first_party,
            trust_user_ip: row.trust_user_ip,
            logo_uri: row.logo_uri,
            policy_uri: row.policy_uri,
            tos_uri: row.tos_uri,
            token_alg: row.token_alg.parse().map_err(bad)?,
            access_token_typ: row.access_token_typ.parse().map_err(bad)?,
            id_token_claims: row.id_token_claims,
            access_token_claims: read_list(TABLE, &row.access_token_claims)?,
            assertions: row.assertions.parse().map_err(bad)?,
            refresh: RefreshPolicy::from_parts(&row.refresh_policy, grace).map_err(bad)?,
            require_access_token_proof: row.require_access_token_proof,
            disabled_at: instant(row.disabled_at),
            created_at: clock::from_millis(row.created_at),
        })
    }
}

fn row(client: &Client) -> ActiveModel {
    ActiveModel {
        id: Set(client.id.as_str().to_owned()),
        name: Set(client.name.clone()),
        kind: Set(client.kind.as_str().to_owned()),
        auth_method: Set(client.auth_method.as_str().to_owned()),
        secret_hash: Set(client.secret.map(Hashed::to_stored)),
        jwks: Set(client.jwks.clone()),
        grants: Set(list(&client.grants)),
        scope: Set(client.scope.to_string()),
        audiences: Set(list(&client.audiences)),
        resource_servers: Set(list(&client.resource_servers)),
        redirect_uris: Set(list(&client.redirect_uris)),
        post_logout_redirect_uris: Set(list(&client.post_logout_redirect_uris)),
        backchannel_logout_uri: Set(client.backchannel_logout_uri.clone()),
        allowed_origins: Set(list(&client.allowed_origins)),
        refresh_delivery: Set(client.refresh_delivery.as_str().to_owned()),
        pkce: Set(client.require_pkce.as_str().to_owned()),
        first_party: Set(client.first_party),
        trust_user_ip: Set(client.trust_user_ip),
        logo_uri: Set(client.logo_uri.clone()),
        policy_uri: Set(client.policy_uri.clone()),
        tos_uri: Set(client.tos_uri.clone()),
        token_alg: Set(client.token_alg.as_str().to_owned()),
        access_token_typ: Set(client.access_token_typ.as_str().to_owned()),
        id_token_claims: Set(client.id_token_claims),
        access_token_claims: Set(list(&client.access_token_claims)),
        assertions: Set(client.assertions.as_str().to_owned()),
        refresh_policy: Set(client.refresh.as_str().to_owned()),
        refresh_grace_ms: Set(client.refresh.own_grace().map(|grace| grace.num_milliseconds())),
        require_access_token_proof: Set(client.require_access_token_proof),
        disabled_at: Set(client.disabled_at.map(millis)),
        created_at: Set(millis(client.created_at)),
    }
}

/// The client of this id.
pub async fn find(reader: &impl Reader, id: &ClientId) -> Result<Option<Client>, Fault> {
    let row = Entity::find_by_id(id.as_str()).one(reader.connection()).await;
    row.map_err(while_doing(TABLE))?.map(Client::try_from).transpose()
}

/// The client of this id, kept from everybody else until the transaction ends.
pub async fn lock(tx: &Tx, id: &ClientId) -> Result<Option<Client>, Fault> {
    let row = Entity::find_by_id(id.as_str()).lock_exclusive().one(tx.connection()).await;
    row.map_err(while_doing(TABLE))?.map(Client::try_from).transpose()
}

/// Every client by id.
pub async fn list_all(reader: &impl Reader) -> Result<Vec<Client>, Fault> {
    let rows = Entity::find().order_by_asc(Column::Id).all(reader.connection()).await;
    rows.map_err(while_doing(TABLE))?.into_iter().map(Client::try_from).collect()
}

/// Which of these clients want to be told of sign-outs.
pub async fn that_listen(
    reader: &impl Reader,
    among: &BTreeSet<&ClientId>,
) -> Result<HashSet<ClientId>, Fault> {
    let among: Vec<_> = among.iter().map(|id| id.as_str()).collect();
    let mut listening = HashSet::new();
    for some in among.chunks(super::ROWS) {
        let ids: Vec<String> = Entity::find()
            .select_only()
            .column(Column::Id)
            .filter(Column::Id.is_in(some.iter().copied()))
            .filter(Column::BackchannelLogoutUri.is_not_null())
            .into_tuple()
            .all(reader.connection())
            .await
            .map_err(while_doing(TABLE))?;
        listening.extend(ids.iter().filter_map(|id| ClientId::parse(id)));
    }
    Ok(listening)
}

/// Registers a client; `false` when its id is taken.
pub async fn insert(tx: &Tx, client: &Client) -> Result<bool, Fault> {
    let inserted = Entity::insert(row(client))
        .on_conflict(OnConflict::column(Column::Id).do_nothing().to_owned())
        .exec_without_returning(tx.connection())
        .await
        .map_err(while_doing("writing the table client"))?;
    client_changes::write(tx, &client.id).await?;
    Ok(inserted == 1)
}

/// Writes a changed client.
pub async fn update(tx: &Tx, client: &Client) -> Result<(), Fault> {
    let fault = while_doing("writing the table client");
    let mut changed = row(client);
    changed.id = sea_orm::ActiveValue::Unchanged(client.id.as_str().to_owned());
    Entity::update(changed).exec(tx.connection()).await.map_err(fault)?;
    client_changes::write(tx, &client.id).await
}

/// Disables or enables a client; `false` when there is none.
pub async fn set_disabled(
    tx: &Tx,
    id: &ClientId,
    disabled_at: Option<DateTime<Utc>>,
) -> Result<bool, Fault> {
    let updated = Entity::update_many()
        .col_expr(Column::DisabledAt, Expr::value(disabled_at.map(millis)))
        .filter(Column::Id.eq(id.as_str()))
        .exec(tx.connection())
        .await
        .map_err(while_doing("writing the table client"))?;
    client_changes::write(tx, id).await?;
    Ok(updated.rows_affected == 1)
}

/// Deletes a client and its families; `false` when there is none.
pub async fn delete(tx: &Tx, id: &ClientId) -> Result<bool, Fault> {
    let deleted = Entity::delete_many()
        .filter(Column::Id.eq(id.as_str()))
        .exec(tx.connection())
        .await
        .map_err(while_doing("writing the table client"))?;
    client_changes::write(tx, id).await?;
    Ok(deleted.rows_affected == 1)
}
