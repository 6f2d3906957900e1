// A bank that signs people in with openid-client by FAPI 2.0: what it asks is signed and pushed (JAR,
// PAR), the answer is signed (JARM), it proves by a key who it is, and its tokens are bound to another
// (DPoP). One command a line on standard input.

import { exportJWK } from 'jose'
import * as oauth from 'openid-client'
import { Client, serve } from './client.mjs'

const { ALG } = process.env
const METADATA = {
  id_token_signed_response_alg: ALG,
  authorization_signed_response_alg: ALG,
  use_mtls_endpoint_aliases: false,
}
const keys = await oauth.randomDPoPKeyPair(ALG)
const KEY = { key: keys.privateKey, kid: 'bank' }

class Bank extends Client {
  // The public key to register, before the bank meets the issuer.
  async jwks() {
    const jwk = await exportJWK(keys.publicKey)
    return JSON.stringify({ keys: [{ ...jwk, kid: 'bank', alg: ALG, use: 'sig' }] })
  }

  // Where somebody goes to sign in.
  async leave() {
    if (!this.client) {
      const profile = [oauth.useJwtResponseMode, oauth.enableNonRepudiationChecks]
      await this.meet(METADATA, oauth.PrivateKeyJwt(KEY), ...profile)
      await this.bind(ALG)
    }
    const signed = await oauth.buildAuthorizationUrlWithJAR(this.client, await this.request(), KEY)
    const url = await oauth.buildAuthorizationUrlWithPAR(this.client, signed.searchParams, this.options)
    return url.href
  }

  async refresh() {
    const { refresh_token } = this.tokens
    const person = await super.refresh()
    if (this.tokens.refresh_token !== refresh_token) throw new Error('it rotates')
    return person
  }
}

await serve(new Bank(), ['jwks', 'leave', 'back', 'refresh'])
