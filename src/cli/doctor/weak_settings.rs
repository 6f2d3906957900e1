//! Settings that are allowed and that an operator should not have without a reason.

use chrono::Duration;
use tracing::level_filters::LevelFilter;

use super::finding::Finding;
use crate::app::config::Settings;
use crate::mail;

const CHECK: &str = "weak settings";

/// The longest life of an access token that is no weakness: a resource server that verifies tokens
/// by itself accepts a revoked one for so long.
const LONG: Duration = Duration::hours(1);

/// What OWASP recommends at least for Argon2id: 19 MiB and two passes, or 46 MiB and one.
const WORK: u64 = 2 * 19 * 1024;

pub(super) fn look(settings: &Settings) -> Vec<Finding> {
    let found: Vec<_> =
        [exposure(settings), strength(settings)].concat().into_iter().flatten().collect();
    if found.is_empty() { vec![Finding::good(CHECK, "none")] } else { found }
}

/// Who can reach what.
fn exposure(settings: &Settings) -> Vec<Option<Finding>> {
    let warn = |is_so: bool, detail: String, mend: &str| {
        is_so.then(|| Finding::warning(CHECK, detail, mend))
    };
    let proxies = &settings.trusted_proxies.0;
    let everybody = proxies.iter().find(|net| net.prefix_len() == 0);
    let listen = settings.listen;
    let admin = settings.admin_listen.filter(|admin| !admin.ip().is_loopback());
    let reachable = !listen.ip().is_loopback() && settings.tls.is_none();
    vec![
        everybody.map(|net| {
            let detail = format!("trusted_proxies has {net}: everybody can choose the address that throttles, limits and the audit see");
            Finding::error(CHECK, detail, "name only the addresses of your proxies")
        }),
        admin.and_then(|admin| {
            let detail = format!("admin_listen is {admin}: the metrics are readable for whoever reaches it");
            warn(true, detail, "listen at 127.0.0.1, or let a firewall admit only Prometheus")
        }),
        warn(
            reachable && proxies.is_empty() && settings.issuer.is_https(),
            format!("listen is {listen} without TLS, and no proxy is trusted: behind a proxy all people count as one client"),
            "name the proxy in trusted_proxies, or give the certificate to this server (tls.cert_file)",
        ),
        warn(
            settings.takes_certificates_of_proxies(),
            "mtls.ca_file is there without mtls.listen: the header Client-Cert is believed from trusted_proxies, whoever wrote it".to_owned(),
            "see that every proxy replaces Client-Cert and Client-Cert-Chain, or set mtls.listen",
        ),
        warn(
            !settings.issuer.is_https(),
            format!("the issuer {} is plain http: only browsers and apps on this machine can use it", settings.issuer.as_str()),
            "set issuer to the https URL under which people reach this server",
        ),
        warn(
            settings.outbound.allow_private && settings.issuer.is_https(),
            "outbound.allow_private is on: whoever registers clients can make this server call into your network".to_owned(),
            "turn it off, unless apps or providers are in your network",
        ),
    ]
}

/// How strong secrets and evidence are.
fn strength(settings: &Settings) -> Vec<Option<Finding>> {
    let warn = |is_so: bool, detail: &str, mend: &str| {
        is_so.then(|| Finding::warning(CHECK, detail, mend))
    };
    let cost = settings.hashing.cost;
    let work = u64::from(cost.memory) * u64::from(cost.passes);
    let into_folder = matches!(settings.mail.server, Some(mail::MailServer::Folder(_)));
    vec![
        warn(
            settings.lifetimes.access_token > LONG,
            "token.access_lifetime is more than an hour: a resource server that does not ask accepts a revoked token for so long",
            "make it shorter: apps refresh their tokens",
        ),
        warn(
            work < WORK,
            "hashing.memory_kib and hashing.passes are less work than OWASP recommends for Argon2id",
            "take the defaults, or 19456 KiB and two passes at least",
        ),
        warn(
            settings.log < LevelFilter::INFO,
            "log leaves out why requests were refused",
            "set log to info",
        ),
        warn(
            into_folder && settings.issuer.is_https(),
            "mail.url is a folder: nobody receives the mails",
            "set mail.url to smtps:// or smtp:// and the mail server",
        ),
    ]
}
