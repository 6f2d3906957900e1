//! What ends in steps, what lists read a part of, and which issuer vouched for whom.

use crate::step::Step;

pub(crate) const STEP: Step = Step { name: "m0011_endings", statements: STATEMENTS };

const STATEMENTS: &[&str] = &[
    // What is to end of what a person opened, until all of it ended. It outlives the person.
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
    // Who vouched: the name of a provider may be given to another one.
    "ALTER TABLE session ADD COLUMN provider_issuer TEXT",
    "ALTER TABLE family ADD COLUMN provider_issuer TEXT",
    // A family that was revoked leaves these, so the next step does not read it again.
    "CREATE INDEX family_live ON family (user_id, client_id, expires_at) WHERE revoked_at IS NULL",
    "DROP INDEX family_session_id",
    "CREATE INDEX family_session_id ON family (session_id)
        WHERE revoked_at IS NULL AND session_id IS NOT NULL",
    "DROP INDEX session_user_id",
    "CREATE INDEX session_user_id ON session (user_id, auth_time)",
    // Everything that somebody is named by at sign-in: a name of one is no verified address of another.
    "CREATE TABLE account_key (
        key TEXT NOT NULL PRIMARY KEY,
        user_id TEXT NOT NULL REFERENCES account (id) ON DELETE CASCADE
    ) BY_KEY",
    "CREATE INDEX account_key_user_id ON account_key (user_id)",
    "INSERT INTO account_key (key, user_id) SELECT username_key, id FROM account",
    "INSERT INTO account_key (key, user_id)
        SELECT email_key, id FROM account WHERE email_verified AND email_key IS NOT NULL
        ON CONFLICT (key) DO NOTHING",
    // Which clients changed, and at which revision: a change forgets that client and no other.
    "CREATE TABLE client_change (
        client_id TEXT NOT NULL PRIMARY KEY,
        revision BIGINT NOT NULL
    ) BY_KEY",
    "CREATE INDEX client_change_revision ON client_change (revision)",
    // Each app has a lane of its own.
    "CREATE INDEX logout_notice_lane ON logout_notice (client_id, due_at)",
];
