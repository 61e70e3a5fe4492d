import { element } from './element.js'

/** @import { Issue } from './api-types.js' */

/** Draws a list of problems that were found in a configuration. @param {Issue[]} issues */
export function drawIssues(issues) {
  return element('ul', { class: 'issues' }, ...issues.map(drawIssue))
}

/** Draws one problem: its place in the configuration, the message and the code. @param {Issue} issue */
function drawIssue({ path, code, message }) {
  return element(
    'li',
    {},
    element('code', { class: 'issue-path' }, path === '' ? '(document)' : path),
    element('span', { class: 'issue-message' }, message),
    element('code', { class: 'issue-code' }, code),
  )
}
