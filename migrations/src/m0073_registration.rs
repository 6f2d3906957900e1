//! Clients that register themselves, and the tokens that let them.

use crate::step::Step;

pub(crate) const STEP: Step = Step { name: "m0073_registration", statements: STATEMENTS };

const STATEMENTS: &[&str] = &[
    "ALTER TABLE client ADD COLUMN registered_by TEXT",
    "ALTER TABLE client ADD COLUMN registration_tokens TEXT",
    "ALTER TABLE client ADD COLUMN used_at BIGINT",
    "CREATE INDEX client_by_use ON client (registered_by, used_at) WHERE registered_by IS NOT NULL",
    "CREATE TABLE registration_token (
        hash BYTES NOT NULL PRIMARY KEY,
        uses_left BIGINT NOT NULL,
        created_at BIGINT NOT NULL,
        expires_at BIGINT NOT NULL
    ) BY_KEY",
    // The URL of a document is longer than an index takes twice. It has the beginning of an id, folded,
    // and the id itself as it is: the expression is that of `store/clients.rs`.
    "DROP INDEX client_search_id",
    "SQLITE CREATE INDEX client_search_id ON client (substr(lower(id), 1, 200), id)",
    "POSTGRES CREATE INDEX client_search_id ON client (
         (left(lower(id), 200) COLLATE \"C\"), (id COLLATE \"C\"))",
];
