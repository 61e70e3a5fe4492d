import type { EtcdConnection } from './etcd-connection.js'

/** What a fault happened to. */
export interface FaultSite {
  readonly connection: EtcdConnection
  readonly host: string
  readonly key: string
}

/** Whether etcd does not take the token any more: it expired, or users and roles were changed since. */
export function isTokenRefused({ message }: Error): boolean {
  return /invalid auth token|revision of auth store is old/.test(message)
}

/** Whether an answer is more than one message holds: 4 MiB. */
export function isTooLarge({ message }: Error): boolean {
  return message.includes('message larger than max')
}

/** Whether a revision was asked for that etcd keeps no more. */
export function isCompacted({ message }: Error): boolean {
  return message.includes('required revision has been compacted')
}

/** Whether the user may not read what was asked for. */
export function isDenied({ message }: Error): boolean {
  return message.includes('etcdserver: permission denied')
}

/** What etcd or the network said, in one line, and after it what that means here, where that is known. */
export function describeFault(message: string, site: FaultSite): string {
  const reason = plainReason(message)
  const meaning = MEANINGS.find(([pattern]) => pattern.test(reason))?.[1](site)
  return meaning === undefined ? reason : `${reason}; ${meaning}`
}

/** Of what a store says, in characters: enough for people, and for expressions that are slow on long texts. */
const MAX_LENGTH = 2_000

/** gRPC wraps what happened in codes, headings that nothing follows, and times; OpenSSL in the lines of its sources. */
function plainReason(message: string): string {
  const plain = message
    .slice(0, MAX_LENGTH)
    .replace(/^\d+ [A-Z_]+: /, '')
    .replace(/\s*Resolution note:\s*$/, '')
    .replace(/^No connection established\. Last error: /, '')
    .replace(/^Error(?: \[\w+\])?: /, '')
    .replace(/\s*\(\d{4}-\d\d-\d\dT[\d:.]+Z\)/, '')
    .replace(/^[\dA-F]+:error:[\dA-F]+:[^:]*:[^:]*:([^:]*):[^\n]*/, '$1')
    .replace(/\.?\s*$/, '')
  return plain || message
}

/** The first row whose pattern fits has the meaning, if it has one at this site. Adding a meaning is adding a row. */
const MEANINGS: readonly (readonly [RegExp, (site: FaultSite) => string | undefined])[] = [
  [
    /invalid user ID or password/,
    ({ connection: { auth } }) =>
      `there is no user ${JSON.stringify(auth?.username)} with the password in auth.password`,
  ],
  [
    /authentication is not enabled/,
    ({ connection: { auth } }) =>
      `auth names the user ${JSON.stringify(auth?.username)}, but this etcd asks for none: ` +
      'run etcdctl auth enable, or remove auth',
  ],
  [/user name is empty/, () => 'this etcd asks for a user: give auth'],
  [
    /permission denied/,
    (site) => `${userOf(site)} may not read ${site.key}: see etcdctl role grant-permission`,
  ],
  [
    /invalid auth token|revision of auth store is old/,
    ({ connection: { auth } }) =>
      auth && `the token is new: etcd gave it to ${JSON.stringify(auth.username)} for the right password`,
  ],
  [
    /unable to verify|self[- ]signed certificate|unable to get (local )?issuer/,
    ({ connection: { tls } }) =>
      tls?.ca
        ? "etcd's certificate is signed by none of the authorities in tls.ca: add its authority, and those between"
        : "etcd's certificate is signed by no authority that Node trusts: give its authority as tls.ca",
  ],
  [/certificate has expired/, () => "renew etcd's certificate, or its authority's"],
  [/certificate is not yet valid/, () => "etcd's certificate begins later: look at the clocks on both sides"],
  [
    /does not match certificate's altnames/,
    () => 'hosts must name etcd by a name in its certificate, or that must be issued with this one too',
  ],
  [
    /alert (bad certificate|certificate|unknown ca|unsupported certificate|handshake failure)/,
    clientCertificate,
  ],
  [
    /wrong version number|packet length too long|before secure TLS connection/,
    () => 'this port does not speak TLS: is it an http host?',
  ],
  // A port that speaks http answers a handshake and resets the connection: the answer may be lost with it.
  [
    /ECONNRESET/,
    ({ host }) =>
      host.startsWith('https:')
        ? 'if it always is, this port does not speak TLS: is it an http host?'
        : undefined,
  ],
  [/^Failed to connect$/, hungUp],
  [/^Protocol error$/, () => 'it does not speak HTTP/2: is this an etcd?'],
  [/ECONNREFUSED/, () => 'nothing listens there'],
  [/Name resolution failed/, () => 'the name of the host is not known'],
  [
    /message larger than max/,
    ({ key }) => `the value of ${key} is no alias: expected a path of at most 1,024 bytes`,
  ],
]

function userOf({ connection: { auth, tls } }: FaultSite): string {
  if (auth) return `the user ${JSON.stringify(auth.username)}`
  return tls?.cert ? 'the user that tls.cert names' : 'a client without auth'
}

function clientCertificate({ connection: { tls } }: FaultSite): string {
  return tls?.cert
    ? 'etcd does not accept the client certificate in tls.cert: ' +
        "it must be valid now, and signed by an authority in etcd's --trusted-ca-file"
    : 'etcd asks for a client certificate: give tls.cert and tls.key'
}

/** The other side took the connection and ended it without a word. */
function hungUp(site: FaultSite): string {
  if (!site.host.startsWith('https:')) return 'it ended the connection without a word: is this an https host?'
  return `it ended the connection without a word, perhaps because ${clientCertificate(site)}`
}
