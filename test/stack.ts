import { randomUUID } from 'node:crypto'
import { connect, headers as createHeaders, type JetStreamManager } from 'nats'
import pg from 'pg'
import { subjects, type Attempt, type Event, type EventType } from '@tw/contracts'
import { migrate } from '@tw/store/migrate'
import { createKeys, example, openNats, openPlatform, openPostgres, type Keys, type Nats, type Platform, type Postgres } from '@tw/testkit'

/** A delivery as the API shows it. */
export type Logged = {
  id: string
  webhookId: string
  eventId: string
  eventType: string
  status: string
  statusCode: number | null
  responseTimeMs: number | null
  success: boolean
  error: string | null
  attempts: number
  nextAttemptAt: string | null
  createdAt: string
}

/** A delivery with its attempts. */
export type Detail = Logged & { history: (Pick<Attempt, 'round' | 'number' | 'trigger' | 'startedAt' | 'status' | 'statusCode' | 'responseTimeMs' | 'error' | 'nextAttemptAt' | 'request' | 'response'> & { success: boolean })[] }

type Body = Record<string, unknown>
type Ask = { body?: object, tenant?: string }
type Wait = { tenant?: string, withinMs?: number }

/** The whole platform on its own NATS and Postgres, with what tests ask of it. */
export type Stack = {
  nats: Nats
  postgres: Postgres
  platform: Platform
  keys: Keys
  jsm: JetStreamManager
  /** Calls the API; throws with its answer when that is no success. */
  ask: <Answer = Body>(method: string, path: string, options?: Ask) => Promise<Answer>
  /** All items of a list of the API, page by page. */
  list: <Item = Body>(path: string, tenant?: string) => Promise<Item[]>
  /** Rows of a query; a query that Postgres is away for is asked again. */
  rows: <Row = Body>(sql: string, values?: unknown[]) => Promise<Row[]>
  /** Publishes a golden event as an emitter does; resolves, with the event, when the stream has accepted it. */
  emit: (type?: EventType, changes?: Partial<Event>, tenant?: string) => Promise<Event>
  /** Publishes any bytes on any subject, acknowledged by the stream; it is sent again, as emitters are told to, until it is. */
  publish: (subject: string, data: string | Uint8Array, headers?: Record<string, string>) => Promise<void>
  addWebhook: (url: string, changes?: object, tenant?: string) => Promise<string>
  /** The deliveries of an event as the log has them, once they satisfy `holds`. */
  untilLogged: (eventId: string, holds: (items: Logged[]) => boolean, options?: Wait) => Promise<Logged[]>
  /** The one delivery of an event, with its attempts, once it is in that status. */
  untilStatus: (eventId: string, status: string, options?: Wait) => Promise<Detail>
  /** Messages of each stream that holds work. */
  waiting: () => Promise<Record<'DELIVERIES' | 'RETRIES' | 'ATTEMPTS', number>>
  close: () => Promise<void>
}

const sleep = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))

/** Waits for the thing, not for a time: asks again until it holds, and says what it waited for when it never does. */
export const until = async <T>(what: string, ask: () => Promise<T | undefined> | T | undefined, withinMs = 30_000): Promise<T> => {
  const deadlineMs = Date.now() + withinMs
  for (;;) {
    const answer = await ask()
    if (answer !== undefined) return answer
    if (Date.now() > deadlineMs) throw new Error(`Waited ${withinMs / 1_000} s in vain for: ${what}`)
    await sleep(10)
  }
}

/** Retries in milliseconds: 30 s become 60 ms. */
export const FAST = { RETRY_DELAY_SCALE: '0.002', DELIVERY_DEADLINE_MS: '2000', LOG_LEVEL: 'info' }

const again = async <T>(work: () => Promise<T>, withinMs = 60_000): Promise<T> => {
  const deadlineMs = Date.now() + withinMs
  for (;;) {
    try {
      return await work()
    } catch (error) {
      if (Date.now() > deadlineMs) throw error
      await sleep(100)
    }
  }
}

type Base = Pick<Stack, 'nats' | 'postgres' | 'platform' | 'keys'>

const openSql = (url: string): { rows: Stack['rows'], close: () => Promise<void> } => {
  const pool = new pg.Pool({ connectionString: url, max: 2 })
  // A connection that breaks while nobody uses it is no trouble: the next query opens another one.
  pool.on('error', () => undefined)
  const rows: Stack['rows'] = (sql, values = []) => again(async () => (await pool.query(sql, values)).rows)
  return { rows, close: () => pool.end() }
}

