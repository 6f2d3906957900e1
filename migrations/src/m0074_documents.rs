//! What people saw of an app for which no operator vouches, when they allowed it.

use crate::step::Step;

pub(crate) const STEP: Step = Step { name: "m0074_documents", statements: STATEMENTS };

const STATEMENTS: &[&str] = &["ALTER TABLE consent ADD COLUMN seen TEXT"];
