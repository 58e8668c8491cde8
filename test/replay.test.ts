import { randomBytes } from 'node:crypto'
import t from 'tap'
import { REJECTION_REASONS, type Event } from '@tw/contracts'
import { example, openFarEnd } from '@tw/testkit'
import { CONTENT_TYPES } from '@tw/wire'
import { openStack, until, type Logged } from './stack.ts'

t.setTimeout(200_000)
const stack = await openStack()
t.teardown(stack.close)

type Replay = { id: string, state: string, total: number, sent: number, finishedAt: string | null }
const arrivedMs: number[] = []
const farEnd = await openFarEnd({ answer: () => { arrivedMs.push(Date.now()); return {} } })
t.teardown(farEnd.close)
const webhook = await stack.addWebhook(farEnd.url, { enabled: false })
const since = new Date(Date.now() - 1_000).toISOString()
const COUNT = 300
const missed: Event[] = []

const ask = (body: object): Promise<Replay> => stack.ask<Replay>('POST', `/webhooks/${webhook}/replays`, { body: { since, ...body } })
const count = async (scope: string): Promise<unknown> => (await stack.ask('POST', `/webhooks/${webhook}/replays`, { body: { since, scope, dryRun: true } }))['count']
const read = (id: string): Promise<Replay> => stack.ask<Replay>('GET', `/webhooks/replays/${id}`)
const untilState = (id: string, state: string): Promise<Replay> => until(`replay ${state}`, async () => {
  const replay = await read(id)
  return replay.state === state ? replay : undefined
}, 90_000)
const untilDrained = (): Promise<true> => until('streams drain', async () => Object.values(await stack.waiting()).every(left => left === 0) || undefined)

t.test('events that came while a webhook was disabled are counted, and make no delivery', async t => {
  missed.push(...await Promise.all(Array.from({ length: COUNT }, () => stack.emit())))
  await Promise.all([stack.emit('scan.started'), stack.emit('finding.created', {}, 'other-tenant')])
  t.equal((await stack.platform.call('POST', `/webhooks/${webhook}/replays`, { body: { since, dryRun: true } })).body['code'], 'TW_CONFLICT', 'while it is disabled there is no replay')
  await stack.ask('POST', `/webhooks/${webhook}/enable`)
  await until('all are counted', async () => await count('undelivered') === COUNT || undefined)
  await untilDrained()
  t.equal(await count('all'), COUNT, 'those of its types and its tenant')
  t.equal(farEnd.requests.length, 0)
  t.strictSame(await stack.list(`/webhooks/deliveries?webhook=${webhook}`), [])
})

t.test('a replay keeps to its rate, survives a kill of its scheduler, and delivers each event once', async t => {
  const { scheduler } = stack.platform.services
  const { id, total } = await ask({ ratePerSecond: 40 })
  t.equal(total, COUNT)
  await farEnd.received(80)
  await scheduler.kill('SIGKILL')
  const halfway = await read(id)
  t.ok(halfway.state === 'running' && halfway.sent >= 72 && halfway.sent < COUNT, `${halfway.sent} sent when the scheduler died`)
  // Pages of eight, five a second: 72 events after the first page take at least 1.8 s, however the machine is loaded.
  t.ok((arrivedMs[79] ?? 0) - (arrivedMs[0] ?? 0) >= 1_700, `80 took ${(arrivedMs[79] ?? 0) - (arrivedMs[0] ?? 0)} ms`)
  await untilDrained()
  const stopped = farEnd.requests.length
  await scheduler.start()
  const done = await untilState(id, 'done')
  t.match(done, { sent: COUNT, total: COUNT, finishedAt: String })
  await until('all are logged', async () => (await stack.list<Logged>(`/webhooks/deliveries?webhook=${webhook}&status=delivered`)).length >= COUNT || undefined)
  t.ok(stopped < COUNT, `nothing went on without it: ${stopped} had arrived`)
  const logged = await stack.list<Logged>(`/webhooks/deliveries?webhook=${webhook}`)
  t.strictSame(logged.map(({ eventId }) => eventId).sort(), missed.map(({ id }) => id).sort(), 'each event once, none lost')
  t.ok(logged.every(({ attempts, status }) => attempts === 1 && status === 'delivered'))
  t.comment(`${farEnd.requests.length - COUNT} repeats at the receiver`)
  t.equal(farEnd.requests.length, COUNT, 'a page that was published twice is stored once')
  t.equal(await count('undelivered'), 0)
})

