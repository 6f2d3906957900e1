//! Client authentication, RFC 6749 §2.3 and RFC 7523 §2.2. Only [`ClientAuthentication`] makes an
//! [`AuthenticatedClient`], so code that takes one cannot run before authentication.

use std::net::IpAddr;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::claims::AudienceClaim;
use super::error::{Refusal, Result};
use super::outside_assertions;
use crate::clients::registry::{Registered, Registry};
use crate::domain::client::{Assertions, AuthMethod, Client, ClientId, ClientKind, ClientProfile};
use crate::domain::client_secret;
use crate::domain::clock::{Clock, from_millis};
use crate::domain::form::{self, Form};
use crate::domain::jwt_type;
use crate::domain::reason::Reason;
use crate::domain::secret::{ClientSecret, Plain, Secret};
use crate::domain::urls::{self, Issuer};
use crate::keys::authorities::Authorities;
use crate::keys::certificates::ClientCertificate;
use crate::keys::dpop::Proof;
use crate::keys::jwt;
use crate::rate_limits::{CountedAccount, RateLimiter};
use crate::social::outside_issuers::OutsideIssuers;
use crate::store::{Store, used_assertions};

/// The authentication methods of clients, as the metadata lists them.
pub const AUTH_METHODS: &[AuthMethod] = &[
    AuthMethod::ClientSecretBasic,
    AuthMethod::ClientSecretPost,
    AuthMethod::PrivateKeyJwt,
    AuthMethod::None,
];

/// The methods that need client certificates, where the server takes any. Only those of an authority
/// need the file of authorities.
pub const CERTIFICATE_METHODS: &[AuthMethod] =
    &[AuthMethod::TlsClientAuth, AuthMethod::SelfSignedTlsClientAuth];

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The endpoints at which clients authenticate. The URL of each names this server: RFC 9126 §2 says it of
/// that for pushed requests, and libraries name the one to which they send an assertion.
const ENDPOINTS: [&str; 6] = [
    urls::TOKEN,
    urls::PAR,
    urls::INTROSPECT,
    urls::REVOKE,
    urls::DEVICE_AUTHORIZATION,
    urls::AUTHORIZE_CHALLENGE,
];

/// How many seconds the clock of a client may be ahead of this server's clock.
const SKEW_SECONDS: i64 = 60;

/// A client that proved its identity, or a public client, which only stated its id.
#[derive(Clone, Debug)]
pub struct AuthenticatedClient(Arc<Registered>);

impl AuthenticatedClient {
    /// The client.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.0.client
    }

    /// The client with its keys.
    #[must_use]
    pub fn registered(&self) -> &Registered {
        &self.0
    }

    /// The client, if it is confidential and so proved its identity.
    pub fn confidential(&self) -> Result<&Client, Refusal> {
        match self.0.client.kind {
            ClientKind::Confidential => Ok(&self.0.client),
            ClientKind::Public => Err(Reason::ClientIsPublic.into()),
        }
    }
}

/// A client that is who it says it is, whose assertion is not used up yet.
#[derive(Debug)]
pub struct VerifiedClient {
    registered: Arc<Registered>,
    assertion: Option<UnusedAssertion>,
}

impl VerifiedClient {
    /// The client.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.registered.client
    }
}

/// An assertion that is good for one request, RFC 7523 §3 (7).
#[derive(Debug)]
struct UnusedAssertion {
    hash: Vec<u8>,
    jti: String,
    forgotten_at: DateTime<Utc>,
}

