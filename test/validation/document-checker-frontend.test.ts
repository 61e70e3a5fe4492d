import { describe, expect, it } from 'vitest'
import type { IssueCode } from '../../src/model/errors.js'
import { FRONTEND } from '../../src/validation/frontend-schema.js'
import { BACKENDS, checkFrontend, frontendWith, readerOf } from '../support/check-document.js'

describe('a frontend', () => {
  it('is copied with every field that it has, and no other', () => {
    const whole = {
      backend: 'pool',
      rule: { host: 'a.test', clientIp: ['10.0.0.0/8'] },
      priority: 7,
      entryPoints: ['web'],
      passHostHeader: false,
    }
    const { frontend, issues } = checkFrontend(whole)
    expect(issues).toEqual([])
    expect(frontend).toStrictEqual(whole)
    expect(frontend).not.toBe(whole)
    expect(frontend.rule).not.toBe(whole.rule)
    expect(frontend.entryPoints).not.toBe(whole.entryPoints)
  })

  it.each<[string, unknown, string, IssueCode, string | RegExp]>([
    ['is no object', 'pool', '', 'INVALID_TYPE', 'expected an object, found string "pool"'],
    ['is null', null, '', 'INVALID_TYPE', 'expected an object, found null'],
    ['is a list', [], '', 'INVALID_TYPE', 'expected an object, found an empty list'],
    [
      'has no backend',
      { rule: 'Host:a' },
      '.backend',
      'MISSING_BACKEND',
      'expected the name of a backend, found nothing',
    ],
    [
      'has a backend that is no text',
      frontendWith({ backend: 5 }),
      '.backend',
      'INVALID_TYPE',
      'expected a text, found number 5',
    ],
    [
      'has a backend that nobody has',
      frontendWith({ backend: 'gone' }),
      '.backend',
      'MISSING_BACKEND',
      'there is no backend "gone"',
    ],
    [
      'has a backend misspelt',
      frontendWith({ backend: 'pol' }),
      '.backend',
      'MISSING_BACKEND',
      'there is no backend "pol"; the nearest known one is "pool"',
    ],
    [
      'has a backend with an inherited name',
      frontendWith({ backend: 'toString' }),
      '.backend',
      'MISSING_BACKEND',
      'there is no backend "toString"',
    ],
    [
      'has a backend called __proto__',
      frontendWith({ backend: '__proto__' }),
      '.backend',
      'MISSING_BACKEND',
      'there is no backend "__proto__"',
    ],
    [
      'names a provider only',
      frontendWith({ backend: '@file' }),
      '.backend',
      'INVALID_VALUE',
      'expected name@provider, found "@file"',
    ],
    [
      'names no provider behind the @',
      frontendWith({ backend: 'b@' }),
      '.backend',
      'INVALID_VALUE',
      'expected name@provider, found "b@"',
    ],
    [
      'names two providers',
      frontendWith({ backend: 'a@b@c' }),
      '.backend',
      'INVALID_VALUE',
      'expected name@provider, found "a@b@c"',
    ],
    [
      'has a priority that is a text',
      frontendWith({ priority: '5' }),
      '.priority',
      'INVALID_TYPE',
      'expected a whole number, found string "5"',
    ],
    [
      'has a priority that is a fraction',
      frontendWith({ priority: 1.5 }),
      '.priority',
      'INVALID_VALUE',
      'expected a whole number, found number 1.5',
    ],
    [
      'has a priority that is not finite',
      frontendWith({ priority: Number.NaN }),
      '.priority',
      'INVALID_VALUE',
      'expected a whole number, found number NaN',
    ],
    [
      'has entry points that are a text',
      frontendWith({ entryPoints: 'web' }),
      '.entryPoints',
      'INVALID_TYPE',
      'expected a list of at least one text, found string "web"',
    ],
    [
      'has an empty list of entry points',
      frontendWith({ entryPoints: [] }),
      '.entryPoints',
      'INVALID_TYPE',
      'expected a list of at least one text, found an empty list',
    ],
    [
      'has an entry point that is no text',
      frontendWith({ entryPoints: ['web', 1] }),
      '.entryPoints',
      'INVALID_TYPE',
      'expected a list of at least one text, found a list',
    ],
    [
      'has a passHostHeader that is a text',
      frontendWith({ passHostHeader: 'false' }),
      '.passHostHeader',
      'INVALID_TYPE',
      'expected true or false, found string "false"',
    ],
    [
      'has a field that nobody has',
      frontendWith({ zzzzzzzz: 1 }),
      '.zzzzzzzz',
      'UNKNOWN_FIELD',
      'there is no field "zzzzzzzz" here',
    ],
    [
      'has a field misspelt',
      frontendWith({ passHostheadr: true }),
      '.passHostheadr',
      'UNKNOWN_FIELD',
      'there is no field "passHostheadr" here; the nearest known one is "passHostHeader"',
    ],
    [
      'has a later field misspelt',
      frontendWith({ 'white-list': {} }),
      '.white-list',
      'UNKNOWN_FIELD',
      'there is no field "white-list" here; the nearest known one is "whiteList"',
    ],
    [
      'has a field called __proto__',
      JSON.parse('{"backend":"pool","rule":"Host:a","__proto__":{"priority":1}}'),
      '.__proto__',
      'UNKNOWN_FIELD',
      'there is no field "__proto__" here',
    ],
  ])('is refused if it %s', (_what, value, path, code, message) => {
    const expected = typeof message === 'string' ? message : expect.stringMatching(message)
    expect(checkFrontend(value).issues).toEqual([{ path: `frontends.web${path}`, code, message: expected }])
  })

  it.each(['pool', 'pool@file', 'any@where'])('may use the backend %s', (backend) => {
    expect(checkFrontend(frontendWith({ backend })).issues).toEqual([])
  })

  it.each([0, -5, 1000, undefined])('may have the priority %s', (priority) => {
    expect(checkFrontend(frontendWith({ priority })).issues).toEqual([])
  })

  it('may have a white list', () => {
    const whiteList = { sourceRange: ['10.0.0.0/8', '::1'], useXForwardedFor: true }
    expect(checkFrontend(frontendWith({ whiteList }))).toMatchObject({ frontend: { whiteList }, issues: [] })
  })

  it.each<[unknown, string, string]>([
    [{ useXForwardedFor: true }, 'sourceRange', 'MISSING_FIELD'],
    // A list that is empty may be meant to let no client in.
    [{ sourceRange: [] }, 'sourceRange', 'INVALID_TYPE'],
    [{ sourceRange: '10.0.0.1' }, 'sourceRange', 'INVALID_TYPE'],
    [{ sourceRange: ['::1', '1/8'] }, 'sourceRange[1]', 'INVALID_RANGE'],
    [{ sourceRange: ['::ffff:10.0.0.0/8'] }, 'sourceRange[0]', 'INVALID_RANGE'],
    [{ sourceRange: ['::1'], useXForwardedFor: 'yes' }, 'useXForwardedFor', 'INVALID_TYPE'],
    [{ sourceRange: ['::1'], sourceRanges: [] }, 'sourceRanges', 'UNKNOWN_FIELD'],
  ])('is refused with the white list %j', (whiteList, field, code) => {
    const { issues } = checkFrontend(frontendWith({ whiteList }))
    expect(issues).toMatchObject([{ path: `frontends.web.whiteList.${field}`, code }])
  })

  it.each([null, false, '', {}, { sourceRange: null }])('asks for no white list with %j', (whiteList) => {
    const { frontend, issues } = checkFrontend(frontendWith({ whiteList, entryPoints: null, priority: null }))
    expect(issues).toEqual([])
    expect(frontend).toStrictEqual({ backend: 'pool', rule: 'Host:a.test' })
  })

  it.each([[[]], ['x'], [7]])('is refused with %j for a white list', (whiteList) => {
    const { issues } = checkFrontend(frontendWith({ whiteList }))
    expect(issues).toMatchObject([{ path: 'frontends.web.whiteList', code: 'INVALID_TYPE' }])
  })

  it('is cheap to refuse: the names of all backends are listed once, not for every misspelt one', () => {
    let listed = 0
    const backends = new Proxy(BACKENDS, {
      ownKeys(target) {
        listed += 1
        return Reflect.ownKeys(target)
      },
    })
    const reader = readerOf({}, backends)
    for (let count = 0; count < 5; count++) {
      reader.readValue(FRONTEND, frontendWith({ backend: 'pol' }), 'frontends.web')
    }
    expect(reader.issues).toHaveLength(5)
    expect(listed).toBe(1)
  })
})
