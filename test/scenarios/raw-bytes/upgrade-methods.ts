import { head, type RawCase, REFUSED, seen } from './case.js'

const UPGRADE = ['Connection: Upgrade', 'Upgrade: websocket']
/** Behind an upgrade that is refused: no server may see it. */
const SMUGGLED = head('GET /smuggled HTTP/1.1', 'Host: a.b')

/** Which methods ask for another protocol. */
export const upgradeMethods: readonly RawCase[] = [
  ...['POST', 'PUT', 'DELETE', 'OPTIONS', 'PROPFIND'].map(
    (method): RawCase => ({
      section: `RFC 6455 4.1: a WebSocket begins with GET, not with ${method}`,
      name: `a WebSocket by ${method}`,
      send: head(`${method} / HTTP/1.1`, 'Host: a.b', ...UPGRADE) + SMUGGLED,
      ...REFUSED,
    }),
  ),
  {
    section: 'RFC 6455 4.1: a WebSocket begins with GET, not with HEAD',
    name: 'a WebSocket by HEAD',
    send: head('HEAD / HTTP/1.1', 'Host: a.b', ...UPGRADE) + SMUGGLED,
    server: null,
    client: /^HTTP\/1\.1 400 Bad Request\r\n(?:[^\r\n]+\r\n)*Connection: close\r\n(?:[^\r\n]+\r\n)*\r\n$/,
    open: false,
  },
  {
    section: 'RFC 6455 4.1: in whatever case the protocol is written',
    name: 'a WebSocket by POST in upper case',
    send: head('POST / HTTP/1.1', 'Host: a.b', 'Connection: keep-alive, UPGRADE', 'Upgrade: WEBSOCKET'),
    ...REFUSED,
  },
  {
    section: 'upgradeProtocols: websocket stays what it is',
    name: 'a WebSocket by POST that the option upgrades names',
    send: head('POST / HTTP/1.1', 'Host: a.b', ...UPGRADE),
    options: { upgradeProtocols: ['websocket'] },
    ...REFUSED,
  },
  {
    section: 'upgradeProtocols: any method, as that of Docker',
    name: 'a protocol of the option upgradeProtocols by POST',
    send: [
      head('POST / HTTP/1.1', 'Host: a.b', 'Connection: Upgrade', 'Upgrade: tcp'),
      { when: 'client', has: '\r\n\r\n', send: 'up' },
    ],
    options: { upgradeProtocols: ['tcp'] },
    answer: head('HTTP/1.1 101 UPGRADED', 'Connection: Upgrade', 'Upgrade: tcp'),
    server: `${seen('POST /', [], { connection: 'upgrade\r\nupgrade: tcp', framing: ['content-length: 0'] })}up`,
    client: head('HTTP/1.1 101 Switching Protocols', 'Connection: Upgrade', 'Upgrade: tcp'),
    open: false,
    leaves: true,
  },
]
