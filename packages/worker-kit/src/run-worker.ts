import { TypeCompiler } from '@sinclair/typebox/compiler'
import { consume, createPublish, createRoom, durables, ensureTopology, openBus, openIntegrationsView, type Answer, type Bus, type Message, type Reading } from '@tw/bus'
import type { Connector } from '@tw/connector-kit'
import { ANSWER_BYTES_KEPT, Delivery, TIERS, type ConnectorId } from '@tw/contracts'
import { createGuard, toGuardOptions } from '@tw/egress/guard'
import { createHttpFast } from '@tw/egress'
import { readEnv, run, type Scope } from '@tw/runtime'
import { openKeyring } from '@tw/vault'
import { createAttemptLog } from './attempt-log.ts'
import { createAttempt } from './attempt.ts'
import { createConfigurations } from './configurations.ts'
import { WorkerEnv } from './env.ts'
import { createLanes } from './lanes.ts'
import { createSettle } from './settle.ts'
import { createWait } from './wait.ts'

/** How often deliveries that waited too long for their lane are held. */
const SWEEP_MS = 100
const RESPONSE_BYTES_READ = 64 * 1_024

type Read = (message: Message) => Promise<Answer>

const deliveries = TypeCompiler.Compile(Delivery)

const parseDelivery = (message: Message): Delivery | undefined => {
  try {
    const value: unknown = JSON.parse(Buffer.from(message.data).toString())
    return deliveries.Check(value) ? value as Delivery : undefined
  } catch {
    return undefined
  }
}

/** A tier's head is its earliest: what is not due is put back until it is, and everything behind it waits as well. */
const whenDue = (read: (delivery: Delivery) => Promise<Answer>, scope: Scope): Read => async message => {
  const delivery = parseDelivery(message)
  if (delivery === undefined) {
    scope.logger.error({ subject: message.subject, sequence: message.sequence }, 'Not a delivery of this version: left in the stream for one that knows it')
    return { kind: 'nak', delayMs: 60_000 }
  }
  const waitMs = delivery.notBefore === undefined ? 0 : Date.parse(delivery.notBefore) - Date.now()
  return waitMs > 0 ? { kind: 'nak', delayMs: waitMs } : await read(delivery)
}

const openReadings = (bus: Bus, connector: ConnectorId, { read, env, scope }: { read: Read, env: WorkerEnv, scope: Scope }): Reading[] => {
  const room = createRoom(env.WORKER_IN_FLIGHT)
  const onTrouble = (error: unknown, what: string): void => scope.logger.warn({ err: error }, what)
  const prefetch = 2 * env.WORKER_IN_FLIGHT
  return [
    consume(bus, { source: { stream: 'DELIVERIES', durable: durables.worker(connector), prefetch }, enter: room.enter, read, onTrouble }),
    ...TIERS.map(tier => consume(bus, { source: { stream: 'RETRIES', durable: durables.tier(connector, tier), prefetch }, enter: room.enter, read, onTrouble }))
  ]
}

/** The whole of a worker service: delivers what its connector's streams bring until the process is told to end. */
export const runWorker = <Config>(connector: Connector<Config>): Promise<void> => run(`worker-${connector.id}`, () => readEnv(WorkerEnv), async (scope, env) => {
  const bus = await openBus({ url: env.NATS_URL, name: `worker-${connector.id}`, user: env.NATS_USER, password: env.NATS_PASSWORD })
  scope.onClose('bus', bus.close)
  await ensureTopology(bus.jsm, { replicas: env.NATS_REPLICAS, deliveryDeadlineMs: env.DELIVERY_DEADLINE_MS })

  const keyring = openKeyring(env.VAULT_KEYS)
  const configurations = createConfigurations({ connector, keyring, fetch: key => view.fetch(key) })
  const onTrouble = (error: unknown, what: string): void => scope.logger.warn({ err: error }, what)
  const view = await openIntegrationsView(bus, { replicas: env.NATS_REPLICAS, connector: connector.id, onChange: configurations, onTrouble })
  scope.onClose('integrations view', view.close)

  const limits = { deadlineMs: env.DELIVERY_DEADLINE_MS, bodyBytesMax: ANSWER_BYTES_KEPT, bodyBytesRead: RESPONSE_BYTES_READ }
  const egress = createHttpFast({ guard: createGuard(toGuardOptions(env)), limits, connections: env.LANE_IN_FLIGHT })
  scope.onClose('egress', egress.close)

  const lanes = createLanes({ inFlightMax: env.LANE_IN_FLIGHT, waitingMax: env.WORKER_IN_FLIGHT >> 1, waitMsMax: env.LANE_WAIT_MS, now: () => performance.now() })
  const sweeping = setInterval(lanes.sweep, SWEEP_MS)
  scope.onClose('lanes', () => clearInterval(sweeping))

  const publish = createPublish(bus)
  const log = createAttemptLog(publish, connector.id)
  const wait = createWait({ connector: connector.id, publish, now: Date.now, delayScale: env.RETRY_DELAY_SCALE })
  const settle = createSettle({ connector: connector.id, publish, wait, log, logger: scope.logger, metrics: scope.metrics, now: Date.now })
  const attempt = createAttempt({ connector, configurations, lanes, wait, settle, log, http: egress.http, metrics: scope.metrics, now: Date.now })
  const readings = openReadings(bus, connector.id, { read: whenDue(attempt, scope), env, scope })
  scope.onClose('readings', () => Promise.all(readings.map(reading => reading.stop())))
  scope.needs(() => bus.isConnected() ? [] : ['NATS is not connected'])
  scope.needs(() => readings.every(reading => reading.isReading()) ? [] : ['Not all consumers are being read'])
})
