import { describe, expect, it } from 'vitest'
import { describeValue, pathOf } from '../../src/base/messages.js'
import * as shapes from '../../src/validation/document-shapes.js'
import { RESERVED_NAMES } from '../../src/validation/document-shapes.js'

describe('pathOf', () => {
  it.each([
    ['', 'frontends', 'frontends'],
    ['frontends', 'web', 'frontends.web'],
    ['frontends', 'web-1_b', 'frontends.web-1_b'],
    ['frontends', '__proto__', 'frontends.__proto__'],
    ['frontends', 'a.b', 'frontends["a.b"]'],
    ['frontends', 'a b', 'frontends["a b"]'],
    ['frontends', '', 'frontends[""]'],
    ['frontends', 'say "x"\n', 'frontends["say \\"x\\"\\n"]'],
    ['', 'a.b', '["a.b"]'],
  ])('%j and %j: %s', (parent, name, path) => {
    expect(pathOf(parent, name)).toBe(path)
  })
})

describe('describeValue', () => {
  it.each([
    [null, 'null'],
    [undefined, 'nothing'],
    [[1, 2], 'a list'],
    [{ a: 1 }, 'an object'],
    [Object.create(null), 'an object'],
    ['text', 'string "text"'],
    ['', 'string ""'],
    [80, 'number 80'],
    [Number.NaN, 'number NaN'],
    [true, 'boolean true'],
    [10n, 'bigint 10'],
    [Symbol('s'), 'symbol Symbol(s)'],
  ])('calls %o %s', (value, said) => {
    expect(describeValue(value)).toBe(said)
  })

  it('cuts what is long', () => {
    expect(describeValue('x'.repeat(1_000_000))).toBe(`string "${'x'.repeat(59)}...`)
  })
})

describe('the shapes', () => {
  const all = Object.entries(shapes).filter(
    (entry): entry is [string, shapes.Shape] => typeof entry[1] === 'object' && 'later' in entry[1],
  )

  it('are those of the kinds of a document', () => {
    expect(all.map(([name]) => name).toSorted()).toEqual([
      'BACKEND',
      'BUFFERING',
      'CIRCUIT_BREAKER',
      'DOCUMENT',
      'FRONTEND',
      'HEALTH_CHECK',
      'LOAD_BALANCER',
      'MAX_CONN',
      'OUTLIER_DETECTION',
      'QUEUE',
      'ROUTE',
      'SERVER',
      'STICKINESS',
      'STRICT_DNS',
      'WHITE_LIST',
    ])
  })

  it.each(all)('%s has no field twice and none with a reserved name', (_name, { now, later }) => {
    const fields = [...now, ...later]
    expect(new Set(fields).size).toBe(fields.length)
    expect(fields.filter((field) => RESERVED_NAMES.includes(field))).toEqual([])
  })

  // Written down a second time: a field that slipped from `later` to `now` would be accepted and ignored.
  it.each<[string, shapes.Shape, string[]]>([
    ['document', shapes.DOCUMENT, ['version', 'prefix', 'frontends', 'backends']],
    [
      'frontend',
      shapes.FRONTEND,
      ['backend', 'rule', 'routes', 'priority', 'entryPoints', 'passHostHeader', 'whiteList'],
    ],
    ['white list', shapes.WHITE_LIST, ['sourceRange', 'useXForwardedFor']],
    ['route', shapes.ROUTE, ['rule']],
    [
      'backend',
      shapes.BACKEND,
      [
        'servers',
        'loadBalancer',
        'buffering',
        'healthCheck',
        'outlierDetection',
        'slowStart',
        'circuitBreaker',
        'maxConn',
        'queue',
        'strictDns',
      ],
    ],
    ['buffering', shapes.BUFFERING, ['maxRequestBodyBytes']],
    ['load balancer', shapes.LOAD_BALANCER, ['method', 'hashBy', 'stickiness', 'sticky']],
    ['server', shapes.SERVER, ['url', 'weight', 'maxConnections']],
  ])('let a %s use the fields that are built, and no other', (_kind, { now }, built) => {
    expect(now).toEqual(built)
  })

  it.each<[string, shapes.Shape, string]>([
    ['document', shapes.DOCUMENT, 'tls'],
    [
      'frontend',
      shapes.FRONTEND,
      'passTLSCert passTLSClientCert auth basicAuth whitelistSourceRange redirect errors ratelimit headers',
    ],
    ['backend', shapes.BACKEND, 'responseForwarding'],
    [
      'buffering',
      shapes.BUFFERING,
      'maxResponseBodyBytes memRequestBodyBytes memResponseBodyBytes retryExpression',
    ],
    ['server', shapes.SERVER, 'tags'],
  ])("know Traefik 1.7's other fields of a %s by name", (_kind, { later }, names) => {
    expect(later).toEqual(names.split(' '))
  })
})
