//! What strangers' apps do not slow down: the clients of operators are found without reading any other,
//! and so are the other clients to which an operator gave an origin. What apps did with their own
//! registration is found by its age.

use crate::step::Step;

pub(crate) const STEP: Step = Step { name: "m0081_strangers", statements: STATEMENTS };

// The expressions are those of `store/clients.rs` and `store/audit_events.rs`.
const STATEMENTS: &[&str] = &[
    "CREATE INDEX client_of_operators ON client (id) WHERE registered_by IS NULL",
    r#"SQLITE CREATE INDEX client_with_origins ON client (id)
         WHERE registered_by IS NOT NULL AND instr(metadata, '"allowed_origins":[]') = 0"#,
    r#"POSTGRES CREATE INDEX client_with_origins ON client (id)
         WHERE registered_by IS NOT NULL AND strpos(metadata, '"allowed_origins":[]') = 0"#,
    "CREATE INDEX audit_event_of_apps ON audit_event (at) WHERE substr(actor, 1, 4) = 'app:'",
];
