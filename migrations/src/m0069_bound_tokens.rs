//! The key to which the refresh tokens of a family are bound.

use crate::step::Step;

pub(crate) const STEP: Step = Step { name: "m0069_bound_tokens", statements: STATEMENTS };

const STATEMENTS: &[&str] = &["ALTER TABLE family ADD COLUMN jkt TEXT"];
