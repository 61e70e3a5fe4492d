import { createServer as createPlainServer } from 'node:http'
import { createServer, type ServerOptions } from 'node:https'
import { type AddressInfo, connect as connectPlain, createServer as createRawServer } from 'node:net'
import { connect, type TLSSocket } from 'node:tls'
import { generate } from 'selfsigned'
import { createProxy, type ProxyOptions, type RequestFailed } from 'switchover'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { toProxyError } from '../../src/engine/upstream/failures.js'
import { Authority, type Identity } from '../support/etcd-tls.js'
import { httpGet } from '../support/http-get.js'
import { startNamed } from '../support/live-engine.js'
import { eventually } from '../support/next-event.js'

type UpstreamTls = NonNullable<ProxyOptions['upstreamTls']>

let known: Authority
let stranger: Authority
let good: Identity
let ours: Identity

beforeAll(async () => {
  known = await Authority.create('known')
  stranger = await Authority.create('stranger')
  good = await known.sign()
  ours = await known.sign({ dns: ['proxy.test'] })
})

/** A server over TLS, that tells by which name it was called, and by which certificate. */
async function startSecure(options: ServerOptions) {
  const names: (string | false | null)[] = []
  let requests = 0
  const server = createServer(options, (req, res) => {
    requests += 1
    const socket = req.socket as TLSSocket
    names.push(socket.servername)
    const client = socket.getPeerCertificate()
    res.end(`secure ${req.headers.host} ${client?.subjectaltname ?? 'nobody'}`)
  })
  server.on('tlsClientError', () => {})
  await new Promise<void>((resolve) => server.listen(0, resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return { port, url: `https://localhost:${port}`, names, requests: () => requests }
}

async function open(url: string, upstreamTls?: UpstreamTls, options: Partial<ProxyOptions> = {}) {
  const proxy = createProxy({
    config: {
      frontends: { all: { backend: 'all', rule: 'PathPrefix:/' } },
      backends: { all: { servers: { only: { url } } } },
    },
    retry: { attempts: 1 },
    ...(upstreamTls && { upstreamTls }),
    ...options,
  })
  onTestFinished(() => proxy.close({ drainMs: 0 }))
  const failed: RequestFailed[] = []
  proxy.on('requestFailed', (event) => failed.push(event))
  const { port } = await proxy.listen({ port: 0, host: '127.0.0.1' })
  await proxy.ready()
  return { proxy, port, failed }
}

/** What a request through a proxy gets, and what the host is told of it. */
async function ask(url: string, upstreamTls?: UpstreamTls) {
  const { port, failed } = await open(url, upstreamTls)
  const answer = await httpGet({ port })
  if (answer.status !== 200) await eventually(() => failed.length === 1, 'the report')
  const [failure] = failed
  return { ...answer, code: failure?.error.code, message: failure?.error.message ?? '' }
}

describe('a server with an https URL', () => {
  it('is verified by the authorities that upstreamTls.ca names, as text, as bytes, or several', async () => {
    const { url } = await startSecure({ ...good, key: good.key })
    for (const ca of [known.cert, Buffer.from(known.cert), [stranger.cert, known.cert]])
      expect(await ask(url, { ca })).toMatchObject({ status: 200, body: expect.stringContaining('secure') })
  })

  it('is not believed without a word on authorities, and gets no request', async () => {
    const { url, requests } = await startSecure(good)
    expect(await ask(url)).toMatchObject({ status: 502, code: 'PROXY_TLS_FAILED' })
    expect(requests()).toBe(0)
  })

  it('is believed whoever it is with insecureSkipVerify', async () => {
    const { url } = await startSecure(await stranger.sign({ dns: ['other.test'], fromDays: -9, toDays: -8 }))
    expect(await ask(url, { insecureSkipVerify: true })).toMatchObject({ status: 200 })
  })

  it('is called by the name in its URL; the client’s Host goes into the request alone', async () => {
    const { url, names, port: serverPort } = await startSecure(good)
    const { port } = await open(url, { ca: known.cert })
    for (const host of ['www.example.com', 'other.example.com:8443']) {
      expect(await httpGet({ port, host })).toMatchObject({ status: 200, body: `secure ${host} nobody` })
    }
    expect(names).toEqual(['localhost', 'localhost'])
    expect(await ask(`https://127.0.0.1:${serverPort}`, { ca: known.cert })).toMatchObject({ status: 200 })
    expect(names[2]).toBe(false)
  })

  it('keeps its connection, whatever hosts the requests are for', async () => {
    const { url, port: serverPort } = await startSecure(good)
    let connections = 0
    const between = createRawServer((socket) => {
      connections += 1
      const onward = connectPlain(serverPort, 'localhost')
      socket.on('error', () => onward.destroy())
      onward.on('error', () => socket.destroy())
      socket.pipe(onward).pipe(socket)
    })
    await new Promise<void>((resolve) => between.listen(0, resolve))
    onTestFinished(() => void between.close())
    const { port } = await open(url.replace(/\d+$/, String((between.address() as AddressInfo).port)), {
      ca: known.cert,
    })
    for (const host of ['a.test', 'b.test', 'a.test']) await httpGet({ port, host })
    expect(connections).toBe(1)
  })

  it('gets the certificate that upstreamTls.cert and key are', async () => {
    const { url } = await startSecure({ ...good, requestCert: true, ca: known.cert })
    const { cert, key } = ours
    const answer = await ask(url, { ca: known.cert, cert, key })
    expect(answer).toMatchObject({ status: 200, body: expect.stringContaining('DNS:proxy.test') })
  })
})

describe('a fault of a certificate is 502 PROXY_TLS_FAILED, and the event says how to mend it:', () => {
  const faults: Record<string, [() => Promise<ServerOptions>, () => UpstreamTls, RegExp]> = {
    expired: [
      () => known.sign({ fromDays: -3, toDays: -1 }),
      () => ({ ca: known.cert }),
      /its certificate has expired: renew it$/,
    ],
    'not yet valid': [
      () => known.sign({ fromDays: 1, toDays: 3 }),
      () => ({ ca: known.cert }),
      /its certificate is not valid yet: check the clocks on both sides$/,
    ],
    'for another name': [
      () => known.sign({ dns: ['other.test'] }),
      () => ({ ca: known.cert }),
      /its certificate is for another name: use a name of the certificate in the URL$/,
    ],
    'signed by itself': [
      async () => {
        const { cert, private: key } = await generate([{ name: 'commonName', value: 'localhost' }])
        return { cert, key }
      },
      () => ({}),
      /its certificate is self-signed: give it as upstreamTls\.ca$/,
    ],
    'of an authority that is not known': [
      () => stranger.sign(),
      () => ({ ca: known.cert }),
      /its certificate has no trusted authority/,
    ],
    'with an authority that is not known, sent along': [
      async () => {
        const { cert, key } = await stranger.sign()
        return { cert: `${cert}\n${stranger.cert}`, key }
      },
      () => ({ ca: known.cert }),
      /its certificate authority is not trusted: give it as upstreamTls\.ca$/,
    ],
    'whose authority between is missing': [
      async () => (await known.signAuthority('between')).sign(),
      () => ({ ca: known.cert }),
      /give the authority as upstreamTls\.ca, or let the server send intermediate ones$/,
    ],
    'whose authority between came alone': [
      async () => {
        const lower = await (await known.signAuthority('upper')).signAuthority('lower')
        const { cert, key } = await lower.sign()
        return { cert: `${cert}\n${lower.cert}`, key }
      },
      () => ({ ca: known.cert }),
      /its certificate authority is not trusted|an intermediate certificate is missing/,
    ],
    'asked of us, and not given': [
      async () => ({ ...good, requestCert: true, rejectUnauthorized: true, ca: known.cert }),
      () => ({ ca: known.cert }),
      /it asks for a client certificate: give upstreamTls\.cert and upstreamTls\.key$/,
    ],
    'asked of us over TLS 1.2, and not given': [
      async () => ({ ...good, ...TLS12, requestCert: true, rejectUnauthorized: true, ca: known.cert }),
      () => ({ ca: known.cert }),
      /upstreamTls\.cert/,
    ],
  }
  const TLS12 = { maxVersion: 'TLSv1.2' } as const
  it.each(Object.entries(faults))('%s', async (_, [server, upstreamTls, text]) => {
    const { url } = await startSecure(await server())
    const answer = await ask(url, upstreamTls())
    expect(answer).toMatchObject({ status: 502, code: 'PROXY_TLS_FAILED' })
    expect(answer.message).toMatch(text)
    expect(answer.body).toBe('502 The server could not prove who it is. (PROXY_TLS_FAILED)\n')
  })

  it.each([
    ['TLSV1_ALERT_UNKNOWN_CA', /it does not know the authority of our certificate in upstreamTls\.cert$/],
    ['SSLV3_ALERT_CERTIFICATE_EXPIRED', /our certificate in upstreamTls\.cert has expired$/],
    ['SSLV3_ALERT_BAD_CERTIFICATE', /it does not accept our certificate in upstreamTls\.cert$/],
  ])('ours, where the server says so: %s', (code, text) => {
    const thrown = Object.assign(new Error('alert'), { code: `ERR_SSL_${code}` })
    expect(toProxyError(thrown)).toMatchObject({
      code: 'PROXY_TLS_FAILED',
      message: expect.stringMatching(text),
    })
  })

  it('no TLS at all on this port', async () => {
    const server = createPlainServer((_req, res) => void res.end('plain'))
    await new Promise<void>((resolve) => server.listen(0, resolve))
    onTestFinished(() => void server.close())
    const { port } = server.address() as AddressInfo
    const answer = await ask(`https://localhost:${port}`, { ca: known.cert })
    expect(answer).toMatchObject({ status: 502, code: 'PROXY_TLS_FAILED' })
    expect(answer.message).toMatch(/it does not speak TLS on this port: is it an http URL\?$/)
  })
})

describe('a certificate of ours that a server refuses without a reason, as those of node do', () => {
  it.each(['expired', 'of an authority that it does not know'])(
    '%s: 502, and the event has a hint',
    async (what) => {
      const mine = what === 'expired' ? await known.sign({ fromDays: -3, toDays: -1 }) : await stranger.sign()
      const { url } = await startSecure({
        ...good,
        requestCert: true,
        rejectUnauthorized: true,
        ca: known.cert,
      })
      const answer = await ask(url, { ca: known.cert, ...mine })
      expect(answer).toMatchObject({ status: 502, code: 'PROXY_UPSTREAM_RESET' })
      expect(answer.message).toMatch(/see upstreamTls\.cert$/)
    },
  )
})

describe('a server that breaks off', () => {
  it.each(['end', 'resetAndDestroy'] as const)('in the handshake (%s) is 502', async (how) => {
    const server = createRawServer((socket) => {
      socket.on('error', () => {}).once('data', () => socket[how]())
    })
    await new Promise<void>((resolve) => server.listen(0, resolve))
    onTestFinished(() => void server.close())
    const { port } = server.address() as AddressInfo
    const answer = await ask(`https://localhost:${port}`, { ca: known.cert })
    expect(answer).toMatchObject({ status: 502, code: expect.stringMatching(/^PROXY_/) })
    expect(answer.code).not.toBe('PROXY_INTERNAL')
  })
})

describe('upstreamTls that cannot work is refused by createProxy at once:', () => {
  const cases: Record<string, () => UpstreamTls> = {
    'a certificate that is no PEM': () => ({ cert: 'nonsense', key: ours.key }),
    'a key that is no PEM': () => ({ cert: ours.cert, key: 'nonsense' }),
    'the key of another certificate': () => ({ cert: ours.cert, key: good.key }),
    'an authority that is no PEM': () => ({ ca: 'nonsense' }),
    'the path of a file in the place of its text': () => ({ ca: '/etc/ssl/ca.pem' }),
    'an authority that was cut': () => ({ ca: known.cert.slice(0, 200) }),
    'an authority that was damaged': () => ({ ca: known.cert.replace(/\n.{20}/, '\nAAAAAAAAAAAAAAAAAAAA') }),
    'one good authority and one that is none': () => ({ ca: [known.cert, 'nonsense'] }),
    'a certificate without its key': () => ({ cert: ours.cert }),
    'a key without its certificate': () => ({ key: ours.key }),
  }
  it.each(Object.entries(cases))('%s', (_, upstreamTls) => {
    const make = () => createProxy({ config: { frontends: {}, backends: {} }, upstreamTls: upstreamTls() })
    expect(make).toThrow(
      expect.objectContaining({
        code: 'PROXY_OPTION_INVALID',
        message: expect.stringMatching(/^upstreamTls/),
      }),
    )
  })
})

describe('a handler on the host’s own server over TLS', () => {
  it('tells servers that the client came by https, and takes upgrades', async () => {
    const seen: unknown[] = []
    const inside = await startNamed('inside')
    inside.server.prependListener('request', (req) => seen.push(req.headers['x-forwarded-proto']))
    inside.server.on('upgrade', (req, socket) => {
      seen.push(req.headers['x-forwarded-proto'])
      socket.on('error', () => {})
      socket.end('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello')
    })
    const { proxy } = await open(inside.url)
    const own = createServer(good, proxy.handler)
    own.on('upgrade', proxy.upgrade)
    await new Promise<void>((resolve) => own.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => {
      own.closeAllConnections()
      own.close()
    })
    const { port } = own.address() as AddressInfo
    for (const headers of ['Connection: close', 'Connection: Upgrade\r\nUpgrade: websocket']) {
      const socket = connect({ port, host: '127.0.0.1', ca: known.cert, servername: 'localhost' })
      let received = ''
      socket.on('data', (chunk) => {
        received += chunk
      })
      socket.write(`GET / HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n\r\n`)
      await eventually(() => /inside|hello/.test(received), 'the answer')
      socket.destroy()
    }
    expect(seen).toEqual(['https', 'https'])
  })
})
