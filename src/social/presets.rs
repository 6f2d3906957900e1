//! The providers that are known by name: a table.

use crate::domain::provider::Preset;

/// What is known of a provider before anybody asked it.
#[derive(Debug)]
pub struct Row {
    /// What people call it.
    pub title: &'static str,
    /// What Koreans call it, where that is something else.
    pub korean: Option<&'static str>,
    /// How it is spoken to.
    pub kind: Kind,
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
    /// Further origins that it sends browsers through.
    pub origins: &'static [&'static str],
    /// Whether it refuses to work in the browsers of other apps.
    pub shuns_in_apps: bool,
}

/// How a provider is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// By OpenID Connect, with these peculiarities.
    OpenId(Manner),
    /// By its own interface.
    GitHub,
    /// By its own interface.
    Naver,
    /// By its own interface.
    Facebook,
}

/// The peculiarities of an OpenID provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// None.
    Plain,
    /// Proves for whom an access token was issued.
    Google,
    /// A secret that is signed, answers that are posted, texts for booleans.
    Apple,
    /// Says at another place whether an address is good.
    Kakao,
    /// Signs with the channel secret on the web.
    Line,
    /// Many tenants, and addresses that anybody can write.
    Microsoft,
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

const OIDC: Row = Row {
    title: "OpenID Connect",
    korean: None,
    kind: Kind::OpenId(Manner::Plain),
    issuer: "",
    scopes: "openid profile email",
    again: LOGIN,
    says_when: true,
    origins: &[],
    shuns_in_apps: false,
};

const GOOGLE: Row = Row {
    title: "Google",
    korean: None,
    kind: Kind::OpenId(Manner::Google),
    issuer: "https://accounts.google.com",
    scopes: "openid profile email",
    again: SELECT,
    says_when: false,
    origins: &["https://*.google.com", "https://accounts.youtube.com"],
    shuns_in_apps: true,
};

const APPLE: Row = Row {
    title: "Apple",
    korean: None,
    kind: Kind::OpenId(Manner::Apple),
    issuer: "https://appleid.apple.com",
    scopes: "openid name email",
    again: &[],
    says_when: false,
    origins: &["https://*.apple.com"],
    shuns_in_apps: false,
};

const MICROSOFT: Row = Row {
    title: "Microsoft",
    korean: None,
    kind: Kind::OpenId(Manner::Microsoft),
    issuer: "https://login.microsoftonline.com",
    scopes: "openid profile email",
    again: LOGIN,
    says_when: false,
    origins: &["https://login.live.com", "https://*.microsoftonline.com"],
    shuns_in_apps: false,
};

const KAKAO: Row = Row {
    title: "Kakao",
    korean: Some("카카오"),
    kind: Kind::OpenId(Manner::Kakao),
    issuer: "https://kauth.kakao.com",
    // What a person is asked there is chosen in Kakao's console; naming anything here would ask
    // for that alone.
    scopes: "",
    again: LOGIN,
    says_when: false,
    origins: &["https://*.kakao.com"],
    shuns_in_apps: false,
};

const NAVER: Row = Row {
    title: "Naver",
    korean: Some("네이버"),
    kind: Kind::Naver,
    issuer: "https://nid.naver.com",
    scopes: "",
    again: &[("auth_type", "reauthenticate")],
    says_when: false,
    origins: &["https://*.naver.com"],
    shuns_in_apps: false,
};

const LINE: Row = Row {
    title: "LINE",
    korean: None,
    kind: Kind::OpenId(Manner::Line),
    issuer: "https://access.line.me",
    scopes: "openid profile email",
    again: LOGIN,
    says_when: false,
    origins: &["https://*.line.me"],
    shuns_in_apps: false,
};

const FACEBOOK: Row = Row {
    title: "Facebook",
    korean: None,
    kind: Kind::Facebook,
    issuer: "https://www.facebook.com",
    scopes: "public_profile email",
    again: &[("auth_type", "reauthenticate")],
    says_when: false,
    origins: &["https://*.facebook.com"],
    shuns_in_apps: false,
};

const GITHUB: Row = Row {
    title: "GitHub",
    korean: None,
    kind: Kind::GitHub,
    issuer: "https://github.com",
    scopes: "read:user user:email",
    again: SELECT,
    says_when: false,
    origins: &[],
    shuns_in_apps: false,
};

const GITLAB: Row = Row {
    title: "GitLab",
    korean: None,
    kind: Kind::OpenId(Manner::Plain),
    issuer: "https://gitlab.com",
    scopes: "openid profile email",
    again: LOGIN,
    says_when: true,
    origins: &[],
    shuns_in_apps: false,
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::provider::Slug;

    #[test]
    fn every_preset_can_be_a_slug_and_has_an_issuer_unless_it_is_any() {
        for preset in Preset::ALL {
            assert!(Slug::parse(preset.as_str()).is_some(), "{preset}");
            assert_eq!(of(preset).issuer.is_empty(), preset == Preset::Oidc, "{preset}");
            assert!(!of(preset).issuer.ends_with('/'), "{preset}");
        }
    }
}
