import { createServer, type Socket } from 'node:net'
import { EtcdAliasProvider, type EtcdConnection } from 'switchover'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, type TestContext } from 'vitest'
import { freePorts } from '../support/etcd-ports.js'
import { EtcdServer } from '../support/etcd-server.js'
import { Authority, type Identity, TlsFolder } from '../support/etcd-tls.js'
import { ALIAS, FollowingProxy } from '../support/following-proxy.js'
import { eventually } from '../support/next-event.js'

/** Signs what etcd and its clients have, but for what is wrong in a test. */
let authority: Authority
let stranger: Authority
let good: Identity
let folder: TlsFolder
let clientsFolder: TlsFolder
/** Serves whatever the folder holds, to anybody. */
let etcd: EtcdServer
/** Serves nobody without a certificate of the authority. */
let strict: EtcdServer

beforeAll(async () => {
  authority = await Authority.create('the right one')
  stranger = await Authority.create('another one')
  good = await authority.sign()
  folder = await TlsFolder.create()
  clientsFolder = await TlsFolder.create()
  etcd = await EtcdServer.start({ tls: await folder.files(good) })
  strict = await EtcdServer.start({ tls: await clientsFolder.files(good, authority) })
  await etcd.put(ALIAS, '/v1')
  await strict.put(ALIAS, '/v1')
})
afterAll(async () => {
  await etcd?.stop()
  await strict?.stop()
  await folder?.[Symbol.asyncDispose]()
  await clientsFolder?.[Symbol.asyncDispose]()
})

type Tls = NonNullable<EtcdConnection['tls']>

/** A proxy that does not become ready says all this, and answers its own clients meanwhile. */
async function expectUnready(
  { expect, onTestFinished }: Pick<TestContext, 'expect' | 'onTestFinished'>,
  host: string,
  tls: Tls | undefined,
  ...words: string[]
): Promise<FollowingProxy> {
  const following = await FollowingProxy.start(host, ALIAS, tls && { tls })
  onTestFinished(() => following[Symbol.asyncDispose]())
  await eventually(() => following.troubles.length > 0, 'it is told')
  const unready = await following.proxy.ready({ timeoutMs: 1_000 }).catch((error: Error) => error)
  expect(unready).toMatchObject({ code: 'PROXY_NOT_READY', cause: { code: 'PROXY_ALIAS_UNREACHABLE' } })
  for (const word of [`etcd-alias: etcd ${host}: `, ...words]) expect(String(unready)).toContain(word)
  expect(String(unready).split('\n')).toHaveLength(1)
  expect(await following.answer()).toBe('503')
  return following
}

