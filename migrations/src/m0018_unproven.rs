//! An index to find, by their age, the interactions of people who were redirected to a provider and
//! have proven nothing yet. Their number is limited.

use crate::step::Step;

pub(crate) const STEP: Step = Step { name: "m0018_unproven", statements: STATEMENTS };

const STATEMENTS: &[&str] = &[
    "ALTER TABLE interaction ADD COLUMN unproven_since BIGINT",
    "CREATE INDEX interaction_unproven_since ON interaction (unproven_since, id)
        WHERE unproven_since IS NOT NULL",
];
