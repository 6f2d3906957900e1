"""A mail server for tests: aiosmtpd, which takes mails only over STARTTLS and with a password.

It prints its port on the first line, and then one line of JSON for each mail that it took.
"""

import asyncio
import json
import ssl
import sys
from email import message_from_bytes, policy

from aiosmtpd.smtp import SMTP, AuthResult

USER, PASSWORD = b"mapae", b"p@ss:word/#"


class Printer:
    async def handle_DATA(self, server, session, envelope):
        mail = message_from_bytes(envelope.content, policy=policy.default)
        bodies = {kind: mail.get_body((kind,)) for kind in ("plain", "html")}
        print(
            json.dumps(
                {
                    "tls": session.ssl is not None,
                    "user": session.auth_data.decode() if session.auth_data else None,
                    "from": envelope.mail_from,
                    "to": envelope.rcpt_tos,
                    "headers": {name.lower(): str(value) for name, value in mail.items()},
                    "defects": [str(defect) for part in mail.walk() for defect in part.defects],
                    "text": bodies["plain"].get_content(),
                    "html": bodies["html"].get_content(),
                }
            ),
            flush=True,
        )
        return "250 2.0.0 taken"


def authenticate(server, session, envelope, mechanism, data):
    good = data.login == USER and data.password == PASSWORD
    return AuthResult(success=good, auth_data=data.login if good else None, handled=False)


async def main(certificate, key):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)

    def connection():
        return SMTP(
            Printer(),
            hostname="localhost",
            tls_context=context,
            require_starttls=True,
            authenticator=authenticate,
            auth_required=True,
        )

    server = await asyncio.get_running_loop().create_server(connection, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main(sys.argv[1], sys.argv[2]))