// T13 in docs/promises.md
describe('etcd behind TLS', () => {
  it.each(['127.0.0.1', 'localhost'])(
    'is followed by its authority, as %s, without a warning',
    async (name) => {
      const warnings: Error[] = []
      const note = (warning: Error) => warnings.push(warning)
      process.on('warning', note)
      onTestFinished(() => void process.off('warning', note))
      await etcd.put(ALIAS, '/v1')
      const host = `https://${name}:${etcd.tlsPort}`
      await using following = await FollowingProxy.start(host, ALIAS, { tls: { ca: authority.cert } })
      await following.serves('/v1', 30_000)
      await etcd.put(ALIAS, '/v2')
      await following.serves('/v2', 30_000)
      expect(following.troubles).toEqual([])
      expect(warnings).toEqual([])
    },
  )

  it('is followed with a client certificate, and with one of several authorities', async () => {
    const ca = `${stranger.cert}\n${authority.cert}`
    const tls = { ca: Buffer.from(ca), ...(await authority.sign()) }
    await using following = await FollowingProxy.start(strict.tlsUrl, ALIAS, { tls })
    await following.serves('/v1', 30_000)
    expect(following.troubles).toEqual([])
  })

  describe.concurrent('and not believed, or not believing, tells why', () => {
    it('a certificate of another authority', (test) =>
      expectUnready(
        test,
        etcd.tlsUrl,
        { ca: stranger.cert },
        'unable to verify the first certificate',
        "etcd's certificate is not signed by an authority in tls.ca",
      ))

    it('a certificate of no authority that Node knows', (test) =>
      expectUnready(
        test,
        etcd.tlsUrl,
        undefined,
        'unable to verify the first certificate',
        'not signed by an authority that Node trusts: give its authority as tls.ca',
      ))

    it('a client without a certificate', (test) =>
      expectUnready(
        test,
        strict.tlsUrl,
        { ca: authority.cert },
        'etcd asks for a client certificate: give tls.cert and tls.key',
      ))

    it.for([
      ['of another authority', () => stranger.sign()],
      ['that has expired', () => authority.sign({ fromDays: -2, toDays: -1 })],
    ] as const)('a client certificate %s', async ([, sign], test) => {
      await expectUnready(
        test,
        strict.tlsUrl,
        { ca: authority.cert, ...(await sign()) },
        'etcd does not accept the client certificate in tls.cert',
        "signed by an authority in etcd's --trusted-ca-file",
      )
    })

    it('https, where http is spoken', (test) =>
      expectUnready(
        test,
        `https://127.0.0.1:${etcd.port}`,
        { ca: authority.cert },
        'this port does not speak TLS: is it an http host?',
      ))

    it('http, where TLS is spoken', (test) =>
      expectUnready(test, `http://127.0.0.1:${etcd.tlsPort}`, undefined, 'is this an https host?'))

    it('https, where nothing listens', async (test) => {
      const [port] = await freePorts(1)
      const host = `https://127.0.0.1:${port}`
      await expectUnready(test, host, { ca: authority.cert }, 'ECONNREFUSED', 'nothing listens there')
    })
  })

  it.concurrent.for([
    ['that has expired', { fromDays: -2, toDays: -1 }, ["certificate has expired; renew etcd's certificate"]],
    [
      'that is not valid yet',
      { fromDays: 1, toDays: 2 },
      ['certificate is not yet valid', 'check the clocks on both sides'],
    ],
    [
      'for another address',
      { dns: ['localhost'], ips: ['127.0.0.9'] },
      [
        "IP: 127.0.0.1 is not in the cert's list: 127.0.0.9",
        'hosts must have a name that is in the certificate of etcd',
      ],
    ],
  ] as const)(
    'a certificate %s is told, and is enough once it is replaced',
    async ([, claims, words], test) => {
      await using own = await TlsFolder.create()
      await using server = await EtcdServer.start({ tls: await own.files(await authority.sign(claims)) })
      const following = await expectUnready(test, server.tlsUrl, { ca: authority.cert }, ...words)
      await server.put(ALIAS, '/v1')
      await own.replace(good)
      await following.serves('/v1', 30_000)
      await following.recovered()
      test.expect(following.troubles).toHaveLength(1)
    },
  )

  it('a certificate for another host name is told', async (test) => {
    await folder.replace(await authority.sign({ dns: ['etcd.example.com'] }))
    onTestFinished(() => folder.replace(good))
    await expectUnready(
      test,
      `https://localhost:${etcd.tlsPort}`,
      { ca: authority.cert },
      "Host: localhost. is not in the cert's altnames",
      'hosts must have a name that is in the certificate of etcd',
    )
  })

  it('leaves no connection open at a server that takes them and never shakes hands', {
    timeout: 60_000,
  }, async () => {
    const sockets = new Set<Socket>()
    let accepted = 0
    const silent = createServer((socket) => {
      accepted += 1
      sockets.add(socket)
      socket.on('error', () => {}).on('close', () => sockets.delete(socket))
      socket.resume()
    })
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => {
      for (const socket of sockets) socket.destroy()
      silent.close()
    })
    const { port } = silent.address() as { port: number }
    const tls = { ca: authority.cert }
    await using following = await FollowingProxy.start(`https://127.0.0.1:${port}`, ALIAS, { tls })
    await eventually(() => accepted === 3, 'it tried three times', 30_000)
    await eventually(() => sockets.size <= 1, 'the attempts before are closed', 30_000)
    expect(following.troubles).toEqual([expect.stringContaining('no answer within 2000 ms')])
  })
})

