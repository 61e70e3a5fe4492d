import { Ajv2020 } from 'ajv/dist/2020.js'
import { validateConfig } from 'switchover'
import { describe, expect, it } from 'vitest'
import { withFieldCase } from '../../src/validation/with-field-case.js'
import { withoutOff } from '../../src/validation/without-off.js'
import { documentJsonSchema } from '../support/json-schema.js'

/** Everything that Traefik 1.7 writes for what is not used. */
const AS_TRAEFIK_PRINTS = {
  Frontends: {
    web: {
      Backend: 'web',
      entryPoints: ['http'],
      routes: { main: { rule: 'Host:a.test' } },
      passHostHeader: true,
      passTLSCert: false,
      basicAuth: null,
      auth: null,
      headers: {},
      errors: {},
      redirect: '',
      whiteList: null,
    },
  },
  backends: {
    web: {
      servers: { one: { url: 'http://10.0.0.1', weight: 1, tags: null } },
      LoadBalancer: { method: 'wrr', Stickiness: {} },
      loadbalancer: { stickiness: { cookieName: 'c' } },
      circuitBreaker: null,
      maxConn: {},
      buffering: { maxRequestBodyBytes: 0, retryExpression: '' },
    },
  },
  tls: [],
}

describe('a document with values that ask for nothing', () => {
  const converted = withoutOff(withFieldCase(AS_TRAEFIK_PRINTS))

  it('is accepted, and valid by the JSON Schema once it is converted', () => {
    const checked = validateConfig(withFieldCase(AS_TRAEFIK_PRINTS))
    expect(checked).toMatchObject({ ok: true, warnings: [] })
    expect(checked.ok && checked.config).toEqual(converted)
    const validate = new Ajv2020({ strict: false }).compile(documentJsonSchema())
    expect(validate(converted), JSON.stringify(validate.errors)).toBe(true)
  })

  it('has no labels and no headers that ask for nothing', () => {
    const document = { frontends: {}, backends: {}, metadata: { a: null, b: '', c: 'x' } }
    expect(withoutOff(document)).toMatchObject({ metadata: { c: 'x' } })
    expect(Object.keys((withoutOff(document) as typeof document).metadata)).toEqual(['c'])
  })

  it('has two spellings of one table merged', () => {
    expect(converted).toMatchObject({
      backends: { web: { loadBalancer: { method: 'wrr', stickiness: { cookieName: 'c' } } } },
    })
  })

  it('keeps what is not known, and two values of one field, to be refused', () => {
    const twice = {
      ...AS_TRAEFIK_PRINTS,
      backends: { web: { servers: {}, slowStart: '1s', SlowStart: '2s', x: null } },
    }
    const checked = validateConfig(withoutOff(withFieldCase(twice)))
    expect(checked.ok ? [] : checked.issues.map(({ path, code }) => `${path} ${code}`)).toEqual([
      'backends.web.SlowStart DUPLICATE_NAME',
      'backends.web.x UNKNOWN_FIELD',
    ])
  })

  it('says of a field in two spellings where it stands, also within tables in two spellings', () => {
    const twice = {
      frontends: {},
      backends: { web: { servers: { a: { url: 'http://10.0.0.1' } } } },
      Backends: { web: { servers: { a: { url: 'http://10.0.0.2' } } } },
    }
    const checked = validateConfig(withFieldCase(twice))
    expect(checked.ok ? [] : checked.issues).toEqual([
      {
        path: 'backends.web.servers.a.url',
        code: 'DUPLICATE_NAME',
        message: 'stands twice, in tables of two spellings or in two spellings itself; expected it once',
      },
    ])
  })

  it('keeps a header with an empty text, which removes the header', () => {
    const headers = { customRequestHeaders: { 'X-User': '' } }
    const config = { frontends: { web: { ...AS_TRAEFIK_PRINTS.Frontends.web, headers } }, backends: {} }
    expect(withoutOff(config)).toMatchObject({ frontends: { web: { headers } } })
    const checked = validateConfig(withFieldCase({ ...config, backends: AS_TRAEFIK_PRINTS.backends }))
    expect(checked.ok ? [] : checked.issues).toMatchObject([{ path: 'frontends.web.headers' }])
  })

  it('is refused with two spellings of a guard, whichever of them comes first', () => {
    const guard = { whiteList: { sourceRange: ['10.0.0.0/8'] }, WhiteList: { sourceRange: ['0.0.0.0/0'] } }
    const { whiteList: _, ...web } = AS_TRAEFIK_PRINTS.Frontends.web
    for (const fields of [guard, Object.fromEntries(Object.entries(guard).reverse())]) {
      const document = { ...AS_TRAEFIK_PRINTS, Frontends: { web: { ...web, ...fields } } }
      expect(validateConfig(withFieldCase(document)).ok).toBe(false)
    }
  })

  it('stays small, however often one table is spelled: each further value takes the place of the second', () => {
    const name = 'loadbalancer'
    const spellings = Array.from({ length: 4096 }, (_, bits) =>
      [...name].map((letter, at) => (bits & (1 << at) ? letter.toUpperCase() : letter)).join(''),
    )
    const many = Object.fromEntries(spellings.map((spelling) => [spelling, { method: 'wrr' }]))
    const spelled = withFieldCase({ frontends: {}, backends: { web: { servers: {}, ...many } } })
    expect(spelled).toMatchObject({ backends: { web: { loadBalancer: { method: 'wrr' } } } })
    const { web } = (spelled as { backends: { web: { loadBalancer: object } } }).backends
    expect(Object.keys(web)).toEqual(['servers', 'loadBalancer'])
    expect(Object.keys(web.loadBalancer)).toEqual(['method', 'method (in two spellings)'])
    expect(validateConfig(spelled)).toMatchObject({
      issues: [{ path: 'backends.web.loadBalancer.method', code: 'DUPLICATE_NAME' }],
    })
  })
})
