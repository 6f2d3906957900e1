//! Upstream logins are carried by the browser and not stored any more, and an interaction is stored
//! only after the person has proven something in it.

use crate::step::Step;

pub(crate) const STEP: Step = Step { name: "m0022_carried_logins", statements: STATEMENTS };

const STATEMENTS: &[&str] = &[
    "DROP TABLE upstream_login",
    "DELETE FROM interaction WHERE unproven_since IS NOT NULL",
    "DROP INDEX interaction_unproven_since",
    "ALTER TABLE interaction DROP COLUMN unproven_since",
];
