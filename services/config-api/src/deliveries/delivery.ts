import { Type, type Static } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { AttemptRequest, AttemptResponse, DELIVERY_STATUSES, EventType, TRIGGERS } from '@tw/contracts'
import type { AttemptRow, DeliveryRow } from '@tw/store'
import { Nullable, Page, PageQuery, Time, timeFilters } from '../schemas.ts'

const statusCode = Nullable(Type.Integer({ description: 'HTTP status of the answer' }))
const responseTimeMs = Nullable(Type.Integer({ description: 'Time to the complete answer' }))
const error = Nullable(Type.String({ description: 'Why it failed, in words' }))
const nextAttemptAt = Nullable(Time('When it is tried again'))
const Status = Type.Unsafe<DeliveryRow['status']>(Type.String({ enum: [...DELIVERY_STATUSES] }))

const fields = {
  id: Type.String({ format: 'uuid', description: 'The same over all its attempts: `X-TW-Delivery`' }),
  webhookId: Type.String({ format: 'uuid' }),
  eventId: Type.String(),
  eventType: EventType,
  status: Status,
  statusCode,
  responseTimeMs,
  success: Type.Boolean(),
  error,
  attempts: Type.Integer({ description: 'Attempts made' }),
  nextAttemptAt,
  createdAt: Time('When its event was accepted')
}

/** One event on its way to one webhook, as its last attempt left it. */
export const Delivery = Type.Object(fields, { $id: 'Delivery' })
export type Delivery = Static<typeof Delivery>

const DeliveryAttempt = Type.Object({
  round: Type.Integer({ description: '0 for the event itself, else when (ms since 1970) a retry or replay was asked for' }),
  number: Type.Integer({ description: 'From 1, in its round' }),
  trigger: Type.String({ enum: [...TRIGGERS] }),
  startedAt: Time('Begin'),
  status: Status,
  success: Type.Boolean(),
  statusCode,
  responseTimeMs,
  error,
  nextAttemptAt,
  request: Nullable(AttemptRequest),
  response: Nullable(AttemptResponse)
})

/** A delivery and each of its attempts, in the order they were made. */
export const DeliveryDetail = Type.Object({ ...fields, history: Type.Array(DeliveryAttempt) }, { $id: 'DeliveryDetail' })
export type DeliveryDetail = Static<typeof DeliveryDetail>

export const DeliveryPage = Page('Delivery')

export const DeliveryQuery = PageQuery({
  webhook: Type.Optional(Type.String({ format: 'uuid', description: 'Only of this webhook' })),
  eventType: Type.Optional(EventType),
  status: Type.Optional(Status),
  statusCode: Type.Optional(Type.Integer({ minimum: 100, maximum: 599 })),
  eventId: Type.Optional(Type.String({ pattern: '^[\\x21-\\x7e]{1,128}$', description: 'Only of this event' })),
  ...timeFilters
})
export type DeliveryQuery = Static<typeof DeliveryQuery>

const toTime = (time: Date | null): string | null => time === null ? null : time.toISOString()

export const toDelivery = (row: DeliveryRow): Delivery => ({
  id: row.id,
  webhookId: row.integrationId,
  eventId: row.eventId,
  eventType: row.eventType,
  status: row.status,
  statusCode: row.statusCode,
  responseTimeMs: row.responseTimeMs,
  success: row.status === 'delivered',
  error: row.error,
  attempts: row.attempts,
  nextAttemptAt: toTime(row.nextAttemptAt),
  createdAt: row.createdAt.toISOString()
})

const toAttempt = (row: AttemptRow): Static<typeof DeliveryAttempt> => ({
  round: Number(row.round),
  number: row.number,
  trigger: row.trigger,
  startedAt: row.startedAt.toISOString(),
  status: Value.Parse(Status, row.status),
  success: row.status === 'delivered',
  statusCode: row.statusCode,
  responseTimeMs: row.responseTimeMs,
  error: row.error,
  nextAttemptAt: toTime(row.nextAttemptAt),
  request: row.request === null ? null : Value.Parse(AttemptRequest, JSON.parse(row.request)),
  response: row.response === null ? null : Value.Parse(AttemptResponse, JSON.parse(row.response))
})

export const toDetail = (row: DeliveryRow, attempts: readonly AttemptRow[]): DeliveryDetail => ({ ...toDelivery(row), history: attempts.map(toAttempt) })
