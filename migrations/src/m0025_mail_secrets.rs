//! The secrets that are sent by mail, and the version of an account to which such a secret belongs.

use crate::step::Step;

pub(crate) const STEP: Step = Step { name: "m0025_mail_secrets", statements: STATEMENTS };

const STATEMENTS: &[&str] = &[
    "ALTER TABLE account ADD COLUMN secrets_version BIGINT NOT NULL DEFAULT 0",
    "CREATE TABLE mail_secret (
        link_hash BYTES NOT NULL PRIMARY KEY,
        purpose TEXT NOT NULL,
        code_hash BYTES,
        attempts BIGINT NOT NULL,
        user_id TEXT REFERENCES account (id) ON DELETE CASCADE,
        version BIGINT,
        address TEXT,
        browser_id TEXT,
        payload TEXT NOT NULL,
        created_at BIGINT NOT NULL,
        expires_at BIGINT NOT NULL,
        spent_at BIGINT
    ) BY_KEY",
    "CREATE INDEX mail_secret_expires_at ON mail_secret (expires_at)",
    "CREATE INDEX mail_secret_user_id ON mail_secret (user_id) WHERE user_id IS NOT NULL",
    "CREATE INDEX mail_secret_browser_id ON mail_secret (browser_id, purpose)
        WHERE browser_id IS NOT NULL",
    // The address that a person gave, or has proven, before they have an account.
    "ALTER TABLE interaction ADD COLUMN newcomer TEXT",
];
