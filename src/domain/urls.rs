//! The issuer and all paths. The router, the metadata and the redirects use this one list.

use url::{Host, Url};

use super::{admin_urls, console_urls, scim_urls};

/// The token endpoint, RFC 6749 §3.2.
pub const TOKEN: &str = "/token";
/// The authorization endpoint, RFC 6749 §3.1.
pub const AUTHORIZE: &str = "/authorize";
/// The pushed authorization request endpoint, RFC 9126 §2.
pub const PAR: &str = "/par";
/// The challenge endpoint, OAuth 2.0 for First-Party Applications §5.
pub const AUTHORIZE_CHALLENGE: &str = "/authorize-challenge";
/// The device authorization endpoint, RFC 8628 §3.1.
pub const DEVICE_AUTHORIZATION: &str = "/device_authorization";
/// The registration endpoint, RFC 7591 §3.
pub const REGISTER: &str = "/register";
/// The client configuration endpoint, RFC 7592 §2.
pub const REGISTER_CLIENT: &str = "/register/{client_id}";
/// The page on which a person allows a sign-in on a device, RFC 8628 §3.3.
pub const DEVICE: &str = "/device";
/// Continues a posted authorization request.
pub const AUTHORIZE_CONTINUE: &str = "/authorize/continue";
/// The sign-in page.
pub const LOGIN: &str = "/login";
/// The sign-in page's cancel button.
pub const LOGIN_CANCEL: &str = "/login/cancel";
/// Continues without connecting the identity from a provider to the existing account.
pub const LOGIN_UNCONNECTED: &str = "/login/unconnected";
/// Signs a person in with a passkey.
pub const LOGIN_PASSKEY: &str = "/login/passkey";
/// Redirects the browser to a provider.
pub const LOGIN_WITH: &str = "/login/with/{provider}";
/// The callback for the answers of a provider: each provider has a redirect URI of its own.
pub const LOGIN_CALLBACK: &str = "/login/callback/{provider}";
/// Starts the interaction again in the person's own browser, outside of an app.
pub const LOGIN_ELSEWHERE: &str = "/login/elsewhere";
/// Tells `mapae doctor` how the server sees its request.
pub const DOCTOR: &str = "/doctor";
/// The page that asks for a second factor.
pub const SECOND_FACTOR: &str = "/login/second-factor";
/// Goes on without a second factor that is only wished for.
pub const SECOND_FACTOR_SKIP: &str = "/login/second-factor/skip";
/// The page on which a person sets up one-time codes on the way.
pub const SET_UP_FACTOR: &str = "/login/set-up-factor";
/// The form that asks for the address of a new account.
pub const SIGN_UP: &str = "/sign-up";
/// Takes the code that was mailed to the address of a new account.
pub const SIGN_UP_CODE: &str = "/sign-up/code";
/// The page behind the link that was mailed to the address of a new account.
pub const SIGN_UP_CONFIRM: &str = "/sign-up/confirm";
/// The page behind the link of an invitation.
pub const SIGN_UP_INVITATION: &str = "/sign-up/invitation";
/// The form for a new account.
pub const SIGN_UP_ACCOUNT: &str = "/sign-up/account";
/// The documents that a person is asked to accept.
pub const TERMS: &str = "/terms";
/// The choice of an account.
pub const SELECT_ACCOUNT: &str = "/select-account";
/// The consent page.
pub const CONSENT: &str = "/consent";
/// The page for a person who deletes their account: they can keep it.
pub const KEEP_ACCOUNT: &str = "/keep-account";
/// The logout endpoint, RP-Initiated Logout §2.
pub const LOGOUT: &str = "/logout";
/// Continues a posted logout request.
pub const LOGOUT_CONTINUE: &str = "/logout/continue";
/// Confirms that the person wants to sign out.
pub const LOGOUT_CONFIRM: &str = "/logout/confirm";
/// The profile: the first page of my account.
pub const ACCOUNT: &str = "/account";
/// The ways to sign in.
pub const ACCOUNT_SECURITY: &str = "/account/security";
/// The devices on which the person is signed in.
pub const ACCOUNT_DEVICES: &str = "/account/devices";
/// The apps that have access.
pub const ACCOUNT_APPS: &str = "/account/apps";
/// What happened to the account.
pub const ACCOUNT_ACTIVITY: &str = "/account/activity";
/// What is stored about the person.
pub const ACCOUNT_DATA: &str = "/account/data";
/// Everything that is stored about the person, as a file.
pub const ACCOUNT_DATA_EXPORT: &str = "/account/data/export";
/// Asks whether to delete the account.
pub const ACCOUNT_DELETE: &str = "/account/delete";
/// Deletes the account.
pub const ACCOUNT_DELETE_CONFIRM: &str = "/account/delete/confirm";
/// Changes the profile.
pub const ACCOUNT_PROFILE: &str = "/account/profile";
/// The attributes that the person may edit.
pub const ACCOUNT_ATTRIBUTES: &str = "/account/attributes";
/// Sends a link and a code to a new address.
pub const ACCOUNT_EMAIL: &str = "/account/email";
/// Proves a new address by its code.
pub const ACCOUNT_EMAIL_CODE: &str = "/account/email/code";
/// Sets a new password.
pub const ACCOUNT_PASSWORD: &str = "/account/password";
/// Ends a session on another device.
pub const ACCOUNT_DEVICES_END: &str = "/account/devices/end";
/// Removes an app's access.
pub const ACCOUNT_APPS_REMOVE: &str = "/account/apps/remove";
/// Stops a client that acts for the person.
pub const ACCOUNT_APPS_STOP: &str = "/account/apps/stop";
/// Lets it act again.
pub const ACCOUNT_APPS_ALLOW: &str = "/account/apps/allow";
/// Adds a passkey.
pub const ACCOUNT_PASSKEYS_ADD: &str = "/account/passkeys/add";
/// Gives a passkey another name.
pub const ACCOUNT_PASSKEYS_RENAME: &str = "/account/passkeys/rename";
/// Removes a passkey.
pub const ACCOUNT_PASSKEYS_REMOVE: &str = "/account/passkeys/remove";
/// Connects a provider.
pub const ACCOUNT_PROVIDERS_LINK: &str = "/account/providers/link";
/// Disconnects a provider.
pub const ACCOUNT_PROVIDERS_UNLINK: &str = "/account/providers/unlink";
/// Sets one-time codes up.
pub const ACCOUNT_ONE_TIME_CODES: &str = "/account/security/one-time-codes";
/// Begins to set one-time codes up.
pub const ACCOUNT_ONE_TIME_CODES_ADD: &str = "/account/security/one-time-codes/add";
/// Removes one-time codes.
pub const ACCOUNT_ONE_TIME_CODES_REMOVE: &str = "/account/security/one-time-codes/remove";
/// Makes new recovery codes.
pub const ACCOUNT_RECOVERY_CODES: &str = "/account/security/recovery-codes";
/// Ends this session.
pub const ACCOUNT_SIGN_OUT: &str = "/account/sign-out";
/// Asks for a link to a new password.
pub const LOGIN_FORGOT: &str = "/login/forgot";
/// Sends a code to sign in with.
pub const LOGIN_CODE_SEND: &str = "/login/code/send";
/// Signs in with a mailed code.
pub const LOGIN_CODE: &str = "/login/code";
/// The link of a mail to a new password.
pub const RECOVER: &str = "/recover";
/// Sets a new password after the address was proven.
pub const RECOVER_PASSWORD: &str = "/recover/password";
/// The link of a mail that proves a new address.
pub const CONFIRM_ADDRESS: &str = "/confirm-address";
/// The link of a mail that takes a change of the address back.
pub const UNDO_ADDRESS: &str = "/undo-address";
/// Stylesheets, scripts and images. Their names change with their content.
pub const ASSETS: &str = "/assets/{name}";
/// The logos of apps, by `client_id`.
pub const CLIENT_LOGO: &str = "/client-logo/{client}";
/// The userinfo endpoint, OpenID Connect Core §5.3.
pub const USERINFO: &str = "/userinfo";
/// The introspection endpoint, RFC 7662 §2.
pub const INTROSPECT: &str = "/introspect";
/// The revocation endpoint, RFC 7009 §2.
pub const REVOKE: &str = "/revoke";
/// The public keys, RFC 7517 §5.
pub const JWKS: &str = "/.well-known/jwks.json";
/// The URLs of all status lists, Token Status List §9.1.
pub const STATUS_LISTS: &str = "/status";
/// A status list, by its number.
pub const STATUS_LIST: &str = "/status/{number}";
/// The feed of revocations.
pub const REVOCATIONS: &str = "/revocations";
/// The metadata, OpenID Connect Discovery §4.
pub const OPENID_CONFIGURATION: &str = "/.well-known/openid-configuration";
/// The metadata, RFC 8414 §3.
pub const OAUTH_AUTHORIZATION_SERVER: &str = "/.well-known/oauth-authorization-server";
/// The metadata of MCP servers, RFC 9728 §3.1, by host and path.
pub const PROTECTED_RESOURCE: &str = "/.well-known/oauth-protected-resource/{*resource}";
/// Redirects to the page that changes the password: W3C, A Well-Known URL for Changing Passwords.
pub const CHANGE_PASSWORD: &str = "/.well-known/change-password";
/// The origins that may use the passkeys of this server: Web Authentication §5.11.
pub const RELATED_ORIGINS: &str = "/.well-known/webauthn";
/// The page at the root, for people who open the bare host name.
pub const FRONT: &str = "/";
/// Whether the process is alive.
pub const LIVEZ: &str = "/livez";
/// Whether the process can answer requests.
pub const READYZ: &str = "/readyz";

