//! The master key, and the keys that are derived from it.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::{hkdf, hmac};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use super::secret_file::{self, Unreadable};
use crate::domain::auth_session::AuthSession;
use crate::domain::provider::{ProviderMetadata, Slug};
use crate::domain::secret::{AuthSessionToken, BrowserToken, Plain, Secret, UpstreamState};
use crate::domain::session::BrowserId;
use crate::domain::upstream_login::UpstreamLogin;
use crate::domain::verdict::{Error, Fault, Rejected};
use crate::domain::{hex, random};
use crate::settings::kinds::{optional_path, path, secret};
use crate::settings::value_type::Holds;
use crate::settings::{Collector, Section};

/// The purpose of a derived key. Two labels never share a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Label {
    /// Seals private keys in the database.
    Sealing,
    /// Binds forms to their pages.
    Forms,
    /// Seals upstream logins, which browsers carry to a provider and back.
    UpstreamLogins,
    /// Signs the cookies of known browsers.
    KnownBrowsers,
    /// Seals what browsers carry for us, and makes the cookies by which browsers prove themselves.
    Browsers,
    /// Signs the cookies of browsers in which no second factor is asked for.
    RememberedBrowsers,
    /// Seals what first-party apps keep between two steps of a sign-in.
    AuthSessions,
    /// Proves to a server that `mapae doctor` has the same master key.
    Doctor,
    /// Seals the challenges of passkeys, which pages carry to a browser and back.
    PasskeyChallenges,
    /// Vouches for the nonces of proofs of possession.
    DpopNonces,
    /// Makes the tags of creations that may be asked for again.
    RepeatedCreations,
}

impl Label {
    fn info(self) -> &'static [u8] {
        match self {
            Self::Sealing => b"mapae sealing v1",
            Self::Forms => b"mapae forms v1",
            Self::UpstreamLogins => b"mapae visits v1",
            Self::KnownBrowsers => b"mapae known browsers v1",
            Self::Browsers => b"mapae browsers v1",
            Self::RememberedBrowsers => b"mapae remembered browsers v1",
            Self::AuthSessions => b"mapae auth sessions v1",
            Self::Doctor => b"mapae doctor v1",
            Self::PasskeyChallenges => b"mapae passkey challenges v1",
            Self::DpopNonces => b"mapae dpop nonces v1",
            Self::RepeatedCreations => b"mapae repeated creations v1",
        }
    }
}

/// The master key: 256 bits from which all other keys are derived.
#[derive(Debug, PartialEq, Eq)]
pub struct MasterKey(Secret<[u8; 32]>);

/// The place from which the master key is read.
#[derive(Clone, Debug)]
pub enum MasterKeySource {
    /// Given as text.
    Text(Secret<String>),
    /// In a file that an operator provides.
    File(PathBuf),
    /// In the folder of keys. The key is created there on the first start.
    Folder(PathBuf),
}

impl MasterKeySource {
    /// The files in which the key is, and the next one during a change.
    #[must_use]
    pub fn files(&self) -> Vec<PathBuf> {
        match self {
            Self::Text(_) => Vec::new(),
            Self::File(file) => vec![file.clone()],
            Self::Folder(folder) => {
                [FILE_NAME, NEXT_FILE_NAME].map(|name| folder.join(name)).to_vec()
            }
        }
    }
}

impl Section for MasterKeySource {
    fn read(from: &mut Collector) -> Self {
        from.begin("Master key");
        let folder = from.take(path("keys_dir", Holds::Anything, "keys").words(
            "The folder in which the master key is made on the first start (mode 0600). Where another master key sealed the database already, none is made and the start is refused.",
        ));
        let text = from.take(secret("master_key").words(
            "The master key itself, instead of the folder, on a cluster: 32 bytes in base64 (either alphabet) or hex, as `openssl rand -base64 32` makes them.",
        ));
        let file = from.take(
            optional_path("master_key_file", Holds::Secret)
                .words("The file that holds the master key, instead of the folder."),
        );
        match (text, file) {
            (Some(_), Some(_)) => {
                from.choose("master_key", "master_key_file");
                Self::Folder(folder)
            }
            (Some(text), None) => {
                if MasterKey::parse(text.expose()).is_none() {
                    from.problem("master_key", "must be 32 bytes in base64 or 64 hex digits");
                }
                Self::Text(text)
            }
            (None, Some(file)) => Self::File(file),
            (None, None) => Self::Folder(folder),
        }
    }
}

