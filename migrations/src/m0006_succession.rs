//! One row a family: its refresh tokens succeed one another in place.

use crate::step::Step;

pub(crate) const STEP: Step = Step { name: "m0006_succession", statements: STATEMENTS };

const STATEMENTS: &[&str] = &[
    "DROP TABLE refresh_token",
    // Random bytes that go into the tag of every refresh token of the family; none where the
    // client gets no refresh token.
    "ALTER TABLE family ADD COLUMN salt BYTES",
    "ALTER TABLE family ADD COLUMN generation BIGINT NOT NULL DEFAULT 0",
    "ALTER TABLE family ADD COLUMN attempt BIGINT NOT NULL DEFAULT 0",
    "ALTER TABLE family ADD COLUMN spent_attempt BIGINT NOT NULL DEFAULT 0",
    "ALTER TABLE family ADD COLUMN handed_out_at BIGINT NOT NULL DEFAULT 0",
    "ALTER TABLE family ADD COLUMN handed_out_to TEXT",
    "ALTER TABLE family ADD COLUMN idle_ends_at BIGINT NOT NULL DEFAULT 0",
    // What was revoked is cleaned up long before its absolute end.
    "CREATE INDEX family_revoked_at ON family (revoked_at) WHERE revoked_at IS NOT NULL",
    // Room on each page for the next versions of its rows, so that a rotation touches no index.
    "POSTGRES ALTER TABLE family SET (fillfactor = 70)",
    // Random keys of this installation, sealed under the master key.
    "CREATE TABLE sealed_key (
        name TEXT NOT NULL PRIMARY KEY,
        sealed BYTES NOT NULL
    ) BY_KEY",
];