// T13 in docs/promises.md
describe('options for TLS that can never work are refused at once', () => {
  const fetcher = { fetch: async () => ({ frontends: {}, backends: {} }) }
  const make = (hosts: unknown, tls?: unknown) => () =>
    new EtcdAliasProvider({ hosts, aliasKey: ALIAS, fetcher, ...(tls !== undefined && { tls }) } as never)

  function expectRefused(maker: () => unknown, message: string): void {
    expect(maker).toThrow(expect.objectContaining({ code: 'PROXY_OPTION_INVALID' }))
    expect(maker).toThrow(message)
  }

  it.each([
    ['no certificate', () => ({ ca: 'nonsense' }), 'tls.ca: expected PEM text'],
    ['a path', () => ({ ca: '/etc/etcd/ca.pem' }), "give a file's content, not its path"],
    ['a number for an authority', () => ({ ca: 7 as never }), 'tls.ca: expected PEM text, found number 7'],
    [
      'no true or false',
      () => ({ insecureSkipVerify: 'yes' as never }),
      'tls.insecureSkipVerify: expected true or false, found string "yes"',
    ],
    [
      'a broken one',
      () => ({ ca: authority.cert.replace('MII', 'AAA').replace('MIH', 'AAA') }),
      'tls.ca: a certificate in it cannot be read',
    ],
    [
      'a broken second one',
      () => ({ ca: authority.cert + BROKEN }),
      'tls.ca: a certificate in it cannot be read',
    ],
    [
      'a certificate without a key',
      () => ({ ca: authority.cert, cert: good.cert }),
      'tls.key: expected the key that belongs to tls.cert, found none',
    ],
    [
      'a key without a certificate',
      () => ({ ca: authority.cert, key: good.key }),
      'tls.cert: expected the certificate that belongs to tls.key, found none',
    ],
    [
      'a certificate that is none',
      () => ({ ca: authority.cert, cert: 'x', key: good.key }),
      'tls.cert: expected PEM text',
    ],
    [
      'a key that is none',
      () => ({ ca: authority.cert, cert: good.cert, key: 'x' }),
      'tls.key: expected a private key as PEM text',
    ],
    [
      "another certificate's key",
      () => ({ ca: authority.cert, cert: authority.cert, key: good.key }),
      'tls.key: this key does not belong to the certificate in tls.cert',
    ],
    ['a misspelt name', () => ({ ca: authority.cert, crt: good.cert }), 'there is no option tls.crt'],
  ])('%s', (_, tls, message) => expectRefused(make('https://127.0.0.1:2379', tls()), message))

  it('TLS for hosts that are to be asked without, for that would ask them without', () => {
    for (const host of ['http://127.0.0.1:2379', '127.0.0.1:2379']) {
      expectRefused(make(host, { ca: authority.cert }), `tls is given, but "${host}" is not an https host`)
    }
  })

  it('http hosts beside https hosts, for a password must not travel in the clear', () => {
    expectRefused(
      make(['https://10.0.0.1:2379', 'http://10.0.0.2:2379']),
      'hosts: expected only http hosts or only https hosts',
    )
  })

  it.each([
    'htp://127.0.0.1:2379',
    'http://127.0.0.1',
    'https://etcd.example.com',
    'http://127.0.0.1:2379/v3',
    'http://127.0.0.1:2379?a=b',
    'http://127.0.0.1:99999',
    'http://127.0.0.1:0',
    'http://:2379',
    'http://::1:2379',
    'http://a:2379,http://b:2379',
    ' http://a:2379',
    '',
    undefined,
    2379,
  ])('the host %j', (host) => {
    const found = typeof host === 'string' ? JSON.stringify(host) : ''
    expectRefused(make(['http://127.0.0.1:2379', host]), `found ${found}`)
  })

  it('a host with a password in it, which is not repeated', () => {
    const maker = make('https://proxy:open sesame@10.0.0.1:2379')
    expectRefused(maker, 'found "https://***@10.0.0.1:2379"')
    expect(maker).not.toThrow(/sesame/)
  })

  it('but not hosts that can work', () => {
    for (const host of [
      'http://[::1]:2379',
      'HTTP://etcd_1:2379/',
      'etcd.example.com:2379',
      '10.0.0.1:2379',
    ]) {
      expect(make(host)).not.toThrow()
    }
    expect(make('https://[fe80::1%eth0]:2379', { ca: authority.cert, ...good })).not.toThrow()
  })
})

const BROKEN = '\n-----BEGIN CERTIFICATE-----\nbm90aGluZw==\n-----END CERTIFICATE-----\n'
