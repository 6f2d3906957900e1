// Verifies access tokens of mapae in a Node service. Copy this file; it needs `jose` alone.
//
//   const verifier = new Verifier('https://id.example.com', 'https://api.example.com')
//   const claims = await verifier.verify(request.headers.authorization)
//   verifier.require(claims, { scope: 'orders:read', acr: ['2', 'phr'], maxAge: 300 })
//
// Both throw a `Refusal`, which says what to answer.

import { promisify } from 'node:util'
import { inflate } from 'node:zlib'
import { createRemoteJWKSet, errors, jwtVerify } from 'jose'

const algorithms = ['RS256', 'ES256']
const skew = 10 // seconds that two clocks may differ
const unpack = promisify(inflate)

export class Refusal extends Error {
  constructor(status, error, description, more = '') {
    super(description)
    this.status = status
    // RFC 6750 section 3: whoever sent no token is told no error.
    this.headers =
      status === 503
        ? { 'retry-after': '5' }
        : { 'www-authenticate': error ? `Bearer error="${error}", error_description="${description}"${more}` : 'Bearer' }
  }
}

const invalid = (why) => new Refusal(401, 'invalid_token', why)
const unavailable = () => new Refusal(503, null, 'the issuer cannot be reached')

export class Verifier {
  #keys
  #lists = new Map()

  constructor(issuer, audience) {
    this.issuer = issuer
    this.audience = audience
  }

