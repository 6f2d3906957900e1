// A television that signs people in with openid-client by a code that they type elsewhere (RFC 8628).
// It has no secret; its tokens are bound to a key of its own (DPoP). One command a line on standard input.

import { createInterface } from 'node:readline'
import * as oauth from 'openid-client'

const { ISSUER, CLIENT_ID } = process.env
const GRANT = 'urn:ietf:params:oauth:grant-type:device_code'

class Television {
  static async open() {
    const television = new Television()
    // Only for a server on the same machine: anywhere else it is https.
    const execute = ISSUER.startsWith('http://') ? [oauth.allowInsecureRequests] : []
    const metadata = { token_endpoint_auth_method: 'none' }
    television.client = await oauth.discovery(new URL(ISSUER), CLIENT_ID, metadata, oauth.None(), { execute })
    const keys = await oauth.randomDPoPKeyPair('ES256')
    television.options = { DPoP: oauth.getDPoPHandle(television.client, keys) }
    return television
  }

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
    this.tokens = await oauth.pollDeviceAuthorizationGrant(this.client, codes, {}, this.options)
    if (this.tokens.token_type !== 'dpop') throw new Error(`a token of type ${this.tokens.token_type}`)
    this.sub = this.tokens.claims().sub
    return this.person()
  }

  async person() {
    const token = this.tokens.access_token
    return (await oauth.fetchUserInfo(this.client, token, this.sub, this.options)).preferred_username
  }

  async refresh() {
    const { refresh_token } = this.tokens
    const after = await oauth.refreshTokenGrant(this.client, refresh_token, {}, this.options)
    if (after.access_token === this.tokens.access_token) throw new Error('the same access token')
    this.tokens = { ...this.tokens, ...after }
    return this.person()
  }
}

function refused(error) {
  const said = error.error ?? error.cause?.error ?? error.code ?? error.name
  return `refused ${said} ${error.message} ${error.cause?.message ?? ''}`
}

function say(line) {
  console.log(line.replace(/\s+/g, ' ').trim())
}

const television = await Television.open()
for await (const line of createInterface({ input: process.stdin })) {
  const command = line.trim()
  if (command === 'quit') break
  if (!['show', 'ask', 'take', 'refresh'].includes(command)) {
    say(`error unknown command ${command}`)
    continue
  }
  try {
    say(`ok ${await television[command]()}`)
  } catch (error) {
    say(refused(error))
  }
}
process.exit(0)
