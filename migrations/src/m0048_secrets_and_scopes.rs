//! Several secrets of a client, each with its end.

use crate::step::Step;

pub(crate) const STEP: Step = Step { name: "m0048_secrets_and_scopes", statements: STATEMENTS };

// `secret_hash` stays the newest secret, as servers before this step read and write it.
const STATEMENTS: &[&str] = &["ALTER TABLE client ADD COLUMN secrets TEXT"];
