// The page around it.

import { refresh, resume, signIn, signOut } from './session.js'

const element = (id) => document.getElementById(id)
let refreshes = 0

function show(person) {
  element('signed-in').hidden = !person
  element('signed-out').hidden = Boolean(person)
  element('name').textContent = person?.name ?? person?.preferred_username ?? person?.sub ?? ''
  element('claims').textContent = person ? JSON.stringify(person, null, 2) : ''
  element('refreshes').textContent = String(refreshes)
}

// What goes wrong is said, and leaves the page as it was.
async function attempt(action) {
  element('problem').textContent = ''
  try {
    await action()
  } catch (error) {
    element('problem').textContent = `${error.error ?? error.name}: ${error.error_description ?? error.message}`
  }
}

element('sign-in').addEventListener('click', () => attempt(signIn))
element('sign-out').addEventListener('click', () => attempt(signOut))
element('refresh').addEventListener('click', () =>
  attempt(async () => {
    const person = await refresh()
    refreshes += 1
    show(person)
  }),
)

await attempt(async () => show(await resume()))
document.body.dataset.ready = 'true'
