import { randomInt } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import type { EventType } from '@tw/contracts'
import { openFarEnd } from '@tw/testkit'
import { FAST, openStack, until, type Logged, type Stack } from './stack.ts'

// The same seed kills the same parts after the same pauses; the load between them is the machine's.
const SEED = Number(process.env['CRASH_SEED'] ?? randomInt(1_000_000))
const EVENTS_PER_SECOND = 40
const ROUNDS = 2

/** Numbers from 0 to 1 that look random and depend on the seed alone (mulberry32). */
const createRandom = (seed: number): (() => number) => {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    const mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    const more = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((more ^ (more >>> 14)) >>> 0) / 4_294_967_296
  }
}

type Victim = { name: string, kill: () => Promise<unknown>, start: () => Promise<unknown> }

const toVictims = ({ nats, postgres, platform: { services } }: Stack): Victim[] => [
  ...(['dispatcher', 'worker-webhook', 'recorder'] as const).map(name => ({ name, kill: () => services[name].kill('SIGKILL'), start: services[name].start })),
  { name: 'nats', kill: () => nats.kill('SIGKILL'), start: nats.start },
  { name: 'postgres', kill: () => postgres.kill('SIGKILL'), start: postgres.start }
]

/** Publishes at a steady rate, whatever happens to the server, until stopped; resolves with the ids that were accepted, by type. */
const emitSteadily = (stack: Stack): { stop: () => Promise<Record<string, string[]>> } => {
  const accepted: Record<string, string[]> = {}
  const outstanding = new Set<Promise<unknown>>()
  let sent = 0
  const timer = setInterval(() => {
    const type: EventType = ++sent % 4 === 0 ? 'scan.completed' : 'finding.created'
    const emitting = stack.emit(type).then(({ id }) => (accepted[type] ??= []).push(id)).finally(() => outstanding.delete(emitting))
    outstanding.add(emitting)
  }, 1_000 / EVENTS_PER_SECOND)
  return { stop: async () => { clearInterval(timer); await Promise.all(outstanding); return accepted } }
}

// Each part is killed in each round; every third time another one dies while the first is still down.
const crashAll = async (victims: Victim[], random: () => number): Promise<string[]> => {
  const pause = (mostMs: number): Promise<void> => new Promise(resolve => setTimeout(resolve, random() * mostMs))
  const order = Array.from({ length: ROUNDS }, () => victims.map(victim => ({ victim, rank: random() })).sort((a, b) => a.rank - b.rank)).flat()
  const told: string[] = []
  for (const { victim } of order) {
    const other = random() < 1 / 3 ? victims[Math.floor(random() * victims.length)] : undefined
    const dying = other === undefined || other === victim ? [victim] : [victim, other]
    await pause(1_500)
    for (const { kill } of dying) { await kill(); await pause(200) }
    await pause(1_000)
    await Promise.all(dying.map(({ start }) => start()))
    told.push(dying.map(({ name }) => name).join('+'))
  }
  return told
}

const logDir = mkdtempSync(join(tmpdir(), 'crash-'))
t.setTimeout(170_000)
const stack = await openStack(FAST, logDir)
t.teardown(async () => { await stack.close(); rmSync(logDir, { recursive: true, force: true }) })

