//! Makes the provider of a registration, depending on its protocol.

use std::sync::Arc;

use super::channel::Channel;
use super::facebook::Facebook;
use super::github::GitHub;
use super::naver::Naver;
use super::openid::OpenId;
use super::profiles::{self, Protocol};
use super::provider::Provider;
use super::upstream::Upstream;
use super::validation::{self, Problems};
use crate::domain::clock::Clock;
use crate::domain::provider::Registration;
use crate::outbound::Outbound;

/// Makes the provider of a registration, unless a grave problem is found in it.
pub fn provider(
    registration: &Registration,
    outbound: &Outbound,
    clock: &Clock,
) -> Result<Arc<dyn Provider>, Problems> {
    validation::check_grave(registration, outbound.allows_private())?;
    let channel = Channel::new(outbound.clone(), clock.clone());
    let upstream = Upstream::new(registration.clone(), channel);
    Ok(match &profiles::of(registration.metadata.preset).protocol {
        Protocol::OpenId(profile) => Arc::new(OpenId::new(upstream, profile)),
        Protocol::GitHub => Arc::new(GitHub::new(upstream)),
        Protocol::Naver => Arc::new(Naver::new(upstream)),
        Protocol::Facebook => Arc::new(Facebook::new(upstream)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::provider::{Credential, Preset, ProviderMetadata, Slug};
    use crate::domain::secret::Secret;
    use crate::outbound::Config;
    use crate::social::microsoft::Tenants;

    /// A provider at its usual address: no `issuer` is set.
    fn usual(preset: Preset) -> Upstream {
        let registration = Registration {
            slug: Slug::parse(preset.as_str()).unwrap(),
            metadata: ProviderMetadata::new(preset, "ours"),
            credential: Credential::Secret(Secret::text("secret")),
            disabled: false,
        };
        let outbound = Outbound::new(Config::default()).unwrap();
        Upstream::new(registration, Channel::new(outbound, Clock::system()))
    }

    /// In the other tests one local server plays all parts of a provider, so only this test notices
    /// a wrong address.
    #[test]
    fn every_vendor_is_where_it_says_that_it_is() {
        for (preset, issuer) in [
            (Preset::Google, "https://accounts.google.com"),
            (Preset::Apple, "https://appleid.apple.com"),
            (Preset::Kakao, "https://kauth.kakao.com"),
            (Preset::Line, "https://access.line.me"),
            (Preset::GitLab, "https://gitlab.com"),
        ] {
            assert!(profiles::of(preset).is_openid(), "{preset}");
            assert_eq!(usual(preset).issuer(), issuer);
        }
        let microsoft = usual(Preset::Microsoft);
        let issuer = Tenants::of(&microsoft).issuer();
        assert_eq!(issuer, "https://login.microsoftonline.com/common/v2.0");
        for (preset, api) in [
            (Preset::Google, "https://oauth2.googleapis.com"),
            (Preset::Kakao, "https://kapi.kakao.com"),
            (Preset::Line, "https://api.line.me"),
        ] {
            assert_eq!(usual(preset).api(), api);
        }
        let github = GitHub::new(usual(Preset::GitHub));
        assert_eq!(github.oauth.authorize, "https://github.com/login/oauth/authorize");
        assert_eq!(github.oauth.token, "https://github.com/login/oauth/access_token");
        assert_eq!(github.api, "https://api.github.com");
        let naver = Naver::new(usual(Preset::Naver));
        assert_eq!(naver.oauth.authorize, "https://nid.naver.com/oauth2.0/authorize");
        assert_eq!(naver.oauth.token, "https://nid.naver.com/oauth2.0/token");
        assert_eq!(naver.me, "https://openapi.naver.com/v1/nid/me");
        let facebook = Facebook::new(usual(Preset::Facebook));
        assert_eq!(facebook.oauth.authorize, "https://www.facebook.com/dialog/oauth");
        assert_eq!(facebook.oauth.token, "https://graph.facebook.com/oauth/access_token");
        assert_eq!(facebook.graph, "https://graph.facebook.com");
        assert_eq!(facebook.limited, "https://limited.facebook.com");
        for issuer in ["https://www.facebook.com", "https://limited.facebook.com"] {
            assert!(facebook.issues(issuer), "{issuer}");
        }
    }
}
