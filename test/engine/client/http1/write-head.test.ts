import { type IncomingMessage, ServerResponse } from 'node:http'
import { describe, expect, it } from 'vitest'
import { writeHead } from '../../../../src/engine/client/http1/write-head.js'

const response = () =>
  new ServerResponse({ method: 'GET', httpVersionMajor: 1, httpVersionMinor: 1 } as IncomingMessage)

describe('the head of a response', () => {
  it('is given to a host’s own writeHead field by field: an older one knows no list of names and values in turn', () => {
    const res = response()
    const given: unknown[][] = []
    res.writeHead = ((...args: unknown[]) => {
      given.push(args)
      return res
    }) as typeof res.writeHead
    writeHead(res, 200, 'OK', ['X-A', 'b', 'x-a', 'c'])
    expect(given).toEqual([[200, 'OK']])
    expect(res.getHeader('x-a')).toEqual(['b', 'c'])
  })

  it('is given to Node’s as it came, where nobody has set anything', () => {
    const res = response()
    writeHead(res, 200, 'OK', ['X-A', 'b', 'x-a', 'c'])
    expect((res as unknown as { _header: string })._header).toMatch(
      /^HTTP\/1\.1 200 OK\r\nX-A: b\r\nx-a: c\r\n/,
    )
  })
})
