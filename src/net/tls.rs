//! TLS: 1.3, and 1.2 only with forward secrecy and AES-GCM. The files are read again when they change.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::version::{TLS12, TLS13};
use rustls::{
    CertificateError, CipherSuite, DigitallySignedStruct, DistinguishedName, InconsistentKeys,
    ServerConfig, SignatureScheme,
};
use sha2::{Digest, Sha256};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;
use tokio_rustls::{Accept, TlsAcceptor};

use crate::domain::secret::Secret;
use crate::domain::shown_certificates::{LONGEST, MOST};
use crate::keys::certificates::{ClientCertificate, ShownCertificate};
use crate::keys::secret_file;
use crate::net::refused_handshakes::RefusedHandshakes;
use crate::settings::Collector;
use crate::settings::kinds::optional_path;
use crate::settings::value_type::Holds;

/// How often the files are checked for changes.
pub(crate) const LOOK: Duration = Duration::from_secs(2);

const HTTP_2: &[u8] = b"h2";
const HTTP_1_1: &[u8] = b"http/1.1";

/// The files of the certificate and its key, in PEM.
#[derive(Clone, Debug)]
pub struct Files {
    /// The certificate, followed by the intermediate certificates up to its authority.
    pub certificate: PathBuf,
    /// The private key of the certificate.
    pub key: PathBuf,
    /// The section of the settings that names them.
    pub section: &'static str,
}

impl Files {
    /// Declares and reads the files. `None` where a proxy in front of the server has the
    /// certificate.
    pub(crate) fn read(from: &mut Collector) -> Option<Self> {
        from.begin("TLS");
        let certificate = from.take(optional_path("tls.cert_file", Holds::File).words(
            "The certificate of the main listener with its chain, in PEM: TLS 1.2 and 1.3, HTTP/1.1 and HTTP/2. It is read again when it changes; a pair that does not fit is logged and the former one stays.",
        ));
        let key = from
            .take(optional_path("tls.key_file", Holds::Secret).words("Its private key, in PEM."));
        match (certificate, key) {
            (Some(certificate), Some(key)) => {
                return Some(Self { certificate, key, section: "tls" });
            }
            (Some(_), None) => from.problem("tls.key_file", "is missing: tls.cert_file is given"),
            (None, Some(_)) => from.problem("tls.cert_file", "is missing: tls.key_file is given"),
            (None, None) => {}
        }
        None
    }
}

/// The certificate that is currently used.
#[derive(Debug)]
pub struct Tls {
    files: Files,
    listener: TlsListener,
    state: Mutex<State>,
    refused: RefusedHandshakes,
}

/// For which listener a certificate is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsListener {
    /// The main listener, or one beside it. Clients are asked for no certificate.
    Main,
    /// The listener of mutual TLS. Clients are asked for a certificate and need not show one.
    Mutual,
}

#[derive(Debug)]
struct State {
    config: Arc<ServerConfig>,
    /// A hash of what was read last, valid or not.
    seen: Seen,
}

type Seen = [u8; 32];

impl Tls {
    /// Reads the files. The error is for the operator.
    pub async fn load(files: Files) -> Result<Arc<Self>, String> {
        Self::load_for(TlsListener::Main, files).await
    }

    /// Reads the files for this listener.
    pub(crate) async fn load_for(listener: TlsListener, files: Files) -> Result<Arc<Self>, String> {
        let read = read(&files).await;
        let (seen, config) = (seen(&read), config(listener, &files, read)?);
        let (state, refused) = (Mutex::new(State { config, seen }), RefusedHandshakes::default());
        Ok(Arc::new(Self { files, listener, state, refused }))
    }

    /// Reads the files again. An error in them is reported once, and the last valid certificate
    /// stays in use.
    pub(crate) async fn look(&self) {
        let read = read(&self.files).await;
        let seen = seen(&read);
        if self.with(|state| std::mem::replace(&mut state.seen, seen)) == seen {
            return;
        }
        match config(self.listener, &self.files, read) {
            Ok(config) => {
                self.with(|state| state.config = config);
                tracing::info!("the TLS certificate changed");
            }
            Err(problem) => {
                tracing::error!(
                    problem,
                    "the TLS certificate changed and cannot be used; the former stays"
                );
            }
        }
    }

