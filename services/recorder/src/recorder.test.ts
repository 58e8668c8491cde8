import t from 'tap'
import { createPublish, ensureTopology, openBus, toPublication } from '@tw/bus'
import { subjects, type Attempt, type Delivery } from '@tw/contracts'
import { findDelivery, listAttempts, listRejected, openStore, type DeliveryRow } from '@tw/store'
import { migrate } from '@tw/store/migrate'
import { createService, openNats, openPostgres, sampleAttempt, sampleDelivery, until } from '@tw/testkit'

// The service itself, as its own process, between a real NATS and a real Postgres.
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
const recorder = await createService({ name: 'recorder', env: { NATS_URL: nats.url, DATABASE_URL: postgres.url } })
t.teardown(async () => { await recorder.kill('SIGKILL') })
await recorder.start()

const sayAttempts = (...attempts: Attempt[]): Promise<void> => publish({ subject: subjects.attempts('webhook'), data: JSON.stringify({ attempts }) })
const find = ({ id }: Delivery): Promise<DeliveryRow | undefined> => findDelivery(store.db, { tenant: 'default', connector: 'webhook', id })
const untilDelivered = (what: string, these: Delivery[]): Promise<void> =>
  until(what, async () => await store.db.delivery.count({ where: { id: { in: these.map(({ id }) => id) }, status: 'delivered' } }) === these.length)
const countLeft = async (stream: string): Promise<number> => (await bus.jsm.streams.info(stream)).state.messages

t.test('what each stream says stands in its table', async t => {
  const of = sampleDelivery()
  await publish({ subject: subjects.event('default', of.event.type), data: JSON.stringify(of.event), messageId: of.event.id })
  await publish(toPublication(of))
  await until('the delivery is queued', async () => (await find(of))?.status === 'queued')
  await sayAttempts(sampleAttempt(of, { status: 'retrying', statusCode: 500, error: 'The receiver answered 500' }), sampleAttempt(of, { number: 2 }))
  await untilDelivered('it is delivered', [of])
  t.match(await find(of), { attempts: 2, statusCode: 200, responseTimeMs: 12, eventType: 'finding.created', test: false })
  const { body } = Object((await store.db.event.findFirst({ where: { tenant: 'default', id: of.event.id } })))
  t.strictSame(JSON.parse(body), of.event)

  const headers = { 'Tw-Tenant': 'default', 'Tw-Subject': encodeURIComponent('tw.events.default.ö'), 'Tw-Detail': encodeURIComponent('Not quite – so'), 'Tw-Bytes': '300000', 'Tw-Received-At': '2026-01-02T03:04:05.000Z', 'tw-content-TYPE': encodeURIComponent('text/ä') }
  await publish({ subject: subjects.rejected('too_large'), data: Buffer.from([0, 255, 1]), headers })
  await until('the rejected event is listed', async () => (await listRejected(store.db, { tenant: 'default', limit: 1 })).length === 1)
  const [rejected] = await listRejected(store.db, { tenant: 'default', limit: 1 })
  t.match(rejected, { reason: 'too_large', subject: 'tw.events.default.ö', detail: 'Not quite – so', bytes: 300_000, contentType: 'text/ä', receivedAt: new Date('2026-01-02T03:04:05.000Z') })
  t.ok(Buffer.from(rejected?.payload ?? []).equals(Buffer.from([0, 255, 1])))
  await until('all is answered', async () => await countLeft('ATTEMPTS') === 0)
})

