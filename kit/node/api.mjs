// An API that tells whoever has a good token who they are.

import { createServer } from 'node:http'
import { Refusal, Verifier } from './verify.mjs'

const { ISSUER, AUDIENCE, SCOPE = '', LISTEN = '127.0.0.1:9000' } = process.env
const verifier = new Verifier(ISSUER, AUDIENCE)

const server = createServer(async (request, response) => {
  try {
    const claims = await verifier.verify(request.headers.authorization)
    verifier.require(claims, { scope: SCOPE })
    response.end(`${claims.sub}\n`)
  } catch (error) {
    const { status, headers } = error instanceof Refusal ? error : { status: 500 }
    response.writeHead(status, headers).end()
  }
})
const [host, port] = LISTEN.split(':')
server.listen(Number(port), host)
