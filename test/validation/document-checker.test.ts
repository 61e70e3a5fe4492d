import { describe, expect, it } from 'vitest'
import { DocumentChecker, type ValidateOptions } from '../../src/validation/document-checker.js'
import { BACKEND, FRONTEND, LOAD_BALANCER, SERVER } from '../../src/validation/document-shapes.js'
import { FieldChecker } from '../../src/validation/field-checker.js'
import { backendWith, checkBackend, checkFrontend, frontendWith } from '../support/check-document.js'

describe('fields of Traefik 1.7 that are not built yet', () => {
  const later = [
    ...FRONTEND.later.map((name) => ({ name, kind: 'frontend', path: `frontends.web.${name}` })),
    ...BACKEND.later.map((name) => ({ name, kind: 'backend', path: `backends.pool.${name}` })),
    ...LOAD_BALANCER.later.map((name) => ({
      name,
      kind: 'load balancer',
      path: `backends.pool.loadBalancer.${name}`,
    })),
    ...SERVER.later.map((name) => ({ name, kind: 'server', path: `backends.pool.servers.s1.${name}` })),
  ]

  function check(kind: string, name: string, options: ValidateOptions = {}) {
    const field = { [name]: {} }
    switch (kind) {
      case 'frontend':
        return checkFrontend(frontendWith(field), options)
      case 'backend':
        return checkBackend(backendWith(field), options)
      case 'load balancer':
        return checkBackend(backendWith({ loadBalancer: field }), options)
      default:
        return checkBackend({ servers: { s1: { url: 'http://h', ...field } } }, options)
    }
  }

  it.each(later)('$name of a $kind is refused', ({ kind, name, path }) => {
    expect(check(kind, name).issues).toEqual([
      {
        path,
        code: 'NOT_SUPPORTED',
        message: expect.stringMatching(
          new RegExp(`^${name} of Traefik is not supported yet(, and it is a guard: .*)?$`),
        ),
      },
    ])
    expect(check(kind, name).warnings).toEqual([])
  })

  it.each(later)(
    '$name of a $kind is a warning where that was asked for, and left out',
    ({ kind, name, path }) => {
      const checked = check(kind, name, { unsupportedFields: 'warn' })
      expect(checked.issues).toEqual([])
      expect(checked.warnings).toEqual([
        { path, code: 'NOT_SUPPORTED', message: `${name} of Traefik is not supported yet` },
      ])
      expect(JSON.stringify(checked)).not.toContain(`"${name}":`)
    },
  )
})

describe('the options', () => {
  it("may not give the host's matchers and strategies the names of ours", () => {
    const code = expect.objectContaining({ code: 'PROXY_OPTION_INVALID' })
    expect(() => new DocumentChecker({ matchers: { Host: () => () => true } }, new FieldChecker())).toThrow(
      code,
    )
    expect(
      () => new DocumentChecker({ strategies: { wrr: () => () => undefined } }, new FieldChecker()),
    ).toThrow(code)
  })
})
