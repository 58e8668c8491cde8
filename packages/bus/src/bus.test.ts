import t from 'tap'
import { CONNECTOR_IDS, TIERS, subjects, type Integration } from '@tw/contracts'
import { openNats, until } from '@tw/testkit'
import { ACK, consume, consumeBatches, createPublish, createRoom, dropAcked, durables, ensureTopology, openBus, openIntegrationsView, openProjection, type Bus, type Message } from './index.ts'

type Teardown = { teardown: (close: () => Promise<void>) => void }
const options = { replicas: 1, deliveryDeadlineMs: 1_000 }
const onTrouble = (): void => undefined
const nats = await openNats()
t.teardown(nats.close)

const open = async (t: Teardown): Promise<Bus> => {
  const bus = await openBus({ url: nats.url, name: 'test' })
  t.teardown(bus.close)
  return bus
}

const pending = async (bus: Bus, stream: string): Promise<number> => (await bus.jsm.streams.info(stream)).state.messages

t.test('the topology stands after any number of services made it at once', async t => {
  const buses = await Promise.all([open(t), open(t), open(t)])
  await Promise.all(buses.map(bus => ensureTopology(bus.jsm, options)))
  const [bus] = buses
  await ensureTopology(bus.jsm, { ...options, deliveryDeadlineMs: 2_000 })
  const names = await bus.jsm.consumers.list('RETRIES').next()
  t.equal(names.length, CONNECTOR_IDS.length * TIERS.length)
  const worker = await bus.jsm.consumers.info('DELIVERIES', durables.worker('webhook'))
  t.equal(worker.config.ack_wait, 7_000 * 1_000_000, 'a longer deadline changes the consumers')
  t.equal(worker.config.max_deliver, -1)
  t.equal((await bus.jsm.streams.info('EVENTS')).config.duplicate_window, 120_000_000_000)
})

t.test('a delivery stays until worker and recorder have it, and a repeated message id is stored once', async t => {
  const bus = await open(t)
  const publish = createPublish(bus)
  await publish({ subject: subjects.delivery('webhook'), data: 'one', messageId: 'm-1' })
  await publish({ subject: subjects.delivery('webhook'), data: 'one', messageId: 'm-1' })
  t.equal(await pending(bus, 'DELIVERIES'), 1)
  const read: string[] = []
  const reading = (durable: string): { stop: () => Promise<void> } => consume(bus, {
    source: { stream: 'DELIVERIES', durable, prefetch: 10 },
    enter: createRoom(1).enter,
    read: async message => { read.push(`${durable} ${Buffer.from(message.data).toString()}`); return ACK },
    onTrouble
  })
  const worker = reading(durables.worker('webhook'))
  await until('the worker reads', () => read.length === 1)
  await worker.stop()
  t.equal(await pending(bus, 'DELIVERIES'), 1, 'the recorder has not had it')
  const recorder = reading(durables.recorderDeliveries)
  await until('the stream is empty', async () => await pending(bus, 'DELIVERIES') === 0)
  await recorder.stop()
  t.strictSame(read, ['worker-webhook one', 'recorder-deliveries '], 'the recorder reads headers only')
})

t.test('a reader that throws, naks or stops loses nothing; at most as many as there are places are worked on at once', async t => {
  const bus = await open(t)
  const publish = createPublish(bus)
  const sent = Array.from({ length: 60 }, (_, index) => `a-${index}`)
  await Promise.all(sent.map(data => publish({ subject: subjects.attempts('webhook'), data })))
  const done = new Set<string>()
  const troubled: string[] = []
  let inside = 0
  let most = 0
  const read = async (message: Message): Promise<{ kind: 'ack' } | { kind: 'nak', delayMs: number }> => {
    most = Math.max(most, ++inside)
    await new Promise(resolve => setImmediate(resolve))
    inside -= 1
    const text = Buffer.from(message.data).toString()
    if (text === 'a-7' && !troubled.includes(text)) { troubled.push(text); throw new Error('reader trouble') }
    if (text === 'a-9' && !troubled.includes(text)) { troubled.push(text); return { kind: 'nak', delayMs: 10 } }
    done.add(text)
    return ACK
  }
  const begin = () => consume(bus, { source: { stream: 'ATTEMPTS', durable: durables.recorderAttempts, prefetch: 20 }, enter: createRoom(5).enter, read, onTrouble })
  const first = begin()
  await until('some are read', () => done.size >= 10)
  await first.stop()
  const second = begin()
  await until('all are read', () => done.size === sent.length)
  await second.stop()
  t.strictSame(troubled.sort(), ['a-7', 'a-9'])
  t.ok(most <= 5, `${most} at once`)
  await until('all are acked', async () => await pending(bus, 'ATTEMPTS') === 0)
})

t.test('what is told to stop while it is still beginning stops as well', async t => {
  const bus = await open(t)
  const reading = consume(bus, { source: { stream: 'ATTEMPTS', durable: durables.recorderAttempts, prefetch: 20 }, enter: createRoom(5).enter, read: async () => ACK, onTrouble })
  let stopped = false
  void reading.stop().then(() => { stopped = true })
  await until('it has stopped', () => stopped)
})

