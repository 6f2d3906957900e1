// What the apps on openid-client share: the client, signing in by a code, and one command a line on
// standard input.

import { createInterface } from 'node:readline'
import * as oauth from 'openid-client'

const { ISSUER, CLIENT_ID, REDIRECT_URI } = process.env

export class Client {
  options = {}

  async meet(metadata, authentication, ...more) {
    // Only for a server on the same machine: anywhere else it is https.
    const execute = ISSUER.startsWith('http://') ? [oauth.allowInsecureRequests, ...more] : more
    this.client = await oauth.discovery(new URL(ISSUER), CLIENT_ID, metadata, authentication, { execute })
  }

  // From here on all tokens are bound to a key of this process.
  async bind(alg) {
    this.options = { DPoP: oauth.getDPoPHandle(this.client, await oauth.randomDPoPKeyPair(alg)) }
  }

  // What is asked of the person.
  async request() {
    this.verifier = oauth.randomPKCECodeVerifier()
    this.state = oauth.randomState()
    this.nonce = oauth.randomNonce()
    return {
      redirect_uri: REDIRECT_URI,
      scope: 'openid profile email',
      code_challenge: await oauth.calculatePKCECodeChallenge(this.verifier),
      code_challenge_method: 'S256',
      state: this.state,
      nonce: this.nonce,
    }
  }

  // Somebody came back; answers who it is.
  async back(answer) {
    const checks = {
      pkceCodeVerifier: this.verifier,
      expectedState: this.state,
      expectedNonce: this.nonce,
      idTokenExpected: true,
    }
    const place = typeof answer === 'string' ? new URL(answer) : answer
    return this.keep(await oauth.authorizationCodeGrant(this.client, place, checks, {}, this.options))
  }

  async keep(tokens) {
    const type = this.options.DPoP ? 'dpop' : 'bearer'
    if (tokens.token_type !== type) throw new Error(`a token of type ${tokens.token_type}`)
    this.tokens = tokens
    this.sub = tokens.claims().sub
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

// Does these commands with the methods of the same names, until there are no more.
export async function serve(client, commands) {
  for await (const line of createInterface({ input: process.stdin })) {
    const [command, argument = ''] = line.trim().split(' ')
    if (command === 'quit') break
    if (!commands.includes(command)) {
      say(`error unknown command ${command}`)
      continue
    }
    try {
      say(`ok ${await client[command](argument)}`)
    } catch (error) {
      say(refused(error))
    }
  }
  process.exit(0)
}
