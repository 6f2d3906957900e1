// A television that signs people in with openid-client by a code that they type elsewhere (RFC 8628).
// It has no secret; its tokens are bound to a key of its own (DPoP). One command a line on standard input.

import * as oauth from 'openid-client'
import { Client, serve } from './client.mjs'

const GRANT = 'urn:ietf:params:oauth:grant-type:device_code'

class Television extends Client {
  // What it shows: where to go, with the code in the address.
  async show() {
    this.codes = await oauth.initiateDeviceAuthorization(this.client, { scope: 'openid profile' })
    const { user_code, verification_uri, verification_uri_complete } = this.codes
    if (!verification_uri_complete.startsWith(verification_uri)) throw new Error('two places')
    return `${user_code} ${verification_uri_complete}`
  }

  // Asks once.
  async ask() {
    const { device_code } = this.codes
    await oauth.genericGrantRequest(this.client, GRANT, { device_code }, this.options)
    return 'taken'
  }

  // Asks until there is an answer. Whoever calls this knows that there is one, so nothing waits before.
  async take() {
    const codes = { ...this.codes, interval: 0 }
    return this.keep(await oauth.pollDeviceAuthorizationGrant(this.client, codes, {}, this.options))
  }
}

const television = new Television()
await television.meet({ token_endpoint_auth_method: 'none' }, oauth.None())
await television.bind('ES256')
await serve(television, ['show', 'ask', 'take', 'refresh'])