t.test('batches are bounded, in order, and answered one by one', async t => {
  const bus = await open(t)
  const publish = createPublish(bus)
  for (let index = 0; index < 25; index += 1) await publish({ subject: subjects.rejected('not_json'), data: String(index) })
  const batches: number[][] = []
  let refused = false
  const reading = consumeBatches(bus, {
    source: { stream: 'REJECTED', durable: durables.recorderRejected, prefetch: 100 },
    batchMax: 10,
    lingerMs: 20,
    heartbeatMs: 1_000,
    read: async messages => {
      const numbers = messages.map(message => Number(Buffer.from(message.data).toString()))
      batches.push(numbers)
      return messages.map((_, index) => {
        if (numbers[index] !== 3 || refused) return ACK
        refused = true
        return { kind: 'nak', delayMs: 1 }
      })
    },
    onTrouble
  })
  await until('all are read', () => batches.flat().length === 26)
  await reading.stop()
  t.ok(batches.every(batch => batch.length <= 10))
  t.equal(batches.flat().filter(number => number === 3).length, 2, 'only the refused one came again')
  t.strictSame([...new Set(batches.flat())].sort((a, b) => a - b), Array.from({ length: 25 }, (_, index) => index))
})

const integration = (revision: number, changes: Partial<Integration> = {}): Integration => ({
  id: '4be0643f-1d98-573b-97cd-ca98a65347dd',
  tenant: 'default',
  connector: 'webhook',
  name: 'one',
  enabled: true,
  events: ['finding.created'],
  config: { url: 'https://example.com/' },
  sealed: {},
  revision,
  ...changes
})

t.test('a watcher has seen a change when put resolves; an older revision never replaces a newer one', async t => {
  const [api, dispatcher] = [await open(t), await open(t)]
  const projection = await openProjection(api, { replicas: 1 })
  await projection.put(integration(1, { name: 'before the watch' }))
  const seen = new Map<string, Integration>()
  const view = await openIntegrationsView(dispatcher, { replicas: 1, onChange: { put: value => seen.set(value.id, value), remove: id => seen.delete(id) }, onTrouble })
  t.teardown(view.close)
  t.strictSame([...seen.values()].map(({ name }) => name), ['before the watch'], 'all is loaded when the watch opens')
  await projection.put(integration(3, { name: 'newest' }))
  await projection.put(integration(2, { name: 'late' }))
  await until('the change is seen', () => seen.get(integration(1).id)?.revision === 3)
  t.equal((await view.fetch({ connector: 'webhook', tenant: 'default', id: integration(1).id }))?.name, 'newest')
  t.strictSame((await projection.list()).map(({ revision }) => revision), [3])
  await projection.remove(integration(3))
  await until('the removal is seen', () => seen.size === 0)
  t.equal(await view.fetch({ connector: 'webhook', tenant: 'default', id: integration(1).id }), undefined)
})

t.test('publishing and reading outlive a kill of the server', async t => {
  const bus = await open(t)
  const publish = createPublish(bus)
  const read = new Set<string>()
  const reading = consume(bus, {
    source: { stream: 'ATTEMPTS', durable: durables.recorderAttempts, prefetch: 100 },
    enter: createRoom(50).enter,
    read: async message => { read.add(Buffer.from(message.data).toString()); return ACK },
    onTrouble
  })
  t.teardown(reading.stop)
  const accepted: string[] = []
  const send = (data: string): Promise<unknown> => publish({ subject: subjects.attempts('webhook'), data, messageId: data }).then(() => accepted.push(data))
  const before = Array.from({ length: 200 }, (_, index) => send(`before-${index}`))
  await nats.kill('SIGKILL')
  const during = Array.from({ length: 50 }, (_, index) => send(`while-${index}`))
  await nats.start()
  await Promise.all([...before, ...during])
  await until('all are read', () => accepted.every(data => read.has(data)))
  t.equal(accepted.length, 250)
})

// That something comes back is the server's luck under load: test/crash.test.ts has it, and its streams have to drain.
t.test('removing what came back acked with a killed server leaves what still waits', async t => {
  const bus = await open(t)
  const publish = createPublish(bus)
  const put = (data: string, tier: '5s' | '24h' = '5s'): Promise<void> => publish({ subject: subjects.retry(tier, 'webhook'), data })
  const reading = consume(bus, {
    source: { stream: 'RETRIES', durable: durables.tier('webhook', '5s'), prefetch: 100 },
    enter: createRoom(50).enter,
    read: async message => Buffer.from(message.data).toString() === 'waits' ? { kind: 'nak', delayMs: 600_000 } : ACK,
    onTrouble
  })
  t.teardown(reading.stop)
  const outstanding = async (): Promise<number> => {
    const { num_pending: waiting, num_ack_pending: handedOut } = await bus.jsm.consumers.info('RETRIES', durables.tier('webhook', '5s'))
    return waiting + handedOut
  }
  await put('nobody reads this tier', '24h')
  await put('waits')
  await Promise.all(Array.from({ length: 200 }, (_, index) => put(String(index))))
  await until('all others are acked', async () => await outstanding() === 1)
  t.equal(await pending(bus, 'RETRIES'), 2)
  t.equal(await dropAcked(bus.jsm), 0, 'nothing came back')
  await nats.kill('SIGKILL')
  await nats.start()
  await until('all others are acked again', () => outstanding().then(count => count === 1, () => false))
  const left = await pending(bus, 'RETRIES')
  t.comment(`${left - 2} came back`)
  t.equal(await dropAcked(bus.jsm), left - 2)
  t.equal(await pending(bus, 'RETRIES'), 2, 'what waits stays')
  t.equal(await dropAcked(bus.jsm), 0)
})

t.test('a server that is not there, or does not let us in, is one clear sentence without the password', async t => {
  const away = openBus({ url: 'nats://someone:hunter2@127.0.0.1:1', name: 'test', connectWithinMs: 0 })
  await t.rejects(away, /^NATS at nats:\/\/127\.0\.0\.1:1 cannot be reached .*check NATS_URL/)
  await away.catch(error => t.notMatch(String(error), /hunter2/))
})
