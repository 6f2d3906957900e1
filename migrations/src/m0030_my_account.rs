//! My account: what happened to one person, accounts that their people delete, and accounts that
//! are found by the beginning of a name.

use crate::step::Step;

pub(crate) const STEP: Step = Step { name: "m0030_my_account", statements: STATEMENTS };

const STATEMENTS: &[&str] = &[
    // A page of one person's events is read in this order, however many events there are.
    "CREATE INDEX audit_event_user ON audit_event (user_id, at, id) WHERE user_id IS NOT NULL",
    // From this instant on the account is over, even before its rows are deleted.
    "ALTER TABLE account ADD COLUMN deletion_at BIGINT",
    "CREATE INDEX account_deletion_at ON account (deletion_at) WHERE deletion_at IS NOT NULL",
    // Until when the audit events of an account that is being deleted have been bared, so that the
    // next step does not read them again.
    "ALTER TABLE ending ADD COLUMN bared_until BIGINT",
    // Only in the order of the bytes, all names with one beginning stand together in an index.
    // SQLite compares bytes anyway.
    "POSTGRES ALTER TABLE account ALTER COLUMN username_key TYPE TEXT COLLATE \"C\"",
    "POSTGRES ALTER TABLE account ALTER COLUMN email_key TYPE TEXT COLLATE \"C\"",
    "DROP INDEX account_email_key",
    "CREATE INDEX account_email_key ON account (email_key, id) WHERE email_key IS NOT NULL",
];
