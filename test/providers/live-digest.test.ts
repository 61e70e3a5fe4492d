import fc from 'fast-check'
import {
  type Backend,
  createProxy,
  type DocumentDraft,
  type DocumentFilter,
  type Frontend,
  type ProviderConfig,
  type ProxyOptions,
  StaticProvider,
  validateConfig,
} from 'switchover'
import { describe, expect, it, onTestFinished } from 'vitest'
import { runAtOnce } from '../../src/base/run-steps.js'
import { qualifyConfig } from '../../src/model/merge-configs.js'
import { LiveDigest } from '../../src/providers/live-digest.js'
import { digestDocument } from '../../src/validation/digest-document.js'
import { validDocuments } from '../support/generated-documents.js'

const digestOf = (document: unknown) => runAtOnce(digestDocument(document))
const servedOf = (served: ProviderConfig) => ({ version: 'v1', ...digestOf(served) })

const document = (url = 'http://10.0.0.1'): ProviderConfig => ({
  version: 'v1',
  metadata: { ticket: 'OPS-1' },
  frontends: {
    web: { backend: 'pool', rule: 'Host:a.test' },
    other: { backend: 'pool', rule: 'Host:b.test' },
  },
  backends: { pool: { servers: { one: { url } } } },
})

async function start(options: Partial<ProxyOptions> = {}, config = document()) {
  const provider = new StaticProvider({ config })
  const proxy = createProxy({ providers: [provider], ...options })
  onTestFinished(() => proxy.close({ drainMs: 0 }))
  await proxy.ready()
  return { proxy, provider }
}

