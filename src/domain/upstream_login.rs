//! People who are away at a provider.

use chrono::{DateTime, Utc};

use super::interaction::InteractionId;
use super::provider::Slug;
use super::secret::{Hashed, UpstreamState};
use super::session::BrowserId;

/// Somebody who is away at a provider.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "none of them follows from another")]
pub struct UpstreamLogin {
    /// What they took along.
    pub hash: Hashed<UpstreamState>,
    /// Where they are.
    pub provider: Slug,
    /// The browser that left.
    pub browser: BrowserId,
    /// What it is in the middle of.
    pub interaction: InteractionId,
    /// Whether they asked to stay signed in.
    pub kept: bool,
    /// Whether the app sent them there, past our own page.
    pub direct: bool,
    /// Whether they were to prove anew who they are.
    pub again: bool,
    /// Whether they were sent there once more, to agree to what they had not agreed to.
    pub consenting: bool,
    /// When it is too late to come back.
    pub expires_at: DateTime<Utc>,
}
