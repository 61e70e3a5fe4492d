import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { maskMalformedUrl } from '../../base/credentials.js'
import { onlyKnownOptions } from '../../base/known-options.js'
import { describeValue } from '../../base/messages.js'
import { flawOfAuthority } from '../../base/written-url.js'
import { asError, ProxyError } from '../../model/errors.js'

/**
 * The hosts of etcd, and how to connect to them. Each provider opens its own connections, so an application cannot pass in an
 * etcd client that it already has.
 *
 * @example
 * ```ts
 * const connection: EtcdConnection = {
 *   hosts: ['https://10.0.0.1:2379', 'https://10.0.0.2:2379'],
 *   auth: { username: 'switchover-dev', password: process.env['ETCD_PASSWORD'] ?? '' },
 *   tls: { ca: readFileSync('/etc/etcd/ca.pem') },
 * }
 * ```
 */
export interface EtcdConnection {
  /**
   * One or more URLs with a port, such as `http://127.0.0.1:2379`. All must be `http` or all `https`. A host without a URL scheme
   * is `http`. The provider tries the hosts one after another.
   */
  readonly hosts: string | readonly string[]
  /**
   * The name and password of the etcd user.
   *
   * @default no user, or the user that the client certificate names
   */
  readonly auth?: { readonly username: string; readonly password: string }
  /**
   * TLS settings, for `https` hosts only. Certificates and keys are PEM texts.
   *
   * @default the root certificates that Node trusts, and no client certificate
   */
  readonly tls?: {
    /**
     * Certificates of the certificate authorities (CAs) that may sign etcd's certificate.
     *
     * @default the root certificates that Node trusts
     */
    readonly ca?: string | Buffer
    /** The client certificate, followed by its intermediate certificates. It requires `key`. */
    readonly cert?: string | Buffer
    /** The private key that belongs to `cert`, without a passphrase. */
    readonly key?: string | Buffer
    /**
     * If true, any certificate of etcd is accepted. An attacker in the network can then read and change everything that is sent
     * between the proxy and etcd.
     *
     * @default false
     */
    readonly insecureSkipVerify?: boolean
  }
}

/** Matches an optional URL scheme, a host name or IP address, and a port. An IPv6 address is in brackets. */
const HOST = /^(?:(https?):\/\/)?(\[[\da-f:.]+(?:%\w+)?\]|[^\s/:?#@,[\]]+):(\d{1,5})\/?$/i

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g

/**
 * Refuses invalid connection options before a connection is opened.
 *
 * @throws ProxyError `PROXY_OPTION_INVALID` that names the option
 */
export function checkConnection({ hosts, auth, tls }: EtcdConnection): void {
  const all: readonly unknown[] = [hosts].flat()
  if (all.length === 0) throw invalid('hosts: expected at least one, like http://127.0.0.1:2379')
  const secure = all.map((host) => urlOf(host).startsWith('https:'))
  if (secure.includes(true) && secure.includes(false)) {
    throw invalid(
      'hosts: expected only http hosts or only https hosts; over http, a password would be sent unencrypted',
    )
  }
  if (auth !== undefined) checkAuth(auth)
  if (tls === undefined) return
  if (!secure[0]) throw invalid(`tls is given, but ${show(all[0])} is not an https host`)
  checkTls(tls)
}

/**
 * Returns the URL of an etcd host in the form that etcd3 needs: the URL scheme in lower case, and no slash at the end.
 *
 * @throws ProxyError `PROXY_OPTION_INVALID` that names the host
 */
export function urlOf(host: unknown): string {
  const [, scheme = 'http', name, port] = (typeof host === 'string' && HOST.exec(host)) || []
  if (name === undefined || Number(port) < 1 || Number(port) > 65_535) {
    const expected = 'expected a scheme, a host and a port, like http://127.0.0.1:2379, and nothing else'
    throw invalid(`hosts: ${expected}; found ${show(host)}`)
  }
  const url = `${scheme.toLowerCase()}://${name}:${port}`
  // Refuse a host that the system's name lookup reads as another address. It reads `010.0.0.7` as 8.0.0.7, for example.
  const flaw = flawOfAuthority(url)
  if (flaw) throw invalid(`hosts: ${show(host)} ${flaw}`)
  return url
}

/** Returns an etcd host as text for a message, without a password that it may contain. */
function show(host: unknown): string {
  return typeof host === 'string' ? JSON.stringify(maskMalformedUrl(host)) : describeValue(host)
}

function checkAuth(auth: NonNullable<EtcdConnection['auth']>): void {
  onlyKnownOptions(auth, ['username', 'password'], 'auth.')
  if (typeof auth.username !== 'string' || auth.username === '') {
    throw invalid(`auth.username: expected the name of an etcd user, found ${describeValue(auth.username)}`)
  }
  if (typeof auth.password !== 'string') {
    const found = auth.password === undefined ? 'nothing' : 'something else'
    throw invalid(`auth.password: expected a text, found ${found}`)
  }
}

function checkTls(tls: NonNullable<EtcdConnection['tls']>): void {
  onlyKnownOptions(tls, ['ca', 'cert', 'key', 'insecureSkipVerify'], 'tls.')
  if (tls.ca !== undefined) parseCertificates(tls.ca, 'tls.ca')
  if (typeof (tls.insecureSkipVerify ?? false) !== 'boolean')
    throw invalid(
      `tls.insecureSkipVerify: expected true or false, found ${describeValue(tls.insecureSkipVerify)}`,
    )
  if (tls.cert === undefined && tls.key === undefined) return
  if (tls.cert === undefined)
    throw invalid('tls.cert: expected the certificate that belongs to tls.key, found none')
  if (tls.key === undefined) throw invalid('tls.key: expected the key that belongs to tls.cert, found none')
  const certificate = parseCertificates(tls.cert, 'tls.cert')
  if (!certificate.checkPrivateKey(parseKey(tls.key))) {
    throw invalid('tls.key: this key does not belong to the certificate in tls.cert')
  }
}

/**
 * Parses all certificates in a PEM text.
 *
 * @returns the first certificate. In a certificate chain, that is the client's own certificate
 */
function parseCertificates(pem: unknown, option: string): X509Certificate {
  const [first, ...others] = textOf(pem, option).match(CERTIFICATE) ?? []
  if (first === undefined) {
    throw invalid(
      `${option}: expected PEM text with -----BEGIN CERTIFICATE-----; give a file's content, not its path`,
    )
  }
  try {
    for (const other of others) new X509Certificate(other)
    return new X509Certificate(first)
  } catch (thrown) {
    throw invalid(`${option}: a certificate in it cannot be read: ${asError(thrown).message}`)
  }
}

function parseKey(pem: unknown): KeyObject {
  try {
    return createPrivateKey(textOf(pem, 'tls.key'))
  } catch (thrown) {
    if (thrown instanceof ProxyError) throw thrown
    const expected = 'expected a private key as PEM text, without a passphrase'
    throw invalid(`tls.key: ${expected}; it cannot be read: ${asError(thrown).message}`)
  }
}

function textOf(pem: unknown, option: string): string {
  if (typeof pem === 'string') return pem
  if (pem instanceof Uint8Array) return Buffer.from(pem).toString('latin1')
  throw invalid(`${option}: expected PEM text, found ${describeValue(pem)}`)
}

function invalid(what: string): ProxyError {
  return new ProxyError('PROXY_OPTION_INVALID', `etcd: ${what}`)
}
