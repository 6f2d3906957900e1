//! Tables for people in browsers: sessions, interactions, codes, consent, notices of sign-out.

use crate::step::Step;

pub(crate) const STEP: Step = Step { name: "m0002_people", statements: STATEMENTS };

const STATEMENTS: &[&str] = &[
    "ALTER TABLE client ADD COLUMN post_logout_redirect_uris TEXT NOT NULL DEFAULT '[]'",
    "ALTER TABLE client ADD COLUMN backchannel_logout_uri TEXT",
    "ALTER TABLE client ADD COLUMN allowed_origins TEXT NOT NULL DEFAULT '[]'",
    "ALTER TABLE client ADD COLUMN refresh_delivery TEXT NOT NULL DEFAULT 'body'",
    "ALTER TABLE client ADD COLUMN require_pkce BOOLEAN NOT NULL DEFAULT TRUE",
    "ALTER TABLE client ADD COLUMN first_party BOOLEAN NOT NULL DEFAULT FALSE",
    "ALTER TABLE client ADD COLUMN logo_uri TEXT",
    "ALTER TABLE client ADD COLUMN policy_uri TEXT",
    "ALTER TABLE client ADD COLUMN tos_uri TEXT",
    // No foreign key: if the session has no row, it has ended.
    "ALTER TABLE family ADD COLUMN session_id TEXT",
    "ALTER TABLE family ADD COLUMN claims TEXT NOT NULL DEFAULT '[]'",
    "CREATE INDEX family_session_id ON family (session_id)",
    "CREATE TABLE browser (
        id TEXT NOT NULL PRIMARY KEY,
        hash BYTES NOT NULL UNIQUE,
        expires_at BIGINT NOT NULL
    )",
    "CREATE INDEX browser_expires_at ON browser (expires_at)",
    // A person has at most one session in one browser.
    "CREATE TABLE session (
        id TEXT NOT NULL PRIMARY KEY,
        browser_id TEXT NOT NULL,
        user_id TEXT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
        auth_time BIGINT NOT NULL,
        amr TEXT NOT NULL,
        kept BOOLEAN NOT NULL,
        user_agent TEXT,
        address TEXT,
        idle_ms BIGINT NOT NULL,
        idle_ends_at BIGINT NOT NULL,
        expires_at BIGINT NOT NULL,
        UNIQUE (browser_id, user_id)
    )",
    "CREATE INDEX session_user_id ON session (user_id)",
    "CREATE INDEX session_expires_at ON session (expires_at)",
    "CREATE TABLE interaction (
        id TEXT NOT NULL PRIMARY KEY,
        browser_id TEXT,
        request TEXT NOT NULL,
        session_id TEXT,
        received_at BIGINT NOT NULL,
        expires_at BIGINT NOT NULL,
        ended_at BIGINT
    ) BY_KEY",
    "CREATE INDEX interaction_expires_at ON interaction (expires_at)",
    "CREATE TABLE authorization_code (
        hash BYTES NOT NULL PRIMARY KEY,
        client_id TEXT NOT NULL,
        redirect_uri TEXT NOT NULL,
        challenge TEXT,
        granted TEXT NOT NULL,
        expires_at BIGINT NOT NULL,
        spent_at BIGINT,
        family_id TEXT
    ) BY_KEY",
    "CREATE INDEX authorization_code_expires_at ON authorization_code (expires_at)",
    "CREATE TABLE consent (
        user_id TEXT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
        client_id TEXT NOT NULL REFERENCES client (id) ON DELETE CASCADE,
        scope TEXT NOT NULL,
        claims TEXT NOT NULL,
        given_at BIGINT NOT NULL,
        PRIMARY KEY (user_id, client_id)
    ) BY_KEY",
    "CREATE INDEX consent_client_id ON consent (client_id)",
    // Notices that still have to be sent to clients. They outlive the session, the family and the
    // person.
    "CREATE TABLE logout_notice (
        id TEXT NOT NULL PRIMARY KEY,
        client_id TEXT NOT NULL,
        user_id TEXT NOT NULL,
        family_id TEXT NOT NULL,
        attempts BIGINT NOT NULL,
        due_at BIGINT NOT NULL
    ) BY_KEY",
    "CREATE INDEX logout_notice_due_at ON logout_notice (due_at)",
];
