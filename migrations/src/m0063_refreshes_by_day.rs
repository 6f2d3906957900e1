//! How many refresh tokens were used on each day.

use crate::step::Step;

pub(crate) const STEP: Step = Step { name: "m0063_refreshes_by_day", statements: STATEMENTS };

const STATEMENTS: &[&str] = &["CREATE TABLE refresh_day (
        begins_at BIGINT NOT NULL PRIMARY KEY,
        refreshes BIGINT NOT NULL
    ) BY_KEY"];
