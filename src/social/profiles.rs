//! What is known about each provider in advance. This file is only data; the code for a provider is
//! in the file of its name.

use crate::domain::provider::Preset;

/// What is known about a provider in advance.
#[derive(Debug)]
pub struct ProviderProfile {
    /// The name that people know it by.
    pub title: &'static str,
    /// The protocol that it uses.
    pub(super) protocol: Protocol,
    /// The credential with which this server proves who it is.
    pub(super) credential: RequiredCredential,
    /// Its issuer, or the base URL of its endpoints.
    pub issuer: &'static str,
    /// The base URL of its own API for people and tokens, if it has one beside OpenID Connect.
    pub(super) api: &'static str,
    /// The scopes that are requested.
    pub scopes: &'static str,
    /// The parameters that make it ask the person again. Most providers then ask for a new proof;
    /// Google and GitHub only ask which account they want (`select_account`, which proves nothing).
    /// Apple has no such parameter.
    pub reauthentication: &'static [(&'static str, &'static str)],
    /// Whether `max_age=0` is sent in addition, and the id token must say in `auth_time` when the
    /// person proved who they are (OpenID Connect Core §2, §3.1.2.1).
    pub requires_auth_time: bool,
    /// The errors with which it refuses an unknown code, besides `invalid_grant` (RFC 6749 §5.2).
    pub(super) unknown_code_errors: &'static [&'static str],
    /// Whether it refuses to work in the embedded browsers of apps.
    pub blocks_embedded_browsers: bool,
}

impl ProviderProfile {
    /// Whether it uses OpenID Connect.
    pub(super) fn is_openid(&self) -> bool {
        matches!(self.protocol, Protocol::OpenId(_))
    }

    /// Whether this server ever accepts an address as verified by it.
    pub(super) fn vouches_for_addresses(&self) -> bool {
        match &self.protocol {
            Protocol::OpenId(profile) => {
                profile.email_trust != EmailTrust::Never || profile.userinfo == Userinfo::Kakao
            }
            Protocol::GitHub => true,
            Protocol::Naver | Protocol::Facebook => false,
        }
    }
}

/// The protocol of a provider.
#[derive(Debug)]
pub(super) enum Protocol {
    /// OpenID Connect.
    OpenId(OpenIdProfile),
    /// GitHub's own API.
    GitHub,
    /// Naver's own API.
    Naver,
    /// Facebook's own API.
    Facebook,
}

/// How an OpenID provider differs from OpenID Connect Core.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "none of them follows from another")]
pub(super) struct OpenIdProfile {
    /// When an address from it counts as verified.
    pub(super) email_trust: EmailTrust,
    /// The claim that identifies a person.
    pub(super) subject_claim: &'static str,
    /// Whether each of its tenants is an issuer of its own.
    pub(super) is_multi_tenant: bool,
    /// Whether the client secret is sent in the body, whatever its metadata says.
    pub(super) secret_in_body: bool,
    /// Whether it may sign the id tokens of web sign-ins with the client secret (HS256).
    pub(super) signs_by_secret: bool,
    /// In which form the nonce of an app is in the id token.
    pub(super) nonce: NonceForm,
    /// What proves that a person belongs to a domain that the operator allows.
    pub(super) domain_proof: DomainProof,
    /// Whether its answers are posted by a form, with a `user` next to the code.
    pub(super) form_post: bool,
    /// Where more about a person is found than in the id token.
    pub(super) userinfo: Userinfo,
    /// How to check for which app an access token was issued; if none, access tokens are not
    /// accepted.
    pub(super) access_token_check: Option<AccessTokenCheck>,
}

impl OpenIdProfile {
    /// The profile of a provider that does exactly what OpenID Connect Core says.
    pub(super) const CORE: Self = Self {
        email_trust: EmailTrust::Claim,
        subject_claim: "sub",
        is_multi_tenant: false,
        secret_in_body: false,
        signs_by_secret: false,
        nonce: NonceForm::Plain,
        domain_proof: DomainProof::EmailAddress,
        form_post: false,
        userinfo: Userinfo::Endpoint,
        access_token_check: None,
    };
}

/// When an address from a provider counts as verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EmailTrust {
    /// If `email_verified` is the boolean `true` (Core §5.1).
    Claim,
    /// The same, but it may be the text `true`, too.
    ClaimOrText,
    /// Never.
    Never,
}

/// In which form the nonce of an app is in the id token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NonceForm {
    /// As the app gave it.
    Plain,
    /// As the app gave it, or its SHA-256 in hex.
    PlainOrHashed,
}

/// What proves that a person belongs to a domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DomainProof {
    /// A verified address at that domain.
    EmailAddress,
    /// Google's claim `hd`, which names the domain whose administrators own the account.
    HostedDomain,
}

/// Where more about a person is found than in the id token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Userinfo {
    /// The userinfo endpoint, Core §5.3.
    Endpoint,
    /// Kakao's own API.
    Kakao,
}

/// The provider whose API says for which app an access token was issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AccessTokenCheck {
    Google,
    Kakao,
    Line,
}

/// The credential that a provider requires from this server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RequiredCredential {
    /// A secret, or nothing: this server may be a public client there.
    Nothing,
    /// A secret.
    Secret,
    /// A key with which client secrets are signed.
    Key,
}

const LOGIN: &[(&str, &str)] = &[("prompt", "login")];
const SELECT: &[(&str, &str)] = &[("prompt", "select_account")];