impl MasterKeySource {
    /// The file or the setting that holds the key, for the operator.
    #[must_use]
    pub fn place(&self) -> String {
        let file = match self {
            Self::Text(_) => return "master_key".to_owned(),
            Self::File(file) => file.clone(),
            Self::Folder(folder) => folder.join(FILE_NAME),
        };
        std::path::absolute(&file).unwrap_or(file).display().to_string()
    }
}

/// Why the master key cannot be loaded, in words for the operator.
#[derive(Debug, thiserror::Error)]
pub enum NoMasterKey {
    /// The file cannot be read.
    #[error(transparent)]
    File(#[from] Unreadable),
    /// The folder has no key.
    #[error(
        "there is no master key: {0} does not exist. keys_dir, master_key_file and master_key say where it is"
    )]
    Missing(PathBuf),
    /// The text of this file or setting is not a key.
    #[error("{0} holds no master key, which is 32 bytes in base64 or 64 hex digits")]
    Malformed(String),
}

impl From<NoMasterKey> for Error<Rejected> {
    fn from(error: NoMasterKey) -> Self {
        Self::Refused(Rejected(error.to_string()))
    }
}

const FILE_NAME: &str = "master.key";
const NEXT_FILE_NAME: &str = "master.key.next";

impl MasterKey {
    /// A new random key.
    #[must_use]
    pub fn generate() -> Self {
        Self(Secret::new(random::bytes()))
    }

    /// Reads a key from its source. It does not create one.
    pub fn load(source: &MasterKeySource) -> Result<Self, NoMasterKey> {
        match source {
            MasterKeySource::Text(text) => Self::parse(text.expose())
                .ok_or_else(|| NoMasterKey::Malformed("master_key".to_owned())),
            MasterKeySource::File(path) => Self::read(path),
            MasterKeySource::Folder(folder) => {
                let path = folder.join(FILE_NAME);
                if path.exists() { Self::read(&path) } else { Err(NoMasterKey::Missing(path)) }
            }
        }
    }

    /// The key as a source of its own, which has no folder.
    #[must_use]
    pub fn as_source(&self) -> MasterKeySource {
        MasterKeySource::Text(Secret::new(hex::lower(self.0.expose())))
    }

    /// Whether the folder has a key, or one that an interrupted change of the master key left
    /// behind.
    #[must_use]
    pub fn is_in(folder: &Path) -> bool {
        [FILE_NAME, NEXT_FILE_NAME].iter().any(|name| folder.join(name).exists())
    }

    /// Creates a key in a folder that has none.
    pub fn make(folder: &Path) -> Result<Self, NoMasterKey> {
        let path = folder.join(FILE_NAME);
        fs::create_dir_all(folder).map_err(|error| io(folder, error))?;
        Self::generate().write_new(&path)?;
        Self::read(&path)
    }

    /// The key that an interrupted change of the master key left behind.
    pub fn load_next(folder: &Path) -> Result<Option<Self>, NoMasterKey> {
        let path = folder.join(NEXT_FILE_NAME);
        if path.exists() { Self::read(&path).map(Some) } else { Ok(None) }
    }

    /// Writes the key that will replace the one in this folder. This happens before anything is
    /// sealed under it.
    pub fn write_next(&self, folder: &Path) -> Result<(), NoMasterKey> {
        let path = folder.join(NEXT_FILE_NAME);
        fs::remove_file(&path).or_else(unless_missing).map_err(|error| io(&path, error))?;
        self.write_new(&path)
    }

    /// Makes the next key the current key of this folder.
    pub fn promote_next(folder: &Path) -> Result<(), NoMasterKey> {
        let path = folder.join(NEXT_FILE_NAME);
        fs::rename(&path, folder.join(FILE_NAME)).map_err(|error| io(&path, error))
    }

