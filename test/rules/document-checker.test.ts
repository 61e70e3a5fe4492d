import { describe, expect, it } from 'vitest'
import type { Backend } from '../../src/model/config.js'
import type { IssueCode } from '../../src/model/errors.js'
import { DocumentChecker, type ValidateOptions } from '../../src/rules/document-checker.js'
import { BACKEND, FRONTEND, LOAD_BALANCER, SERVER } from '../../src/rules/document-shapes.js'
import { FieldChecker } from '../../src/rules/field-checker.js'
import { nullRecord } from '../../src/rules/records.js'

const BACKENDS: Readonly<Record<string, Backend>> = Object.assign(nullRecord<Backend>(), {
  pool: { servers: {} },
})

function checkFrontend(value: unknown, options: ValidateOptions = {}) {
  const fields = new FieldChecker(options.unsupportedFields === 'warn')
  const checker = new DocumentChecker(options, fields)
  const frontend = checker.frontend(value, 'frontends.web', BACKENDS)
  return { frontend, issues: fields.issues, warnings: fields.warnings }
}

function checkBackend(value: unknown, options: ValidateOptions = {}) {
  const fields = new FieldChecker(options.unsupportedFields === 'warn')
  const checker = new DocumentChecker(options, fields)
  const backend = checker.backend(value, 'backends.pool')
  return { backend, issues: fields.issues, warnings: fields.warnings }
}

function issuesOfUrl(url: unknown) {
  return checkBackend({ servers: { s1: { url } } }).issues
}

/** A frontend in order, but for the fields given. */
function frontendWith(fields: object): object {
  return { backend: 'pool', rule: 'Host:a.test', ...fields }
}

