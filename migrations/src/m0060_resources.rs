//! Resources: the APIs that access tokens are for, and what is registered of each.

use crate::step::Step;

pub(crate) const STEP: Step = Step { name: "m0060_resources", statements: STATEMENTS };

const STATEMENTS: &[&str] = &[
    "CREATE TABLE resource (
        id TEXT NOT NULL PRIMARY KEY,
        metadata TEXT NOT NULL,
        created_at BIGINT NOT NULL,
        updated_at BIGINT NOT NULL
    ) BY_KEY",
    "POSTGRES ALTER TABLE resource ALTER COLUMN id TYPE TEXT COLLATE \"C\"",
];
