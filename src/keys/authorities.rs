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
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use super::certificates::ClientCertificate;
use crate::domain::clock::Clock;
use crate::domain::reason::Reason;

/// The authorities of `mtls.ca_file`.
#[derive(Debug)]
pub struct Authorities {
    file: PathBuf,
    clock: Clock,
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
    pub async fn load(file: PathBuf, clock: Clock) -> Result<Arc<Self>, String> {
        let read = read(&file).await;
        let (seen, verifier) = (seen(&read), verifier(&file, read, clock.now())?);
        Ok(Arc::new(Self { file, clock, state: Mutex::new(State { verifier, seen }) }))
    }

    /// Reads the file again. An error in it is reported once, and the former authorities stay.
    pub async fn look(&self) {
        let read = read(&self.file).await;
        let seen = seen(&read);
        if self.with(|state| std::mem::replace(&mut state.seen, seen)) == seen {
            return;
        }
        match verifier(&self.file, read, self.clock.now()) {
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
            Ok(_) if certificate.may_sign() => Ok(()),
            Ok(_) => Err(Reason::CertificatePurposeMismatch),
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

fn verifier(
    file: &Path,
    read: Read,
    now: DateTime<Utc>,
) -> Result<Arc<dyn ClientCertVerifier>, String> {
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(&read?)
        .collect::<Result<_, _>>()
        .map_err(|_| problem(file, "is not PEM"))?;
    if certificates.is_empty() {
        return Err(problem(file, "holds no certificate in PEM"));
    }
    let mut roots = RootCertStore::empty();
    for (number, certificate) in (1..).zip(certificates) {
        check_authority(&certificate, now)
            .map_err(|why| problem(file, format_args!("certificate {number} {why}")))?;
        roots.add(certificate).map_err(|_| problem(file, "holds no usable certificate"))?;
    }
    let provider = Arc::new(default_provider());
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .map_err(|error| problem(file, error))
}

/// Whether a certificate of the file is one of an authority, RFC 5280 §4.2.1.9 and §4.2.1.3. The error
/// says in words what is wrong.
fn check_authority(der: &[u8], now: DateTime<Utc>) -> Result<(), &'static str> {
    let (_, read) = X509Certificate::from_der(der).map_err(|_| "cannot be read")?;
    let constraints = read.basic_constraints().map_err(|_| "has its basic constraints twice")?;
    if !constraints.is_some_and(|constraints| constraints.value.ca) {
        return Err("is of no authority: it has no basic constraints with CA:TRUE");
    }
    let usage = read.key_usage().map_err(|_| "has a key usage that cannot be read")?;
    if usage.is_some_and(|usage| !usage.value.key_cert_sign()) {
        return Err("may sign no certificates: its key usage has no keyCertSign");
    }
    if read.validity().not_after.timestamp() < now.timestamp() {
        tracing::warn!(
            subject = %read.subject(),
            "an authority of mtls.ca_file has expired, and is trusted until it leaves the file"
        );
    }
    Ok(())
}

fn problem(file: &Path, error: impl std::fmt::Display) -> String {
    format!("mtls.ca_file: {}: {error}", file.display())
}

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair, KeyUsagePurpose};

    use super::*;

    const CA: IsCa = IsCa::Ca(BasicConstraints::Unconstrained);

    fn pem(is_ca: IsCa, usage: &[KeyUsagePurpose], year: i32) -> String {
        let mut params = CertificateParams::new(vec![]).unwrap();
        params.is_ca = is_ca;
        params.key_usages = usage.to_vec();
        params.not_after = rcgen::date_time_ymd(year, 1, 1);
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().pem()
    }

    #[tokio::test]
    async fn what_is_of_no_authority_is_refused_with_its_fault() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ca.pem");
        let good = pem(CA, &[], 3000);
        let (sign, other) = ([KeyUsagePurpose::KeyCertSign], [KeyUsagePurpose::CrlSign]);
        for (text, fault) in [
            (good.clone(), None),
            (pem(CA, &sign, 3000), None),
            // It is said in the log alone.
            (pem(CA, &[], 2020), None),
            (pem(CA, &other, 3000), Some("certificate 1 may sign no certificates")),
            (pem(IsCa::ExplicitNoCa, &[], 3000), Some("certificate 1 is of no authority")),
            (pem(IsCa::NoCa, &[], 3000), Some("certificate 1 is of no authority")),
            (good + &pem(IsCa::NoCa, &sign, 3000), Some("certificate 2 is of no authority")),
        ] {
            std::fs::write(&file, text).unwrap();
            let refused = Authorities::load(file.clone(), Clock::system()).await.err();
            match (&refused, fault) {
                (None, None) => {}
                (Some(said), Some(fault)) => assert!(said.contains(fault), "{said}"),
                _ => panic!("{fault:?} {refused:?}"),
            }
        }
    }
}
