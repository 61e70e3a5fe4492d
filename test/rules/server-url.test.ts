import { describe, expect, it } from 'vitest'
import { checkBackend } from './check-document.js'

function issuesOfUrl(url: unknown) {
  return checkBackend({ servers: { s1: { url } } }).issues
}

describe("a server's URL", () => {
  it.each([
    'http://10.0.0.1:8080',
    'https://a.test',
    'http://[2001:db8::1]:80',
    'http://a.test/base/',
    'HTTP://A.test',
    'http://a.test/@scope',
  ])('may be %s', (url) => {
    expect(issuesOfUrl(url)).toEqual([])
  })

  it.each([
    ['no URL at all', '10.0.0.1', 'is no URL; expected one like http://10.0.0.1:8080'],
    ['an empty text', '', 'is no URL'],
    ['a URL without a host', 'http://', 'is no URL'],
    ['a port out of range', 'http://a.test:70000', 'is no URL'],
    ['an address with a leading zero too many', 'http://1.2.3.256', 'is no URL'],
    ['another scheme', 'ftp://a.test', 'has the scheme ftp: expected http or https'],
    [
      'a host and port that look like a scheme',
      'localhost:8080',
      'has the scheme localhost: expected http or https',
    ],
    ['a file', 'file:///etc/passwd', 'has the scheme file: expected http or https'],
    [
      'HTTP/2 without TLS',
      'h2c://a.test',
      'asks for HTTP/2 without TLS, which is not supported; expected http or https',
    ],
    ['a fragment', 'http://a.test/#x', 'carries a fragment, which no server ever sees'],
    ['an empty fragment', 'http://a.test/#', 'carries a fragment'],
    ['a query', 'http://a.test/?x=1', 'carries a query; only a path can be prepended'],
    ['an empty query', 'http://a.test/?', 'carries a query'],
    ['a blank before it', ' http://a.test', 'holds a blank, a control character or a backslash'],
    ['a line break inside', 'http://a.te\nst', 'holds a blank, a control character or a backslash'],
    ['a backslash', 'http:\\\\a.test', 'holds a blank, a control character or a backslash'],
  ])('may not be %s', (_what, url, flaw) => {
    expect(issuesOfUrl(url)).toEqual([
      {
        path: 'backends.pool.servers.s1.url',
        code: 'INVALID_URL',
        message: expect.stringContaining(`${JSON.stringify(url)} ${flaw}`),
      },
    ])
  })

  it.each([
    ['http://root:s3cret@a.test', '"http://***@a.test" carries credentials, which do not belong in a URL'],
    ['http://:s3cret@a.test/x', '"http://***@a.test/x" carries credentials, which do not belong in a URL'],
    ['http://root@a.test', '"http://***@a.test" carries credentials, which do not belong in a URL'],
  ])('may not carry credentials: %s', (url, message) => {
    expect(issuesOfUrl(url)).toEqual([{ path: 'backends.pool.servers.s1.url', code: 'INVALID_URL', message }])
  })

  it.each([
    'http://root:s3cret@a.test',
    'http://root:more@s3cret@a.test',
    'http://root:s3cret/@a.test',
    'http://root:x/s3cret@a.test',
    'http://root:x?s3cret@a.test',
    'http://root:x#s3cret@a.test',
    'http://root:x s3cret@a.test',
    'http:root:s3cret@a.test',
    'http:/root:s3cret@a.test',
    'http:///root:s3cret@a.test',
    'http:\\\\root:s3cret@a.test',
    'http://root:s3cret@a.test/?x',
    'h2c://root:s3cret@a.test',
    'ftp://root:s3cret@a.test',
    '//root:s3cret@a.test',
    'root:s3cret@a.test:80',
    'http://root:s3cret\n@a.test',
  ])('is refused without its password being echoed: %s', (url) => {
    const issues = issuesOfUrl(url)
    expect(issues).toHaveLength(1)
    expect(JSON.stringify(issues)).not.toContain('s3cret')
    expect(JSON.stringify(issues)).toContain('a.test')
  })
})
