//! What a person proved for a session, how strong the sign-in of a family was, and second factors.

use crate::step::Step;

pub(crate) const STEP: Step = Step { name: "m0027_strength", statements: STATEMENTS };

const STATEMENTS: &[&str] = &[
    "ALTER TABLE session ADD COLUMN proofs TEXT NOT NULL DEFAULT '[]'",
    // Until now a session had one proof: the password, or a provider with its slug.
    r#"UPDATE session SET proofs = '[{"method":"password","at":' || auth_time || '}]'
        WHERE amr NOT LIKE '["fed",%'"#,
    r#"UPDATE session SET proofs = '[{"method":"provider","slug":"'
            || replace(replace(amr, '["fed","', ''), '"]', '') || '","issuer":"'
            || replace(replace(coalesce(provider_issuer, ''), '\', '\\'), '"', '\"')
            || '","at":' || auth_time || '}]'
        WHERE amr LIKE '["fed",%'"#,
    "ALTER TABLE session DROP COLUMN amr",
    "ALTER TABLE family ADD COLUMN acr TEXT NOT NULL DEFAULT '1'",
    // A sign-in that still needs a second factor.
    "ALTER TABLE interaction ADD COLUMN unfinished TEXT",
    // Whether an account has one-time codes stands in its own row, which every sign-in reads.
    "ALTER TABLE account ADD COLUMN totp_since BIGINT",
    "CREATE TABLE totp (
        user_id TEXT NOT NULL PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE,
        sealed BYTES NOT NULL,
        last_step BIGINT NOT NULL
    ) BY_KEY",
    "CREATE TABLE recovery_code (
        user_id TEXT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
        hash BYTES NOT NULL,
        PRIMARY KEY (user_id, hash)
    ) BY_KEY",
];
