import { X509Certificate } from 'node:crypto'
import type { Socket } from 'node:net'
import { type ConnectionOptions, createSecureContext } from 'node:tls'

/**
 * TLS towards servers with `https` URLs: the certificates that the proxy trusts, and its own client certificate.
 *
 * @example
 * ```ts
 * const proxy = createProxy({
 *   config,
 *   upstreamTls: { ca: readFileSync('authority.pem'), cert: readFileSync('proxy.pem'), key: readFileSync('proxy.key') },
 * })
 * ```
 */
export interface UpstreamTls {
  /**
   * The certificates of the certificate authorities to trust, one or several, as PEM text or bytes. Source: Traefik's `rootCAs`.
   *
   * @default the root certificates that Node trusts
   */
  readonly ca?: string | Buffer | readonly (string | Buffer)[]
  /**
   * The client certificate that the proxy shows to servers that ask for one, as PEM. The option `key` must be given too.
   *
   * @default no client certificate
   */
  readonly cert?: string | Buffer
  /**
   * The private key of `cert`, as PEM.
   *
   * @default no key
   */
  readonly key?: string | Buffer
  /**
   * If true, the proxy accepts any certificate of any server. TLS then no longer proves who the server is. Source: Traefik's
   * `insecureSkipVerify`.
   *
   * @default false
   */
  readonly insecureSkipVerify?: boolean
}

/** Returns the options for `tls.connect` that correspond to these settings. */
export function connectionOptions({ ca, cert, key, insecureSkipVerify }: UpstreamTls): ConnectionOptions {
  return {
    ...(ca !== undefined && { ca: ca as string }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(insecureSkipVerify && { rejectUnauthorized: false }),
  }
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g

/**
 * Checks that the TLS certificates can be used. Without this check, OpenSSL would silently ignore a certificate authority that it
 * cannot read, and a client certificate without its key.
 *
 * @throws Error that says what is wrong
 */
export function checkUpstreamTls(tls: UpstreamTls): void {
  const { ca = [], cert, key } = tls
  for (const text of [ca].flat()) {
    const found = String(text).match(CERTIFICATE)
    if (!found) throw new Error('ca contains no certificate; expected PEM text, not a path')
    for (const pem of found) new X509Certificate(pem)
  }
  if ((cert === undefined) !== (key === undefined)) throw new Error('cert and key must be given together')
  if (tls.ca !== undefined || cert !== undefined) createSecureContext(connectionOptions(tls))
}

/**
 * Makes a TLS connection fail with the reason that the server gave. Over TLS 1.3, a server refuses the proxy's client certificate
 * only after the proxy has begun to send. Node then reports the reason as an error. After that, Node reports the end of the
 * connection, which would replace the reason. For a server that gives no reason, the error gets the message `UNEXPLAINED`.
 */
export function endWithReason(socket: Socket): void {
  socket.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'UND_ERR_SOCKET' && socket.bytesRead === 0) error.message = UNEXPLAINED
    socket.destroy(error)
  })
  socket.on('end', () => {
    if (socket.bytesRead === 0)
      socket.destroy(Object.assign(new Error(UNEXPLAINED), { code: 'UND_ERR_SOCKET' }))
  })
}

const UNEXPLAINED =
  'it closed the connection without a response; our client certificate may be missing or refused: see upstreamTls.cert'

/**
 * Maps TLS error codes of Node and OpenSSL to an explanation: what is wrong with a certificate, and what the operator can do.
 * Error messages contain the explanation.
 */
const MEANINGS: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'its certificate has expired: renew it',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet: check the clocks on both sides',
  CERT_REVOKED: 'its certificate has been revoked',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is self-signed: give it as upstreamTls.ca',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate authority is not trusted: give it as upstreamTls.ca',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    'its certificate has no trusted authority: give the authority as upstreamTls.ca, or let the server send intermediate ones',
  UNABLE_TO_GET_ISSUER_CERT: 'an intermediate certificate is missing: let the server send it',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its certificate authority is not trusted: give it as upstreamTls.ca',
  ERR_TLS_CERT_ALTNAME_INVALID:
    'its certificate is for another name: use a name of the certificate in the URL',
  ERR_SSL_WRONG_VERSION_NUMBER: 'it does not speak TLS on this port: is it an http URL?',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'it does not speak TLS on this port: is it an http URL?',
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED:
    'it asks for a client certificate: give upstreamTls.cert and upstreamTls.key',
  ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE:
    'it broke off the handshake; it may want a client certificate: see upstreamTls.cert',
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: 'it does not know the authority of our certificate in upstreamTls.cert',
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN: 'it does not accept our certificate in upstreamTls.cert',
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: 'it does not accept our certificate in upstreamTls.cert',
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED: 'our certificate in upstreamTls.cert has expired',
}

const TLS_CODES =
  /^(ERR_TLS|ERR_SSL|ERR_OSSL|EPROTO|CERT_|CRL_|UNABLE_TO|DEPTH_ZERO|SELF_SIGNED|ERROR_IN_C|INVALID_(CA|PURPOSE)|PATH_LENGTH|HOSTNAME_MIS)/

/** Returns whether an error code is about a certificate or a TLS handshake. Most such failures come before a request is sent. */
export function isTlsFailure(code: string): boolean {
  return TLS_CODES.test(code)
}

/** Returns the first line of an error message of OpenSSL or Node. If the error code is in `MEANINGS`, the explanation follows. */
export function describeTlsFailure(code: string, message: string): string {
  const [first = ''] = message.split('\n')
  return Object.hasOwn(MEANINGS, code) ? `${first || code}; ${MEANINGS[code]}` : first || code
}
