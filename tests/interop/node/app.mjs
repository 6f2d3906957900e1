// An app that signs people in with openid-client, one command a line on standard input.

import * as oauth from 'openid-client'
import { Client, serve } from './client.mjs'

const { CLIENT_SECRET, REDIRECT_URI, POST_LOGOUT_REDIRECT_URI, DPOP } = process.env

class App extends Client {
  // Where somebody goes to sign in.
  async leave(responseMode) {
    const mode = responseMode ? { response_mode: responseMode } : {}
    return oauth.buildAuthorizationUrl(this.client, { ...(await this.request()), ...mode }).href
  }

  // Somebody came back, and the answer was posted as a form.
  async posted(body) {
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    return this.back(new Request(REDIRECT_URI, { method: 'POST', headers, body }))
  }

  // Where somebody goes to sign out.
  async out() {
    return oauth.buildEndSessionUrl(this.client, {
      id_token_hint: this.tokens.id_token,
      post_logout_redirect_uri: POST_LOGOUT_REDIRECT_URI,
      state: 'bye',
    }).href
  }
}

const app = new App()
await app.meet({}, oauth.ClientSecretBasic(CLIENT_SECRET))
if (DPOP) await app.bind()
await serve(app, ['leave', 'back', 'posted', 'refresh', 'out'])
