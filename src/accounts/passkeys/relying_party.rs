//! The relying party of Web Authentication: this server. Its id is the host of the issuer.

use sha2::{Digest, Sha256};
use url::{Host, Url};
use webauthn_rs::prelude::{Webauthn, WebauthnBuilder};

use crate::domain::urls::Issuer;
use crate::domain::verdict::Fault;
use crate::keys::passkey_challenges::PasskeyChallengeKey;
use crate::keys::seal::MasterKey;
use crate::settings::setting::Setting;
use crate::settings::settings;
use crate::settings::value_type::ValueType;

settings! {
    /// Passkeys.
    #[derive(Clone, Debug)]
    pub struct PasskeySettings in "Passkeys" {
        /// Other origins at which people may use the passkeys of this server, for example that of
        /// the sign-in page under a second domain: `https://…` without a path, separated by commas.
        /// They are published at `/.well-known/webauthn`, and browsers look them up there. List
        /// only origins that you trust as much as the issuer.
        pub related_origins: Vec<String> = related_origins(),
    }
}

fn related_origins() -> Setting<Vec<String>> {
    let one = |text: &str| {
        let text = text.trim();
        let url = Url::parse(text).ok();
        let origin = url.filter(|url| {
            url.scheme() == "https"
                && matches!(url.host(), Some(Host::Domain(_)))
                && url.origin().ascii_serialization() == text.trim_end_matches('/')
        });
        let origin = origin.map(|url| url.origin().ascii_serialization());
        origin.ok_or_else(|| format!("{text:?} is not an origin, like https://id.example.org"))
    };
    let parse = move |text: &str| {
        let origins = text.split(',').filter(|origin| !origin.trim().is_empty());
        origins.map(one).collect::<Result<Vec<_>, _>>()
    };
    let show = |origins: &Vec<String>| origins.join(",");
    Setting::new("webauthn.related_origins", ValueType::List("origins"), Vec::new(), parse, show)
}

/// The relying party.
#[derive(Debug)]
pub struct RelyingParty {
    pub(super) webauthn: Webauthn,
    pub(super) id: String,
    pub(super) key: PasskeyChallengeKey,
    related_origins: Vec<String>,
}

impl RelyingParty {
    /// The relying party of this issuer; `None` if its host is an IP address, for which no browser
    /// makes a passkey.
    pub fn new(
        issuer: &Issuer,
        settings: &PasskeySettings,
        master: &MasterKey,
    ) -> Result<Option<Self>, Fault> {
        let Some(id) = issuer.host_name() else { return Ok(None) };
        let origin = |text: &str| Url::parse(text).map_err(unfit);
        let own = origin(&issuer.origin())?;
        let mut webauthn = WebauthnBuilder::new(&id, &own).map_err(unfit)?;
        for related in &settings.related_origins {
            webauthn = webauthn.append_allowed_origin(&origin(related)?);
        }
        let webauthn = webauthn.build().map_err(unfit)?;
        let key = PasskeyChallengeKey::new(master)?;
        Ok(Some(Self { webauthn, id, key, related_origins: settings.related_origins.clone() }))
    }

    /// The other origins at which people may use the passkeys of this server.
    #[must_use]
    pub fn related_origins(&self) -> &[String] {
        &self.related_origins
    }

    /// The model of the authenticator in an attestation object that was accepted. It is in the
    /// authenticator data, 37 bytes after their beginning, which is the hash of the relying party's
    /// id (Web Authentication §6.1).
    pub(super) fn aaguid<'a>(&self, attestation_object: &'a [u8]) -> Option<&'a [u8]> {
        let hash = Sha256::digest(self.id.as_bytes());
        let mut windows = attestation_object.windows(hash.len());
        let at = windows.position(|window| window == hash.as_slice())?;
        attestation_object.get(at + 37..at + 53)
    }
}

pub(super) fn unfit(error: impl std::error::Error + Send + Sync + 'static) -> Fault {
    Fault::internal("preparing passkeys", error)
}
