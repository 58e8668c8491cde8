import { createPublish, dropAcked, ensureTopology, openBus } from '@tw/bus'
import { readEnv, repeat, run } from '@tw/runtime'
import { findIntegration, openStore } from '@tw/store'
import { SchedulerEnv } from './env.ts'
import { disableFailing } from './failing.ts'
import { createReplays } from './replay.ts'
import { keepRetention } from './retention.ts'

const REPLAY_EVERY_MS = 500
const ACKED_EVERY_MS = 10_000
const RETENTION_EVERY_MS = 3_600_000
const FAILING_EVERY_MS = 3_600_000

await run('scheduler', () => readEnv(SchedulerEnv), async ({ logger, needs, onClose }, env) => {
  const bus = await openBus({ url: env.NATS_URL, name: 'scheduler', user: env.NATS_USER, password: env.NATS_PASSWORD })
  onClose('bus', bus.close)
  await ensureTopology(bus.jsm, { replicas: env.NATS_REPLICAS, deliveryDeadlineMs: env.DELIVERY_DEADLINE_MS })
  const store = await openStore({ databaseUrl: env.DATABASE_URL, connections: 2 })
  onClose('store', store.close)

  const publish = createPublish(bus)
  const state = { stopping: false }
  const findConnector = async ({ tenant, integrationId }: { tenant: string, integrationId: string }) => (await findIntegration(store.db, { tenant, id: integrationId }))?.connector
  const trouble = (what: string) => (error: unknown): void => logger.warn({ err: error }, `${what} did not work and is tried again`)
  const replays = createReplays({ store, publish, findConnector, isStopping: () => state.stopping, onTrouble: trouble('Replaying'), now: Date.now })
  const repeats = [
    repeat(async () => { while (await replays.begin()); }, { everyMs: REPLAY_EVERY_MS, onTrouble: trouble('Replaying') }),
    repeat(async () => { await dropAcked(bus.jsm) }, { everyMs: ACKED_EVERY_MS, onTrouble: trouble('Removing what is acked') }),
    repeat(() => keepRetention(store, { retentionDays: env.RETENTION_DAYS, logger }), { everyMs: RETENTION_EVERY_MS, onTrouble: trouble('Retention') }),
    repeat(() => disableFailing({ store, publish }, { days: env.DISABLE_AFTER_DAYS, nowMs: Date.now() }), { everyMs: FAILING_EVERY_MS, onTrouble: trouble('Looking for failing integrations') })
  ]
  onClose('repeats', async () => {
    state.stopping = true
    await Promise.all(repeats.map(({ stop }) => stop()))
    await replays.ended()
  })
  needs(() => bus.isConnected() ? [] : ['NATS is not connected'])
})
