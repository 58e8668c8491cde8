import { randomUUID } from 'node:crypto'
import t from 'tap'
import { openPostgres } from '@tw/testkit'
import { dropPartitions, ensurePartitions, findDelivery, findEvent, isUnreachable, listDeliveries, openStore, recordEvents, StoreUnreachable } from './index.ts'
import { migrate } from './migrate.ts'

// A server in another time zone: nothing may depend on it.
const postgres = await openPostgres({ settings: { timezone: 'Asia/Kolkata' } })
const firstTime = await Promise.all([migrate(postgres.url), migrate(postgres.url)])
const store = await openStore({ databaseUrl: postgres.url })
t.teardown(async () => { await store.close(); await postgres.close() })
const { db } = store

const NOW = new Date('2026-03-10T12:00:00Z')
const event = (id: string, receivedAt: string) => ({ tenant: 'default', source: '/s', id, type: 'scan.failed', receivedAt, body: '{}', test: false })
const partitionOf = async (id: string): Promise<string | undefined> =>
  (await db.$queryRaw<{ name: string }[]>`SELECT tableoid::regclass::text AS name FROM events WHERE id = ${id}`)[0]?.name

t.test('two processes that migrate at once do it once', async t => {
  t.strictSame(firstTime.flat(), ['20260101000000_first'])
  t.strictSame(await migrate(postgres.url), [])
})

t.test('a migration that a crash cut off is run again', async t => {
  await db.$executeRaw`DROP INDEX replays_open_idx`
  await db.$executeRaw`UPDATE _prisma_migrations SET finished_at = NULL`
  t.strictSame(await migrate(postgres.url), ['20260101000000_first'])
  t.strictSame(await db.$queryRaw`SELECT count(*)::int AS count FROM pg_indexes WHERE indexname = 'replays_open_idx'`, [{ count: 1 }])
})

t.test('the tables are what the schema says', async t => {
  for (const read of [() => db.integration.findMany(), () => db.audit.findMany(), () => db.event.findMany(), () => db.delivery.findMany(), () => db.attempt.findMany(), () => db.rejected.findMany(), () => db.replay.findMany()]) {
    t.strictSame(await read(), [])
  }
})

t.test('each row goes to the partition of its day in UTC; strays move when theirs is made', async t => {
  await recordEvents(store, [event('early', '2026-03-01T23:59:59.999Z'), event('stray', '2026-03-10T00:00:00.000Z'), event('late', '2026-03-10T23:59:59.999Z')])
  t.equal(await partitionOf('stray'), 'events_default')
  const made = await ensurePartitions(store, { daysAhead: 2, now: NOW })
  t.strictSame(made.filter(name => name.startsWith('events')), ['events_20260309', 'events_20260310', 'events_20260311', 'events_20260312', 'events_20260301'])
  t.equal(made.filter(name => name.startsWith('attempts')).length, 4)
  t.strictSame(await Promise.all(['early', 'stray', 'late'].map(partitionOf)), ['events_20260301', 'events_20260310', 'events_20260310'])
  t.strictSame(await ensurePartitions(store, { daysAhead: 2, now: NOW }), [])
  await recordEvents(store, [event('stray', '2026-03-10T00:00:00.000Z')])
  t.equal(await db.event.count(), 3, 'the moved row is known again')
  t.ok(await findEvent(db, { tenant: 'default', source: '/s', id: 'stray', receivedAt: new Date('2026-03-10T00:00:00Z') }), 'found by its exact time')
  t.equal(await findEvent(db, { tenant: 'acme', source: '/s', id: 'stray', receivedAt: new Date('2026-03-10T00:00:00Z') }), undefined)
})

t.test('many processes may prepare partitions while rows come in', async t => {
  const rows = Array.from({ length: 200 }, (_, index) => event(`busy-${index}`, new Date(Date.parse('2026-04-01T00:00:00Z') + index * 1_800_000).toISOString()))
  const writing = Promise.all(rows.map(row => recordEvents(store, [row])))
  const made = (await Promise.all([0, 1, 2].map(() => ensurePartitions(store, { daysAhead: 4, now: new Date('2026-04-01T12:00:00Z') })))).flat()
  await writing
  await ensurePartitions(store, { daysAhead: 4, now: new Date('2026-04-01T12:00:00Z') })
  t.equal(new Set(made).size, made.length, 'each is made once')
  t.equal(await db.event.count({ where: { id: { startsWith: 'busy-' } } }), 200)
  t.strictSame(await db.$queryRaw`SELECT count(*)::int AS count FROM events_default`, [{ count: 0 }])
})

t.test('retention drops whole partitions of days that are over, and no row besides', async t => {
  const dropped = await dropPartitions(store, { olderThanDays: 1, now: NOW })
  t.strictSame(dropped, ['events_20260301'])
  t.equal(await partitionOf('early'), undefined)
  t.ok(await partitionOf('stray'))
  t.strictSame(await dropPartitions(store, { olderThanDays: 1, now: NOW }), [])
})

