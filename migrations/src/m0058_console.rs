//! What the overview of the console counts: the sign-ins of a day, and the people of a provider. The
//! second index also finds the person of an identity at a provider.

use crate::step::Step;

pub(crate) const STEP: Step = Step { name: "m0058_console", statements: STATEMENTS };

const STATEMENTS: &[&str] = &[
    "CREATE INDEX audit_event_sign_ins ON audit_event (at) WHERE kind = 'sign_in.succeeded'",
    "CREATE INDEX identity_provider ON identity (provider, subject)",
];
