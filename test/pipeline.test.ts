import { createHmac, randomUUID } from 'node:crypto'
import t from 'tap'
import { Webhook as Verifier } from 'standardwebhooks'
import { EVENT_TYPES, subjects, toDeliveryId, type Event } from '@tw/contracts'
import { example, openFarEnd, type FarEnd, type FarEndOptions, type Received } from '@tw/testkit'
import { CONTENT_TYPES, encodeEvent } from '@tw/wire'
import { openStack, until, type Detail, type Logged } from './stack.ts'

type Teardown = { teardown: (close: () => Promise<void>) => void }
const stack = await openStack()
t.teardown(stack.close)
t.setTimeout(110_000)

const open = async (t: Teardown, answer?: FarEndOptions['answer']): Promise<FarEnd> => {
  const farEnd = await openFarEnd(answer === undefined ? {} : { answer })
  t.teardown(farEnd.close)
  return farEnd
}

/** A webhook that is gone when its test ends. */
const add = async (t: Teardown, url: string, changes: object = {}): Promise<string> => {
  const id = await stack.addWebhook(url, changes)
  t.teardown(async () => { await stack.platform.call('DELETE', `/webhooks/${id}`) })
  return id
}

const toRaw = ({ rawHeaders }: Received): Record<string, string> =>
  Object.fromEntries(rawHeaders.flatMap((name, index) => index % 2 === 0 ? [[name, rawHeaders[index + 1] ?? '']] : []))
const isVerified = (secret: string, { body, headers }: Received): boolean => {
  const plain: Record<string, string> = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]))
  try { return new Verifier(secret).verify(body.toString(), plain) !== undefined } catch { return false }
}
const only = <T>([one]: readonly T[]): T => {
  if (one === undefined) throw new Error('Nothing came')
  return one
}
const ms = (time: string | null | undefined): number => Date.parse(time ?? '')
/** From the end of an attempt to when the next one stands, in ms. */
const toWaitMs = ({ startedAt, responseTimeMs, nextAttemptAt }: Detail['history'][number]): number => ms(nextAttemptAt) - ms(startedAt) - (responseTimeMs ?? Number.NaN)
const deliveriesOf = (webhookId: string): Promise<Logged[]> => stack.list<Logged>(`/webhooks/deliveries?webhook=${webhookId}`)
const untilDrained = (): Promise<true> => until('streams drain', async () => Object.values(await stack.waiting()).every(count => count === 0) || undefined)
// In these tests 30 s, 2 min and 10 min are:
const SCHEDULE_MS = [60, 240, 1_200]

