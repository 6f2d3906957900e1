//! Consent covers the resources that tokens are for.

use crate::step::Step;

pub(crate) const STEP: Step = Step { name: "m0013_allowed_resources", statements: STATEMENTS };

// A server of the version before names no such column. Interactions of that version, and browsers in
// which nobody is signed in, are begun anew.
const STATEMENTS: &[&str] =
    &["ALTER TABLE consent ADD COLUMN resources TEXT NOT NULL DEFAULT '[]'"];
