import type { Publish } from '@tw/bus'
import type { Attempted } from '@tw/connector-kit'
import { subjects, type ConnectorId, type Delivery, type DisableRequest, type Integration } from '@tw/contracts'
import { decide, type Verdict } from '@tw/domain'
import type { Logger, Metrics } from '@tw/runtime'
import type { AttemptLog } from './attempt-log.ts'
import { toAttempt, toFact } from './fact.ts'
import type { Wait } from './wait.ts'

export type SettleOptions = {
  connector: ConnectorId
  publish: Publish
  wait: Wait
  log: AttemptLog
  logger: Logger
  metrics: Metrics
  now: () => number
}

/** One attempt that was made. */
export type Made = { delivery: Delivery, integration: Integration, attempted: Attempted, retryCount: number, startedMs: number }

/** Makes of an attempt what `decide` rules; resolves when the streams hold all of it. */
export const createSettle = ({ connector, publish, wait, log, logger, metrics, now }: SettleOptions): ((made: Made) => Promise<void>) => {
  const askToDisable = async ({ tenant, id, revision }: Integration): Promise<void> => {
    const request: DisableRequest = { tenant, integrationId: id, reason: 'gone', revision, at: new Date(now()).toISOString() }
    await publish({ subject: subjects.disable(connector), data: JSON.stringify(request), messageId: `${id}:${revision}:gone` })
  }

  const obey = async (verdict: Verdict, { delivery, integration }: Made): Promise<string | null> => {
    if (verdict.kind === 'retry') return await wait.forRetry(delivery, verdict.tier)
    if (verdict.kind === 'failed' && verdict.disable) await askToDisable(integration)
    return null
  }

  const say = (verdict: Verdict, { delivery, attempted: { outcome, statusCode, responseTimeMs } }: Made): void => {
    const { id, tenant, integrationId, event, attempt } = delivery
    const reason = 'reason' in outcome ? { reason: outcome.reason } : {}
    logger.info({ delivery: id, integration: integrationId, tenant, event: event.id, type: event.type, attempt, outcome: outcome.kind, verdict: verdict.kind, statusCode, responseTimeMs, ...reason }, 'Attempt')
    metrics.count('tw_attempts_total', { connector, outcome: outcome.kind, verdict: verdict.kind })
    metrics.observe('tw_attempt_seconds', responseTimeMs / 1_000, { connector })
    if (verdict.kind === 'delivered' && attempt === 1) metrics.observe('tw_emit_to_delivered_seconds', Math.max(0, now() - Date.parse(delivery.createdAt)) / 1_000, { connector })
  }

  return async made => {
    const { delivery, attempted, retryCount, startedMs } = made
    // A test is one attempt: somebody is waiting for its answer.
    const verdict = decide(attempted.outcome, { attempt: delivery.attempt, retryCount: delivery.trigger === 'test' ? 0 : retryCount, nowMs: now() })
    const nextAttemptAt = await obey(verdict, made)
    await log(toAttempt(delivery, toFact(attempted, { verdict, nextAttemptAt, number: delivery.attempt, startedAt: new Date(startedMs).toISOString() })))
    say(verdict, made)
  }
}
