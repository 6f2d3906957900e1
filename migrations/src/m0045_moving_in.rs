//! People who move in: password hashes of other programs, and passwords that their person has to
//! change.

use crate::step::Step;

pub(crate) const STEP: Step = Step { name: "m0045_moving_in", statements: STATEMENTS };

const STATEMENTS: &[&str] = &[
    // About how long a check of the password takes if another program made its hash.
    "ALTER TABLE account ADD COLUMN foreign_work BIGINT",
    "CREATE INDEX account_foreign_work ON account (foreign_work) WHERE foreign_work IS NOT NULL",
    // Whether the password has to be changed at the next sign-in.
    "ALTER TABLE account ADD COLUMN password_temporary BOOLEAN NOT NULL DEFAULT FALSE",
];
