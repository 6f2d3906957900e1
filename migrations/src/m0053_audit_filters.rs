//! Finding audit events of one kind or of one client, however many others there are.

use crate::step::Step;

pub(crate) const STEP: Step = Step { name: "m0053_audit_filters", statements: STATEMENTS };

const STATEMENTS: &[&str] = &[
    "CREATE INDEX audit_event_kind ON audit_event (kind, at, id)",
    "CREATE INDEX audit_event_client ON audit_event (client_id, at, id)
         WHERE client_id IS NOT NULL",
];
