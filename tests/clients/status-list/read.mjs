// Reads a status list and tokens as another implementation of Token Status List does: from standard
// input {"list": JWT, "tokens": [JWT]}, to standard output {"bits": n, "statuses": [n], "uris": [URL]}.

import { readFileSync } from 'node:fs'
import { getListFromStatusListJWT, getStatusListFromJWT } from '@sd-jwt/jwt-status-list'

const { list, tokens } = JSON.parse(readFileSync(0, 'utf8'))
const read = getListFromStatusListJWT(list)
const places = tokens.map((token) => getStatusListFromJWT(token))
console.log(
  JSON.stringify({
    bits: read.getBitsPerStatus(),
    statuses: places.map(({ idx }) => read.getStatus(idx)),
    uris: places.map(({ uri }) => uri),
  }),
)