function backendWith(fields: object): object {
  return { servers: { s1: { url: 'http://10.0.0.1:80' } }, ...fields }
}

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

  it('may have routes instead of a rule', () => {
    const { frontend, issues } = checkFrontend({
      backend: 'pool',
      routes: { one: { rule: 'Host:a.test' }, two: { rule: { path: '/' } } },
    })
    expect(issues).toEqual([])
    expect(frontend.routes).toEqual({ one: { rule: 'Host:a.test' }, two: { rule: { path: '/' } } })
    expect(Object.getPrototypeOf(frontend.routes)).toBeNull()
  })

  it.each<[string, unknown, string, IssueCode, string | RegExp]>([
    ['is no object', 'pool', '', 'INVALID_TYPE', 'expected an object, found string "pool"'],
    ['is null', null, '', 'INVALID_TYPE', 'expected an object, found null'],
    ['is a list', [], '', 'INVALID_TYPE', 'expected an object, found a list'],
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
      'has neither rule nor routes',
      { backend: 'pool' },
      '',
      'MISSING_RULE',
      /^expected a rule, or routes with at least one/,
    ],
    [
      'has routes without a route',
      { backend: 'pool', routes: {} },
      '',
      'MISSING_RULE',
      /^expected a rule, or routes with at least one/,
    ],
    [
      'has both rule and routes',
      frontendWith({ routes: { r: { rule: 'Path:/' } } }),
      '',
      'INVALID_VALUE',
      'expected either rule or routes, found both',
    ],
    [
      'has a rule that is a number',
      frontendWith({ rule: 5 }),
      '.rule',
      'INVALID_TYPE',
      'expected a rule as text or data, found number 5',
    ],
    [
      'has a rule that is null',
      frontendWith({ rule: null }),
      '.rule',
      'INVALID_TYPE',
      'expected a rule as text or data, found null',
    ],
    [
      'has a rule that is a list',
      frontendWith({ rule: ['Host:a'] }),
      '.rule',
      'INVALID_TYPE',
      'expected a rule as text or data, found a list',
    ],
    [
      'has an empty rule',
      frontendWith({ rule: ' ' }),
      '.rule',
      'INVALID_RULE',
      /^at position 1: the rule is empty/,
    ],
    ['has an empty data rule', frontendWith({ rule: {} }), '.rule', 'INVALID_RULE', /^the rule is empty/],
    [
      'has a rule that does not parse',
      frontendWith({ rule: 'Path:/;oops' }),
      '.rule',
      'INVALID_RULE',
      /^at position 8: expected a matcher's name, ":" and values, like Host:a.b, found "oops"$/,
    ],
    [
      'has a range that does not parse',
      frontendWith({ rule: 'Host:a;ClientIP:10.0.0.0/33' }),
      '.rule',
      'INVALID_RANGE',
      /^at position 17: ClientIP: "10.0.0.0\/33" is no address range: expected a prefix length from 0 to 32/,
    ],
    [
      'has a range in a data rule that does not parse',
      frontendWith({ rule: { clientIp: ['1/8'] } }),
      '.rule',
      'INVALID_RANGE',
      /^ClientIP: "1\/8" is no address range: expected four numbers/,
    ],
    [
      'has a matcher misspelt',
      frontendWith({ rule: 'Hots:a' }),
      '.rule',
      'INVALID_RULE',
      'at position 1: there is no matcher "Hots"; the nearest known one is "Host"',
    ],
    [
      'has routes that are a list',
      { backend: 'pool', routes: ['Host:a'] },
      '.routes',
      'INVALID_TYPE',
      'expected an object of names, found a list',
    ],
    [
      'has a route that is a text',
      { backend: 'pool', routes: { r: 'Host:a' } },
      '.routes.r',
      'INVALID_TYPE',
      'expected an object, found string "Host:a"',
    ],
    [
      'has a route without a rule',
      { backend: 'pool', routes: { r: {} } },
      '.routes.r',
      'MISSING_RULE',
      'expected a rule, found nothing',
    ],
    [
      'has a route with a bad rule',
      { backend: 'pool', routes: { 'a b': { rule: 'Path:x' } } },
      '.routes["a b"].rule',
      'INVALID_RULE',
      /a path begins with "\/"/,
    ],
    [
      'has a route with a field too many',
      { backend: 'pool', routes: { r: { rule: 'Path:/', rul: '' } } },
      '.routes.r.rul',
      'UNKNOWN_FIELD',
      'there is no field "rul" here; the nearest known one is "rule"',
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
      'INVALID_TYPE',
      'expected a whole number, found number 1.5',
    ],
    [
      'has a priority that is not finite',
      frontendWith({ priority: Number.NaN }),
      '.priority',
      'INVALID_TYPE',
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
      'expected a list of at least one text, found a list',
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
    [
      'has a route called __proto__',
      JSON.parse('{"backend":"pool","routes":{"__proto__":{"rule":"Host:a"}}}'),
      '.routes.__proto__',
      'INVALID_NAME',
      'the name "__proto__" is reserved',
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
    [{}, 'sourceRange', 'MISSING_FIELD'],
    [{ sourceRange: [] }, 'sourceRange', 'INVALID_TYPE'],
    [{ sourceRange: '10.0.0.1' }, 'sourceRange', 'INVALID_TYPE'],
    [{ sourceRange: ['::1', '1/8'] }, 'sourceRange[1]', 'INVALID_RANGE'],
    [{ sourceRange: ['::1'], useXForwardedFor: 'yes' }, 'useXForwardedFor', 'INVALID_TYPE'],
    [{ sourceRange: ['::1'], sourceRanges: [] }, 'sourceRanges', 'UNKNOWN_FIELD'],
  ])('is refused with the white list %j', (whiteList, field, code) => {
    const { issues } = checkFrontend(frontendWith({ whiteList }))
    expect(issues).toMatchObject([{ path: `frontends.web.whiteList.${field}`, code }])
  })

  it.each([[], null, 'x', 7])('is refused with %j for a white list', (whiteList) => {
    const { issues } = checkFrontend(frontendWith({ whiteList }))
    expect(issues).toMatchObject([{ path: 'frontends.web.whiteList', code: 'INVALID_TYPE' }])
  })

  it('reports every fault of a rule on its own', () => {
    const { issues } = checkFrontend(frontendWith({ rule: 'Hots:a;ClientIP:1/8,::1/129;Path:x' }))
    expect(issues.map(({ code }) => code)).toEqual([
      'INVALID_RULE',
      'INVALID_RANGE',
      'INVALID_RANGE',
      'INVALID_RULE',
    ])
    expect(new Set(issues.map(({ path }) => path))).toEqual(new Set(['frontends.web.rule']))
  })

  it('is cheap to refuse: the names of all backends are listed once, not for every misspelt one', () => {
    let listed = 0
    const backends = new Proxy(BACKENDS, {
      ownKeys(target) {
        listed += 1
        return Reflect.ownKeys(target)
      },
    })
    const fields = new FieldChecker(false)
    const checker = new DocumentChecker({}, fields)
    for (let count = 0; count < 5; count++) {
      checker.frontend(frontendWith({ backend: 'pol' }), 'frontends.web', backends)
    }
    expect(fields.issues).toHaveLength(5)
    expect(listed).toBe(1)
  })

  it("may use the host's own matchers", () => {
    const rule = 'Host:a;Tenant:x'
    expect(checkFrontend(frontendWith({ rule }), { matchers: { Tenant: () => () => true } }).issues).toEqual(
      [],
    )
    expect(checkFrontend(frontendWith({ rule })).issues).toHaveLength(1)
  })
})

