//! One queue for all messages to others, in place of a queue only for logout notices.

use crate::step::Step;

pub(crate) const STEP: Step = Step { name: "m0023_outbox", statements: STATEMENTS };

const STATEMENTS: &[&str] = &[
    // A message outlives the session, the family and the person that it is about.
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
    // A row of the old table has no creation time, so `due_at` is used. Values that are not text
    // are converted to text.
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
