import { StaticProvider } from 'switchover'
import { describe, expect, it } from 'vitest'
import { configuredProvider, withEntryPoints } from '../../src/static-config/configured-provider.js'
import { RecordingSink } from '../support/recording-sink.js'

describe('entry points of frontends that name none', () => {
  it('are filled in a copy', () => {
    const document = {
      frontends: { a: { backend: 'x' }, b: { backend: 'x', entryPoints: ['own'] } },
      backends: {},
    }
    const before = structuredClone(document)
    expect(withEntryPoints(document, ['http'])).toEqual({
      frontends: { a: { backend: 'x', entryPoints: ['http'] }, b: { backend: 'x', entryPoints: ['own'] } },
      backends: {},
    })
    expect(document).toEqual(before)
  })

  it.each([[null], [undefined], [7], ['text'], [[]], [{}], [{ frontends: null }], [{ frontends: [1] }]])(
    'leave %j as it is',
    (document) => expect(withEntryPoints(document, ['http'])).toBe(document),
  )

  it('leave what is no frontend, and a document that throws', () => {
    expect(withEntryPoints({ frontends: { a: 3, b: null } }, ['http'])).toEqual({
      frontends: { a: 3, b: null },
    })
    const hostile = {
      get frontends() {
        throw new Error('hostile')
      },
    }
    expect(withEntryPoints(hostile, ['http'])).toBe(hostile)
    const named = JSON.parse('{"frontends":{"__proto__":{"backend":"x"}}}') as { frontends: object }
    const { frontends } = withEntryPoints(named, ['http']) as typeof named
    expect(Object.keys(frontends)).toEqual(['__proto__'])
  })
})

describe('a configured provider', () => {
  it('passes all else on', async () => {
    const config = { frontends: { a: { backend: 'x', rule: 'Host:a' } }, backends: {} }
    const inner = new StaticProvider({ config, name: 'mine' })
    const provider = configuredProvider(inner, { entryPoints: ['http'], throttleMs: 7 })
    expect(provider).toMatchObject({ name: 'mine', allowEmpty: true, throttleMs: 7 })
    const sink = new RecordingSink()
    await provider.start(sink)
    expect(sink.of('update')[0]?.config.frontends['a']?.entryPoints).toEqual(['http'])
    await provider.stop()
    expect(await inner.update(config)).toBeUndefined()
  })
})
