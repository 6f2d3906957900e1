//! Consent also covers the resources for which tokens are issued.

use crate::step::Step;

pub(crate) const STEP: Step = Step { name: "m0013_allowed_resources", statements: STATEMENTS };

// The default is for servers of the previous version, which do not write this column. Interactions
// of that version, and browsers in which nobody is signed in, start again.
const STATEMENTS: &[&str] =
    &["ALTER TABLE consent ADD COLUMN resources TEXT NOT NULL DEFAULT '[]'"];
