//! Who is told of audit events.

use crate::step::Step;

pub(crate) const STEP: Step = Step { name: "m0054_webhooks", statements: STATEMENTS };

const STATEMENTS: &[&str] = &[
    "CREATE TABLE webhook (
        id TEXT NOT NULL PRIMARY KEY,
        url TEXT NOT NULL,
        events TEXT NOT NULL,
        sealed_secret BYTES NOT NULL,
        replaced_secret BYTES,
        replaced_until BIGINT,
        created_at BIGINT NOT NULL
    ) BY_KEY",
    "INSERT INTO revision (name, value) VALUES ('webhooks', 0)",
];
