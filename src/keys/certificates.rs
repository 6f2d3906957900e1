//! Client certificates, RFC 8705: what stands in one, and whether it is the one that is registered.
//! Whoever shows a certificate has proven its key: to this server in the handshake, or to a trusted
//! proxy.

use std::net::IpAddr;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use rustls::pki_types::CertificateDer;
use serde_json::Value;
use sha2::{Digest, Sha256};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey as ParsedKey;
use x509_parser::x509::SubjectPublicKeyInfo;

use crate::domain::client::{AuthMethod, ClientMetadata};
use crate::domain::distinguished_name::DistinguishedName;
use crate::domain::dpop::Thumbprint;
use crate::domain::reason::Reason;
use crate::domain::shown_certificates::{LONGEST, MOST};

/// A certificate that a client showed, with those above it.
#[derive(Debug)]
pub struct ClientCertificate {
    /// The certificate, then those above it that may sign others.
    chain: Vec<CertificateDer<'static>>,
    thumbprint: Thumbprint,
    subject: DistinguishedName,
    names: Vec<Name>,
    key: Option<PublicKey>,
    may_sign: bool,
    not_before: i64,
    not_after: i64,
}

/// The certificate of a request, or why it cannot be read.
#[derive(Clone, Debug)]
pub struct ShownCertificate(pub Result<Arc<ClientCertificate>, Reason>);

/// A subject alternative name, RFC 5280 §4.2.1.6.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Name {
    Dns(String),
    Uri(String),
    Email(String),
    Address(IpAddr),
}

/// A public key, in a form in which two of them can be compared.
#[derive(Debug, PartialEq, Eq)]
enum PublicKey {
    Rsa { modulus: Vec<u8>, exponent: Vec<u8> },
    Ec { curve: &'static str, point: Vec<u8> },
    Ed25519(Vec<u8>),
}

/// The curves, by their names in a JWK (RFC 7518 §6.2.1.1), with their OIDs and the length of a
/// coordinate.
const CURVES: &[(&str, &str, usize)] = &[
    ("P-256", "1.2.840.10045.3.1.7", 32),
    ("P-384", "1.3.132.0.34", 48),
    ("P-521", "1.3.132.0.35", 66),
];
const ED25519: &str = "1.3.101.112";

impl ClientCertificate {
    /// Reads a chain in DER, the certificate of the client first.
    pub fn read(chain: &[Vec<u8>]) -> Result<Self, Reason> {
        let malformed = Reason::CertificateMalformed;
        let der = chain.first().ok_or(malformed)?;
        if chain.len() > MOST || chain.iter().any(|der| der.len() > LONGEST) {
            return Err(malformed);
        }
        let (rest, read) = X509Certificate::from_der(der).map_err(|_| malformed)?;
        if !rest.is_empty() {
            return Err(malformed);
        }
        // The parser ends a name where it cannot read on. What it left out is missed here.
        let subject = DistinguishedName::of_der(read.subject().as_raw()).ok_or(malformed)?;
        // RFC 5280 §4.2: no extension stands twice in a certificate.
        let alternative = read.subject_alternative_name().map_err(|_| malformed)?;
        let names = alternative.map_or_else(Vec::new, |extension| {
            extension.value.general_names.iter().filter_map(name).collect()
        });
        let usage = read.key_usage().map_err(|_| malformed)?;
        let may_sign = usage.is_none_or(|usage| usage.value.digital_signature());
        let (key, validity) = (key(read.public_key()), read.validity());
        let (not_before, not_after) =
            (validity.not_before.timestamp(), validity.not_after.timestamp());
        let thumbprint = Thumbprint::from_stored(URL_SAFE_NO_PAD.encode(Sha256::digest(der)));
        let above = chain.iter().skip(1).filter(|der| may_issue(der));
        let chain = std::iter::once(der).chain(above).cloned().map(CertificateDer::from).collect();
        Ok(Self { chain, thumbprint, subject, names, key, may_sign, not_before, not_after })
    }

    /// `x5t#S256`, RFC 8705 §3.1.
    #[must_use]
    pub fn thumbprint(&self) -> &Thumbprint {
        &self.thumbprint
    }

    /// The subject.
    #[must_use]
    pub fn subject(&self) -> &DistinguishedName {
        &self.subject
    }

    /// Whether its key may sign, as it does in a handshake, if its key usage says anything (RFC 5280
    /// §4.2.1.3).
    pub(super) fn may_sign(&self) -> bool {
        self.may_sign
    }

    /// The certificate and those above it that may sign others.
    pub(super) fn chain(&self) -> &[CertificateDer<'static>] {
        &self.chain
    }

