// Verify access tokens in a Node service that knows nothing but the issuer's URL.
//
//   const verifier = await Verifier.discover('https://id.example.com', 'https://api.example.com')
//   const claims = await verifier.verify(token)

import { createRemoteJWKSet, errors, jwtVerify } from 'jose'

export const algorithms = ['RS256', 'ES256']

export class Verifier {
  constructor(issuer, audience, jwksUri) {
    this.issuer = issuer
    this.audience = audience
    // Keys are cached. A token with an unknown key id makes the set look again, so a rotation needs
    // nobody's hand; the cool-down keeps forged key ids from turning into a flood.
    this.keys = createRemoteJWKSet(new URL(jwksUri), { cooldownDuration: 1_000 })
  }

  static async discover(issuer, audience) {
    const url = issuer.replace(/\/$/, '') + '/.well-known/openid-configuration'
    const response = await fetch(url, { signal: AbortSignal.timeout(5_000) })
    if (!response.ok) throw new Error(`${url} answers ${response.status}`)
    const metadata = await response.json()
    if (metadata.issuer !== issuer) throw new Error(`${url} speaks for ${metadata.issuer}`)
    return new Verifier(issuer, audience, metadata.jwks_uri)
  }

  // The claims of an access token made for us.
  async verify(token) {
    const { payload } = await jwtVerify(token, this.keys, {
      algorithms,
      issuer: this.issuer,
      audience: this.audience,
      // An id_token tells an app who signed in; it opens no API (RFC 9068 section 4).
      typ: 'at+jwt',
      requiredClaims: ['sub', 'exp'],
      clockTolerance: 10, // seconds that two clocks may differ
    })
    return payload
  }
}

// Whether what `verify` threw speaks against the token (answer 401). Whatever else it throws means
// that the issuer could not be asked for its keys (answer 503).
export function isRefusal(error) {
  return error instanceof errors.JOSEError && !aboutTheKeys.includes(error.code)
}

const aboutTheKeys = ['ERR_JOSE_GENERIC', 'ERR_JWKS_TIMEOUT', 'ERR_JWKS_INVALID']
