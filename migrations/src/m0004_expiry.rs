//! What is cleaned up by its age is found by its age.

use sea_orm_migration::prelude::*;

use crate::dialect;

/// The migration.
#[derive(Debug)]
pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0004_expiry"
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

const STATEMENTS: &[&str] = &[
    "CREATE INDEX used_assertion_expires_at ON used_assertion (expires_at)",
    "CREATE INDEX revoked_access_token_expires_at ON revoked_access_token (expires_at)",
    "CREATE INDEX throttle_ends_at ON throttle (ends_at)",
];
