//! Sign-in: failures that are forgotten little by little, apps that may report the address of a
//! person, who gave an e-mail address, and failures that are counted in one row.

use crate::step::Step;

pub(crate) const STEP: Step = Step { name: "m0012_proving", statements: STATEMENTS };

const STATEMENTS: &[&str] = &[
    "DROP TABLE throttle",
    "CREATE TABLE throttle (
        key BYTES NOT NULL PRIMARY KEY,
        empty_at BIGINT NOT NULL
    ) BY_KEY",
    "CREATE INDEX throttle_empty_at ON throttle (empty_at)",
    "ALTER TABLE client ADD COLUMN trust_user_ip BOOLEAN NOT NULL DEFAULT FALSE",
    "ALTER TABLE account ADD COLUMN made_by TEXT NOT NULL DEFAULT 'operator'",
    "ALTER TABLE account ADD COLUMN email_by TEXT NOT NULL DEFAULT 'operator'",
    "ALTER TABLE audit_event ADD COLUMN times BIGINT NOT NULL DEFAULT 1",
    "CREATE INDEX audit_event_failures ON audit_event (at)
        WHERE kind IN ('sign_in.failed', 'sign_in.throttled')",
];
