import type { Tier } from '@tw/contracts'

/** What the far end did with one attempt. A value: no exception decides what becomes of a delivery. */
export type Outcome =
  | { kind: 'delivered' }
  /** Worth another attempt, not earlier than `notBeforeMs` (ms since 1970) when the far end named a time. */
  | { kind: 'retryable', reason: string, notBeforeMs?: number }
  /** No further attempt of any delivery makes sense: the far end is gone for good. */
  | { kind: 'gone', reason: string }

/** What becomes of the delivery. */
export type Verdict =
  | { kind: 'delivered' }
  | { kind: 'retry', tier: Tier }
  | { kind: 'failed', disable: boolean }
