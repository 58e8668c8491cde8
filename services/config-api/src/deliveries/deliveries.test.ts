import { randomUUID } from 'node:crypto'
import t from 'tap'
import { toDeliverySummary, type Attempt, type Delivery } from '@tw/contracts'
import { toSampleEvent } from '@tw/domain'
import { recordAttempts, recordDeliveries, recordEvents, recordRejected, type RejectedRow } from '@tw/store'
import { sampleAttempt, sampleDelivery } from '@tw/testkit'
import { openSubject, type Answer, type Ask } from '../app-under-test.ts'

const subject = await openSubject()
t.teardown(subject.close)
const { store, world } = subject
const ask = await subject.as('default')
const askAcme = await subject.as('acme')

const START_MS = Date.now() - 3_600_000
const toIso = (offsetMs: number): string => new Date(START_MS + offsetMs).toISOString()
const itemsOf = ({ body }: Answer): Record<string, unknown>[] => Array.isArray(body['items']) ? body['items'] : []

const createWebhook = async (as: Ask = ask, events = ['finding.created']): Promise<string> =>
  String((await as('POST', '/webhooks', { name: 'Desk', url: 'https://example.com/in', events })).body['id'])

const toDelivery = (webhook: string, atMs: number, changes: Partial<Delivery> = {}): Delivery => {
  const event = toSampleEvent('finding.created', { id: randomUUID(), at: new Date(START_MS + atMs) })
  return sampleDelivery({ event, integrationId: webhook, createdAt: toIso(atMs), ...changes })
}

const toAttempt = (delivery: Delivery, number: number, changes: Partial<Attempt> = {}): Attempt => sampleAttempt(delivery, {
  number,
  startedAt: new Date(Date.parse(delivery.createdAt) + number * 1_000).toISOString(),
  status: 'failed',
  statusCode: 500,
  error: 'The receiver answered 500',
  request: { method: 'POST', url: 'https://example.com/in', headers: { 'X-TW-Event': 'finding.created' } },
  response: { headers: { 'content-type': 'text/plain' }, body: 'no', truncated: false },
  ...changes
})

const keep = async (deliveries: Delivery[], { events = true } = {}): Promise<void> => {
  await recordDeliveries(store, deliveries.map(toDeliverySummary))
  if (events) {
    await recordEvents(store, deliveries.map(({ tenant, event, createdAt }) => ({ tenant, source: event.source, id: event.id, type: event.type, receivedAt: createdAt, body: JSON.stringify(event), test: false })))
  }
}

t.test('a delivery shows exactly what the specification names, and its attempts in order', async t => {
  const webhook = await createWebhook()
  const delivery = toDelivery(webhook, 0)
  await keep([delivery])
  await recordAttempts(store, [toAttempt(delivery, 2, { status: 'delivered', statusCode: 204, error: null, response: null }), toAttempt(delivery, 1, { status: 'retrying', nextAttemptAt: toIso(2_000) })])
  const shown = {
    id: delivery.id,
    webhookId: webhook,
    eventId: delivery.event.id,
    eventType: 'finding.created',
    status: 'delivered',
    statusCode: 204,
    responseTimeMs: 12,
    success: true,
    error: null,
    attempts: 2,
    nextAttemptAt: null,
    createdAt: delivery.createdAt
  }
  t.strictSame(itemsOf(await ask('GET', '/webhooks/deliveries')), [shown])
  const detail = (await ask('GET', `/webhooks/deliveries/${delivery.id.toUpperCase()}`)).body
  t.match(detail, shown)
  t.match(detail['history'], [
    { number: 1, status: 'retrying', success: false, statusCode: 500, error: 'The receiver answered 500', request: { method: 'POST', headers: { 'X-TW-Event': 'finding.created' } }, response: { body: 'no', truncated: false }, nextAttemptAt: toIso(2_000) },
    { number: 2, status: 'delivered', success: true, statusCode: 204, response: null }
  ])
})

