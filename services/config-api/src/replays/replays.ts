import { cancelReplay, countEvents, findReplay, insertAudit, insertReplay, listReplays, type EventRange, type IntegrationRow, type ReplayRow } from '@tw/store'
import type { Caller } from '../access.ts'
import { parseCursor, toPage } from '../cursor.ts'
import type { Ports } from '../ports.ts'
import { done, refuse, refuseFields, type Refusal, type Result } from '../problems.ts'
import { isUuid } from '../schemas.ts'
import { findWebhook, notFound, toAudit } from '../webhooks/change.ts'
import { DISABLED } from '../webhooks/trial.ts'
import { toReplay, type Replay, type ReplayQuery, type ReplayRequest } from './replay.ts'

const RATE_DEFAULT = 50

export type Replays = {
  /** Counts what the replay would deliver. */
  count: (caller: Caller, webhookId: string, request: ReplayRequest) => Promise<Result<{ count: number }>>
  /** Writes the replay down; the scheduler carries it out. */
  create: (caller: Caller, webhookId: string, request: ReplayRequest) => Promise<Result<Replay>>
  list: (caller: Caller, query: ReplayQuery) => Promise<Result<{ items: Replay[], next: string | null }>>
  get: (caller: Caller, id: string) => Promise<Result<Replay>>
  /** Ends it where it is; one that has ended stays as it is. */
  cancel: (caller: Caller, id: string) => Promise<Result<Replay>>
}

const replayNotFound = (id: string): Refusal => refuse('TW_REPLAY_NOT_FOUND', `There is no replay ${JSON.stringify(id)}.`)

const toEventRange = (webhook: IntegrationRow, request: ReplayRequest, now: Date): Result<EventRange> => {
  const { tenant, id } = webhook
  const since = new Date(request.since)
  const until = new Date(Math.min(now.getTime(), request.until === undefined ? now.getTime() : Date.parse(request.until)))
  if (since >= until) return refuseFields([{ pointer: '/since', detail: 'must be before until, and in the past' }])
  return done({ tenant, integrationId: id, since, until, eventTypes: request.events ?? webhook.events, scope: request.scope ?? 'undelivered' })
}

type Write = {
  create: (caller: Caller, range: EventRange, ratePerSecond: number) => Promise<Replay>
  cancel: (caller: Caller, replay: ReplayRow) => Promise<void>
}

// Each with its entry of the audit trail, in one transaction.
const createWrite = (ports: Pick<Ports, 'store' | 'now' | 'newId'>): Write => ({
  create: async (caller, range, ratePerSecond) => {
    const createdAt = ports.now()
    const total = await countEvents(ports.store.db, range)
    const ids = { id: ports.newId(), round: BigInt(createdAt.getTime()), createdBy: caller.actor, createdAt }
    return ports.store.transaction(async db => {
      const shown = toReplay(await insertReplay(db, { ...range, eventTypes: [...range.eventTypes], ...ids, ratePerSecond, total }))
      await insertAudit(db, toAudit(ports, { caller, id: range.integrationId, action: 'replay.created' }, { replay: { from: null, to: shown } }))
      return shown
    })
  },
  cancel: (caller, { id, integrationId }) => ports.store.transaction(async db => {
    if (!await cancelReplay(db, { tenant: caller.tenant, id, now: ports.now() })) return
    await insertAudit(db, toAudit(ports, { caller, id: integrationId, action: 'replay.cancelled' }, { replay: { from: id, to: null } }))
  })
})

export const createReplays = (ports: Pick<Ports, 'store' | 'now' | 'newId'>): Replays => {
  const { store, now } = ports
  const write = createWrite(ports)

  const find = async (tenant: string, id: string) => isUuid(id) ? await findReplay(store.db, { tenant, id: id.toLowerCase() }) : undefined

  const toRange = async ({ tenant }: Caller, webhookId: string, request: ReplayRequest): Promise<Result<EventRange>> => {
    const webhook = await findWebhook(store.db, tenant, webhookId)
    if (webhook === undefined) return notFound(webhookId)
    return webhook.enabled ? toEventRange(webhook, request, now()) : DISABLED
  }

  return {
    count: async (caller, webhookId, request) => {
      const range = await toRange(caller, webhookId, request)
      return range.ok ? done({ count: await countEvents(store.db, range.value) }) : range
    },

    create: async (caller, webhookId, request) => {
      const range = await toRange(caller, webhookId, request)
      return range.ok ? done(await write.create(caller, range.value, request.ratePerSecond ?? RATE_DEFAULT)) : range
    },

    list: async ({ tenant }, { limit, cursor, webhook }) => {
      const before = parseCursor(cursor, 'uuid')
      if (!before.ok) return before
      const rows = await listReplays(store.db, { tenant, before: before.value, limit: limit + 1, integrationId: webhook })
      return done(toPage(rows, limit, { toItem: toReplay, toPosition: row => ({ at: row.createdAt, id: row.id }) }))
    },

    get: async ({ tenant }, id) => {
      const row = await find(tenant, id)
      return row === undefined ? replayNotFound(id) : done(toReplay(row))
    },

    cancel: async (caller, id) => {
      const row = await find(caller.tenant, id)
      if (row === undefined) return replayNotFound(id)
      await write.cancel(caller, row)
      return done(toReplay(await find(caller.tenant, id) ?? row))
    }
  }
}
