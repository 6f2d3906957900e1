//! How this server looks from outside: through DNS, TLS and the proxy in front of it.

use std::net::IpAddr;
use std::time::Duration;

use http::header::USER_AGENT;
use http::{HeaderMap, HeaderName, HeaderValue, Response};
use serde_json::Value;

use super::finding::Finding;
use crate::app::config::Settings;
use crate::cli::installation::Installation;
use crate::domain::excerpt::excerpt;
use crate::domain::urls;
use crate::keys::doctor_key::DoctorKey;
use crate::keys::fetchers::LOOKING;
use crate::keys::seal::MasterKey;
use crate::outbound::{OperatorClient, OutboundError};

/// The longest time of a call.
const TIMEOUT: Duration = Duration::from_secs(5);

/// An address of the network for documentation (RFC 5737), which nobody has.
const FORGED: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(203, 0, 113, 77));

/// Why there is no document.
enum Unanswered {
    Nobody,
    Other(String),
}

impl From<OutboundError> for Unanswered {
    fn from(error: OutboundError) -> Self {
        match error {
            OutboundError::NobodyThere => Self::Nobody,
            other => Self::Other(other.to_string()),
        }
    }
}

async fn call(
    settings: &Settings,
    url: &str,
    headers: HeaderMap,
) -> Result<Response<Vec<u8>>, Unanswered> {
    let other = |words: String| Unanswered::Other(words);
    let client = OperatorClient::new(settings.outbound.ca_file.as_deref(), TIMEOUT);
    let client = client.map_err(|error| other(error.to_string()))?;
    let mut request = http::Request::get(url).body(Vec::new()).map_err(|e| other(e.to_string()))?;
    *request.headers_mut() = headers;
    request.headers_mut().insert(USER_AGENT, HeaderValue::from_static(LOOKING));
    Ok(client.send(request).await?)
}

async fn document(settings: &Settings, url: &str, headers: HeaderMap) -> Result<Value, Unanswered> {
    let answer = call(settings, url, headers).await?;
    if answer.status() != http::StatusCode::OK {
        return Err(Unanswered::Other(format!("it answers {}", answer.status())));
    }
    let read = serde_json::from_slice(answer.body());
    read.map_err(|_| Unanswered::Other("what it answers is not JSON".to_owned()))
}

/// Fetches the metadata and the keys as an app does, and compares them with what stands here.
pub(super) async fn metadata(settings: &Settings, kids: &[String]) -> Finding {
    const CHECK: &str = "issuer";
    let issuer = settings.issuer.as_str();
    let url = settings.issuer.url(urls::OPENID_CONFIGURATION);
    let proxy = "DNS, certificate and proxy must lead from the issuer to this server, with the path unchanged";
    let found = match document(settings, &url, HeaderMap::new()).await {
        Ok(found) => found,
        Err(Unanswered::Nobody) => {
            let detail = format!("{url}: nobody listens there");
            return Finding::warning(
                CHECK,
                detail,
                "start the server, and the proxy in front of it",
            );
        }
        Err(Unanswered::Other(why)) => {
            return Finding::error(CHECK, format!("{url}: {why}"), proxy);
        }
    };
    let said = |name: &str| found.get(name).and_then(Value::as_str).unwrap_or_default();
    if said("issuer") != issuer {
        let said = said("issuer");
        let said = excerpt(said);
        let detail = format!("{url} says that the issuer is {said}, and the settings say {issuer}");
        let mend = "set issuer to the URL under which apps reach this server, byte for byte, and restart it";
        return Finding::error(CHECK, detail, mend);
    }
    let jwks_uri = &settings.issuer.url(urls::JWKS);
    if said("jwks_uri") != jwks_uri {
        let named = excerpt(said("jwks_uri"));
        let detail = format!("{url} names the keys at {named}, and not at {jwks_uri}");
        return Finding::error(CHECK, detail, proxy);
    }
    let keys = match document(settings, jwks_uri, HeaderMap::new()).await {
        Ok(keys) => keys,
        Err(Unanswered::Nobody) => {
            return Finding::error(CHECK, format!("{jwks_uri}: nobody listens there"), proxy);
        }
        Err(Unanswered::Other(why)) => {
            return Finding::error(CHECK, format!("{jwks_uri}: {why}"), proxy);
        }
    };
    let mut published = keys.get("keys").and_then(Value::as_array).into_iter().flatten();
    let is_known = |kid: &Value| kids.iter().any(|known| kid == known);
    let is_ours = published.all(|key| key.get("kid").is_some_and(is_known));
    if !kids.is_empty() && !is_ours {
        let detail = format!(
            "{jwks_uri} has keys that are not in this database: another server, or a cache, answers there"
        );
        let mend = "let every server behind the issuer use one database and one master key; let no proxy keep the JWKS longer than its Cache-Control says";
        return Finding::error(CHECK, detail, mend);
    }
    Finding::good(CHECK, format!("{url} answers with the same issuer and the same keys"))
}

