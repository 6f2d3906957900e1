//! Certificates that tests make.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, SignatureAlgorithm,
};
use sha2::{Digest, Sha256};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig, SupportedProtocolVersion};
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// A certificate authority.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// A certificate and its key, in PEM.
pub(crate) struct Pair {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(vec![]).expect("parameters");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).expect("signed").pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// An authority below this one, and its certificate.
    pub(crate) fn below(&self) -> Self {
        self.below_with(|_| {})
    }

    /// The same; `change` edits its certificate first.
    pub(crate) fn below_with(&self, change: impl FnOnce(&mut CertificateParams)) -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(vec![]).expect("parameters");
        params.distinguished_name.push(DnType::CommonName, "below");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        change(&mut params);
        let pem = params.signed_by(&key, &self.issuer).expect("signed").pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// Issues a certificate to a client; `change` edits it first.
    pub(crate) fn client(&self, change: impl FnOnce(&mut CertificateParams)) -> Pair {
        let key = KeyPair::generate().expect("a key");
        let params = client_params(change);
        let certificate = params.signed_by(&key, &self.issuer).expect("signed").pem();
        Pair { certificate, key: key.serialize_pem() }
    }

    /// The certificate of the authority, in PEM.
    pub(crate) fn pem(&self) -> &str {
        &self.pem
    }

    /// Issues a certificate for these names.
    pub(crate) fn issue(&self, names: &[&str]) -> Pair {
        let key = KeyPair::generate().expect("a key");
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let params = CertificateParams::new(names).expect("parameters");
        let certificate = params.signed_by(&key, &self.issuer).expect("signed").pem();
        Pair { certificate, key: key.serialize_pem() }
    }
}

/// Accepts TLS connections with this certificate.
pub(crate) fn acceptor(pair: &Pair) -> TlsAcceptor {
    let certificate = CertificateDer::from_pem_slice(pair.certificate.as_bytes()).expect("PEM");
    let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).expect("PEM");
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .expect("a pair");
    TlsAcceptor::from(Arc::new(config))
}

/// What the certificate of a client says; `change` edits it.
fn client_params(change: impl FnOnce(&mut CertificateParams)) -> CertificateParams {
    let mut params = CertificateParams::new(vec![]).expect("parameters");
    let name = &mut params.distinguished_name;
    *name = rcgen::DistinguishedName::new();
    name.push(DnType::CountryName, "KR");
    name.push(DnType::OrganizationName, "Example, Inc.");
    name.push(DnType::CommonName, "client");
    change(&mut params);
    params
}

impl Pair {
    /// A certificate of a client that signs it itself.
    pub(crate) fn self_signed(
        alg: &'static SignatureAlgorithm,
        change: impl FnOnce(&mut CertificateParams),
    ) -> Self {
        let key = KeyPair::generate_for(alg).expect("a key");
        let certificate = client_params(change).self_signed(&key).expect("signed").pem();
        Self { certificate, key: key.serialize_pem() }
    }

    /// The first certificate, in DER.
    pub(crate) fn der(&self) -> Vec<u8> {
        CertificateDer::from_pem_slice(self.certificate.as_bytes()).expect("PEM").to_vec()
    }

    /// The header `Client-Cert` of RFC 9440.
    pub(crate) fn header(&self) -> String {
        format!(":{}:", STANDARD.encode(self.der()))
    }

    /// `x5t#S256`.
    pub(crate) fn thumbprint(&self) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(self.der()))
    }

    /// The same with a certificate above it.
    pub(crate) fn with_chain(&self, authority: &Authority) -> Self {
        let certificate = format!("{}{}", self.certificate, authority.pem());
        Self { certificate, key: self.key.clone() }
    }

    /// A client that shows the certificate in handshakes, and trusts this authority.
    pub(crate) fn http(&self, authority: &Authority) -> reqwest::Client {
        let identity = format!("{}{}", self.certificate, self.key);
        let identity = reqwest::Identity::from_pem(identity.as_bytes()).expect("a pair");
        https(authority).identity(identity).build().expect("a client")
    }

    /// Writes the pair to `cert.pem` and `key.pem` in this folder, and returns the settings for
    /// them.
    pub(crate) fn settings(&self, folder: &Path) -> [(&'static str, String); 2] {
        let write = |name: &str, text: &str| {
            let path = folder.join(name);
            super::write_secret(&path, text);
            path.display().to_string()
        };
        [
            ("tls.cert_file", write("cert.pem", &self.certificate)),
            ("tls.key_file", write("key.pem", &self.key)),
        ]
    }
}

/// A client that trusts this authority alone.
pub(crate) fn https(authority: &Authority) -> reqwest::ClientBuilder {
    let root = reqwest::Certificate::from_pem(authority.pem().as_bytes()).expect("PEM");
    reqwest::Client::builder().tls_certs_only([root])
}

/// Connects over TLS to a server whose certificate is for localhost.
pub(crate) async fn connect(
    authority: &Authority,
    address: SocketAddr,
    versions: &[&'static SupportedProtocolVersion],
    alpn: &[&str],
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    let root = CertificateDer::from_pem_slice(authority.pem().as_bytes()).expect("PEM");
    roots.add(root).expect("a root");
    let mut config = ClientConfig::builder_with_protocol_versions(versions)
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    let stream = TcpStream::connect(address).await?;
    let name = ServerName::try_from("localhost").expect("a name");
    TlsConnector::from(Arc::new(config)).connect(name, stream).await
}
