import type { Row } from './middleware-kind.js'

type OtherSlash = (path: string) => string | undefined

/**
 * Redirects a client by 301 to the path of the rule, if the client's path differs only by a final slash (RFC 9110, 15.4.2). A frontend has it if the option `keepTrailingSlash` is false. Source: Traefik 1.7.
 */
export const SLASH_REDIRECT: Row<OtherSlash> = {
  field: 'slashRedirect',
  of: ({ otherSlash }) => otherSlash,
  compile: (otherSlash) => ({
    name: 'slashRedirect',
    onRequest: ({ facts: { path }, target }) => {
      const location = locationOf(otherSlash, path, target.slice(path.length))
      return location === undefined ? undefined : { status: 301, headers: { Location: location } }
    },
  }),
  explain: (otherSlash, { path, query }) => {
    const location = locationOf(otherSlash, path, query === '' ? '' : `?${query}`)
    return location === undefined
      ? { verdict: 'the path has the slash form of the rule' }
      : { verdict: `sends the client to ${location}`, answer: { status: 301, location } }
  },
}

/** Returns path and query to which a client is sent. Serving and explaining both ask this function. */
function locationOf(otherSlash: OtherSlash, path: string, search: string): string | undefined {
  const other = otherSlash(path)
  return other === undefined ? undefined : other + search
}
