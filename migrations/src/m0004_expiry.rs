//! Indexes to find rows by their age, for housekeeping.

use crate::step::Step;

pub(crate) const STEP: Step = Step { name: "m0004_expiry", statements: STATEMENTS };

const STATEMENTS: &[&str] = &[
    "CREATE INDEX used_assertion_expires_at ON used_assertion (expires_at)",
    "CREATE INDEX revoked_access_token_expires_at ON revoked_access_token (expires_at)",
    "CREATE INDEX throttle_ends_at ON throttle (ends_at)",
];
