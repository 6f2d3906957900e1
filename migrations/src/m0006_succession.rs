//! One row for each family: its refresh tokens replace one another in this row.

use crate::step::Step;

pub(crate) const STEP: Step = Step { name: "m0006_succession", statements: STATEMENTS };

const STATEMENTS: &[&str] = &[
    "DROP TABLE refresh_token",
    // Random bytes that are part of the tag of every refresh token of the family; NULL where the
    // client gets no refresh token.
    "ALTER TABLE family ADD COLUMN salt BYTES",
    "ALTER TABLE family ADD COLUMN generation BIGINT NOT NULL DEFAULT 0",
    "ALTER TABLE family ADD COLUMN attempt BIGINT NOT NULL DEFAULT 0",
    "ALTER TABLE family ADD COLUMN spent_attempt BIGINT NOT NULL DEFAULT 0",
    "ALTER TABLE family ADD COLUMN handed_out_at BIGINT NOT NULL DEFAULT 0",
    "ALTER TABLE family ADD COLUMN handed_out_to TEXT",
    "ALTER TABLE family ADD COLUMN idle_ends_at BIGINT NOT NULL DEFAULT 0",
    // Revoked families are deleted long before their absolute end.
    "CREATE INDEX family_revoked_at ON family (revoked_at) WHERE revoked_at IS NOT NULL",
    // Free room on each page for new versions of its rows, so that a rotation changes no index.
    "POSTGRES ALTER TABLE family SET (fillfactor = 70)",
    // Random keys of this installation, sealed under the master key.
    "CREATE TABLE sealed_key (
        name TEXT NOT NULL PRIMARY KEY,
        sealed BYTES NOT NULL
    ) BY_KEY",
];
