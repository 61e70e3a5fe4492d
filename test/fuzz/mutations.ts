import type { Random } from './random.js'

/** What parsers trip over: ends of lines, framings, sizes, and what begins another message. */
const SPLICES = [
  '\r\n',
  '\n',
  '\r',
  '\r\n\r\n',
  '\n\n',
  '\0',
  ' ',
  '\t',
  ':',
  ';',
  ',',
  '0\r\n\r\n',
  'ffffffffffffffff\r\n',
  '-1\r\n',
  '0x5\r\n',
  '5;ext="\r\n"\r\n',
  'Transfer-Encoding: chunked\r\n',
  'Transfer-Encoding : chunked\r\n',
  'Transfer-Encoding: identity, chunked\r\n',
  'Content-Length: 0\r\n',
  'Content-Length: 5\r\n',
  'Content-Length: +5\r\n',
  'Content-Length: 99999999999999999999\r\n',
  'Connection: close\r\n',
  'Connection: keep-alive, Content-Length, Transfer-Encoding\r\n',
  'Connection: Upgrade\r\nUpgrade: websocket\r\n',
  'Connection: Upgrade\r\nUpgrade: h2c\r\n',
  'Expect: 100-continue\r\n',
  'Trailer: X-Sum\r\n',
  'Host: \r\n',
  'Host: a, b\r\n',
  'TE: trailers\r\n',
  ' folded\r\n',
  'GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n',
  'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nother',
  'HTTP/1.1 100 Continue\r\n\r\n',
  'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
  'HTTP/1.1 204 No Content\r\n\r\n',
  'HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n',
  'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
]

type Mutation = (bytes: string, random: Random) => string

const MUTATIONS: readonly Mutation[] = [
  function flip(bytes, random) {
    const at = random.below(bytes.length)
    const flipped = bytes.charCodeAt(at) ^ (1 << random.below(8))
    return bytes.slice(0, at) + String.fromCharCode(flipped) + bytes.slice(at + 1)
  },
  function cut(bytes, random) {
    const from = random.below(bytes.length)
    return bytes.slice(0, from) + bytes.slice(from + 1 + random.below(20))
  },
  function cutTheEnd(bytes, random) {
    return bytes.slice(0, random.below(bytes.length))
  },
  function duplicate(bytes, random) {
    const from = random.below(bytes.length)
    const to = from + 1 + random.below(60)
    return bytes.slice(0, to) + bytes.slice(from)
  },
  function duplicateLine(bytes, random) {
    const lines = bytes.split('\r\n')
    const at = random.below(lines.length)
    lines.splice(random.below(lines.length), 0, lines[at] as string)
    return lines.join('\r\n')
  },
  function splice(bytes, random) {
    const at = random.below(bytes.length)
    return bytes.slice(0, at) + random.pick(SPLICES) + bytes.slice(at)
  },
  function spliceAtLine(bytes, random) {
    const lines = bytes.split('\r\n')
    const at = random.below(lines.length)
    lines[at] = random.pick(SPLICES) + lines[at]
    return lines.join('\r\n')
  },
  function noise(bytes, random) {
    const at = random.below(bytes.length)
    return bytes.slice(0, at) + random.bytes(1 + random.below(16)) + bytes.slice(at)
  },
]

/** The bytes, changed in none to four places. */
export function mutate(bytes: string, random: Random): string {
  let changed = bytes
  for (let times = random.below(5); times > 0 && changed.length > 0; times--)
    changed = random.pick(MUTATIONS)(changed, random)
  return changed
}
