// Asks mapae about the token of a request: 204, 401, or 502 where mapae does not answer.

const audience = 'https://api.example.com'

async function judge(request) {
  const parts = (request.headersIn.Authorization || '').split(' ')
  if (parts[0].toLowerCase() !== 'bearer' || !parts[1]) {
    request.headersOut['WWW-Authenticate'] = 'Bearer'
    return request.return(401)
  }
  const body = 'token=' + encodeURIComponent(parts[1])
  const answer = await request.subrequest('/introspect', { method: 'POST', body: body })
  if (answer.status !== 200) return request.return(502)
  const told = JSON.parse(answer.responseText)
  // A token that is bound to a key needs a proof, which nobody verifies here.
  if (!told.active || told.cnf || [].concat(told.aud).indexOf(audience) < 0) {
    request.headersOut['WWW-Authenticate'] = 'Bearer error="invalid_token"'
    return request.return(401)
  }
  request.headersOut['X-Token-Subject'] = told.sub
  request.return(204)
}

export default { judge }
