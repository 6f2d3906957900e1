//! How often apps changed that no operator registered and that have no part in what all clients say
//! together: servers keep that in memory meanwhile.

use crate::step::Step;

pub(crate) const STEP: Step = Step { name: "m0082_changes_of_apps", statements: STATEMENTS };

const STATEMENTS: &[&str] = &["INSERT INTO revision (name, value) VALUES ('apps', 0)"];
