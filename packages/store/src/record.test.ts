import { randomUUID } from 'node:crypto'
import t from 'tap'
import fc from 'fast-check'
import { toDeliverySummary, type Attempt, type Delivery } from '@tw/contracts'
import { openPostgres, sampleAttempt, sampleDelivery } from '@tw/testkit'
import { ensurePartitions, findDelivery, listAttempts, openStore, recordAttempts, recordDeliveries, recordEvents } from './index.ts'
import { migrate } from './migrate.ts'

const postgres = await openPostgres()
t.teardown(postgres.close)
await migrate(postgres.url)
const store = await openStore({ databaseUrl: postgres.url })
t.teardown(store.close)

const createdAt = '2026-03-04T05:06:07.089Z'
const createdMs = Date.parse(createdAt)
const toIso = (offsetMs: number): string => new Date(createdMs + offsetMs).toISOString()

const delivery = (changes: Partial<Delivery> = {}): Delivery => sampleDelivery({ createdAt, ...changes })
const attempt = (of: Delivery, changes: Partial<Attempt> = {}): Attempt => sampleAttempt(of, { startedAt: toIso(1_000 * of.attempt), ...changes })

const retrying: Partial<Attempt> = { status: 'retrying', statusCode: 500, error: 'The receiver answered 500', nextAttemptAt: toIso(30_000) }

const read = async (of: Delivery): Promise<{ status: string | undefined, attempts: number | undefined, statusCode: number | null | undefined, rows: number }> => {
  const row = await findDelivery(store.db, { tenant: of.tenant, connector: 'webhook', id: of.id })
  const rows = row === undefined ? [] : await listAttempts(store.db, { id: of.id, createdAt: row.createdAt })
  return { status: row?.status, attempts: row?.attempts, statusCode: row?.statusCode, rows: rows.length }
}

t.test('a delivery is queued, retried and delivered', async t => {
  const of = delivery()
  await recordDeliveries(store, [toDeliverySummary(of)])
  t.strictSame(await read(of), { status: 'queued', attempts: 0, statusCode: null, rows: 0 })
  await recordAttempts(store, [attempt(of, retrying)])
  t.strictSame(await read(of), { status: 'retrying', attempts: 1, statusCode: 500, rows: 1 })
  await recordAttempts(store, [attempt({ ...of, attempt: 2 })])
  t.strictSame(await read(of), { status: 'delivered', attempts: 2, statusCode: 200, rows: 2 })
})

t.test('what was delivered stays delivered when the same attempt is made again after a crash', async t => {
  const of = delivery()
  await recordAttempts(store, [attempt(of)])
  await recordAttempts(store, [attempt(of, { ...retrying, startedAt: toIso(20_000) })])
  t.strictSame(await read(of), { status: 'delivered', attempts: 1, statusCode: 200, rows: 1 })
})

t.test('a person\'s retry is a round of its own and can be repeated', async t => {
  const of = delivery()
  await recordAttempts(store, [attempt(of, { ...retrying, status: 'failed' })])
  const [first, second] = [createdMs + 60_000, createdMs + 60_001]
  await recordDeliveries(store, [toDeliverySummary({ ...of, trigger: 'retry', round: first })])
  t.strictSame(await read(of), { status: 'queued', attempts: 1, statusCode: 500, rows: 1 })
  await recordAttempts(store, [
    attempt({ ...of, trigger: 'retry', round: first }, { ...retrying, status: 'failed', startedAt: toIso(61_000) }),
    attempt({ ...of, trigger: 'retry', round: second }, { startedAt: toIso(62_000) })
  ])
  t.strictSame(await read(of), { status: 'delivered', attempts: 3, statusCode: 200, rows: 3 })
})

t.test('a delivery that ends without an attempt says why and has none', async t => {
  const of = delivery()
  await recordAttempts(store, [attempt(of, { number: 0, status: 'cancelled', statusCode: null, error: 'The integration was disabled', request: null, response: null })])
  t.strictSame(await read(of), { status: 'cancelled', attempts: 0, statusCode: null, rows: 0 })
})

t.test('hostile words of a far end are kept without breaking the batch', async t => {
  const [hostile, neighbour] = [delivery(), delivery()]
  const words = 'NUL \0 half a pair \ud800 quote \' " \\ {} $1'
  await recordAttempts(store, [
    attempt(hostile, { ...retrying, error: words, response: { headers: { 'x-odd': words }, body: words, truncated: false } }),
    attempt(neighbour)
  ])
  t.equal((await read(hostile)).status, 'retrying')
  t.equal((await read(neighbour)).status, 'delivered')
})