/// The credentials of the client in a request, RFC 6749 §2.3. They are read once.
#[derive(Debug)]
pub enum Credentials {
    /// `client_secret_basic`.
    Basic {
        /// The client.
        id: ClientId,
        /// Its secret.
        secret: Plain<ClientSecret>,
    },
    /// `client_secret_post`.
    Post {
        /// The client.
        id: ClientId,
        /// Its secret.
        secret: Plain<ClientSecret>,
    },
    /// `private_key_jwt`.
    Assertion {
        /// The client, if the form names it.
        id: Option<ClientId>,
        /// `client_assertion`.
        assertion: Secret,
    },
    /// A public client, or one that authenticates by its certificate.
    Nothing {
        /// The client.
        id: ClientId,
        /// The certificate that it showed.
        certificate: Option<Arc<ClientCertificate>>,
    },
}

impl Credentials {
    /// Reads the `Authorization` headers and the form of a request.
    pub fn read(authorization: &[&[u8]], form: &Form) -> Result<Self, Refusal> {
        let id = match form.get("client_id") {
            Some(text) => {
                let id = ClientId::parse(text);
                Some(id.ok_or(Reason::ClientIdMalformed)?)
            }
            None => None,
        };
        let secret = form.get("client_secret").map(Plain::presented);
        let assertion = form.get("client_assertion");
        match (authorization, secret, assertion) {
            ([header], None, None) => {
                let (named, secret) = basic(header)?;
                // RFC 6749 §2.3: the request names one client.
                if id.is_some_and(|id| id != named) {
                    return Err(Reason::ClientIdMismatch.into());
                }
                // RFC 6749 §2.3.1: a client whose secret is empty may leave it out, so an empty
                // secret counts as no secret. Some libraries send public clients this way.
                if secret.expose().is_empty() {
                    return Ok(Credentials::Nothing { id: named, certificate: None });
                }
                Ok(Credentials::Basic { id: named, secret })
            }
            ([], Some(secret), None) => {
                let id = id.ok_or(Reason::ClientIdMissing)?;
                Ok(Credentials::Post { id, secret })
            }
            ([], None, Some(assertion)) => {
                if form.get("client_assertion_type") != Some(ASSERTION_TYPE) {
                    return Err(Reason::AssertionTypeUnknown.into());
                }
                Ok(Credentials::Assertion { id, assertion: Secret::text(assertion) })
            }
            ([], None, None) => {
                let id = id.ok_or(Reason::ClientIdMissing)?;
                Ok(Credentials::Nothing { id, certificate: None })
            }
            // RFC 6749 §2.3: not more than one authentication method in each request.
            _ => Err(Reason::ClientAuthenticationRepeated.into()),
        }
    }

    /// The same with the certificate that came with the request, RFC 8705 §2. It is no second method
    /// beside a secret or an assertion: tokens may be bound to it then.
    #[must_use]
    pub fn with_certificate(mut self, shown: Option<Arc<ClientCertificate>>) -> Self {
        if let Self::Nothing { certificate, .. } = &mut self {
            *certificate = shown;
        }
        self
    }

    /// The client that the request names, whether it proved its identity or not.
    #[must_use]
    pub fn client(&self) -> Option<ClientId> {
        match self {
            Self::Basic { id, .. } | Self::Post { id, .. } | Self::Nothing { id, .. } => {
                Some(id.clone())
            }
            Self::Assertion { id, assertion } => id.clone().or_else(|| {
                let claimed: Assertion = jwt::unverified(assertion.expose()).ok()?;
                ClientId::parse(&claimed.sub)
            }),
        }
    }
}

/// The parts that are used to authenticate clients.
#[derive(Clone, Debug)]
pub struct ClientAuthentication {
    /// The issuer URL of this server.
    pub url: Issuer,
    /// The clock.
    pub clock: Clock,
    /// The database.
    pub store: Arc<Store>,
    /// The registered clients.
    pub clients: Arc<Registry>,
    /// Counts the requests of addresses, clients and accounts.
    pub limiter: Arc<RateLimiter>,
    /// The keys of issuers whose assertions clients trust.
    pub outside_issuers: Arc<OutsideIssuers>,
    /// Where clients with certificates find this server, if that is another address.
    pub mtls_url: Option<Issuer>,
    /// The authorities whose certificates count for `tls_client_auth`.
    pub authorities: Option<Arc<Authorities>>,
}

