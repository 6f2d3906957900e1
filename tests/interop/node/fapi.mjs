// A bank that signs people in with openid-client by FAPI 2.0: what it asks is signed and pushed (JAR,
// PAR), the answer is signed (JARM), it proves by a key who it is, and its tokens are bound to another
// (DPoP). One command a line on standard input.

import { createInterface } from 'node:readline'
import { exportJWK } from 'jose'
import * as oauth from 'openid-client'

const { ISSUER, CLIENT_ID, REDIRECT_URI, ALG } = process.env

class Bank {
  static async open() {
    const bank = new Bank()
    bank.keys = await oauth.randomDPoPKeyPair(ALG)
    return bank
  }

  // Its key is registered before it meets the issuer.
  async meet() {
    if (this.client) return
    const key = { key: this.keys.privateKey, kid: 'bank' }
    // Only for a server on the same machine: anywhere else it is https.
    const execute = ISSUER.startsWith('http://') ? [oauth.allowInsecureRequests] : []
    const metadata = {
      id_token_signed_response_alg: ALG,
      authorization_signed_response_alg: ALG,
      use_mtls_endpoint_aliases: false,
    }
    execute.push(oauth.useJwtResponseMode, oauth.enableNonRepudiationChecks)
    const authentication = oauth.PrivateKeyJwt(key)
    this.client = await oauth.discovery(new URL(ISSUER), CLIENT_ID, metadata, authentication, { execute })
    this.options = { DPoP: oauth.getDPoPHandle(this.client, await oauth.randomDPoPKeyPair(ALG)) }
  }

  // The public key to register.
  async jwks() {
    const jwk = await exportJWK(this.keys.publicKey)
    return JSON.stringify({ keys: [{ ...jwk, kid: 'bank', alg: ALG, use: 'sig' }] })
  }

  // Where somebody goes to sign in.
  async leave() {
    await this.meet()
    this.verifier = oauth.randomPKCECodeVerifier()
    this.state = oauth.randomState()
    this.nonce = oauth.randomNonce()
    const asked = {
      redirect_uri: REDIRECT_URI,
      scope: 'openid profile email',
      code_challenge: await oauth.calculatePKCECodeChallenge(this.verifier),
      code_challenge_method: 'S256',
      state: this.state,
      nonce: this.nonce,
    }
    const key = { key: this.keys.privateKey, kid: 'bank' }
    const signed = await oauth.buildAuthorizationUrlWithJAR(this.client, asked, key)
    const url = await oauth.buildAuthorizationUrlWithPAR(this.client, signed.searchParams, this.options)
    return url.href
  }

  // Somebody came back; answers who it is.
  async back(url) {
    const checks = {
      pkceCodeVerifier: this.verifier,
      expectedState: this.state,
      expectedNonce: this.nonce,
      idTokenExpected: true,
    }
    this.tokens = await oauth.authorizationCodeGrant(this.client, new URL(url), checks, {}, this.options)
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
    if (after.refresh_token && after.refresh_token !== refresh_token) throw new Error('it rotates')
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

const bank = await Bank.open()
for await (const line of createInterface({ input: process.stdin })) {
  const [command, argument = ''] = line.trim().split(' ')
  if (command === 'quit') break
  if (!['jwks', 'leave', 'back', 'refresh'].includes(command)) {
    say(`error unknown command ${command}`)
    continue
  }
  try {
    say(`ok ${await bank[command](argument)}`)
  } catch (error) {
    say(refused(error))
  }
}
process.exit(0)