    /// Begins a handshake with the current certificate.
    pub fn accept(&self, stream: TcpStream) -> Accept<TcpStream> {
        TlsAcceptor::from(self.with(|state| Arc::clone(&state.config))).accept(stream)
    }

    /// Says in the log that a handshake ended because of the certificate of the client.
    pub(crate) fn tell_refused(&self, peer: SocketAddr, error: &std::io::Error) {
        self.refused.tell(peer, error);
    }

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        // A panic cannot leave the state half changed.
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Whether both sides chose HTTP/2, RFC 7301.
pub(crate) fn chose_http2(stream: &TlsStream<TcpStream>) -> bool {
    stream.get_ref().1.alpn_protocol() == Some(HTTP_2)
}

/// What the client showed in the handshake, read once for all requests of the connection; `None` if it
/// showed nothing.
pub(crate) fn shown(stream: &TlsStream<TcpStream>) -> Option<ShownCertificate> {
    let chain = stream.get_ref().1.peer_certificates()?;
    let chain: Vec<Vec<u8>> = chain.iter().map(|one| one.to_vec()).collect();
    Some(ShownCertificate(ClientCertificate::read(&chain).map(Arc::new)))
}

/// Takes any certificate whose key the client proves, RFC 8705 §2. Whether it is trusted, and for
/// which client, is decided with each request: one may be registered itself, and tokens are bound to
/// those of nobody's authority.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ClientCertVerifier for AnyCertificate {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        own: &CertificateDer<'_>,
        above: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        // TLS itself takes 64 KiB, and keeps them for as long as the connection lives.
        if above.len() >= MOST || is_too_long(own) || above.iter().any(is_too_long) {
            let refused = CertificateError::ApplicationVerificationFailure;
            return Err(rustls::Error::InvalidCertificate(refused));
        }
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

fn is_too_long(certificate: &CertificateDer<'_>) -> bool {
    certificate.len() > LONGEST
}

/// The certificate and the key as they were read, or why they could not be read.
type Read = Result<(Vec<u8>, Secret<Vec<u8>>), String>;

async fn read(files: &Files) -> Read {
    let certificate = tokio::fs::read(&files.certificate).await;
    let certificate = certificate.map_err(|error| files.of_certificate(error))?;
    let file = files.key.clone();
    let key = tokio::task::spawn_blocking(move || secret_file::read(&file)).await;
    let key = key.map_err(|error| files.of_key(error))?;
    Ok((
        certificate,
        key.map_err(|unreadable| format!("{}.{KEY_FILE}: {unreadable}", files.section))?,
    ))
}

fn seen(read: &Read) -> Seen {
    let mut digest = Sha256::new();
    match read {
        Ok((certificate, key)) => {
            digest.update(Sha256::digest(certificate));
            digest.update(Sha256::digest(key.expose()));
        }
        Err(problem) => digest.update(problem),
    }
    digest.finalize().into()
}

/// What TLS is made of. Of TLS 1.2 only what RFC 9325 §4.2 recommends, which is all that FAPI 2.0
/// §5.2.2 allows: ECDHE with AES-GCM.
pub(crate) fn provider() -> CryptoProvider {
    let mut provider = default_provider();
    provider.cipher_suites.retain(|suite| {
        let suite = suite.suite();
        suite != CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256
            && suite != CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256
    });
    provider
}

fn config(listener: TlsListener, files: &Files, read: Read) -> Result<Arc<ServerConfig>, String> {
    let (certificate, key) = read?;
    let of_certificate = |error: &str| files.of_certificate(error);
    let of_key = |error: &str| files.of_key(error);
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&certificate)
        .collect::<Result<_, _>>()
        .map_err(|_| of_certificate("is not PEM"))?;
    if chain.is_empty() {
        return Err(of_certificate("holds no certificate in PEM"));
    }
    let key = PrivateKeyDer::from_pem_slice(key.expose())
        .map_err(|_| of_key("holds no private key in PEM without a password"))?;
    let provider = Arc::new(provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&TLS13, &TLS12])
        .map_err(|error| error.to_string())?;
    let builder = match listener {
        TlsListener::Main => builder.with_no_client_auth(),
        TlsListener::Mutual => {
            builder.with_client_cert_verifier(Arc::new(AnyCertificate(provider)))
        }
    };
    let mut config = builder.with_single_cert(chain, key).map_err(|error| match error {
        rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
            of_key("is not the key of the certificate")
        }
        rustls::Error::InvalidCertificate(_) => of_certificate("holds no usable certificate"),
        _ => of_key("holds no usable private key"),
    })?;
    config.alpn_protocols = vec![HTTP_2.to_vec(), HTTP_1_1.to_vec()];
    Ok(Arc::new(config))
}

