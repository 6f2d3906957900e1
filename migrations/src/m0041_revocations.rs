//! The feed of revocations: what was revoked, in the order of the commits. `position` is the number
//! of the transaction (the value of `revocations` in the table `revision`), `part` tells the events
//! of one transaction apart.

use crate::step::Step;

pub(crate) const STEP: Step = Step { name: "m0041_revocations", statements: STATEMENTS };

const STATEMENTS: &[&str] = &[
    "INSERT INTO revision (name, value) VALUES ('revocations_forgotten', 0)",
    "CREATE TABLE revocation (
        position BIGINT NOT NULL,
        part BIGINT NOT NULL,
        kind TEXT NOT NULL,
        value TEXT NOT NULL,
        revoked_at BIGINT NOT NULL,
        expires_at BIGINT NOT NULL,
        client_id TEXT,
        audiences TEXT,
        PRIMARY KEY (position, part)
    ) BY_KEY",
    "CREATE INDEX revocation_revoked_at ON revocation (revoked_at)",
];
