import type { RequestContext, ResponseContext } from 'switchover'
import { describe, expect, it } from 'vitest'
import type { HeaderList } from '../../src/model/header-list.js'
import { httpGet } from '../support/http-get.js'
import {
  openRaw,
  routeTo,
  startEngine,
  startMisbehaving,
  startNamed,
  startServer,
} from '../support/live-engine.js'

describe('hooks', () => {
  it('see the request and the response, and change their headers', async () => {
    const server = await startServer((req, res) => {
      res.setHeader('X-Secret', 's')
      res.end(req.headers['x-added'])
    })
    const seen: (RequestContext | ResponseContext)[] = []
    const { port } = await startEngine(routeTo(server), {
      onRequest: (context) => {
        seen.push({ ...context })
        context.headers.set('X-Added', context.facts.path)
      },
      onResponse: (context) => {
        seen.push({ ...context })
        context.headers.delete('X-Secret')
      },
    })
    const { headers, body } = await httpGet({ port, path: '/a' })
    expect([body, headers['x-secret']]).toEqual(['/a', undefined])
    const names = { frontend: 'all@static', backend: 'pool@static', server: 's1' }
    expect(seen).toMatchObject([names, { ...names, status: 200 }])
  })

  it.each(['onRequest', 'onResponse'] as const)(
    'of which one throws: %s is a 500 with its code, and tells why',
    async (name) => {
      const server = await startNamed('s')
      const { port, engine } = await startEngine(routeTo(server), {
        [name]: () => {
          throw new Error('my mistake')
        },
      })
      const failed: string[] = []
      engine.events.on('requestFailed', ({ error }) => failed.push(`${error.code} ${error.message}`))
      for (let time = 0; time < 3; time++) {
        expect(await httpGet({ port })).toMatchObject({
          status: 500,
          body: expect.stringContaining('PROXY_HOOK_FAILED'),
        })
      }
      expect(new Set(failed)).toEqual(new Set(['PROXY_HOOK_FAILED my mistake']))
    },
  )

  it.each(['onRequest', 'onResponse'] as const)(
    'that answer by a promise are refused, and a rejection ends nothing: %s',
    async (name) => {
      const { port, engine } = await startEngine(routeTo(await startNamed('s')), {
        [name]: async () => {
          await null
          throw new Error('too late')
        },
      })
      const failed: string[] = []
      engine.events.on('requestFailed', ({ error }) => failed.push(error.message))
      expect(await httpGet({ port })).toMatchObject({ status: 500 })
      expect(failed).toEqual(['the hook returned a promise; hooks are synchronous'])
    },
  )

  it('are called once for a request that is tried twice', async () => {
    let calls = 0
    const server = await startNamed('s')
    const { port } = await startEngine(routeTo('http://127.0.0.1:1', server), {
      onRequest: () => {
        calls += 1
      },
    })
    expect(await httpGet({ port })).toMatchObject({ status: 200 })
    expect(calls).toBe(1)
  })
})

describe('what onRequest writes', () => {
  /** The lines that a server gets of a request with these, where a hook changes them. */
  async function linesBehind(
    hook: (headers: HeaderList) => void,
    sent: string[],
    underscoreHeaders?: 'drop' | 'refuse' | 'keep',
    upgrade: string[] = [],
  ) {
    const heads: string[] = []
    const server = await startMisbehaving((socket, head) => {
      heads.push(head)
      socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
    })
    const { port } = await startEngine(routeTo(server.url), {
      onRequest: ({ headers }) => hook(headers),
      ...(underscoreHeaders && { underscoreHeaders }),
    })
    const client = await openRaw(port)
    client.sendHead(
      'GET / HTTP/1.1',
      'Host: a',
      ...sent,
      ...(upgrade.length ? upgrade : ['Connection: close']),
    )
    const response = await client.untilClosed()
    const lines = heads.flatMap((head) =>
      head.split('\r\n').filter((line) => /^(x|y).(user|id)|^x.forwarded.for/i.test(line)),
    )
    return { lines, response, requests: heads.length }
  }

  const FORGED = [
    'X_User: root',
    'x_user: root',
    'X.User: root',
    'X~USER: root',
    'x-user: root',
    'X-USER: root',
  ]
  const alice = (headers: HeaderList) => headers.set('X-User', 'alice')
  const WEB_SOCKET = ['Connection: Upgrade', 'Upgrade: websocket']

  it.each([
    ['a request', []],
    ['an upgrade', WEB_SOCKET],
  ])('stands alone, in %s', async (_what, upgrade) => {
    const { lines } = await linesBehind(alice, [...FORGED, 'X-Forwarded-For: x'], undefined, upgrade)
    expect(lines).toEqual(['X-Forwarded-For: 127.0.0.1', 'X-User: alice'])
  })

  it.each<[string, (headers: HeaderList) => void, string[]]>([
    [
      'appended',
      (headers) => headers.append('X-User', 'alice'),
      ['x-user: root', 'X-USER: root', 'X-User: alice'],
    ],
    ['deleted', (headers) => headers.delete('X-User'), []],
    ['written with an underscore', (headers) => headers.set('X_User', 'alice'), ['X_User: alice']],
    ['a list', (headers) => headers.set('X-User', ['a', 'b']), ['X-User: a', 'X-User: b']],
  ])('stands alone where it is %s', async (_what, hook, expected) => {
    expect((await linesBehind(hook, FORGED)).lines.filter((line) => /user/i.test(line))).toEqual(expected)
  })

  it('stands beside what it wrote itself, and what the proxy wrote, whatever it looks like', async () => {
    const both = (headers: HeaderList) => {
      headers.set('X-User', 'alice')
      headers.set('X_User', 'alice')
      headers.set('X_Forwarded_For', '192.0.2.1')
    }
    expect((await linesBehind(both, FORGED)).lines).toEqual([
      'X-Forwarded-For: 127.0.0.1',
      'X-User: alice',
      'X_User: alice',
      'X_Forwarded_For: 192.0.2.1',
    ])
  })

  it('concerns no other names', async () => {
    const { lines } = await linesBehind(alice, ['X_UserId: 1', 'X_Id: 2', 'Y_User: 3'])
    expect(lines).toEqual([
      'X_UserId: 1',
      'X_Id: 2',
      'Y_User: 3',
      'X-Forwarded-For: 127.0.0.1',
      'X-User: alice',
    ])
  })

  it.each([
    ['a request', []],
    ['an upgrade', WEB_SOCKET],
  ])('has what looks like it refused where the option says so, in %s', async (_what, upgrade) => {
    const { response, requests } = await linesBehind(alice, ['X_User: root'], 'refuse', upgrade)
    expect(response).toMatch(/^HTTP\/1\.1 400 [\s\S]*PROXY_BAD_REQUEST/)
    expect(requests).toBe(0)
    expect((await linesBehind(alice, ['x-user: root'], 'refuse', upgrade)).lines).toContain('X-User: alice')
  })

  it('has what looks like it beside it where the option says so', async () => {
    const { lines } = await linesBehind(alice, FORGED, 'keep')
    expect(lines).toEqual([
      ...['X_User: root', 'x_user: root', 'X.User: root', 'X~USER: root'],
      ...['X-Forwarded-For: 127.0.0.1', 'X-User: alice'],
    ])
  })
})
