import './formats.ts'
import { createHash } from 'node:crypto'
import { Type, type Static } from '@sinclair/typebox'
import { ConnectorId, Tenant } from './connector-id.ts'
import { Envelope, type Event } from './event.ts'

const uuid = () => Type.String({ format: 'uuid' })
const time = () => Type.String({ format: 'date-time' })

/** Why a delivery travels: an event came, someone pressed retry, a replay passes it again, or a test was asked for. */
export const TRIGGERS = ['event', 'retry', 'replay', 'test'] as const
export const Trigger = Type.Union(TRIGGERS.map(value => Type.Literal(value)))
export type Trigger = typeof TRIGGERS[number]

/**
 * queued: waiting for its first attempt · retrying: failed, a further attempt stands · delivered · failed: no attempt stands ·
 * cancelled: the integration was disabled or deleted before it was delivered.
 */
export const DELIVERY_STATUSES = ['queued', 'retrying', 'delivered', 'failed', 'cancelled'] as const
export const DeliveryStatus = Type.Union(DELIVERY_STATUSES.map(value => Type.Literal(value)), { $id: 'DeliveryStatus' })
export type DeliveryStatus = typeof DELIVERY_STATUSES[number]

/** A delivery on its way: what streams DELIVERIES and RETRIES carry. */
export const Delivery = Type.Object({
  id: uuid(),
  tenant: Tenant,
  connector: ConnectorId,
  integrationId: uuid(),
  event: Envelope,
  /** When the event was accepted by the stream: the same however often the event is dispatched. */
  createdAt: time(),
  trigger: Trigger,
  /** 0 for the event's own round, else when (ms since 1970) a person or a replay asked for another. */
  round: Type.Integer({ minimum: 0 }),
  /** Number of the attempt to make in this round, from 1. Holds and crashes do not raise it. */
  attempt: Type.Integer({ minimum: 1 }),
  /** How often it was put back without an attempt because its lane was full or paused. */
  holds: Type.Integer({ minimum: 0 }),
  /** Not to be attempted before. Set while it waits in a tier. */
  notBefore: Type.Optional(time())
}, { $id: 'DeliveryMessage' })

export type Delivery = Omit<Static<typeof Delivery>, 'connector' | 'event'> & { connector: ConnectorId, event: Event }

/** What the log needs of a delivery: it travels in a header, so that the recorder reads no event a second time. */
export const DeliverySummary = Type.Object({
  id: uuid(),
  tenant: Tenant,
  connector: ConnectorId,
  integrationId: uuid(),
  eventId: Type.String(),
  eventSource: Type.String(),
  eventType: Type.String(),
  createdAt: time(),
  trigger: Trigger,
  round: Type.Integer({ minimum: 0 })
}, { $id: 'DeliverySummary' })
export type DeliverySummary = Static<typeof DeliverySummary>

export const toDeliverySummary = ({ id, tenant, connector, integrationId, event, createdAt, trigger, round }: Delivery): DeliverySummary =>
  ({ id, tenant, connector, integrationId, eventId: event.id, eventSource: event.source, eventType: event.type, createdAt, trigger, round })

/**
 * The id of a delivery: a UUID of version 8 (RFC 9562, section 5.8) made of the SHA-256 of event and integration, so a repeated event
 * is the same delivery. CloudEvents makes an event unique by source and id together.
 */
export const toDeliveryId = (event: Pick<Event, 'source' | 'id'>, integrationId: string): string => {
  const hex = createHash('sha256').update(`${event.source}\n${event.id}\n${integrationId}`).digest('hex')
  const variant = '89ab'[Number.parseInt(hex.charAt(16), 16) & 3]
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}