/// The well-known path below which they are.
pub(crate) const PROTECTED_RESOURCES: &str = "/.well-known/oauth-protected-resource";

/// Every path; the most frequent ones come first.
pub const ALL: &[&str] = &[
    TOKEN,
    INTROSPECT,
    USERINFO,
    JWKS,
    STATUS_LIST,
    STATUS_LISTS,
    REVOCATIONS,
    PROTECTED_RESOURCE,
    AUTHORIZE,
    LOGIN,
    READYZ,
    AUTHORIZE_CONTINUE,
    AUTHORIZE_CHALLENGE,
    PAR,
    DEVICE_AUTHORIZATION,
    REGISTER,
    REGISTER_CLIENT,
    DEVICE,
    LOGIN_CANCEL,
    LOGIN_UNCONNECTED,
    LOGIN_PASSKEY,
    LOGIN_WITH,
    LOGIN_CALLBACK,
    LOGIN_ELSEWHERE,
    SECOND_FACTOR,
    SECOND_FACTOR_SKIP,
    SET_UP_FACTOR,
    SIGN_UP,
    SIGN_UP_CODE,
    SIGN_UP_CONFIRM,
    SIGN_UP_INVITATION,
    SIGN_UP_ACCOUNT,
    TERMS,
    SELECT_ACCOUNT,
    CONSENT,
    KEEP_ACCOUNT,
    LOGOUT,
    LOGOUT_CONTINUE,
    LOGOUT_CONFIRM,
    ACCOUNT,
    ACCOUNT_SECURITY,
    ACCOUNT_DEVICES,
    ACCOUNT_APPS,
    ACCOUNT_ACTIVITY,
    ACCOUNT_DATA,
    ACCOUNT_DATA_EXPORT,
    ACCOUNT_DELETE,
    ACCOUNT_PROFILE,
    ACCOUNT_ATTRIBUTES,
    ACCOUNT_DELETE_CONFIRM,
    ACCOUNT_EMAIL,
    ACCOUNT_EMAIL_CODE,
    ACCOUNT_PASSWORD,
    ACCOUNT_DEVICES_END,
    ACCOUNT_APPS_REMOVE,
    ACCOUNT_APPS_STOP,
    ACCOUNT_APPS_ALLOW,
    ACCOUNT_PASSKEYS_ADD,
    ACCOUNT_PASSKEYS_RENAME,
    ACCOUNT_PASSKEYS_REMOVE,
    ACCOUNT_PROVIDERS_LINK,
    ACCOUNT_PROVIDERS_UNLINK,
    ACCOUNT_ONE_TIME_CODES,
    ACCOUNT_ONE_TIME_CODES_ADD,
    ACCOUNT_ONE_TIME_CODES_REMOVE,
    ACCOUNT_RECOVERY_CODES,
    ACCOUNT_SIGN_OUT,
    LOGIN_FORGOT,
    LOGIN_CODE_SEND,
    LOGIN_CODE,
    RECOVER,
    RECOVER_PASSWORD,
    CONFIRM_ADDRESS,
    UNDO_ADDRESS,
    ASSETS,
    CLIENT_LOGO,
    REVOKE,
    OPENID_CONFIGURATION,
    OAUTH_AUTHORIZATION_SERVER,
    CHANGE_PASSWORD,
    RELATED_ORIGINS,
    FRONT,
    LIVEZ,
    DOCTOR,
];

