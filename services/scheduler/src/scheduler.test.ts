import { randomUUID } from 'node:crypto'
import t from 'tap'
import { createPublish, ensureTopology, openBus } from '@tw/bus'
import { EVENT_TYPES, toDeliveryId, type Attempt, type Delivery, type DisableRequest, type Event, type EventType } from '@tw/contracts'
import {
  cancelReplay, findIntegration, findReplay, insertIntegration, insertReplay, openStore, recordAttempts, recordEvents, removeIntegration, updateIntegration,
  type IntegrationRow, type NewReplay, type ReplayRow
} from '@tw/store'
import { migrate } from '@tw/store/migrate'
import { createService, example, openNats, openPostgres, sampleAttempt, sampleDelivery, until } from '@tw/testkit'
import { disableFailing } from './failing.ts'
import { createReplays, type ReplayOptions, type Replays } from './replay.ts'
import { keepRetention } from './retention.ts'

const [nats, postgres] = await Promise.all([openNats(), openPostgres()])
t.teardown(nats.close)
t.teardown(postgres.close)
await migrate(postgres.url)
const store = await openStore({ databaseUrl: postgres.url })
t.teardown(store.close)
const bus = await openBus({ url: nats.url, name: 'test' })
t.teardown(bus.close)
await ensureTopology(bus.jsm, { replicas: 1, deliveryDeadlineMs: 1_000 })
const publish = createPublish(bus)

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const START_MS = Math.floor(Date.now() / DAY_MS) * DAY_MS - 2 * HOUR_MS

const addIntegration = async (changes: Partial<IntegrationRow> = {}): Promise<IntegrationRow> => {
  const at = new Date(START_MS - 30 * DAY_MS)
  const row: IntegrationRow = {
    id: randomUUID(), tenant: randomUUID(), connector: 'webhook', name: 'one', enabled: true, disabledReason: null, events: ['finding.created'], config: { url: 'https://example.com/', retryCount: 3 }, sealed: {}, revision: 1, rotatedUntil: null, createdAt: at, updatedAt: at, ...changes
  }
  await insertIntegration(store.db, row)
  return row
}

/** Events of a tenant, one a second from START_MS on, and one before and after that no range holds. */
const addEvents = async (tenant: string, count: number, type: EventType = 'finding.created'): Promise<Event[]> => {
  const events = Array.from({ length: count }, () => ({ ...example(type), id: randomUUID() }))
  const at = (index: number): string => new Date(START_MS + index * 1_000).toISOString()
  await recordEvents(store, events.map((event, index) => ({ tenant, source: event.source, id: event.id, type, receivedAt: at(index), body: JSON.stringify(event), test: false })))
  for (const index of [-1, count]) await recordEvents(store, [{ tenant, source: '/edge', id: randomUUID(), type, receivedAt: at(index), body: '{}', test: false }])
  return events
}

let last = Date.now()
const addReplay = async ({ id: integrationId, tenant }: IntegrationRow, count: number, changes: Partial<NewReplay> = {}): Promise<ReplayRow> => insertReplay(store.db, {
  id: randomUUID(), tenant, integrationId, since: new Date(START_MS), until: new Date(START_MS + count * 1_000), eventTypes: ['finding.created'], scope: 'all', ratePerSecond: 1_000, total: count, round: BigInt(++last), createdBy: 'someone', createdAt: new Date(last), ...changes
})

const find = async ({ id, tenant }: ReplayRow): Promise<ReplayRow | undefined> => await findReplay(store.db, { id, tenant })
const findState = async (replay: ReplayRow): Promise<string | undefined> => (await find(replay))?.state

const listSent = async ({ round }: ReplayRow): Promise<Delivery[]> => {
  const { state } = await bus.jsm.streams.info('DELIVERIES')
  const sent = await Promise.all(Array.from({ length: state.last_seq }, async (_, index): Promise<Delivery[]> => {
    const stored = await bus.jsm.streams.getMessage('DELIVERIES', { seq: index + 1 }).catch(() => null)
    return stored === null ? [] : [JSON.parse(Buffer.from(stored.data).toString())]
  }))
  return sent.flat().filter(delivery => delivery.round === Number(round))
}

