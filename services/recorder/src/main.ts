import { consumeBatches, durables, ensureTopology, openBus, type StreamName } from '@tw/bus'
import { readEnv, run } from '@tw/runtime'
import { ensurePartitions, isUnreachable, openStore } from '@tw/store'
import { RecorderEnv } from './env.ts'
import { createRecord } from './record.ts'
import { createWriteBatch, type Write } from './write.ts'

const HEARTBEAT_MS = 5_000
const PARTITIONS_EVERY_MS = 3_600_000

type Kept = { stream: StreamName, durable: string, lingerMs: number }

// Deliveries linger longest: by then most have an attempt, and their row is written once instead of twice.
const KEPT = {
  events: { stream: 'EVENTS', durable: durables.recorderEvents, lingerMs: 100 },
  attempts: { stream: 'ATTEMPTS', durable: durables.recorderAttempts, lingerMs: 20 },
  deliveries: { stream: 'DELIVERIES', durable: durables.recorderDeliveries, lingerMs: 250 },
  rejected: { stream: 'REJECTED', durable: durables.recorderRejected, lingerMs: 50 }
} as const satisfies Record<string, Kept>

await run('recorder', () => readEnv(RecorderEnv), async ({ logger, needs, onClose }, env) => {
  const bus = await openBus({ url: env.NATS_URL, name: 'recorder', user: env.NATS_USER, password: env.NATS_PASSWORD })
  onClose('bus', bus.close)
  await ensureTopology(bus.jsm, { replicas: env.NATS_REPLICAS, deliveryDeadlineMs: env.DELIVERY_DEADLINE_MS })

  const store = await openStore({ databaseUrl: env.DATABASE_URL })
  onClose('store', store.close)
  const onTrouble = (error: unknown, what: string): void => logger.warn({ err: error }, what)
  const preparePartitions = (): void => { ensurePartitions(store, { daysAhead: 3 }).catch(error => onTrouble(error, 'Partitions for the next days could not be made; rows go to the default one')) }
  preparePartitions()
  const preparing = setInterval(preparePartitions, PARTITIONS_EVERY_MS)
  onClose('partitions', () => clearInterval(preparing))

  const state = { stopping: false }
  const record = createRecord(store)
  const open = (kept: Kept, write: Write): ReturnType<typeof consumeBatches> => consumeBatches(bus, {
    source: { stream: kept.stream, durable: kept.durable, prefetch: 2 * env.RECORDER_BATCH },
    batchMax: env.RECORDER_BATCH,
    lingerMs: kept.lingerMs,
    heartbeatMs: HEARTBEAT_MS,
    read: createWriteBatch({ write, isAway: isUnreachable, isStopping: () => state.stopping, logger }),
    onTrouble
  })
  const readings = [open(KEPT.events, record.events), open(KEPT.attempts, record.attempts), open(KEPT.deliveries, record.deliveries), open(KEPT.rejected, record.rejected)]
  onClose('readings', () => { state.stopping = true; return Promise.all(readings.map(reading => reading.stop())) })
  needs(() => bus.isConnected() ? [] : ['NATS is not connected'])
  needs(() => readings.every(reading => reading.isReading()) ? [] : ['Not all streams are being read'])
})
