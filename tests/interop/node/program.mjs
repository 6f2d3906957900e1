// An app and an API in one: gets tokens and verifies them, one command a line on standard input.

import { createInterface } from 'node:readline'
import { decodeProtectedHeader, jwtVerify } from 'jose'
import * as oauth from 'openid-client'
import { algorithms, isRefusal, Verifier } from './verify.mjs'

const { ISSUER, CLIENT_ID, CLIENT_SECRET, AUDIENCE, USERNAME, PASSWORD, SCOPE } = process.env

class Program {
  static async arrive() {
    const program = new Program()
    program.verifier = await Verifier.discover(ISSUER, AUDIENCE)
    program.client = await oauth.discovery(
      new URL(ISSUER),
      CLIENT_ID,
      {},
      oauth.ClientSecretBasic(CLIENT_SECRET),
      { execute: isLoopback(new URL(ISSUER)) ? [oauth.allowInsecureRequests] : [] },
    )
    return program
  }

  // Tokens for ourselves and for a person, both verified; answers the key that signed.
  async token() {
    const machine = await oauth.clientCredentialsGrant(this.client, SCOPE ? { scope: SCOPE } : {})
    const person = await oauth.genericGrantRequest(this.client, 'password', {
      username: USERNAME,
      password: PASSWORD,
      scope: 'openid',
    })
    await this.verifier.verify(machine.access_token)
    const claims = await this.verifier.verify(person.access_token)
    if ((await this.whoSignedIn(person.id_token)) !== claims.sub) {
      throw new Error('the id_token is about somebody else')
    }
    return decodeProtectedHeader(person.access_token).kid
  }

  async verify(token) {
    return (await this.verifier.verify(token)).sub
  }

  // openid-client has checked the claims of the id_token; over plain http its signature counts too.
  async whoSignedIn(idToken) {
    const { payload } = await jwtVerify(idToken, this.verifier.keys, {
      algorithms,
      issuer: ISSUER,
      audience: CLIENT_ID,
      requiredClaims: ['sub', 'exp', 'iat'],
      clockTolerance: 10,
    })
    return payload.sub
  }
}

// Without TLS a token is anybody's who listens: only a machine talking to itself may do without.
function isLoopback(url) {
  return url.protocol === 'http:' && ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname)
}

async function answer(program, command, argument) {
  try {
    if (command === 'token') return `ok ${await program.token()}`
    if (command === 'verify') return `ok ${await program.verify(argument)}`
    return `error unknown command ${command}`
  } catch (error) {
    return isRefusal(error) ? `refused ${error.message}` : unexpected(error)
  }
}

function unexpected(error) {
  const cause = error.cause ? `: ${error.cause.message ?? JSON.stringify(error.cause)}` : ''
  return `error ${error.message}${cause}`
}

function say(line) {
  console.log(line.replace(/\s+/g, ' ').trim())
}

try {
  const program = await Program.arrive()
  for await (const line of createInterface({ input: process.stdin })) {
    const [command, argument = ''] = line.trim().split(' ')
    if (command === 'quit') break
    say(await answer(program, command, argument))
  }
  process.exit(0)
} catch (error) {
  say(unexpected(error))
  process.exit(1)
}