t.test('lists filter by webhook, type, status, status code, event and time', async t => {
  const webhook = await createWebhook()
  const [failed, queued] = [toDelivery(webhook, 10_000), toDelivery(webhook, 20_000)]
  await keep([failed, queued])
  await recordAttempts(store, [toAttempt(failed, 1, { statusCode: 418 })])
  const idsOf = async (query: string): Promise<unknown[]> => itemsOf(await ask('GET', `/webhooks/deliveries?webhook=${webhook}&${query}`)).map(({ id }) => id)
  t.strictSame(await idsOf(''), [queued.id, failed.id])
  t.strictSame(await idsOf('status=failed'), [failed.id])
  t.strictSame(await idsOf('statusCode=418'), [failed.id])
  t.strictSame(await idsOf('statusCode=500'), [])
  t.strictSame(await idsOf(`eventId=${queued.event.id}`), [queued.id])
  t.strictSame(await idsOf('eventType=scan.failed'), [])
  t.strictSame(await idsOf(`since=${toIso(10_001)}`), [queued.id])
  t.strictSame(await idsOf(`until=${toIso(20_000)}`), [failed.id])
  t.strictSame(await idsOf(`since=${encodeURIComponent(toIso(10_000).replace('Z', '+00:00'))}&until=${toIso(10_001)}`), [failed.id])
  for (const bad of ['status=lost', 'statusCode=99', 'limit=0', 'limit=201', 'limit=x', 'since=yesterday', 'since=2026-02-30T00:00:00', 'since=0000-01-01T00:00:00Z', 'until=2016-12-31T23:59:60Z', 'colour=red', 'webhook=1', 'eventId=%00']) {
    t.match(await ask('GET', `/webhooks/deliveries?${bad}`), { status: 400, body: { code: 'TW_INVALID_REQUEST', errors: [{ pointer: `/${bad.split('=')[0]}` }] } }, bad)
  }
})

t.test('pages join without gap or double, while new deliveries come and times are equal', async t => {
  const webhook = await createWebhook()
  const deliveries = Array.from({ length: 40 }, (_, index) => toDelivery(webhook, 30_000 + Math.floor(index / 8)))
  await keep(deliveries)
  const seen: unknown[] = []
  let cursor = ''
  for (let page = 0; page < 20; page += 1) {
    const answer = await ask('GET', `/webhooks/deliveries?webhook=${webhook}&limit=7${cursor}`)
    seen.push(...itemsOf(answer).map(({ id }) => id))
    await keep([toDelivery(webhook, 40_000 + page)])
    if (answer.body['next'] === null) break
    cursor = `&cursor=${String(answer.body['next'])}`
  }
  t.equal(seen.length, 40)
  t.strictSame(new Set(seen), new Set(deliveries.map(({ id }) => id)))
  const text = cursor.slice('&cursor='.length)
  for (const bad of ['x', `${text}=`, `${text}A`, Buffer.from('1 1 x').toString('base64url'), Buffer.from('1 99999999999999999 1').toString('base64url')]) {
    t.match(await ask('GET', `/webhooks/deliveries?cursor=${bad}`), { status: 400, body: { code: 'TW_INVALID_CURSOR' } }, bad)
  }
})

t.test('a delivery is sent again as often as it is asked for, each a round of its own', async t => {
  const webhook = await createWebhook()
  const delivery = toDelivery(webhook, 50_000)
  await keep([delivery])
  world.sent.length = 0
  // Within one and the same millisecond.
  world.now = new Date()
  for (let count = 0; count < 3; count += 1) {
    t.match(await ask('POST', `/webhooks/deliveries/${delivery.id}/retry`), { status: 202, body: { deliveryId: delivery.id } })
  }
  world.now = undefined
  t.equal(new Set(world.sent.map(({ round }) => round)).size, 3)
  t.match(world.sent[0], { id: delivery.id, trigger: 'retry', attempt: 1, createdAt: delivery.createdAt, event: delivery.event, integrationId: webhook })
  t.strictSame(world.sent.map(({ round }) => round), [...world.sent].map(({ round }) => round).sort((one, other) => one - other))

  world.away = true
  t.match(await ask('POST', `/webhooks/deliveries/${delivery.id}/retry`), { status: 503, body: { code: 'TW_UNAVAILABLE' } })
  world.away = false
  await ask('POST', `/webhooks/${webhook}/disable`)
  t.match(await ask('POST', `/webhooks/deliveries/${delivery.id}/retry`), { status: 409, body: { code: 'TW_CONFLICT', detail: /enable/ } })
  await ask('DELETE', `/webhooks/${webhook}`)
  t.match(await ask('POST', `/webhooks/deliveries/${delivery.id}/retry`), { status: 409, body: { code: 'TW_CONFLICT', detail: /deleted/ } })
})

t.test('without its event a delivery cannot be sent again, and says so', async t => {
  const delivery = toDelivery(await createWebhook(), 60_000)
  await keep([delivery], { events: false })
  t.match(await ask('POST', `/webhooks/deliveries/${delivery.id}/retry`), { status: 409, body: { code: 'TW_EVENT_EXPIRED' } })
})

