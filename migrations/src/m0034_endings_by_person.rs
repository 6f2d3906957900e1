//! Endings are found by their person, at each use of a session: a session that is to end does not
//! count any more, even before a step of the ending comes to it.

use crate::step::Step;

pub(crate) const STEP: Step = Step { name: "m0034_endings_by_person", statements: STATEMENTS };

const STATEMENTS: &[&str] = &["CREATE INDEX ending_user_id ON ending (user_id)"];
