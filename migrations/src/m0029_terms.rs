//! What people answered to which versions of the operator's documents, when and from where.

use crate::step::Step;

pub(crate) const STEP: Step = Step { name: "m0029_terms", statements: STATEMENTS };

const STATEMENTS: &[&str] = &["CREATE TABLE terms_acceptance (
        user_id TEXT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
        document TEXT NOT NULL,
        version TEXT NOT NULL,
        is_accepted BOOLEAN NOT NULL,
        answered_at BIGINT NOT NULL,
        address TEXT,
        PRIMARY KEY (user_id, document, version)
    ) BY_KEY"];
