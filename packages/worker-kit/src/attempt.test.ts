import { randomUUID } from 'node:crypto'
import { Type } from '@sinclair/typebox'
import t from 'tap'
import type { Publication } from '@tw/bus'
import { secret, type Attempted, type Connector } from '@tw/connector-kit'
import type { Attempt, Delivery, Integration } from '@tw/contracts'
import { createKeys, sampleAttempt, sampleDelivery } from '@tw/testkit'
import { openKeyring } from '@tw/vault'
import { createAttemptLog } from './attempt-log.ts'
import { createAttempt } from './attempt.ts'
import { createConfigurations, type Configurations } from './configurations.ts'
import { createLanes } from './lanes.ts'
import { createSettle } from './settle.ts'
import { createWait } from './wait.ts'

type Config = { url: string, retryCount: number, secret?: string, headers?: Record<string, string> }
const schema = Type.Object({ url: Type.String(), retryCount: Type.Integer(), secret: Type.Optional(secret({})), headers: Type.Optional(Type.Record(Type.String(), Type.String())) }, { additionalProperties: false })

const NOW_MS = Date.parse('2026-01-02T03:04:05.000Z')
const toIso = (offsetMs: number): string => new Date(NOW_MS + offsetMs).toISOString()

const delivered: Attempted = { outcome: { kind: 'delivered' }, statusCode: 200, responseTimeMs: 7, request: { method: 'POST', url: 'https://example.com/', headers: {} }, response: { headers: {}, body: 'ok', truncated: false } }
const answers = (statusCode: number, changes: Partial<Attempted> = {}): Attempted => ({ ...delivered, statusCode, outcome: { kind: 'retryable', reason: `The receiver answered ${statusCode}` }, ...changes })

const keys = createKeys()
const keyring = openKeyring(keys.vaultKeys)

const integrate = (changes: Partial<Integration> = {}): Integration => ({
  id: randomUUID(), tenant: 'default', connector: 'webhook', name: 'one', enabled: true, events: ['finding.created'], config: { url: 'https://example.com/', retryCount: 3 }, sealed: {}, revision: 4, ...changes
})

const deliver = ({ id: integrationId }: Integration, changes: Partial<Delivery> = {}): Delivery =>
  sampleDelivery({ integrationId, createdAt: toIso(-1_000), ...changes })

const seal = (integration: Integration, secrets: Record<string, string>, ring = keyring): Integration =>
  ({ ...integration, sealed: Object.fromEntries(Object.entries(secrets).map(([field, plain]) => [field, ring.seal(plain, { tenant: integration.tenant, integrationId: integration.id, field })])) })

type Worker = { attempt: (delivery: Delivery) => Promise<unknown>, published: Publication[], made: Config[], configurations: Configurations<Config>, logged: () => Attempt[] }

/** A worker whose far end does what `far` says, and whose streams are a list. */
const openWorker = (integrations: Integration[], far: (config: Config) => Promise<Attempted> | Attempted, { inFlightMax = 10, fetch = async () => undefined as Integration | undefined } = {}): Worker => {
  const published: Publication[] = []
  const made: Config[] = []
  const publish = async (publication: Publication): Promise<void> => { published.push(publication) }
  const connector: Connector<Config> = { id: 'webhook', title: 'Test', config: schema, toRetryCount: ({ retryCount }) => retryCount, deliver: async config => { made.push(config); return await far(config) } }
  const now = (): number => NOW_MS
  const say = (): void => undefined
  const metrics = { count: say, observe: say, text: async () => '' }
  const configurations = createConfigurations({ connector, keyring, fetch })
  for (const each of integrations) configurations.put(each)
  const log = createAttemptLog(publish, 'webhook')
  const wait = createWait({ connector: 'webhook', publish, now, delayScale: 1 })
  const settle = createSettle({ connector: 'webhook', publish, wait, log, logger: { debug: say, info: say, warn: say, error: say }, metrics, now })
  const lanes = createLanes({ inFlightMax, waitingMax: 0, waitMsMax: 0, now: () => performance.now() })
  const sweeping = setInterval(lanes.sweep, 5)
  t.teardown(() => clearInterval(sweeping))
  return {
    attempt: createAttempt({ connector, configurations, lanes, wait, settle, log, http: () => { throw new Error('not asked') }, metrics, now }),
    published,
    made,
    configurations,
    logged: () => published.filter(({ subject }) => subject === 'tw.attempts.webhook').flatMap(({ data }) => JSON.parse(String(data)).attempts)
  }
}

