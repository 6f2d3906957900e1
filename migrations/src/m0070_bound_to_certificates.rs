//! The client certificate to which the refresh tokens of a family are bound.

use crate::step::Step;

pub(crate) const STEP: Step = Step { name: "m0070_bound_to_certificates", statements: STATEMENTS };

const STATEMENTS: &[&str] = &["ALTER TABLE family ADD COLUMN x5t TEXT"];
