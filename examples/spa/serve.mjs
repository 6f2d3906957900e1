// Serves the app: a handful of files and nothing else. Any static file server would do.

import { createServer } from 'node:http'
import { readFile } from 'node:fs/promises'

const port = Number(process.env.PORT ?? 3000)
const issuer = process.env.ISSUER ?? 'http://localhost:8080'
const clientId = process.env.CLIENT_ID ?? 'spa'

const files = {
  '/': ['index.html', 'text/html; charset=utf-8'],
  '/app.js': ['app.js', 'text/javascript; charset=utf-8'],
  '/session.js': ['session.js', 'text/javascript; charset=utf-8'],
  '/style.css': ['style.css', 'text/css; charset=utf-8'],
  '/oauth4webapi.js': ['node_modules/oauth4webapi/build/index.js', 'text/javascript; charset=utf-8'],
}

const headers = {
  'cache-control': 'no-store',
  'content-security-policy': `default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self' ${issuer}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
}

createServer(async (request, response) => {
  const { pathname } = new URL(request.url, 'http://localhost')
  if (pathname === '/config.json') {
    response.writeHead(200, { ...headers, 'content-type': 'application/json' })
    return response.end(JSON.stringify({ issuer, clientId }))
  }
  const [file, type] = files[pathname] ?? []
  if (!file) return response.writeHead(404, headers).end()
  response.writeHead(200, { ...headers, 'content-type': type })
  response.end(await readFile(new URL(file, import.meta.url)))
}).listen(port, 'localhost', () => console.log(`http://localhost:${port}`))
