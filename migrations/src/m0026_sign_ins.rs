//! The accounts that were used in a browser: later sign-ins in other browsers are reported to their
//! people.

use crate::step::Step;

pub(crate) const STEP: Step = Step { name: "m0026_sign_ins", statements: STATEMENTS };

const STATEMENTS: &[&str] = &["CREATE TABLE first_sign_in (
        user_id TEXT NOT NULL PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE,
        at BIGINT NOT NULL
    ) BY_KEY"];
