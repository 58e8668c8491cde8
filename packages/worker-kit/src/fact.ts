import type { Attempted } from '@tw/connector-kit'
import type { Attempt, Delivery } from '@tw/contracts'
import type { Outcome, Verdict } from '@tw/domain'

/** What is written of a delivery besides who and what it is. */
export type Fact = Pick<Attempt, 'status' | 'statusCode' | 'error' | 'request' | 'response' | 'responseTimeMs' | 'nextAttemptAt' | 'number' | 'startedAt'>

const STATUS = { delivered: 'delivered', retry: 'retrying', failed: 'failed' } as const

/** The attempt as the log keeps it. */
export const toAttempt = (delivery: Delivery, fact: Fact): Attempt => ({
  deliveryId: delivery.id,
  tenant: delivery.tenant,
  connector: delivery.connector,
  integrationId: delivery.integrationId,
  eventId: delivery.event.id,
  eventSource: delivery.event.source,
  eventType: delivery.event.type,
  deliveryCreatedAt: delivery.createdAt,
  trigger: delivery.trigger,
  round: delivery.round,
  ...fact
})

const toError = (outcome: Outcome): string | null => outcome.kind === 'delivered' ? null : outcome.reason

/** What an attempt that was made says. */
export const toFact = (attempted: Attempted, { verdict, nextAttemptAt, number, startedAt }: { verdict: Verdict } & Pick<Fact, 'nextAttemptAt' | 'number' | 'startedAt'>): Fact => ({
  status: STATUS[verdict.kind],
  statusCode: attempted.statusCode,
  error: toError(attempted.outcome),
  request: attempted.request,
  response: attempted.response,
  responseTimeMs: attempted.responseTimeMs,
  nextAttemptAt,
  number,
  startedAt
})

/** What a delivery that ends without an attempt says. */
export const toCancelled = (error: string, startedAt: string): Fact => ({
  status: 'cancelled',
  statusCode: null,
  error,
  request: null,
  response: null,
  responseTimeMs: null,
  nextAttemptAt: null,
  number: 0,
  startedAt
})
