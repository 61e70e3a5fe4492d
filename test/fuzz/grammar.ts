import type { Random } from './random.js'

function chunked(body: string, random: Random): string {
  let coded = ''
  for (let at = 0; at < body.length; ) {
    const piece = body.slice(at, at + 1 + random.below(40))
    at += piece.length
    coded += `${piece.length.toString(16)}${random.maybe(0.1) ? ';a=b' : ''}\r\n${piece}\r\n`
  }
  return `${coded}0\r\n${random.maybe(0.2) ? 'X-Sum: 1\r\n' : ''}\r\n`
}

function framed(body: string, random: Random): { header: string; bytes: string } {
  return random.maybe(0.5)
    ? { header: `Content-Length: ${body.length}`, bytes: body }
    : { header: 'Transfer-Encoding: chunked', bytes: chunked(body, random) }
}

/** A proper request that says its id in its target, its head and its body. */
export function requestOf(id: string, random: Random, path = '/echo'): string {
  const method = random.pick(['GET', 'GET', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'HEAD', 'PATCH'])
  const lines = [`${method} ${path}?${id} HTTP/1.${random.maybe(0.1) ? 0 : 1}`, 'Host: a.test', `X-Id: ${id}`]
  if (random.maybe(0.2)) lines.push(`Cookie: a=${random.below(100)}`)
  if (random.maybe(0.1)) lines.push('Connection: close')
  if (random.maybe(0.1)) lines.push('TE: trailers')
  if (random.maybe(0.05)) lines.push('Connection: Upgrade', 'Upgrade: h2c')
  let body = ''
  if (random.maybe(method === 'POST' || method === 'PUT' ? 0.8 : 0.1)) {
    const { header, bytes } = framed(`${id} ${'x'.repeat(random.below(300))} ${id}`, random)
    lines.push(header)
    body = bytes
    if (random.maybe(0.1)) lines.push('Expect: 100-continue')
  }
  return `${lines.join('\r\n')}\r\n\r\n${body}`
}

/** A proper response that says the id of its request. */
export function responseOf(id: string, random: Random): string {
  const informed = random.maybe(0.1) ? `HTTP/1.1 103 Early Hints\r\nLink: </${id}>\r\n\r\n` : ''
  const status = random.pick([
    '200 OK',
    '200 OK',
    '404 Not Found',
    '204 No Content',
    '304 Not Modified',
    '299 ',
  ])
  const lines = [`HTTP/1.1 ${status}`, `X-Id: ${id}`]
  if (random.maybe(0.2)) lines.push('Set-Cookie: a=1', 'Set-Cookie: b=2')
  if (random.maybe(0.1)) lines.push('Connection: close')
  if (random.maybe(0.1)) lines.push('Keep-Alive: timeout=5')
  if (status.startsWith('204') || status.startsWith('304')) return `${informed}${lines.join('\r\n')}\r\n\r\n`
  const { header, bytes } = framed(`${id} ${'y'.repeat(random.below(2_000))}`, random)
  return `${informed}${[...lines, header].join('\r\n')}\r\n\r\n${bytes}`
}

/** A request to switch protocols. */
export function upgradeOf(id: string, protocol: string): string {
  return `GET /raw?${id} HTTP/1.1\r\nHost: a.test\r\nX-Id: ${id}\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n\r\n`
}

export function switchOf(id: string, protocol: string): string {
  return `HTTP/1.1 101 Switching Protocols\r\nX-Id: ${id}\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n\r\n`
}
