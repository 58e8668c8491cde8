import { randomUUID } from 'node:crypto'
import { connect } from 'nats'
import { subjects, type Event, type EventType } from '@tw/contracts'
import { migrate } from '@tw/store/migrate'
import { createKeys, example, openNats, openPlatform, openPostgres, type Keys, type Nats, type Platform, type Postgres } from '@tw/testkit'

/** The whole platform on its own NATS and Postgres, with what tests ask of it. */
export type Stack = {
  nats: Nats
  postgres: Postgres
  platform: Platform
  keys: Keys
  /** Publishes a golden event as an emitter does; resolves, with the event, when the stream has accepted it. */
  emit: (type?: EventType, changes?: Partial<Event>, tenant?: string) => Promise<Event>
  /** Publishes any bytes on any subject, acknowledged by the stream. */
  publish: (subject: string, data: string | Uint8Array, headers?: Record<string, string>) => Promise<void>
  addWebhook: (url: string, changes?: object, tenant?: string) => Promise<string>
  /** The deliveries of an event as the log has them, once they satisfy `holds`. */
  untilLogged: (eventId: string, holds: (items: Logged[]) => boolean, options?: { tenant?: string, withinMs?: number }) => Promise<Logged[]>
  close: () => Promise<void>
}

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

/** Waits for the thing, not for a time: asks again until it holds, and says what it waited for when it never does. */
export const until = async <T>(what: string, ask: () => Promise<T | undefined> | T | undefined, withinMs = 30_000): Promise<T> => {
  const deadlineMs = Date.now() + withinMs
  for (;;) {
    const answer = await ask()
    if (answer !== undefined) return answer
    if (Date.now() > deadlineMs) throw new Error(`Waited ${withinMs / 1_000} s in vain for: ${what}`)
    await new Promise(resolve => setTimeout(resolve, 10))
  }
}

/** Retries in milliseconds: 30 s become 60 ms. */
export const FAST = { RETRY_DELAY_SCALE: '0.002', DELIVERY_DEADLINE_MS: '2000', LOG_LEVEL: 'info' }

export const openStack = async (env: Record<string, string> = FAST): Promise<Stack> => {
  const [nats, postgres] = await Promise.all([openNats(), openPostgres()])
  await migrate(postgres.url)
  const keys = createKeys()
  const platform = await openPlatform({ natsUrl: nats.url, databaseUrl: postgres.url, keys, env })
  const connection = await connect({ servers: nats.url, maxReconnectAttempts: -1, reconnectTimeWait: 100 })
  const js = connection.jetstream({ timeout: 2_000 })

  const publish: Stack['publish'] = async (subject, data, headers = {}) => {
    const { headers: createHeaders } = await import('nats')
    const made = createHeaders()
    for (const [name, value] of Object.entries(headers)) made.set(name, value)
    await js.publish(subject, data, { headers: made })
  }
  const untilLogged: Stack['untilLogged'] = (eventId, holds, { tenant = 'default', withinMs = 30_000 } = {}) => {
    let last: unknown
    return until(`deliveries of event ${eventId} (last seen: ${JSON.stringify(last)})`, async () => {
      const { body } = await platform.call('GET', `/webhooks/deliveries?eventId=${eventId}`, { tenant })
      last = body
      const items = Array.isArray(body['items']) ? body['items'] as Logged[] : []
      return holds(items) ? items : undefined
    }, withinMs).catch(error => { throw new Error(`${String(error)}; last seen: ${JSON.stringify(last)}`) })
  }
  return {
    nats,
    postgres,
    platform,
    keys,
    publish,
    untilLogged,
    emit: async (type = 'finding.created', changes = {}, tenant = 'default') => {
      const event: Event = { ...await example(type), id: randomUUID(), ...changes }
      await publish(subjects.event(tenant, type), JSON.stringify(event), { 'Nats-Msg-Id': `${tenant}.${event.id}` })
      return event
    },
    addWebhook: async (url, changes = {}, tenant = 'default') => {
      const { status, body } = await platform.call('POST', '/webhooks', { tenant, body: { name: 'Test', url, events: ['finding.created'], ...changes } })
      if (status !== 201) throw new Error(`The webhook was refused: ${JSON.stringify(body)}`)
      return String(body['id'])
    },
    close: async () => {
      await connection.close()
      await platform.close()
      await nats.close()
      await postgres.close()
    }
  }
}
