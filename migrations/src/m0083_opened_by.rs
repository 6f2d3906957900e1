//! What opened a family, if that was a grant of another issuer (ID-JAG): it ends with the trust in that
//! issuer.

use crate::step::Step;

pub(crate) const STEP: Step = Step { name: "m0083_opened_by", statements: STATEMENTS };

const STATEMENTS: &[&str] = &["ALTER TABLE family ADD COLUMN opened_by TEXT"];
