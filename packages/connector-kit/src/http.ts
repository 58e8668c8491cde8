/** One request to a far end. Header names are sent as written. */
export type HttpRequest = {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  url: string
  headers: Record<string, string>
  body?: string
}

/** Why no complete answer came. `refused`: the guard forbids the address; it was never contacted. */
export type HttpFailureReason = 'refused' | 'dns' | 'connect' | 'tls' | 'timeout' | 'reset' | 'bad_answer' | 'bad_request'

export type HttpAnswer = {
  kind: 'answer'
  status: number
  headers: Record<string, string>
  /** At most `bodyBytesMax` bytes as text; bytes that are not UTF-8 become U+FFFD. */
  body: string
  /** More came than was kept. */
  truncated: boolean
  durationMs: number
}

export type HttpFailure = {
  kind: 'failure'
  reason: HttpFailureReason
  /** One sentence for the person whose far end it is; never an internal address or name. */
  detail: string
  /** True when the request may have reached the far end, so sending it again may repeat it. */
  sent: boolean
  durationMs: number
}

/** How connectors reach the outside: an answer of any status and every failure are values; it never throws. */
export type Http = (request: HttpRequest, limits?: Partial<HttpLimits>) => Promise<HttpAnswer | HttpFailure>

/** Bounds over one request: `deadlineMs` covers resolve, connect, headers and body together. */
export type HttpLimits = {
  deadlineMs: number
  /** Bytes of the answer's body that are kept. */
  bodyBytesMax: number
  /** Bytes of the answer's body after which the connection is cut. */
  bodyBytesRead: number
}
