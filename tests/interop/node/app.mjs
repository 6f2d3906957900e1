// An app that signs people in with openid-client, one command a line on standard input.

import { createInterface } from 'node:readline'
import * as oauth from 'openid-client'

const { ISSUER, CLIENT_ID, CLIENT_SECRET, REDIRECT_URI, POST_LOGOUT_REDIRECT_URI, DPOP } = process.env

class App {
  static async open() {
    const app = new App()
    // Only for a server on the same machine: anywhere else it is https.
    const execute = ISSUER.startsWith('http://') ? [oauth.allowInsecureRequests] : []
    const authentication = oauth.ClientSecretBasic(CLIENT_SECRET)
    app.client = await oauth.discovery(new URL(ISSUER), CLIENT_ID, {}, authentication, { execute })
    // With DPoP all tokens are bound to a key of this process.
    const keys = DPOP ? await oauth.randomDPoPKeyPair() : undefined
    app.options = keys ? { DPoP: oauth.getDPoPHandle(app.client, keys) } : {}
    return app
  }

  // Where somebody goes to sign in.
  async leave(responseMode) {
    this.verifier = oauth.randomPKCECodeVerifier()
    this.state = oauth.randomState()
    this.nonce = oauth.randomNonce()
    return oauth.buildAuthorizationUrl(this.client, {
      redirect_uri: REDIRECT_URI,
      scope: 'openid profile email',
      code_challenge: await oauth.calculatePKCECodeChallenge(this.verifier),
      code_challenge_method: 'S256',
      state: this.state,
      nonce: this.nonce,
      ...(responseMode ? { response_mode: responseMode } : {}),
    }).href
  }

  // Somebody came back; answers who it is.
  async back(url) {
    return this.take(new URL(url))
  }

  // The same where the answer was posted as a form.
  async posted(body) {
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    return this.take(new Request(REDIRECT_URI, { method: 'POST', headers, body }))
  }

  async take(answer) {
    const checks = {
      pkceCodeVerifier: this.verifier,
      expectedState: this.state,
      expectedNonce: this.nonce,
      idTokenExpected: true,
    }
    this.tokens = await oauth.authorizationCodeGrant(this.client, answer, checks, {}, this.options)
    const type = DPOP ? 'dpop' : 'bearer'
    if (this.tokens.token_type !== type) throw new Error(`a token of type ${this.tokens.token_type}`)
    this.sub = this.tokens.claims().sub
    return (await this.person()).preferred_username
  }

  async person() {
    return oauth.fetchUserInfo(this.client, this.tokens.access_token, this.sub, this.options)
  }

  async refresh() {
    const before = this.tokens
    const after = await oauth.refreshTokenGrant(this.client, before.refresh_token, {}, this.options)
    if (after.access_token === before.access_token) throw new Error('the same access token')
    this.tokens = { ...before, ...after }
    return (await this.person()).preferred_username
  }

  // Where somebody goes to sign out.
  async out() {
    return oauth.buildEndSessionUrl(this.client, {
      id_token_hint: this.tokens.id_token,
      post_logout_redirect_uri: POST_LOGOUT_REDIRECT_URI,
      state: 'bye',
    }).href
  }
}

function refused(error) {
  const said = error.error ?? error.cause?.error ?? error.code ?? error.name
  return `refused ${said} ${error.message}`
}

function say(line) {
  console.log(line.replace(/\s+/g, ' ').trim())
}

const app = await App.open()
for await (const line of createInterface({ input: process.stdin })) {
  const [command, argument = ''] = line.trim().split(' ')
  if (command === 'quit') break
  if (!['leave', 'back', 'posted', 'refresh', 'out'].includes(command)) {
    say(`error unknown command ${command}`)
    continue
  }
  try {
    say(`ok ${await app[command](argument)}`)
  } catch (error) {
    say(refused(error))
  }
}
process.exit(0)