const subjectsOf = ({ published }: Worker): string[] => published.map(({ subject }) => subject)

t.test('a delivery that arrives is logged, and nothing else is said of it', async t => {
  const integration = integrate()
  const worker = openWorker([integration], () => delivered)
  const delivery = deliver(integration)
  t.strictSame(await worker.attempt(delivery), { kind: 'ack' })
  t.strictSame(subjectsOf(worker), ['tw.attempts.webhook'])
  t.match(worker.logged(), [{ deliveryId: delivery.id, eventId: delivery.event.id, deliveryCreatedAt: delivery.createdAt, number: 1, round: 0, status: 'delivered', statusCode: 200, responseTimeMs: 7, error: null, startedAt: toIso(0), nextAttemptAt: null, trigger: 'event' }])
})

t.test('one that fails waits in the tier of its next delay before its attempt is logged, until no retry stands', async t => {
  const integration = integrate()
  const worker = openWorker([integration], () => answers(500))
  const delivery = deliver(integration, { holds: 2 })
  await worker.attempt(delivery)
  t.strictSame(subjectsOf(worker), ['tw.retries.30s.webhook', 'tw.attempts.webhook'], 'in this order: a crash between them repeats, and loses nothing')
  t.strictSame(JSON.parse(String(worker.published[0]?.data)), { ...delivery, attempt: 2, holds: 0, notBefore: toIso(30_000) })
  t.equal(worker.published[0]?.messageId, `${delivery.id}:0:2:0`)
  t.match(worker.logged(), [{ status: 'retrying', error: 'The receiver answered 500', nextAttemptAt: toIso(30_000) }])
  for (const attempt of [2, 3, 4]) await worker.attempt({ ...delivery, attempt })
  t.strictSame(subjectsOf(worker).filter(subject => subject.startsWith('tw.retries')), ['tw.retries.30s.webhook', 'tw.retries.2m.webhook', 'tw.retries.10m.webhook'])
  t.match(worker.logged().at(-1), { number: 4, status: 'failed', nextAttemptAt: null })
})

t.test('a test is one attempt, also for a webhook that is disabled; anything else of a disabled one is cancelled', async t => {
  const integration = integrate({ enabled: false })
  const worker = openWorker([integration], () => answers(503))
  await worker.attempt(deliver(integration, { trigger: 'test' }))
  t.equal(worker.made.length, 1)
  t.match(worker.logged(), [{ status: 'failed', statusCode: 503, trigger: 'test' }])
  for (const trigger of ['event', 'retry', 'replay'] as const) t.strictSame(await worker.attempt(deliver(integration, { trigger })), { kind: 'ack' })
  t.equal(worker.made.length, 1, 'nothing is sent')
  t.match(worker.logged().slice(1).map(({ status, number, error }) => ({ status, number, error })), Array(3).fill({ status: 'cancelled', number: 0, error: /disabled/ }))
  t.notMatch(subjectsOf(worker), ['tw.retries'])
})

t.test('410 asks once that the webhook be disabled, by the revision that failed', async t => {
  const integration = integrate()
  const worker = openWorker([integration], () => answers(410, { outcome: { kind: 'gone', reason: 'gone' } }))
  await worker.attempt(deliver(integration))
  t.strictSame(subjectsOf(worker), ['tw.disable.webhook', 'tw.attempts.webhook'])
  t.strictSame(JSON.parse(String(worker.published[0]?.data)), { tenant: 'default', integrationId: integration.id, reason: 'gone', revision: 4, at: toIso(0) })
  t.equal(worker.published[0]?.messageId, `${integration.id}:4:gone`)
  t.match(worker.logged(), [{ status: 'failed', error: 'gone' }])
})