t.test('a delivery is the specified POST, header by header, and stands in the log with what was said', async t => {
  const farEnd = await open(t, () => ({ status: 201, headers: { 'X-Answer': 'yes', 'Content-Type': 'text/plain' }, body: 'thank you' }))
  const secret = `whsec_${Buffer.from('a key of twenty-four byte').toString('base64')}`
  await add(t, `${farEnd.url}/path?query=1`, { secret, headers: { 'X-Team': 'security', Authorization: 'Bearer credential-of-the-receiver' } })
  const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
  const event = await stack.emit('finding.created', { traceparent })
  const logged = await stack.untilStatus(event.id, 'delivered')

  const request = only(farEnd.requests)
  const raw = toRaw(request)
  const id = toDeliveryId(event, logged.webhookId)
  const body = JSON.stringify({ id: event.id, type: 'finding.created', timestamp: event.time, data: event.data })
  t.equal(farEnd.requests.length, 1)
  t.equal(`${request.method} ${request.path}`, 'POST /path?query=1')
  t.equal(request.body.toString(), body, 'the body is these bytes')
  t.match(raw, {
    'Content-Type': 'application/json',
    'User-Agent': 'ThreatWeaver-Webhooks/1.0',
    'X-TW-Event': 'finding.created',
    'X-TW-Delivery': id,
    'X-TW-Signature': `sha256=${createHmac('sha256', secret).update(request.body).digest('hex')}`,
    'webhook-id': id,
    'webhook-timestamp': /^\d{10}$/,
    'webhook-signature': /^v1,[A-Za-z0-9+/]{43}=$/,
    'X-Team': 'security',
    traceparent
  })
  t.equal(request.headers.authorization, 'Bearer credential-of-the-receiver')
  t.equal(request.headers['content-length'], String(Buffer.byteLength(body)))
  t.ok(isVerified(secret, request), 'a verifier nobody here wrote accepts it')
  t.notOk(isVerified(`whsec_${Buffer.from('another key').toString('base64')}`, request))
  t.notOk(isVerified(secret, { ...request, body: Buffer.from(`${body} `) }))

  t.match(logged, { id, eventId: event.id, eventType: 'finding.created', status: 'delivered', statusCode: 201, success: true, error: null, attempts: 1, nextAttemptAt: null })
  const attempt = only(logged.history)
  t.match(attempt, { round: 0, number: 1, trigger: 'event', status: 'delivered', success: true, statusCode: 201, error: null, nextAttemptAt: null })
  t.ok(Number.isInteger(attempt.responseTimeMs) && ms(attempt.startedAt) >= ms(logged.createdAt) - 1)
  t.match(attempt.request, { method: 'POST', url: `${farEnd.url}/path?query=1`, headers: { 'X-TW-Delivery': id, 'X-TW-Signature': raw['X-TW-Signature'], 'X-Team': 'security' } })
  t.match(JSON.stringify(attempt.request?.headers), /"authorization":"\*{8}"/i, 'a secret header is masked')
  t.match(attempt.response, { body: 'thank you', truncated: false, headers: { 'x-answer': 'yes' } })
})

t.test('all twelve types arrive as they are where they are subscribed to, and no other', async t => {
  const everything = await open(t)
  const few = await open(t)
  await add(t, everything.url, { events: EVENT_TYPES, secret: 'text as it is' })
  const fewId = await add(t, few.url, { events: ['scan.completed', 'sync.failed'] })
  const disabledId = await add(t, few.url, { events: EVENT_TYPES, enabled: false })
  const events = await Promise.all(EVENT_TYPES.map(type => stack.emit(type)))
  await Promise.all(events.map(({ id }) => stack.untilLogged(id, items => items.some(({ status }) => status === 'delivered'))))
  await untilDrained()
  t.strictSame(everything.requests.map(({ headers }) => headers['x-tw-event']).sort(), [...EVENT_TYPES].sort())
  for (const { body, headers } of everything.requests) {
    const { id, type, timestamp, data, ...rest } = JSON.parse(body.toString())
    t.strictSame({ id, type, timestamp, data, rest }, { ...pick(events.find(event => event.id === id)), rest: {} }, type)
    t.equal(headers['x-tw-event'], type)
  }
  t.ok(everything.requests.every(request => isVerified(Buffer.from('text as it is').toString('base64'), request)))
  t.strictSame((await deliveriesOf(fewId)).map(({ eventType }) => eventType).sort(), ['scan.completed', 'sync.failed'])
  t.equal(few.requests.length, 2)
  t.ok(few.requests.every(({ headers }) => headers['x-tw-signature'] === undefined && headers['webhook-signature'] === undefined), 'no secret, no signature')
  t.strictSame(await deliveriesOf(disabledId), [])
})
const pick = (event: Event | undefined): object => ({ id: event?.id, type: event?.type, timestamp: event?.time, data: event?.data })

