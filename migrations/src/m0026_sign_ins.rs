//! The accounts that were used in a browser: later sign-ins in other browsers are reported to their
//! people.

use crate::step::Step;

pub(crate) const STEP: Step = Step { name: "m0026_sign_ins", statements: STATEMENTS };

const STATEMENTS: &[&str] = &[
    "CREATE TABLE first_sign_in (
        user_id TEXT NOT NULL PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE,
        at BIGINT NOT NULL
    ) BY_KEY",
    // Accounts that were used before this table existed: their next sign-in is not the first.
    "INSERT INTO first_sign_in (user_id, at)
        SELECT used.user_id, MIN(used.at) FROM (
            SELECT user_id, seen_at AS at FROM known_address
            UNION ALL SELECT user_id, auth_time FROM session
            UNION ALL SELECT user_id, linked_at FROM identity
        ) AS used GROUP BY used.user_id",
];