    /// Reads a key from text; `None` if the text is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let bytes = if text.len() == 64 {
            hex::read(text)
        } else {
            let text = text.trim_end_matches('=');
            URL_SAFE_NO_PAD.decode(text).or_else(|_| STANDARD_NO_PAD.decode(text)).ok()
        };
        let bytes = Secret::new(bytes?);
        let key = bytes.expose().as_slice().try_into().ok()?;
        Some(Self(Secret::new(key)))
    }

    fn read(path: &Path) -> Result<Self, NoMasterKey> {
        let text = secret_file::read_text(path)?;
        let malformed = || NoMasterKey::Malformed(path.display().to_string());
        Self::parse(text.expose()).ok_or_else(malformed)
    }

    /// Writes a new file. The file appears complete or not at all. If another process has written
    /// it first, that file stays.
    fn write_new(&self, path: &Path) -> Result<(), NoMasterKey> {
        let draft = path.with_extension(format!("draft-{}", random::identifier()));
        let written = self.write_draft(&draft).and_then(|()| fs::hard_link(&draft, path));
        let removed = fs::remove_file(&draft);
        match written {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
            result => result.and(removed).map_err(|error| io(path, error)),
        }
    }

    fn write_draft(&self, path: &Path) -> std::io::Result<()> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path)?;
        let text = Secret::new(URL_SAFE_NO_PAD.encode(self.0.expose()));
        writeln!(file, "{}", text.expose())?;
        file.sync_all()
    }

    /// Derives the key for one purpose: HKDF-SHA256, RFC 5869.
    pub fn derive(&self, label: Label) -> Result<Secret<[u8; 32]>, Fault> {
        let fault = |_| Fault::internal("deriving a key", "HKDF failed");
        let mut key = Secret::new([0; 32]);
        hkdf::Salt::new(hkdf::HKDF_SHA256, &[])
            .extract(self.0.expose())
            .expand(&[label.info()], hkdf::HKDF_SHA256)
            .and_then(|okm| okm.fill(key.expose_mut()))
            .map_err(fault)?;
        Ok(key)
    }
}

fn io(path: &Path, error: std::io::Error) -> NoMasterKey {
    Unreadable::Io(path.to_path_buf(), error).into()
}

fn unless_missing(error: std::io::Error) -> std::io::Result<()> {
    if error.kind() == std::io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}

/// Seals private keys and credentials: AES-256-GCM under the sealing key, bound to the `kid` or to
/// another name of the sealed value.
pub struct Sealer(LessSafeKey);

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sealer(…)")
    }
}

impl Sealer {
    /// The sealer for a master key.
    pub fn new(master: &MasterKey) -> Result<Self, Fault> {
        Self::under(master.derive(Label::Sealing)?.expose())
    }

    fn under(key: &[u8]) -> Result<Self, Fault> {
        let key = UnboundKey::new(&AES_256_GCM, key)
            .map_err(|_| Fault::internal("making the sealing key", "AES-256-GCM refused it"))?;
        Ok(Self(LessSafeKey::new(key)))
    }

    /// Seals a value under this name: version, nonce, ciphertext, tag.
    pub fn seal(&self, name: &str, private: &[u8]) -> Result<Vec<u8>, Fault> {
        let nonce = random::bytes::<NONCE_LEN>();
        let mut sealed = private.to_vec();
        self.0
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(versioned(name)),
                &mut sealed,
            )
            .map_err(|_| Fault::internal("sealing a key", "AES-256-GCM failed"))?;
        Ok([&[VERSION], nonce.as_slice(), &sealed].concat())
    }

    /// Opens a value that was sealed under this name; `None` when this master key does not open it.
    #[must_use]
    pub fn open(&self, name: &str, sealed: &[u8]) -> Option<Secret<Vec<u8>>> {
        let versioned =
            || self.open_with(Aad::from(versioned(name)), sealed.strip_prefix(&[VERSION])?);
        // Rows that were written before there were versions begin with the nonce.
        versioned().or_else(|| self.open_with(Aad::from(name.as_bytes().to_vec()), sealed))
    }

    fn open_with(&self, bound: Aad<Vec<u8>>, sealed: &[u8]) -> Option<Secret<Vec<u8>>> {
        let (nonce, sealed) = sealed.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut bytes = Secret::new(sealed.to_vec());
        let private = self.0.open_in_place(nonce, bound, bytes.expose_mut()).ok()?;
        Some(Secret::new(private.to_vec()))
    }
}

/// The first byte of a sealed value: it says which format the rest has.
const VERSION: u8 = 1;

/// The data to which a sealed row is bound: its version and its name.
fn versioned(name: &str) -> Vec<u8> {
    [&[VERSION], name.as_bytes()].concat()
}

/// Binds a form to the page that it came from, by a token that only this server can make.
#[derive(Clone)]
pub struct FormsKey(hmac::Key);

impl std::fmt::Debug for FormsKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FormsKey(…)")
    }
}