t.test('a failing delivery is retried on schedule, the same in each attempt but for its time, and each attempt is logged', async t => {
  const answers = [{ status: 500, headers: { 'X-Answer': 'no' }, body: 'ü'.repeat(3_000) }, 'silence', { reset: true }, { status: 204 }] as const
  const farEnd = await open(t, (_request, index) => answers[index] ?? {})
  await add(t, farEnd.url, { secret: 'retried' })
  const event = await stack.emit()
  const first = await stack.untilStatus(event.id, 'retrying')
  t.ok(ms(first.nextAttemptAt) > ms(first.createdAt), 'the log says when it is tried again')
  const { history, ...logged } = await stack.untilStatus(event.id, 'delivered')
  t.match(logged, { attempts: 4, statusCode: 204, error: null, nextAttemptAt: null })
  t.strictSame(history.map(({ number, status, statusCode, success }) => [number, status, statusCode, success]),
    [[1, 'retrying', 500, false], [2, 'retrying', null, false], [3, 'retrying', null, false], [4, 'delivered', 204, true]])
  t.match(history.map(({ error }) => error), [/answered 500/, /did not answer within 2 s/, /connection/, null])
  t.match(history.map(({ response }) => response), [{ headers: { 'x-answer': 'no' }, body: 'ü'.repeat(2_048), truncated: true }, null, null, { body: '', truncated: false }], '4 KiB of an answer are kept')
  for (const [index, delayMs] of SCHEDULE_MS.entries()) {
    const waitMs = history.slice(index).map(toWaitMs)[0] ?? Number.NaN
    t.ok(waitMs >= delayMs - 2 && waitMs < delayMs + 500, `attempt ${index + 2} stands ${delayMs} ms later (${waitMs})`)
    t.ok(ms(history[index + 1]?.startedAt) >= ms(history[index]?.nextAttemptAt), 'and is not made before')
  }
  t.equal(new Set(farEnd.requests.map(({ headers, body }) => `${headers['x-tw-delivery']} ${headers['webhook-id']} ${headers['x-tw-signature']} ${body}`)).size, 1)
  t.ok(farEnd.requests.every(request => isVerified(Buffer.from('retried').toString('base64'), request)), 'the time in it is signed anew')
})

t.test('after retryCount retries it has failed; a redirect is a failure and never followed', async t => {
  const elsewhere = await open(t)
  const farEnd = await open(t, () => ({ status: 307, headers: { location: elsewhere.url } }))
  await add(t, farEnd.url, { retryCount: 1 })
  const event = await stack.emit()
  const { history, ...logged } = await stack.untilStatus(event.id, 'failed')
  t.match(logged, { attempts: 2, statusCode: 307, success: false, error: /redirects are not followed/, nextAttemptAt: null })
  t.strictSame(history.map(({ status }) => status), ['retrying', 'failed'])
  await untilDrained()
  t.strictSame([farEnd.requests.length, elsewhere.requests.length], [2, 0])
})

t.test('Retry-After lengthens the wait to the tier that covers it and never shortens it', async t => {
  const farEnd = await open(t, ({ headers }, index) => index >= 2 ? {} : { status: 429, headers: { 'retry-after': headers['x-wait']?.toString() ?? '' } })
  for (const [wait, delayMs] of [['290', 600], ['1', 60]] as const) {
    farEnd.requests.length = 0
    const id = await add(t, farEnd.url, { headers: { 'X-Wait': wait }, retryCount: 1 })
    const event = await stack.emit()
    const { history } = await stack.untilStatus(event.id, 'failed')
    const waitMs = toWaitMs(only(history))
    t.ok(waitMs >= delayMs - 2 && waitMs < delayMs + 300, `Retry-After: ${wait} waits ${waitMs} ms`)
    await stack.ask('DELETE', `/webhooks/${id}`)
  }
})

