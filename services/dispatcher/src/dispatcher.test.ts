import { randomUUID } from 'node:crypto'
import t from 'tap'
import { createPublish, ensureTopology, openBus, openProjection } from '@tw/bus'
import { EVENT_BYTES_MAX, EVENT_TYPES, subjects, toDeliveryId, type Delivery, type Event, type Integration } from '@tw/contracts'
import { createService, example, openNats } from '@tw/testkit'
import { CONTENT_TYPES, encodeEvent } from '@tw/wire'

// The service itself, as its own process, on a real NATS; what it reads and writes is looked at in the streams.
const nats = await openNats()
t.teardown(nats.close)
const bus = await openBus({ url: nats.url, name: 'test' })
t.teardown(bus.close)
await ensureTopology(bus.jsm, { replicas: 1, deliveryDeadlineMs: 1_000 })
const projection = await openProjection(bus, { replicas: 1 })
const publish = createPublish(bus)
const dispatcher = await createService({ name: 'dispatcher', env: { NATS_URL: nats.url } })
t.teardown(async () => { await dispatcher.kill('SIGTERM') })

const integration = (changes: Partial<Integration>): Integration => ({
  id: randomUUID(), tenant: 'default', connector: 'webhook', name: 'one', enabled: true, events: ['finding.created'], config: {}, sealed: {}, revision: 1, ...changes
})
const wanting = integration({ events: [...EVENT_TYPES] })
const alsoWanting = integration({})
const unwanting: Integration[] = [
  integration({ enabled: false }),
  integration({ events: ['scan.failed'] }),
  integration({ tenant: 'another' })
]
for (const each of [wanting, alsoWanting, ...unwanting]) await projection.put(each)
await dispatcher.start()

type Stored = { sequence: number, subject: string, data: Buffer, header: (name: string) => string | undefined }

const listStored = async (stream: string): Promise<Stored[]> => {
  const { state } = await bus.jsm.streams.info(stream)
  const sequences = Array.from({ length: state.last_seq - state.first_seq + 1 }, (_, index) => state.first_seq + index)
  return (await Promise.all(sequences.map(async sequence => {
    const stored = await bus.jsm.streams.getMessage(stream, { seq: sequence }).catch(() => undefined)
    return stored === undefined || stored === null ? [] : [{ sequence, subject: stored.subject, data: Buffer.from(stored.data), header: (name: string) => stored.header?.get(name) || undefined }]
  }))).flat()
}

const listDeliveries = async (eventId: string): Promise<Delivery[]> =>
  (await listStored('DELIVERIES')).map(({ data }): Delivery => JSON.parse(data.toString())).filter(({ event }) => event.id === eventId)

/** Resolves when the dispatcher has answered everything that was emitted. */
const untilDispatched = async (): Promise<void> => {
  for (;;) {
    const { num_pending: pending, num_ack_pending: unanswered } = await bus.jsm.consumers.info('EVENTS', 'dispatcher')
    if (pending + unanswered === 0) return
  }
}

const emit = async (event: Event, { type = event.type, data = JSON.stringify(event), headers = {} }: { type?: string, data?: string | Uint8Array, headers?: Record<string, string> } = {}): Promise<void> => {
  await publish({ subject: subjects.event('default', type), data, messageId: randomUUID(), headers })
  await untilDispatched()
}

const fresh = (changes: Partial<Event> = {}): Event => ({ ...example('finding.created'), id: randomUUID(), ...changes })
const toIds = (deliveries: Delivery[]): string[] => deliveries.map(({ integrationId }) => integrationId).sort()

t.test('an event becomes one delivery for each integration of its tenant that wants it', async t => {
  const event = fresh()
  await emit(event)
  const deliveries = await listDeliveries(event.id)
  t.strictSame(toIds(deliveries), [wanting.id, alsoWanting.id].sort())
  const [first] = deliveries
  t.match(first, { tenant: 'default', connector: 'webhook', event, trigger: 'event', round: 0, attempt: 1, holds: 0, id: toDeliveryId(event, first?.integrationId ?? '') })
  const [stored] = await listStored('EVENTS')
  t.ok(Date.parse(first?.createdAt ?? '') <= Date.now() && stored !== undefined)
})

t.test('an event nobody wants is answered and leaves nothing behind', async t => {
  const event = fresh({ type: 'sync.failed', data: example('sync.failed').data })
  await projection.put({ ...wanting, events: ['finding.created'], revision: 2 })
  await emit(event)
  t.strictSame(await listDeliveries(event.id), [])
  t.strictSame(await listStored('REJECTED'), [])
  await projection.put({ ...wanting, revision: 3 })
})

t.test('a change of the configuration counts for the next event', async t => {
  await projection.put({ ...alsoWanting, enabled: false, revision: 2 })
  const [without, again] = [fresh(), fresh()]
  await emit(without)
  t.strictSame(toIds(await listDeliveries(without.id)), [wanting.id])
  await projection.put({ ...alsoWanting, revision: 3 })
  await emit(again)
  t.strictSame(toIds(await listDeliveries(again.id)), [wanting.id, alsoWanting.id].sort())
  await projection.remove(alsoWanting)
})

t.test('a repeated event is the same delivery, stored once; the same id of another source is another event', async t => {
  const event = fresh()
  await emit(event)
  await emit(event)
  await emit({ ...event, data: { ...event.data, title: 'Changed' } })
  t.equal((await listDeliveries(event.id)).length, 1)
  await emit({ ...event, source: '/another-scanner' })
  t.equal((await listDeliveries(event.id)).length, 2)
})

