//! Which memberships came from a provider: they are taken away when it no longer says them.

use crate::step::Step;

pub(crate) const STEP: Step = Step { name: "m0062_provider_groups", statements: STATEMENTS };

const STATEMENTS: &[&str] = &[
    "CREATE TABLE provider_membership (
        user_id TEXT NOT NULL,
        group_id TEXT NOT NULL,
        provider TEXT NOT NULL,
        PRIMARY KEY (user_id, group_id, provider),
        FOREIGN KEY (user_id, group_id) REFERENCES group_member (user_id, group_id) ON DELETE CASCADE
    ) BY_KEY",
    "CREATE INDEX provider_membership_provider ON provider_membership (provider, user_id)",
];