/// The path in this list to which a route of the router belongs. The route has the path of the
/// issuer before it or, for a well-known path, behind it.
#[must_use]
pub fn template(route: &str, base: &str) -> Option<&'static str> {
    let inner = route.strip_prefix(base).or_else(|| route.strip_suffix(base)).unwrap_or(route);
    let inner = if inner.is_empty() { FRONT } else { inner };
    let of_apis = admin_urls::ROUTES.iter().chain(scim_urls::ROUTES);
    let every = ALL.iter().chain(of_apis).chain(console_urls::ROUTES);
    every.into_iter().find(|path| **path == inner).copied()
}

/// The issuer identifier: a URL without query and fragment, and with https except on loopback. It
/// is compared byte for byte, so it is kept as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuer {
    text: String,
    https: bool,
}

impl Issuer {
    /// Checks an issuer URL, OpenID Connect Discovery §3.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let url = Url::parse(text).map_err(|_| "is not a URL")?;
        if url.query().is_some() || url.fragment().is_some() {
            return Err("must have no query and no fragment");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("must carry no credentials");
        }
        match url.scheme() {
            "https" => {}
            "http" if is_loopback(&url) => {}
            "http" => return Err("must be https (plain http is for loopback alone)"),
            _ => return Err("must be https"),
        }
        if text.ends_with('/') {
            return Err("must not end in a slash");
        }
        Ok(Self { text: text.to_owned(), https: url.scheme() == "https" })
    }

    /// The issuer of a server that is only being tried out.
    #[must_use]
    pub fn localhost() -> Self {
        Self { text: "http://localhost:8080".to_owned(), https: false }
    }

    /// The issuer as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it is served over TLS.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.https
    }

    /// The URL of one of these paths.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.text)
    }

    /// The URL of the registration of this client.
    #[must_use]
    pub fn registration(&self, client: &str) -> String {
        format!("{}/{client}", self.url(REGISTER))
    }

    /// The URL of the status list with this number.
    #[must_use]
    pub fn status_list(&self, number: i64) -> String {
        format!("{}/{number}", self.url(STATUS_LISTS))
    }

    /// The origin of the issuer, as browsers write it.
    #[must_use]
    pub fn origin(&self) -> String {
        Url::parse(&self.text).map(|url| url.origin().ascii_serialization()).unwrap_or_default()
    }

    /// The same URL at another port, over TLS.
    #[must_use]
    pub fn at_port(&self, port: u16) -> Option<Self> {
        let mut url = Url::parse(&self.text).ok()?;
        url.set_scheme("https").ok()?;
        url.set_port(Some(port)).ok()?;
        Some(Self { text: url.as_str().trim_end_matches('/').to_owned(), https: true })
    }

    /// The host of the issuer, if it is a name and not an IP address.
    #[must_use]
    pub fn host_name(&self) -> Option<String> {
        Url::parse(&self.text).ok()?.domain().map(str::to_owned)
    }

    /// The path of the issuer, empty or `/something`. It stands before our paths, and behind the
    /// well-known path of RFC 8414 §3.1.
    #[must_use]
    pub fn path(&self) -> String {
        Url::parse(&self.text)
            .map_or_else(|_| String::new(), |url| url.path().trim_end_matches('/').to_owned())
    }
}

