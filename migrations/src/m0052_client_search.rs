//! Searching for clients by the beginning of their id or of their name.

use crate::step::Step;

pub(crate) const STEP: Step = Step { name: "m0052_client_search", statements: STATEMENTS };

// The expressions are those of `store/clients.rs`. They read every row, also one whose JSON somebody
// spoiled. An entry of an index has an upper bound. Postgres' own JSON takes no NUL, which JSON may
// have, so there the name stays escaped as it is written.
const STATEMENTS: &[&str] = &[
    "SQLITE CREATE INDEX client_search_id ON client (lower(id), id)",
    "SQLITE CREATE INDEX client_search_name ON client (
         CASE WHEN json_valid(metadata)
              THEN substr(lower(json_extract(metadata, '$.client_name')), 1, 200) END, id)",
    "POSTGRES CREATE INDEX client_search_id ON client ((lower(id) COLLATE \"C\"), (id COLLATE \"C\"))",
    r#"POSTGRES CREATE INDEX client_search_name ON client (
         (left(lower(substring(metadata from '"client_name":"((?:[^"\\]|\\.)*)"')), 200) COLLATE "C"),
         (id COLLATE "C"))"#,
];
