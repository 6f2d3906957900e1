//! The providers that are known by name: a table.

use super::claims::Believed;
use super::dialect::Dialect;
use super::id_tokens::NonceRule;
use super::{apple, google, kakao, line};
use crate::domain::provider::Preset;

/// What is known of a provider before anybody asked it.
#[derive(Debug)]
pub struct Row {
    /// What people call it.
    pub title: &'static str,
    /// What Koreans call it, where that is something else.
    pub korean: Option<&'static str>,
    /// How it is spoken to.
    pub(super) kind: Kind,
    /// What proves there who we are.
    pub(super) needs: Needs,
    /// Its issuer, or where its endpoints are.
    pub issuer: &'static str,
    /// What is asked for.
    pub scopes: &'static str,
    /// Parameters with which it asks a person again: who they are, or at Google and GitHub no more
    /// than which account they mean (`select_account` proves nothing). Apple knows none.
    pub again: &'static [(&'static str, &'static str)],
    /// Whether it is sent `max_age=0` besides, and must say by `auth_time` when it asked (OpenID
    /// Connect Core §2, §3.1.2.1).
    pub says_when: bool,
    /// By what it refuses a code that it does not know, besides `invalid_grant` (RFC 6749 §5.2).
    pub(super) unknown_code: &'static [&'static str],
    /// Whether it refuses to work in the browsers of other apps.
    pub shuns_in_apps: bool,
}

impl Row {
    /// Whether it speaks OpenID Connect.
    pub(super) fn is_openid(&self) -> bool {
        matches!(self.kind, Kind::OpenId(_))
    }

    /// Whether it is ever believed that an address is somebody's.
    pub(super) fn vouches_for_addresses(&self) -> bool {
        match &self.kind {
            Kind::OpenId(dialect) => dialect.believed != Believed::Never || dialect.ask.is_some(),
            Kind::GitHub => true,
            Kind::Naver | Kind::Facebook => false,
        }
    }
}

/// How a provider is spoken to.
#[derive(Debug)]
pub(super) enum Kind {
    /// By OpenID Connect.
    OpenId(Dialect),
    /// By its own interface.
    GitHub,
    /// By its own interface.
    Naver,
    /// By its own interface.
    Facebook,
}

/// What this server must have to prove there who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Needs {
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
pub fn of(preset: Preset) -> &'static Row {
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

static OIDC: Row = Row {
    title: "OpenID Connect",
    korean: None,
    kind: Kind::OpenId(Dialect::CORE),
    needs: Needs::Nothing,
    issuer: "",
    scopes: "openid profile email",
    again: LOGIN,
    says_when: true,
    unknown_code: &[],
    shuns_in_apps: false,
};

static GOOGLE: Row = Row {
    title: "Google",
    korean: None,
    kind: Kind::OpenId(Dialect {
        admits: Some(google::is_of_a_domain),
        prove: Some(google::prove),
        ..Dialect::CORE
    }),
    needs: Needs::Secret,
    issuer: "https://accounts.google.com",
    scopes: "openid profile email",
    again: SELECT,
    says_when: false,
    unknown_code: &[],
    shuns_in_apps: true,
};

static APPLE: Row = Row {
    title: "Apple",
    korean: None,
    kind: Kind::OpenId(Dialect {
        believed: Believed::ClaimOrText,
        nonce: |sent| NonceRule::Hashed(sent),
        form_post: Some(apple::take_name),
        ..Dialect::CORE
    }),
    needs: Needs::Key,
    issuer: "https://appleid.apple.com",
    scopes: "openid name email",
    again: &[],
    says_when: false,
    unknown_code: &[],
    shuns_in_apps: false,
};

static MICROSOFT: Row = Row {
    title: "Microsoft",
    korean: None,
    kind: Kind::OpenId(Dialect {
        // An administrator of a tenant writes addresses as they like, and `sub` is another one for
        // each app.
        believed: Believed::Never,
        subject: "oid",
        tenants: true,
        ..Dialect::CORE
    }),
    needs: Needs::Secret,
    issuer: "https://login.microsoftonline.com",
    scopes: "openid profile email",
    again: LOGIN,
    says_when: false,
    // What is no code of its own at all is a malformed request to it (AADSTS9002313).
    unknown_code: &["invalid_request"],
    shuns_in_apps: false,
};

static KAKAO: Row = Row {
    title: "Kakao",
    korean: Some("카카오"),
    kind: Kind::OpenId(Dialect {
        believed: Believed::Never,
        ask: Some(kakao::ask),
        prove: Some(kakao::prove),
        ..Dialect::CORE
    }),
    needs: Needs::Secret,
    issuer: "https://kauth.kakao.com",
    // What a person is asked there is chosen in Kakao's console; naming anything here would ask
    // for that alone.
    scopes: "",
    again: LOGIN,
    says_when: false,
    unknown_code: &[],
    shuns_in_apps: false,
};

static NAVER: Row = Row {
    title: "Naver",
    korean: Some("네이버"),
    kind: Kind::Naver,
    needs: Needs::Secret,
    issuer: "https://nid.naver.com",
    scopes: "",
    again: &[("auth_type", "reauthenticate")],
    says_when: false,
    unknown_code: &["invalid_request"],
    shuns_in_apps: false,
};

static LINE: Row = Row {
    title: "LINE",
    korean: None,
    kind: Kind::OpenId(Dialect {
        believed: Believed::Never,
        secret_in_body: true,
        signs_by_secret: true,
        prove: Some(line::prove),
        ..Dialect::CORE
    }),
    needs: Needs::Secret,
    issuer: "https://access.line.me",
    scopes: "openid profile email",
    again: LOGIN,
    says_when: false,
    unknown_code: &[],
    shuns_in_apps: false,
};

static FACEBOOK: Row = Row {
    title: "Facebook",
    korean: None,
    kind: Kind::Facebook,
    needs: Needs::Secret,
    issuer: "https://www.facebook.com",
    scopes: "public_profile email",
    again: &[("auth_type", "reauthenticate")],
    says_when: false,
    unknown_code: &["100"],
    shuns_in_apps: false,
};

static GITHUB: Row = Row {
    title: "GitHub",
    korean: None,
    kind: Kind::GitHub,
    needs: Needs::Secret,
    issuer: "https://github.com",
    scopes: "read:user user:email",
    again: SELECT,
    says_when: false,
    unknown_code: &["bad_verification_code"],
    shuns_in_apps: false,
};

static GITLAB: Row = Row {
    title: "GitLab",
    korean: None,
    kind: Kind::OpenId(Dialect::CORE),
    needs: Needs::Nothing,
    issuer: "https://gitlab.com",
    scopes: "openid profile email",
    again: LOGIN,
    says_when: true,
    unknown_code: &[],
    shuns_in_apps: false,
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
    use crate::social::naver::Naver;
    use crate::social::site::Site;
    use crate::social::tenants::Tenants;

    /// At its usual place: no `issuer` is set.
    fn usual(preset: Preset) -> Site {
        let registration = Registration {
            slug: Slug::parse(preset.as_str()).unwrap(),
            terms: Terms::new(preset, "ours"),
            credential: Credential::Secret(Sensitive::new("secret")),
            disabled: false,
        };
        let outbound = Outbound::new(Config::default()).unwrap();
        Site::new(registration, Channel::new(outbound, Clock::system()))
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