t.test('a message Postgres refuses, or nobody can read, stays in its stream and keeps no other from being written', async t => {
  const healthy = Array.from({ length: 60 }, () => sampleDelivery())
  const poison = sampleAttempt(sampleDelivery(), { responseTimeMs: 3_000_000_000 })
  await Promise.all([
    ...healthy.slice(0, 30).map(of => sayAttempts(sampleAttempt(of))),
    sayAttempts(poison),
    publish({ subject: subjects.attempts('webhook'), data: 'no attempts' }),
    publish({ subject: subjects.attempts('webhook'), data: '{"attempts":[{"deliveryId":"x"}]}' }),
    ...healthy.slice(30).map(of => sayAttempts(sampleAttempt(of)))
  ])
  await untilDelivered('its neighbours are written', healthy)
  await until('only they are left', async () => await countLeft('ATTEMPTS') === 3)
  t.equal(await findDelivery(store.db, { tenant: 'default', connector: 'webhook', id: poison.deliveryId }), undefined)
  const said = recorder.said().split('\n').filter(line => line.includes('it stays in its stream'))
  t.equal(new Set(said.map(line => JSON.parse(line).sequence)).size, 3, 'each is named')
  t.match(said.join('\n'), /out of range for type integer/)
  const after = sampleDelivery()
  await sayAttempts(sampleAttempt(after))
  await untilDelivered('what comes later is written', [after])
  await bus.jsm.streams.purge('ATTEMPTS')
})

t.test('while Postgres is away everything waits, and is written when it is back', async t => {
  const before = recorder.said().length
  await postgres.kill('SIGKILL')
  const waiting = Array.from({ length: 1_200 }, () => sampleDelivery())
  await Promise.all(waiting.flatMap(of => [publish(toPublication(of)), sayAttempts(sampleAttempt(of))]))
  await until('it says that it waits', async () => recorder.said().slice(before).includes('Postgres is away: the log waits'))
  t.ok(await countLeft('ATTEMPTS') > 0)
  await postgres.start()
  await untilDelivered('it is written', waiting)
  await until('all is answered', async () => await countLeft('ATTEMPTS') === 0)
  t.notMatch(recorder.said().slice(before), /it stays in its stream/, 'nothing was taken for a fault of its own')
  t.equal((await find(waiting[7] ?? sampleDelivery()))?.attempts, 1)
})

t.test('a Postgres that takes nothing for now, as a standby after a failover, is waited for as well', async t => {
  const setReadOnly = async (how: string): Promise<void> => {
    await store.db.$executeRawUnsafe(`ALTER SYSTEM ${how}`)
    await store.db.$queryRaw`SELECT pg_reload_conf()`
  }
  const before = recorder.said().length
  await setReadOnly('SET default_transaction_read_only = on')
  const waiting = Array.from({ length: 50 }, () => sampleDelivery())
  // The setting reaches the recorder's connections a moment later.
  for (const of of waiting) await until('it says that it waits', async () => { await sayAttempts(sampleAttempt(of)); return recorder.said().slice(before).includes('read-only') })
  await setReadOnly('RESET default_transaction_read_only')
  await untilDelivered('they are written', waiting)
  t.match(recorder.said().slice(before), /Postgres is away: the log waits/)
  t.notMatch(recorder.said().slice(before), /it stays in its stream/)
})

t.test('told to end while Postgres is away it ends in good time, and the next one writes all of it', async t => {
  await postgres.kill('SIGKILL')
  const before = recorder.said().length
  const waiting = Array.from({ length: 300 }, () => sampleDelivery())
  await Promise.all(waiting.map(of => sayAttempts(sampleAttempt(of))))
  await until('it tries', async () => recorder.said().slice(before).includes('Postgres is away'))
  const startMs = performance.now()
  t.equal(await recorder.kill('SIGTERM'), 0)
  t.ok(performance.now() - startMs < 15_000, `${Math.round(performance.now() - startMs)} ms`)
  const starting = recorder.start()
  await postgres.start()
  await starting
  await untilDelivered('it is written', waiting)
})

t.test('killed in the middle of its work it writes each attempt once', async t => {
  const many = Array.from({ length: 2_000 }, () => sampleDelivery())
  const sending = many.map(of => sayAttempts(sampleAttempt(of, { status: 'retrying', statusCode: 500 }), sampleAttempt(of, { number: 2 })))
  await untilDelivered('some are written', many.slice(100, 101))
  await recorder.kill('SIGKILL')
  await Promise.all(sending)
  await recorder.start()
  await untilDelivered('it is written', many)
  for (const of of many.slice(90, 130)) {
    const row = await find(of)
    t.strictSame([row?.attempts, (await listAttempts(store.db, { id: of.id, createdAt: row?.createdAt ?? new Date(0) })).length], [2, 2])
  }
})
