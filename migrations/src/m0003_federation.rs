//! Social login: providers, identities at them, and visits (sign-ins that are in progress at a
//! provider).

use crate::step::Step;

pub(crate) const STEP: Step = Step { name: "m0003_federation", statements: STATEMENTS };

const STATEMENTS: &[&str] = &[
    "INSERT INTO revision (name, value) VALUES ('providers', 0)",
    // The providers of the settings file are not in this table.
    "CREATE TABLE provider (
        slug TEXT NOT NULL PRIMARY KEY,
        registration TEXT NOT NULL,
        sealed_credential BYTES NOT NULL,
        disabled_at BIGINT,
        created_at BIGINT NOT NULL
    ) BY_KEY",
    "CREATE TABLE identity (
        issuer TEXT NOT NULL,
        subject TEXT NOT NULL,
        user_id TEXT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
        provider TEXT NOT NULL,
        email TEXT,
        linked_at BIGINT NOT NULL,
        used_at BIGINT NOT NULL,
        PRIMARY KEY (issuer, subject)
    ) BY_KEY",
    "CREATE INDEX identity_user_id ON identity (user_id)",
    "CREATE INDEX account_email_key ON account (email_key)",
    // The row of a visit is deleted when the browser returns to the callback.
    "CREATE TABLE visit (
        hash BYTES NOT NULL PRIMARY KEY,
        provider TEXT NOT NULL,
        browser_id TEXT NOT NULL,
        interaction_id TEXT NOT NULL,
        kept BOOLEAN NOT NULL,
        direct BOOLEAN NOT NULL,
        again BOOLEAN NOT NULL,
        expires_at BIGINT NOT NULL
    ) BY_KEY",
    "CREATE INDEX visit_expires_at ON visit (expires_at)",
    "ALTER TABLE interaction ADD COLUMN pending TEXT",
];
