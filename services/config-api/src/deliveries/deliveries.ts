import { Value } from '@sinclair/typebox/value'
import { Envelope, type Event } from '@tw/contracts'
import { findDelivery, findEvent, listAttempts, listDeliveries, type DeliveryRow, type IntegrationRow } from '@tw/store'
import type { Caller } from '../access.ts'
import { parseCursor, toPage } from '../cursor.ts'
import type { Ports } from '../ports.ts'
import { done, refuse, type Refusal, type Result } from '../problems.ts'
import { isUuid, toRange } from '../schemas.ts'
import { findWebhook } from '../webhooks/change.ts'
import { DISABLED, type Sent } from '../webhooks/trial.ts'
import { CONNECTOR } from '../webhooks/webhook.ts'
import { toDelivery, toDetail, type Delivery, type DeliveryDetail, type DeliveryQuery } from './delivery.ts'

/** The log of deliveries, and sending one of them again. */
export type Deliveries = {
  list: (caller: Caller, query: DeliveryQuery) => Promise<Result<{ items: Delivery[], next: string | null }>>
  get: (caller: Caller, id: string) => Promise<Result<DeliveryDetail>>
  /** Sends it once more with a full set of retries, whatever its status; any number of times. */
  retry: (caller: Caller, id: string) => Promise<Result<Sent>>
}

const notFound = (id: string): Refusal => refuse('TW_DELIVERY_NOT_FOUND', `There is no delivery ${JSON.stringify(id)}.`)
const DELETED = refuse('TW_CONFLICT', 'The webhook of this delivery was deleted: create one and replay the time range to it.')
const EXPIRED = refuse('TW_EVENT_EXPIRED', 'The event of this delivery is no longer kept, so it cannot be sent again.')
const UNAVAILABLE = refuse('TW_UNAVAILABLE', 'The delivery could not be sent again: the message server is not reachable. Try again soon.')

// A round is the time it was asked for; two in the same millisecond still are two.
const createRounds = (now: () => Date): (() => number) => {
  let last = 0
  return () => { last = Math.max(last + 1, now().getTime()); return last }
}

const parseEvent = (body: string): Event => Value.Parse(Envelope, JSON.parse(body))

export const createDeliveries = ({ store, sendDelivery, now }: Pick<Ports, 'store' | 'sendDelivery' | 'now'>): Deliveries => {
  const nextRound = createRounds(now)

  const find = async (tenant: string, id: string): Promise<DeliveryRow | undefined> =>
    isUuid(id) ? await findDelivery(store.db, { tenant, connector: CONNECTOR, id: id.toLowerCase() }) : undefined

  const sendAgain = async (row: DeliveryRow, webhook: IntegrationRow, event: Event): Promise<Result<Sent>> => {
    const { id, tenant, createdAt } = row
    const round = nextRound()
    const { connector, id: integrationId } = webhook
    try {
      await sendDelivery({ id, tenant, connector, integrationId, event, createdAt: createdAt.toISOString(), trigger: 'retry', round, attempt: 1, holds: 0 })
    } catch {
      return UNAVAILABLE
    }
    return done({ deliveryId: id })
  }

  return {
    list: async ({ tenant }, { limit, cursor, webhook, since, until, ...filter }) => {
      const before = parseCursor(cursor, 'uuid')
      if (!before.ok) return before
      const range = toRange({ since, until })
      const rows = await listDeliveries(store.db, { tenant, connector: CONNECTOR, before: before.value, limit: limit + 1, integrationId: webhook, ...filter, ...range })
      return done(toPage(rows, limit, { toItem: toDelivery, toPosition: row => ({ at: row.createdAt, id: row.id }) }))
    },

    get: async ({ tenant }, id) => {
      const row = await find(tenant, id)
      return row === undefined ? notFound(id) : done(toDetail(row, await listAttempts(store.db, row)))
    },

    retry: async ({ tenant }, id) => {
      const row = await find(tenant, id)
      if (row === undefined) return notFound(id)
      const webhook = await findWebhook(store.db, tenant, row.integrationId)
      if (webhook === undefined) return DELETED
      if (!webhook.enabled) return DISABLED
      const event = await findEvent(store.db, { tenant, source: row.eventSource, id: row.eventId, receivedAt: row.createdAt })
      return event === undefined ? EXPIRED : await sendAgain(row, webhook, parseEvent(event.body))
    }
  }
}