const CERT_FILE: &str = "cert_file";
const KEY_FILE: &str = "key_file";

impl Files {
    fn of_certificate(&self, error: impl std::fmt::Display) -> String {
        self.problem(CERT_FILE, &self.certificate, error)
    }

    fn of_key(&self, error: impl std::fmt::Display) -> String {
        self.problem(KEY_FILE, &self.key, error)
    }

    fn problem(&self, name: &str, file: &Path, error: impl std::fmt::Display) -> String {
        format!("{}.{name}: {}: {error}", self.section, file.display())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> (String, String) {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        (made.cert.pem(), made.signing_key.serialize_pem())
    }

    #[test]
    fn a_chain_that_is_too_long_ends_the_handshake() {
        let verifier = AnyCertificate(Arc::new(provider()));
        let of = |length: usize| CertificateDer::from(vec![0x30; length]);
        let now = UnixTime::since_unix_epoch(Duration::ZERO);
        for (own, above, is_taken) in [
            (of(LONGEST), vec![], true),
            (of(1), vec![of(LONGEST); MOST - 1], true),
            (of(LONGEST + 1), vec![], false),
            (of(1), vec![of(1), of(LONGEST + 1)], false),
            (of(1), vec![of(1); MOST], false),
        ] {
            let verified = verifier.verify_client_cert(&own, &above, now);
            assert_eq!(verified.is_ok(), is_taken, "{} {}", own.len(), above.len());
        }
    }

    #[tokio::test]
    async fn a_broken_pair_is_looked_at_once_and_the_former_stays() {
        let folder = tempfile::tempdir().unwrap();
        let files = Files {
            certificate: folder.path().join("cert"),
            key: folder.path().join("key"),
            section: "tls",
        };
        let write = |certificate: &str, key: &str| {
            std::fs::write(&files.certificate, certificate).unwrap();
            std::fs::write(&files.key, key).unwrap();
            let alone = std::os::unix::fs::PermissionsExt::from_mode(0o600);
            std::fs::set_permissions(&files.key, alone).unwrap();
        };
        let (certificate, key) = pair();
        write(&certificate, &key);
        let tls = Tls::load(files.clone()).await.unwrap();
        let first = tls.with(|state| Arc::clone(&state.config));
        let in_force = || tls.with(|state| Arc::clone(&state.config));
        let seen = || tls.with(|state| state.seen);
        tls.look().await;
        assert!(Arc::ptr_eq(&first, &in_force()), "nothing changed");
        let (certificate, key_of_another) = (pair().0, key);
        for broken in [&key_of_another, "", "nothing"] {
            let before = seen();
            write(&certificate, broken);
            tls.look().await;
            assert!(Arc::ptr_eq(&first, &in_force()) && seen() != before, "{broken}");
        }
        std::fs::remove_file(&files.key).unwrap();
        tls.look().await;
        assert!(Arc::ptr_eq(&first, &in_force()), "no file");
        let (certificate, key) = pair();
        write(&certificate, &key);
        tls.look().await;
        assert!(!Arc::ptr_eq(&first, &in_force()), "a good pair after broken ones");
    }
}
