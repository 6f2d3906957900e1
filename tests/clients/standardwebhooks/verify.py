"""Verifies a message as its receiver would: `verify.py SECRET ID TIMESTAMP SIGNATURE BODY`."""

import sys

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

_, secret, message_id, timestamp, signature, body = sys.argv
headers = {
    "webhook-id": message_id,
    "webhook-timestamp": timestamp,
    "webhook-signature": signature,
}
Webhook(secret).verify(body, headers)
# The same message with another byte is not genuine.
try:
    Webhook(secret).verify(body + " ", headers)
except WebhookVerificationError:
    print("verified")
else:
    sys.exit("a changed body was taken for genuine")
