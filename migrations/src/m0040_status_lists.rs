//! Status lists: which positions of which lists were given to whom, and which of them are revoked.
//! A number of a list is never given twice: `revision` keeps the highest one.

use crate::step::Step;

pub(crate) const STEP: Step = Step { name: "m0040_status_lists", statements: STATEMENTS };

const STATEMENTS: &[&str] = &[
    "INSERT INTO revision (name, value)
        VALUES ('revocations', 0), ('status_indices', 0), ('status_lists', 0)",
    "CREATE TABLE status_list (
        number BIGINT NOT NULL PRIMARY KEY,
        entries BIGINT NOT NULL,
        seed BYTES NOT NULL,
        used BIGINT NOT NULL DEFAULT 0,
        opened_at BIGINT NOT NULL,
        sealed_at BIGINT,
        is_closed BOOLEAN NOT NULL DEFAULT FALSE,
        is_gone BOOLEAN NOT NULL DEFAULT FALSE
    ) BY_KEY",
    "CREATE TABLE status_bit (
        list BIGINT NOT NULL,
        idx BIGINT NOT NULL,
        position BIGINT NOT NULL,
        revoked_at BIGINT NOT NULL,
        PRIMARY KEY (list, idx)
    ) BY_KEY",
    "CREATE INDEX status_bit_position ON status_bit (position, list, idx)",
    // Positions that were given to a client for its own tokens, of which no other row tells.
    "CREATE TABLE status_block (
        list BIGINT NOT NULL,
        first BIGINT NOT NULL,
        size BIGINT NOT NULL,
        client_id TEXT NOT NULL,
        alg TEXT NOT NULL,
        expires_at BIGINT NOT NULL,
        PRIMARY KEY (list, first)
    ) BY_KEY",
    "CREATE INDEX status_block_client_id ON status_block (client_id)",
    "CREATE INDEX status_block_expires_at ON status_block (expires_at)",
    "ALTER TABLE family ADD COLUMN status_list BIGINT",
    "ALTER TABLE family ADD COLUMN status_index BIGINT",
    "CREATE INDEX family_status_list ON family (status_list) WHERE status_list IS NOT NULL",
    // Tokens that a client got for itself before this instant do not count any more.
    "ALTER TABLE client ADD COLUMN tokens_from BIGINT",
];
