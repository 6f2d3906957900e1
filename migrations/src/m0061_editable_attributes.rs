//! Attributes that people may edit themselves, and the words that their account page says.

use crate::step::Step;

pub(crate) const STEP: Step = Step { name: "m0061_editable_attributes", statements: STATEMENTS };

const STATEMENTS: &[&str] = &[
    "ALTER TABLE attribute ADD COLUMN editable BOOLEAN NOT NULL DEFAULT FALSE",
    "ALTER TABLE attribute ADD COLUMN texts TEXT NOT NULL DEFAULT '{}'",
];
