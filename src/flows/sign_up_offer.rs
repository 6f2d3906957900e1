//! Whether the pages offer a new account.

use crate::domain::client::Client;
use crate::domain::interaction::Purpose;
use crate::domain::sign_up_mode::SignUpMode;
use crate::flows::context::Flows;

/// Whether the pages offer a new account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignUpOffer {
    /// Everybody may make one.
    Open,
    /// The pages say that one needs an invitation.
    InviteOnly,
    /// The pages say nothing.
    Closed,
}

/// Whether an account may be made on the way to this client, or to somebody's own account page.
#[must_use]
pub fn offer(flows: &Flows, purpose: &Purpose, client: Option<&Client>) -> SignUpOffer {
    let leads_on = matches!(purpose, Purpose::Authorize(_) | Purpose::Account { .. });
    // An account that is made here has a password, which must be a way to sign in.
    if !leads_on || flows.providers.are_the_only_way(purpose.client()) {
        return SignUpOffer::Closed;
    }
    let server = flows.sign_up.mode;
    match client.map_or(server, |client| client.sign_up_mode(server)) {
        SignUpMode::Open => SignUpOffer::Open,
        SignUpMode::Invite => SignUpOffer::InviteOnly,
        SignUpMode::Closed => SignUpOffer::Closed,
    }
}
