//! An authenticator of Web Authentication in software, which can also do everything wrong.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::Page;

/// An authenticator with one passkey, and the browser around it.
pub(crate) struct Authenticator {
    /// The origin that the browser names.
    pub(crate) origin: String,
    /// The relying party for which it signs.
    pub(crate) rp_id: String,
    /// Whether it verifies the person, by a PIN or a fingerprint.
    pub(crate) verifies: bool,
    /// Whether the passkey can be copied to other devices.
    pub(crate) backed_up: bool,
    /// The number of signatures; `None`: it does not count.
    pub(crate) counter: Option<u32>,
    /// The model.
    pub(crate) aaguid: [u8; 16],
    /// Whose passkey it says it is.
    pub(crate) user_handle: Option<String>,
    /// The identifier of the passkey.
    pub(crate) id: Vec<u8>,
    key: EcdsaKeyPair,
}

/// User present, user verified, backup eligible, backed up, attested credential data included.
const UP: u8 = 0x01;
const UV: u8 = 0x04;
const BE: u8 = 0x08;
const BS: u8 = 0x10;
const AT: u8 = 0x40;

/// The AAGUID of Bitwarden.
const BITWARDEN: [u8; 16] = [
    0xd5, 0x48, 0x82, 0x6e, 0x79, 0xb4, 0xdb, 0x40, 0xa3, 0xd8, 0x11, 0x11, 0x6f, 0x7e, 0x83, 0x49,
];

fn text(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl Authenticator {
    /// An authenticator that does everything right at this origin.
    pub(crate) fn at(origin: &str) -> Self {
        let host = url::Url::parse(origin).expect("an origin").host_str().map(str::to_owned);
        Self {
            origin: origin.to_owned(),
            rp_id: host.expect("a host"),
            verifies: true,
            backed_up: true,
            counter: None,
            aaguid: BITWARDEN,
            user_handle: None,
            id: uuid::Uuid::new_v4().as_bytes().to_vec(),
            key: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).expect("a key"),
        }
    }

    /// Makes its passkey as the page asks: `navigator.credentials.create()`.
    pub(crate) fn create(&mut self, options: &Value) -> String {
        assert_eq!(options["rp"]["id"], self.rp_id);
        assert_eq!(options["authenticatorSelection"]["residentKey"], "required");
        assert_eq!(options["authenticatorSelection"]["userVerification"], "required");
        self.user_handle = options["user"]["id"].as_str().map(str::to_owned);
        let client_data = self.client_data("webauthn.create", options);
        let mut data = self.data(AT);
        data.extend(self.aaguid);
        data.extend(u16::try_from(self.id.len()).expect("short").to_be_bytes());
        data.extend(&self.id);
        // A COSE key: kty EC2, alg ES256, crv P-256, x and y (RFC 9053 §7.1).
        let point = self.key.public_key().as_ref();
        data.extend([0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20]);
        data.extend(&point[1..33]);
        data.extend([0x22, 0x58, 0x20]);
        data.extend(&point[33..]);
        let mut object = b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x58".to_vec();
        object.push(u8::try_from(data.len()).expect("short"));
        object.extend(data);
        let response = json!({
            "clientDataJSON": text(client_data), "attestationObject": text(object),
        });
        self.answer(&response)
    }

    /// Signs as the page asks: `navigator.credentials.get()`.
    pub(crate) fn get(&mut self, options: &Value) -> String {
        assert_eq!(options["userVerification"], "required");
        let client_data = self.client_data("webauthn.get", options);
        let data = self.data(0);
        let signed = [data.as_slice(), &Sha256::digest(&client_data)].concat();
        let signature = self.key.sign(&SystemRandom::new(), &signed).expect("signed");
        let mut response = json!({
            "clientDataJSON": text(client_data),
            "authenticatorData": text(data),
            "signature": text(signature),
        });
        if let Some(handle) = &self.user_handle {
            response["userHandle"] = json!(handle);
        }
        self.answer(&response)
    }

    fn answer(&self, response: &Value) -> String {
        let id = text(&self.id);
        json!({ "id": id, "rawId": id, "type": "public-key", "response": response }).to_string()
    }

    fn client_data(&self, kind: &str, options: &Value) -> String {
        let (challenge, origin) = (&options["challenge"], &self.origin);
        json!({ "type": kind, "challenge": challenge, "origin": origin, "crossOrigin": false })
            .to_string()
    }

    /// The authenticator data, without a credential: Web Authentication §6.1.
    fn data(&mut self, more: u8) -> Vec<u8> {
        let mut flags = UP | more;
        if self.verifies {
            flags |= UV;
        }
        if self.backed_up {
            flags |= BE | BS;
        }
        self.counter = self.counter.map(|counter| counter + 1);
        let mut data = Sha256::digest(&self.rp_id).to_vec();
        data.push(flags);
        data.extend(self.counter.unwrap_or_default().to_be_bytes());
        data
    }
}

impl Page {
    /// What the page asks the browser for: `get` or `create`.
    #[track_caller]
    pub(crate) fn passkey_options(&self, what: &str) -> Value {
        let options = self.attribute_of(&format!("data-passkey=\"{what}\""), "data-options");
        let options = options.unwrap_or_else(|| panic!("options in {}", self.reply.text));
        serde_json::from_str(&options).expect("JSON")
    }
}