t.test('every type arrives from protobuf as it does from JSON', async t => {
  for (const type of EVENT_TYPES) {
    const event = { ...example(type), id: randomUUID() }
    await emit(event, { data: encodeEvent(event, 'protobuf'), headers: { 'content-TYPE': CONTENT_TYPES.protobuf } })
    const [delivery] = await listDeliveries(event.id)
    t.match(delivery?.event, { id: event.id, type, source: event.source, data: Object }, type)
  }
})

// As whoever mends an emitter would read it.
const toRejected = (message: Stored | undefined) => {
  const said = (name: string): string => decodeURIComponent(message?.header(name) ?? '')
  return {
    stored: message?.subject,
    tenant: said('Tw-Tenant'),
    subject: said('Tw-Subject'),
    bytes: Number(said('Tw-Bytes')),
    payload: message?.data ?? Buffer.alloc(0),
    detail: said('Tw-Detail'),
    contentType: said('Tw-Content-Type'),
    receivedAt: Date.parse(said('Tw-Received-At'))
  }
}

t.test('what is no event stands in REJECTED as it came, with the reason, the sender and its headers', async t => {
  const bytes = Buffer.from([0xff, 0xfe, 0x00, 0x7b])
  const large = Buffer.concat([Buffer.from(JSON.stringify(fresh())), Buffer.alloc(EVENT_BYTES_MAX + 50_000, ' ')])
  const cases: { subject: string, data: string | Uint8Array, headers?: Record<string, string>, reason: string, tenant?: string }[] = [
    { subject: 'tw.events.default.finding.created', data: '{"oops":true}', reason: 'not_cloudevent' },
    { subject: 'tw.events.default.finding.created', data: bytes, reason: 'not_json' },
    { subject: 'tw.events.default.finding.created', data: '', reason: 'not_json' },
    { subject: 'tw.events.default.finding.created', data: bytes, headers: { 'Content-Type': CONTENT_TYPES.protobuf }, reason: 'not_protobuf' },
    { subject: 'tw.events.default.finding.created', data: 'x', headers: { 'Content-Type': 'text/plain; charset="ä\u{1F600}"' }, reason: 'bad_content_type' },
    { subject: 'tw.events.default.finding.created', data: 'x', headers: { 'Content-Type': `text/${'ä'.repeat(20_000)}` }, reason: 'bad_content_type' },
    { subject: 'tw.events.default.finding.created', data: large, reason: 'too_large' },
    { subject: 'tw.events.default.finding.created', data: JSON.stringify(fresh({ data: { title: '\ud800'.repeat(2_000) } })), reason: 'bad_data' },
    { subject: 'tw.events.default.scan.failed', data: JSON.stringify(fresh()), reason: 'subject_mismatch' },
    { subject: 'tw.events.acme.finding.deleted', data: JSON.stringify({ ...fresh(), type: 'finding.deleted' }), reason: 'unknown_type', tenant: 'acme' },
    { subject: 'tw.events.nowhere', data: '{}', reason: 'bad_subject', tenant: 'nowhere' },
    { subject: 'tw.events.ä.b.c', data: '{}', reason: 'bad_subject', tenant: '' }
  ]
  for (const { subject, data, headers = {}, reason, tenant = 'default' } of cases) {
    await publish({ subject, data, headers })
    await untilDispatched()
    const whole = Buffer.from(data)
    const rejected = toRejected((await listStored('REJECTED')).at(-1))
    const { payload, detail, contentType, receivedAt, ...said } = rejected
    t.strictSame(said, { stored: `tw.rejected.${reason}`, tenant, subject, bytes: whole.length }, `${reason} ${String(data).slice(0, 40)}`)
    t.ok(payload.equals(whole.subarray(0, EVENT_BYTES_MAX)), 'the bytes')
    t.not(detail, '')
    t.equal(contentType, (headers['Content-Type'] ?? '').slice(0, 1_000), 'the content type, however odd')
    t.ok(Math.abs(receivedAt - Date.now()) < 60_000)
  }
  t.equal((await listStored('REJECTED')).length, cases.length, 'each once')
})

t.test('an event that would be too large as JSON is rejected, not tried for ever', async t => {
  const text = '\u0001'.repeat(60_000)
  const event = fresh({ data: { ...example('finding.created').data, description: text, evidence: text, remediation: text } })
  const data = encodeEvent(event, 'protobuf')
  t.ok(data.length < EVENT_BYTES_MAX)
  await publish({ subject: subjects.event('default', event.type), data, headers: { 'Content-Type': CONTENT_TYPES.protobuf } })
  await untilDispatched()
  t.strictSame(await listDeliveries(event.id), [])
  const stored = (await listStored('REJECTED')).at(-1)
  t.equal(stored?.subject, 'tw.rejected.too_large')
  t.ok(stored?.data.equals(Buffer.from(data)))
})

t.test('what it had not answered when it was killed is dispatched by the next one, once', async t => {
  const events = Array.from({ length: 150 }, () => fresh())
  const sending = events.map(event => publish({ subject: subjects.event('default', event.type), data: JSON.stringify(event), messageId: event.id }))
  await Promise.all(sending.slice(0, 50))
  await dispatcher.kill('SIGKILL')
  await Promise.all(sending)
  await dispatcher.start()
  await untilDispatched()
  const counts = new Map<string, number>()
  for (const { data } of await listStored('DELIVERIES')) {
    const { event }: Delivery = JSON.parse(data.toString())
    counts.set(event.id, (counts.get(event.id) ?? 0) + 1)
  }
  t.strictSame(events.filter(({ id }) => counts.get(id) !== 1), [])
})
