//! The demo's own certificate authority, made at its start, so that everything can be tried over
//! https. Its key is only kept in memory, until it has signed.

use std::fmt::Display;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::serve::Listener;
use chrono::{DateTime, Datelike, Days, Utc};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::server::TlsStream;

use crate::domain::verdict::{OrRejected, reject};
use crate::net::tls::{Files, Tls};

/// The host names in the certificate: those of this machine.
const NAMES: [&str; 2] = ["localhost", "127.0.0.1"];
/// How long the certificates are valid, in days.
const LIFE: u64 = 30;

/// The files of the demo's TLS.
#[derive(Clone, Debug)]
pub(super) struct Secure {
    /// The certificate of the authority, which clients must trust.
    pub(super) ca_file: PathBuf,
    /// The certificate of the servers and its key.
    pub(super) files: Files,
}

impl Secure {
    /// Makes an authority and a certificate in this folder.
    pub(super) fn make(folder: &Path, now: DateTime<Utc>) -> OrRejected<Self> {
        let secure = Self {
            ca_file: folder.join("ca.pem"),
            files: Files {
                certificate: folder.join("cert.pem"),
                key: folder.join("key.pem"),
                section: "tls",
            },
        };
        match secure.write(now) {
            Ok(()) => Ok(secure),
            Err(problem) => reject(format!("the certificates of the demo: {problem}")),
        }
    }

    fn write(&self, now: DateTime<Utc>) -> Result<(), String> {
        let key = KeyPair::generate().map_err(words)?;
        let mut params = params("mapae demo authority", &[], now)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let own = params.self_signed(&key).map_err(words)?.pem();
        let authority = Issuer::new(params, key);
        let key = KeyPair::generate().map_err(words)?;
        let mut params = self::params("mapae demo", &NAMES, now)?;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let certificate = params.signed_by(&key, &authority).map_err(words)?.pem();
        for (file, text) in [
            (&self.ca_file, own),
            (&self.files.certificate, certificate),
            (&self.files.key, key.serialize_pem()),
        ] {
            write_private(file, &text).map_err(|error| format!("{}: {error}", file.display()))?;
        }
        Ok(())
    }
}

fn params(name: &str, names: &[&str], now: DateTime<Utc>) -> Result<CertificateParams, String> {
    let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).map_err(words)?;
    params.distinguished_name.push(DnType::CommonName, name);
    let day = |date: Option<DateTime<Utc>>| {
        let date = date.unwrap_or(now);
        let [month, day] = [date.month(), date.day()].map(|part| u8::try_from(part).unwrap_or(1));
        date_time_ymd(date.year(), month, day)
    };
    params.not_before = day(now.checked_sub_days(Days::new(1)));
    params.not_after = day(now.checked_add_days(Days::new(LIFE)));
    Ok(params)
}

fn write_private(file: &Path, text: &str) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    std::io::Write::write_all(&mut options.open(file)?, text.as_bytes())
}

fn words(error: impl Display) -> String {
    error.to_string()
}

/// A TLS listener for the app of the demo.
pub(super) struct SecureListener {
    pub(super) listener: TcpListener,
    pub(super) tls: Arc<Tls>,
}

/// The time limit for a TLS handshake. The browser of a person is faster.
const HANDSHAKE: Duration = Duration::from_secs(2);

impl Listener for SecureListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, SocketAddr) {
        loop {
            let (stream, peer) = Listener::accept(&mut self.listener).await;
            let shaken = tokio::time::timeout(HANDSHAKE, self.tls.accept(stream)).await;
            if let Ok(Ok(stream)) = shaken {
                return (stream, peer);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}
