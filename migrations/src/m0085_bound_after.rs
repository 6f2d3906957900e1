//! The last refresh token of a family that was handed out before the family was bound to a key or a
//! certificate.

use crate::step::Step;

pub(crate) const STEP: Step = Step { name: "m0085_bound_after", statements: STATEMENTS };

const STATEMENTS: &[&str] = &[
    "ALTER TABLE family ADD COLUMN bound_after_generation BIGINT",
    "ALTER TABLE family ADD COLUMN bound_after_attempt BIGINT",
];