describe('a backend', () => {
  it('is copied with every field that it has, and no other', () => {
    const whole = {
      servers: { s1: { url: 'http://10.0.0.1:80', weight: 2 }, s2: { url: 'https://h.test/base' } },
      loadBalancer: { method: 'wrr' },
    }
    const { backend, issues } = checkBackend(whole)
    expect(issues).toEqual([])
    expect(backend).toEqual(whole)
    expect(Object.keys(backend.servers['s2'] ?? {})).toEqual(['url'])
    expect(backend.servers['s1']).not.toBe(whole.servers.s1)
    expect(Object.getPrototypeOf(backend.servers)).toBeNull()
  })

  it.each<[string, unknown, string, IssueCode, string]>([
    ['is no object', 7, '', 'INVALID_TYPE', 'expected an object, found number 7'],
    ['has no servers', {}, '.servers', 'MISSING_FIELD', 'expected an object of names, found nothing'],
    [
      'has servers that are null',
      { servers: null },
      '.servers',
      'INVALID_TYPE',
      'expected an object of names, found null',
    ],
    [
      'has servers that are a list',
      { servers: ['http://h'] },
      '.servers',
      'INVALID_TYPE',
      'expected an object of names, found a list',
    ],
    [
      'has a server that is a text',
      { servers: { s1: 'http://h' } },
      '.servers.s1',
      'INVALID_TYPE',
      'expected an object, found string "http://h"',
    ],
    [
      'has a server without a URL',
      { servers: { s1: {} } },
      '.servers.s1.url',
      'MISSING_FIELD',
      'expected a URL, found nothing',
    ],
    [
      'has a server whose URL is a number',
      { servers: { s1: { url: 80 } } },
      '.servers.s1.url',
      'INVALID_TYPE',
      'expected a text, found number 80',
    ],
    [
      'has a server with a field misspelt',
      { servers: { s1: { url: 'http://h', wieght: 1 } } },
      '.servers.s1.wieght',
      'UNKNOWN_FIELD',
      'there is no field "wieght" here; the nearest known one is "weight"',
    ],
    [
      'has a load balancer that is a text',
      backendWith({ loadBalancer: 'wrr' }),
      '.loadBalancer',
      'INVALID_TYPE',
      'expected an object, found string "wrr"',
    ],
    [
      'has a method that is no text',
      backendWith({ loadBalancer: { method: 1 } }),
      '.loadBalancer.method',
      'INVALID_TYPE',
      'expected a text, found number 1',
    ],
    [
      'has a method that nobody has',
      backendWith({ loadBalancer: { method: 'wrrr' } }),
      '.loadBalancer.method',
      'INVALID_VALUE',
      'there is no strategy "wrrr"; the nearest known one is "wrr"',
    ],
    [
      'has a method with an inherited name',
      backendWith({ loadBalancer: { method: 'toString' } }),
      '.loadBalancer.method',
      'INVALID_VALUE',
      'there is no strategy "toString"',
    ],
    [
      'has a method that is not built yet',
      backendWith({ loadBalancer: { method: 'drr' } }),
      '.loadBalancer.method',
      'NOT_SUPPORTED',
      'the strategy drr of Traefik is not supported yet',
    ],
    [
      'has a field misspelt',
      backendWith({ loadbalancer: {} }),
      '.loadbalancer',
      'UNKNOWN_FIELD',
      'there is no field "loadbalancer" here; the nearest known one is "loadBalancer"',
    ],
  ])('is refused if it %s', (_what, value, path, code, message) => {
    expect(checkBackend(value).issues).toEqual([{ path: `backends.pool${path}`, code, message }])
  })

  it("may use the host's own strategies", () => {
    const value = backendWith({ loadBalancer: { method: 'first' } })
    const first =
      <U>(upstreams: readonly U[]) =>
      () =>
        upstreams[0]
    expect(checkBackend(value, { balancers: { first } }).issues).toEqual([])
    expect(checkBackend(value).issues).toHaveLength(1)
  })

  it.each([0, 1, 0.5, 1000])('may have a server of weight %s', (weight) => {
    expect(checkBackend({ servers: { s1: { url: 'http://h', weight } } }).issues).toEqual([])
  })

  it.each<[unknown, IssueCode, string]>([
    [-1, 'INVALID_VALUE', 'number -1'],
    [Number.NaN, 'INVALID_VALUE', 'number NaN'],
    [Number.POSITIVE_INFINITY, 'INVALID_VALUE', 'number Infinity'],
    ['1', 'INVALID_TYPE', 'string "1"'],
    [null, 'INVALID_TYPE', 'null'],
    [1n, 'INVALID_TYPE', 'bigint 1'],
  ])('may not have a server of weight %s', (weight, code, found) => {
    expect(checkBackend({ servers: { s1: { url: 'http://h', weight } } }).issues).toEqual([
      {
        path: 'backends.pool.servers.s1.weight',
        code,
        message: `expected a number from 0 to 1000000, found ${found}`,
      },
    ])
  })

  it('may have no server at all', () => {
    expect(checkBackend({ servers: {} }).issues).toEqual([])
  })
})

