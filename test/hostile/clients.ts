import type { Random } from '../fuzz/random.js'

/** All bytes that one hostile client may send, on all of its connections together. */
export const CLIENT_BYTES = 1_000_000
/** Connections that it may have. */
export const CLIENT_CONNECTIONS = 4

/** What one connection of a hostile client sends, and whether it ever reads. */
export interface HostileClient {
  readonly bytes: string
  readonly reads: boolean
  /** Sent in so many pieces, one for each turn. Default 1. */
  readonly pieces?: number
  /** To the status server instead. */
  readonly toStatus?: boolean
}

type Kind = (random: Random) => HostileClient

const SHARE = Math.floor(CLIENT_BYTES / CLIENT_CONNECTIONS)

function filled(text: string, bytes = SHARE): string {
  return text.repeat(Math.max(1, Math.floor(bytes / text.length)))
}

function get(path: string, ...fields: string[]): string {
  return `${[`GET ${path} HTTP/1.1`, 'Host: hostile.test', ...fields].join('\r\n')}\r\n\r\n`
}

function post(host: string, length: number, ...fields: string[]): string {
  return `${['POST / HTTP/1.1', `Host: ${host}`, `Content-Length: ${length}`, ...fields].join('\r\n')}\r\n\r\n`
}

const HEAD_BYTES = 15_000

/** Kinds of hostile clients. One is added here. */
export const CLIENTS: Readonly<Record<string, Kind>> = {
  'pipelines requests behind one that hangs': (random) => ({
    bytes: get('/hang') + filled(get(`/${random.below(9)}`)),
    reads: random.maybe(0.5),
  }),
  'pipelines requests and reads no answer': () => ({ bytes: filled(get('/small')), reads: false }),
  'pipelines reads behind writes': () => ({
    bytes: filled(`${post('hostile.test', 1)}x${get('/small')}`),
    reads: true,
  }),
  'pipelines WebSockets behind requests': () => ({
    bytes: get('/hang') + filled(get('/', 'Connection: Upgrade', 'Upgrade: websocket')),
    reads: true,
  }),
  'pipelines requests that nobody serves': () => ({
    bytes: filled('GET / HTTP/1.1\r\nHost: none.test\r\n\r\n'),
    reads: false,
  }),
  'sends a body in pieces of one byte': () => ({
    bytes: `POST / HTTP/1.1\r\nHost: hostile.test\r\nTransfer-Encoding: chunked\r\n\r\n${filled('1\r\nx\r\n')}0\r\n\r\n`,
    reads: true,
    pieces: 50,
  }),
  'sends chunk extensions without end': () => ({
    bytes: `POST / HTTP/1.1\r\nHost: hostile.test\r\nTransfer-Encoding: chunked\r\n\r\n1;${filled('a=b;')}`,
    reads: true,
  }),
  'sends a body to a route that is none': () => ({
    bytes: post('none.test', SHARE) + filled('x', SHARE - 200),
    reads: false,
  }),
  'sends addresses of proxies without end': (random) => ({
    bytes: filled(
      get(
        '/',
        `X-Forwarded-For: ${filled(random.pick(['1,', ',', '127.0.0.1, ', '[::1]:1,', '_x;']), HEAD_BYTES)}`,
      ),
    ),
    reads: true,
  }),
  'sends cookies that expressions search': (random) => ({
    bytes: filled(
      `GET / HTTP/1.1\r\nHost: searched.test\r\nCookie: ${filled(random.pick(['a', 'a=a; ', ';', ' =']), HEAD_BYTES)}\r\n\r\n`,
    ),
    reads: true,
  }),
  'sends paths to be put right': (random) => ({
    bytes: filled(
      get(`/${filled(random.pick(['../', './', '%2e%2e/', '%', '//', ';a=b', '%41']), HEAD_BYTES)}`),
    ),
    reads: true,
  }),
  'sends fields without end': (random) => ({
    bytes: filled(
      get('/', ...Array.from({ length: 3_000 }, () => random.pick(['a:', 'X_Y: 1', 'Via: 1.1 a']))),
    ),
    reads: true,
  }),
  'sends values that are looked into': (random) => ({
    bytes: filled(
      get(
        '/none',
        `${random.pick(['Accept', 'Connection', 'Expect', 'Upgrade', 'TE', 'Forwarded', 'X-Forwarded-Proto', 'Via', 'Authorization'])}: ${filled(random.pick([' ', ',', 'a,', '"', '\\"', '/*+', ';=']), HEAD_BYTES)}`,
      ),
    ),
    reads: true,
  }),
  'sends rubbish': (random) => ({ bytes: random.bytes(SHARE), reads: true }),
  'sends a head a piece at a time': () => ({ bytes: 'GET / HTTP/1.1\r\nHost: a', reads: true, pieces: 20 }),
  'asks the server for much and reads nothing': () => ({ bytes: get('/large'), reads: false }),
  'opens streams of events and reads nothing': () => ({
    bytes: filled('GET /api/events HTTP/1.1\r\nHost: a\r\n\r\n', 20_000),
    reads: false,
    toStatus: true,
  }),
  'asks the status server for all it has': (random) => ({
    bytes: filled(
      `GET ${random.pick(['/metrics', '/api/history', '/api/status', '/'])} HTTP/1.1\r\nHost: a\r\n\r\n`,
      20_000,
    ),
    reads: random.maybe(0.5),
    toStatus: true,
  }),
}