  // The claims of the token in this `Authorization` header.
  async verify(authorization) {
    const [scheme, token] = (authorization ?? '').split(/ +/)
    if (scheme.toLowerCase() !== 'bearer' || !token) throw new Refusal(401, null, 'there is no token')
    // Node's own decoder overlooks what is no base64url.
    if (!/^[\w-]+\.[\w-]+\.[\w-]+$/.test(token)) throw invalid('the token is malformed')
    const claims = await this.#signed(token, {
      issuer: this.issuer,
      audience: this.audience,
      // An id token tells an app who signed in; it opens no API (RFC 9068 section 4).
      typ: 'at+jwt',
      requiredClaims: ['sub', 'exp'],
      clockTolerance: skew,
    })
    // A token that is bound to a key (RFC 9449, RFC 8705) is none without the proof, which this file
    // does not verify.
    if (claims.cnf) throw invalid('the token is bound to a key')
    if (claims.status) await this.#isAlive(claims.status.status_list)
    return claims
  }

  // Whether the token is enough for this call (RFC 6750 section 3.1, RFC 9470 section 3).
  require(claims, { scope = '', acr = [], maxAge }) {
    const has = (claims.scope ?? '').split(' ')
    const lacks = () => new Refusal(403, 'insufficient_scope', 'another scope is needed', `, scope="${scope}"`)
    if (!scope.split(' ').filter(Boolean).every((one) => has.includes(one))) throw lacks()
    const recent = maxAge === undefined || Date.now() / 1000 - claims.auth_time <= maxAge + skew
    if (recent && (acr.length === 0 || acr.includes(claims.acr))) return
    // No sign-in would help a client that acts for itself.
    if (claims.sub === claims.client_id) throw lacks()
    const more = (acr.length ? `, acr_values="${acr.join(' ')}"` : '') + (maxAge === undefined ? '' : `, max_age="${maxAge}"`)
    throw new Refusal(401, 'insufficient_user_authentication', 'a stronger or more recent sign-in is needed', more)
  }

  async #signed(token, expected) {
    const keys = await this.#keySet()
    try {
      return (await jwtVerify(token, keys, { algorithms, ...expected })).payload
    } catch (error) {
      const aboutTheKeys = ['ERR_JOSE_GENERIC', 'ERR_JWKS_TIMEOUT', 'ERR_JWKS_INVALID']
      const isRefusal = error instanceof errors.JOSEError && !aboutTheKeys.includes(error.code)
      throw isRefusal ? invalid('the token is not good') : unavailable()
    }
  }

  // Keys are cached. A token with an unknown key id makes the set look again, so a rotation needs
  // nobody's hand; the cool-down keeps forged key ids from turning into a flood.
  #keySet() {
    this.#keys ??= this.#discover().catch((error) => {
      this.#keys = undefined
      throw error
    })
    return this.#keys
  }

  async #discover() {
    const url = this.issuer.replace(/\/$/, '') + '/.well-known/openid-configuration'
    const answer = await fetch(url, { signal: AbortSignal.timeout(5_000) }).catch(() => ({ ok: false }))
    if (!answer.ok) throw unavailable()
    const metadata = await answer.json()
    if (metadata.issuer !== this.issuer) throw unavailable()
    return createRemoteJWKSet(new URL(metadata.jwks_uri), { cooldownDuration: 5_000, cacheMaxAge: 3_600_000 })
  }

  // Token Status List section 8.3: only 0 is valid.
  async #isAlive(reference) {
    if (!reference) throw invalid('the status of the token is not known')
    const { idx, uri } = reference
    let list = this.#lists.get(uri)
    if (!list || (!list.next && list.freshUntil <= Date.now())) {
      // One request for all that wait; a list that cannot be had again is used until it expires.
      const known = list
      const old = known?.exp > Date.now() ? known : undefined
      const next = this.#list(uri, known).catch((error) => {
        // One that the issuer does not have any more says nothing good.
        if (!old || error.status === 401) throw error
        return old
      })
      list = { known, next }
      this.#lists.set(uri, list)
    }
    if (list.next) {
      try {
        const came = await list.next
        if (this.#lists.get(uri) === list) this.#lists.set(uri, came)
        list = came
      } catch (error) {
        // One that has expired is not used, but an older one takes nothing of it back.
        if (this.#lists.get(uri) === list) this.#lists.set(uri, list.known)
        throw error
      }
    }
    const perByte = 8 / list.bits
    const byte = list.bytes[Math.floor(idx / perByte)]
    if (byte === undefined) throw invalid('the status of the token is not known')
    if ((byte >> ((idx % perByte) * list.bits)) & (2 ** list.bits - 1)) throw invalid('the token was revoked')
  }

  async #list(uri, known) {
    // What is revoked after this moment may be missing in the answer, however long it takes.
    const asked = Date.now()
    const answer = await fetch(uri, { signal: AbortSignal.timeout(5_000) }).catch(() => ({ status: 503 }))
    if (answer.status === 404) throw invalid('the status of the token is not known')
    if (answer.status !== 200) throw unavailable()
    const expected = { typ: 'statuslist+jwt', subject: uri, requiredClaims: ['iat', 'exp'] }
    // Its key may be so new that it is not known yet: that says nothing of the token.
    const claims = await this.#signed(await answer.text(), expected).catch(() => Promise.reject(unavailable()))
    const { bits, lst } = claims.status_list
    const bytes = await unpack(Buffer.from(lst, 'base64url'), { maxOutputLength: 8 << 20 })
    const freshUntil = asked + (claims.ttl ?? 60) * 1000
    const list = { bits, bytes, iat: claims.iat, exp: claims.exp * 1000, freshUntil }
    return known?.iat > list.iat ? joined(known, list) : list
  }
}

// A list together with one that was fetched after it and says that it was made before it: by a replica
// whose clock is behind, so that it may know more, or it is an old copy, which knows less. What either
// of them refuses stays refused.
function joined(known, fetched) {
  if (known.bits !== fetched.bits) throw unavailable()
  const bytes = Buffer.alloc(Math.max(known.bytes.length, fetched.bytes.length))
  known.bytes.copy(bytes)
  fetched.bytes.forEach((byte, at) => (bytes[at] |= byte))
  return { ...fetched, bytes, iat: known.iat, exp: Math.max(known.exp, fetched.exp) }
}