    /// RFC 8705 §2.1.2: whether it has the one name for which the client is registered.
    pub fn check_name(&self, client: &ClientMetadata) -> Result<(), Reason> {
        match Registered::of(client).map_err(|_| Reason::CertificateNameMismatch)? {
            Registered::Subject(name) if name == self.subject => Ok(()),
            Registered::Subject(_) => Err(Reason::CertificateSubjectMismatch),
            Registered::Alternative(name) if self.names.contains(&name) => Ok(()),
            Registered::Alternative(_) => Err(Reason::CertificateNameMismatch),
        }
    }

    /// RFC 8705 §2.2: whether it is one of those in the JWK Set of the client, or its key is one of
    /// those that stand there without a certificate. No authority vouches for it, but its times count.
    pub fn check_key_set(&self, jwks: &Value, now: DateTime<Utc>) -> Result<(), Reason> {
        let listed = jwks.get("keys").and_then(Value::as_array).map(Vec::as_slice);
        if !listed.unwrap_or_default().iter().any(|jwk| self.is_in(jwk)) {
            return Err(Reason::CertificateUnregistered);
        }
        if now.timestamp() > self.not_after {
            return Err(Reason::CertificateExpired);
        }
        if now.timestamp() < self.not_before {
            return Err(Reason::CertificateNotYetValid);
        }
        Ok(())
    }

    fn is_in(&self, jwk: &Value) -> bool {
        match first_certificate(jwk) {
            Some(registered) => {
                self.chain.first().is_some_and(|own| registered.is_ok_and(|it| it == own.as_ref()))
            }
            None => self.key.is_some() && self.key == key_of(jwk),
        }
    }
}

/// What a client is registered for that authenticates by `tls_client_auth`.
enum Registered {
    Subject(DistinguishedName),
    Alternative(Name),
}

impl Registered {
    fn of(client: &ClientMetadata) -> Result<Self, String> {
        let said = |name: &str, why: &str| format!("{name} {why}");
        let own = [
            ("tls_client_auth_subject_dn", &client.tls_client_auth_subject_dn),
            ("tls_client_auth_san_dns", &client.tls_client_auth_san_dns),
            ("tls_client_auth_san_uri", &client.tls_client_auth_san_uri),
            ("tls_client_auth_san_ip", &client.tls_client_auth_san_ip),
            ("tls_client_auth_san_email", &client.tls_client_auth_san_email),
        ];
        let mut given = own.iter().filter_map(|(name, value)| Some((*name, value.as_deref()?)));
        // RFC 8705 §2.1.2: exactly one.
        let (Some((name, value)), None) = (given.next(), given.next()) else {
            let names: Vec<_> = own.iter().map(|(name, _)| *name).collect();
            return Err(format!("tls_client_auth needs exactly one of {}", names.join(", ")));
        };
        if value.trim().is_empty() {
            return Err(said(name, "is empty"));
        }
        Ok(match name {
            "tls_client_auth_subject_dn" => {
                Self::Subject(DistinguishedName::parse(value).map_err(|why| said(name, why))?)
            }
            "tls_client_auth_san_dns" => Self::Alternative(Name::dns(value)),
            "tls_client_auth_san_uri" => Self::Alternative(Name::Uri(value.to_owned())),
            "tls_client_auth_san_ip" => {
                let address = value.parse().map_err(|_| said(name, "is not an IP address"))?;
                Self::Alternative(Name::Address(address))
            }
            _ => Self::Alternative(Name::email(value)),
        })
    }
}

impl Name {
    /// RFC 4343: names of hosts are compared without case.
    fn dns(name: &str) -> Self {
        Self::Dns(name.to_ascii_lowercase())
    }

