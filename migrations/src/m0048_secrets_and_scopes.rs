//! Several secrets of a client, each with its end; words for scopes; attributes of people.

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
    "CREATE TABLE attribute (
        name TEXT NOT NULL PRIMARY KEY,
        kind TEXT NOT NULL,
        scope TEXT NOT NULL,
        created_at BIGINT NOT NULL
    ) BY_KEY",
    "CREATE TABLE attribute_value (
        user_id TEXT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
        name TEXT NOT NULL REFERENCES attribute (name) ON DELETE CASCADE,
        value TEXT NOT NULL,
        PRIMARY KEY (user_id, name)
    ) BY_KEY",
    "CREATE INDEX attribute_value_name ON attribute_value (name, user_id)",
];
