import { X509Certificate } from 'node:crypto'
import type { Socket } from 'node:net'
import { type ConnectionOptions, createSecureContext } from 'node:tls'

/** How servers with `https` URLs are spoken to. */
export interface UpstreamTls {
  /** Certificates of authorities, PEM. Default: those that Node trusts. */
  readonly ca?: string | Buffer | readonly (string | Buffer)[]
  /** Shown to servers that ask who asks, PEM, with its `key`. */
  readonly cert?: string | Buffer
  readonly key?: string | Buffer
  /** Take any certificate from anybody. Traefik's `insecureSkipVerify`. Default false. */
  readonly insecureSkipVerify?: boolean
}

/** The same in node's words. */
export function connectionOptions({ ca, cert, key, insecureSkipVerify }: UpstreamTls): ConnectionOptions {
  return {
    ...(ca !== undefined && { ca: ca as string }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(insecureSkipVerify && { rejectUnauthorized: false }),
  }
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g

/** @throws Error that says what cannot work; OpenSSL passes over authorities that it cannot read, and half of a pair */
export function checkUpstreamTls(tls: UpstreamTls): void {
  const { ca = [], cert, key } = tls
  for (const text of [ca].flat()) {
    const found = String(text).match(CERTIFICATE)
    if (!found) throw new Error('there is no certificate in ca; expected its text, not a path')
    for (const pem of found) new X509Certificate(pem)
  }
  if ((cert === undefined) !== (key === undefined)) throw new Error('cert and key go together')
  if (tls.ca !== undefined || cert !== undefined) createSecureContext(connectionOptions(tls))
}

/**
 * Makes a connection end with the reason that the server gave. Over TLS 1.3 it refuses our certificate when we have
 * begun to send; node tells the reason, then the end, and the last of them would count. Some give no reason.
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
  'it closed the connection before it said anything, as servers do that do not accept our certificate, or miss one: see upstreamTls.cert'

/** What is wrong with a server's certificate, or with ours, by node's and OpenSSL's codes: for those who must mend it. */
const MEANINGS: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'its certificate has expired: renew it',
  CERT_NOT_YET_VALID: 'its certificate begins later: look at the clocks on both sides',
  CERT_REVOKED: 'its certificate has been revoked',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is signed by itself: give it as upstreamTls.ca',
  SELF_SIGNED_CERT_IN_CHAIN: 'its authority is not one that is trusted: give it as upstreamTls.ca',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    'its certificate is signed by no authority that is trusted: give it as upstreamTls.ca, or have the server send those between',
  UNABLE_TO_GET_ISSUER_CERT: 'an authority between is missing: have the server send it',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its authority is not one that is trusted: give it as upstreamTls.ca',
  ERR_TLS_CERT_ALTNAME_INVALID:
    'its certificate is for another name: name it by one that the certificate has, in the URL',
  ERR_SSL_WRONG_VERSION_NUMBER: 'it does not speak TLS on this port: is it an http URL?',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'it does not speak TLS on this port: is it an http URL?',
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED:
    'it asks for a client certificate: give upstreamTls.cert and upstreamTls.key',
  ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE:
    'it broke off the handshake, as servers do that ask for a client certificate: see upstreamTls.cert',
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: 'it does not know the authority of our certificate in upstreamTls.cert',
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN: 'it does not accept our certificate in upstreamTls.cert',
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: 'it does not accept our certificate in upstreamTls.cert',
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED: 'our certificate in upstreamTls.cert has expired',
}

const TLS_CODES =
  /^(ERR_TLS|ERR_SSL|ERR_OSSL|EPROTO|CERT_|CRL_|UNABLE_TO|DEPTH_ZERO|SELF_SIGNED|ERROR_IN_C|INVALID_(CA|PURPOSE)|PATH_LENGTH|HOSTNAME_MIS)/

/** Whether a code tells of TLS: of a certificate, or of a handshake. Most of them come before anything was sent. */
export function isTlsFailure(code: string): boolean {
  return TLS_CODES.test(code)
}

/** What OpenSSL or node said, and what it means. */
export function describeTlsFailure(code: string, message: string): string {
  const [first = ''] = message.split('\n')
  return Object.hasOwn(MEANINGS, code) ? `${first || code}; ${MEANINGS[code]}` : first || code
}
