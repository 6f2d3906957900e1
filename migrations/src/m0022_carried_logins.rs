//! Who is away at a provider carries what they are in the middle of in their browser: no row waits
//! for them, and no interaction is written before somebody proved something in it.

use crate::step::Step;

pub(crate) const STEP: Step = Step { name: "m0022_carried_logins", statements: STATEMENTS };

const STATEMENTS: &[&str] = &[
    "DROP TABLE upstream_login",
    "DELETE FROM interaction WHERE unproven_since IS NOT NULL",
    "DROP INDEX interaction_unproven_since",
    "ALTER TABLE interaction DROP COLUMN unproven_since",
];