impl FormsKey {
    /// Derives the forms key from the master key.
    pub fn new(master: &MasterKey) -> Result<Self, Fault> {
        let key = master.derive(Label::Forms)?;
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, key.expose())))
    }

    /// The token of a form, for this browser and this purpose.
    #[must_use]
    pub fn token(&self, browser: &BrowserId, purpose: &str) -> String {
        URL_SAFE_NO_PAD.encode(hmac::sign(&self.0, &bound(browser, purpose)))
    }

    /// Whether the token is the one for this browser and this purpose. It is compared in constant
    /// time.
    #[must_use]
    pub fn verifies(&self, token: &str, browser: &BrowserId, purpose: &str) -> bool {
        let Ok(tag) = URL_SAFE_NO_PAD.decode(token) else { return false };
        hmac::verify(&self.0, &bound(browser, purpose), &tag).is_ok()
    }
}

/// Seals upstream logins into their `state`, and derives their other values from the `state`, so
/// nothing of them is stored on the server.
#[derive(Clone)]
pub struct UpstreamLoginKey(hmac::Key);

impl std::fmt::Debug for UpstreamLoginKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("UpstreamLoginKey(…)")
    }
}

impl UpstreamLoginKey {
    /// Derives the key from the master key.
    pub fn new(master: &MasterKey) -> Result<Self, Fault> {
        let key = master.derive(Label::UpstreamLogins)?;
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, key.expose())))
    }

    /// The `state` for a login.
    pub fn seal(&self, login: &UpstreamLogin) -> Result<Plain<UpstreamState>, Fault> {
        let sealed = seal_salted(&self.0, STATE, login.to_text().as_bytes())?;
        Ok(Plain::from_bytes(&sealed))
    }

    /// The login in a `state`, even if it has expired; `None` for a text that we did not seal.
    #[must_use]
    pub fn open(&self, state: &Plain<UpstreamState>) -> Option<UpstreamLogin> {
        let text = open_salted(&self.0, STATE, state.to_bytes()?.expose())?;
        UpstreamLogin::parse(std::str::from_utf8(text.expose()).ok()?)
    }

    /// `nonce`, OpenID Connect Core §3.1.2.1.
    #[must_use]
    pub fn nonce(&self, state: &Plain<UpstreamState>) -> String {
        self.derive(b"nonce ", state)
    }

    /// `code_verifier`, RFC 7636 §4.1.
    #[must_use]
    pub fn verifier(&self, state: &Plain<UpstreamState>) -> Secret<String> {
        Secret::new(self.derive(b"verifier ", state))
    }

    fn derive(&self, purpose: &[u8], state: &Plain<UpstreamState>) -> String {
        let message = [purpose, state.expose().as_bytes()].concat();
        URL_SAFE_NO_PAD.encode(hmac::sign(&self.0, &message))
    }
}

/// Seals what a browser carries for us, and makes the token by which the browser proves itself.
#[derive(Clone)]
pub struct BrowserKey(hmac::Key);

impl std::fmt::Debug for BrowserKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BrowserKey(…)")
    }
}

const CARRIED: &str = "carried by a browser";
const STATE: &str = "state of an upstream login";

impl BrowserKey {
    /// Derives the key from the master key.
    pub fn new(master: &MasterKey) -> Result<Self, Fault> {
        let key = master.derive(Label::Browsers)?;
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, key.expose())))
    }

    /// Seals bytes. The result is base64url.
    pub fn seal(&self, bytes: &[u8]) -> Result<String, Fault> {
        Ok(URL_SAFE_NO_PAD.encode(seal_salted(&self.0, CARRIED, bytes)?))
    }

    /// Seals bytes for one purpose: they cannot be opened for another one.
    pub fn seal_for(&self, purpose: &str, bytes: &[u8]) -> Result<String, Fault> {
        Ok(URL_SAFE_NO_PAD.encode(seal_salted(&self.0, purpose, bytes)?))
    }

    /// Opens a text that we sealed for this purpose; `None` for any other text.
    #[must_use]
    pub fn open_for(&self, purpose: &str, text: &str) -> Option<Secret<Vec<u8>>> {
        open_salted(&self.0, purpose, &URL_SAFE_NO_PAD.decode(text).ok()?)
    }

    /// Opens a text that we sealed; `None` for any other text.
    #[must_use]
    pub fn open(&self, text: &str) -> Option<Secret<Vec<u8>>> {
        open_salted(&self.0, CARRIED, &URL_SAFE_NO_PAD.decode(text).ok()?)
    }

    /// The token by which a browser proves itself after this sign-in. The same sign-in always gives
    /// the same token.
    #[must_use]
    pub fn token(&self, sign_in: &str) -> Plain<BrowserToken> {
        let tag = hmac::sign(&self.0, &[b"token ", sign_in.as_bytes()].concat());
        Plain::from_bytes(tag.as_ref())
    }
}

