//! `upstream_login`: people who are away at a provider, by the hash of the `state` that they took along.

use chrono::{DateTime, Utc};
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::{QueryOrder, QuerySelect};

use super::cause::while_doing;
use super::column::{corrupt, millis};
use super::entity::entity;
use super::housekeeping::housekeep;
use super::reader::Reader;
use super::tx::Tx;
use crate::domain::clock;
use crate::domain::interaction::InteractionId;
use crate::domain::provider::Slug;
use crate::domain::secret::{Hashed, UpstreamState};
use crate::domain::session::BrowserId;
use crate::domain::upstream_login::UpstreamLogin;
use crate::domain::verdict::Fault;

entity! {
    mod entity {
        #[sea_orm(table_name = "upstream_login")]
        #[expect(clippy::struct_excessive_bools, reason = "columns, and none follows from another")]
        pub struct Model {
            #[sea_orm(primary_key, auto_increment = false)]
            pub hash: Vec<u8>,
            pub provider: String,
            pub browser_id: String,
            pub interaction_id: String,
            pub kept: bool,
            pub direct: bool,
            pub again: bool,
            pub expires_at: i64,
            pub consenting: bool,
        }
    }
}

use entity::{ActiveModel, Column, Entity, Model};

const TABLE: &str = "reading the table upstream_login";
const WRITING: &str = "writing the table upstream_login";

impl TryFrom<Model> for UpstreamLogin {
    type Error = Fault;

    fn try_from(row: Model) -> Result<Self, Fault> {
        Ok(Self {
            hash: Hashed::from_stored(&row.hash).ok_or_else(|| corrupt(TABLE, "a bad hash"))?,
            provider: Slug::parse(&row.provider).ok_or_else(|| corrupt(TABLE, "a bad slug"))?,
            browser: BrowserId::from_stored(row.browser_id),
            interaction: InteractionId::from_stored(row.interaction_id),
            kept: row.kept,
            direct: row.direct,
            again: row.again,
            consenting: row.consenting,
            expires_at: clock::from_millis(row.expires_at),
        })
    }
}

/// So many at once of one interaction: a button that was pressed again, in another tab too.
const AT_ONCE: u64 = 8;

/// Writes a login that begins. The oldest ones of its interaction end, where there are too many.
pub async fn insert(tx: &Tx, upstream_login: &UpstreamLogin) -> Result<(), Fault> {
    make_room(tx, &upstream_login.interaction).await?;
    let row = ActiveModel {
        hash: Set(upstream_login.hash.to_stored()),
        provider: Set(upstream_login.provider.as_str().to_owned()),
        browser_id: Set(upstream_login.browser.as_str().to_owned()),
        interaction_id: Set(upstream_login.interaction.as_str().to_owned()),
        kept: Set(upstream_login.kept),
        direct: Set(upstream_login.direct),
        again: Set(upstream_login.again),
        consenting: Set(upstream_login.consenting),
        expires_at: Set(millis(upstream_login.expires_at)),
    };
    let inserted = Entity::insert(row).exec_without_returning(tx.connection()).await;
    inserted.map(drop).map_err(while_doing(WRITING))
}

async fn make_room(tx: &Tx, interaction: &InteractionId) -> Result<(), Fault> {
    let kept = Entity::find()
        .filter(Column::InteractionId.eq(interaction.as_str()))
        .order_by_desc(Column::ExpiresAt)
        .limit(AT_ONCE)
        .all(tx.connection())
        .await
        .map_err(while_doing(TABLE))?;
    if u64::try_from(kept.len()).is_ok_and(|count| count < AT_ONCE) {
        return Ok(());
    }
    let newest = kept.into_iter().rev().skip(1).map(|upstream_login| upstream_login.hash);
    let gone = Entity::delete_many()
        .filter(Column::InteractionId.eq(interaction.as_str()))
        .filter(Column::Hash.is_not_in(newest))
        .exec(tx.connection())
        .await;
    gone.map(drop).map_err(while_doing(WRITING))
}

/// Ends the logins of interactions that are gone.
pub(super) async fn end_of(
    tx: &Tx,
    interactions: impl Iterator<Item = InteractionId>,
) -> Result<(), Fault> {
    let gone = Entity::delete_many()
        .filter(Column::InteractionId.is_in(interactions.map(|id| id.as_str().to_owned())))
        .exec(tx.connection())
        .await;
    gone.map(drop).map_err(while_doing(WRITING))
}

/// The login of this state.
pub async fn find(
    reader: &impl Reader,
    hash: Hashed<UpstreamState>,
) -> Result<Option<UpstreamLogin>, Fault> {
    let row = Entity::find_by_id(hash.to_stored()).one(reader.connection()).await;
    row.map_err(while_doing(TABLE))?.map(UpstreamLogin::try_from).transpose()
}

/// Ends the login of this state: once, at this provider, in this browser, in time. `None` when any of
/// it does not hold; the login goes on then.
pub async fn take(
    tx: &Tx,
    hash: Hashed<UpstreamState>,
    provider: &Slug,
    browser: &BrowserId,
) -> Result<Option<UpstreamLogin>, Fault> {
    let taken = Entity::delete_many()
        .filter(Column::Hash.eq(hash.to_stored()))
        .filter(Column::Provider.eq(provider.as_str()))
        .filter(Column::BrowserId.eq(browser.as_str()))
        .filter(Column::ExpiresAt.gt(millis(tx.now())))
        .exec_with_returning(tx.connection())
        .await
        .map_err(while_doing(WRITING))?;
    taken.into_iter().next().map(UpstreamLogin::try_from).transpose()
}

/// Forgets logins that expired before this instant, some at a time; says how many.
pub async fn forget(tx: &Tx, before: DateTime<Utc>, at_most: u64) -> Result<u64, Fault> {
    housekeep(tx, Entity, Column::Hash, Column::ExpiresAt.lt(millis(before)), at_most).await
}