type Scheduler = Replays & { stop: () => void, shiftMs: (ms: number) => void, passAll: () => Promise<void> }

const createScheduler = (changes: Partial<ReplayOptions> = {}): Scheduler => {
  const state = { stopping: false, shiftMs: 0 }
  const replays = createReplays({
    store,
    publish,
    findConnector: async ({ tenant, integrationId }) => (await findIntegration(store.db, { tenant, id: integrationId }))?.connector,
    isStopping: () => state.stopping,
    onTrouble: error => { throw error },
    now: () => Date.now() + state.shiftMs,
    ...changes
  })
  return {
    ...replays,
    stop: () => { state.stopping = true },
    shiftMs: ms => { state.shiftMs = ms },
    passAll: async () => { while (await replays.begin()); await replays.ended() }
  }
}

t.test('a replay passes each event of its range and types once, in a round of its own, and ends', async t => {
  const integration = await addIntegration()
  const events = await addEvents(integration.tenant, 450)
  await addEvents(integration.tenant, 5, 'scan.failed')
  await addEvents((await addIntegration()).tenant, 5)
  const replay = await addReplay(integration, 450)
  await createScheduler().passAll()
  const sent = await listSent(replay)
  t.strictSame(sent.map(({ event }) => event.id).sort(), events.map(({ id }) => id).sort())
  t.match(sent[0], { tenant: integration.tenant, integrationId: integration.id, connector: 'webhook', trigger: 'replay', attempt: 1, holds: 0, round: Number(replay.round) })
  t.ok(sent.every(({ id, event }) => id === toDeliveryId(event, integration.id)), 'the same deliveries as before')
  t.match(await find(replay), { state: 'done', published: 450, error: null, leasedUntil: null, finishedAt: Date })
})

t.test('what was delivered is left out where only the undelivered is asked for', async t => {
  const integration = await addIntegration()
  const events = await addEvents(integration.tenant, 20)
  const delivered = events.slice(0, 12).map((event, index) =>
    sampleAttempt(sampleDelivery({ event, integrationId: integration.id, tenant: integration.tenant, createdAt: new Date(START_MS + index * 1_000).toISOString() })))
  await recordAttempts(store, delivered)
  const replay = await addReplay(integration, 20, { scope: 'undelivered', total: 8 })
  await createScheduler().passAll()
  t.strictSame((await listSent(replay)).map(({ event }) => event.id).sort(), events.slice(12).map(({ id }) => id).sort())
})

t.test('it is never faster than its rate, and a slow one holds up no other', async t => {
  const [slow, fast] = [await addIntegration(), await addIntegration()]
  await addEvents(slow.tenant, 50)
  await addEvents(fast.tenant, 50)
  const slowReplay = await addReplay(slow, 50, { ratePerSecond: 25 })
  const fastReplay = await addReplay(fast, 50)
  const startMs = performance.now()
  const scheduler = createScheduler()
  const passing = scheduler.passAll()
  await until('the fast one is done', async () => await findState(fastReplay) === 'done')
  t.equal(await findState(slowReplay), 'running')
  await passing
  t.equal((await listSent(slowReplay)).length, 50)
  t.ok(performance.now() - startMs >= 1_990, '50 events at 25 a second take two seconds')
})

t.test('a scheduler that is told to end leaves it where the next one goes on at once', async t => {
  const integration = await addIntegration()
  await addEvents(integration.tenant, 60)
  const replay = await addReplay(integration, 60, { ratePerSecond: 50 })
  const first = createScheduler()
  await first.begin()
  await until('it is in the middle', async () => ((await find(replay))?.published ?? 0) >= 20)
  first.stop()
  t.equal(await first.begin(), false, 'nothing is begun any more')
  await first.ended()
  const { published = 0, state } = await find(replay) ?? {}
  t.ok(state === 'running' && published < 60)
  await createScheduler().passAll()
  t.match(await find(replay), { state: 'done', published: 60 })
  t.equal((await listSent(replay)).length, 60, 'nothing is left out, and nothing comes twice')
})

