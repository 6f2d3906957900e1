//! One queue for everything that is sent to others, in place of one for logout notices alone.

use crate::step::Step;

pub(crate) const STEP: Step = Step { name: "m0023_outbox", statements: STATEMENTS };

const STATEMENTS: &[&str] = &[
    // It outlives the session, the family and the person that it tells of.
    "CREATE TABLE outbox (
        id TEXT NOT NULL PRIMARY KEY,
        kind TEXT NOT NULL,
        target TEXT NOT NULL,
        payload TEXT NOT NULL,
        attempts BIGINT NOT NULL,
        created_at BIGINT NOT NULL,
        due_at BIGINT NOT NULL,
        expires_at BIGINT
    ) BY_KEY",
    // Each receiver has a lane of its own.
    "CREATE INDEX outbox_lane ON outbox (kind, target, due_at)",
    // A row of the old table does not say when it was made. A value that is no text becomes one.
    "SQLITE INSERT INTO outbox (id, kind, target, payload, attempts, created_at, due_at)
        SELECT id, 'logout', client_id,
            json_object('client', client_id, 'user', CAST(user_id AS TEXT), 'family', CAST(family_id AS TEXT)),
            attempts, due_at, due_at FROM logout_notice",
    "POSTGRES INSERT INTO outbox (id, kind, target, payload, attempts, created_at, due_at)
        SELECT id, 'logout', client_id,
            json_build_object('client', client_id, 'user', user_id, 'family', family_id)::text,
            attempts, due_at, due_at FROM logout_notice",
    "DROP TABLE logout_notice",
];