/// Sends a forged `X-Forwarded-For` and asks the server which client address it believed.
pub(super) async fn forged_address(at: &Installation, settings: &Settings) -> Finding {
    const CHECK: &str = "forged address";
    let url = settings.issuer.url(urls::DOCTOR);
    let mut headers = HeaderMap::new();
    match proof(at, settings) {
        Ok(proof) => headers.insert(HeaderName::from_static("mapae-doctor"), proof),
        Err(why) => return Finding::error(CHECK, why, "run it where the master key is"),
    };
    let forged = HeaderValue::from_static("203.0.113.77");
    headers.insert(HeaderName::from_static("x-forwarded-for"), forged);
    let found = match document(settings, &url, headers).await {
        Ok(found) => found,
        Err(Unanswered::Nobody) => {
            let detail = format!("{url}: nobody listens there");
            return Finding::error(CHECK, detail, "start the server, and the proxy in front of it");
        }
        Err(Unanswered::Other(why)) => {
            let mend = "the server must run this version with this master key, and the proxy must hand on the header Mapae-Doctor";
            return Finding::error(CHECK, format!("{url}: {why}"), mend);
        }
    };
    let believed = found.get("address").and_then(Value::as_str);
    let Some(believed) = believed.and_then(|text| text.parse::<IpAddr>().ok()) else {
        return Finding::error(CHECK, format!("{url} names no address"), "update the server");
    };
    judge(settings, believed)
}

fn judge(settings: &Settings, believed: IpAddr) -> Finding {
    const CHECK: &str = "forged address";
    let proxies = &settings.trusted_proxies;
    let overwrite = "let the proxy in front set X-Forwarded-For anew, or add the address of its client to it (nginx: proxy_set_header X-Forwarded-For $remote_addr), and name nothing but proxies in trusted_proxies";
    if believed == FORGED {
        let detail = format!(
            "the forged {FORGED} was believed: whoever sends X-Forwarded-For chooses the address that throttles, limits and the audit see. The same is said where this command itself runs at an address in trusted_proxies"
        );
        return Finding::error(CHECK, detail, overwrite);
    }
    if proxies.trusts(believed) {
        let detail = format!(
            "{believed} was believed, which is a trusted proxy: all people count as one client"
        );
        return Finding::error(CHECK, detail, overwrite);
    }
    let is_near = match believed {
        IpAddr::V4(address) => address.is_loopback() || address.is_private(),
        IpAddr::V6(address) => address.is_loopback() || address.is_unique_local(),
    };
    if is_near && proxies.0.is_empty() && settings.issuer.is_https() && settings.tls.is_none() {
        let detail = format!(
            "{believed} was believed, and no proxy is trusted: if that is your proxy, all people count as one client"
        );
        return Finding::warning(
            CHECK,
            detail,
            format!("name it: trusted_proxies = \"{believed}\""),
        );
    }
    Finding::good(CHECK, format!("{believed} was believed, the forged {FORGED} was not"))
}

fn proof(at: &Installation, settings: &Settings) -> Result<HeaderValue, String> {
    let master = MasterKey::load(&settings.master_key).map_err(|error| error.to_string())?;
    let key = DoctorKey::new(&master).map_err(|fault| fault.to_string())?;
    HeaderValue::try_from(key.proof(at.clock.now())).map_err(|error| error.to_string())
}