t.test('one that dies loses its lease, and what it published without saying so is not stored twice', async t => {
  const integration = await addIntegration()
  await addEvents(integration.tenant, 60)
  const replay = await addReplay(integration, 60, { ratePerSecond: 50 })
  const published: string[] = []
  const dying = createScheduler({
    publish: async publication => {
      // It dies with its third page half published.
      if (published.length === 25) return await new Promise(() => undefined)
      published.push(publication.messageId ?? '')
      await publish(publication)
    }
  })
  await dying.begin()
  await until('it hangs', async () => published.length === 25)
  t.match(await find(replay), { state: 'running', published: 20 })
  const other = createScheduler()
  t.equal(await other.begin(), false, 'its lease still stands')
  other.shiftMs(31_000)
  await other.passAll()
  t.match(await find(replay), { state: 'done', published: 60 })
  t.equal((await listSent(replay)).length, 60)
})

t.test('two schedulers never take the same one', async t => {
  const replays = await Promise.all(Array.from({ length: 6 }, async () => {
    const integration = await addIntegration()
    await addEvents(integration.tenant, 3)
    return await addReplay(integration, 3)
  }))
  const taken: string[] = []
  const schedulers = Array.from({ length: 10 }, () => createScheduler({ findConnector: async ({ integrationId }) => { taken.push(integrationId); return 'webhook' } }))
  const begun = await Promise.all(schedulers.map(scheduler => scheduler.begin()))
  await Promise.all(schedulers.map(scheduler => scheduler.ended()))
  t.equal(begun.filter(Boolean).length, 6)
  t.strictSame([...taken].sort(), replays.map(({ integrationId }) => integrationId).sort())
  for (const replay of replays) t.match(await find(replay), { state: 'done', published: 3 })
})

t.test('a cancelled one stops within a page and stays cancelled', async t => {
  const integration = await addIntegration()
  await addEvents(integration.tenant, 100)
  const replay = await addReplay(integration, 100, { ratePerSecond: 50 })
  const scheduler = createScheduler()
  const passing = scheduler.passAll()
  await until('it is in the middle', async () => ((await find(replay))?.published ?? 0) >= 10)
  t.ok(await cancelReplay(store.db, { tenant: replay.tenant, id: replay.id, now: new Date() }))
  const { published = 0 } = await find(replay) ?? {}
  await passing
  t.match(await find(replay), { state: 'cancelled', published })
  t.ok((await listSent(replay)).length <= published + 10)
  await createScheduler().passAll()
  t.equal(await findState(replay), 'cancelled')
})

t.test('the replay of a deleted integration fails and says so; trouble leaves it to be taken up again', async t => {
  const [gone, away] = [await addIntegration(), await addIntegration()]
  await addEvents(gone.tenant, 3)
  await addEvents(away.tenant, 3)
  const replay = await addReplay(gone, 3)
  await removeIntegration(store.db, gone)
  await createScheduler().passAll()
  t.match(await find(replay), { state: 'failed', error: 'The integration was deleted', published: 0 })
  const troubled = await addReplay(away, 3)
  const troubles: unknown[] = []
  await createScheduler({ publish: () => Promise.reject(new Error('NATS is away')), onTrouble: error => troubles.push(error) }).passAll()
  t.match(troubles, [{ message: 'NATS is away' }])
  const later = createScheduler()
  later.shiftMs(31_000)
  await later.passAll()
  t.match(await find(troubled), { state: 'done', published: 3 })
})

const listRequests = async (): Promise<DisableRequest[]> => {
  const { state } = await bus.jsm.streams.info('DISABLE')
  return Promise.all(Array.from({ length: state.messages }, async (_, index) => JSON.parse(Buffer.from((await bus.jsm.streams.getMessage('DISABLE', { seq: state.first_seq + index })).data).toString())))
}