describe("a server's URL", () => {
  it.each([
    'http://10.0.0.1:8080',
    'https://a.test',
    'http://[2001:db8::1]:80',
    'http://a.test/base/',
    'HTTP://A.test',
    'http://a.test/@scope',
  ])('may be %s', (url) => {
    expect(issuesOfUrl(url)).toEqual([])
  })

  it.each([
    ['no URL at all', '10.0.0.1', 'is no URL; expected one like http://10.0.0.1:8080'],
    ['an empty text', '', 'is no URL'],
    ['a URL without a host', 'http://', 'is no URL'],
    ['a port out of range', 'http://a.test:70000', 'is no URL'],
    ['an address with a leading zero too many', 'http://1.2.3.256', 'is no URL'],
    ['another scheme', 'ftp://a.test', 'has the scheme ftp: expected http or https'],
    [
      'a host and port that look like a scheme',
      'localhost:8080',
      'has the scheme localhost: expected http or https',
    ],
    ['a file', 'file:///etc/passwd', 'has the scheme file: expected http or https'],
    [
      'HTTP/2 without TLS',
      'h2c://a.test',
      'asks for HTTP/2 without TLS, which is not supported; expected http or https',
    ],
    ['a fragment', 'http://a.test/#x', 'carries a fragment, which no server ever sees'],
    ['an empty fragment', 'http://a.test/#', 'carries a fragment'],
    ['a query', 'http://a.test/?x=1', 'carries a query; only a path can be prepended'],
    ['an empty query', 'http://a.test/?', 'carries a query'],
    ['a blank before it', ' http://a.test', 'holds a blank, a control character or a backslash'],
    ['a line break inside', 'http://a.te\nst', 'holds a blank, a control character or a backslash'],
    ['a backslash', 'http:\\\\a.test', 'holds a blank, a control character or a backslash'],
  ])('may not be %s', (_what, url, flaw) => {
    expect(issuesOfUrl(url)).toEqual([
      {
        path: 'backends.pool.servers.s1.url',
        code: 'INVALID_URL',
        message: expect.stringContaining(`${JSON.stringify(url)} ${flaw}`),
      },
    ])
  })

  it.each([
    ['http://root:s3cret@a.test', '"http://***@a.test" carries credentials, which do not belong in a URL'],
    ['http://:s3cret@a.test/x', '"http://***@a.test/x" carries credentials, which do not belong in a URL'],
    ['http://root@a.test', '"http://***@a.test" carries credentials, which do not belong in a URL'],
  ])('may not carry credentials: %s', (url, message) => {
    expect(issuesOfUrl(url)).toEqual([{ path: 'backends.pool.servers.s1.url', code: 'INVALID_URL', message }])
  })

  it.each([
    'http://root:s3cret@a.test',
    'http://root:more@s3cret@a.test',
    'http://root:s3cret/@a.test',
    'http://root:x/s3cret@a.test',
    'http://root:x?s3cret@a.test',
    'http://root:x#s3cret@a.test',
    'http://root:x s3cret@a.test',
    'http:root:s3cret@a.test',
    'http:/root:s3cret@a.test',
    'http:///root:s3cret@a.test',
    'http:\\\\root:s3cret@a.test',
    'http://root:s3cret@a.test/?x',
    'h2c://root:s3cret@a.test',
    'ftp://root:s3cret@a.test',
    '//root:s3cret@a.test',
    'root:s3cret@a.test:80',
    'http://root:s3cret\n@a.test',
  ])('is refused without its password being echoed: %s', (url) => {
    const issues = issuesOfUrl(url)
    expect(issues).toHaveLength(1)
    expect(JSON.stringify(issues)).not.toContain('s3cret')
    expect(JSON.stringify(issues)).toContain('a.test')
  })
})

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
      { path, code: 'NOT_SUPPORTED', message: `${name} of Traefik is not supported yet` },
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

