import { byId } from './element.js'

/**
 * Shows the form that asks the user for a token. Resolves with the token when the user has entered one.
 *
 * @param {boolean} wrong true if the last token was refused
 * @returns {Promise<string>}
 */
export function askForToken(wrong) {
  const section = byId('token', HTMLElement)
  const form = byId('token-form', HTMLFormElement)
  const input = byId('token-input', HTMLInputElement)
  const complaint = byId('token-complaint', HTMLElement)
  section.hidden = false
  document.body.dataset['locked'] = ''
  complaint.textContent = wrong ? 'This token was refused.' : ''
  input.setAttribute('aria-invalid', String(wrong))
  input.value = ''
  input.focus()
  return new Promise((resolve) => {
    /** Handles the submission of the form. An empty token is ignored. @param {SubmitEvent} event */
    const given = (event) => {
      event.preventDefault()
      const token = input.value.trim()
      if (token === '') return
      form.removeEventListener('submit', given)
      section.hidden = true
      delete document.body.dataset['locked']
      resolve(token)
    }
    form.addEventListener('submit', given)
  })
}
