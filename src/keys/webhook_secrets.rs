//! The secrets of webhooks, and the signatures of messages by the scheme of Standard Webhooks.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::seal::{MasterKey, Sealer};
use crate::domain::random;
use crate::domain::secret::Secret;
use crate::domain::verdict::Fault;
use crate::domain::webhook::WebhookId;
use crate::store::{Tx, webhooks};

/// What a secret begins with when it is shown.
const PREFIX: &str = "whsec_";

/// Makes and opens the secrets of webhooks.
#[derive(Debug)]
pub struct WebhookSecrets(Sealer);

/// A new secret: the text that is shown once, and what is stored.
#[derive(Debug)]
pub struct NewWebhookSecret {
    /// The text for the receiver.
    pub shown: Secret,
    /// The same, sealed.
    pub sealed: Vec<u8>,
}

impl WebhookSecrets {
    /// What this master key seals.
    pub fn new(master: &MasterKey) -> Result<Self, Fault> {
        Sealer::new(master).map(Self)
    }

    /// Makes a secret of 256 bits for this webhook.
    pub fn generate(&self, webhook: &WebhookId) -> Result<NewWebhookSecret, Fault> {
        let bytes = Secret::new(random::bytes::<32>());
        let sealed = self.0.seal(&name(webhook), bytes.expose())?;
        let text = Secret::new(STANDARD.encode(bytes.expose()));
        Ok(NewWebhookSecret { shown: Secret::new(format!("{PREFIX}{}", text.expose())), sealed })
    }

    /// The header `webhook-signature`: one signature by each of these secrets, the newest first.
    pub fn sign<'a>(
        &self,
        webhook: &WebhookId,
        sealed: impl Iterator<Item = &'a [u8]>,
        message: &Signed<'_>,
    ) -> Result<String, Fault> {
        let mut signatures = Vec::new();
        for sealed in sealed {
            let secret = opened(&self.0, webhook, sealed)?;
            signatures.push(message.signature(secret.expose()));
        }
        Ok(signatures.join(" "))
    }
}

fn opened(sealer: &Sealer, webhook: &WebhookId, sealed: &[u8]) -> Result<Secret<Vec<u8>>, Fault> {
    sealer.open(&name(webhook), sealed).ok_or_else(|| {
        let why = format!("the webhook {} has a secret of another master key", webhook.as_str());
        Fault::internal("opening the secret of a webhook", why)
    })
}

/// The name under which the secrets of a webhook are sealed.
fn name(webhook: &WebhookId) -> String {
    format!("webhook {}", webhook.as_str())
}

/// What is signed of a message.
#[derive(Clone, Copy, Debug)]
pub struct Signed<'a> {
    /// `webhook-id`.
    pub id: &'a str,
    /// `webhook-timestamp`: seconds since 1970.
    pub timestamp: i64,
    /// The body, byte for byte.
    pub body: &'a str,
}

impl Signed<'_> {
    /// A signature of version 1: HMAC-SHA256.
    fn signature(&self, secret: &[u8]) -> String {
        let Self { id, timestamp, body } = self;
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let tag = hmac::sign(&key, format!("{id}.{timestamp}.{body}").as_bytes());
        format!("v1,{}", STANDARD.encode(tag.as_ref()))
    }
}

/// Seals the secrets of all webhooks under another master key.
pub(super) async fn reseal(tx: &Tx, from: &Sealer, to: &Sealer) -> Result<(), Fault> {
    for webhook in webhooks::list_all(tx).await? {
        let again = |sealed: &[u8]| {
            let secret = opened(from, &webhook.id, sealed)?;
            to.seal(&name(&webhook.id), secret.expose())
        };
        let sealed = again(&webhook.sealed_secret)?;
        let replaced = match &webhook.replaced {
            Some(replaced) => Some((again(&replaced.sealed)?, replaced.until)),
            None => None,
        };
        webhooks::set_secrets(tx, &webhook.id, sealed, replaced).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_the_one_of_the_vector_of_standard_webhooks() {
        // The vector of the reference libraries: tests of `standardwebhooks` have the same values.
        let secret = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let message = Signed {
            id: "msg_p5jXN8AQM9LWM0D4loKWxJek",
            timestamp: 1_614_265_330,
            body: "{\"test\": 2432232314}",
        };
        assert_eq!(message.signature(&secret), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_secret_signs_after_it_was_sealed_and_only_for_its_own_webhook() {
        let secrets = WebhookSecrets::new(&MasterKey::generate()).unwrap();
        let (one, other) = (WebhookId::generate(), WebhookId::generate());
        let made = secrets.generate(&one).unwrap();
        let shown = made.shown.expose().strip_prefix(PREFIX).unwrap();
        let message = Signed { id: "m", timestamp: 1, body: "{}" };
        let expected = message.signature(&STANDARD.decode(shown).unwrap());
        let sign = |webhook| secrets.sign(webhook, std::iter::once(&*made.sealed), &message);
        assert_eq!(sign(&one).unwrap(), expected);
        assert!(sign(&other).is_err());
    }
}