t.test('secrets are unsealed into their places, header by header, each revision once', async t => {
  const plain = integrate({ config: { url: 'https://example.com/', retryCount: 1, headers: { 'X-Team': 'security' } } })
  const worker = openWorker([seal(plain, { secret: 's', 'headers.authorization': 'Bearer t', 'headers.x.odd': 'dots stay' })], () => delivered)
  await worker.attempt(deliver(plain))
  t.strictSame(worker.made, [{ url: 'https://example.com/', retryCount: 1, secret: 's', headers: { 'X-Team': 'security', authorization: 'Bearer t', 'x.odd': 'dots stay' } }])
  await worker.attempt(deliver(plain))
  t.equal(worker.made[1], worker.made[0], 'not opened again')
  worker.configurations.put(seal({ ...plain, revision: 5 }, { secret: 'new' }))
  await worker.attempt(deliver(plain))
  t.strictSame(worker.made[2], { url: 'https://example.com/', retryCount: 1, secret: 'new', headers: { 'X-Team': 'security' } })
})

t.test('what cannot be opened or does not fit is not sent: all retries stand, and the log says what to mend', async t => {
  const cases: [Integration, RegExp][] = [
    [seal(integrate(), { secret: 's' }, openKeyring(createKeys().vaultKeys)), /sealed secret cannot be opened \(tampered\): check VAULT_KEYS/],
    [seal(integrate(), { secret: 's' }, openKeyring(createKeys().vaultKeys.replace('k1', 'k9'))), /\(unknown_key\)/],
    [{ ...integrate(), sealed: { 'headers.authorization': 'Bearer not-sealed' } }, /sealed headers\.authorization cannot be opened \(malformed\)/],
    [integrate({ config: { url: 7 } }), /does not fit this version: save the integration again/]
  ]
  for (const [integration, says] of cases) {
    const worker = openWorker([integration], () => delivered)
    await worker.attempt(deliver(integration, { attempt: 9 }))
    t.strictSame(worker.made, [])
    t.match(worker.logged(), [{ status: 'retrying', statusCode: null, request: null, error: says }])
    t.strictSame(subjectsOf(worker)[0], 'tw.retries.24h.webhook')
    t.notMatch(JSON.stringify(worker.published), /not-sealed/)
  }
})

t.test('the integration of another tenant is none; one the watch has not brought yet is asked for', async t => {
  const integration = integrate({ tenant: 'another' })
  const worker = openWorker([integration], () => delivered)
  await worker.attempt(deliver(integration))
  t.strictSame(worker.made, [])
  t.match(worker.logged(), [{ status: 'cancelled', tenant: 'default', error: /deleted/ }])
  const late = integrate()
  const asked: unknown[] = []
  const behind = openWorker([], () => delivered, { fetch: async (...key: unknown[]) => { asked.push(...key); return late } })
  await behind.attempt(deliver(late))
  await behind.attempt(deliver(late))
  t.strictSame(asked, [{ connector: 'webhook', tenant: 'default', id: late.id }])
  t.equal(behind.made.length, 2)
  behind.configurations.remove(late.id)
  t.equal(behind.configurations.size(), 0)
})

t.test('what does not fit its lane is held, uses up no attempt, and is delivered when it comes back', async t => {
  const integration = integrate()
  const gate = Promise.withResolvers<Attempted>()
  const worker = openWorker([integration], () => gate.promise, { inFlightMax: 1 })
  const first = worker.attempt(deliver(integration))
  const delivery = deliver(integration, { attempt: 3 })
  t.strictSame(await worker.attempt(delivery), { kind: 'ack' })
  t.strictSame(subjectsOf(worker), ['tw.retries.5s.webhook'], 'a hold is no attempt, so it is not logged')
  const held: Delivery = JSON.parse(String(worker.published[0]?.data))
  t.strictSame(held, { ...delivery, holds: 1, notBefore: toIso(5_000) })
  gate.resolve(delivered)
  await first
  await worker.attempt(held)
  t.match(worker.logged().at(-1), { deliveryId: delivery.id, number: 3, status: 'delivered' })
})

