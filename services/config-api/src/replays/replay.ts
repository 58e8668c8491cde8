import { Type, type Static } from '@sinclair/typebox'
import { EVENT_TYPES, EventType } from '@tw/contracts'
import type { ReplayRow } from '@tw/store'
import { Nullable, Page, PageQuery, Time } from '../schemas.ts'

const STATES = ['waiting', 'running', 'done', 'cancelled', 'failed'] as const satisfies ReplayRow['state'][]
const SCOPES = ['undelivered', 'all'] as const
const Scope = Type.Unsafe<ReplayRow['scope']>(Type.String({ enum: [...SCOPES], description: 'undelivered: what this webhook has not got; all: everything' }))

/** Body that asks for a replay. */
export const ReplayRequest = Type.Object({
  since: Type.String({ format: 'date-time', description: 'Events accepted from then on', examples: ['2026-01-01T00:00:00Z'] }),
  until: Type.Optional(Type.String({ format: 'date-time', description: 'Events accepted before then; now if absent' })),
  events: Type.Optional(Type.Array(EventType, { minItems: 1, maxItems: EVENT_TYPES.length, uniqueItems: true, description: 'Event types; those the webhook subscribes to if absent' })),
  scope: Type.Optional({ ...Scope, default: 'undelivered' }),
  ratePerSecond: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000, default: 50, description: 'At most so many deliveries a second' })),
  dryRun: Type.Optional(Type.Boolean({ default: false, description: 'Only count' }))
}, { additionalProperties: false })
export type ReplayRequest = Static<typeof ReplayRequest>

export const ReplayCount = Type.Object({ count: Type.Integer({ description: 'Events a replay would deliver now' }) }, { $id: 'ReplayCount' })

/** A time range passed to a webhook again, and how far that is. */
export const Replay = Type.Object({
  id: Type.String({ format: 'uuid' }),
  webhookId: Type.String({ format: 'uuid' }),
  since: Time('From'),
  until: Time('Before'),
  events: Type.Array(EventType),
  scope: Scope,
  ratePerSecond: Type.Integer(),
  state: Type.String({ enum: [...STATES] }),
  total: Type.Integer({ description: 'Events counted when it was asked for' }),
  sent: Type.Integer({ description: 'Events sent so far' }),
  error: Nullable(Type.String()),
  createdBy: Type.String(),
  createdAt: Time('Asked for'),
  finishedAt: Nullable(Time('Done, cancelled or failed'))
}, { $id: 'Replay' })
export type Replay = Static<typeof Replay>

export const ReplayPage = Page('Replay')
export const ReplayQuery = PageQuery({ webhook: Type.Optional(Type.String({ format: 'uuid', description: 'Only of this webhook' })) })
export type ReplayQuery = Static<typeof ReplayQuery>

export const toReplay = (row: ReplayRow): Replay => ({
  id: row.id,
  webhookId: row.integrationId,
  since: row.since.toISOString(),
  until: row.until.toISOString(),
  events: EVENT_TYPES.filter(type => row.eventTypes.includes(type)),
  scope: row.scope,
  ratePerSecond: row.ratePerSecond,
  state: row.state,
  total: row.total,
  sent: row.published,
  error: row.error,
  createdBy: row.createdBy,
  createdAt: row.createdAt.toISOString(),
  finishedAt: row.finishedAt?.toISOString() ?? null
})