impl ClientAuthentication {
    /// Counts a request of this address, before anything else is done for it.
    pub async fn admit(&self, address: IpAddr) -> Result<()> {
        self.limiter.address(address).await.map_err(|error| error.map(Refusal::from))
    }

    /// Counts a request about this account.
    pub async fn count_account(&self, account: &CountedAccount) -> Result<()> {
        self.limiter.account(account).await.map_err(|error| error.map(Refusal::from))
    }

    /// Authenticates the client of a request, and counts the request for it. Nobody can use up the
    /// limit of a client whose secret they do not have.
    pub async fn authenticate(&self, credentials: &Credentials) -> Result<AuthenticatedClient> {
        self.use_up(self.verify(credentials).await?, None).await
    }

    /// Checks the credentials of a client. Nothing is used up yet.
    pub async fn verify(&self, credentials: &Credentials) -> Result<VerifiedClient> {
        let mut unused = None;
        let registered = match credentials {
            Credentials::Basic { id, secret } => {
                by_secret(self, id, secret, AuthMethod::ClientSecretBasic).await?
            }
            Credentials::Post { id, secret } => {
                by_secret(self, id, secret, AuthMethod::ClientSecretPost).await?
            }
            Credentials::Assertion { id, assertion } => {
                let assertion = assertion.expose();
                let by = by_outside_assertion(self, id.as_ref(), assertion).await?;
                if let Some(by) = by {
                    by
                } else {
                    let (by, once) = by_assertion(self, id.as_ref(), assertion).await?;
                    unused = Some(once);
                    by
                }
            }
            Credentials::Nothing { id, certificate } => {
                let registered = self.clients.find(id).await?;
                let registered = registered.ok_or(Reason::ClientUnknown)?;
                self.check_certificate(&registered.client, certificate.as_deref())?;
                registered
            }
        };
        if !registered.client.is_enabled() {
            return Err(Reason::ClientDisabled.into());
        }
        Ok(VerifiedClient { registered, assertion: unused })
    }

    /// Authenticates a client that sends neither a secret nor an assertion: a public one need not, and
    /// another one may be registered for its certificate.
    fn check_certificate(
        &self,
        client: &Client,
        shown: Option<&ClientCertificate>,
    ) -> Result<(), Refusal> {
        let (metadata, now) = (&client.metadata, self.clock.now());
        let shown = || shown.ok_or(Reason::CertificateMissing);
        match metadata.token_endpoint_auth_method {
            AuthMethod::None => {}
            // RFC 8705 §2.1: an authority vouches for the certificate, and it has the registered name.
            AuthMethod::TlsClientAuth => {
                let shown = shown()?;
                let authorities = self.authorities.as_ref().ok_or(Reason::CertificateUntrusted)?;
                authorities.check(shown, now)?;
                shown.check_name(metadata).map_err(|reason| {
                    Refusal::new(reason).with_value(&shown.subject().to_string())
                })?;
            }
            // RFC 8705 §2.2: nobody vouches for the certificate, but it is registered.
            AuthMethod::SelfSignedTlsClientAuth => {
                let shown = shown()?;
                let jwks = metadata.jwks.as_ref().ok_or(Reason::CertificateUnregistered)?;
                shown.check_key_set(jwks, now)?;
            }
            _ => return Err(Reason::ClientSecretMissing.into()),
        }
        Ok(())
    }