    /// RFC 5280 §7.5: the part behind the @ is a name of a host.
    fn email(address: &str) -> Self {
        Self::Email(match address.rsplit_once('@') {
            Some((local, host)) => format!("{local}@{}", host.to_ascii_lowercase()),
            None => address.to_owned(),
        })
    }
}

/// Checks what a client that authenticates by certificates is registered for. Another client may be
/// registered for the same. The error says in words what is wrong.
pub fn check_registration(client: &ClientMetadata) -> Result<(), String> {
    let method = client.token_endpoint_auth_method;
    let has_name = [
        &client.tls_client_auth_subject_dn,
        &client.tls_client_auth_san_dns,
        &client.tls_client_auth_san_uri,
        &client.tls_client_auth_san_ip,
        &client.tls_client_auth_san_email,
    ]
    .into_iter()
    .any(Option::is_some);
    match method {
        AuthMethod::TlsClientAuth => Registered::of(client).map(drop),
        _ if has_name => Err("the names of certificates go with tls_client_auth".to_owned()),
        AuthMethod::SelfSignedTlsClientAuth => match &client.jwks {
            Some(jwks) => check_keys(jwks),
            None => Err("self_signed_tls_client_auth needs the client's JWK Set".to_owned()),
        },
        _ => Ok(()),
    }
}

fn check_keys(jwks: &Value) -> Result<(), String> {
    let listed = jwks.get("keys").and_then(Value::as_array).filter(|keys| !keys.is_empty());
    let listed = listed.ok_or("the JWK Set has no keys")?;
    for jwk in listed {
        if ["d", "k", "p", "q"].iter().any(|member| jwk.get(member).is_some()) {
            let why = "the JWK Set holds a private key: register the public halves alone";
            return Err(why.to_owned());
        }
        let own = key_of(jwk);
        match first_certificate(jwk) {
            None if own.is_none() => {
                return Err("a key of the JWK Set is neither RSA nor EC nor Ed25519".to_owned());
            }
            None => {}
            Some(der) => {
                let certificate = der.ok().and_then(|der| ClientCertificate::read(&[der]).ok());
                let Some(certificate) = certificate else {
                    return Err("an x5c of the JWK Set holds no certificate".to_owned());
                };
                // RFC 7517 §4.7: the key in the first certificate is the key of the JWK, if that says one.
                if own.is_some() && certificate.key != own {
                    return Err("an x5c of the JWK Set is not of the key beside it".to_owned());
                }
            }
        }
    }
    Ok(())
}

/// The first certificate of `x5c`, RFC 7517 §4.7; `None` if there is no such member.
fn first_certificate(jwk: &Value) -> Option<Result<Vec<u8>, ()>> {
    let listed = jwk.get("x5c").filter(|listed| !listed.is_null())?;
    let first = listed.get(0).and_then(Value::as_str).ok_or(());
    Some(first.and_then(|text| STANDARD.decode(text).map_err(|_| ())))
}

fn key_of(jwk: &Value) -> Option<PublicKey> {
    let text = |name: &str| jwk.get(name)?.as_str();
    let bytes = |name: &str| URL_SAFE_NO_PAD.decode(text(name)?).ok();
    match text("kty")? {
        "RSA" => {
            Some(PublicKey::Rsa { modulus: trimmed(&bytes("n")?), exponent: trimmed(&bytes("e")?) })
        }
        "EC" => {
            let named = text("crv")?;
            let (curve, _, length) = CURVES.iter().find(|(name, ..)| *name == named)?;
            let (x, y) = (bytes("x")?, bytes("y")?);
            let fits = x.len() == *length && y.len() == *length;
            // SEC 1 §2.3.3: an uncompressed point.
            fits.then(|| PublicKey::Ec { curve, point: [&[4][..], &x, &y].concat() })
        }
        "OKP" if text("crv")? == "Ed25519" => bytes("x").map(PublicKey::Ed25519),
        _ => None,
    }
}

fn key(info: &SubjectPublicKeyInfo<'_>) -> Option<PublicKey> {
    let bits = info.subject_public_key.data.as_ref();
    match info.parsed().ok()? {
        ParsedKey::RSA(key) => {
            Some(PublicKey::Rsa { modulus: trimmed(key.modulus), exponent: trimmed(key.exponent) })
        }
        ParsedKey::EC(_) => {
            let curve = info.algorithm.parameters.as_ref()?.as_oid().ok()?.to_id_string();
            let (curve, _, _) = CURVES.iter().find(|(_, oid, _)| *oid == curve)?;
            Some(PublicKey::Ec { curve, point: bits.to_vec() })
        }
        _ if info.algorithm.algorithm.to_id_string() == ED25519 => {
            Some(PublicKey::Ed25519(bits.to_vec()))
        }
        _ => None,
    }
}

/// A number without zeros in front.
fn trimmed(number: &[u8]) -> Vec<u8> {
    number.iter().copied().skip_while(|byte| *byte == 0).collect()
}

/// Whether a certificate may sign others, if its key usage says anything (RFC 5280 §4.2.1.3). Whether
/// it is one of an authority is looked at with the whole chain.
fn may_issue(der: &[u8]) -> bool {
    let Ok((_, read)) = X509Certificate::from_der(der) else { return false };
    read.key_usage().is_ok_and(|usage| usage.is_none_or(|usage| usage.value.key_cert_sign()))
}

fn name(general: &GeneralName<'_>) -> Option<Name> {
    match general {
        GeneralName::DNSName(name) => Some(Name::dns(name)),
        GeneralName::URI(uri) => Some(Name::Uri((*uri).to_owned())),
        GeneralName::RFC822Name(address) => Some(Name::email(address)),
        GeneralName::IPAddress(bytes) => {
            let four = <[u8; 4]>::try_from(*bytes).map(IpAddr::from);
            four.or_else(|_| <[u8; 16]>::try_from(*bytes).map(IpAddr::from)).ok().map(Name::Address)
        }
        _ => None,
    }
}
