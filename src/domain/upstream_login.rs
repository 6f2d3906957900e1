//! Upstream logins: people who are signing in at a provider.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};

use super::clock;
use super::ids::identifier;
use super::interaction::InteractionId;
use super::provider::Slug;
use super::random::is_identifier;
use super::secret::{Plain, UpstreamState};
use super::session::BrowserId;

identifier! {
    /// How a browser names an upstream login that it has begun. It is derived from the `state`, and
    /// to know it proves nothing.
    #[derive(Clone, Debug, PartialEq, Eq)]
    UpstreamLoginName
}

impl UpstreamLoginName {
    /// The name of the login with this `state`.
    #[must_use]
    pub fn of(state: &Plain<UpstreamState>) -> Self {
        let hash = state.hashed().to_stored();
        Self(URL_SAFE_NO_PAD.encode(hash.get(..12).unwrap_or_default()))
    }
}

/// A person who is signing in at a provider. The browser carries all of it, sealed, as the `state`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "none of them follows from another")]
pub struct UpstreamLogin {
    /// The provider.
    pub provider: Slug,
    /// The browser that was redirected to the provider.
    pub browser: BrowserId,
    /// The interaction in which the person signs in.
    pub interaction: InteractionId,
    /// Whether they asked to stay signed in.
    pub kept: bool,
    /// Whether the app requested the provider, so that our own sign-in page was skipped.
    pub direct: bool,
    /// Whether they were required to authenticate again at the provider.
    pub again: bool,
    /// Whether they were redirected there a second time, to give a consent that they had not given.
    pub consenting: bool,
    /// When it expires.
    pub expires_at: DateTime<Utc>,
}

impl UpstreamLogin {
    /// The whole login as a short text, since some providers cut a long `state`.
    #[must_use]
    pub fn to_text(&self) -> String {
        let Self { provider, browser, interaction, expires_at, .. } = self;
        let flags: String =
            [('k', self.kept), ('d', self.direct), ('a', self.again), ('c', self.consenting)]
                .into_iter()
                .filter_map(|(letter, is_set)| is_set.then_some(letter))
                .collect();
        let expires_at = expires_at.timestamp_millis();
        let (browser, interaction) = (browser.as_str(), interaction.as_str());
        format!("{expires_at}.{flags}.{interaction}.{browser}.{provider}")
    }

    /// Reads the text that [`Self::to_text`] wrote.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let parts: Vec<_> = text.split('.').collect();
        let [expires_at, flags, interaction, browser, provider] = parts.as_slice() else {
            return None;
        };
        let identifier = |text: &str| is_identifier(text).then(|| text.to_owned());
        Some(Self {
            provider: Slug::parse(provider)?,
            browser: BrowserId::from_stored(identifier(browser)?),
            interaction: InteractionId::from_stored(identifier(interaction)?),
            kept: flags.contains('k'),
            direct: flags.contains('d'),
            again: flags.contains('a'),
            consenting: flags.contains('c'),
            expires_at: clock::from_millis(expires_at.parse().ok()?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::random;

    #[test]
    fn an_upstream_login_is_read_as_it_was_written() {
        let identifier = random::identifier;
        let plain = UpstreamLogin {
            provider: Slug::parse("a-b_9").unwrap(),
            browser: BrowserId::from_stored(identifier()),
            interaction: InteractionId::from_stored(identifier()),
            kept: false,
            direct: false,
            again: false,
            consenting: false,
            expires_at: clock::from_millis(1_790_000_000_123),
        };
        for login in [
            UpstreamLogin { kept: true, ..plain.clone() },
            UpstreamLogin { direct: true, ..plain.clone() },
            UpstreamLogin { again: true, ..plain.clone() },
            UpstreamLogin { consenting: true, kept: true, ..plain.clone() },
            plain.clone(),
        ] {
            assert_eq!(UpstreamLogin::parse(&login.to_text()), Some(login));
        }
        let text = plain.to_text();
        for bad in ["", "....", &text[1..2], &format!("{text}.x"), &text.replace("a-b_9", "A")] {
            assert_eq!(UpstreamLogin::parse(bad), None, "{bad}");
        }
    }
}
