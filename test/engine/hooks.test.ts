import type { RequestContext, ResponseContext } from 'switchover'
import { describe, expect, it } from 'vitest'
import { HeaderList } from '../../src/engine/hooks.js'
import { httpGet } from '../support/http-get.js'
import { routeTo, startEngine, startNamed, startServer } from './live-engine.js'

describe('a list of headers', () => {
  const list = () => new HeaderList(['Accept', 'a', 'X-One', '1', 'accept', 'b'])

  it('finds names in any case, and joins lines', () => {
    expect(list().get('ACCEPT')).toBe('a, b')
    expect(list().get('x-two')).toBeUndefined()
  })

  it('sets, appends and deletes lines, in place', () => {
    const raw = ['Accept', 'a', 'X-One', '1', 'accept', 'b']
    const headers = new HeaderList(raw)
    headers.set('X-Two', '2')
    headers.append('x-two', '3')
    headers.delete('aCCept')
    expect(raw).toEqual(['X-One', '1', 'X-Two', '2', 'x-two', '3'])
    headers.set('X-TWO', '4')
    expect(raw).toEqual(['X-One', '1', 'X-TWO', '4'])
  })

  it('keeps the lines of one name apart: a cookie may hold a comma', () => {
    const raw = ['Set-Cookie', 'a=1; Expires=Wed, 21 Oct 2026 07:28:00 GMT', 'X', 'y', 'set-cookie', 'b=2']
    const headers = new HeaderList(raw)
    headers.set(
      'Set-Cookie',
      headers.getAll('SET-COOKIE').map((cookie) => `${cookie}; Secure`),
    )
    expect(raw).toEqual([
      ...['X', 'y', 'Set-Cookie', 'a=1; Expires=Wed, 21 Oct 2026 07:28:00 GMT; Secure'],
      ...['Set-Cookie', 'b=2; Secure'],
    ])
    expect(headers.getAll('none')).toEqual([])
  })

  it.each([undefined, null, 1, {}, ['a', 1]])('takes no value that is no text: %j', (value) => {
    const raw = ['X', 'kept']
    expect(() => new HeaderList(raw).set('X', value as unknown as string)).toThrow('X: expected a text')
    expect(raw).toEqual(['X', 'kept'])
  })

  it.each(['Connection', 'transfer-encoding', 'Content-Length', 'Host', 'via', 'Upgrade'])(
    'keeps %s out of reach',
    (name) => {
      for (const call of [
        () => list().set(name, 'x'),
        () => list().append(name, 'x'),
        () => list().delete(name),
      ]) {
        expect(call).toThrow(expect.objectContaining({ code: 'PROXY_HOOK_FAILED' }))
      }
    },
  )

  it.each([
    ['a b', 'x'],
    ['', 'x'],
    ['X', 'a\r\nb'],
    ['X', '\u{1F600}'],
  ])('takes no field that HTTP does not allow: %j, %j', (name, value) => {
    expect(() => list().set(name, value)).toThrow()
  })
})

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
      expect(failed).toEqual(['the hook answers by a promise; hooks are synchronous'])
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
