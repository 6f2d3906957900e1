//! The providers that are known by name: a table.

use crate::domain::provider::Preset;
use crate::social::claims::EmailTrust;
use crate::social::id_tokens::NonceRule;
use crate::social::openid_profile::OpenIdProfile;
use crate::social::{apple, google, kakao, line};

/// What is known of a provider before anybody asked it.
#[derive(Debug)]
pub struct ProviderProfile {
    /// What people call it.
    pub title: &'static str,
    /// What Koreans call it, where that is something else.
    pub korean_title: Option<&'static str>,
    /// How it is spoken to.
    pub(super) kind: Protocol,
    /// What proves there who we are.
    pub(super) needs: RequiredCredential,
    /// Its issuer, or where its endpoints are.
    pub issuer: &'static str,
    /// What is asked for.
    pub scopes: &'static str,
    /// Parameters with which it asks a person again: who they are, or at Google and GitHub no more
    /// than which account they mean (`select_account` proves nothing). Apple knows none.
    pub again: &'static [(&'static str, &'static str)],
    /// Whether it is sent `max_age=0` besides, and must say by `auth_time` when it asked (OpenID
    /// Connect Core §2, §3.1.2.1).
    pub requires_auth_time: bool,
    /// By what it refuses a code that it does not know, besides `invalid_grant` (RFC 6749 §5.2).
    pub(super) unknown_code_errors: &'static [&'static str],
    /// Whether it refuses to work in the browsers of other apps.
    pub blocks_embedded_browsers: bool,
}

impl ProviderProfile {
    /// Whether it speaks OpenID Connect.
    pub(super) fn is_openid(&self) -> bool {
        matches!(self.kind, Protocol::OpenId(_))
    }

    /// Whether it is ever believed that an address is somebody's.
    pub(super) fn vouches_for_addresses(&self) -> bool {
        match &self.kind {
            Protocol::OpenId(profile) => {
                profile.email_trust != EmailTrust::Never || profile.ask.is_some()
            }
            Protocol::GitHub => true,
            Protocol::Naver | Protocol::Facebook => false,
        }
    }
}

/// How a provider is spoken to.
#[derive(Debug)]
pub(super) enum Protocol {
    /// By OpenID Connect.
    OpenId(OpenIdProfile),
    /// By its own interface.
    GitHub,
    /// By its own interface.
    Naver,
    /// By its own interface.
    Facebook,
}

/// What this server must have to prove there who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RequiredCredential {
    /// A secret, or nothing: it may be a public client.
    Nothing,
    /// A secret.
    Secret,
    /// A key to sign secrets with.
    Key,
}

const LOGIN: &[(&str, &str)] = &[("prompt", "login")];
const SELECT: &[(&str, &str)] = &[("prompt", "select_account")];

/// What is known of a provider.
#[must_use]
pub fn of(preset: Preset) -> &'static ProviderProfile {
    match preset {
        Preset::Oidc => &OIDC,
        Preset::Google => &GOOGLE,
        Preset::Apple => &APPLE,
        Preset::Microsoft => &MICROSOFT,
        Preset::Kakao => &KAKAO,
        Preset::Naver => &NAVER,
        Preset::Line => &LINE,
        Preset::Facebook => &FACEBOOK,
        Preset::GitHub => &GITHUB,
        Preset::GitLab => &GITLAB,
    }
}

static OIDC: ProviderProfile = ProviderProfile {
    title: "OpenID Connect",
    korean_title: None,
    kind: Protocol::OpenId(OpenIdProfile::CORE),
    needs: RequiredCredential::Nothing,
    issuer: "",
    scopes: "openid profile email",
    again: LOGIN,
    requires_auth_time: true,
    unknown_code_errors: &[],
    blocks_embedded_browsers: false,
};

static GOOGLE: ProviderProfile = ProviderProfile {
    title: "Google",
    korean_title: None,
    kind: Protocol::OpenId(OpenIdProfile {
        admits: Some(google::is_of_a_domain),
        prove: Some(google::prove),
        ..OpenIdProfile::CORE
    }),
    needs: RequiredCredential::Secret,
    issuer: "https://accounts.google.com",
    scopes: "openid profile email",
    again: SELECT,
    requires_auth_time: false,
    unknown_code_errors: &[],
    blocks_embedded_browsers: true,
};

static APPLE: ProviderProfile = ProviderProfile {
    title: "Apple",
    korean_title: None,
    kind: Protocol::OpenId(OpenIdProfile {
        email_trust: EmailTrust::ClaimOrText,
        nonce: |sent| NonceRule::Hashed(sent),
        form_post: Some(apple::take_name),
        ..OpenIdProfile::CORE
    }),
    needs: RequiredCredential::Key,
    issuer: "https://appleid.apple.com",
    scopes: "openid name email",
    again: &[],
    requires_auth_time: false,
    unknown_code_errors: &[],
    blocks_embedded_browsers: false,
};

static MICROSOFT: ProviderProfile = ProviderProfile {
    title: "Microsoft",
    korean_title: None,
    kind: Protocol::OpenId(OpenIdProfile {
        // An administrator of a tenant writes addresses as they like, and `sub` is another one for
        // each app.
        email_trust: EmailTrust::Never,
        subject: "oid",
        tenants: true,
        ..OpenIdProfile::CORE
    }),
    needs: RequiredCredential::Secret,
    issuer: "https://login.microsoftonline.com",
    scopes: "openid profile email",
    again: LOGIN,
    requires_auth_time: false,
    // What is no code of its own at all is a malformed request to it (AADSTS9002313).
    unknown_code_errors: &["invalid_request"],
    blocks_embedded_browsers: false,
};