    /// Uses the assertion of a client up, and counts the request for it. A proof of possession that
    /// was used before is refused first, so that the assertion stays good.
    pub async fn use_up(
        &self,
        verified: VerifiedClient,
        proof: Option<&Proof>,
    ) -> Result<AuthenticatedClient> {
        let VerifiedClient { registered, assertion } = verified;
        if let Some(UnusedAssertion { hash, jti, forgotten_at }) = assertion {
            let tx = self.store.begin(self.clock.now()).await?;
            if let Some(proof) = proof
                && used_assertions::has(&tx, proof.once).await?
            {
                return Err(Reason::DpopProofReused.into());
            }
            let fresh = used_assertions::remember(&tx, hash, forgotten_at).await?;
            tx.commit().await?;
            if !fresh {
                return Err(Refusal::new(Reason::AssertionReused).with_value(&jti).into());
            }
        }
        let counted = self.limiter.client(&registered.client).await;
        counted.map_err(|error| error.map(Refusal::from))?;
        Ok(AuthenticatedClient(registered))
    }
}

/// Reads HTTP Basic credentials, RFC 7617 §2. RFC 6749 §2.3.1: each half is form-encoded before
/// base64.
fn basic(header: &[u8]) -> Result<(ClientId, Plain<ClientSecret>), Refusal> {
    let malformed = Reason::BasicCredentialsMalformed;
    let text = std::str::from_utf8(header).map_err(|_| malformed)?;
    let (scheme, encoded) = text.split_once(' ').ok_or(malformed)?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(malformed.into());
    }
    let decoded = STANDARD.decode(encoded.trim_start()).map_err(|_| malformed)?;
    let decoded = Secret::new(decoded);
    let colon = decoded.expose().iter().position(|byte| *byte == b':').ok_or(malformed)?;
    let (id, secret) = decoded.expose().split_at(colon);
    let secret = secret.strip_prefix(b":").unwrap_or_default();
    let id = form::decode(id).and_then(|id| ClientId::parse(id.expose())).ok_or(malformed)?;
    let secret = form::decode(secret).ok_or(malformed)?;
    Ok((id, Plain::presented(secret.expose())))
}

async fn by_secret(
    context: &ClientAuthentication,
    id: &ClientId,
    secret: &Plain<ClientSecret>,
    method: AuthMethod,
) -> Result<Arc<Registered>> {
    let (clients, now) = (&context.clients, context.clock.now());
    let knows = |client: &Client| {
        allows(client, method) && client_secret::knows(&client.secrets, secret, now)
    };
    if let Some(registered) = clients.find(id).await?
        && knows(&registered.client)
    {
        return Ok(registered);
    }
    // Another process may have changed the secret a moment ago, so the database is asked. An
    // unknown client takes the same path, so the time of the answer does not reveal whether it
    // exists.
    match clients.look_up(id).await? {
        Some(registered) if knows(&registered.client) => Ok(registered),
        Some(registered) if !allows(&registered.client, method) => {
            Err(Reason::ClientAuthMethodMismatch.into())
        }
        Some(_) => Err(Reason::ClientSecretWrong.into()),
        None => Err(Reason::ClientUnknown.into()),
    }
}

fn allows(client: &Client, method: AuthMethod) -> bool {
    client.metadata.token_endpoint_auth_method == method
        || client.metadata.token_endpoint_auth_method == AuthMethod::ClientSecret
}

/// The claims of an assertion, RFC 7523 §3.
#[derive(Deserialize)]
struct Assertion {
    iss: String,
    sub: String,
    aud: AudienceClaim,
    exp: f64,
    nbf: Option<f64>,
    iat: Option<f64>,
    jti: String,
}

/// The client, if the assertion is that of an issuer which the named client trusts. It is good as long
/// as it says, however often it is sent.
async fn by_outside_assertion(
    context: &ClientAuthentication,
    named: Option<&ClientId>,
    assertion: &str,
) -> Result<Option<Arc<Registered>>> {
    let Some(named) = named else { return Ok(None) };
    let Some(registered) = context.clients.find(named).await? else { return Ok(None) };
    // FAPI 2.0 §5.3.2.1: such an assertion may live long, be used again, and be signed by RS256.
    let is_strict = registered.client.metadata.profile.is_some();
    if is_strict || !outside_assertions::is_outside(&registered.client, assertion) {
        return Ok(None);
    }
    check_type(assertion)?;
    let (issuers, url, client) = (&context.outside_issuers, &context.url, &registered.client);
    let now = context.clock.now().timestamp();
    Box::pin(outside_assertions::check(issuers, url, client, assertion, now)).await?;
    Ok(Some(registered))
}

