// Signing in and out of a single-page app. The access token lives in memory; the refresh token lives
// in a cookie that no script can read, so a script that should not be here cannot take it away.

import * as oauth from './oauth4webapi.js'

const config = await (await fetch('/config.json')).json()
const issuer = new URL(config.issuer)
const client = { client_id: config.clientId }
const authentication = oauth.None()
const home = `${location.origin}/`

// Only for a server on the same machine: anywhere else it is https.
const loopback = { [oauth.allowInsecureRequests]: issuer.protocol === 'http:' }

// The browser sends the cookie and keeps the one that comes back; what a library puts into the body
// in its place is taken out again.
const IN_THE_COOKIE = 'in-the-cookie'
const withCookie = {
  ...loopback,
  [oauth.customFetch]: (url, options) => {
    for (const name of ['refresh_token', 'token']) {
      if (options.body?.get?.(name) === IN_THE_COOKIE) options.body.delete(name)
    }
    return fetch(url, { ...options, credentials: 'include' })
  },
}

const server = await oauth.processDiscoveryResponse(
  issuer,
  await oauth.discoveryRequest(issuer, { algorithm: 'oidc', ...loopback }),
)

let tokens

// Goes away to sign in. What must be remembered until the person is back is no secret for long.
export async function signIn() {
  const verifier = oauth.generateRandomCodeVerifier()
  const request = { verifier, state: oauth.generateRandomState(), nonce: oauth.generateRandomNonce() }
  sessionStorage.setItem('request', JSON.stringify(request))
  const url = new URL(server.authorization_endpoint)
  url.search = new URLSearchParams({
    client_id: client.client_id,
    redirect_uri: home,
    response_type: 'code',
    scope: 'openid profile email',
    state: request.state,
    nonce: request.nonce,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
  })
  location.assign(url)
}

// Finds out whether somebody is signed in: they just came back, or the browser has the cookie.
export async function resume() {
  const here = new URL(location.href)
  if (here.searchParams.has('code') || here.searchParams.has('error')) {
    history.replaceState(null, '', home)
    await comeBack(here)
  } else {
    await refresh().catch((error) => {
      if (!(error instanceof oauth.ResponseBodyError)) throw error
    })
  }
  return person()
}

async function comeBack(here) {
  const { verifier, state, nonce } = JSON.parse(sessionStorage.getItem('request') ?? '{}')
  sessionStorage.removeItem('request')
  const parameters = oauth.validateAuthResponse(server, client, here, state)
  const response = await oauth.authorizationCodeGrantRequest(
    server, client, authentication, parameters, home, verifier, withCookie,
  )
  tokens = await oauth.processAuthorizationCodeResponse(server, client, response, {
    expectedNonce: nonce,
    requireIdToken: true,
  })
}

// A new access token. Two tabs may do this at once: both get one.
export async function refresh() {
  const response = await oauth.refreshTokenGrantRequest(
    server, client, authentication, IN_THE_COOKIE, withCookie,
  )
  tokens = await oauth.processRefreshTokenResponse(server, client, response)
  return person()
}

// What the issuer tells about the person; nothing when nobody is signed in.
export async function person() {
  if (!tokens) return undefined
  const response = await oauth.userInfoRequest(server, client, tokens.access_token, loopback)
  const { sub } = oauth.getValidatedIdTokenClaims(tokens)
  return oauth.processUserInfoResponse(server, client, sub, response)
}

// Ends the session of this app, then that of the person at the issuer.
export async function signOut() {
  const hint = tokens?.id_token
  tokens = undefined
  const response = await oauth.revocationRequest(
    server, client, authentication, IN_THE_COOKIE, withCookie,
  )
  await oauth.processRevocationResponse(response)
  const url = new URL(server.end_session_endpoint)
  url.search = new URLSearchParams({
    ...(hint ? { id_token_hint: hint } : { client_id: client.client_id }),
    post_logout_redirect_uri: home,
  })
  location.assign(url)
}
