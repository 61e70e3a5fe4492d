import { GOT_OK, get, OURS, post, type RawCase, REFUSED, seen } from './case.js'

/** Twins, sent by a stranger unless options say otherwise; `left` are the lines that the server gets. */
const drops = (headers: string[], left: string[] = []) => ({
  send: get(...headers),
  server: seen('GET /', left),
  client: GOT_OK,
  open: true,
})
const keep = { underscoreHeaders: 'keep' } as const
const refuse = { underscoreHeaders: 'refuse' } as const
const trusting = { trustedProxies: ['127.0.0.1'] }
const chain = [
  'X-Forwarded-For: 1.2.3.4, 127.0.0.1',
  'X-Forwarded-Proto: http',
  'X-Forwarded-Host: a.b',
  'X-Forwarded-Port: 80',
  'X-Real-Ip: 1.2.3.4',
  'Via: 1.1 switchover-ID',
]
const trusted = (headers: string[], left: string[], options: RawCase['options'] = {}) => ({
  send: get('X-Forwarded-For: 1.2.3.4', ...headers),
  options: { ...trusting, ...options },
  server: seen('GET /', [...left, ...chain]).replace(`${OURS}\r\n`, ''),
  client: GOT_OK,
  open: true,
})

/** Names that servers may read as those of other fields (RFC 9110, 17.10). */
export const lookAlikes: readonly RawCase[] = [
  {
    section: 'RFC 9110 17.10: a twin of a coding beside a length',
    name: 'Transfer_Encoding beside Content-Length',
    send: post(['Transfer_Encoding: chunked', 'Content-Length: 5'], 'hello'),
    server: seen('POST /', [], { framing: ['content-length: 5'], body: 'hello' }),
    client: GOT_OK,
    open: true,
  },
  {
    section: 'RFC 9110 17.10: a twin of a length beside chunks',
    name: 'Content_Length beside chunks',
    send: post(['Content_Length: 50', 'Transfer-Encoding: chunked'], '5\r\nhello\r\n0\r\n\r\n'),
    server: seen('POST /', [], { framing: ['transfer-encoding: chunked'], body: '5\r\nhello\r\n0\r\n\r\n' }),
    client: GOT_OK,
    open: true,
  },
  {
    section: 'RFC 9110 17.10: twins without the field itself',
    name: 'twins of fields that frame',
    ...drops([
      'TRANSFER_ENCODING: chunked',
      'content_length: 5',
      'Keep_Alive: timeout=5',
      'Proxy_Connection: close',
      'Proxy_Authorization: Basic eDp5',
      'HTTP2_Settings: AAMAAABk',
      'Max_Forwards: 0',
    ]),
  },
  {
    section: 'RFC 9110 17.10: twins of what this proxy writes',
    name: 'twins of forwarding fields',
    ...drops([
      'X_Forwarded_For: 1.2.3.4',
      'X-Forwarded_Host: evil',
      'x_forwarded-proto: https',
      'X_FORWARDED_PORT: 1',
      'X_Forwarded_Prefix: /admin',
      'X_Forwarded_User: root',
      'X_Forwarded_Tls_Client_Cert: x',
      'X_Real_IP: 1.2.3.4',
      'X_Replaced_Path: /admin',
    ]),
  },
  {
    section: 'PHP folds dots, lighttpd and Apache 2.2 all but letters and digits',
    name: 'twins with other signs than underscores',
    ...drops([
      'X.Forwarded.For: 1.2.3.4',
      'X~Forwarded~For: 1.2.3.4',
      'X+Real+Ip: 1.2.3.4',
      "X!Forwarded#Proto'x: https",
      'Transfer.Encoding: chunked',
      'Content*Length: 5',
      'X-Forwarded.For: 1.2.3.4',
      'X^Replaced`Path: /',
    ]),
  },
  {
    section: 'a name of the client alone may have underscores',
    name: 'underscores in names that are no twins',
    ...drops(
      [
        'X_User: a',
        'session_id: b',
        'X_Forwarded: c',
        'Content_Type: d',
        '_: e',
        'X.Y~Z: f',
        'For_warded: g',
      ],
      [
        'X_User: a',
        'session_id: b',
        'X_Forwarded: c',
        'Content_Type: d',
        '_: e',
        'X.Y~Z: f',
        'For_warded: g',
      ],
    ),
  },
  {
    section: 'a twin of a trusted proxy is none that it wrote itself',
    name: 'twins that a trusted proxy passes on',
    ...trusted(
      ['X_Forwarded_For: 6.6.6.6', 'X_Forwarded_User: root', 'X-Forwarded-User: me', 'X.Real.Ip: 6.6.6.6'],
      ['X-Forwarded-User: me'],
    ),
  },
  {
    section: "underscoreHeaders: 'keep' passes framing twins on",
    name: 'twins of fields that frame, kept',
    options: keep,
    ...drops(
      ['Transfer_Encoding: chunked', 'Content_Length: 5'],
      ['Transfer_Encoding: chunked', 'Content_Length: 5'],
    ),
  },
  {
    section: "underscoreHeaders: 'keep' keeps nothing that a stranger forged",
    name: 'twins of forwarding fields of a stranger, kept',
    options: keep,
    ...drops([
      'X_Forwarded_For: 1.2.3.4',
      'X_Forwarded_User: root',
      'X_Real_Ip: 1.2.3.4',
      'X_Replaced_Path: /',
    ]),
  },
  {
    section: "underscoreHeaders: 'keep' believes a trusted proxy, but not beside what is written anew",
    name: 'twins of forwarding fields of a trusted proxy, kept',
    ...trusted(['X_Forwarded_For: 6.6.6.6', 'X_Forwarded_User: root'], ['X_Forwarded_User: root'], keep),
  },
  ...[
    ['Transfer_Encoding: chunked', 'a coding'],
    ['X_Forwarded_For: 1.2.3.4', 'a forwarding field'],
    ['X.Real.Ip: 1.2.3.4', 'a forwarding field with dots'],
    ['x-forwarded_anything: 1', 'any X-Forwarded field'],
  ].map(
    ([line = '', what]): RawCase => ({
      section: `underscoreHeaders: 'refuse' refuses ${what}`,
      name: `a twin of ${what}, refused`,
      send: get(line),
      options: refuse,
      ...REFUSED,
    }),
  ),
  {
    section: "underscoreHeaders: 'refuse' asks for no route",
    name: 'a twin without a route, refused',
    send: get('X_Forwarded_For: 1.2.3.4'),
    options: refuse,
    rule: 'Path:/-probe',
    ...REFUSED,
  },
  {
    section: "underscoreHeaders: 'refuse' refuses a trusted proxy's too",
    name: 'a twin of a trusted proxy, refused',
    send: get('X_Forwarded_User: root'),
    options: { ...refuse, ...trusting },
    ...REFUSED,
  },
  {
    section: "underscoreHeaders: 'refuse' lets other names through",
    name: 'underscores in names that are no twins, where twins are refused',
    options: refuse,
    ...drops(['X_User: a', 'session_id: b'], ['X_User: a', 'session_id: b']),
  },
  {
    section: 'rules see no twin that servers do not get',
    name: 'a rule on a twin',
    send: get('X_Forwarded_For: 1.2.3.4'),
    rule: 'Path(`/-probe`) || HeaderRegexp(`X_Forwarded_For`, `.`)',
    server: null,
    client: 404,
    open: true,
  },
]
