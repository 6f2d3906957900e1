//! Renames the table of visits to what it holds: upstream logins.

use crate::step::Step;

pub(crate) const STEP: Step = Step { name: "m0021_upstream_login", statements: STATEMENTS };

const STATEMENTS: &[&str] = &[
    "ALTER TABLE visit RENAME TO upstream_login",
    "POSTGRES ALTER INDEX visit_pkey RENAME TO upstream_login_pkey",
    "DROP INDEX visit_expires_at",
    "CREATE INDEX upstream_login_expires_at ON upstream_login (expires_at)",
    "DROP INDEX visit_interaction_id",
    "CREATE INDEX upstream_login_interaction_id ON upstream_login (interaction_id)",
];
