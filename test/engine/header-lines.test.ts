import { describe, expect, it } from 'vitest'
import { HeaderLines } from '../../src/engine/header-lines.js'

describe('a list of headers', () => {
  const list = () => new HeaderLines(['Accept', 'a', 'X-One', '1', 'accept', 'b'])

  it('finds names in any case, and joins lines', () => {
    expect(list().get('ACCEPT')).toBe('a, b')
    expect(list().get('x-two')).toBeUndefined()
  })

  it('sets, appends and deletes lines, in place', () => {
    const raw = ['Accept', 'a', 'X-One', '1', 'accept', 'b']
    const headers = new HeaderLines(raw)
    headers.set('X-Two', '2')
    headers.append('x-two', '3')
    headers.delete('aCCept')
    expect(raw).toEqual(['X-One', '1', 'X-Two', '2', 'x-two', '3'])
    headers.set('X-TWO', '4')
    expect(raw).toEqual(['X-One', '1', 'X-TWO', '4'])
  })

  it('keeps the lines of one name apart: a cookie may hold a comma', () => {
    const raw = ['Set-Cookie', 'a=1; Expires=Wed, 21 Oct 2026 07:28:00 GMT', 'X', 'y', 'set-cookie', 'b=2']
    const headers = new HeaderLines(raw)
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
    expect(() => new HeaderLines(raw).set('X', value as unknown as string)).toThrow('X: expected a text')
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
    expect(() => list().set(name, value)).toThrow(expect.objectContaining({ code: 'PROXY_HOOK_FAILED' }))
  })
})
