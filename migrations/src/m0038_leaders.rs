//! Which server does a job that only one may do at a time, and until when.

use crate::step::Step;

pub(crate) const STEP: Step = Step { name: "m0038_leaders", statements: STATEMENTS };

const STATEMENTS: &[&str] = &[
    "CREATE TABLE leader (job TEXT PRIMARY KEY, holder TEXT NOT NULL, ends_at BIGINT NOT NULL)",
    "INSERT INTO leader (job, holder, ends_at) VALUES ('clean_up', '', 0)",
];
