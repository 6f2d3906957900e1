//! Passkeys.

use crate::step::Step;

pub(crate) const STEP: Step = Step { name: "m0028_passkeys", statements: STATEMENTS };

const STATEMENTS: &[&str] = &[
    "CREATE TABLE passkey (
        id BYTES NOT NULL PRIMARY KEY,
        user_id TEXT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
        credential TEXT NOT NULL,
        counter BIGINT NOT NULL,
        backed_up BOOLEAN NOT NULL,
        aaguid BYTES NOT NULL,
        name TEXT,
        created_at BIGINT NOT NULL,
        used_at BIGINT
    ) BY_KEY",
    "CREATE INDEX passkey_user_id ON passkey (user_id)",
];
