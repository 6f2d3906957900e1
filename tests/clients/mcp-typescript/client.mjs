// An MCP client that is built on the official SDK, one command a line on standard input.

import { randomUUID } from 'node:crypto'
import { createInterface } from 'node:readline'
import { UnauthorizedError } from '@modelcontextprotocol/sdk/client/auth.js'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'

const { ISSUER, MCP_URL, CLIENT_ID, CLIENT_METADATA_URL, REDIRECT_URI } = process.env

// What the SDK asks its app to keep.
class Provider {
  redirectUrl = REDIRECT_URI
  clientMetadata = {
    client_name: 'The Assistant',
    redirect_uris: [REDIRECT_URI],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: 'client_secret_post',
  }
  // Where its document is, if it has one.
  clientMetadataUrl = CLIENT_METADATA_URL
  // An operator registered it, or else the SDK registers it.
  client = CLIENT_ID && { client_id: CLIENT_ID, issuer: ISSUER }

  clientInformation() {
    return this.client
  }

  saveClientInformation(client) {
    this.client = client
  }

  state() {
    return (this.expected = randomUUID())
  }

  tokens() {
    return this.kept
  }

  saveTokens(tokens) {
    this.kept = tokens
  }

  redirectToAuthorization(url) {
    this.url = url
  }

  saveCodeVerifier(verifier) {
    this.verifier = verifier
  }

  codeVerifier() {
    return this.verifier
  }
}

const authProvider = new Provider()
const transport = () => new StreamableHTTPClientTransport(new URL(MCP_URL), { authProvider })
const client = () => new Client({ name: 'assistant', version: '1' })
const who = async (connected) => (await connected.callTool({ name: 'whoami', arguments: {} })).content[0].text
let first

const commands = {
  // Where somebody goes to sign in.
  async leave() {
    first = transport()
    try {
      await client().connect(first)
      throw new Error('it needs no token')
    } catch (error) {
      if (!(error instanceof UnauthorizedError)) throw error
    }
    return authProvider.url.href
  },

  // Somebody came back; answers what the tool says.
  async back(url) {
    const answer = new URL(url).searchParams
    if (answer.get('state') !== authProvider.expected) throw new Error('another state')
    if (answer.get('iss') !== ISSUER) throw new Error('another issuer (RFC 9207)')
    await first.finishAuth(answer.get('code'))
    return commands.again()
  },

  // The same with the tokens that are kept.
  async again() {
    const connected = client()
    await connected.connect(transport())
    return who(connected)
  },

  // The access token is lost: the SDK refreshes.
  async refresh() {
    const before = authProvider.kept.refresh_token
    authProvider.kept = { ...authProvider.kept, access_token: 'lost' }
    const said = await commands.again()
    if (authProvider.kept.refresh_token === before) throw new Error('the refresh token is the same')
    return said
  },

  scope: async () => authProvider.kept.scope,
  id: async () => authProvider.client.client_id,
}

for await (const line of createInterface({ input: process.stdin })) {
  const [name, ...rest] = line.split(' ')
  if (name === 'quit') break
  try {
    console.log(`ok ${await commands[name](...rest)}`)
  } catch (error) {
    console.log(`error ${String(error?.stack ?? error).replaceAll('\n', ' ')}`)
  }
}
process.exit(0)
