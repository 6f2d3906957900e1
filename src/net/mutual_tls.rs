//! Where the listener of mutual TLS is, RFC 8705, and whose client certificates are trusted.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::domain::urls::Issuer;
use crate::net::tls::Files;
use crate::settings::kinds::{optional_address, optional_path};
use crate::settings::value_type::{Holds, ValueType};
use crate::settings::{Collector, Setting};

/// How client certificates are taken.
#[derive(Clone, Debug, Default)]
pub struct MutualTlsSettings {
    /// The listener that asks for client certificates; `None`: there is none.
    pub listen: Option<SocketAddr>,
    /// Its certificate, if it is not that of the main listener.
    pub files: Option<Files>,
    /// Where clients find it.
    pub url: Option<Issuer>,
    /// The authorities whose client certificates are trusted.
    pub ca_file: Option<PathBuf>,
}

impl MutualTlsSettings {
    /// Declares and reads the settings.
    pub(crate) fn read(from: &mut Collector) -> Self {
        from.begin("Mutual TLS");
        let listen = from.take(optional_address("mtls.listen").words(
            "A listener of its own that asks clients for a certificate and takes any: which of them is trusted for which client is decided with each request. It has the endpoints of `mtls_endpoint_aliases` and no others, and speaks TLS as the main listener does. With it, certificates come from nowhere else. Without it, they come from `trusted_proxies` alone, in the header `Client-Cert` (RFC 9440), and only if there is an `mtls.ca_file`; every proxy must then replace what clients send under this name.",
        ));
        let certificate = from.take(optional_path("mtls.cert_file", Holds::File).words(
            "The certificate of this listener with its chain, in PEM; without it that of the main listener (`tls.cert_file`). It is read again when it changes.",
        ));
        let key = from
            .take(optional_path("mtls.key_file", Holds::Secret).words("Its private key, in PEM."));
        let url = from.take(url());
        let ca_file = from.take(optional_path("mtls.ca_file", Holds::File).words(
            "The authorities whose certificates authenticate clients (`tls_client_auth`), in PEM; behind a proxy too. Each has CA:TRUE, and keyCertSign if it has a key usage; the times of an authority do not count. It is read again when it changes; a file that cannot be used is logged and the former authorities stay.",
        ));
        let files = match (certificate, key) {
            (Some(certificate), Some(key)) => Some(Files { certificate, key, section: "mtls" }),
            (Some(_), None) => {
                from.problem("mtls.key_file", "is missing: mtls.cert_file is given");
                None
            }
            (None, Some(_)) => {
                from.problem("mtls.cert_file", "is missing: mtls.key_file is given");
                None
            }
            (None, None) => None,
        };
        Self { listen, files, url, ca_file }
    }

    /// Where clients find the listener: as the settings say, else at the host of the issuer, at the
    /// port of the listener.
    #[must_use]
    pub fn url_at(&self, issuer: &Issuer, port: u16) -> Option<Issuer> {
        self.url.clone().or_else(|| issuer.at_port(port))
    }
}

fn url() -> Setting<Option<Issuer>> {
    let parse = |text: &str| match Issuer::parse(text) {
        Ok(url) if url.is_https() => Ok(Some(url)),
        Ok(_) => Err("must be https".to_owned()),
        Err(why) => Err(why.to_owned()),
    };
    let show =
        |url: &Option<Issuer>| url.as_ref().map(|url| url.as_str().to_owned()).unwrap_or_default();
    Setting::new("mtls.url", ValueType::Text("URL"), None, parse, show).words(
        "Where clients with certificates find the endpoints, for `mtls_endpoint_aliases`: an https URL with the path of the issuer. Without it the host of the issuer with the port of `mtls.listen`; where certificates come from proxies alone, no aliases are named.",
    )
}
