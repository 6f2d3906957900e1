//! What is known of each provider before anybody asked it: data alone. What it takes to speak to one
//! stands in the file of its name.

use crate::domain::provider::Preset;

/// What is known of a provider before anybody asked it.
#[derive(Debug)]
pub struct ProviderProfile {
    /// What people call it.
    pub title: &'static str,
    /// How it is spoken to.
    pub(super) protocol: Protocol,
    /// What proves there who we are.
    pub(super) credential: RequiredCredential,
    /// Its issuer, or where its endpoints are.
    pub issuer: &'static str,
    /// Where its own interface for people and tokens is, if it has one beside OpenID Connect.
    pub(super) api: &'static str,
    /// What is asked for.
    pub scopes: &'static str,
    /// Parameters with which it asks a person again: who they are, or at Google and GitHub no more
    /// than which account they mean (`select_account` proves nothing). Apple knows none.
    pub reauthentication: &'static [(&'static str, &'static str)],
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
        matches!(self.protocol, Protocol::OpenId(_))
    }

    /// Whether it is ever believed that an address is somebody's.
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

/// How an OpenID provider differs from OpenID Connect Core.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "none of them follows from another")]
pub(super) struct OpenIdProfile {
    /// By what it is believed about addresses.
    pub(super) email_trust: EmailTrust,
    /// The claim that names a person.
    pub(super) subject_claim: &'static str,
    /// Whether each of its tenants is an issuer.
    pub(super) is_multi_tenant: bool,
    /// Whether the client secret stands in the body, whatever its metadata says.
    pub(super) secret_in_body: bool,
    /// Whether it may sign by the client secret (HS256) what it hands out on the web.
    pub(super) signs_by_secret: bool,
    /// How the nonce of an app comes back.
    pub(super) nonce: NonceForm,
    /// What proves that a person belongs to a domain that the operator names.
    pub(super) domain_proof: DomainProof,
    /// Whether its answers are posted by a form, with a `user` beside the code.
    pub(super) form_post: bool,
    /// What tells more about a person than the id token.
    pub(super) userinfo: Userinfo,
    /// What proves for whom an access token was issued; without it nothing does.
    pub(super) access_token_check: Option<AccessTokenCheck>,
}

impl OpenIdProfile {
    /// No difference: what OpenID Connect Core says.
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

/// Whether a provider is believed about addresses, and by what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EmailTrust {
    /// By `email_verified`: a boolean and nothing else (Core §5.1).
    Claim,
    /// The same, where it may be a text too.
    ClaimOrText,
    /// Never.
    Never,
}

/// How the nonce that an app gave stands in the id token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NonceForm {
    /// As it was given.
    Plain,
    /// As it was given, or its SHA-256 in hex.
    PlainOrHashed,
}

/// What proves that a person belongs to a domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DomainProof {
    /// A verified address at it.
    EmailAddress,
    /// Google's `hd`, which names the domain whose administrators have the account.
    HostedDomain,
}

/// What tells more about a person than the id token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Userinfo {
    /// The userinfo endpoint, Core §5.3.
    Endpoint,
    /// Kakao's own interface.
    Kakao,
}

/// Whose interface proves for whom an access token was issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AccessTokenCheck {
    Google,
    Kakao,
    Line,
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
        // An administrator of a tenant writes addresses as they like, and `sub` is another one for
        // each app.
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
    // What is no code of its own at all is a malformed request to it (AADSTS9002313).
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
    // What a person is asked there is chosen in Kakao's console; naming anything here would ask
    // for that alone.
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