describe('proxy.digest', () => {
  it('is that of the document that serves', async () => {
    const { proxy, provider } = await start()
    expect(await proxy.digest('static')).toEqual(servedOf(document()))
    await provider.update(document('http://10.0.0.2'))
    expect(await proxy.digest('static')).toEqual(servedOf(document('http://10.0.0.2')))
  })

  it('is that of the document that just went live, for a listener of configChanged', async () => {
    const { proxy, provider } = await start()
    const before = await proxy.digest('static')
    const asked: unknown[] = []
    proxy.on('configChanged', () => asked.push(proxy.digest('static')))
    await provider.update(document('http://10.0.0.2'))
    expect(await Promise.all(asked)).toEqual([servedOf(document('http://10.0.0.2'))])
    expect(await Promise.all(asked)).not.toEqual([before])
  })

  it('is that of the document as it was delivered: what a filter adds does not count', async () => {
    const { proxy } = await start({ documentFilter: (draft) => ({ ...draft, metadata: { added: 'yes' } }) })
    expect(await proxy.digest('static')).toEqual(servedOf(document()))
  })

  it('counts what unsupportedFields leaves out', async () => {
    const web = { backend: 'pool', rule: 'Host:a.test', errors: { a: { status: ['500'] } } }
    const config = { ...document(), frontends: { web } }
    const { proxy } = await start({ unsupportedFields: 'warn' }, config)
    expect(await proxy.digest('static')).toEqual(servedOf(config))
  })

  it('has the name of a backend as the document writes it', async () => {
    const config = { ...document(), frontends: { web: { backend: 'pool@static', rule: 'Host:a.test' } } }
    const { proxy } = await start({}, config)
    expect(await proxy.digest('static')).toEqual(servedOf(config))
  })

  it.each<[string, Partial<ProxyOptions>, object, object]>([
    [
      'a filter levels the difference',
      {
        documentFilter: (draft) => {
          delete draft.metadata
          return draft
        },
      },
      { metadata: { placeholder: 'A' } },
      { metadata: { placeholder: 'B' } },
    ],
    [
      'unsupportedFields leaves it out',
      { unsupportedFields: 'warn' },
      { frontends: { web: { backend: 'pool', rule: 'Host:a.test', errors: { a: { status: ['500'] } } } } },
      { frontends: { web: { backend: 'pool', rule: 'Host:a.test', errors: { a: { status: ['404'] } } } } },
    ],
    [
      'it is only the written name of the provider',
      {},
      { frontends: { web: { backend: 'pool', rule: 'Host:a.test' } } },
      { frontends: { web: { backend: 'pool@static', rule: 'Host:a.test' } } },
    ],
    [
      'it stands in a field that only the filter knows',
      {
        documentFilter: (draft) => {
          delete (draft as { defaults?: object }).defaults
          return draft
        },
      },
      { defaults: { weight: 1 } },
      { defaults: { weight: 2 } },
    ],
  ])('is that of the newest document, though both serve the same: %s', async (_why, options, one, two) => {
    const [older, newer] = [one, two].map((more) => ({ ...document(), ...more }) as ProviderConfig)
    const { proxy, provider } = await start(options, older)
    const before = await proxy.digest('static')
    expect(await provider.update(newer as ProviderConfig)).toMatchObject({ state: 'live', generation: 1 })
    expect(await proxy.digest('static')).toEqual(servedOf(newer as ProviderConfig))
    expect((await proxy.digest('static')).digest).not.toBe(before.digest)
  })

  it('is that of entries that a filter expands', async () => {
    const expand = ({ frontends = {}, backends = {} }: DocumentDraft) => ({
      frontends: Object.fromEntries(
        Object.entries(frontends).map(([name, host]) => [name, { backend: 'pool', rule: `Host:${host}` }]),
      ),
      backends,
    })
    const short = (host: string) => ({ ...document(), frontends: { web: host } }) as never
    const { proxy, provider } = await start({ documentFilter: expand }, short('a.test'))
    const before = await proxy.digest('static')
    await provider.update(short('b.test'))
    const after = await proxy.digest('static')
    expect([before.digest === after.digest, before.backends]).toEqual([false, after.backends])
  })

  it('is that of a document with a placeholder in the place of a duration', async () => {
    const documentFilter: DocumentFilter = (draft) =>
      JSON.parse(JSON.stringify(draft).replace('${SLOW}', '5s'))
    const withSlow = (slowStart: string) => ({
      ...document(),
      backends: { pool: { servers: {}, slowStart } },
    })
    const { proxy } = await start({ documentFilter }, withSlow('${SLOW}'))
    expect(await proxy.digest('static')).toEqual(servedOf(withSlow('${SLOW}')))
  })

  it('cannot be changed by who asked for it', async () => {
    const { proxy } = await start()
    const { frontends } = await proxy.digest('static')
    expect(() => Object.assign(frontends, { web: 'x' })).toThrow(TypeError)
  })

  it('rejects for a provider that is not there or has no configuration', async () => {
    const pending = { name: 'late', start: async () => {}, stop: async () => {} }
    const proxy = createProxy({ config: document(), providers: [pending] })
    onTestFinished(() => proxy.close({ drainMs: 0 }))
    await proxy.start()
    await expect(proxy.digest('statc')).rejects.toThrow(
      'there is no provider "statc"; the nearest known one is "static"',
    )
    await expect(proxy.digest(undefined as never)).rejects.toMatchObject({ code: 'PROXY_OPTION_INVALID' })
    await expect(proxy.digest('late')).rejects.toMatchObject({ code: 'PROXY_NOT_READY' })
  })

  it('is computed once: an entry that is the same object is not read again', async () => {
    const live = new LiveDigest('static')
    const config = runAtOnce(qualifyConfig(document(), 'static'))
    live.of({ config, labels: {}, delivered: undefined })
    const before = await live.compute()
    // An entry never changes. This one does, so that a second reading of it would show.
    Object.assign(config.backends.get('pool@static') as Backend, { slowStart: '5s' })
    Object.assign(config.frontends.get('web@static') as Frontend, { priority: 7 })
    live.of({ config, labels: {}, delivered: undefined })
    expect(await live.compute()).toEqual(before)
  })

  it('of a validated copy is that of the document, for 500 documents', () => {
    fc.assert(
      fc.property(validDocuments, (given) => {
        const checked = validateConfig(given)
        if (!checked.ok) throw new Error('expected a valid document')
        expect(digestOf(checked.config)).toEqual(digestOf(given))
      }),
      { numRuns: 500 },
    )
  })
})