/// The profile of a provider.
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
    protocol: Protocol::OpenId(OpenIdProfile::CORE),
    credential: RequiredCredential::Nothing,
    issuer: "",
    api: "",
    scopes: "openid profile email",
    reauthentication: LOGIN,
    requires_auth_time: true,
    unknown_code_errors: &[],
    blocks_embedded_browsers: false,
};

static GOOGLE: ProviderProfile = ProviderProfile {
    title: "Google",
    protocol: Protocol::OpenId(OpenIdProfile {
        domain_proof: DomainProof::HostedDomain,
        access_token_check: Some(AccessTokenCheck::Google),
        ..OpenIdProfile::CORE
    }),
    credential: RequiredCredential::Secret,
    issuer: "https://accounts.google.com",
    api: "https://oauth2.googleapis.com",
    scopes: "openid profile email",
    reauthentication: SELECT,
    requires_auth_time: false,
    unknown_code_errors: &[],
    blocks_embedded_browsers: true,
};

static APPLE: ProviderProfile = ProviderProfile {
    title: "Apple",
    protocol: Protocol::OpenId(OpenIdProfile {
        email_trust: EmailTrust::ClaimOrText,
        nonce: NonceForm::PlainOrHashed,
        form_post: true,
        ..OpenIdProfile::CORE
    }),
    credential: RequiredCredential::Key,
    issuer: "https://appleid.apple.com",
    api: "",
    scopes: "openid name email",
    reauthentication: &[],
    requires_auth_time: false,
    unknown_code_errors: &[],
    blocks_embedded_browsers: false,
};

static MICROSOFT: ProviderProfile = ProviderProfile {
    title: "Microsoft",
    protocol: Protocol::OpenId(OpenIdProfile {
        // An administrator of a tenant can write any address, and `sub` is different for each app.
        email_trust: EmailTrust::Never,
        subject_claim: "oid",
        is_multi_tenant: true,
        ..OpenIdProfile::CORE
    }),
    credential: RequiredCredential::Secret,
    issuer: "https://login.microsoftonline.com",
    api: "",
    scopes: "openid profile email",
    reauthentication: LOGIN,
    requires_auth_time: false,
    // Microsoft refuses an invented code as a malformed request (AADSTS9002313).
    unknown_code_errors: &["invalid_request"],
    blocks_embedded_browsers: false,
};

static KAKAO: ProviderProfile = ProviderProfile {
    title: "Kakao",
    protocol: Protocol::OpenId(OpenIdProfile {
        email_trust: EmailTrust::Never,
        userinfo: Userinfo::Kakao,
        access_token_check: Some(AccessTokenCheck::Kakao),
        ..OpenIdProfile::CORE
    }),
    credential: RequiredCredential::Secret,
    issuer: "https://kauth.kakao.com",
    api: "https://kapi.kakao.com",
    // What a person is asked for is configured in Kakao's console. If scopes were sent, Kakao would
    // ask for these only.
    scopes: "",
    reauthentication: LOGIN,
    requires_auth_time: false,
    unknown_code_errors: &[],
    blocks_embedded_browsers: false,
};

static NAVER: ProviderProfile = ProviderProfile {
    title: "Naver",
    protocol: Protocol::Naver,
    credential: RequiredCredential::Secret,
    issuer: "https://nid.naver.com",
    api: "https://openapi.naver.com",
    scopes: "",
    reauthentication: &[("auth_type", "reauthenticate")],
    requires_auth_time: false,
    unknown_code_errors: &["invalid_request"],
    blocks_embedded_browsers: false,
};

static LINE: ProviderProfile = ProviderProfile {
    title: "LINE",
    protocol: Protocol::OpenId(OpenIdProfile {
        email_trust: EmailTrust::Never,
        secret_in_body: true,
        signs_by_secret: true,
        access_token_check: Some(AccessTokenCheck::Line),
        ..OpenIdProfile::CORE
    }),
    credential: RequiredCredential::Secret,
    issuer: "https://access.line.me",
    api: "https://api.line.me",
    scopes: "openid profile email",
    reauthentication: LOGIN,
    requires_auth_time: false,
    unknown_code_errors: &[],
    blocks_embedded_browsers: false,
};

static FACEBOOK: ProviderProfile = ProviderProfile {
    title: "Facebook",
    protocol: Protocol::Facebook,
    credential: RequiredCredential::Secret,
    issuer: "https://www.facebook.com",
    api: "https://graph.facebook.com",
    scopes: "public_profile email",
    reauthentication: &[("auth_type", "reauthenticate")],
    requires_auth_time: false,
    unknown_code_errors: &["100"],
    blocks_embedded_browsers: false,
};

static GITHUB: ProviderProfile = ProviderProfile {
    title: "GitHub",
    protocol: Protocol::GitHub,
    credential: RequiredCredential::Secret,
    issuer: "https://github.com",
    api: "https://api.github.com",
    scopes: "read:user user:email",
    reauthentication: SELECT,
    requires_auth_time: false,
    unknown_code_errors: &["bad_verification_code"],
    blocks_embedded_browsers: false,
};

static GITLAB: ProviderProfile = ProviderProfile {
    title: "GitLab",
    protocol: Protocol::OpenId(OpenIdProfile::CORE),
    credential: RequiredCredential::Nothing,
    issuer: "https://gitlab.com",
    api: "",
    scopes: "openid profile email",
    reauthentication: LOGIN,
    requires_auth_time: true,
    unknown_code_errors: &[],
    blocks_embedded_browsers: false,
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