const openEmitter = async (url: string): Promise<Pick<Stack, 'publish' | 'emit' | 'jsm' | 'close'>> => {
  const connection = await connect({ servers: url, maxReconnectAttempts: -1, reconnectTimeWait: 100, noEcho: true })
  const js = connection.jetstream({ timeout: 2_000 })
  const publish: Stack['publish'] = async (subject, data, headers = {}) => {
    const made = createHeaders()
    for (const [name, value] of Object.entries(headers)) made.set(name, value)
    await again(() => js.publish(subject, data, { headers: made }))
  }
  return {
    jsm: await connection.jetstreamManager({ timeout: 2_000, checkAPI: false }),
    publish,
    emit: async (type = 'finding.created', changes = {}, tenant = 'default') => {
      const event: Event = { ...example(type), id: randomUUID(), ...changes }
      await publish(subjects.event(tenant, type), JSON.stringify(event), { 'Nats-Msg-Id': `${tenant}.${event.id}` })
      return event
    },
    close: () => connection.close()
  }
}

const createAsk = ({ call }: Platform): Pick<Stack, 'ask' | 'list'> => {
  const ask: Stack['ask'] = async (method, path, options) => {
    const { status, body } = await call(method, path, options)
    if (status >= 300) throw new Error(`${method} ${path} answered ${status}: ${JSON.stringify(body)}`)
    return body as never
  }
  const list = async <Item>(path: string, tenant = 'default'): Promise<Item[]> => {
    const items: Item[] = []
    for (let cursor: string | null = ''; cursor !== null;) {
      const query = `${path}${path.includes('?') ? '&' : '?'}limit=200${cursor === '' ? '' : `&cursor=${cursor}`}`
      const page: { items: Item[], next: string | null } = await ask('GET', query, { tenant })
      items.push(...page.items)
      cursor = page.next
    }
    return items
  }
  return { ask, list }
}

const createWaits = ({ ask, list }: Pick<Stack, 'ask' | 'list'>): Pick<Stack, 'untilLogged' | 'untilStatus'> => {
  const untilLogged: Stack['untilLogged'] = async (eventId, holds, { tenant = 'default', withinMs = 30_000 } = {}) => {
    let last: Logged[] = []
    const find = async (): Promise<Logged[] | undefined> => {
      last = await list<Logged>(`/webhooks/deliveries?eventId=${eventId}`, tenant)
      return holds(last) ? last : undefined
    }
    return await until(`deliveries of event ${eventId}`, find, withinMs).catch(error => { throw new Error(`${String(error)}; last seen: ${JSON.stringify(last)}`) })
  }
  const untilStatus: Stack['untilStatus'] = async (eventId, status, options = {}) => {
    const [one] = await untilLogged(eventId, items => items.length === 1 && items[0]?.status === status, options)
    return await ask<Detail>('GET', `/webhooks/deliveries/${one?.id}`, options.tenant === undefined ? {} : { tenant: options.tenant })
  }
  return { untilLogged, untilStatus }
}

const createWaiting = (jsm: JetStreamManager): Stack['waiting'] => async () => {
  const count = async (stream: string): Promise<number> => (await again(() => jsm.streams.info(stream))).state.messages
  return { DELIVERIES: await count('DELIVERIES'), RETRIES: await count('RETRIES'), ATTEMPTS: await count('ATTEMPTS') }
}

const openParts = async (env: Record<string, string>, logDir: string | undefined): Promise<Base> => {
  const [nats, postgres] = await Promise.all([openNats(), openPostgres()])
  try {
    await migrate(postgres.url)
    const keys = createKeys()
    return { nats, postgres, keys, platform: await openPlatform({ natsUrl: nats.url, databaseUrl: postgres.url, keys, env, ...(logDir === undefined ? {} : { logDir }) }) }
  } catch (error) {
    await Promise.all([nats.close(), postgres.close()])
    throw error
  }
}

const killIfThere = (pid: number): void => {
  // To kill(2) 0 is the whole group.
  try { if (pid > 0) process.kill(pid, 'SIGKILL') } catch { /* It is gone. */ }
}

/** Starts NATS, Postgres and every service, and resolves when all are ready. `logDir` keeps what the services say. */
export const openStack = async (env: Record<string, string> = FAST, logDir?: string): Promise<Stack> => {
  const base = await openParts(env, logDir)
  const { nats, postgres, platform } = base
  // A test that breaks off leaves nothing running; Postgres sees to itself.
  const endWithUs = (): void => { for (const pid of [nats.pid(), ...Object.values(platform.services).map(service => service.pid())]) killIfThere(pid) }
  process.once('exit', endWithUs)
  const emitter = await openEmitter(nats.url)
  const sql = openSql(postgres.url)
  const asks = createAsk(platform)
  return {
    ...base,
    ...emitter,
    ...asks,
    ...createWaits(asks),
    rows: sql.rows,
    waiting: createWaiting(emitter.jsm),
    addWebhook: async (url, changes = {}, tenant = 'default') =>
      (await asks.ask<{ id: string }>('POST', '/webhooks', { tenant, body: { name: 'Test', url, events: ['finding.created'], ...changes } })).id,
    close: async () => {
      await Promise.all([emitter.close(), sql.close()])
      await platform.close()
      await nats.close()
      await postgres.close()
      process.off('exit', endWithUs)
    }
  }
}
