//! An index to find the visits of one interaction, whose number is limited.

use crate::step::Step;

pub(crate) const STEP: Step = Step { name: "m0017_visits", statements: STATEMENTS };

const STATEMENTS: &[&str] = &["CREATE INDEX visit_interaction_id ON visit (interaction_id)"];