t.test('a replay counts what the webhook has not got, is written down, and can be cancelled', async t => {
  const webhook = await createWebhook()
  const deliveries = [0, 1, 2, 3].map(index => toDelivery(webhook, 100_000 + index))
  await keep(deliveries)
  const [first] = deliveries
  if (first !== undefined) await recordAttempts(store, [toAttempt(first, 1, { status: 'delivered', statusCode: 200, error: null })])
  const range = { since: toIso(100_000), until: toIso(100_004) }
  const replay = (body: object): Promise<Answer> => ask('POST', `/webhooks/${webhook}/replays`, { ...range, ...body })
  t.match(await replay({ dryRun: true }), { status: 200, body: { count: 3 } })
  t.match(await replay({ dryRun: true, scope: 'all' }), { status: 200, body: { count: 4 } })
  t.match(await replay({ dryRun: true, until: toIso(100_001), scope: 'all' }), { status: 200, body: { count: 1 } })
  t.match(await replay({ dryRun: true, events: ['scan.failed'] }), { status: 200, body: { count: 0 } })
  t.match(await replay({ until: range.since }), { status: 400, body: { errors: [{ pointer: '/since' }] } })
  t.match(await replay({ ratePerSecond: 0 }), { status: 400 })

  const made = await replay({ ratePerSecond: 10 })
  t.match(made, { status: 202, body: { webhookId: webhook, ...range, events: ['finding.created'], scope: 'undelivered', ratePerSecond: 10, state: 'waiting', total: 3, sent: 0 } })
  const path = `/webhooks/replays/${String(made.body['id'])}`
  t.strictSame((await ask('GET', path)).body, made.body)
  t.match(itemsOf(await ask('GET', `/webhooks/replays?webhook=${webhook}`)), [{ id: made.body['id'] }])
  t.match((await ask('POST', `${path}/cancel`)).body, { state: 'cancelled', finishedAt: String })
  t.match((await ask('POST', `${path}/cancel`)).body, { state: 'cancelled' })
  for (const [method, suffix] of [['GET', ''], ['POST', '/cancel']] as const) t.match(await askAcme(method, `${path}${suffix}`), { status: 404, body: { code: 'TW_REPLAY_NOT_FOUND' } })
  t.strictSame(itemsOf(await askAcme('GET', '/webhooks/replays')), [])
})

t.test('events that were not understood are listed as they came', async t => {
  const row = (sequence: number, payload: Buffer, changes: Partial<RejectedRow> = {}): RejectedRow => ({
    sequence,
    receivedAt: toIso(sequence),
    tenant: 'default',
    subject: 'tw.events.default.finding.created',
    reason: 'not_json',
    detail: 'Unexpected end',
    contentType: null,
    payload: payload.toString('base64'),
    bytes: payload.length,
    ...changes
  })
  await recordRejected(store, [row(1, Buffer.from('{"a"')), row(2, Buffer.from([0xff, 0]), { reason: 'not_protobuf' }), row(3, Buffer.from('x'), { tenant: 'acme' })])
  t.match(itemsOf(await ask('GET', '/rejected')), [{ sequence: 2, encoding: 'base64', payload: '/wA=' }, { sequence: 1, encoding: 'text', payload: '{"a"', detail: 'Unexpected end' }])
  t.match(itemsOf(await ask('GET', '/rejected?reason=not_json')), [{ sequence: 1 }])
  const { body } = await ask('GET', '/rejected?limit=1')
  t.match(itemsOf(await ask('GET', `/rejected?limit=1&cursor=${String(body['next'])}`)), [{ sequence: 1 }])
  t.match(itemsOf(await ask('GET', `/rejected?until=${toIso(2)}`)), [{ sequence: 1 }])
})

t.test('another tenant sees no delivery', async t => {
  const delivery = toDelivery(await createWebhook(), 70_000)
  await keep([delivery])
  t.strictSame(itemsOf(await askAcme('GET', '/webhooks/deliveries')), [])
  t.strictSame(itemsOf(await askAcme('GET', `/webhooks/deliveries?webhook=${delivery.integrationId}&eventId=${delivery.event.id}`)), [])
  for (const [method, suffix] of [['GET', ''], ['POST', '/retry']] as const) {
    t.match(await askAcme(method, `/webhooks/deliveries/${delivery.id}${suffix}`), { status: 404, body: { code: 'TW_DELIVERY_NOT_FOUND' } })
  }
})
