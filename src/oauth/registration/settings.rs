//! What an operator decides about apps that register themselves.

use chrono::Duration;

use crate::domain::document_trust::DocumentTrust;
use crate::domain::grant_type::GrantType;
use crate::domain::host_list::HostList;
use crate::domain::registration_mode::RegistrationMode;
use crate::domain::scope::Scope;
use crate::domain::scope_of_apps::is_harmless;
use crate::rate_limits::{Rate, rate};
use crate::settings::kinds::{duration_in, one_of_words};
use crate::settings::time;
use crate::settings::value_type::ValueType;
use crate::settings::{Collector, Setting, group, settings};

settings! {
    /// How apps register themselves (RFC 7591).
    #[derive(Clone, Debug)]
    pub struct RegistrationSettings in "Registration by apps" {
        /// Who may register an app at `/register`: nobody but operators (`off`), whoever has a token of
        /// `mapae client registration-token` (`token`), or anybody (`open`). Such an app is never your
        /// own, always asks people for consent, and gets no scope of the administration.
        pub mode: RegistrationMode =
            one_of_words("registration.mode", RegistrationMode::ALL, RegistrationMode::Off, RegistrationMode::as_str),
        /// The grants that such an app may have. One that asks for another is refused.
        pub grants: Vec<GrantType> = grants(),
        /// The hosts that such an app may send people to, like `app.example.com` or `*.example.com`;
        /// `localhost` stands for all of loopback, and `com.example.app:` for the scheme of an app.
        /// Empty: any.
        pub redirect_hosts: HostList = hosts("registration.redirect_hosts"),
        /// The scopes that such an app may have. It gets all of them if it names none.
        pub scopes: Scope = scopes(),
        /// Such an app is deleted when no person got a token by it for so long, and after a day if nobody
        /// ever did. At least 2 days: its use is noted once a day.
        pub unused_lifetime: Duration = unused_lifetime(),
        /// With `open`: how many apps one address (IPv6: /64) may register.
        pub per_address: Option<Rate> = rate("registration.per_address", Some(Rate::of(20, 3600))),
    }
}

settings! {
    /// Whose client ID metadata documents are taken.
    #[derive(Clone, Debug)]
    pub struct DocumentSettings in "Client ID metadata documents" {
        /// Whose apps may come without being registered.
        pub trust: DocumentTrust = group(trust),
        /// With `listed`: the hosts, like `claude.ai` or `*.example.com`.
        pub hosts: HostList = hosts("cimd.hosts"),
        /// The hosts whose apps never come in this way, whatever else is trusted.
        pub denied_hosts: HostList = hosts("cimd.denied_hosts"),
    }
}

/// MCP clients are named by documents, so whoever turns those on takes them.
fn trust(from: &mut Collector) -> DocumentTrust {
    let is_on = from.shown("mcp.enabled") == Some("true");
    let default = if is_on { DocumentTrust::Any } else { DocumentTrust::None };
    let setting =
        one_of_words("cimd.trust", DocumentTrust::ALL, default, DocumentTrust::as_str).words(TRUST);
    from.take(setting)
}

const TRUST: &str = "Whose apps may come without being registered, named by the URL of a document that describes them: nobody's (`none`), those at the hosts of `cimd.hosts` (`listed`), or anybody's (`any`). With `mcp.enabled` it is `any` unless it is set. People are told that nobody has checked such an app.";

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split([',', ' ']).map(str::trim).filter(|word| !word.is_empty())
}

fn parse_grants(text: &str) -> Result<Vec<GrantType>, String> {
    let read = |word: &str| match word.parse::<GrantType>() {
        Ok(grant) if GrantType::OF_UNVOUCHED.contains(&grant) => Ok(grant),
        _ => {
            let known: Vec<_> =
                GrantType::OF_UNVOUCHED.iter().map(|grant| grant.as_str()).collect();
            Err(format!("{word:?} is not one of {}", known.join(", ")))
        }
    };
    words(text).map(read).collect()
}

fn grants() -> Setting<Vec<GrantType>> {
    let show = |grants: &Vec<GrantType>| {
        grants.iter().map(|grant| grant.as_str()).collect::<Vec<_>>().join(",")
    };
    let default = vec![GrantType::AuthorizationCode, GrantType::RefreshToken];
    Setting::new("registration.grants", ValueType::List("grants"), default, parse_grants, show)
}

fn parse_scopes(text: &str) -> Result<Scope, String> {
    let scope = Scope::parse(&words(text).collect::<Vec<_>>().join(" "));
    let scope = scope.map_err(|error| error.to_string())?;
    if is_harmless(&scope) {
        Ok(scope)
    } else {
        Err("must have no scope of the administration and of revocations".to_owned())
    }
}

fn scopes() -> Setting<Scope> {
    let show = |scope: &Scope| scope.iter().collect::<Vec<_>>().join(",");
    let default = Scope::parse("openid profile email offline_access").unwrap_or_default();
    Setting::new("registration.scopes", ValueType::List("scopes"), default, parse_scopes, show)
}

fn unused_lifetime() -> Setting<Duration> {
    const LEAST: i64 = 2 * 24 * 3600;
    duration_in("registration.unused_lifetime", LEAST..=time::LONGEST, Duration::days(30))
}

/// A list of hosts.
fn hosts(path: &'static str) -> Setting<HostList> {
    let show = |hosts: &HostList| hosts.iter().collect::<Vec<_>>().join(",");
    let form = ValueType::List("hosts");
    Setting::new(path, form, HostList::default(), HostList::parse, show)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_grant_and_no_scope_of_an_operator_can_be_given_away() {
        assert!(parse_grants("authorization_code,client_credentials").is_ok());
        for bad in ["password", "urn:ietf:params:oauth:grant-type:jwt-bearer", "x"] {
            assert!(parse_grants(bad).is_err(), "{bad}");
        }
        assert!(parse_scopes("openid,orders:read").is_ok());
        for bad in ["openid,admin:users", "scim", "revocations:read", "a\"b"] {
            assert!(parse_scopes(bad).is_err(), "{bad}");
        }
    }
}
