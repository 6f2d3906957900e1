//! Who was sent to a provider a second time, to agree to what they had not agreed to.

use sea_orm_migration::prelude::*;

use crate::dialect;

/// The migration.
#[derive(Debug)]
pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0005_consenting"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        dialect::execute(manager, STATEMENTS).await
    }
}

// A server of the version before names no such column.
const STATEMENTS: &[&str] =
    &["ALTER TABLE visit ADD COLUMN consenting BOOLEAN NOT NULL DEFAULT FALSE"];
