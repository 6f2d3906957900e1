//! How the last attempt to send a message to a webhook ended, and since when attempts fail.

use crate::step::Step;

pub(crate) const STEP: Step = Step { name: "m0084_webhook_attempts", statements: STATEMENTS };

const STATEMENTS: &[&str] = &[
    "ALTER TABLE webhook ADD COLUMN last_attempt_at BIGINT",
    "ALTER TABLE webhook ADD COLUMN last_outcome TEXT",
    "ALTER TABLE webhook ADD COLUMN failures BIGINT NOT NULL DEFAULT 0",
    "ALTER TABLE webhook ADD COLUMN failing_since BIGINT",
];