t.test('410 Gone disables the webhook, says so, and a replay brings what came meanwhile', async t => {
  let isGone = true
  const farEnd = await open(t, () => ({ status: isGone ? 410 : 200 }))
  const id = await add(t, farEnd.url)
  const since = new Date().toISOString()
  const first = await stack.emit()
  t.match(await stack.untilStatus(first.id, 'failed'), { attempts: 1, statusCode: 410, error: /410 Gone/ })
  const webhook = await until('it is disabled', async () => {
    const body = await stack.ask('GET', `/webhooks/${id}`)
    return body['enabled'] === false ? body : undefined
  })
  t.equal(webhook['disabledReason'], 'gone')
  t.match(await stack.list(`/audit?webhook=${id}`), [{ actor: 'system', action: 'webhook.disabled', changes: { disabledReason: { from: null, to: 'gone' } } }, { action: 'webhook.created' }])
  const missed = await stack.emit()
  await until('the event is kept', async () => (await stack.rows('SELECT 1 FROM events WHERE id = $1', [missed.id]))[0])
  await untilDrained()
  t.strictSame(await stack.list(`/webhooks/deliveries?eventId=${missed.id}`), [])
  isGone = false
  t.match(await stack.ask('POST', `/webhooks/${id}/enable`), { enabled: true, disabledReason: null })
  await stack.ask('POST', `/webhooks/${id}/replays`, { body: { since } })
  t.match((await stack.untilStatus(first.id, 'delivered')).history, [{ trigger: 'event', number: 1 }, { trigger: 'replay', number: 1 }])
  t.match((await stack.untilStatus(missed.id, 'delivered')).history, [{ trigger: 'replay' }])
  t.equal(farEnd.requests.length, 3)
})

t.test('a person sends a delivery again, any number of times, each with all its retries', async t => {
  const farEnd = await open(t, (_request, index) => ({ status: [500, 500, 200, 200, 500, 200][index] ?? 418 }))
  await add(t, farEnd.url, { retryCount: 1 })
  const event = await stack.emit()
  const { id } = await stack.untilStatus(event.id, 'failed')
  for (const attempts of [3, 4, 6]) {
    t.match(await stack.ask('POST', `/webhooks/deliveries/${id}/retry`), { deliveryId: id })
    await stack.untilLogged(event.id, items => items[0]?.attempts === attempts && items[0].status === 'delivered')
  }
  const { history } = await stack.untilStatus(event.id, 'delivered')
  t.strictSame(history.map(({ trigger, number, statusCode }) => `${trigger} ${number} ${statusCode}`),
    ['event 1 500', 'event 2 500', 'retry 1 200', 'retry 1 200', 'retry 1 500', 'retry 2 200'])
  t.equal(new Set(history.map(({ round }) => round)).size, 4)
  t.strictSame(new Set(farEnd.requests.map(({ headers }) => headers['x-tw-delivery'])), new Set([id]))
})

t.test('while a rotated secret overlaps both verify, then a test event is sent and marked as one', async t => {
  const farEnd = await open(t, (_request, index) => ({ status: index === 0 ? 200 : 500 }))
  const old = `whsec_${Buffer.from('the secret before the rotation').toString('base64')}`
  const id = await add(t, farEnd.url, { secret: old, events: ['sync.completed'] })
  const { secret } = await stack.ask<{ secret: string }>('POST', `/webhooks/${id}/rotate-secret`)
  await stack.untilStatus((await stack.emit('sync.completed')).id, 'delivered')
  const request = only(farEnd.requests)
  t.strictSame([isVerified(old, request), isVerified(secret, request), isVerified('whsec_bm90IHRoaXMgb25l', request)], [true, true, false])
  t.equal(request.headers['x-tw-signature'], [secret, old].map(key => `sha256=${createHmac('sha256', key).update(request.body).digest('hex')}`).join(','))

  const { deliveryId } = await stack.ask<{ deliveryId: string }>('POST', `/webhooks/${id}/test`, { body: { eventType: 'sla.breach_warning' } })
  const logged = await until('the test is logged', async () => (await deliveriesOf(id)).find(({ id, status }) => id === deliveryId && status === 'failed'))
  t.match(logged, { eventType: 'sla.breach_warning', attempts: 1, statusCode: 500 }, 'a test is one attempt')
  t.match(farEnd.requests[1]?.headers, { 'x-tw-test': 'true', 'x-tw-event': 'sla.breach_warning', 'x-tw-delivery': deliveryId })
  t.match(JSON.parse(String(farEnd.requests[1]?.body)), { test: true, type: 'sla.breach_warning', data: { test: true } })
  t.equal(request.headers['x-tw-test'], undefined)
})

