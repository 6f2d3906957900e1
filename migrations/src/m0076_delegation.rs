//! Token exchange: families that grew out of another one, and who may not act for a person any more.

use crate::step::Step;

pub(crate) const STEP: Step = Step { name: "m0076_delegation", statements: STATEMENTS };

const STATEMENTS: &[&str] = &[
    "ALTER TABLE family ADD COLUMN parent_id TEXT",
    // One live family for each client that acts with the tokens of another family.
    "CREATE UNIQUE INDEX family_parent ON family (parent_id, client_id)
        WHERE parent_id IS NOT NULL AND revoked_at IS NULL",
    "CREATE TABLE stopped_actor (
        user_id TEXT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
        client_id TEXT NOT NULL REFERENCES client (id) ON DELETE CASCADE,
        stopped_at BIGINT NOT NULL,
        PRIMARY KEY (user_id, client_id)
    ) BY_KEY",
    "CREATE INDEX stopped_actor_client_id ON stopped_actor (client_id)",
];
