//! Groups of people, and the roles that people have at clients.

use crate::step::Step;

pub(crate) const STEP: Step = Step { name: "m0047_groups", statements: STATEMENTS };

// Names are compared byte for byte by both databases. The second index of a table of holders finds
// the holders in steps when a group or a role is deleted.
const STATEMENTS: &[&str] = &[
    "CREATE TABLE people_group (
        id TEXT NOT NULL PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        created_at BIGINT NOT NULL
    ) BY_KEY",
    "POSTGRES ALTER TABLE people_group ALTER COLUMN name TYPE TEXT COLLATE \"C\"",
    "CREATE TABLE group_member (
        user_id TEXT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
        group_id TEXT NOT NULL REFERENCES people_group (id) ON DELETE CASCADE,
        PRIMARY KEY (user_id, group_id)
    ) BY_KEY",
    "CREATE INDEX group_member_group_id ON group_member (group_id, user_id)",
    "CREATE TABLE client_role (
        id TEXT NOT NULL PRIMARY KEY,
        client_id TEXT NOT NULL REFERENCES client (id) ON DELETE CASCADE,
        name TEXT NOT NULL,
        created_at BIGINT NOT NULL,
        UNIQUE (client_id, name)
    ) BY_KEY",
    "POSTGRES ALTER TABLE client_role ALTER COLUMN name TYPE TEXT COLLATE \"C\"",
    "CREATE TABLE client_role_holder (
        user_id TEXT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
        role_id TEXT NOT NULL REFERENCES client_role (id) ON DELETE CASCADE,
        PRIMARY KEY (user_id, role_id)
    ) BY_KEY",
    "CREATE INDEX client_role_holder_role_id ON client_role_holder (role_id, user_id)",
];
