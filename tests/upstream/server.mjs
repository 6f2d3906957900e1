// A real OpenID provider with one account. `node server.mjs '[clients]'` prints its URL; more clients
// may come later, one JSON object a line on standard input, each answered by a line.

import { createServer } from 'node:http'
import { createInterface } from 'node:readline'
import { Provider } from 'oidc-provider'

const account = {
  sub: 'account-1',
  email: 'mina@example.com',
  email_verified: true,
  name: 'Mina Kim',
}

const configuration = (clients) => ({
  clients,
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
  conformIdTokenClaims: true,
  cookies: { keys: ['a key for proofs'] },
  features: { devInteractions: { enabled: false } },
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  pkce: { required: () => true },
  ttl: { AccessToken: 3600, AuthorizationCode: 60, Grant: 3600, IdToken: 3600, Interaction: 3600, Session: 3600 },
  findAccount: (_, id) =>
    id === account.sub ? { accountId: id, claims: () => account } : undefined,
  // Who signs in agrees to everything.
  async loadExistingGrant(ctx) {
    const { client, session } = ctx.oidc
    const { Grant } = ctx.oidc.provider
    const grant = new Grant({ clientId: client.clientId, accountId: session.accountId })
    grant.addOIDCScope('openid email profile')
    await grant.save()
    return grant
  },
})

const page = (uid) => `<!doctype html><html lang="en"><title>A provider</title>
<h1>${account.name}</h1><form method="post" action="/interaction/${uid}">
<button id="approve" name="answer" value="approve">Continue</button>
<button id="cancel" name="answer" value="cancel">Cancel</button></form>`

async function interact(provider, request, response) {
  const { uid } = await provider.interactionDetails(request, response)
  if (request.method !== 'POST') {
    response.setHeader('content-type', 'text/html; charset=utf-8')
    return response.end(page(uid))
  }
  let body = ''
  for await (const chunk of request) body += chunk
  const approved = new URLSearchParams(body).get('answer') === 'approve'
  const result = approved
    ? { login: { accountId: account.sub } }
    : { error: 'access_denied', error_description: 'The person said no.' }
  return provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false })
}

const server = createServer()
await new Promise((listening) => server.listen(0, '127.0.0.1', listening))
const issuer = `http://127.0.0.1:${server.address().port}`
const provider = new Provider(issuer, configuration(JSON.parse(process.argv[2] ?? '[]')))
const answer = provider.callback()
server.on('request', (request, response) => {
  if (!request.url.startsWith('/interaction/')) return answer(request, response)
  interact(provider, request, response).catch((error) => {
    response.statusCode = 400
    response.end(String(error))
  })
})
console.log(issuer)

for await (const line of createInterface({ input: process.stdin })) {
  const client = JSON.parse(line)
  await provider.Client.adapter.upsert(client.client_id, client)
  console.log(`knows ${client.client_id}`)
}
process.exit(0)
