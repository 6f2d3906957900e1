//! The core tables: clients, users, families, refresh tokens, keys, throttles, audit.
//!
//! Instants are milliseconds since 1970. Hashes are 32 bytes. Lists are JSON arrays in text.

use crate::step::Step;

pub(crate) const STEP: Step = Step { name: "m0001_core", statements: STATEMENTS };

const STATEMENTS: &[&str] = &[
    // Servers and commands watch these numbers to notice changes.
    "CREATE TABLE revision (
        name TEXT NOT NULL PRIMARY KEY,
        value BIGINT NOT NULL
    ) BY_KEY",
    "INSERT INTO revision (name, value) VALUES ('clients', 0), ('keys', 0)",
    "CREATE TABLE client (
        id TEXT NOT NULL PRIMARY KEY,
        name TEXT NOT NULL,
        kind TEXT NOT NULL,
        auth_method TEXT NOT NULL,
        secret_hash BYTES,
        jwks TEXT,
        grants TEXT NOT NULL,
        scope TEXT NOT NULL,
        audiences TEXT NOT NULL,
        resource_servers TEXT NOT NULL,
        redirect_uris TEXT NOT NULL,
        token_alg TEXT NOT NULL,
        refresh_policy TEXT NOT NULL,
        refresh_grace_ms BIGINT,
        require_access_token_proof BOOLEAN NOT NULL,
        disabled_at BIGINT,
        created_at BIGINT NOT NULL
    ) BY_KEY",
    "CREATE TABLE account (
        id TEXT NOT NULL PRIMARY KEY,
        username TEXT NOT NULL,
        username_key TEXT NOT NULL UNIQUE,
        email TEXT,
        email_key TEXT,
        email_verified BOOLEAN NOT NULL,
        password_hash TEXT,
        profile TEXT NOT NULL,
        disabled_at BIGINT,
        created_at BIGINT NOT NULL,
        updated_at BIGINT NOT NULL
    )",
    // A verified address belongs to one account. Several accounts may have the same unverified
    // address.
    "CREATE UNIQUE INDEX account_verified_email ON account (email_key) WHERE email_verified",
    "CREATE TABLE known_address (
        user_id TEXT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
        address TEXT NOT NULL,
        seen_at BIGINT NOT NULL,
        PRIMARY KEY (user_id, address)
    ) BY_KEY",
    "CREATE INDEX known_address_seen_at ON known_address (seen_at)",
    "CREATE TABLE family (
        id TEXT NOT NULL PRIMARY KEY,
        user_id TEXT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
        client_id TEXT NOT NULL REFERENCES client (id) ON DELETE CASCADE,
        scope TEXT NOT NULL,
        resources TEXT NOT NULL,
        auth_time BIGINT NOT NULL,
        amr TEXT NOT NULL,
        expires_at BIGINT NOT NULL,
        revoked_at BIGINT
    )",
    "CREATE INDEX family_user_id ON family (user_id)",
    "CREATE INDEX family_client_id ON family (client_id)",
    "CREATE INDEX family_expires_at ON family (expires_at)",
    // No foreign key: a token without its family is unknown anyway, and a rotation writes to one
    // index less.
    "CREATE TABLE refresh_token (
        hash BYTES NOT NULL PRIMARY KEY,
        family_id TEXT NOT NULL,
        generation BIGINT NOT NULL,
        expires_at BIGINT NOT NULL,
        spent_at BIGINT
    ) BY_KEY",
    "CREATE INDEX refresh_token_expires_at ON refresh_token (expires_at)",
    "CREATE TABLE revoked_access_token (
        jti TEXT NOT NULL PRIMARY KEY,
        expires_at BIGINT NOT NULL
    ) BY_KEY",
    "CREATE TABLE used_assertion (
        hash BYTES NOT NULL PRIMARY KEY,
        expires_at BIGINT NOT NULL
    ) BY_KEY",
    "CREATE TABLE throttle (
        key BYTES NOT NULL PRIMARY KEY,
        failures BIGINT NOT NULL,
        ends_at BIGINT NOT NULL
    ) BY_KEY",
    // One key for each algorithm and generation, so that two servers that rotate at once agree on
    // one.
    "CREATE TABLE signing_key (
        kid TEXT NOT NULL PRIMARY KEY,
        alg TEXT NOT NULL,
        generation BIGINT NOT NULL,
        created_at BIGINT NOT NULL,
        signs_from BIGINT NOT NULL,
        public_jwk TEXT NOT NULL,
        sealed_private BYTES NOT NULL,
        UNIQUE (alg, generation)
    )",
    "CREATE TABLE audit_event (
        id TEXT NOT NULL PRIMARY KEY,
        at BIGINT NOT NULL,
        kind TEXT NOT NULL,
        client_id TEXT,
        user_id TEXT,
        family_id TEXT,
        address TEXT,
        request_id TEXT,
        detail TEXT
    )",
    "CREATE INDEX audit_event_at ON audit_event (at)",
];
