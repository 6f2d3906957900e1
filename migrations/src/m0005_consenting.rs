//! Who was sent to a provider a second time, to agree to what they had not agreed to.

use crate::step::Step;

pub(crate) const STEP: Step = Step { name: "m0005_consenting", statements: STATEMENTS };

// A server of the version before names no such column.
const STATEMENTS: &[&str] =
    &["ALTER TABLE visit ADD COLUMN consenting BOOLEAN NOT NULL DEFAULT FALSE"];
