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
      entryPoints: [],
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
      'backends.web.SlowStart UNKNOWN_FIELD',
      'backends.web.x UNKNOWN_FIELD',
    ])
  })
})
