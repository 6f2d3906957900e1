//! Why an access token is refused: what a strict verifier would say about it, check by check.
//!
//! [`explain`] is a pure function. Who calls it has gathered the [`Facts`] before, from the
//! database of the server or from what the issuer publishes.

mod checks;
mod difference;
pub mod facts;
pub mod presented;
mod standing;
pub mod step;

use self::facts::Facts;
use self::presented::Presented;
use self::step::{Check, Step};
use super::reason::Reason;

/// What a strict verifier says about a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The checks in their order. If the text is no token, there is only the first one.
    pub steps: Vec<Step>,
    /// Whether the signature was checked.
    is_whole: bool,
}

impl Explanation {
    /// Whether a strict verifier takes the token.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.reason().is_none()
    }

    /// Why it is refused: the reason of the first check that fails.
    #[must_use]
    pub fn reason(&self) -> Option<Reason> {
        self.steps.iter().find_map(|step| step.reason)
    }

    /// What to do about it, in one line.
    #[must_use]
    pub fn mend(&self) -> String {
        let failed = self.steps.iter().find_map(|step| Some((step, step.reason?)));
        match failed {
            Some((step, reason)) => step.mend.clone().unwrap_or_else(|| reason.plain_advice()),
            None if self.is_whole => {
                "nothing: if an API refuses it, compare the settings of its verifier with the lines above".to_owned()
            }
            None => "nothing in these claims; give the whole token to have header, key and signature checked".to_owned(),
        }
    }
}

/// What a strict verifier says about this token.
#[must_use]
pub fn explain(presented: &Presented, facts: &Facts) -> Explanation {
    let mut steps = vec![checks::shape(presented).at(Check::Shape)];
    if let Some(claims) = presented.claims() {
        let jwt = presented.jwt();
        steps.extend([
            checks::header(jwt).at(Check::Header),
            checks::key(jwt, facts).at(Check::Key),
            checks::issuer(claims, facts).at(Check::Issuer),
            checks::audience(claims, facts).at(Check::Audience),
            checks::times(claims, facts).at(Check::Times),
            checks::scope(claims, facts).at(Check::Scope),
            checks::binding(claims, presented.scheme).at(Check::Binding),
            standing::revoked(facts).at(Check::Revoked),
            checks::typ(jwt, claims, facts).at(Check::Typ),
        ]);
    }
    Explanation { steps, is_whole: presented.jwt().is_some() }
}

#[cfg(test)]
mod tests;
