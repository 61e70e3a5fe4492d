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
}
