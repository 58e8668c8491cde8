import type { HttpAnswer, HttpFailure } from '@tw/connector-kit'
import { parseRetryAfter, type Outcome } from '@tw/domain'

/**
 * 2xx is delivered; 410 means the receiver wants no more (Standard Webhooks 1.0.0, "Operational considerations"); everything else, 3xx
 * included, failed and is attempted again, not before the receiver's `Retry-After`.
 */
export const classify = (answer: HttpAnswer | HttpFailure, nowMs: number): Outcome => {
  if (answer.kind === 'failure') return { kind: 'retryable', reason: answer.detail }
  if (answer.status >= 200 && answer.status < 300) return { kind: 'delivered' }
  if (answer.status === 410) return { kind: 'gone', reason: 'The receiver answered 410 Gone: the webhook was disabled' }
  const notBeforeMs = parseRetryAfter(answer.headers['retry-after'], nowMs)
  const redirect = answer.status >= 300 && answer.status < 400 ? ': redirects are not followed, give the final URL' : ''
  return { kind: 'retryable', reason: `The receiver answered ${answer.status}${redirect}`, ...(notBeforeMs === undefined ? {} : { notBeforeMs }) }
}
