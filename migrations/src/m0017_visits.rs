//! The visits of one interaction are found by it: there is a bound to them.

use crate::step::Step;

pub(crate) const STEP: Step = Step { name: "m0017_visits", statements: STATEMENTS };

const STATEMENTS: &[&str] = &["CREATE INDEX visit_interaction_id ON visit (interaction_id)"];
