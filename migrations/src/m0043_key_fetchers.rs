//! Who fetched the public keys: one row for each program, with the keys that it fetched last.

use crate::step::Step;

pub(crate) const STEP: Step = Step { name: "m0043_key_fetchers", statements: STATEMENTS };

const STATEMENTS: &[&str] = &[
    "CREATE TABLE key_fetcher (
        agent TEXT NOT NULL PRIMARY KEY,
        kids TEXT NOT NULL,
        last_at BIGINT NOT NULL
    ) BY_KEY",
    "CREATE INDEX key_fetcher_by_time ON key_fetcher (last_at)",
];
