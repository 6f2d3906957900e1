//! The providers that are known by name: a table.

/// What is known of a provider before anybody asked it.
#[derive(Debug)]
pub struct Preset {
    /// Its name in the settings.
    pub name: &'static str,
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

/// Every preset.
pub const PRESETS: &[Preset] = &[
    Preset {
        name: "oidc",
        title: "OpenID Connect",
        korean: None,
        kind: Kind::OpenId(Manner::Plain),
        issuer: "",
        scopes: "openid profile email",
        again: LOGIN,
        says_when: true,
        origins: &[],
        shuns_in_apps: false,
    },
    Preset {
        name: "google",
        title: "Google",
        korean: None,
        kind: Kind::OpenId(Manner::Google),
        issuer: "https://accounts.google.com",
        scopes: "openid profile email",
        again: SELECT,
        says_when: false,
        origins: &["https://*.google.com", "https://accounts.youtube.com"],
        shuns_in_apps: true,
    },
    Preset {
        name: "apple",
        title: "Apple",
        korean: None,
        kind: Kind::OpenId(Manner::Apple),
        issuer: "https://appleid.apple.com",
        scopes: "openid name email",
        again: &[],
        says_when: false,
        origins: &["https://*.apple.com"],
        shuns_in_apps: false,
    },
    Preset {
        name: "microsoft",
        title: "Microsoft",
        korean: None,
        kind: Kind::OpenId(Manner::Microsoft),
        issuer: "https://login.microsoftonline.com",
        scopes: "openid profile email",
        again: LOGIN,
        says_when: false,
        origins: &["https://login.live.com", "https://*.microsoftonline.com"],
        shuns_in_apps: false,
    },
    Preset {
        name: "kakao",
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
    },
    Preset {
        name: "naver",
        title: "Naver",
        korean: Some("네이버"),
        kind: Kind::Naver,
        issuer: "https://nid.naver.com",
        scopes: "",
        again: &[("auth_type", "reauthenticate")],
        says_when: false,
        origins: &["https://*.naver.com"],
        shuns_in_apps: false,
    },
    Preset {
        name: "line",
        title: "LINE",
        korean: None,
        kind: Kind::OpenId(Manner::Line),
        issuer: "https://access.line.me",
        scopes: "openid profile email",
        again: LOGIN,
        says_when: false,
        origins: &["https://*.line.me"],
        shuns_in_apps: false,
    },
    Preset {
        name: "facebook",
        title: "Facebook",
        korean: None,
        kind: Kind::Facebook,
        issuer: "https://www.facebook.com",
        scopes: "public_profile email",
        again: &[("auth_type", "reauthenticate")],
        says_when: false,
        origins: &["https://*.facebook.com"],
        shuns_in_apps: false,
    },
    Preset {
        name: "github",
        title: "GitHub",
        korean: None,
        kind: Kind::GitHub,
        issuer: "https://github.com",
        scopes: "read:user user:email",
        again: SELECT,
        says_when: false,
        origins: &[],
        shuns_in_apps: false,
    },
    Preset {
        name: "gitlab",
        title: "GitLab",
        korean: None,
        kind: Kind::OpenId(Manner::Plain),
        issuer: "https://gitlab.com",
        scopes: "openid profile email",
        again: LOGIN,
        says_when: true,
        origins: &[],
        shuns_in_apps: false,
    },
];

/// The preset of this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Preset> {
    PRESETS.iter().find(|preset| preset.name == name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::domain::provider::Slug;

    #[test]
    fn every_preset_is_one_of_its_name_and_can_be_a_slug() {
        let names: BTreeSet<&str> = PRESETS.iter().map(|preset| preset.name).collect();
        assert_eq!(names.len(), PRESETS.len());
        for preset in PRESETS {
            assert!(Slug::parse(preset.name).is_some(), "{}", preset.name);
            assert_eq!(preset.issuer.is_empty(), preset.name == "oidc", "{}", preset.name);
            assert!(!preset.issuer.ends_with('/'), "{}", preset.name);
        }
    }
}