/// Whether the URL names the same machine: a loopback address or `localhost`.
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_has_its_template_wherever_the_issuer_stands() {
        let source = include_str!("urls.rs");
        let constants = source
            .lines()
            .filter(|line| line.starts_with("pub const ") && line.contains(": &str = \"/"));
        assert_eq!(constants.count(), ALL.len());
        for path in ALL {
            assert_eq!(template(path, ""), Some(*path));
            assert_eq!(template(&format!("/tenant{path}"), "/tenant"), Some(*path));
        }
        assert_eq!(template("/tenant", "/tenant"), Some(FRONT));
        let inserted = format!("{OAUTH_AUTHORIZATION_SERVER}/tenant");
        assert_eq!(template(&inserted, "/tenant"), Some(OAUTH_AUTHORIZATION_SERVER));
        assert_eq!(template("/tenant/{*rest}", "/tenant"), None);
    }

    #[test]
    fn discovery_3_an_issuer_is_https_without_query_and_fragment() {
        for good in [
            "https://id.example.com",
            "https://example.com/tenant",
            "http://localhost:8080",
            "http://127.0.0.1:8080",
            "http://[::1]:8080",
        ] {
            assert!(Issuer::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "http://id.example.com",
            "https://id.example.com/",
            "https://id.example.com?x",
            "https://id.example.com#x",
            "https://u:p@id.example.com",
            "ftp://id.example.com",
            "id.example.com",
            "",
        ] {
            assert!(Issuer::parse(bad).is_err(), "{bad}");
        }
    }
}
