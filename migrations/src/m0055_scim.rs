//! Tokens of SCIM connectors, and the identifiers that connectors give to people and groups.

use crate::step::Step;

pub(crate) const STEP: Step = Step { name: "m0055_scim", statements: STATEMENTS };

const STATEMENTS: &[&str] = &[
    "CREATE TABLE scim_token (
        id TEXT NOT NULL PRIMARY KEY,
        name TEXT NOT NULL,
        hash BYTES NOT NULL,
        created_at BIGINT NOT NULL,
        expires_at BIGINT
    ) BY_KEY",
    "CREATE UNIQUE INDEX scim_token_by_hash ON scim_token (hash)",
    "CREATE TABLE scim_person (
        user_id TEXT NOT NULL PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE,
        external_id TEXT,
        email_type TEXT,
        email_primary BOOLEAN,
        has_email_form BOOLEAN NOT NULL
    ) BY_KEY",
    "CREATE INDEX scim_person_by_external_id ON scim_person (external_id)",
    "CREATE TABLE scim_group (
        group_id TEXT NOT NULL PRIMARY KEY REFERENCES people_group (id) ON DELETE CASCADE,
        external_id TEXT,
        updated_at BIGINT NOT NULL
    ) BY_KEY",
    "CREATE INDEX scim_group_by_external_id ON scim_group (external_id)",
];
