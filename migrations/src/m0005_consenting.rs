//! Marks visits in which a person was redirected to a provider a second time, to give a consent
//! that they had not given.

use crate::step::Step;

pub(crate) const STEP: Step = Step { name: "m0005_consenting", statements: STATEMENTS };

// The default is for servers of the previous version, which do not write this column.
const STATEMENTS: &[&str] =
    &["ALTER TABLE visit ADD COLUMN consenting BOOLEAN NOT NULL DEFAULT FALSE"];