t.test('a page of 100,000 deliveries reads a page, by the index, from the partitions it needs', async t => {
  await ensurePartitions(store, { daysAhead: 1, now: new Date('2026-05-08T00:00:00Z') })
  const integrationId = randomUUID()
  // Ten days, two tenants, times that repeat.
  await db.$executeRaw`INSERT INTO deliveries (id, tenant, integration_id, connector, event_id, event_source, event_type, status, created_at, round, fact_at)
    SELECT gen_random_uuid(), CASE WHEN i % 10 = 0 THEN 'acme' ELSE 'default' END, ${integrationId}::uuid, 'webhook', 'e' || i, '/s', 'scan.failed', 'delivered',
      timestamptz '2026-05-01 00:00:00+00' + (i / 4) * interval '34 seconds', 0, now() FROM generate_series(1, 100000) i`
  for (let day = 1; day <= 10; day += 1) await ensurePartitions(store, { daysAhead: 0, now: new Date(Date.UTC(2026, 4, day)) })
  await db.$executeRaw`ANALYZE deliveries`
  const page = { tenant: 'default', connector: 'webhook' as const, limit: 50 }
  const before = { at: new Date('2026-05-03T10:00:00Z'), id: 'ffffffff-ffff-ffff-ffff-ffffffffffff' }

  const rows = await listDeliveries(db, { ...page, before })
  t.equal(rows.length, 50)
  t.ok(rows.every(({ createdAt, tenant }) => createdAt <= before.at && tenant === 'default'))
  t.ok(await findDelivery(db, { tenant: 'default', connector: 'webhook', id: rows[0]?.id ?? '' }))
  t.equal(await findDelivery(db, { tenant: 'acme', connector: 'webhook', id: rows[0]?.id ?? '' }), undefined)

  const plan = await db.$queryRaw<{ 'QUERY PLAN': string }[]>`EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, BUFFERS OFF) SELECT * FROM deliveries
    WHERE tenant = 'default' AND connector = 'webhook' AND created_at <= ${before.at} AND (created_at < ${before.at} OR (created_at = ${before.at} AND id < ${before.id}::uuid))
    ORDER BY created_at DESC, id DESC LIMIT 50`
  const text = plan.map(row => row['QUERY PLAN']).join('\n')
  t.notMatch(text, /Seq Scan on deliveries_2026|deliveries_2026050[4-9]/, text)
  t.match(text, /deliveries_20260503_tenant_created_at_id_idx/)
  t.match(text, /Index Scan Backward using deliveries_20260503\S+ .*rows=50\./)

  const startMs = performance.now()
  for (let count = 0; count < 20; count += 1) await listDeliveries(db, { ...page, before })
  const eachMs = (performance.now() - startMs) / 20
  t.comment(`a page takes ${eachMs.toFixed(1)} ms`)
  t.ok(eachMs < 100)

  const seen = new Set<string>()
  const walk = async (from: typeof before | undefined): Promise<void> => {
    const found = await listDeliveries(db, { ...page, limit: 200, since: new Date('2026-05-02T00:00:00Z'), until: new Date('2026-05-02T06:00:00Z'), before: from })
    for (const { id } of found) seen.add(id)
    const last = found.at(-1)
    if (last !== undefined) await walk({ at: last.createdAt, id: last.id })
  }
  await walk(undefined)
  t.equal(seen.size, await db.delivery.count({ where: { tenant: 'default', createdAt: { gte: new Date('2026-05-02T00:00:00Z'), lt: new Date('2026-05-02T06:00:00Z') } } }))
})

t.test('a database that is away is said clearly, without user and password, and is found again', async t => {
  await store.ready()
  await postgres.kill('SIGKILL')
  const place = new URL(postgres.url).host
  const failure = await store.ready().catch((error: unknown) => error)
  t.match(failure, { name: 'StoreUnreachable', message: `Postgres at ${place}/postgres does not answer` })
  t.notMatch(String(failure), new URL(postgres.url).password)
  for (const work of [() => db.audit.count(), () => db.$queryRaw`SELECT 1`, () => store.transaction(transaction => transaction.audit.count()), () => migrate(postgres.url)]) {
    t.ok(isUnreachable(await work().catch((error: unknown) => error)))
  }
  await t.rejects(openStore({ databaseUrl: 'not a url' }), StoreUnreachable)
  await postgres.start()
  await store.ready()
  t.notOk(isUnreachable(await db.$queryRaw`SELECT 1 / 0`.catch((error: unknown) => error)), 'a fault of ours is not taken for an outage')
  const cut = store.transaction(async transaction => { await transaction.$executeRaw`SELECT pg_sleep(60)` }).catch((error: unknown) => error)
  for (let busy = 0; busy === 0;) busy = (await db.$queryRaw<{ busy: number }[]>`SELECT count(*)::int AS busy FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'`)[0]?.busy ?? 0
  await postgres.kill('SIGKILL')
  t.ok(isUnreachable(await cut), 'a connection that broke in the middle')
  await postgres.start()
})
