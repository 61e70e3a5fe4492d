import { describe, expect, it } from 'vitest'
import { checkBackend } from '../support/check-document.js'

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
    'http://a.test:80/x',
    'https://a.test:443',
    'http://a.test:65535',
    'http://a.test.',
    'http://a_b.test',
    'http://10.0.0.7',
    'http://xn--bcher-kva.example',
    'http://[2001:DB8:0:0::1]',
    'http://[::ffff:10.0.0.1]',
    'http://[0:0:0:0:0:0:0:1]:8080',
    'http://a.test//b/%2Fc/%zz/~',
  ])('may be %s', (url) => {
    expect(issuesOfUrl(url)).toEqual([])
  })

  it.each([
    [
      'no URL at all',
      '10.0.0.1',
      'is not a URL: its scheme is missing; expected one like http://10.0.0.1:8080',
    ],
    ['an address and a port alone', '10.0.0.7:80', 'is not a URL: its scheme is missing'],
    ['a URL without a host', 'http://', 'is not a URL; expected one like'],
    [
      'a port out of range',
      'http://a.test:70000',
      'is not a URL: "70000" is not a port; expected a port from 1',
    ],
    [
      'a port that is no number',
      'http://a.test:http/',
      'is not a URL: "http" is not a port; expected a port from 1',
    ],
    [
      'an address with a number above 255',
      'http://1.2.3.256:80/x',
      'is not a URL: "1.2.3.256" is not an address: each of the four numbers must be 0 to 255',
    ],
    [
      'an address with a zero before a digit that is not octal',
      'http://10.0.0.08',
      'is not a URL: "10.0.0.08" is not an address: "08" has a leading zero, which some programs read as octal',
    ],
    [
      'five numbers',
      'http://1.2.3.4.5',
      'is not a URL: "1.2.3.4.5" is not an address: expected four numbers',
    ],
    ['another scheme', 'ftp://a.test', 'has the scheme ftp; expected http or https'],
    [
      'a host and port that look like a scheme',
      'localhost:8080',
      'has the scheme localhost; expected http or https',
    ],
    ['a file', 'file:///etc/passwd', 'has the scheme file; expected http or https'],
    [
      'HTTP/2 without TLS',
      'h2c://a.test',
      'asks for HTTP/2 without TLS, which is not supported; expected http or https',
    ],
    ['a fragment', 'http://a.test/#x', 'has a fragment ("#"), which is never sent to a server'],
    ['an empty fragment', 'http://a.test/#', 'has a fragment'],
    ['a query', 'http://a.test/?x=1', 'has a query ("?"); expected nothing after its path'],
    ['an empty query', 'http://a.test/?', 'has a query'],
    ['a blank before it', ' http://a.test', 'contains a blank, a control character or a backslash'],
    ['a line break inside', 'http://a.te\nst', 'contains a blank, a control character or a backslash'],
    ['a backslash', 'http:\\\\a.test', 'contains a blank, a control character or a backslash'],
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
    ['http://010.0.0.7', '"010.0.0.7"', '"8.0.0.7"'],
    ['http://10.0.0.010:8080/x', '"10.0.0.010"', '"10.0.0.8"'],
    ['http://10.1', '"10.1"', '"10.0.0.1"'],
    ['http://10.1.2', '"10.1.2"', '"10.1.0.2"'],
    ['http://0', '"0"', '"0.0.0.0"'],
    ['http://0x', '"0x"', '"0.0.0.0"'],
    ['http://0x7f.1', '"0x7f.1"', '"127.0.0.1"'],
    ['http://0X7F000001', '"0X7F000001"', '"127.0.0.1"'],
    ['http://2130706433', '"2130706433"', '"127.0.0.1"'],
    ['http://127.0.0.1.', '"127.0.0.1."', '"127.0.0.1"'],
    ['http://１０.0.0.1', '"\\uff11\\uff10.0.0.1"', '"10.0.0.1"'],
    ['http://10。0。0。1', '"10\\u30020\\u30020\\u30021"', '"10.0.0.1"'],
    ['http://%31%30.0.0.1', '"%31%30.0.0.1"', '"10.0.0.1"'],
    ['http://exa\u00admple.test', '"exa\\u00admple.test"', '"example.test"'],
    ['http://a\u200b.test', '"a\\u200b.test"', '"a.test"'],
    ['http://ﬁ.test', '"\\ufb01.test"', '"fi.test"'],
    ['http://bücher.example', '"b\\u00fccher.example"', '"xn--bcher-kva.example"'],
    ['http://a.test:080', '"080"', '80'],
    ['http://a.test:', 'a colon without a port after it', '80'],
    ['https://a.test:/x', 'a colon without a port after it', '443'],
    ['http://a.test/a/../b', '"/a/../b"', '"/b"'],
    ['http://a.test/a/%2e%2E/b', '"/a/%2e%2E/b"', '"/b"'],
    ['http://a.test/./b', '"/./b"', '"/b"'],
    ['http://a.test/..', '"/.."', '"/"'],
    ['http://a.test/ü', '"/\\u00fc"', '"/%C3%BC"'],
    ['http://a.test/{id}', '"/{id}"', '"/%7Bid%7D"'],
  ])('is refused where it is read otherwise than written, with both: %s', (url, written, read) => {
    const [issue, ...more] = issuesOfUrl(url)
    expect(more).toEqual([])
    expect(issue).toMatchObject({ path: 'backends.pool.servers.s1.url', code: 'INVALID_URL' })
    expect(issue?.message).toContain(`${written}, which is read as ${read}`)
  })

  it.each([
    ['http://010.0.0.7', 'as octal; write "10.0.0.7" or "8.0.0.7"'],
    ['http://10.0.0.010:8080/x', 'as octal; write "10.0.0.10" or "10.0.0.8"'],
    ['http://10.1', '"10.0.0.1"; write "10.0.0.1" if you mean that'],
    ['http://10.0.0.01', '"10.0.0.1"; write "10.0.0.1" if you mean that'],
  ])('is refused with what may have been meant: %s', (url, remedy) => {
    expect(issuesOfUrl(url).map(({ message }) => message)).toEqual([expect.stringContaining(remedy)])
  })

  it.each([
    ['http://a.test:0', 'has the port "0"; expected a port from 1 to 65535'],
    ['http://a.test:000', 'has the port "000"; expected a port from 1 to 65535'],
    ['http://a..test', 'has the host "a..test", in which a label is empty'],
    ['http://.a.test', 'has the host ".a.test", in which a label is empty'],
    ['http://a.test..', 'has the host "a.test..", in which a label is empty'],
    ['http://@a.test', 'contains credentials'],
    ['http://:@a.test', 'contains credentials'],
    ['http://[::ffff:010.0.0.1]', 'is not a URL'],
    ['http://[fe80::1%25eth0]', 'is not a URL; expected'],
    ['http:10.0.0.256', 'is not a URL; expected'],
    ['http://root:s3@cret:99999', 'is not a URL; expected'],
    ['http://1.2.3.4.5', 'is not a URL'],
  ])('is refused where it means nothing: %s', (url, flaw) => {
    expect(issuesOfUrl(url).map(({ message }) => message)).toEqual([expect.stringContaining(flaw)])
  })

  it('is refused without what stands before an @ in its path', () => {
    const [issue] = issuesOfUrl('http://a.test/x/../root:s3cret@a.test')
    expect(issue?.message).toContain('has a path that is not read as written')
    expect(issue?.message).not.toContain('s3cret')
  })

  it.each([
    ['http://root:s3cret@a.test', '"http://***@a.test" contains credentials, which do not belong in a URL'],
    ['http://:s3cret@a.test/x', '"http://***@a.test/x" contains credentials, which do not belong in a URL'],
    ['http://root@a.test', '"http://***@a.test" contains credentials, which do not belong in a URL'],
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
