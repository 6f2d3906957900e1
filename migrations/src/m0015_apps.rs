//! Settings for existing apps that cannot be changed: PKCE or a nonce, the type and the claims of
//! tokens, the rules for assertions.

use crate::step::Step;

pub(crate) const STEP: Step = Step { name: "m0015_apps", statements: STATEMENTS };

const STATEMENTS: &[&str] = &[
    "ALTER TABLE client ADD COLUMN pkce TEXT NOT NULL DEFAULT 'auto'",
    "UPDATE client SET pkce = 'false' WHERE NOT require_pkce",
    "ALTER TABLE client DROP COLUMN require_pkce",
    "ALTER TABLE client ADD COLUMN access_token_typ TEXT NOT NULL DEFAULT 'at+jwt'",
    "ALTER TABLE client ADD COLUMN id_token_claims BOOLEAN NOT NULL DEFAULT FALSE",
    "ALTER TABLE client ADD COLUMN access_token_claims TEXT NOT NULL DEFAULT '[]'",
    "ALTER TABLE client ADD COLUMN assertions TEXT NOT NULL DEFAULT 'tolerant'",
];