t.test('kill -9 of each part at random moments under load: nothing accepted is lost, nothing stands in the log twice', async t => {
  t.comment(`seed ${SEED} (CRASH_SEED=${SEED} repeats it)`)
  const { services } = stack.platform
  const tries = new Map<string, number>()
  const count = (path: string, id: unknown): number => {
    const tried = (tries.get(`${path} ${id}`) ?? 0) + 1
    tries.set(`${path} ${id}`, tried)
    return tried
  }
  const farEnd = await openFarEnd({
    answer: ({ path, headers }) => {
      const tried = count(path, headers['x-tw-delivery'])
      return { status: path === '/hopeless' || (path === '/moody' && tried === 1) ? 500 : 200 }
    }
  })
  t.teardown(farEnd.close)
  const [steady, moody, hopeless] = [
    await stack.addWebhook(`${farEnd.url}/steady`),
    await stack.addWebhook(`${farEnd.url}/moody`),
    await stack.addWebhook(`${farEnd.url}/hopeless`, { events: ['scan.completed'], retryCount: 2 })
  ]
  const survivors = [services['config-api'].pid(), services.scheduler.pid()]

  const emitter = emitSteadily(stack)
  const killed = await crashAll(toVictims(stack), createRandom(SEED))
  const accepted = await emitter.stop()
  const findings = accepted['finding.created'] ?? []
  const scans = accepted['scan.completed'] ?? []
  t.comment(`killed ${killed.join(', ')}; ${findings.length + scans.length} events accepted`)
  t.ok(findings.length > 100 && scans.length > 30)

  // What a dead process held comes again after its consumer's ack_wait: 30 s for dispatcher and recorder.
  const expected = 2 * findings.length + scans.length
  const countByStatus = async (): Promise<Record<string, number>> => Object.fromEntries((await stack.rows<{ status: string, count: number }>('SELECT status, count(*)::int AS count FROM deliveries GROUP BY status')).map(({ status, count }) => [status, count]))
  let seen: Record<string, number> = {}
  await until('every delivery has ended', async () => {
    seen = await countByStatus()
    return (seen['delivered'] ?? 0) >= 2 * findings.length && (seen['failed'] ?? 0) >= scans.length ? true : undefined
  }, 80_000).catch(error => t.fail(`${error}; seen ${JSON.stringify(seen)} of ${expected}`))
  let waiting = {}
  await until('the streams drain', async () => {
    waiting = await stack.waiting()
    return Object.values(waiting).every(messages => messages === 0) || undefined
  }, 45_000).catch(error => t.fail(`${error}; left ${JSON.stringify(waiting)}`))
  t.strictSame(await countByStatus(), { delivered: 2 * findings.length, failed: scans.length })

  for (const [webhook, ids, status] of [[steady, findings, 'delivered'], [moody, findings, 'delivered'], [hopeless, scans, 'failed']] as const) {
    const logged = await stack.list<Logged>(`/webhooks/deliveries?webhook=${webhook}`)
    t.strictSame(logged.map(({ eventId }) => eventId).sort(), [...ids].sort(), 'each accepted event once, and no other')
    t.ok(logged.every(item => item.status === status && item.nextAttemptAt === null))
    t.ok(logged.every(({ attempts }) => attempts >= 1 && attempts <= (webhook === hopeless ? 3 : 2)), 'a repeat is counted once')
  }
  const [uncounted] = await stack.rows<{ count: number }>(`SELECT count(*)::int AS count FROM deliveries d
    WHERE attempts <> (SELECT count(*) FROM attempts a WHERE a.delivery_id = d.id AND a.delivery_created_at = d.created_at)`)
  t.equal(uncounted?.count, 0, 'the count of attempts is that of their rows')
  const [events] = await stack.rows<{ count: number }>('SELECT count(*)::int AS count FROM events')
  t.equal(events?.count, findings.length + scans.length)

  const repeats = ['/steady', '/moody', '/hopeless'].map((path, index) => {
    const made = [...tries].filter(([key]) => key.startsWith(`${path} `))
    return `${path} ${made.reduce((sum, [, tried]) => sum + tried - (index + 1), 0)} of ${made.length}`
  })
  t.comment(`repeats at the receiver: ${repeats.join(', ')}`)
  t.strictSame([services['config-api'].pid(), services.scheduler.pid()], survivors)
  for (const service of Object.values(services)) t.doesNotThrow(() => process.kill(service.pid(), 0), `${service.name} runs`)
  t.notMatch(readFileSync(join(logDir, 'recorder.log'), 'utf8'), /Postgres refuses/, 'a crash of Postgres is never taken for a bad message')
})