t.test('in whatever order, batches and repeats the facts come, the log ends the same', async t => {
  const order = fc.shuffledSubarray([0, 1, 2, 3, 4], { minLength: 5, maxLength: 5 })
  await fc.assert(fc.asyncProperty(order, order, fc.integer({ min: 1, max: 5 }), async (once, again, size) => {
    const of = delivery()
    const round = createdMs + 100_000
    const facts = [
      (): Promise<void> => recordDeliveries(store, [toDeliverySummary(of)]),
      (): Promise<void> => recordAttempts(store, [attempt(of, retrying)]),
      (): Promise<void> => recordAttempts(store, [attempt({ ...of, attempt: 2 }, { ...retrying, status: 'failed' })]),
      (): Promise<void> => recordDeliveries(store, [toDeliverySummary({ ...of, round, trigger: 'retry' })]),
      (): Promise<void> => recordAttempts(store, [attempt({ ...of, round, trigger: 'retry' }, { startedAt: toIso(101_000) })])
    ]
    for (const index of [...once, ...again.slice(0, size)]) await facts[index]?.()
    t.strictSame(await read(of), { status: 'delivered', attempts: 3, statusCode: 200, rows: 3 })
  }), { numRuns: 60 })
})

t.test('an attempt that is made again after the last one, because its answer was lost in a crash, does not bring the delivery back', async t => {
  const order = fc.shuffledSubarray([0, 1, 2, 3], { minLength: 4, maxLength: 4 })
  await fc.assert(fc.asyncProperty(order, fc.boolean(), async (once, together) => {
    const of = delivery()
    const attempts = [
      attempt(of, retrying),
      attempt({ ...of, attempt: 2 }, { ...retrying, status: 'failed', statusCode: 502, nextAttemptAt: null }),
      attempt(of, { ...retrying, startedAt: toIso(50_000) })
    ]
    const facts = [() => recordDeliveries(store, [toDeliverySummary(of)]), ...attempts.map(one => () => recordAttempts(store, [one]))]
    if (together) await recordAttempts(store, once.flatMap(index => attempts.slice(index, index + 1)))
    else for (const index of once) await facts[index]?.()
    t.strictSame(await read(of), { status: 'failed', attempts: 2, statusCode: 502, rows: 2 })
  }), { numRuns: 60 })
})

t.test('what was delivered before it was cancelled is delivered, in whatever order that is heard of', async t => {
  for (const reversed of [false, true]) {
    const of = delivery()
    const facts = [attempt(of), attempt(of, { number: 0, status: 'cancelled', startedAt: toIso(50_000) })]
    for (const fact of reversed ? facts.reverse() : facts) await recordAttempts(store, [fact])
    t.strictSame(await read(of), { status: 'delivered', attempts: 1, statusCode: 200, rows: 1 })
  }
})

t.test('a batch of attempts of one delivery counts each, and two recorders at once do not stand in each other\'s way', async t => {
  const many = Array.from({ length: 50 }, () => delivery())
  const batch = many.flatMap(of => [attempt(of, retrying), attempt({ ...of, attempt: 2 })])
  await Promise.all([recordAttempts(store, batch), recordAttempts(store, [...batch].reverse()), recordDeliveries(store, many.map(toDeliverySummary))])
  const states = await Promise.all(many.map(read))
  t.ok(states.every(({ status, attempts, rows }) => status === 'delivered' && attempts === 2 && rows === 2))
})

t.test('an event is written once', async t => {
  const row = { tenant: 'default', source: '/scanner', id: randomUUID(), type: 'finding.created', receivedAt: createdAt, body: '{"text":"\\u0000"}', test: false }
  await recordEvents(store, [row, row])
  await recordEvents(store, [row])
  t.equal(await store.db.event.count({ where: { id: row.id } }), 1)
})

t.test('rows that come in while the partition of their day is made find their way', async t => {
  let written = 0
  for (let day = 0; day < 20; day += 1) {
    const now = new Date(Date.parse('2027-01-01T12:00:00Z') + day * 3 * 86_400_000)
    const state = { made: false }
    const writers = Array.from({ length: 4 }, async () => {
      while (!state.made) {
        const of = delivery({ createdAt: now.toISOString() })
        await Promise.all([recordDeliveries(store, [toDeliverySummary(of)]), recordAttempts(store, [attempt(of, { startedAt: of.createdAt })])])
        written += 1
      }
    })
    await ensurePartitions(store, { daysAhead: 0, now })
    state.made = true
    await Promise.all(writers)
  }
  t.equal(await store.db.delivery.count({ where: { createdAt: { gte: new Date('2027-01-01T00:00:00Z') }, status: 'delivered' } }), written)
  t.equal(Object((await store.db.$queryRaw<object[]>`SELECT count(*)::int AS count FROM deliveries_default WHERE created_at >= '2027-01-01'`)[0]).count, 0)
})
