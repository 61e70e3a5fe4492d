import type { EtcdConnection } from './etcd-connection.js'

/** Where a fault happened: the connection options, the host, and the key that was read or watched. */
export interface FaultSite {
  readonly connection: EtcdConnection
  readonly host: string
  readonly key: string
}

/**
 * Returns whether etcd refused the token: because the token has expired, or because users or roles have changed since it was
 * issued.
 */
export function isTokenRefused({ message }: Error): boolean {
  return /invalid auth token|revision of auth store is old/.test(message)
}

/** Returns whether an answer was too large for one gRPC message, which has at most 4 MiB. */
export function isTooLarge({ message }: Error): boolean {
  return message.includes('message larger than max')
}

/** Returns whether the requested revision was compacted, which means that etcd has deleted it. */
export function isCompacted({ message }: Error): boolean {
  return message.includes('required revision has been compacted')
}

/** Returns whether etcd refused a read because the user has no right to read the requested keys. */
export function isDenied({ message }: Error): boolean {
  return message.includes('etcdserver: permission denied')
}

/**
 * Returns the error message of etcd or of the network in one line. If the message is known, an explanation for this connection is
 * added.
 */
export function describeFault(message: string, site: FaultSite): string {
  const reason = plainReason(message)
  const meaning = MEANINGS.find(([pattern]) => pattern.test(reason))?.[1](site)
  return meaning === undefined ? reason : `${reason}; ${meaning}`
}

/** Maximum characters of an error message that are used. The regular expressions below are slow on longer texts. */
const MAX_LENGTH = 2_000

/**
 * Reduces an error message to its cause. It removes the status codes, empty headings and times that gRPC adds, and the source
 * lines that OpenSSL adds.
 */
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

/** Explanations of known error messages. The first row whose pattern matches is used. To explain a new message, add a row. */
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
        ? "etcd's certificate is not signed by an authority in tls.ca: add its authority and the intermediate ones"
        : "etcd's certificate is not signed by an authority that Node trusts: give its authority as tls.ca",
  ],
  [/certificate has expired/, () => "renew etcd's certificate, or its authority's"],
  [
    /certificate is not yet valid/,
    () => "etcd's certificate becomes valid later: check the clocks on both sides",
  ],
  [
    /does not match certificate's altnames/,
    () =>
      'hosts must have a name that is in the certificate of etcd, or the certificate must be issued for this name',
  ],
  [
    /alert (bad certificate|certificate|unknown ca|unsupported certificate|handshake failure)/,
    clientCertificate,
  ],
  [
    /wrong version number|packet length too long|before secure TLS connection/,
    () => 'this port does not speak TLS: is it an http host?',
  ],
  // If an `http` port receives a TLS handshake, it answers and resets the connection, so Node may never see the answer.
  // ECONNRESET is then the only sign.
  [
    /ECONNRESET/,
    ({ host }) =>
      host.startsWith('https:')
        ? 'if this happens each time, this port does not speak TLS: is it an http host?'
        : undefined,
  ],
  [/^Failed to connect$/, hungUp],
  [/^Protocol error$/, () => 'it does not speak HTTP/2: is this an etcd?'],
  [/ECONNREFUSED/, () => 'nothing listens there'],
  [/Name resolution failed/, () => 'the name of the host cannot be resolved'],
  [
    /message larger than max/,
    ({ key }) => `the value of ${key} is not an alias value: expected a path of at most 1,024 bytes`,
  ],
]

/** Returns words for a message that name the user as which etcd knows the proxy. */
function userOf({ connection: { auth, tls } }: FaultSite): string {
  if (auth) return `the user ${JSON.stringify(auth.username)}`
  return tls?.cert ? 'the user that tls.cert names' : 'a client without auth'
}

/** Returns advice for an etcd that refused the client certificate, or that requires one and received none. */
function clientCertificate({ connection: { tls } }: FaultSite): string {
  return tls?.cert
    ? 'etcd does not accept the client certificate in tls.cert: ' +
        "it must be valid now, and signed by an authority in etcd's --trusted-ca-file"
    : 'etcd asks for a client certificate: give tls.cert and tls.key'
}

/** Returns the likely reason why the host accepted a connection and then closed it without an answer. */
function hungUp(site: FaultSite): string {
  if (!site.host.startsWith('https:'))
    return 'it closed the connection without an answer: is this an https host?'
  return `it closed the connection without an answer, perhaps because ${clientCertificate(site)}`
}
