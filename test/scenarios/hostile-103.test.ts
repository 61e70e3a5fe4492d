import type { ServerResponse } from 'node:http'
import { describe, expect, it } from 'vitest'
import { relayInformation } from '../../src/engine/client/http1/relay-information.js'
import {
  openRaw,
  routeTo,
  routeWith,
  startEngine,
  startMisbehaving,
  startNamed,
} from '../support/live-engine.js'

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok'
const hints = (...lines: string[]): string => `HTTP/1.1 103 Early Hints\r\n${lines.join('\r\n')}\r\n\r\n`

/** A server that says `bytes`, behind an engine that has another one too. */
async function startHinting(bytes: string) {
  const server = await startMisbehaving((socket) => socket.end(`${bytes}${OK}`, 'latin1'))
  const well = await startNamed('well')
  const { frontends, backends } = routeTo(server.url)
  const other = routeWith({ rule: 'Host:well' }, well)
  return startEngine({
    frontends: { ...frontends, well: { backend: 'well', rule: 'Host:well', priority: 100 } },
    backends: { ...backends, well: other.backends['pool'] as (typeof other.backends)[string] },
  })
}

async function get(port: number, host = 'a'): Promise<string> {
  const client = await openRaw(port)
  client.sendHead('GET / HTTP/1.1', `Host: ${host}`, 'Connection: close')
  return client.untilClosed()
}

/** As many as one head of 16 KiB holds. */
const pairs = (pair: string): string => pair.repeat(Math.floor(15_000 / pair.length))

describe('early hints that are made to be slow', () => {
  it.each([
    ['parameters before one in quotes', `</x.css>${';a=b'.repeat(24)};"c"`],
    ['as many parameters as a head holds', `</x.css>${pairs(';a=b')};"c"`],
    ['parameters of one letter', `</x.css>${pairs(';a')}"`],
    ['parameters in quotes', `</x.css>${pairs(';a="b"')};"`],
    ['parameters behind blanks', `</x.css>${pairs(' ; a=b')} "`],
    ['blanks', `</x.css>${' '.repeat(15_000)}"`],
    ['equals signs', `</x.css>;${'='.repeat(15_000)}"`],
    ['openings', '<'.repeat(15_000)],
    ['links', `${pairs('</a>;b=c,')}"`],
  ])('hold up nobody: %s', async (_what, link) => {
    const { port } = await startHinting(hints(`Link: ${link}`).repeat(30))
    const before = process.cpuUsage()
    const slow = get(port)
    expect(await get(port, 'well')).toMatch(/well$/)
    expect(await slow).toMatch(/HTTP\/1\.1 200 OK[\s\S]*ok$/)
    // Of CPU time, which a busy machine does not prolong.
    const { user, system } = process.cpuUsage(before)
    expect((user + system) / 1_000_000).toBeLessThan(10)
  })
})

describe('early hints', () => {
  it.each([
    ['a blank in a parameter', '</a.css>; rel=preload; title="a b"'],
    ['a comma in a parameter', '</a.css>; rel=preload; title="a, b"'],
    ['bytes above 0x7F', '</a.css>; title="\xe4\xf6"'],
    ['no parameter', '</a.css>'],
    ['the line of the attack', `</x.css>${';a=b'.repeat(24)};"c"`],
  ])('go on as they came: %s', async (_what, link) => {
    const { port } = await startHinting(hints(`Link: ${link}`))
    expect(await get(port)).toMatch(
      new RegExp(
        `^HTTP/1\\.1 103 Early Hints\\r\\nLink: ${link.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&')}\\r\\n\\r\\nHTTP/1\\.1 200 OK\\r\\n`,
      ),
    )
  })

  it.each(['nonsense', '/a.css; rel=preload', '<'.repeat(100), ''])(
    'are none without a link: %j',
    async (link) => {
      const { port } = await startHinting(hints(`Link: ${link}`, 'X-A: b'))
      expect(await get(port)).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
    },
  )

  it('keep their lines apart', async () => {
    const { port } = await startHinting(hints('Link: </a>', 'X-A: b', 'link: </c>'))
    expect(await get(port)).toMatch(
      /^HTTP\/1\.1 103 Early Hints\r\nLink: <\/a>\r\nLink: <\/c>\r\nX-A: b\r\n\r\n/,
    )
  })

  /** What is written for fields, on a socket in some state. */
  function written(fields: string[], socket: object | null, res: object = {}): string[] {
    const texts: string[] = []
    const whole = socket && { writable: true, write: (text: string) => texts.push(text), ...socket }
    relayInformation(
      { req: { httpVersion: '1.1' }, socket: whole, ...res } as unknown as ServerResponse,
      103,
      fields,
    )
    return texts
  }

  it('are written to a client that reads', () => {
    expect(written(['Link', '</a>'], {})).toEqual(['HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n'])
  })

  it.each([
    ['has not read what came before', { writableNeedDrain: true }, {}],
    ['has left', { writable: false }, {}],
    ['waits for other responses first', null, {}],
    ['has the response already', {}, { headersSent: true }],
    ['speaks HTTP/1.0', {}, { req: { httpVersion: '1.0' } }],
  ])('are kept for no client that %s', (_what, socket, res) => {
    expect(written(['Link', '</a>'], socket, res)).toEqual([])
  })

  it.each([
    ['a line break in a link', ['Link', '</a>\r\nHTTP/1.1 200 OK']],
    ['a line feed in another field', ['Link', '</a>', 'X-A', 'a\nSet-Cookie: b=c']],
    ['NUL', ['Link', '</a>\0']],
    ['a name that is none', ['Link', '</a>', 'X A', 'b']],
  ])('with %s are dropped', (_what, fields) => {
    expect(written(fields, {})).toEqual([])
  })
})