async fn by_assertion(
    context: &ClientAuthentication,
    named: Option<&ClientId>,
    assertion: &str,
) -> Result<(Arc<Registered>, UnusedAssertion)> {
    check_type(assertion)?;
    let claimed: Assertion = jwt::unverified(assertion).map_err(|_| Reason::AssertionMalformed)?;
    let id = ClientId::parse(&claimed.sub);
    let id = id.ok_or(Reason::AssertionSubMalformed)?;
    let registered = context.clients.find(&id).await?;
    let registered = registered.ok_or(Reason::ClientUnknown)?;
    // A client of another method may have keys as well, for the requests that it signs.
    if registered.client.metadata.token_endpoint_auth_method != AuthMethod::PrivateKeyJwt {
        return Err(Reason::ClientAuthMethodMismatch.into());
    }
    let keys = context.clients.keys_for(&registered, assertion, None).await;
    let keys = keys.map_err(|_| Reason::AssertionKeysUnavailable)?;
    let verified = if registered.client.metadata.profile.is_some() {
        // FAPI 2.0 §5.4.1
        if !jwt::is_signed_by(assertion, ClientProfile::ALGORITHMS) {
            return Err(Reason::AssertionAlgRefused.into());
        }
        keys.verify_among(assertion, ClientProfile::ALGORITHMS)
    } else {
        keys.verify(assertion)
    };
    let claims: Assertion = verified.map_err(|_| Reason::AssertionSignatureInvalid)?;
    let now = context.clock.now();
    check_assertion(context, &registered.client, named, &claims, now.timestamp())?;
    let mut hash = Sha256::new();
    hash.update(id.as_str().len().to_be_bytes());
    hash.update(id.as_str());
    hash.update(&claims.jti);
    let (hash, forgotten_at) = (hash.finalize().to_vec(), forgotten_at(claims.exp));
    Ok((registered, UnusedAssertion { hash, jti: claims.jti, forgotten_at }))
}

/// RFC 8725 §3.11: another type means another purpose, such as a signed request. Most clients name
/// none, or just JWT.
fn check_type(assertion: &str) -> Result<(), Refusal> {
    let header = jwt::header(assertion).map_err(|_| Reason::AssertionMalformed)?;
    match header.typ.as_deref().map(jwt_type::plain).as_deref() {
        None | Some("jwt" | "client-authentication+jwt") => Ok(()),
        Some(other) => Err(Refusal::new(Reason::AssertionTypeMismatch).with_value(other)),
    }
}

fn check_assertion(
    context: &ClientAuthentication,
    client: &Client,
    named: Option<&ClientId>,
    claims: &Assertion,
    now: i64,
) -> Result<(), Refusal> {
    let bad = |reason: Reason| Err(reason.into());
    // RFC 7523 §3 (1) and (2): issuer and subject are the client.
    if claims.iss != claims.sub || claims.sub != client.id.as_str() {
        return bad(Reason::AssertionIssuerMismatch);
    }
    if named.is_some_and(|named| *named != client.id) {
        return bad(Reason::AssertionClientMismatch);
    }
    if claims.jti.is_empty() {
        return bad(Reason::AssertionJtiMissing);
    }
    if !is_for_us(context, client.metadata.assertions, &claims.aud) {
        let reason = match client.metadata.assertions {
            Assertions::Tolerant => Reason::AssertionAudienceMismatch,
            Assertions::Strict => Reason::AssertionAudienceNotStrict,
        };
        return Err(Refusal::new(reason).with_value(&claims.aud.to_string()));
    }
    match untimely(client.metadata.assertions, claims, now) {
        Some(reason) => bad(reason),
        None => Ok(()),
    }
}

