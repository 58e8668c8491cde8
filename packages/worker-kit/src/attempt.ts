// One attempt of a delivery, from the integration it names to the verdict. Guarantees: the delivery is answered only after the streams
// hold what became of it; when another attempt stands, the delivery waits in its tier before the present message is acked. So a crash
// at any point repeats, and never loses; a repeat has the same delivery id, round and number.
import { ACK, type Answer } from '@tw/bus'
import type { Attempted, Connector, Http } from '@tw/connector-kit'
import type { Delivery } from '@tw/contracts'
import type { Metrics } from '@tw/runtime'
import type { AttemptLog } from './attempt-log.ts'
import type { Configurations, Configured } from './configurations.ts'
import { toAttempt, toCancelled } from './fact.ts'
import type { Lanes } from './lanes.ts'
import type { Made } from './settle.ts'
import type { Wait } from './wait.ts'

export type AttemptOptions<Config> = {
  connector: Connector<Config>
  configurations: Configurations<Config>
  lanes: Lanes
  wait: Wait
  settle: (made: Made) => Promise<void>
  log: AttemptLog
  http: Http
  metrics: Metrics
  now: () => number
}

type Ready<Config> = Extract<Configured<Config>, { kind: 'ready' }>
type Broken = Extract<Configured<unknown>, { kind: 'broken' }>

// A far end that answers in time is healthy, whatever it thinks of the event; 429 and 5xx ask for less.
const isHealthy = ({ statusCode }: Attempted): boolean => statusCode !== null && statusCode < 500 && statusCode !== 429

// Nothing was sent, and an operator can mend it: all retries stand.
const RETRIES_WHILE_BROKEN = 9
const toNotSent = (reason: string): Attempted => ({ outcome: { kind: 'retryable', reason }, statusCode: null, responseTimeMs: 0, request: null, response: null })

/** Deals with deliveries of one connector as they come from its streams. */
export const createAttempt = <Config>({ connector, configurations, lanes, wait, settle, log, http, metrics, now }: AttemptOptions<Config>): ((delivery: Delivery) => Promise<Answer>) => {
  const cancel = async (delivery: Delivery, why: string): Promise<Answer> => {
    await log(toAttempt(delivery, toCancelled(why, new Date(now()).toISOString())))
    return ACK
  }

  const deliver = async (delivery: Delivery, { integration, config }: Ready<Config>): Promise<Answer> => {
    const admission = await lanes.enter(integration.id, delivery.holds > 0)
    if (admission.kind === 'hold') {
      await wait.forLane(delivery, admission.waitMs)
      metrics.count('tw_deliveries_held_total', { connector: connector.id })
      return ACK
    }
    const startedMs = now()
    const attempted = await connector.deliver(config, { delivery, http, nowMs: startedMs })
      // A fault of the connector must not keep its place in the lane for good.
      .catch(error => { admission.leave(false); throw error })
    admission.leave(isHealthy(attempted))
    await settle({ delivery, integration, attempted, retryCount: connector.toRetryCount(config), startedMs })
    return ACK
  }

  const say = async (delivery: Delivery, { integration, reason }: Broken): Promise<Answer> => {
    await settle({ delivery, integration, attempted: toNotSent(reason), retryCount: RETRIES_WHILE_BROKEN, startedMs: now() })
    return ACK
  }

  const attempt = async (delivery: Delivery): Promise<Answer> => {
    const configured = await configurations.find(delivery)
    if (configured.kind === 'missing') return await cancel(delivery, 'The integration was deleted before it was delivered')
    if (!configured.integration.enabled && delivery.trigger !== 'test') return await cancel(delivery, 'The integration was disabled before it was delivered: enable it and replay')
    return configured.kind === 'broken' ? await say(delivery, configured) : await deliver(delivery, configured)
  }

  // While the server is away a delivery may be handed out again although this process is still at it: it joins, and is not sent twice.
  const inProgress = new Map<string, Promise<Answer>>()
  return delivery => {
    const key = `${delivery.id}:${delivery.round}:${delivery.attempt}:${delivery.holds}`
    const begun = inProgress.get(key) ?? attempt(delivery).finally(() => inProgress.delete(key))
    inProgress.set(key, begun)
    return begun
  }
}
