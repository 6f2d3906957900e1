// An issuer that is built on oidc-provider. The programs of tests/interop/node meet it as they meet
// mapae, so that what they do is known to be right by somebody else's judgement. Its pages are two: one
// signs in whoever comes, the other asks. One command a line on standard input.

import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import { createInterface } from 'node:readline'
import { Provider } from 'oidc-provider'

const { ISSUER, CLIENT, USERNAME } = process.env

// A key of each algorithm that clients are registered for.
function key(alg, type, options) {
  const { privateKey } = generateKeyPairSync(type, options)
  return { ...privateKey.export({ format: 'jwk' }), kid: alg, alg, use: 'sig' }
}

const provider = new Provider(ISSUER, {
  clients: [JSON.parse(CLIENT)],
  jwks: {
    keys: [
      key('ES256', 'ec', { namedCurve: 'P-256' }),
      key('PS256', 'rsa', { modulusLength: 2048 }),
      key('RS256', 'rsa', { modulusLength: 2048 }),
    ],
  },
  cookies: { keys: ['not a secret'] },
  claims: { openid: ['sub'], profile: ['preferred_username'], email: ['email'] },
  enabledJWA: { dPoPSigningAlgValues: ['ES256', 'PS256'] },
  features: {
    devInteractions: { enabled: false },
    dPoP: { enabled: true, nonceSecret: randomBytes(32), requireNonce: () => true },
    deviceFlow: { enabled: true },
    fapi: { enabled: true, profile: (ctx, client) => (client.requirePushedAuthorizationRequests ? '2.0' : undefined) },
    jwtResponseModes: { enabled: true },
    jwtUserinfo: { enabled: true },
    requestObjects: { enabled: true },
  },
  findAccount: (ctx, id) => ({ accountId: id, claims: () => ({ sub: id, preferred_username: USERNAME }) }),
  interactions: { url: (ctx, { uid }) => `/interaction/${uid}` },
  issueRefreshToken: (ctx, client) => client.grantTypeAllowed('refresh_token'),
  rotateRefreshToken: false,
  pkce: { required: () => true },
})

// Signs in whoever comes, and asks whether the app may.
async function interact(request, response) {
  const { prompt, params } = await provider.interactionDetails(request, response)
  if (prompt.name === 'login') {
    return provider.interactionFinished(request, response, { login: { accountId: 'alice' } })
  }
  if (request.method !== 'POST') {
    return response.setHeader('content-type', 'text/html').end('<form method="post" id="asked"></form>')
  }
  let answer = ''
  for await (const part of request) answer += part
  if (answer !== 'answer=allow') {
    return provider.interactionFinished(request, response, { error: 'access_denied' })
  }
  const grant = new provider.Grant({ accountId: 'alice', clientId: params.client_id })
  grant.addOIDCScope(params.scope)
  return provider.interactionFinished(request, response, { consent: { grantId: await grant.save() } })
}

const rest = provider.callback()
const server = createServer(async (request, response) => {
  try {
    await (request.url.startsWith('/interaction/') ? interact : rest)(request, response)
  } catch (error) {
    response.writeHead(500).end(String(error))
  }
})
const { hostname, port } = new URL(ISSUER)
const listening = new Promise((resolve) => server.listen(port, hostname, resolve))

for await (const line of createInterface({ input: process.stdin })) {
  if (line.trim() === 'quit') break
  await listening
  console.log(line.trim() === 'listen' ? `ok ${ISSUER}` : 'error unknown command')
}
process.exit(0)
