//! Endings that work in steps, indexes for lists that are read in pages, and the issuer with which
//! a person signed in.

use crate::step::Step;

pub(crate) const STEP: Step = Step { name: "m0011_endings", statements: STATEMENTS };

const STATEMENTS: &[&str] = &[
    // Endings that are not carried out completely yet. A row outlives the person.
    "CREATE TABLE ending (
        id TEXT NOT NULL PRIMARY KEY,
        user_id TEXT NOT NULL,
        what TEXT NOT NULL,
        name TEXT,
        but_session TEXT,
        asked_at BIGINT NOT NULL,
        address TEXT,
        request_id TEXT,
        due_at BIGINT NOT NULL
    ) BY_KEY",
    "CREATE INDEX ending_due_at ON ending (due_at)",
    // The issuer, because the name of a provider may later be given to another provider.
    "ALTER TABLE session ADD COLUMN provider_issuer TEXT",
    "ALTER TABLE family ADD COLUMN provider_issuer TEXT",
    // A revoked family is not in these indexes, so the next step does not read it again.
    "CREATE INDEX family_live ON family (user_id, client_id, expires_at) WHERE revoked_at IS NULL",
    "DROP INDEX family_session_id",
    "CREATE INDEX family_session_id ON family (session_id)
        WHERE revoked_at IS NULL AND session_id IS NOT NULL",
    "DROP INDEX session_user_id",
    "CREATE INDEX session_user_id ON session (user_id, auth_time)",
    // Every name by which an account can sign in. The name of one account cannot be the verified
    // address of another.
    "CREATE TABLE account_key (
        key TEXT NOT NULL PRIMARY KEY,
        user_id TEXT NOT NULL REFERENCES account (id) ON DELETE CASCADE
    ) BY_KEY",
    "CREATE INDEX account_key_user_id ON account_key (user_id)",
    "INSERT INTO account_key (key, user_id) SELECT username_key, id FROM account",
    "INSERT INTO account_key (key, user_id)
        SELECT email_key, id FROM account WHERE email_verified AND email_key IS NOT NULL
        ON CONFLICT (key) DO NOTHING",
    // The clients that changed, each with its revision, so that a server drops only these clients
    // from its cache.
    "CREATE TABLE client_change (
        client_id TEXT NOT NULL PRIMARY KEY,
        revision BIGINT NOT NULL
    ) BY_KEY",
    "CREATE INDEX client_change_revision ON client_change (revision)",
    // Each app has a lane of its own.
    "CREATE INDEX logout_notice_lane ON logout_notice (client_id, due_at)",
];
