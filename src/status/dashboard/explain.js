import { ApiError, readJson } from './api.js'
import { byId, element } from './element.js'
import { drawAnswer, verdictOf } from './explain-answer.js'

/** @import { Explanation } from './api-types.js' */

/** Sets up the form that shows which frontend would serve a request, and why the other frontends would not. */
export function createExplain() {
  const form = byId('explain-form', HTMLFormElement)
  const verdict = byId('explain-verdict', HTMLElement)
  const answer = byId('explain-answer', HTMLElement)
  let asked = 0

  form.addEventListener('submit', async (event) => {
    event.preventDefault()
    const question = ++asked
    verdict.className = 'hint'
    verdict.textContent = 'Asking …'
    try {
      const explanation = /** @type {Explanation} */ (await readJson('explain', queryOf(form)))
      if (question !== asked) return
      verdict.className = explanation.winner ? 'verdict good' : 'verdict bad'
      verdict.replaceChildren(...verdictOf(explanation))
      answer.replaceChildren(...drawAnswer(explanation))
    } catch (error) {
      if (question !== asked) return
      verdict.className = 'verdict bad'
      verdict.textContent = error instanceof ApiError ? error.message : 'The status server cannot be reached.'
      answer.replaceChildren(element('p', { class: 'hint' }, 'There is no explanation.'))
    }
  })
}

/** Returns the form fields that are not empty, as query parameters. @param {HTMLFormElement} form */
function queryOf(form) {
  /** The query parameters, by name of the form field. @type {Record<string, string>} */
  const query = {}
  for (const [name, value] of new FormData(form)) {
    if (typeof value === 'string' && value.trim() !== '') query[name] = value.trim()
  }
  return query
}