/// RFC 7523 §3 (3). Each member of the audience has to name this server: another server among them could
/// replay the assertion here. Several names of this one do no harm, since an assertion is good once, at
/// whichever endpoint it arrives.
fn is_for_us(
    context: &ClientAuthentication,
    assertions: Assertions,
    audience: &AudienceClaim,
) -> bool {
    let issuer = context.url.as_str();
    if assertions == Assertions::Strict {
        return matches!(audience, AudienceClaim::One(only) if only == issuer);
    }
    // RFC 8705 §5: an alias is another URL of the same endpoint.
    let every = || [Some(&context.url), context.mtls_url.as_ref()].into_iter().flatten();
    let is_endpoint =
        |named: &str| ENDPOINTS.iter().any(|path| every().any(|url| url.url(path) == named));
    let mut members = audience.iter().peekable();
    // An empty list is for nobody.
    members.peek().is_some() && members.all(|named| named == issuer || is_endpoint(named))
}

/// Checks the times of an assertion, RFC 7523 §3 (4) to (6).
#[expect(clippy::cast_precision_loss, reason = "seconds of this era fit")]
fn untimely(assertions: Assertions, claims: &Assertion, now: i64) -> Option<Reason> {
    let ahead = |instant: f64| instant > (now + SKEW_SECONDS) as f64;
    // The client computes `exp` with its own clock, which may be ahead.
    let (most, too_long) = match assertions {
        Assertions::Tolerant => (3600 + SKEW_SECONDS, Reason::AssertionLifetimeTooLong),
        Assertions::Strict => (600, Reason::AssertionLifetimeNotStrict),
    };
    if claims.exp <= now as f64 {
        return Some(Reason::AssertionExpired);
    }
    if claims.exp > (now + most) as f64 {
        return Some(too_long);
    }
    if claims.nbf.is_some_and(ahead) || claims.iat.is_some_and(ahead) {
        return Some(Reason::AssertionNotYetValid);
    }
    None
}

/// Until when a `jti` has to be remembered. After that time the assertion has expired and would not
/// be accepted anyway.
#[expect(clippy::cast_possible_truncation, reason = "what is too far ahead was refused")]
fn forgotten_at(exp: f64) -> DateTime<Utc> {
    from_millis((exp.ceil() as i64 + SKEW_SECONDS) * 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encode(text: &[u8]) -> Vec<u8> {
        format!("Basic {}", STANDARD.encode(text)).into_bytes()
    }

    #[test]
    fn rfc6749_2_3_1_each_half_is_form_decoded() {
        let (id, secret) = basic(&encode(b"a%3Ab+c:p%25q%2Br")).unwrap();
        assert_eq!((id.as_str(), secret.expose()), ("a:b c", "p%q+r"));
        let (id, secret) = basic(&encode(b"plain:se:cret")).unwrap();
        assert_eq!((id.as_str(), secret.expose()), ("plain", "se:cret"));
    }

    #[test]
    fn rfc7617_2_malformed_credentials_are_refused() {
        let headers = [
            b"Basic !!!".to_vec(),
            b"Basic".to_vec(),
            b"Bearer abc".to_vec(),
            encode(b"no-colon"),
            encode(b"\xff:x"),
            encode(b"a\0b:x"),
            encode(b":x"),
            encode(b"a%zz:x"),
        ];
        for header in headers {
            assert!(basic(&header).is_err(), "{:?}", String::from_utf8_lossy(&header));
        }
    }

    #[test]
    fn rfc7523_3_a_jti_is_remembered_until_every_clock_refuses_its_assertion() {
        for (exp, until) in [(100.0, 100), (100.2, 101)] {
            assert_eq!(forgotten_at(exp), from_millis((until + SKEW_SECONDS) * 1000));
        }
    }
}