t.test('an integration that only failed for five days is asked to be disabled, once; one that was mended or delivered once is not', async t => {
  const nowMs = START_MS + DAY_MS
  const attempt = (of: IntegrationRow, ageMs: number, status: Attempt['status']): Attempt => {
    const at = new Date(nowMs - ageMs).toISOString()
    return sampleAttempt(sampleDelivery({ integrationId: of.id, tenant: of.tenant, createdAt: at }), { startedAt: at, status, statusCode: status === 'delivered' ? 200 : 500 })
  }
  const [failing, mended, recovered, young, disabled] = [await addIntegration(), await addIntegration(), await addIntegration(), await addIntegration(), await addIntegration({ enabled: false })]
  const days = (of: IntegrationRow, ...ages: number[]): Attempt[] => ages.map(age => attempt(of, age * DAY_MS, 'failed'))
  await recordAttempts(store, [
    ...days(failing, 4.9, 3, 1, 0.1), attempt(failing, 0.05 * DAY_MS, 'retrying'), attempt(failing, 6 * DAY_MS, 'delivered'),
    ...days(mended, 4.9, 3, 1),
    ...days(recovered, 4.9, 3), attempt(recovered, DAY_MS, 'delivered'),
    ...days(young, 3, 1),
    ...days(disabled, 4.9, 1)
  ])
  await updateIntegration(store.db, { ...mended, revision: 2, updatedAt: new Date(nowMs - DAY_MS) })
  t.equal(await disableFailing({ store, publish }, { days: 5, nowMs }), 1)
  t.equal(await disableFailing({ store, publish }, { days: 5, nowMs: nowMs + 60_000 }), 1)
  t.strictSame(await listRequests(), [{ tenant: failing.tenant, integrationId: failing.id, reason: 'failing', revision: 1, at: new Date(nowMs).toISOString() }], 'the repeat is stored once')
})

t.test('the service keeps partitions ahead and drops those that are over, and ends in good order in the middle of a replay', async t => {
  const old = new Date(Date.now() - 40 * DAY_MS).toISOString().slice(0, 10).replaceAll('-', '')
  const from = `${old.slice(0, 4)}-${old.slice(4, 6)}-${old.slice(6)}`
  await store.db.$executeRawUnsafe(`CREATE TABLE events_${old} PARTITION OF events FOR VALUES FROM ('${from} 00:00:00+00') TO ('${new Date(Date.parse(from) + DAY_MS).toISOString().slice(0, 10)} 00:00:00+00')`)
  const integration = await addIntegration({ events: EVENT_TYPES.slice(0, 1) })
  await addEvents(integration.tenant, 200)
  const replay = await addReplay(integration, 200, { ratePerSecond: 50 })
  const scheduler = await createService({ name: 'scheduler', env: { NATS_URL: nats.url, DATABASE_URL: postgres.url } })
  t.teardown(async () => { await scheduler.kill('SIGKILL') })
  await scheduler.start()
  await until('it replays', async () => ((await find(replay))?.published ?? 0) >= 20)
  t.equal(await scheduler.kill('SIGTERM'), 0)
  const { published = 0 } = await find(replay) ?? {}
  t.ok(published < 200)
  await scheduler.start()
  await until('it is done', async () => await findState(replay) === 'done')
  t.equal((await listSent(replay)).length, 200)
  const names = (await store.db.$queryRaw<{ name: string }[]>`SELECT child.relname AS name FROM pg_inherits JOIN pg_class child ON child.oid = inhrelid`).map(({ name }) => name)
  const inSixDays = new Date(Date.now() + 6 * DAY_MS).toISOString().slice(0, 10).replaceAll('-', '')
  for (const table of ['events', 'deliveries', 'attempts', 'rejected']) t.ok(names.includes(`${table}_${inSixDays}`), table)
  t.notOk(names.includes(`events_${old}`))
  const said: object[] = []
  const say = (fields: object): void => { said.push(fields) }
  await keepRetention(store, { retentionDays: 30, logger: { debug: say, info: say, warn: say, error: say } })
  t.strictSame(said, [], 'what is done is not done again')
})
