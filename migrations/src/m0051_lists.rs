//! Lists of people by their role in the administration, and of those who are disabled.

use crate::step::Step;

pub(crate) const STEP: Step = Step { name: "m0051_lists", statements: STATEMENTS };

const STATEMENTS: &[&str] = &[
    "CREATE INDEX admin_role_holders ON admin_role (role, user_id)",
    "DROP INDEX admin_role_by_role",
    "CREATE INDEX account_disabled ON account (username_key) WHERE disabled_at IS NOT NULL",
];
