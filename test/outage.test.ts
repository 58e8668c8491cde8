// A part is away for a while, or ends in good order: what is accepted meanwhile is delivered, logged, and sent once.
import t from 'tap'
import type { Event } from '@tw/contracts'
import { openFarEnd, type FarEnd, type ServiceName } from '@tw/testkit'
import { openStack, until, type Logged } from './stack.ts'

t.setTimeout(170_000)
const stack = await openStack()
t.teardown(stack.close)

const idsOf = ({ requests }: FarEnd): string[] => requests.map(({ body }) => String(JSON.parse(body.toString()).id))
const isIn = (farEnd: FarEnd, events: Event[]): true | undefined => { const came = new Set(idsOf(farEnd)); return events.every(({ id }) => came.has(id)) || undefined }
const deliveriesOf = (webhook: string): Promise<Logged[]> => stack.list<Logged>(`/webhooks/deliveries?webhook=${webhook}`)

/** Every event is delivered once by the log. */
const untilLogged = (webhook: string, events: Event[]): Promise<Logged[]> => until(`${events.length} delivered in the log`, async () => {
  const logged = await deliveriesOf(webhook)
  return logged.length >= events.length && logged.every(({ status }) => status === 'delivered') ? logged : undefined
}, 60_000)

/** Emits `perSecond` until told to stop; what was accepted. */
const emitUntil = async (perSecond: number, isOver: () => boolean): Promise<Event[]> => {
  const accepted: Event[] = []
  const begun = Date.now()
  while (!isOver()) {
    while (accepted.length < (Date.now() - begun) / 1_000 * perSecond) accepted.push(await stack.emit())
    await new Promise(resolve => setTimeout(resolve, 5))
  }
  return accepted
}

t.test('Postgres is away for a minute: events are accepted and delivered meanwhile, and the log is complete afterwards', async t => {
  const farEnd = await openFarEnd()
  t.teardown(farEnd.close)
  const webhook = await stack.addWebhook(farEnd.url)
  await stack.postgres.kill('SIGKILL')
  // A true minute: longer than the recorder's ack_wait of 15 s, so its messages must be kept alive, not handed out again and again.
  const overAtMs = Date.now() + 60_000
  const accepted = await emitUntil(50, () => Date.now() > overAtMs)
  await until('all are delivered while Postgres is away', () => isIn(farEnd, accepted))
  t.ok(accepted.length >= 2_500, `${accepted.length} accepted`)
  t.equal(farEnd.requests.length, accepted.length, 'each was sent once')
  t.equal((await stack.platform.call('GET', '/webhooks')).body['code'], 'TW_UNAVAILABLE', 'the API says what is missing')
  t.equal((await fetch(`${stack.platform.services['worker-webhook'].healthUrl}/readyz`)).status, 200, 'a worker misses nothing')
  await stack.postgres.start()
  const logged = await untilLogged(webhook, accepted)
  t.equal(logged.length, accepted.length)
  t.strictSame(new Set(logged.map(({ eventId }) => eventId)), new Set(accepted.map(({ id }) => id)))
  t.ok(logged.every(({ attempts }) => attempts === 1), 'each with its one attempt')
  const countEvents = async (): Promise<number> => (await stack.rows('SELECT 1 FROM events')).length
  await until('the events themselves are kept', async () => await countEvents() === accepted.length || undefined)
  await stack.ask('DELETE', `/webhooks/${webhook}`)
})

t.test('a worker is away: its deliveries wait, stand in the log as queued, and flow when it is back', async t => {
  const farEnd = await openFarEnd()
  t.teardown(farEnd.close)
  const webhook = await stack.addWebhook(farEnd.url)
  const worker = stack.platform.services['worker-webhook']
  await worker.kill('SIGTERM')
  const events = await Promise.all(Array.from({ length: 50 }, () => stack.emit()))
  await until('all are queued', async () => (await deliveriesOf(webhook)).filter(({ status, attempts }) => status === 'queued' && attempts === 0).length === 50 || undefined)
  t.equal((await stack.waiting()).DELIVERIES, 50)
  t.equal(farEnd.requests.length, 0)
  await worker.start()
  t.equal((await untilLogged(webhook, events)).length, 50)
  t.strictSame(idsOf(farEnd).sort(), events.map(({ id }) => id).sort(), 'each once')
  await stack.ask('DELETE', `/webhooks/${webhook}`)
})

for (const name of ['worker-webhook', 'dispatcher', 'recorder'] satisfies ServiceName[]) {
  t.test(`${name} ends in good order under load and comes back: nothing is lost, nothing is sent twice`, async t => {
    const farEnd = await openFarEnd({ answer: () => ({ status: 200, after: new Promise(resolve => setTimeout(resolve, 20)) }) })
    t.teardown(farEnd.close)
    const webhook = await stack.addWebhook(farEnd.url)
    const state = { over: false }
    const emitting = emitUntil(200, () => state.over)
    const service = stack.platform.services[name]
    for (let round = 0; round < 3; round += 1) {
      const before = farEnd.requests.length
      await until('deliveries flow', () => farEnd.requests.length > before + 50 || undefined)
      t.equal(await service.kill('SIGTERM'), 0, 'it ends with 0')
      await service.start()
    }
    state.over = true
    const accepted = await emitting
    await until('all are delivered', () => isIn(farEnd, accepted), 60_000)
    const logged = await untilLogged(webhook, accepted)
    t.equal(logged.length, accepted.length, 'the log has each once')
    t.equal(farEnd.requests.length, accepted.length, 'the receiver had each once')
    await stack.ask('DELETE', `/webhooks/${webhook}`)
  })
}

t.test('a receiver that never answers holds up nobody else', async t => {
  const [dead, well] = [await openFarEnd({ answer: () => 'silence' }), await openFarEnd()]
  t.teardown(dead.close)
  t.teardown(well.close)
  const deadWebhook = await stack.addWebhook(dead.url, { retryCount: 0 })
  const wellWebhook = await stack.addWebhook(well.url)
  const first = await stack.emit()
  await dead.received(1)
  const events = await Promise.all(Array.from({ length: 400 }, () => stack.emit()))
  await until('the healthy one has all', () => isIn(well, events))
  // The dead one's first attempts are still open, or at most its deadline of two seconds has passed once: it had its lane, no more.
  t.ok(dead.requests.length <= 32, `${dead.requests.length} are open at the dead one`)
  await untilLogged(wellWebhook, [first, ...events])
  await stack.ask('DELETE', `/webhooks/${deadWebhook}`)
  await until('what waited for the dead one is cancelled', async () => (await deliveriesOf(deadWebhook)).every(({ status }) => ['failed', 'cancelled'].includes(status)) || undefined, 60_000)
  t.equal((await deliveriesOf(deadWebhook)).length, 401)
})