describe('names', () => {
  it.each([
    ['__proto__', 'is reserved'],
    ['constructor', 'is reserved'],
    ['prototype', 'is reserved'],
    ['', 'is empty'],
    ['web@file', 'holds "@", which stands between a name and its provider'],
    ['web\n', 'holds a control character'],
    ['web\u0000', 'holds a control character'],
  ])('%j is refused, and its entry left out', (name, flaw) => {
    const checker = new FieldChecker(false)
    const entries = JSON.parse(`{${JSON.stringify(name)}:1,"good":2}`)
    expect([...checker.names(entries, 'frontends')].filter((entry) => entry !== undefined)).toEqual([
      ['good', 2],
    ])
    expect(checker.issues).toEqual([
      {
        path: expect.stringMatching(/^frontends[.[]/),
        code: 'INVALID_NAME',
        message: `the name ${JSON.stringify(name)} ${flaw}`,
      },
    ])
  })

  it.each(['web', 'a.b', 'a b', 'a/b', 'toString', 'hasOwnProperty', 'ü', '0', '-'])(
    '%j is accepted',
    (name) => {
      const checker = new FieldChecker(false)
      expect([...checker.names({ [name]: 1 }, 'frontends')].filter((entry) => entry !== undefined)).toEqual([
        [name, 1],
      ])
      expect(checker.issues).toEqual([])
    },
  )
})

describe('the options', () => {
  it("may not give the host's matchers and strategies the names of ours", () => {
    const code = expect.objectContaining({ code: 'PROXY_OPTION_INVALID' })
    expect(
      () => new DocumentChecker({ matchers: { Host: () => () => true } }, new FieldChecker(false)),
    ).toThrow(code)
    expect(
      () => new DocumentChecker({ balancers: { wrr: () => () => undefined } }, new FieldChecker(false)),
    ).toThrow(code)
  })
})
