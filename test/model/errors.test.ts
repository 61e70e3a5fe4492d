import { describe, expect, it } from 'vitest'
import {
  asError,
  describeIssues,
  ERROR_CODES,
  type ErrorCode,
  type Issue,
  ProxyError,
} from '../../src/model/errors.js'

const rows = Object.entries(ERROR_CODES) as [ErrorCode, (typeof ERROR_CODES)[ErrorCode]][]

describe('ProxyError', () => {
  it.each(rows)('%s takes blame, status and sentence from its row', (code, row) => {
    const error = new ProxyError(code)
    expect(error).toMatchObject({ code, source: row.source, status: row.status, message: row.says })
  })

  it.each(rows)('%s has a status that fits who is to blame, and says a sentence', (_code, row) => {
    const allowed =
      row.source === 'client' ? [400, 403, 404, 405, 408, 413, 429, 499, 501] : [500, 502, 503, 504, 505, 508]
    expect(allowed).toContain(row.status)
    expect(row.says).toMatch(/^[A-Z].*\.$/)
  })

  it('is an Error named ProxyError whose stack says so', () => {
    const error = new ProxyError('PROXY_NO_ROUTE')
    expect(error).toBeInstanceOf(Error)
    expect(error.name).toBe('ProxyError')
    expect(error.stack).toContain('errors.test.ts')
  })

  it('prefers the message that it is given', () => {
    expect(new ProxyError('PROXY_INTERNAL', 'the fuse blew').message).toBe('the fuse blew')
  })

  it('keeps the cause, even one that is falsy', () => {
    const cause = new Error('ECONNREFUSED')
    expect(new ProxyError('PROXY_CONNECT_FAILED', undefined, { cause }).cause).toBe(cause)
    expect(Object.hasOwn(new ProxyError('PROXY_INTERNAL', 'x', { cause: 0 }), 'cause')).toBe(true)
  })

  it('has no cause of its own when none is given', () => {
    expect(Object.hasOwn(new ProxyError('PROXY_INTERNAL'), 'cause')).toBe(false)
  })

  it('carries the issues of a refused configuration, and an empty list otherwise', () => {
    const issues: Issue[] = [{ path: 'backends', code: 'MISSING_FIELD', message: 'gone' }]
    expect(new ProxyError('PROXY_CONFIG_INVALID', 'bad', { issues }).issues).toEqual(issues)
    expect(new ProxyError('PROXY_NO_ROUTE').issues).toEqual([])
  })
})

describe('asError', () => {
  it('gives an error back as it is', () => {
    const error = new TypeError('x')
    expect(asError(error)).toBe(error)
  })

  it.each([
    ['a text', 'boom', 'boom'],
    ['a number', 7, '7'],
    ['null', null, 'null'],
    ['undefined', undefined, 'undefined'],
    ['a symbol', Symbol('s'), 'Symbol(s)'],
    ['an object without a prototype', Object.create(null), 'something was thrown that is no error'],
  ])('makes an error of %s', (_what, thrown, message) => {
    const error = asError(thrown)
    expect(error).toBeInstanceOf(Error)
    expect(error.message).toBe(message)
  })
})

describe('describeIssues', () => {
  it('writes each issue on a line of its own: path, message, code', () => {
    const text = describeIssues([
      { path: 'frontends.web.rule', code: 'INVALID_RULE', message: 'the rule is empty' },
      { path: 'backends', code: 'MISSING_FIELD', message: 'expected an object of names, found nothing' },
    ])
    expect(text.split('\n')).toEqual([
      'frontends.web.rule: the rule is empty [INVALID_RULE]',
      'backends: expected an object of names, found nothing [MISSING_FIELD]',
    ])
  })

  it('names the document itself where an issue has no path', () => {
    expect(describeIssues([{ path: '', code: 'INVALID_TYPE', message: 'm' }])).toBe(
      '(document): m [INVALID_TYPE]',
    )
  })

  it('says nothing about nothing', () => {
    expect(describeIssues([])).toBe('')
  })
})

it('describes a hundred issues at most, and counts the rest', () => {
  const issues = Array.from({ length: 250 }, (_, index) => ({
    path: `p${index}`,
    code: 'EMPTY' as const,
    message: 'm',
  }))
  const lines = describeIssues(issues).split('\n')
  expect(lines).toHaveLength(101)
  expect(lines.at(-1)).toBe('and 150 more')
})
