import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { maskMalformedUrl } from '../../base/credentials.js'
import { onlyKnownOptions } from '../../base/known-options.js'
import { describeValue } from '../../base/messages.js'
import { flawOfAuthority } from '../../base/written-url.js'
import { asError, ProxyError } from '../../model/errors.js'

/** How to reach an etcd. The clients are ours: nobody else's may be shared with a watch. */
export interface EtcdConnection {
  /** Like `http://127.0.0.1:2379`, with a port; all `http`, or all `https`. Without a scheme, http is meant. */
  readonly hosts: string | readonly string[]
  readonly auth?: { readonly username: string; readonly password: string }
  /** PEM texts, for `https` hosts. */
  readonly tls?: {
    /** The authorities that etcd's certificate may be signed by. Absent: the root certificates that Node trusts. */
    readonly ca?: string | Buffer
    /** A client certificate, and its key without a passphrase: both or neither. */
    readonly cert?: string | Buffer
    readonly key?: string | Buffer
    /** Takes any certificate of etcd's: whoever is on the way may read and change what is said. Default false. */
    readonly insecureSkipVerify?: boolean
  }
}

/** Scheme, host and port: an IPv6 address stands in brackets. */
const HOST = /^(?:(https?):\/\/)?(\[[\da-f:.]+(?:%\w+)?\]|[^\s/:?#@,[\]]+):(\d{1,5})\/?$/i

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g

/**
 * Refuses what can never work, before anything is started.
 *
 * @throws ProxyError `PROXY_OPTION_INVALID` that names the option
 */
export function checkConnection({ hosts, auth, tls }: EtcdConnection): void {
  const all: readonly unknown[] = [hosts].flat()
  if (all.length === 0) throw invalid('expected hosts with at least one, like http://127.0.0.1:2379')
  const secure = all.map((host) => urlOf(host).startsWith('https:'))
  if (secure.includes(true) && secure.includes(false)) {
    throw invalid(
      'hosts: expected all with http or all with https: with both, a password would travel in the clear',
    )
  }
  if (auth !== undefined) checkAuth(auth)
  if (tls === undefined) return
  if (!secure[0]) throw invalid(`tls is given, but ${show(all[0])} is not an https host`)
  checkTls(tls)
}

/**
 * The host as clients take it: with a scheme in lower case, without a slash at the end.
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
  // The system's lookup of names takes them so too.
  const flaw = flawOfAuthority(url)
  if (flaw) throw invalid(`hosts: ${show(host)} ${flaw}`)
  return url
}

/** A password in a URL is not for messages. */
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

/** @returns the first one, which of a chain is the client's own */
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
