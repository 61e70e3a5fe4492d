import type { Random } from '../fuzz/random.js'

/** What a server sends back for one request, a piece each turn, and how it ends. */
export interface HostileAnswer {
  readonly pieces: readonly string[]
  /** Sends the last piece again and again, up to so many bytes. */
  readonly repeatTo?: number
  readonly end: 'keep' | 'end' | 'reset'
}

type Kind = (random: Random) => HostileAnswer

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

function hints(link: string): string {
  return `HTTP/1.1 103 Early Hints\r\nLink: ${link}\r\n\r\n`
}

function once(text: string, end: HostileAnswer['end'] = 'keep'): HostileAnswer {
  return { pieces: [text], end }
}

/** Kinds of hostile answers. One is added here. */
export const SERVERS: Readonly<Record<string, Kind>> = {
  'hints with links that backtrack': (random) => {
    const pair = random.pick([';a=b', ';a="b"', '; a', ';a=b;', ';;', '<x>', ';a= b', ',<>;a=b'])
    return once(hints(`</x.css>${pair.repeat(random.pick([24, 200, 3_000]))};"c"`) + OK)
  },
  'hints without end': () => ({ pieces: [hints('</a>;rel=preload')], repeatTo: 1_000_000, end: 'keep' }),
  'processing without end': () => ({
    pieces: ['HTTP/1.1 102 Processing\r\n\r\n'],
    repeatTo: 1_000_000,
    end: 'keep',
  }),
  'a head without end': () => ({
    pieces: ['HTTP/1.1 200 OK\r\n', 'X-A: b\r\n'],
    repeatTo: 1_000_000,
    end: 'keep',
  }),
  'many cookies': () =>
    once(`HTTP/1.1 200 OK\r\nContent-Length: 0\r\n${'Set-Cookie: a=b\r\n'.repeat(900)}\r\n`),
  'values that are looked into': (random) => {
    const name = random.pick([
      'Connection',
      'Link',
      'Transfer-Encoding',
      'Keep-Alive',
      'WWW-Authenticate',
      'Trailer',
      'Upgrade',
    ])
    const value = random
      .pick([',', 'a,', ' ', '"', '\\"', 'NTLM ', '<>', ';='])
      .repeat(4_000)
      .slice(0, 14_000)
    return once(
      `HTTP/1.1 ${random.pick([200, 401, 426, 103])} OK\r\nContent-Length: 0\r\n${name}: ${value}\r\n\r\n${OK}`,
    )
  },
  'a body in pieces of one byte': () =>
    once(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${'1\r\nx\r\n'.repeat(160_000)}0\r\n\r\n`),
  'a body that is late, after there should be none': (random) => ({
    pieces: [`HTTP/1.1 ${random.pick(['204 No Content', '304 Not Modified'])}\r\n\r\n`, OK, OK],
    end: 'keep',
  }),
  'two answers': () => ({ pieces: [OK + OK, OK], end: 'keep' }),
  'a switch that nobody asked for': () =>
    once('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nbytes'),
  'an answer that stands still': () => once('HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf'),
  'an answer that breaks off': (random) =>
    once('HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf', random.pick(['end', 'reset'])),
  'trailers without end': () => ({
    pieces: ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n', 'X-A: b\r\n'],
    repeatTo: 1_000_000,
    end: 'keep',
  }),
  rubbish: (random) => once(random.bytes(100_000), 'end'),
}
