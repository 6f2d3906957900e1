//! The authorities whose client certificates are trusted: a file that is read again when it changes.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{CertificateError, Error, RootCertStore};
use sha2::{Digest, Sha256};

use super::certificates::ClientCertificate;
use crate::domain::reason::Reason;

/// The authorities of `mtls.ca_file`.
#[derive(Debug)]
pub struct Authorities {
    file: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    verifier: Arc<dyn ClientCertVerifier>,
    /// A hash of what was read last, valid or not.
    seen: [u8; 32],
}

/// The file as it was read, or why it could not be read.
type Read = Result<Vec<u8>, String>;

impl Authorities {
    /// Reads the file. The error is for the operator.
    pub async fn load(file: PathBuf) -> Result<Arc<Self>, String> {
        let read = read(&file).await;
        let state = State { seen: seen(&read), verifier: verifier(&file, read)? };
        Ok(Arc::new(Self { file, state: Mutex::new(state) }))
    }

    /// Reads the file again. An error in it is reported once, and the former authorities stay.
    pub async fn look(&self) {
        let read = read(&self.file).await;
        let seen = seen(&read);
        if self.with(|state| std::mem::replace(&mut state.seen, seen)) == seen {
            return;
        }
        match verifier(&self.file, read) {
            Ok(verifier) => {
                self.with(|state| state.verifier = verifier);
                tracing::info!("the authorities of client certificates changed");
            }
            Err(problem) => {
                tracing::error!(
                    problem,
                    "the authorities of client certificates changed and cannot be used; the former \
                     stay"
                );
            }
        }
    }

    /// Whether one of the authorities vouches for this certificate now, and for this purpose (RFC 5280
    /// §6.1).
    pub fn check(&self, certificate: &ClientCertificate, now: DateTime<Utc>) -> Result<(), Reason> {
        let untrusted = Reason::CertificateUntrusted;
        let (own, above) = certificate.chain().split_first().ok_or(untrusted)?;
        let seconds = u64::try_from(now.timestamp()).unwrap_or_default();
        let now = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        let verifier = self.with(|state| Arc::clone(&state.verifier));
        match verifier.verify_client_cert(own, above, now) {
            Ok(_) => Ok(()),
            Err(Error::InvalidCertificate(problem)) => Err(reason(&problem)),
            Err(_) => Err(untrusted),
        }
    }

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        // A panic cannot leave the state half changed.
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn reason(problem: &CertificateError) -> Reason {
    match problem {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            Reason::CertificateExpired
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            Reason::CertificateNotYetValid
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            Reason::CertificatePurposeMismatch
        }
        _ => Reason::CertificateUntrusted,
    }
}

async fn read(file: &Path) -> Read {
    tokio::fs::read(file).await.map_err(|error| problem(file, error))
}

fn seen(read: &Read) -> [u8; 32] {
    match read {
        Ok(pem) => Sha256::digest(pem).into(),
        Err(problem) => Sha256::digest(problem).into(),
    }
}

fn verifier(file: &Path, read: Read) -> Result<Arc<dyn ClientCertVerifier>, String> {
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(&read?)
        .collect::<Result<_, _>>()
        .map_err(|_| problem(file, "is not PEM"))?;
    if certificates.is_empty() {
        return Err(problem(file, "holds no certificate in PEM"));
    }
    let mut roots = RootCertStore::empty();
    for certificate in certificates {
        roots.add(certificate).map_err(|_| problem(file, "holds no usable certificate"))?;
    }
    let provider = Arc::new(default_provider());
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .map_err(|error| problem(file, error))
}

fn problem(file: &Path, error: impl std::fmt::Display) -> String {
    format!("mtls.ca_file: {}: {error}", file.display())
}
