import { element } from './element.js'

/** @import { Issue } from './api-types.js' */

/** @param {Issue[]} issues */
export function drawIssues(issues) {
  return element('ul', { class: 'issues' }, ...issues.map(drawIssue))
}

/** @param {Issue} issue */
function drawIssue({ path, code, message }) {
  return element(
    'li',
    {},
    element('code', { class: 'issue-path' }, path === '' ? '(document)' : path),
    element('span', { class: 'issue-message' }, message),
    element('code', { class: 'issue-code' }, code),
  )
}
