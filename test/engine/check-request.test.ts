import { describe, expect, it } from 'vitest'
import { openRaw, routeTo, startEngine, startServer } from '../support/live-engine.js'

/** An engine before a server that keeps the heads it was sent. */
async function startRecording(options: Parameters<typeof startEngine>[1] = {}) {
  const seen: string[] = []
  const server = await startServer((req, res) => {
    const headers = req.rawHeaders
      .map((text, index) => (index % 2 === 0 ? `${text}: ` : `${text}\n`))
      .join('')
    seen.push(`${req.method} ${req.url}\n${headers}`)
    res.end('ok')
  })
  return { ...(await startEngine(routeTo(server), options)), server, seen }
}

async function send(port: number, ...lines: string[]): Promise<string> {
  const client = await openRaw(port)
  client.sendHead(...lines)
  return client.untilClosed()
}

describe('a request that is refused', () => {
  it.each([
    ['400', 'GET / HTTP/2.0', 'Host: a'],
    ['400', 'GET /', 'Host: a'],
    ['400', 'POST / HTTP/1.0', 'Host: a\r\nTransfer-Encoding: chunked'],
    ['501', 'POST / HTTP/1.1', 'Host: a\r\nTransfer-Encoding: gzip, chunked'],
    ['501', 'POST / HTTP/1.1', 'Host: a\r\nTransfer-Encoding: identity, chunked'],
    ['405', 'TRACE / HTTP/1.1', 'Host: a'],
  ])('with %s for "%s" closes its connection and reaches no server', async (status, line, headers) => {
    const { port, seen } = await startRecording()
    // Without `Connection: close`: it is the proxy that ends it.
    expect(await send(port, line, headers)).toMatch(
      new RegExp(`^HTTP/1\\.1 ${status} [\\s\\S]*\r\nConnection: close\r\n`),
    )
    expect(seen).toEqual([])
  })

  it('with 405 is told which methods are not', async () => {
    const { port } = await startRecording()
    expect(await send(port, 'TRACE / HTTP/1.1', 'Host: a')).toMatch(/\r\nAllow: GET, HEAD, POST, /)
  })
})

describe('Via', () => {
  it('gets an element that names the version and this proxy, after those before', async () => {
    const { port, seen } = await startRecording()
    await send(port, 'GET / HTTP/1.1', 'Host: a', 'Via: 1.0 edge', 'Connection: close, Via')
    await send(port, 'GET / HTTP/1.0', 'Host: a', 'Via: 1.0 edge')
    expect(seen[0]).toMatch(/\nVia: 1\.1 switchover-[0-9a-f]{8}\n/)
    expect(seen[1]).toMatch(/\nVia: 1\.0 edge\n[\s\S]*\nVia: 1\.0 switchover-[0-9a-f]{8}\n/)
  })

  it('shows a circle, which is answered with 508', async () => {
    const { port, engine } = await startRecording()
    await engine.apply(routeTo(`http://127.0.0.1:${port}`))
    expect(await send(port, 'GET / HTTP/1.1', 'Host: a', 'Connection: close')).toMatch(
      /^HTTP\/1\.1 508 [\s\S]*PROXY_LOOP/,
    )
  })
})

describe('Forwarded', () => {
  it.each([
    ['127.0.0.1', [], 'for=127.0.0.1;by=_ID;host="a:80";proto=http'],
    ['127.0.0.2', ['127.0.0.2'], 'for=192.0.2.1, for=127.0.0.2;by=_ID;host="a:80";proto=http'],
    ['127.0.0.2', [], 'for=127.0.0.2;by=_ID;host="a:80";proto=http'],
  ])('from %s, trusted %j, is %j', async (from, trustedProxies, expected) => {
    const { port, seen } = await startRecording({ forwardedHeader: true, trustedProxies })
    const client = await openRaw(port, { localAddress: from })
    client.sendHead('GET / HTTP/1.1', 'Host: a:80', 'Forwarded: for=192.0.2.1', 'Connection: close')
    await client.untilClosed()
    const lines = seen[0]
      ?.match(/\nForwarded: [\s\S]*?\n(?=Via)/)?.[0]
      .replace(/switchover-[0-9a-f]{8}/g, 'ID')
    expect(lines).toMatch(new RegExp(`\nForwarded: ${expected}\n`))
    expect(seen[0]?.match(/^Forwarded:/gm)).toHaveLength(1)
  })

  it('is not written unless asked for', async () => {
    const { port, seen } = await startRecording()
    await send(port, 'GET / HTTP/1.1', 'Host: a', 'Connection: close')
    expect(seen[0]).not.toMatch(/Forwarded: for/)
  })
})

describe('OPTIONS', () => {
  it.each([
    ['OPTIONS * HTTP/1.1', 'X: 1'],
    ['OPTIONS http://a HTTP/1.1', 'X: 1'],
    ['OPTIONS /x HTTP/1.1', 'Max-Forwards: 0'],
  ])('that asks about the proxy is answered by it: %s, %s', async (line, header) => {
    const { port, seen } = await startRecording()
    expect(await send(port, line, 'Host: a', header, 'Connection: close')).toMatch(
      /^HTTP\/1\.1 204 [\s\S]*\r\nAllow: GET, /,
    )
    expect(seen).toEqual([])
  })

  it('that may go further goes one hop less far', async () => {
    const { port, seen } = await startRecording()
    await send(port, 'OPTIONS /x HTTP/1.1', 'Host: a', 'max-forwards: 3', 'Connection: close')
    expect(seen[0]).toMatch(/^OPTIONS \/x\n[\s\S]*\nmax-forwards: 2\n/)
  })

  it.each(['many', '-1', '1.5', ''])(
    'with a count that is none, %j, leaves it to the server',
    async (count) => {
      const { port, seen } = await startRecording()
      await send(port, 'OPTIONS /x HTTP/1.1', 'Host: a', `Max-Forwards: ${count}`, 'Connection: close')
      expect(seen[0]).toContain(`\nMax-Forwards: ${count}\n`)
    },
  )

  it('counts for OPTIONS alone', async () => {
    const { port, seen } = await startRecording()
    await send(port, 'GET /x HTTP/1.1', 'Host: a', 'Max-Forwards: 0', 'Connection: close')
    expect(seen[0]).toContain('\nMax-Forwards: 0\n')
  })
})