/// Seals what first-party apps keep between two steps of a sign-in.
#[derive(Clone)]
pub struct AuthSessionKey(hmac::Key);

impl std::fmt::Debug for AuthSessionKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AuthSessionKey(…)")
    }
}

const AUTH_SESSION: &str = "auth session";

impl AuthSessionKey {
    /// Derives the key from the master key.
    pub fn new(master: &MasterKey) -> Result<Self, Fault> {
        let key = master.derive(Label::AuthSessions)?;
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, key.expose())))
    }

    /// The `auth_session` of a sign-in.
    pub fn seal(&self, session: &AuthSession) -> Result<Plain<AuthSessionToken>, Fault> {
        let text = serde_json::to_vec(session)
            .map_err(|error| Fault::internal("writing an auth session", error))?;
        Ok(Plain::from_bytes(&seal_salted(&self.0, AUTH_SESSION, &text)?))
    }

    /// The sign-in of an `auth_session`, even if it has expired; `None` for a text that we did not
    /// seal.
    #[must_use]
    pub fn open(&self, token: &Plain<AuthSessionToken>) -> Option<AuthSession> {
        let text = open_salted(&self.0, AUTH_SESSION, token.to_bytes()?.expose())?;
        serde_json::from_slice(text.expose()).ok()
    }
}

/// The number of random bytes from which the key of one sealed text is derived.
const SALT_LEN: usize = 16;

/// Seals: salt, nonce, ciphertext, tag. Anybody can make us seal as often as they like, and random
/// nonces of 96 bits under one key repeat after about 2^32 times. So each text has a key of its
/// own.
pub(super) fn seal_salted(key: &hmac::Key, name: &str, bytes: &[u8]) -> Result<Vec<u8>, Fault> {
    let salt = random::bytes::<SALT_LEN>();
    let sealed = salted(key, &salt)?.seal(name, bytes)?;
    Ok([salt.as_slice(), &sealed].concat())
}

pub(super) fn open_salted(key: &hmac::Key, name: &str, bytes: &[u8]) -> Option<Secret<Vec<u8>>> {
    let (salt, sealed) = bytes.split_at_checked(SALT_LEN)?;
    salted(key, salt).ok()?.open(name, sealed)
}

fn salted(key: &hmac::Key, salt: &[u8]) -> Result<Sealer, Fault> {
    Sealer::under(hmac::sign(key, &[b"seal ", salt].concat()).as_ref())
}

/// The name under which the credential of a provider is sealed. It contains everything that decides
/// where the credential is sent, so that a changed row cannot send it to another server.
#[must_use]
pub fn credential_name(provider: &Slug, metadata: &ProviderMetadata) -> String {
    let of = |part: &Option<String>| part.as_deref().map(|text| format!("{text:?}"));
    let [issuer, tenant] = [&metadata.issuer, &metadata.tenant].map(of);
    format!(
        "credential of {provider} at {} {} {}",
        metadata.preset,
        issuer.unwrap_or_default(),
        tenant.unwrap_or_default()
    )
}

