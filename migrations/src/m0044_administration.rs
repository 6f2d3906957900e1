//! The roles of people in the administration, who acted, and what a change replaced.

use crate::step::Step;

pub(crate) const STEP: Step = Step { name: "m0044_administration", statements: STATEMENTS };

const STATEMENTS: &[&str] = &[
    "CREATE TABLE admin_role (
        user_id TEXT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
        role TEXT NOT NULL,
        granted_at BIGINT NOT NULL,
        PRIMARY KEY (user_id, role)
    ) BY_KEY",
    "CREATE INDEX admin_role_by_role ON admin_role (role)",
    "ALTER TABLE audit_event ADD COLUMN actor TEXT",
    "CREATE TABLE audit_change (
        event_id TEXT NOT NULL PRIMARY KEY REFERENCES audit_event (id) ON DELETE CASCADE,
        user_id TEXT REFERENCES account (id) ON DELETE CASCADE,
        members TEXT NOT NULL
    ) BY_KEY",
    "CREATE INDEX audit_change_by_user ON audit_change (user_id)",
];
