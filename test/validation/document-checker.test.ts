import { validateConfig } from 'switchover'
import { describe, expect, it } from 'vitest'
import { GUARDS } from '../../src/validation/document-schema.js'
import type { ValidateOptions } from '../../src/validation/validate-options.js'
import { backendWith, checkBackend, checkFrontend, frontendWith } from '../support/check-document.js'
import { notBuiltIn, objectAt } from '../support/schema-objects.js'

describe('fields of Traefik 1.7 that are not built yet', () => {
  const later = [
    ...notBuiltIn(objectAt('frontends')).map((name) => ({
      name,
      kind: 'frontend',
      path: `frontends.web.${name}`,
      isGuard: GUARDS.has(`frontends.*.${name}`),
    })),
    ...notBuiltIn(objectAt('backends')).map((name) => ({
      name,
      kind: 'backend',
      path: `backends.pool.${name}`,
      isGuard: GUARDS.has(`backends.*.${name}`),
    })),
    ...notBuiltIn(objectAt('backends.*.buffering')).map((name) => ({
      name,
      kind: 'buffering',
      path: `backends.pool.buffering.${name}`,
      isGuard: GUARDS.has(`backends.*.buffering.${name}`),
    })),
  ]

  function check(kind: string, name: string, options: ValidateOptions = {}) {
    const field = { [name]: { on: true } }
    switch (kind) {
      case 'frontend':
        return checkFrontend(frontendWith(field), options)
      case 'backend':
        return checkBackend(backendWith(field), options)
      case 'buffering':
        return checkBackend(backendWith({ buffering: field }), options)
      default:
        throw new Error(`there is no ${kind}`)
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

  it.each(later.filter(({ isGuard }) => !isGuard))(
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
    expect(() => validateConfig({}, { matchers: { Host: () => () => true } })).toThrow(code)
    expect(() => validateConfig({}, { strategies: { wrr: () => () => undefined } })).toThrow(code)
  })
})