t.test('a replay is cancelled where it is, stays so, and one of all begins again', async t => {
  farEnd.requests.length = 0
  const { id } = await ask({ scope: 'all', ratePerSecond: 20 })
  await farEnd.received(20)
  t.match(await stack.ask('POST', `/webhooks/replays/${id}/cancel`), { state: 'cancelled' })
  await untilDrained()
  const { sent } = await read(id)
  t.ok(sent >= 16 && sent < COUNT)
  const again = await ask({ scope: 'all', ratePerSecond: 1_000 })
  await untilState(again.id, 'done')
  await untilDrained()
  const cut = farEnd.requests.length - COUNT
  t.ok(cut >= sent && cut <= sent + 4, `${cut} arrived of the cancelled one, ${sent} were counted: at most one page more`)
  t.match(await stack.list(`/webhooks/replays?webhook=${webhook}`), [{ id: again.id, state: 'done', sent: COUNT }, { id, state: 'cancelled', sent }, { state: 'done' }])
  t.strictSame((await stack.list(`/audit?webhook=${webhook}`)).map(({ action }) => action),
    ['replay.created', 'replay.cancelled', 'replay.created', 'replay.created', 'webhook.enabled', 'webhook.created'])
})

t.test('an event sent twice without a message id is one delivery, which a replay does not take for two', async t => {
  farEnd.requests.length = 0
  const id = `twice-${randomBytes(8).toString('hex')}`
  const body = JSON.stringify({ ...example('finding.created'), id })
  const begun = new Date().toISOString()
  await stack.publish('tw.events.default.finding.created', body)
  await stack.publish('tw.events.default.finding.created', body)
  await stack.untilStatus(id, 'delivered')
  await until('both are kept', async () => (await stack.rows('SELECT 1 FROM events WHERE id = $1', [id])).length === 2 || undefined)
  await untilDrained()
  t.match(await stack.ask('POST', `/webhooks/${webhook}/replays`, { body: { since: begun, dryRun: true } }), { count: 0 }, 'neither is undelivered')
  await untilState((await ask({ since: begun, scope: 'all' })).id, 'done')
  await stack.untilLogged(id, items => items.length === 1 && items[0]?.attempts === 2)
  await untilDrained()
  t.equal(farEnd.requests.length, 2)
})

t.test('what is no event is never dropped: each stands with its reason and as it came', async t => {
  const type = 'tw.events.rejects.finding.created'
  const event = example('finding.created')
  const wrong = (changes: object): string => JSON.stringify({ ...event, ...changes })
  const sent: [reason: keyof typeof REJECTION_REASONS, subject: string, payload: string | Buffer, contentType?: string][] = [
    ['bad_subject', 'tw.events.rejects.finding', wrong({})],
    ['bad_subject', 'tw.events.rejects.finding.created.late', wrong({})],
    ['too_large', type, wrong({ data: { ...event.data, description: 'x'.repeat(300_000) } })],
    ['bad_content_type', type, wrong({}), 'text/plain'],
    ['not_json', type, '{"specversion":'],
    ['not_json', type, Buffer.from([0, 255, 254, 10])],
    ['not_protobuf', type, Buffer.from([255, 255, 255]), CONTENT_TYPES.protobuf],
    ['not_cloudevent', type, '{"hello":"world"}'],
    ['not_cloudevent', type, wrong({ id: 'NUL \u0000 and half a pair \ud800 <script>' })],
    ['unknown_type', 'tw.events.rejects.finding.exploded', wrong({ type: 'finding.exploded' })],
    ['subject_mismatch', 'tw.events.rejects.scan.started', wrong({})],
    ['bad_data', type, wrong({ data: {} })],
    ['bad_data', type, wrong({ data: { ...event.data, severity: '\ud800\u0000' } })]
  ]
  for (const [, subject, payload, contentType] of sent) await stack.publish(subject, payload, contentType === undefined ? {} : { 'Content-Type': contentType })
  const listed = await until('all are listed', async () => {
    const items = await stack.list<{ reason: string, subject: string, detail: string, payload: string, encoding: BufferEncoding | 'text', bytes: number, contentType: string | null }>('/rejected', 'rejects')
    return items.length >= sent.length ? items.reverse() : undefined
  })
  t.equal(listed.length, sent.length)
  for (const [index, [reason, subject, payload, contentType]] of sent.entries()) {
    const item = listed.find(({ bytes, payload: kept, encoding }, at) => at === index && bytes === Buffer.byteLength(payload) &&
      Buffer.from(payload).subarray(0, 262_144).equals(Buffer.from(kept, encoding === 'text' ? 'utf8' : encoding)))
    t.match(item, { reason, subject, detail: /.{10}/, contentType: contentType ?? null }, `${reason}: ${item?.detail}`)
  }
  t.strictSame([...new Set(sent.map(([reason]) => reason))].sort(), Object.keys(REJECTION_REASONS).sort(), 'every reason was tried')
  t.strictSame(await stack.list('/rejected'), [], 'and another tenant sees none of it')
})