static KAKAO: ProviderProfile = ProviderProfile {
    title: "Kakao",
    korean_title: Some("카카오"),
    kind: Protocol::OpenId(OpenIdProfile {
        email_trust: EmailTrust::Never,
        ask: Some(kakao::ask),
        prove: Some(kakao::prove),
        ..OpenIdProfile::CORE
    }),
    needs: RequiredCredential::Secret,
    issuer: "https://kauth.kakao.com",
    // What a person is asked there is chosen in Kakao's console; naming anything here would ask
    // for that alone.
    scopes: "",
    again: LOGIN,
    requires_auth_time: false,
    unknown_code_errors: &[],
    blocks_embedded_browsers: false,
};

static NAVER: ProviderProfile = ProviderProfile {
    title: "Naver",
    korean_title: Some("네이버"),
    kind: Protocol::Naver,
    needs: RequiredCredential::Secret,
    issuer: "https://nid.naver.com",
    scopes: "",
    again: &[("auth_type", "reauthenticate")],
    requires_auth_time: false,
    unknown_code_errors: &["invalid_request"],
    blocks_embedded_browsers: false,
};

static LINE: ProviderProfile = ProviderProfile {
    title: "LINE",
    korean_title: None,
    kind: Protocol::OpenId(OpenIdProfile {
        email_trust: EmailTrust::Never,
        secret_in_body: true,
        signs_by_secret: true,
        prove: Some(line::prove),
        ..OpenIdProfile::CORE
    }),
    needs: RequiredCredential::Secret,
    issuer: "https://access.line.me",
    scopes: "openid profile email",
    again: LOGIN,
    requires_auth_time: false,
    unknown_code_errors: &[],
    blocks_embedded_browsers: false,
};

static FACEBOOK: ProviderProfile = ProviderProfile {
    title: "Facebook",
    korean_title: None,
    kind: Protocol::Facebook,
    needs: RequiredCredential::Secret,
    issuer: "https://www.facebook.com",
    scopes: "public_profile email",
    again: &[("auth_type", "reauthenticate")],
    requires_auth_time: false,
    unknown_code_errors: &["100"],
    blocks_embedded_browsers: false,
};

static GITHUB: ProviderProfile = ProviderProfile {
    title: "GitHub",
    korean_title: None,
    kind: Protocol::GitHub,
    needs: RequiredCredential::Secret,
    issuer: "https://github.com",
    scopes: "read:user user:email",
    again: SELECT,
    requires_auth_time: false,
    unknown_code_errors: &["bad_verification_code"],
    blocks_embedded_browsers: false,
};

static GITLAB: ProviderProfile = ProviderProfile {
    title: "GitLab",
    korean_title: None,
    kind: Protocol::OpenId(OpenIdProfile::CORE),
    needs: RequiredCredential::Nothing,
    issuer: "https://gitlab.com",
    scopes: "openid profile email",
    again: LOGIN,
    requires_auth_time: true,
    unknown_code_errors: &[],
    blocks_embedded_browsers: false,
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::clock::Clock;
    use crate::domain::provider::{Credential, Registration, Slug, Terms};
    use crate::domain::sensitive::Sensitive;
    use crate::outbound::{Config, Outbound};
    use crate::social::Provider;
    use crate::social::channel::Channel;
    use crate::social::facebook::Facebook;
    use crate::social::github::GitHub;
    use crate::social::microsoft::Tenants;
    use crate::social::naver::Naver;
    use crate::social::upstream::Upstream;

    /// At its usual place: no `issuer` is set.
    fn usual(preset: Preset) -> Upstream {
        let registration = Registration {
            slug: Slug::parse(preset.as_str()).unwrap(),
            terms: Terms::new(preset, "ours"),
            credential: Credential::Secret(Sensitive::new("secret")),
            disabled: false,
        };
        let outbound = Outbound::new(Config::default()).unwrap();
        Upstream::new(registration, Channel::new(outbound, Clock::system()))
    }

    /// The stand-ins of the tests have all of it at one place, so nothing else sees a slip here.
    #[test]
    fn every_vendor_is_where_it_says_that_it_is() {
        for (preset, issuer) in [
            (Preset::Google, "https://accounts.google.com"),
            (Preset::Apple, "https://appleid.apple.com"),
            (Preset::Kakao, "https://kauth.kakao.com"),
            (Preset::Line, "https://access.line.me"),
            (Preset::GitLab, "https://gitlab.com"),
        ] {
            assert!(of(preset).is_openid(), "{preset}");
            assert_eq!(usual(preset).base(), issuer);
        }
        let microsoft = usual(Preset::Microsoft);
        let issuer = Tenants::of(&microsoft).issuer();
        assert_eq!(issuer, "https://login.microsoftonline.com/common/v2.0");
        assert_eq!(google::TOKEN_INFO, "https://oauth2.googleapis.com/tokeninfo");
        assert_eq!(kakao::API, "https://kapi.kakao.com");
        assert_eq!(line::API, "https://api.line.me");
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

    #[test]
    fn every_preset_can_be_a_slug_and_has_an_issuer_unless_it_is_any() {
        for preset in Preset::ALL {
            assert!(Slug::parse(preset.as_str()).is_some(), "{preset}");
            assert_eq!(of(preset).issuer.is_empty(), preset == Preset::Oidc, "{preset}");
            assert!(!of(preset).issuer.ends_with('/'), "{preset}");
        }
    }
}