fn bound(browser: &BrowserId, purpose: &str) -> Vec<u8> {
    let length = browser.as_str().len().to_be_bytes();
    [length.as_slice(), browser.as_str().as_bytes(), purpose.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::auth_session::BoundKey;
    use crate::domain::authentication::{Authentication, Method};
    use crate::domain::client::ClientId;
    use crate::domain::clock::from_millis;
    use crate::domain::dpop::Thumbprint;
    use crate::domain::interaction::InteractionId;
    use crate::domain::provider::Preset;
    use crate::domain::scope::Scope;
    use crate::domain::user::UserId;

    /// The master key with the bytes 00 01 02 … 1f.
    const FIXED: [u8; 32] = [
        0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24,
        25, 26, 27, 28, 29, 30, 31,
    ];

    #[test]
    fn what_was_sealed_opens_for_its_kid_and_master_key_alone() {
        let master = MasterKey::generate();
        let sealer = Sealer::new(&master).unwrap();
        let sealed = sealer.seal("kid", b"private").unwrap();
        assert_eq!(sealer.open("kid", &sealed).unwrap().expose().as_slice(), b"private");
        assert!(sealer.open("other", &sealed).is_none());
        assert!(Sealer::new(&MasterKey::generate()).unwrap().open("kid", &sealed).is_none());
        assert!(sealer.open("kid", &sealed[..5]).is_none());
        assert_eq!(sealed[0], VERSION);
        let other = [&[VERSION + 1], &sealed[1..]].concat();
        assert!(sealer.open("kid", &other).is_none());
        assert!(!sealed.windows(7).any(|window| window == b"private"));
    }

    /// AES-GCM gives away its key to whoever sees two texts under one key and one nonce.
    #[test]
    fn no_two_sealed_texts_share_a_nonce_and_those_that_anybody_can_have_made_share_no_key() {
        let sealer = Sealer::new(&MasterKey::generate()).unwrap();
        let (one, two) = (sealer.seal("kid", b"a").unwrap(), sealer.seal("kid", b"a").unwrap());
        assert_ne!(one[1..=NONCE_LEN], two[1..=NONCE_LEN]);
        let key = hmac::Key::new(hmac::HMAC_SHA256, &FIXED);
        let sealed = || seal_salted(&key, "name", b"a").unwrap();
        let (one, two) = (sealed(), sealed());
        assert_ne!(one[..SALT_LEN], two[..SALT_LEN]);
        // The salt decides about the key: with another salt, the rest does not open.
        let mixed = [&one[..SALT_LEN], &two[SALT_LEN..]].concat();
        assert!(open_salted(&key, "name", &one).is_some());
        assert!(open_salted(&key, "name", &mixed).is_none());
    }

    #[test]
    fn two_labels_never_share_a_key() {
        let master = MasterKey::generate();
        let derive = |label| *master.derive(label).unwrap().expose();
        assert_ne!(derive(Label::Sealing), derive(Label::Forms));
        assert_ne!(derive(Label::Forms), derive(Label::UpstreamLogins));
    }

    #[test]
    fn a_form_is_bound_to_its_browser_and_its_purpose() {
        let master = MasterKey::generate();
        let key = FormsKey::new(&master).unwrap();
        let browser = |name: &str| BrowserId::from_stored(name.to_owned());
        let token = key.token(&browser("a"), "bc");
        assert!(key.verifies(&token, &browser("a"), "bc"));
        for (name, purpose) in [("ab", "c"), ("a", "b"), ("b", "bc"), ("", "abc")] {
            assert!(!key.verifies(&token, &browser(name), purpose), "{name} {purpose}");
        }
        for bad in ["", "!", &token[1..]] {
            assert!(!key.verifies(bad, &browser("a"), "bc"), "{bad}");
        }
        let other = FormsKey::new(&MasterKey::generate()).unwrap();
        assert!(!other.verifies(&token, &browser("a"), "bc"));
    }

    #[test]
    fn what_belongs_to_an_upstream_login_follows_from_its_state_and_the_master_key() {
        let key = UpstreamLoginKey::new(&MasterKey::generate()).unwrap();
        let (state, other) = (Plain::generate(), Plain::generate());
        assert_eq!(key.nonce(&state), key.nonce(&state));
        assert_ne!(key.nonce(&state), *key.verifier(&state).expose());
        assert_ne!(key.nonce(&state), key.nonce(&other));
        assert_ne!(
            key.nonce(&state),
            UpstreamLoginKey::new(&MasterKey::generate()).unwrap().nonce(&state)
        );
        // RFC 7636 §4.1
        assert_eq!(key.verifier(&state).expose().len(), 43);
    }

    /// Some providers cut a `state` at 255 characters.
    #[test]
    fn a_state_opens_unchanged_and_for_us_alone_and_is_short() {
        let key = UpstreamLoginKey::new(&MasterKey::generate()).unwrap();
        let login = UpstreamLogin {
            provider: Slug::parse(&"p".repeat(32)).unwrap(),
            browser: BrowserId::from_stored(random::identifier()),
            interaction: InteractionId::generate(),
            kept: true,
            direct: true,
            again: true,
            consenting: true,
            expires_at: from_millis(1_790_000_000_123),
        };
        let state = key.seal(&login).unwrap();
        assert_eq!(key.open(&state), Some(login.clone()));
        assert!(state.expose().len() < 210, "{}", state.expose().len());
        assert_ne!(key.seal(&login).unwrap().expose(), state.expose());
        let text = state.expose();
        for at in 0..text.len() {
            let mut turned = text.to_owned().into_bytes();
            turned[at] = if turned[at] == b'A' { b'B' } else { b'A' };
            let turned = String::from_utf8(turned).unwrap();
            assert_eq!(key.open(&Plain::presented(&turned)), None, "{at}");
            assert_eq!(key.open(&Plain::presented(&text[..at])), None, "{at}");
        }
        for bad in [format!("{text}A"), format!("{text}="), text.to_uppercase()] {
            assert_eq!(key.open(&Plain::presented(&bad)), None, "{bad}");
        }
        assert_eq!(UpstreamLoginKey::new(&MasterKey::generate()).unwrap().open(&state), None);
        // Sealed under the same master key, but for another purpose.
        let master = MasterKey::generate();
        let carried = BrowserKey::new(&master).unwrap().seal(login.to_text().as_bytes()).unwrap();
        let carried = Plain::presented(&format!("mapae_vs_{carried}"));
        assert_eq!(UpstreamLoginKey::new(&master).unwrap().open(&carried), None);
    }

    #[test]
    fn an_auth_session_opens_unchanged_and_one_that_was_sealed_without_a_key_has_none() {
        let key = AuthSessionKey::new(&MasterKey::generate()).unwrap();
        let at = from_millis(1_790_000_000_123);
        let thumbprint = Thumbprint::parse("0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I").unwrap();
        let session = AuthSession {
            client: ClientId::parse("app").unwrap(),
            user: UserId::generate(),
            version: Some(1),
            authentication: Authentication::by(Method::Password, at),
            scope: Scope::parse("openid").unwrap(),
            resources: Vec::new(),
            challenge: None,
            bound_to: Some(BoundKey::proven(&thumbprint)),
            first: Some(Plain::generate().hashed()),
            expires_at: at,
        };
        let token = key.seal(&session).unwrap();
        let mut text = serde_json::to_value(&session).unwrap();
        assert_eq!(serde_json::to_value(key.open(&token).unwrap()).unwrap(), text);
        assert!(AuthSessionKey::new(&MasterKey::generate()).unwrap().open(&token).is_none());
        // An earlier version knew neither of these.
        for name in ["bound_to", "first"] {
            text.as_object_mut().unwrap().remove(name).unwrap();
        }
        let sealed = seal_salted(&key.0, AUTH_SESSION, text.to_string().as_bytes()).unwrap();
        let opened = key.open(&Plain::from_bytes(&sealed)).unwrap();
        assert_eq!((opened.user, opened.bound_to, opened.first), (session.user, None, None));
    }

    #[test]
    fn what_a_browser_carries_opens_unchanged_and_for_us_alone() {
        let key = BrowserKey::new(&MasterKey::generate()).unwrap();
        let sealed = key.seal(b"carried").unwrap();
        assert_eq!(key.open(&sealed).unwrap().expose().as_slice(), b"carried");
        assert_ne!(key.seal(b"carried").unwrap(), sealed);
        for at in [0, 10, 20, 30, sealed.len() - 2] {
            let mut turned = sealed.clone().into_bytes();
            turned[at] = if turned[at] == b'A' { b'B' } else { b'A' };
            assert!(key.open(&String::from_utf8(turned).unwrap()).is_none(), "{at}");
        }
        for bad in ["", "!", &sealed[4..], &sealed[..sealed.len() - 4]] {
            assert!(key.open(bad).is_none(), "{bad}");
        }
        assert!(BrowserKey::new(&MasterKey::generate()).unwrap().open(&sealed).is_none());
        assert_eq!(key.token("a").expose(), key.token("a").expose());
        assert_ne!(key.token("a").expose(), key.token("b").expose());
    }

    #[test]
    fn a_row_of_before_there_were_versions_opens_all_the_same() {
        let sealer = Sealer::new(&MasterKey::generate()).unwrap();
        for first in [VERSION, 7] {
            let mut nonce = [first; NONCE_LEN];
            nonce[1] = 2;
            let mut sealed = b"private".to_vec();
            let (once, bound) = (Nonce::assume_unique_for_key(nonce), Aad::from(b"kid"));
            sealer.0.seal_in_place_append_tag(once, bound, &mut sealed).unwrap();
            let row = [nonce.as_slice(), &sealed].concat();
            assert_eq!(sealer.open("kid", &row).unwrap().expose().as_slice(), b"private");
            assert!(sealer.open("other", &row).is_none());
        }
    }

    /// Values that other programs sealed: the rows in databases must open in every later version.
    #[test]
    fn rows_that_were_sealed_long_ago_open() {
        let sealer = Sealer::new(&MasterKey::parse(&hex::lower(&FIXED)).unwrap()).unwrap();
        let unversioned = "0102030405060708090a0b0cbcc1a7a1d02f292cfc19fb93f934e2c90038e552a0c05e";
        let first = "010102030405060708090a0b0cbcc1a7a1d02f299f9fc0803957abc551dc68f67363e806";
        for row in [unversioned, first].map(|row| hex::read(row).unwrap()) {
            assert_eq!(sealer.open("kid", &row).unwrap().expose().as_slice(), b"private");
            assert!(sealer.open("other", &row).is_none());
        }
    }

    #[test]
    fn a_credential_is_bound_to_where_it_is_sent() {
        let slug = Slug::parse("idp").unwrap();
        let metadata = |issuer: Option<&str>, tenant: Option<&str>| ProviderMetadata {
            issuer: issuer.map(str::to_owned),
            tenant: tenant.map(str::to_owned),
            ..ProviderMetadata::new(Preset::Oidc, "client")
        };
        let places = [
            metadata(Some("https://a"), None),
            metadata(Some("https://b"), None),
            metadata(None, Some("https://a")),
            metadata(None, None),
            ProviderMetadata { preset: Preset::GitLab, ..metadata(Some("https://a"), None) },
        ];
        let names: std::collections::BTreeSet<_> =
            places.iter().map(|metadata| credential_name(&slug, metadata)).collect();
        assert_eq!(names.len(), places.len());
    }

    #[test]
    fn a_key_is_made_once_and_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let keys = folder.path().join("keys");
        let source = MasterKeySource::Folder(keys.clone());
        assert!(matches!(MasterKey::load(&source), Err(NoMasterKey::Missing(_))));
        assert!(!keys.exists(), "reading makes nothing");
        let key = MasterKey::make(&keys).unwrap();
        assert_eq!(key.0, MasterKey::load(&source).unwrap().0);
        assert_eq!(key.0, MasterKey::make(&keys).unwrap().0, "what is there stays");
        let path = keys.join("master.key");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(MasterKey::load(&source).is_ok());
        fs::set_permissions(&path, fs::Permissions::from_mode(0o602)).unwrap();
        assert!(matches!(MasterKey::load(&source), Err(NoMasterKey::File(_))));
    }

    /// The keys are sealed under it next, so all would be lost with a key that is in no file.
    #[test]
    fn a_next_key_that_could_not_be_written_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let (first, second) = (MasterKey::generate(), MasterKey::generate());
        let missing = folder.path().join("missing");
        assert!(matches!(first.write_next(&missing), Err(NoMasterKey::File(_))));
        assert!(MasterKey::load_next(&missing).unwrap().is_none());
        for key in [first, second] {
            key.write_next(folder.path()).unwrap();
            assert_eq!(MasterKey::load_next(folder.path()).unwrap().unwrap().0, key.0);
        }
    }

    /// Otherwise it would count as the key that another process has just written.
    #[test]
    fn what_stands_in_the_way_of_the_next_key_and_cannot_be_removed_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join(NEXT_FILE_NAME)).unwrap();
        let written = MasterKey::generate().write_next(folder.path());
        assert!(matches!(written, Err(NoMasterKey::File(_))));
    }

    #[test]
    fn a_master_key_is_32_bytes() {
        assert!(MasterKey::parse(&"ab".repeat(32)).is_some());
        assert!(MasterKey::parse(&URL_SAFE_NO_PAD.encode([7; 32])).is_some());
        // openssl rand -base64 32
        let standard = base64::engine::general_purpose::STANDARD.encode([0xff; 32]);
        assert!(standard.contains('/') && standard.ends_with('='));
        assert_eq!(*MasterKey::parse(&standard).unwrap().0.expose(), [0xff; 32]);
        for bad in ["", "short", &"zz".repeat(32), &URL_SAFE_NO_PAD.encode([7; 31])] {
            assert!(MasterKey::parse(bad).is_none(), "{bad}");
        }
    }
}
