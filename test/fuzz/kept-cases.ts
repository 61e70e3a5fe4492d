import { markOf } from './marks.js'
import type { Script } from './scripts.js'

const rest = { clientStays: undefined, clientEnd: 'end', serverEnd: undefined, intact: false } as const

/** Cases that failed once, by what was wrong; numbered from one, for the marks in their bytes. */
export const KEPT_CASES: Readonly<Record<string, Script>> = {
  // Its early bytes lay unread, and hid its end: the connection and the server's were kept until responseHeadMs.
  'a client that talks before it may, and leaves before the server has answered': {
    ...rest,
    kind: 'tunnel',
    number: 1,
    client: [
      `GET /raw?${markOf(1, 0)} HTTP/1.1\r\nHost: a.test\r\nX-Id: ${markOf(1, 0)}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`,
      ...Array.from({ length: 5 }, () => 'early bytes'.repeat(100)),
    ],
    server: ['HTTP/1.1 101 Switching Protocols\r\nUpgrade: web'],
  },
  // The parser believed the trailer, and refused the next response on that connection.
  'a server that ends its connection by a trailer': {
    ...rest,
    kind: 'response',
    number: 2,
    client: [`GET /raw?${markOf(2, 0)} HTTP/1.1\r\nHost: a.test\r\nX-Id: ${markOf(2, 0)}\r\n\r\n`],
    server: [
      `HTTP/1.1 200 OK\r\nX-Id: ${markOf(2, 0)}\r\nTransfer-Encoding: chunked\r\n\r\n1\r\ny\r\n0\r\nConnection: close\r\n\r\n`,
    ],
  },
  // Its connection ends with its response, and what stood behind it was served all the same.
  'requests behind one whose upgrade is not made': {
    ...rest,
    kind: 'pipeline',
    number: 4796,
    clientEnd: 'reset',
    client: [
      'DELETE /raw?i4796k',
      '0c3aa0c3z HTTP/1.1\r\nHost: a.test\r\nX-Id: i4796k0c3aa0c3z\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\nGET /raw?i4796k1c3a9f30z HTTP/1.1\r\nHost: a.test\r\nX-Id: i4796k1c3a9f30z\r\nTE: trailers\r\n\r\nOPTIONS /raw?i4796k2c3aa3e9z HTTP/1.1\r\nHost: a.test\r\nX-Id: i4796k2c3aa3e9z\r\nCookie: a=39\r\nConnection: close\r\n\r\nPATCH /echo?i4796k3c3aa256z HTTP/1.1\r\nHost: a.test\r\nX-Id: i4796k3c3aa256z\r',
      '\n\r\nOPTIONS /echo?i4796k4c3aa70fz HTTP/1.1\r\nHost: a.test\r\nX-Id: i4796k4c3aa70fz\r\nCookie: a=8\r\n\r\n',
      'GET /echo?i4796k5c3aa57cz HTTP/1.1\r\nHost: a.test\r\nX-Id: i4796k5c3aa57cz\r\nCookie: a=43\r\n\r\nHEAD /echo?i4796k6c3aaa35z HTTP/1.1\r\nHost: a.test\r\nX-Id: i4796k6c3aaa35z\r\n\r\nPOST /raw?i4796k7c3aa8a2z HTTP/1.1\r\nHost: a.test\r\nX-Id: i4796k7c3aa8a2z\r\n\r\nPUT /echo?i4796k8c3aad5bz HTTP/1.1\r\nHost: a.test\r\nX-Id: i4796k8c3aad5bz\r\nCookie: a=50\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nTransfer-Encoding: chunked\r\n\r\n1d\r\ni4796k8c3aad5bz xxxxxxxxxx i4\r\nd\r\n796k8c3aad5bz\r\n0\r\n\r\n',
    ],
    server: ['HTTP/1.1 304 Not Modified\r\nX-Id: i4796k0c3aa0c3z\r\n\r\n'],
  },
}
