//! Registration tokens get an id and a name, by which operators list and revoke them.

use crate::step::Step;

pub(crate) const STEP: Step = Step { name: "m0079_registration_tokens", statements: STATEMENTS };

const STATEMENTS: &[&str] = &[
    "ALTER TABLE registration_token ADD COLUMN id TEXT",
    "ALTER TABLE registration_token ADD COLUMN name TEXT",
    // Half of a hash says nothing about the token.
    "SQLITE UPDATE registration_token SET id = lower(substr(hex(hash), 1, 32))",
    "POSTGRES UPDATE registration_token SET id = substr(encode(hash, 'hex'), 1, 32)",
    "CREATE UNIQUE INDEX registration_token_id ON registration_token (id)",
];
