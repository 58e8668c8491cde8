import type { HttpFailureReason } from '@tw/connector-kit'

/** Why no complete answer came, for the person whose far end it is. */
export type Reading = { reason: HttpFailureReason, detail: string }

const REFUSED: Reading = { reason: 'connect', detail: 'The receiver refused the connection: nothing listens on that port' }
const UNREACHED: Reading = { reason: 'connect', detail: 'The receiver cannot be reached: no route to its address' }
const SLOW: Reading = { reason: 'connect', detail: 'The receiver did not accept a connection in time' }
const CUT: Reading = { reason: 'reset', detail: 'The receiver closed the connection before its answer was complete' }
const NOT_TLS: Reading = { reason: 'tls', detail: 'The receiver does not speak TLS on that port, or no version in common' }
const UNTRUSTED: Reading = { reason: 'tls', detail: 'The receiver\'s certificate is not signed by an authority this sender trusts' }
const HUGE: Reading = { reason: 'bad_answer', detail: 'The receiver sent more than 16 KiB of headers' }
const MALFORMED: Reading = { reason: 'bad_answer', detail: 'The receiver\'s answer is not valid HTTP/1.1' }
const UNSENDABLE: Reading = { reason: 'bad_request', detail: 'The request cannot be sent: a header or the URL holds a character HTTP does not allow' }
const STOPPING: Reading = { reason: 'reset', detail: 'This sender was stopping' }

// Codes of https://nodejs.org/api/errors.html, https://nodejs.org/api/tls.html#x509-certificate-error-codes and undici's errors.
const BY_CODE: Record<string, Reading> = {
  ECONNREFUSED: REFUSED,
  EHOSTUNREACH: UNREACHED,
  ENETUNREACH: UNREACHED,
  EADDRNOTAVAIL: UNREACHED,
  EACCES: UNREACHED,
  EPERM: UNREACHED,
  ETIMEDOUT: SLOW,
  UND_ERR_CONNECT_TIMEOUT: SLOW,
  ECONNRESET: CUT,
  EPIPE: CUT,
  UND_ERR_SOCKET: CUT,
  ERR_TLS_CERT_ALTNAME_INVALID: { reason: 'tls', detail: 'The receiver\'s certificate is not for this host' },
  CERT_HAS_EXPIRED: { reason: 'tls', detail: 'The receiver\'s certificate has expired' },
  CERT_NOT_YET_VALID: { reason: 'tls', detail: 'The receiver\'s certificate is not valid yet' },
  DEPTH_ZERO_SELF_SIGNED_CERT: UNTRUSTED,
  SELF_SIGNED_CERT_IN_CHAIN: UNTRUSTED,
  UNABLE_TO_GET_ISSUER_CERT: UNTRUSTED,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNTRUSTED,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNTRUSTED,
  EPROTO: NOT_TLS,
  UND_ERR_HEADERS_OVERFLOW: HUGE,
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: MALFORMED,
  HTTPParserError: MALFORMED,
  UND_ERR_INVALID_ARG: UNSENDABLE,
  UND_ERR_NOT_SUPPORTED: UNSENDABLE,
  UND_ERR_REQ_CONTENT_LENGTH_MISMATCH: UNSENDABLE,
  ERR_INVALID_ARG_TYPE: UNSENDABLE,
  UND_ERR_CLOSED: STOPPING,
  UND_ERR_DESTROYED: STOPPING
}

const BY_PREFIX: [string, Reading][] = [
  ['HPE_', MALFORMED],
  ['ERR_SSL_', NOT_TLS],
  ['ERR_TLS_', { reason: 'tls', detail: 'The receiver\'s TLS handshake failed' }],
  ['CERT_', UNTRUSTED]
]

const BEFORE_READY: Reading = { reason: 'connect', detail: 'The receiver closed the connection before it was ready' }

// undici's parser error has no code where the bytes are no HTTP at all, and a 101 nobody asked for has the code of a lost connection.
const toCode = (error: unknown): string => {
  if (!(error instanceof Error)) return ''
  if (error.message === 'bad upgrade') return 'HTTPParserError'
  return 'code' in error && error.code !== undefined ? String(error.code) : error.name
}

/** Reads an error of undici, TLS or the network. `wasSent`: whether the request may have left. */
export const readError = (error: unknown, wasSent: boolean): Reading => {
  const code = toCode(error)
  const reading = BY_CODE[code] ?? BY_PREFIX.find(([prefix]) => code.startsWith(prefix))?.[1] ?? CUT
  return reading === CUT && !wasSent ? BEFORE_READY : reading
}
