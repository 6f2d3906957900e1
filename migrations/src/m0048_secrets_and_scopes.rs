//! Several secrets of a client, each with its end; words for scopes.

use crate::step::Step;

pub(crate) const STEP: Step = Step { name: "m0048_secrets_and_scopes", statements: STATEMENTS };

// `secret_hash` stays the newest secret, as servers before this step read and write it.
const STATEMENTS: &[&str] = &[
    "ALTER TABLE client ADD COLUMN secrets TEXT",
    "CREATE TABLE scope_words (
        name TEXT NOT NULL PRIMARY KEY,
        texts TEXT NOT NULL,
        created_at BIGINT NOT NULL
    ) BY_KEY",
    "POSTGRES ALTER TABLE scope_words ALTER COLUMN name TYPE TEXT COLLATE \"C\"",
];