t.test('a retry that waits is cancelled, with the reason, when its webhook is disabled or deleted', async t => {
  const farEnd = await open(t, () => ({ status: 503, headers: { 'retry-after': '1800' } }))
  const [disabled, deleted] = [await add(t, `${farEnd.url}/disabled`), await add(t, `${farEnd.url}/deleted`)]
  const event = await stack.emit()
  const waiting = await stack.untilLogged(event.id, items => items.length === 2 && items.every(({ status }) => status === 'retrying'))
  for (const { id } of waiting) {
    const { history } = await stack.ask<Detail>('GET', `/webhooks/deliveries/${id}`)
    // 30 min are 3.6 s here; a wait that is exactly a tier's is that tier's, not the next one's.
    t.ok(toWaitMs(only(history)) < 5_000, 'waits for half an hour, not for a whole one')
  }
  await stack.ask('POST', `/webhooks/${disabled}/disable`)
  await stack.ask('DELETE', `/webhooks/${deleted}`)
  const items = await stack.untilLogged(event.id, items => items.every(({ status }) => status === 'cancelled'))
  t.match(items.find(({ webhookId }) => webhookId === disabled), { attempts: 1, success: false, nextAttemptAt: null, error: /was disabled before it was delivered/ })
  t.match(items.find(({ webhookId }) => webhookId === deleted), { attempts: 1, success: false, nextAttemptAt: null, error: /was deleted before it was delivered/ })
  t.equal(farEnd.requests.length, 2)
})

t.test('an event published right after the 201 is delivered, and none after a disable, fifty times', async t => {
  const farEnd = await open(t)
  for (let round = 0; round < 50; round += 1) {
    const id = await add(t, `${farEnd.url}/${round}`, { events: ['assessment.completed'] })
    const wanted = await stack.emit('assessment.completed')
    await farEnd.received(round + 1)
    await stack.ask('POST', `/webhooks/${id}/disable`)
    await stack.emit('assessment.completed')
    t.equal(farEnd.requests[round]?.path, `/${round}`)
    t.equal(JSON.parse(String(farEnd.requests[round]?.body)).id, wanted.id)
  }
  await untilDrained()
  t.equal(farEnd.requests.length, 50)
})

type Written = [string | Uint8Array, Record<string, string>]
const toJson = (event: Event): Written => [JSON.stringify(event), {}]
const toProtobuf = (event: Event): Written => [encodeEvent(event, 'protobuf'), { 'Content-Type': CONTENT_TYPES.protobuf }]
const toBinary = ({ data, ...attributes }: Event): Written =>
  [JSON.stringify(data), { ...Object.fromEntries(Object.entries(attributes).map(([name, value]) => [`ce-${name}`, String(value)])), 'Content-Type': 'application/json' }]

t.test('JSON, protobuf and binary mode arrive alike; an event that is repeated is one delivery', async t => {
  const farEnd = await open(t)
  const id = await add(t, farEnd.url, { events: ['scan.failed'] })
  const event = { ...example('scan.failed'), id: randomUUID() }
  const subject = subjects.event('default', 'scan.failed')
  const ids = [randomUUID(), randomUUID(), randomUUID()]
  // Each way twice and without a message id, so only the event's own id tells that it is a repeat.
  const ways = [toJson, toProtobuf, toBinary].flatMap((write, index) => [1, 2].map(() => write({ ...event, id: ids[index] ?? '' })))
  for (const [body, headers] of ways) await stack.publish(subject, body, headers)
  await farEnd.received(3)
  await untilDrained()
  t.equal(farEnd.requests.length, 3)
  t.strictSame((await deliveriesOf(id)).map(({ eventId }) => eventId).sort(), [...ids].sort())
  t.strictSame(farEnd.requests.map(({ body }) => ({ ...JSON.parse(body.toString()), id: '' })), ids.map(() => ({ ...pick(event), id: '' })))
  const [row] = await stack.rows<{ count: number }>('SELECT count(*)::int AS count FROM attempts a JOIN deliveries d ON d.id = a.delivery_id WHERE d.integration_id = $1', [id])
  t.equal(row?.count, 3)
})
