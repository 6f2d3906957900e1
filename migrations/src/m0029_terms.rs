//! Which versions of the operator's documents people accepted, when and from where.

use crate::step::Step;

pub(crate) const STEP: Step = Step { name: "m0029_terms", statements: STATEMENTS };

const STATEMENTS: &[&str] = &["CREATE TABLE terms_acceptance (
        user_id TEXT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
        document TEXT NOT NULL,
        version TEXT NOT NULL,
        accepted_at BIGINT NOT NULL,
        address TEXT,
        PRIMARY KEY (user_id, document, version)
    ) BY_KEY"];
