import { openStore, type Store } from '@tw/store'
import type { Stage } from './stage.ts'
import { toLatency, toPercentile } from './figures.ts'

/** One line of the report: what was measured and what came out. */
export type Finding = { what: string, figures: string }

const until = async (what: string, holds: () => Promise<boolean>, withinMs: number): Promise<void> => {
  const deadlineMs = Date.now() + withinMs
  while (!await holds()) {
    if (Date.now() > deadlineMs) throw new Error(`${what}: not within ${withinMs / 1_000} s`)
    await new Promise(resolve => setTimeout(resolve, 100))
  }
}

const countLogged = async (store: Store): Promise<number> => {
  const [row] = await store.db.$queryRaw<{ count: number }[]>`SELECT count(*)::int AS count FROM deliveries WHERE status = 'delivered'`
  return row?.count ?? 0
}

const cpuShare = (before: Record<string, number>, after: Record<string, number>, elapsedMs: number): string =>
  Object.entries(after).map(([name, ms]) => `${name} ${Math.round((ms - (before[name] ?? 0)) / elapsedMs * 100)}%`).join('  ')

const cpuEach = (before: Record<string, number>, after: Record<string, number>, count: number): string =>
  Object.entries(after).map(([name, ms]) => `${name} ${Math.round((ms - (before[name] ?? 0)) * 1_000 / count)}`).join('  ')

/** Emit -> received at a steady rate. */
export const measureLatency = async (stage: Stage, perSecond: number, seconds: number): Promise<Finding> => {
  await stage.addWebhook('one')
  await stage.receiver.reset()
  await stage.emitter.emitAtRate(perSecond, 2)
  await until('warm-up', async () => await stage.receiver.count('one') >= perSecond * 2, 60_000)
  await stage.receiver.reset()
  const [cpu, begun] = [stage.cpu(), Date.now()]
  const total = await stage.emitter.emitAtRate(perSecond, seconds)
  const share = cpuShare(cpu, stage.cpu(), Date.now() - begun)
  await until('all received', async () => await stage.receiver.count('one') >= total, 120_000)
  const { latenciesMs = [], unique } = (await stage.receiver.figures())['one'] ?? {}
  await stage.removeWebhooks()
  return { what: `latency emit -> received, ${perSecond}/s for ${seconds} s`, figures: `${toLatency(latenciesMs)} ms  (${unique} of ${total}; CPU ${share})` }
}

/** Emit, dispatch, deliver, log of `count` events that come at once. */
export const measureDrain = async (stage: Stage, count: number): Promise<Finding> => {
  await stage.addWebhook('drain')
  await stage.receiver.reset()
  const store = await openStore({ databaseUrl: stage.databaseUrl, connections: 1 })
  const before = await countLogged(store)
  const [cpu, begun] = [stage.cpu(), Date.now()]
  await stage.emitter.emitAll(count)
  const emittedMs = Date.now() - begun
  await until('all received', async () => await stage.receiver.count('drain') >= count, 300_000)
  const receivedMs = Date.now() - begun
  await until('all logged', async () => await countLogged(store) - before >= count, 300_000)
  const loggedMs = Date.now() - begun
  const each = cpuEach(cpu, stage.cpu(), count)
  await store.close()
  const rate = (ms: number): number => Math.round(count * 1_000 / ms)
  await stage.removeWebhooks()
  return {
    what: `drain of ${count} events, one worker`,
    figures: `emitted ${rate(emittedMs)}/s  received ${rate(receivedMs)}/s  emitted, delivered and logged ${rate(loggedMs)}/s  (CPU us/event: ${each})`
  }
}

/** Ten receivers, of which `dead` accept and never answer. */
export const measureDead = async (stage: Stage, { dead, perSecond, seconds }: { dead: number, perSecond: number, seconds: number }): Promise<Finding & { p99Ms: number }> => {
  for (let index = 0; index < 10; index += 1) await stage.addWebhook(`${index < dead ? 'dead' : 'well'}-${index}`)
  await stage.receiver.reset()
  const total = await stage.emitter.emitAtRate(perSecond, seconds)
  await until('all healthy received', async () => {
    const figures = await stage.receiver.figures()
    return Object.entries(figures).filter(([name]) => name.startsWith('well')).reduce((sum, [, { unique }]) => sum + unique, 0) >= total * (10 - dead)
  }, 300_000)
  const latencies = Object.entries(await stage.receiver.figures()).filter(([name]) => name.startsWith('well')).flatMap(([, { latenciesMs }]) => latenciesMs)
  await stage.removeWebhooks()
  return { what: `${dead} dead of ten receivers, ${perSecond} events/s x 10, ${seconds} s`, figures: `healthy ${toLatency(latencies)} ms`, p99Ms: toPercentile(latencies, 0.99) }
}

/** Statements of the recorder and its neighbours per event, by Postgres' own count of transactions. */
export const countStatements = async (stage: Stage, work: () => Promise<number>): Promise<Finding> => {
  const store = await openStore({ databaseUrl: stage.databaseUrl, connections: 1 })
  const read = async (): Promise<number> => {
    const [row] = await store.db.$queryRaw<{ count: number }[]>`SELECT (xact_commit + xact_rollback)::int AS count FROM pg_stat_database WHERE datname = current_database()`
    return row?.count ?? 0
  }
  const before = await read()
  const events = await work()
  // Backends report their counts at the end of a transaction, at most once a second.
  await new Promise(resolve => setTimeout(resolve, 1_500))
  const statements = await read() - before
  await store.close()
  return { what: 'transactions in Postgres per event (each is one statement)', figures: (statements / events).toFixed(4) }
}

export const measureMemory = (stage: Stage): Finding => ({ what: 'resident memory, MB', figures: Object.entries(stage.memory()).map(([name, mb]) => `${name} ${mb}`).join('  ') })