t.test('the same delivery handed out again while it is being sent is sent once; a connector that throws gives its place back', async t => {
  const integration = integrate()
  const gate = Promise.withResolvers<Attempted>()
  const worker = openWorker([integration], () => gate.promise)
  const delivery = deliver(integration)
  const both = [worker.attempt(delivery), worker.attempt({ ...delivery })]
  gate.resolve(delivered)
  t.strictSame(await Promise.all(both), [{ kind: 'ack' }, { kind: 'ack' }])
  t.equal(worker.made.length, 1)
  const faults = { left: 3 }
  const faulty = openWorker([integration], () => { if (faults.left-- > 0) throw new Error('a fault'); return delivered }, { inFlightMax: 1 })
  for (let count = 0; count < 3; count += 1) await t.rejects(faulty.attempt(deliver(integration)), /a fault/)
  await faulty.attempt(deliver(integration))
  t.match(faulty.logged(), [{ status: 'delivered' }], 'its lane is not blocked by faults')
})

const attempts = (count: number, error: string | null = null): Attempt[] =>
  Array.from({ length: count }, (_, index) => sampleAttempt(sampleDelivery(), { number: index + 1, error }))
const numbersOf = ({ data }: Publication): number[] => JSON.parse(String(data)).attempts.map(({ number }: Attempt) => number)

t.test('attempts travel in order, many in one message while messages are outstanding, bounded in number and bytes', async t => {
  const published: Publication[] = []
  const gates: PromiseWithResolvers<void>[] = []
  const log = createAttemptLog(publication => { published.push(publication); gates.push(Promise.withResolvers()); return gates.at(-1)?.promise ?? Promise.resolve() }, 'webhook')
  const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))
  const release = async (): Promise<void> => { while (gates.length > 0) { gates.splice(0).forEach(({ resolve }) => resolve()); await turn() } }

  const stored: number[] = []
  const all = attempts(530).map(attempt => log(attempt).then(() => stored.push(attempt.number)))
  await turn()
  t.ok(published.length >= 1 && published.length <= 4, `${published.length} messages outstanding`)
  t.strictSame(stored, [], 'nothing is said to be stored before it is')
  await release()
  await Promise.all(all)
  t.strictSame(published.flatMap(numbersOf), Array.from({ length: 530 }, (_, index) => index + 1))
  t.ok(published.every(publication => numbersOf(publication).length <= 50))
  t.ok(published.length <= 12, `${published.length} messages for 530`)

  published.splice(0)
  const large = attempts(40, 'x'.repeat(20_000)).map(attempt => log(attempt))
  await turn()
  await release()
  await Promise.all(large)
  t.strictSame(published.flatMap(numbersOf).length, 40)
  t.ok(published.every(({ data }) => Buffer.byteLength(data) <= 300_000), 'well below what NATS takes')

  published.splice(0)
  const [huge] = attempts(1, 'x'.repeat(400_000))
  const alone = huge === undefined ? undefined : log(huge)
  await turn()
  await release()
  await alone
  t.equal(published.length, 1, 'one that is larger than the bound goes alone')
})

t.test('text that is many bytes counts as its bytes', async t => {
  const published: Publication[] = []
  const log = createAttemptLog(async publication => { published.push(publication) }, 'webhook')
  await Promise.all(attempts(50, '\u20ac'.repeat(5_000)).map(attempt => log(attempt)))
  t.ok(published.every(({ data }) => Buffer.byteLength(data) <= 300_000), `${Math.max(...published.map(({ data }) => Buffer.byteLength(data)))} bytes`)
})

t.test('a message that is not stored fails its attempts and no others', async t => {
  let count = 0
  const log = createAttemptLog(async publication => { count += 1; if (numbersOf(publication).includes(60)) throw new Error('not stored') }, 'webhook')
  const results = await Promise.allSettled(attempts(200).map(attempt => log(attempt)))
  const failed = results.flatMap(({ status }, index) => status === 'rejected' ? [index + 1] : [])
  t.strictSame(failed, Array.from({ length: 50 }, (_, index) => index + 51))
  t.equal(count, 4)
  const [more] = attempts(1)
  t.resolves(more === undefined ? Promise.reject(new Error()) : log(more), 'and it goes on')
})
